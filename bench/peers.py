"""Other tools on the bench corpus, for scale: `peers.py PEER CORPUS FOLDER`. Prints one line that says what was done."""

import ast
import json
import os
import sqlite3
import sys


def rows(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            yield row["instruction"], row["code"]


def python_ast(path, _folder):
    """What a script does that only wants to know which samples parse: one core, nothing kept."""
    count = valid = 0
    for _instruction, code in rows(path):
        count += 1
        try:
            ast.parse(code)
            valid += 1
        except SyntaxError:
            pass
    version = ".".join(map(str, sys.version_info[:3]))
    return f"CPython {version}, `json` + `ast.parse`, one core: {valid} of {count} parse"


def sqlite_fts5(path, folder):
    """Both texts in a table and in a full-text index over it; no analysis."""
    conn = sqlite3.connect(os.path.join(folder, "peer.sqlite"))
    conn.execute("PRAGMA journal_mode = wal")
    conn.execute("PRAGMA synchronous = normal")
    conn.execute("CREATE TABLE sample (row INTEGER PRIMARY KEY, instruction TEXT, code TEXT)")
    conn.execute(
        "CREATE VIRTUAL TABLE text USING fts5 (instruction, code, content = 'sample', content_rowid = 'row',"
        " tokenize = \"unicode61 tokenchars '_'\")"
    )
    with conn:
        conn.executemany("INSERT INTO sample (instruction, code) VALUES (?, ?)", rows(path))
        conn.execute("INSERT INTO text (text) VALUES ('rebuild')")
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    found = conn.execute("SELECT count(*) FROM text WHERE text MATCH 'derivative'").fetchone()[0]
    conn.close()
    return f"SQLite {sqlite3.sqlite_version} + FTS5, no analysis, no compression ({found} rows match a word)"


def duckdb(path, folder):
    """Both texts in a table; no text index, no analysis."""
    import duckdb as module

    conn = module.connect(os.path.join(folder, "peer.duckdb"))
    conn.execute("CREATE TABLE sample AS SELECT * FROM read_json(?, format = 'newline_delimited')", [path])
    count = conn.execute("SELECT count(*) FROM sample").fetchone()[0]
    conn.execute("CHECKPOINT")
    conn.close()
    return f"DuckDB {module.__version__}, no text index, no analysis ({count} rows)"


if __name__ == "__main__":
    peers = {"python-ast": python_ast, "sqlite-fts5": sqlite_fts5, "duckdb": duckdb}
    print(peers[sys.argv[1]](sys.argv[2], sys.argv[3]))
