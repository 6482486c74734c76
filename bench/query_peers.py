"""The same questions to other tools: `query_peers.py make FACTS FOLDER`, then `query_peers.py ask PEER FOLDER QUERIES RUNS`.

FACTS is what `scenery query --format jsonl --fields ...` prints: a row per line, texts and facts. Every peer gets the same
facts as columns; sets as lists (DuckDB) or as a side table with an index (SQLite); texts as text, in SQLite with FTS5 over
them. Each question is written by hand for each peer, below. `ask` keeps one connection open, runs each question once
unmeasured and then RUNS times (once where it takes seconds), and prints JSON: for each question the rows counted, the milliseconds of each count and of
each first page (20 rows with texts), and the most memory that the process held.
"""

import json
import os
import resource
import sqlite3
import sys
import time

NUMBERS = (
    "lines chars tokens nodes depth cyclomatic plays waits animations mobjects mathtex updaters loops functions"
).split()
MEASURES = {"duration": "duration", "complexity_score": "complexity.score", "quality": "quality"}
WORDS = {
    "source": "source",
    "state": "state",
    "licence": "licence",
    "dialect": "dialect",
    "complexity": "complexity",
    "level": "level",
    "split_given": "split_given",
    "description_kind": "description.kind",
}
COMPLEXITIES = ["basic", "intermediate", "advanced"]
THREADS = 2


def facts(path):
    """Rows as (texts, numbers, sets) from the lines of FACTS."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


# DuckDB ---------------------------------------------------------------------------------------------------------------


def duckdb_connect(folder):
    import duckdb

    conn = duckdb.connect(os.path.join(folder, "peer.duckdb"))
    conn.execute(f"SET threads = {THREADS}")
    conn.execute("SET memory_limit = '8GB'")
    conn.execute("SET preserve_insertion_order = false")
    return conn


def make_duckdb(path, folder):
    conn = duckdb_connect(folder)
    types = {name: "VARCHAR" for name in ("id", "locator", "instruction", "code", "added", "meta.title")}
    types |= {name: "INTEGER" for name in NUMBERS} | {name: "DOUBLE" for name in MEASURES.values()}
    types |= {name: "VARCHAR" for name in WORDS.values()} | {"valid": "BOOLEAN", "scene": "BOOLEAN"}
    types |= {"topic": "VARCHAR[]", "issue": "VARCHAR[]"}
    types |= {name: "MAP(VARCHAR, INTEGER)" for name in ("uses", "calls")}
    columns = [f'"{name}"' for name in [*NUMBERS, "id", "locator", "instruction", "code", "topic", "issue", "valid", "scene"]]
    columns += [f'"{ours}" AS {theirs}' for theirs, ours in MEASURES.items()]
    # Words out of short lists as enumerations, which compare as small numbers and sort in their order.
    for theirs, ours in WORDS.items():
        if theirs == "complexity":
            conn.execute(f"CREATE TYPE {theirs}_word AS ENUM {tuple(COMPLEXITIES)}")
            columns.append(f'"{ours}"::{theirs}_word AS {theirs}')
        else:
            columns.append(f'"{ours}" AS {theirs}')
    columns += ["added::DATE AS added", '"meta.title" AS title', "map_keys(uses) AS uses", "calls"]
    conn.execute(
        f"CREATE TABLE sample AS SELECT {', '.join(columns)} FROM"
        f" read_json(?, format = 'newline_delimited', columns = {types!r})",
        [path],
    )
    conn.execute("CHECKPOINT")
    target = os.path.join(folder, "peer.parquet")
    conn.execute(f"COPY (FROM sample) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    conn.close()


def word(text, column=None):
    """A word in DuckDB: first the cheap search for its letters, then the expression for where it ends."""
    columns = [column] if column else ["instruction", "code"]
    return "(" + " OR ".join(f"{each} ILIKE '%{text}%' AND regexp_matches({each}, {bounded(text)}, 'i')" for each in columns) + ")"


def bounded(text):
    """Where a word begins and ends: at what is no letter or digit; `_` joins words, which are found one by one."""
    return f"'(^|[^a-z0-9]){text}([^a-z0-9]|$)'"


def phrase(pieces, column):
    return f"(regexp_matches({column}, '(^|[^a-z0-9_]){'[^a-z0-9_]+'.join(pieces)}([^a-z0-9_]|$)', 'i'))"


KEPT = "state = 'kept'"
HASH = "hash(id || '{}')"

# By the name of the query's file: filter, order (`id` where nothing is said), and whether the counts must be equal.
# A question with a choice in it (`sample`, `per`, `balance`) is a whole query over `sample`.
DUCKDB = {
    "01-word": (word("derivative"), "id", False),
    "02-two-words-and-a-level": (f"{word('pendulum')} AND {word('orbit')} AND complexity = 'basic'", "id", False),
    "03-phrase-in-code": (phrase(["add_updater", "lambda", "m"], "code"), "id", False),
    "04-name-and-not": (
        "list_contains(uses, 'MathTex') AND NOT list_contains(uses, 'ThreeDScene') AND plays >= 5",
        "id",
        True,
    ),
    "05-range-sorted": ("duration BETWEEN 10 AND 30 AND scene", "quality DESC NULLS LAST, duration NULLS LAST, id", True),
    "06-topic-and-dialect": ("list_contains(topic, 'geometry') AND dialect = 'ce' AND quality >= 80", "id", True),
    "07-counted-name": ("calls['play'] >= 12", "plays DESC NULLS LAST, id", True),
    "08-broken": ("(NOT valid OR valid IS NULL)", "id", True),
    "09-issue": ("(list_contains(issue, 'few-animations') OR list_contains(issue, 'no-scene'))", "id", True),
    "10-prefix-word": (
        "(instruction ILIKE '%eigen%' OR code ILIKE '%eigen%' OR " + word("determinant") + ")",
        "id",
        False,
    ),
    "11-sample": ("complexity > 'basic'::complexity_word AND instruction IS NOT NULL", None, True),
    "12-state-and-source": ("source = 'generated'", "complexity_score DESC NULLS LAST, id", True),
    "13-range": ("lines BETWEEN 20 AND 80", "id", True),
    "14-or-list-of-topics": (
        "(list_contains(topic, 'calculus') OR list_contains(topic, 'geometry')) AND NOT list_contains(topic, 'physics')",
        "id",
        True,
    ),
    "15-glob": ("len(list_filter(uses, lambda name: starts_with(name, 'Three'))) > 0", "id", True),
    "16-dates": ("added BETWEEN DATE '2026-04-01' AND DATE '2026-09-30' AND valid", "id", True),
    "17-without-an-instruction": ("instruction IS NULL", "id", True),
    "18-has-a-level": ("level IS NOT NULL AND level = 'conceptual' AND lines < 60", "id", True),
    "19-ordered-words": ("complexity BETWEEN 'intermediate'::complexity_word AND 'advanced'::complexity_word AND updaters >= 1", "id", True),
    "20-sorted-by-three": (
        "valid AND scene",
        "complexity_score NULLS LAST, lines NULLS LAST, duration DESC NULLS LAST, id",
        True,
    ),
    "21-per": ("valid AND list_contains(topic, 'calculus')", None, True),
    "22-balance": ("valid AND level IS NOT NULL", None, True),
    "23-share": ("scene", None, False),
    "24-split-and-source": ("split_given = 'test' AND source = 'lecture_notes'", "id", True),
    "25-rejected": ("state = 'rejected'", "lines DESC NULLS LAST, id", True),
    "26-saved": (
        "valid AND scene AND instruction IS NOT NULL AND dialect IN ('ce', 'mixed')"
        " AND NOT list_has_any(issue, ['unknown-api', 'empty-construct'])",
        "id",
        True,
    ),
    "27-saved-and-sorted": (
        "valid AND scene AND list_contains(topic, 'geometry') AND complexity = 'basic' AND lines <= 60",
        "complexity_score NULLS LAST, lines NULLS LAST, id",
        True,
    ),
    "28-phrase-and-no-word": (
        f"{phrase(['number', 'line'], 'instruction')} AND NOT {word('axes', 'code')}",
        "id",
        False,
    ),
    "29-words-either-way": (f"({word('gradient')} OR {word('hidden')} AND {word('layer')})", "id", False),
    "30-sources-sorted": (
        "source IN ('lecture_notes', 'scene_tables') AND plays BETWEEN 5 AND 15 AND NOT list_contains(issue, 'no-description')",
        "quality NULLS LAST, plays DESC NULLS LAST, lines NULLS LAST, id",
        True,
    ),
}

# Rows that a query ends with (`take`, `sample`), where that is not all it finds.
TAKEN = {"05-range-sorted": 20, "07-counted-name": 50, "09-issue": 10, "11-sample": 100, "12-state-and-source": 10}
TAKEN |= {"20-sorted-by-three": 20, "25-rejected": 20}

TEXTS = "id, source, instruction, code"


def choices(where, table, number):
    """Counts and pages of the queries that choose among what they find. `number` makes a number of id and seed."""
    return {
        "11-sample": (
            f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {where} LIMIT 100)",
            f"SELECT {TEXTS} FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {where} ORDER BY {number(7)}, id LIMIT 100)"
            " ORDER BY id LIMIT 20",
        ),
        "21-per": (
            f"SELECT sum(least(n, 200)) FROM (SELECT count(*) AS n FROM {table} WHERE {where} GROUP BY source)",
            f"SELECT {TEXTS} FROM {table} WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"
            f" (PARTITION BY source ORDER BY id) AS place FROM {table} WHERE {where}) WHERE place <= 200)"
            " ORDER BY id LIMIT 20",
        ),
        "22-balance": (
            f"SELECT 3 * min(n) FROM (SELECT count(*) AS n FROM {table} WHERE {where} GROUP BY level)",
            f"WITH found AS (SELECT id, level FROM {table} WHERE {where}), least_of AS"
            " (SELECT min(n) AS n FROM (SELECT count(*) AS n FROM found GROUP BY level))"
            f" SELECT {TEXTS} FROM {table} WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"
            " (PARTITION BY level ORDER BY id) AS place FROM found), least_of WHERE place <= least_of.n"
            " ORDER BY id LIMIT 20) ORDER BY id",
        ),
        "23-share": (
            f"SELECT count(*) FROM {table} WHERE {where} AND {number(3)} % 100 = 0",
            f"SELECT {TEXTS} FROM {table} WHERE {where} AND {number(3)} % 100 = 0 ORDER BY id LIMIT 20",
        ),
    }


def statements(name, where, order, table, number):
    if "state =" not in where:
        where = f"{KEPT} AND {where}"
    if order is None:
        return choices(where, table, number)[name]
    taken = TAKEN.get(name)
    count = f"SELECT count(*) FROM {table} WHERE {where}"
    if taken:
        count = f"SELECT least(count(*), {taken}) FROM {table} WHERE {where}"
    return count, f"SELECT {TEXTS} FROM {table} WHERE {where} ORDER BY {order} LIMIT {min(20, taken or 20)}"


def ask_duckdb(folder, queries, runs, parquet):
    conn = duckdb_connect(folder)
    path = os.path.join(folder, "peer.parquet")
    if parquet:
        conn.execute(f"CREATE OR REPLACE TEMP VIEW of_parquet AS FROM read_parquet('{path}')")
    table = "of_parquet" if parquet else "sample"
    run = lambda sql: conn.execute(sql).fetchall()
    asked = [(name, *statements(name, *DUCKDB[name][:2], table, lambda seed: f"hash(id || '{seed}')")) for name in queries]
    return measured(asked, run, runs)


# SQLite ---------------------------------------------------------------------------------------------------------------


def make_sqlite(path, folder):
    conn = sqlite3.connect(os.path.join(folder, "peer.sqlite"))
    conn.execute("PRAGMA journal_mode = off")
    conn.execute("PRAGMA synchronous = off")
    conn.execute("PRAGMA cache_size = -400000")
    plain = [*NUMBERS, *MEASURES, *WORDS, "valid", "scene", "added", "title"]
    # Texts apart from facts, so that what asks for facts reads no texts.
    conn.execute("CREATE TABLE sample (row INTEGER PRIMARY KEY, instruction TEXT, code TEXT)")
    conn.execute(
        f"CREATE TABLE fact (row INTEGER PRIMARY KEY, id TEXT, {', '.join(plain)}, complexity_at INTEGER, described INTEGER)"
    )
    conn.execute(
        "CREATE VIRTUAL TABLE text USING fts5 (instruction, code, content = 'sample', content_rowid = 'row',"
        " tokenize = 'unicode61')"
    )
    conn.execute("CREATE TABLE member (field TEXT, name TEXT, row INTEGER, n INTEGER)")
    ours = {**{name: name for name in NUMBERS}, **MEASURES, **WORDS, "valid": "valid", "scene": "scene"}
    samples, texts, members = [], [], []
    slots = ", ".join("?" * (len(plain) + 4))

    def flush():
        conn.executemany(f"INSERT INTO fact VALUES ({slots})", samples)
        conn.executemany("INSERT INTO sample VALUES (?, ?, ?)", texts)
        conn.executemany("INSERT INTO member VALUES (?, ?, ?, ?)", members)
        for rows in (samples, texts, members):
            rows.clear()

    for row, found in enumerate(facts(path)):
        values = [found[ours[name]] if name in ours else None for name in plain]
        values[plain.index("added")] = found["added"][:10]
        values[plain.index("title")] = found["meta.title"]
        place = COMPLEXITIES.index(found["complexity"]) if found["complexity"] else None
        samples.append((row, found["id"], *values, place, found["instruction"] is not None))
        texts.append((row, found["instruction"], found["code"]))
        members += [(field, name, row, 1) for field in ("topic", "issue") for name in found[field] or []]
        members += [("uses", name, row, n) for name, n in (found["uses"] or {}).items()]
        # Of calls the plain names: dotted ones would double the table.
        members += [("calls", name, row, n) for name, n in (found["calls"] or {}).items() if "." not in name]
        if len(samples) == 5000:
            flush()
    flush()
    conn.commit()
    conn.execute("INSERT INTO text (text) VALUES ('rebuild')")
    conn.execute("CREATE INDEX member_name ON member (field, name, row, n)")
    for name in INDEXED:
        conn.execute(f"CREATE INDEX fact_{name} ON fact ({name})")
    conn.execute("ANALYZE")
    conn.commit()
    conn.close()


INDEXED = "id lines plays updaters duration quality complexity_score complexity_at source state".split()
INDEXED += "dialect level split_given valid scene added described".split()


def member(field, name, more=""):
    return f"row IN (SELECT row FROM member WHERE field = '{field}' AND name = '{name}'{more})"


def match(text):
    return f"row IN (SELECT rowid FROM text WHERE text MATCH '{text}')"


SQLITE = {
    "01-word": match("derivative"),
    "02-two-words-and-a-level": f"{match('pendulum AND orbit')} AND complexity = 'basic'",
    "03-phrase-in-code": match('code : "add updater lambda m"'),
    "04-name-and-not": f"{member('uses', 'MathTex')} AND NOT {member('uses', 'ThreeDScene')} AND plays >= 5",
    "05-range-sorted": "duration BETWEEN 10 AND 30 AND scene = 1",
    "06-topic-and-dialect": f"{member('topic', 'geometry')} AND dialect = 'ce' AND quality >= 80",
    "07-counted-name": member("calls", "play", " AND n >= 12"),
    "08-broken": "valid = 0",
    "09-issue": f"({member('issue', 'few-animations')} OR {member('issue', 'no-scene')})",
    "10-prefix-word": match("eigen* OR determinant"),
    "11-sample": "complexity_at > 0 AND described = 1",
    "12-state-and-source": "source = 'generated'",
    "13-range": "lines BETWEEN 20 AND 80",
    "14-or-list-of-topics": f"({member('topic', 'calculus')} OR {member('topic', 'geometry')}) AND NOT {member('topic', 'physics')}",
    "15-glob": "row IN (SELECT row FROM member WHERE field = 'uses' AND name >= 'Three' AND name < 'Thref')",
    "16-dates": "added BETWEEN '2026-04-01' AND '2026-09-30' AND valid = 1",
    "17-without-an-instruction": "described = 0",
    "18-has-a-level": "level = 'conceptual' AND lines < 60",
    "19-ordered-words": "complexity_at BETWEEN 1 AND 2 AND updaters >= 1",
    "20-sorted-by-three": "valid = 1 AND scene = 1",
    "21-per": f"valid = 1 AND {member('topic', 'calculus')}",
    "22-balance": "valid = 1 AND level IS NOT NULL",
    "23-share": "scene = 1",
    "24-split-and-source": "split_given = 'test' AND source = 'lecture_notes'",
    "25-rejected": "state = 'rejected'",
    "26-saved": "valid = 1 AND scene = 1 AND described = 1 AND dialect IN ('ce', 'mixed')"
    f" AND NOT {member('issue', 'unknown-api')} AND NOT {member('issue', 'empty-construct')}",
    "27-saved-and-sorted": f"valid = 1 AND scene = 1 AND {member('topic', 'geometry')} AND complexity = 'basic' AND lines <= 60",
    "28-phrase-and-no-word": match('(instruction : "number line") NOT (code : axes)'),
    "29-words-either-way": match("gradient OR (hidden AND layer)"),
    "30-sources-sorted": "source IN ('lecture_notes', 'scene_tables') AND plays BETWEEN 5 AND 15"
    f" AND NOT {member('issue', 'no-description')}",
}


def ask_sqlite(folder, queries, runs):
    conn = sqlite3.connect(f"file:{os.path.join(folder, 'peer.sqlite')}?mode=ro", uri=True)
    conn.execute("PRAGMA mmap_size = 1073741824")
    conn.execute("PRAGMA cache_size = -262144")
    conn.execute("PRAGMA temp_store = memory")
    conn.execute(f"PRAGMA threads = {THREADS}")
    conn.create_function("number_of", 2, lambda id, seed: hash((id, seed)) & 0x7FFFFFFFFFFFFFFF, deterministic=True)
    conn.create_function("least", 2, min, deterministic=True)
    run = lambda sql: conn.execute(sql).fetchall()
    asked = []
    for name in queries:
        order = DUCKDB[name][1]
        number = lambda seed: f"number_of(id, {seed})"
        count, page = statements(name, SQLITE[name], order, "fact", number)
        # The rows first, then their texts.
        rows = page.replace(TEXTS, "row", 1) if order else page.replace(f"SELECT {TEXTS}", "SELECT row")
        texts = f"SELECT {TEXTS} FROM ({rows}) AS found CROSS JOIN sample USING (row) CROSS JOIN fact USING (row)"
        asked.append((name, count, texts))
    return measured(asked, run, runs)


# Both -----------------------------------------------------------------------------------------------------------------

# A question that takes longer than this is asked once more only.
SLOW_S = 2.0


def measured(asked, run, runs):
    out = {}
    for name, count, page in asked:
        rows = run(count)[0][0]
        begin = time.perf_counter()
        run(page)
        times = 1 if time.perf_counter() - begin > SLOW_S else runs
        taken = {"count": [], "page": []}
        for _ in range(times):
            for what, sql in (("count", count), ("page", page)):
                begin = time.perf_counter()
                run(sql)
                taken[what].append((time.perf_counter() - begin) * 1000)
        out[name] = {"rows": int(rows or 0), "equal": DUCKDB[name][2], "count_ms": taken["count"], "page_ms": taken["page"]}
        print(f"{name}: {rows} rows", file=sys.stderr)
    return out


def main():
    if sys.argv[1] == "make":
        _, _, path, folder = sys.argv
        for ending, make in (("parquet", make_duckdb), ("sqlite", make_sqlite)):
            done = os.path.join(folder, f"{ending}.made")
            if not os.path.exists(done):
                for name in ("peer.duckdb", "peer.parquet") if ending == "parquet" else ("peer.sqlite",):
                    if os.path.exists(os.path.join(folder, name)):
                        os.remove(os.path.join(folder, name))
                make(path, folder)
                open(done, "w").close()
        return
    _, _, peer, folder, queries, runs = sys.argv
    queries, runs = queries.split(","), int(runs)
    if peer == "sqlite":
        version, found = f"SQLite {sqlite3.sqlite_version} + FTS5", ask_sqlite(folder, queries, runs)
    else:
        import duckdb

        found = ask_duckdb(folder, queries, runs, peer == "parquet")
        version = f"DuckDB {duckdb.__version__}, {'Parquet' if peer == 'parquet' else 'its own table'}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"peer": version, "peak_rss_bytes": peak, "queries": found}))


if __name__ == "__main__":
    main()
