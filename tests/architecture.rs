//! The layer table, the doors and the registries, enforced by reading the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use scenery::store::{Project, Store};

use crate::corpus::Scratch;

/// A source file without its tests: its path under `src/`, its text, and that without comments and texts of strings.
struct Source {
    path: String,
    code: String,
    whole: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

/// Leaves out line comments, strings and character literals; lines stay where they are.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    let raw = Regex::new(r##"^b?r(#*)""##).expect("a pattern");
    while let Some(ch) = rest.chars().next() {
        let glued = out.chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_');
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            rest = &rest[rest.find("*/").map_or(rest.len(), |at| at + 2)..];
        } else if let Some(found) = raw.captures(rest).filter(|_| !glued) {
            let close = format!("\"{}", &found[1]);
            let from = found[0].len();
            let to = rest[from..].find(&close).map_or(rest.len(), |at| from + at + close.len());
            out.extend(rest[..to].chars().filter(|ch| *ch == '\n'));
            rest = &rest[to..];
        } else if ch == '"' {
            let mut escaped = false;
            let mut end = rest.len();
            for (at, ch) in rest.char_indices().skip(1) {
                if !escaped && ch == '"' {
                    end = at + 1;
                    break;
                }
                escaped = !escaped && ch == '\\';
            }
            out.extend(rest[..end].chars().filter(|ch| *ch == '\n'));
            rest = &rest[end..];
        } else if ch == '\'' && (rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\'')) {
            let skip = if rest[1..].starts_with('\\') { 3 } else { 2 };
            let at = rest.char_indices().skip(skip).find(|(_, ch)| *ch == '\'').map_or(rest.len(), |(at, _)| at + 1);
            rest = &rest[at..];
        } else {
            out.push(ch);
            rest = &rest[ch.len_utf8()..];
        }
    }
    out
}

/// Every source of ours without its tests.
fn sources() -> Vec<Source> {
    let src = root().join("src");
    let test_module = Regex::new(r"(?m)^#\[cfg\(test\)\]\n(pub\S* )?mod \w+( \{|;)").expect("a pattern");
    files(&src, "rs")
        .into_iter()
        .filter(|path| {
            path.file_name().is_some_and(|name| name != "tests.rs")
                && !path.iter().any(|part| part == "tests")
                // The build script is a program of its own: it talks to cargo by its environment and its output.
                && !path.ends_with("setup/build.rs")
        })
        .map(|path| {
            let whole = fs::read_to_string(&path).expect("a source");
            let end = test_module.find(&whole).map_or(whole.len(), |found| found.start());
            Source {
                path: path.strip_prefix(&src).expect("it is below").display().to_string(),
                code: plain(&whole[..end]),
                whole: whole[..end].to_owned(),
            }
        })
        .collect()
}

/// The module at the top that a file belongs to.
fn top(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap_or(path)
}

/// What a module at the top may import of ours; `a::b` allows that part only.
fn allowed(module: &str) -> Option<&'static [&'static str]> {
    const ANALYSE: &[&str] = &["sample", "text", "similarity::lexer"];
    const STORE: &[&str] = &["sample", "text", "prompt", "similarity", "analyze::features", "query::plan"];
    const THREE: &[&str] = &["sample", "text", "prompt", "similarity", "analyze", "query", "store"];
    Some(match module {
        "sample" | "text" => &[],
        "prompt" | "similarity" => &["sample", "text"],
        "analyze" => ANALYSE,
        "query" => &["sample", "text", "analyze::features", "analyze::pattern"],
        "store" => STORE,
        "dedup" | "augment" => THREE,
        "ingest" | "curate" => &["sample", "text", "prompt", "similarity", "analyze", "query", "store", "dedup"],
        "split" => &["sample", "text", "prompt", "similarity", "analyze", "query", "store", "dedup"],
        "slice" => &["sample", "text", "prompt", "similarity", "analyze", "query", "store", "dedup", "split"],
        "export" => &["sample", "text", "prompt", "similarity", "analyze", "query", "store", "slice", "augment"],
        "nn" => &["sample", "text", "prompt", "similarity", "analyze"],
        "validate" | "train" | "generate" | "evaluate" => &["sample", "text", "prompt", "similarity", "analyze", "nn"],
        "report" | "setup" | "serve" => &[
            "sample",
            "text",
            "prompt",
            "similarity",
            "analyze",
            "query",
            "store",
            "ingest",
            "slice",
            "dedup",
            "split",
            "curate",
            "augment",
            "export",
        ],
        "cli" | "main" | "lib" => return None,
        other => panic!(
            "the module `{other}` stands in no layer: put it into the table, here and in the architecture document"
        ),
    })
}

/// What a file imports of ours, as `module::part`.
fn imports(code: &str) -> BTreeSet<String> {
    let path = Regex::new(r"\bcrate::(\{[^}]*\}|\w+(?:::\w+)?)").expect("a pattern");
    let mut out = BTreeSet::new();
    for found in path.captures_iter(code) {
        let named = &found[1];
        if let Some(list) = named.strip_prefix('{') {
            // Only the first names of a grouped import count; nested groups name parts of those.
            out.extend(
                list.trim_end_matches('}')
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .filter(|name| !name.is_empty()),
            );
        } else {
            out.insert(named.to_owned());
        }
    }
    out
}

#[test]
fn layers_import_only_what_is_below_them() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for source in sources() {
        let module = top(&source.path);
        let Some(may) = allowed(module) else { continue };
        for import in imports(&source.code) {
            seen += 1;
            let first = top_of(&import);
            let fine = first == module
                || may.iter().any(|each| *each == first || *each == import || import.starts_with(&format!("{each}::")));
            if !fine {
                wrong.push(format!("src/{} imports crate::{import}", source.path));
            }
        }
    }
    assert!(seen > 200, "only {seen} imports were found: the test reads the sources wrongly");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn top_of(import: &str) -> &str {
    import.split("::").next().unwrap_or(import)
}

/// A pattern, and the files that may hold it.
const DOORS: &[(&str, &[&str])] = &[
    (r"\brusqlite\b", &["store/"]),
    (r"\btantivy\b", &["store/index/", "store/error.rs"]),
    (r"\bnom::", &["query/parse.rs", "query/parse/"]),
    (r"\bruff_(python_\w+|text_size)\b", &["analyze/parse", "analyze/pattern", "analyze/walk", "analyze/outline"]),
    (r"\b(clap|clap_complete|clap_mangen|miette|indicatif|similar|anyhow|terminal_size)::", &["cli/"]),
    (r"\btokenizers::", &["prompt/tokenizer.rs", "prompt/learning.rs"]),
    (r"\btch::", &["nn/torch/"]),
    (r"\bparquet::|\barrow_\w+::", &["ingest/readers/table", "export/"]),
    (r"\bprocess::Command\b|\bCommand::new\b", &["cli/pager.rs", "validate/sandbox.rs", "setup/"]),
    (r"\b(SystemTime|Instant)\b", &["cli/"]),
    (r"\benv::(var|vars|args|current_dir|home_dir)", &["cli/"]),
    // A packed Parquet file is unpacked there: the format is read from its end.
    (r"\benv::temp_dir", &["ingest/readers/table/parquet.rs"]),
    (r"\b(e?println|e?print|dbg)!", &["cli/"]),
    (r"\bstd::(io::stdin|io::stdout|io::stderr)", &["cli/"]),
    (r"\b(rand|getrandom|fastrand)::|RandomState::", &[]),
    (r"\bunsafe\b", &["nn/torch/native.rs"]),
    (r"\basync fn\b|\bstatic mut\b|\blazy_static!", &[]),
];

#[test]
fn heavy_crates_clock_and_environment_have_one_door() {
    let mut wrong = Vec::new();
    for (pattern, doors) in DOORS {
        let pattern = Regex::new(pattern).expect("a pattern");
        for source in sources() {
            if doors.iter().any(|door| source.path.starts_with(door)) {
                continue;
            }
            for (line, text) in source.code.lines().enumerate() {
                if pattern.is_match(text) {
                    wrong.push(format!("src/{}:{}: {}", source.path, line + 1, text.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn doors_are_used_so_that_the_patterns_are_right() {
    let all: Vec<Source> = sources();
    for (pattern, doors) in DOORS.iter().take(5) {
        let pattern = Regex::new(pattern).expect("a pattern");
        let used =
            |door: &&str| all.iter().any(|source| source.path.starts_with(*door) && pattern.is_match(&source.code));
        assert!(doors.iter().any(used), "{pattern} is found behind none of its doors");
    }
}

#[test]
fn nothing_panics_outside_tests() {
    let pattern = Regex::new(r"\.unwrap\(\)|\bpanic!|\btodo!|\bunimplemented!|\bunreachable!").expect("a pattern");
    let expect = Regex::new(r"\.expect\(\s*\)").expect("a pattern");
    let stated = Regex::new(r#"\.expect\("([^"]*)"\)"#).expect("a pattern");
    let mut wrong = Vec::new();
    for source in sources() {
        for (line, text) in source.code.lines().enumerate() {
            if pattern.is_match(text) {
                wrong.push(format!("src/{}:{}: {}", source.path, line + 1, text.trim()));
            }
        }
        // Texts are left out of `code`, so `expect("...")` is `expect()` there; an empty or short one says no invariant.
        assert!(expect.is_match("x.expect()"));
        for found in stated.captures_iter(&source.whole) {
            if found[1].split_whitespace().count() < 2 {
                wrong.push(format!("src/{}: expect(\"{}\") states no invariant", source.path, &found[1]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_stay_short_or_say_why_they_do_not() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.code.lines().count();
        let head: String = source.whole.lines().take_while(|line| line.starts_with("//!")).collect();
        if lines > 600 && !head.contains("One file because") {
            wrong.push(format!(
                "src/{}: {lines} lines without its tests, and its first comment does not say `One file because ...`",
                source.path
            ));
        }
        if head.is_empty() {
            wrong.push(format!("src/{}: it does not begin with what it is", source.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_directory_is_a_heap_of_things() {
    let names = ["utils", "util", "helpers", "common", "misc"];
    for path in files(&root().join("src"), "rs") {
        let bad = path
            .iter()
            .any(|part| names.iter().any(|name| Path::new(part).file_stem().is_some_and(|stem| stem == *name)));
        assert!(!bad, "{}", path.display());
    }
}

fn stems(folder: &str, extension: &str) -> Vec<String> {
    let mut out: Vec<String> = fs::read_dir(root().join(folder))
        .expect("a folder")
        .filter_map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .ok()?
                .strip_suffix(&format!(".{extension}"))
                .map(str::to_owned)
        })
        .filter(|name| !matches!(name.as_str(), "mod" | "tests"))
        .collect();
    out.sort();
    out
}

#[test]
fn registries_list_every_file_of_their_directory() {
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let owned = |names: Vec<&str>| sorted(names.into_iter().map(str::to_owned).collect());
    let catalog = scenery::ingest::catalog::CATALOG.iter().map(|(name, _)| *name).collect();
    assert_eq!(owned(catalog), stems("src/ingest/catalog", "toml"));
    let features = scenery::analyze::features::EXTRACTORS.iter().map(|entry| entry.name.replace('.', "_")).collect();
    assert_eq!(sorted(features), stems("src/analyze/features", "rs"));
    let built_in = scenery::slice::vocabulary::BUILT_IN.iter().map(|(name, _)| *name).collect();
    assert_eq!(owned(built_in), stems("queries", "q"));
    let formats = scenery::export::FORMATS.iter().map(|format| format.name.replace('-', "_")).collect();
    assert_eq!(sorted(formats), stems("src/export/formats", "rs"));
    let cleaners = scenery::ingest::cleaners::CLEANERS.iter().map(|cleaner| cleaner.name.replace('-', "_")).collect();
    assert_eq!(sorted(cleaners), stems("src/ingest/cleaners", "rs"));
    let templates = scenery::prompt::templates::TEMPLATES.iter().map(|(name, _)| *name).collect();
    assert_eq!(owned(templates), stems("src/prompt/templates", "toml"));
    // A reader's file may stand beside others that several readers share, which the registry's text does not name.
    let readers: BTreeSet<String> = scenery::ingest::readers::names().into_iter().map(str::to_owned).collect();
    let registry = fs::read_to_string(root().join("src/ingest/readers/mod.rs")).expect("the registry");
    for file in stems("src/ingest/readers", "rs") {
        let text = fs::read_to_string(root().join(format!("src/ingest/readers/{file}.rs"))).expect("a source");
        let is_reader = text.contains("READER: Reader ");
        assert_eq!(is_reader, readers.contains(&file), "{file}");
        assert!(!is_reader || registry.contains(&format!("&{file}::READER")), "{file}");
    }
}

#[test]
fn every_statement_and_migration_is_used() {
    let mut all = String::new();
    for source in sources() {
        all.push_str(&source.whole);
    }
    for name in stems("schema/statements", "sql") {
        assert!(all.contains(&format!("schema/statements/{name}.sql")), "{name}.sql is used by nothing");
    }
    let store = fs::read_to_string(root().join("src/store/mod.rs")).expect("a source");
    let migrations = stems("schema/migrations", "sql");
    for (at, name) in migrations.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", at + 1)), "{name}: migrations are numbered without gaps");
        assert!(store.contains(&format!("schema/migrations/{name}.sql")), "{name}.sql is not in MIGRATIONS");
        let text = fs::read_to_string(root().join(format!("schema/migrations/{name}.sql"))).expect("a migration");
        assert!(text.starts_with("-- Why: "), "{name}.sql does not open with why");
    }
    let places: Vec<Option<usize>> = migrations.iter().map(|name| store.find(name.as_str())).collect();
    assert!(places.is_sorted(), "MIGRATIONS has them in another order than their numbers");
}

/// What a database holds: name and text of every table and index, blanks and comments set aside.
fn schema_of(conn: &rusqlite::Connection) -> BTreeMap<String, String> {
    let mut statement =
        conn.prepare("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master").expect("a list");
    let comment = Regex::new(r"--[^\n]*").expect("a pattern");
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).expect("rows");
    rows.map(|row| {
        let (name, sql) = row.expect("a row");
        let sql = comment.replace_all(&sql, "").split_whitespace().collect::<Vec<_>>().join(" ");
        // A column that was added later stands after a blank.
        let sql = sql.replace(" ,", ",").replace(" )", ")");
        (name, sql)
    })
    .collect()
}

#[test]
fn the_current_schema_is_what_the_migrations_give() {
    let folder = Scratch::new("schema");
    let project = Project::init(&folder.join("p")).expect("a project");
    let fresh = rusqlite::Connection::open(project.database()).expect("the database");
    let current = rusqlite::Connection::open_in_memory().expect("a database");
    current
        .execute_batch(&fs::read_to_string(root().join("schema/current.sql")).expect("the schema"))
        .expect("it runs");
    assert_eq!(schema_of(&fresh), schema_of(&current));
    let version: i64 = fresh.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a version");
    assert_eq!(version as usize, stems("schema/migrations", "sql").len());
}

#[test]
fn tables_are_strict_and_columns_say_what_they_are() {
    let text = fs::read_to_string(root().join("schema/current.sql")).expect("the schema");
    let tables: Vec<&str> = text.split("CREATE TABLE ").skip(1).collect();
    assert!(tables.len() >= 10);
    for table in tables {
        let name = table.split_whitespace().next().unwrap_or("");
        assert!(table.contains(") STRICT"), "{name} is not STRICT");
    }
}

#[test]
fn old_stores_are_brought_up_to_the_current_schema() {
    let fixtures = stems("schema/fixtures", "sql");
    assert!(!fixtures.is_empty());
    for name in fixtures {
        let folder = Scratch::new("old");
        let project = Project::init(&folder.join("p")).expect("a project");
        let wanted = schema_of(&rusqlite::Connection::open(project.database()).expect("the database"));
        fs::remove_file(project.database()).expect("removed");
        for side in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{side}", project.database().display()));
        }
        fs::remove_dir_all(project.index_dir()).expect("removed");
        {
            let conn = rusqlite::Connection::open(project.database()).expect("a database");
            conn.execute_batch(
                &fs::read_to_string(root().join(format!("schema/fixtures/{name}.sql"))).expect("a fixture"),
            )
            .expect("it runs");
        }
        let error = Store::open(&project).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("any writing command brings it up"), "{name}: {error}");
        let store = Store::open_for_writing(&project, "a test").expect("it is brought up");
        let samples = crate::corpus::all_samples(&store);
        assert_eq!(samples.len(), 2, "{name}");
        assert!(samples.iter().any(|sample| sample.code.contains("Circle")), "{name}");
        drop(store);
        let conn = rusqlite::Connection::open(project.database()).expect("the database");
        assert_eq!(schema_of(&conn), wanted, "{name}");
    }
}
