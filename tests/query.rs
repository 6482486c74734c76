//! The query language: cases as files, laws as properties.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use scenery::query::{Compiled, KINDS, NoVocabulary, QueryError, Saved, Vocabulary, compile, parse};
use scenery::sample::{DescriptionKind, FactValue, Facts, RevisionKind, Sample, SampleId, Side, State};

use crate::naive;
use crate::query_gen::{GenVocab, Rng, random_query};

/// A store that knows a little.
pub struct Small;

const SAVED: &[(&str, &str)] = &[
    ("short", "# Short and simple.\n# args: hi=40\nlines:..{hi} complexity:basic"),
    ("between", "# args: lo, hi=80\nlines:{lo}..{hi}"),
    ("longest", "# The longest ten.\nis:valid | sort -lines | take 10"),
    ("about", "# args: what\n{what} -tag:needs-review"),
    ("rejects", "state:rejected"),
    ("ordered", "plays>=3 | sort -plays"),
    ("deep", "@longest uses:Circle"),
    ("loop-a", "@loop-b is:valid"),
    ("loop-b", "tag:x or @loop-a"),
    ("broken", "# A slip of the pen.\nlinez<20 is:valid"),
    ("unclosed", "(lines<20"),
    ("outer", "is:valid @broken"),
    ("grade", "# args: lo, hi\ncomplexity:{lo}..{hi}"),
    ("best", "circle | sort -score"),
    ("best2", "circle square"),
];

impl Vocabulary for Small {
    fn values(&self, field: &str) -> Option<Vec<(String, u64)>> {
        let names: &[&str] = match field {
            "source" => &["manimbench", "bespoke_manim", "derivative_537", "thanks", "a,b"],
            "uses" => &["Circle", "Square", "ThreeDScene", "Transform"],
            "calls" => &["play", "self.play", "wait"],
            "topic" => &["geometry", "calculus", "algebra"],
            "tag" => &["needs-review", "good"],
            "level" => &["foundation", "conceptual", "application", "advanced"],
            "licence" => &["MIT", "none-stated"],
            _ => return None,
        };
        Some(names.iter().enumerate().map(|(at, name)| ((*name).to_owned(), 10 - at as u64)).collect())
    }

    fn meta_names(&self) -> Vec<String> {
        vec!["title".to_owned(), "video".to_owned()]
    }

    fn levels(&self, _: Option<i64>) -> Vec<(String, Vec<String>)> {
        let levels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        vec![
            ("derivative_537".to_owned(), levels(&["foundation", "conceptual", "application", "advanced"])),
            ("manimbench".to_owned(), levels(&["basic", "intermediate", "advanced"])),
        ]
    }

    fn saved(&self, name: &str) -> Option<Saved> {
        let (name, text) = SAVED.iter().find(|(known, _)| *known == name)?;
        Some(Saved { text: (*text).to_owned(), path: format!("queries/{name}.q") })
    }

    fn saved_names(&self) -> Vec<String> {
        SAVED.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

/// A compiled query or an error, as the case files show it.
fn shown(query: &str, outcome: &Result<Compiled, QueryError>) -> String {
    let mut out = String::new();
    match outcome {
        Ok(compiled) => {
            let parsed = compiled.parsed.to_string();
            if parsed != query {
                writeln!(out, "  = {parsed}").expect("a string");
            }
            for note in &compiled.plan.notes {
                writeln!(out, "  note: {}", note.message).expect("a string");
            }
            for line in compiled.plan.to_string().lines() {
                writeln!(out, "    {line}").expect("a string");
            }
        }
        Err(error) => {
            writeln!(out, "  {}: {}", error.kind, error.message).expect("a string");
            writeln!(out, "  at {:?} `{}`", error.span, &query[error.span.0..error.span.1]).expect("a string");
            for place in &error.trace {
                let marked = &place.text[place.span.0..place.span.1];
                writeln!(out, "  in @{} ({}) at {:?} `{marked}`", place.name, place.path, place.span)
                    .expect("a string");
            }
            if !error.expected.is_empty() {
                writeln!(out, "  expected: {}", error.expected.join(" · ")).expect("a string");
            }
            if let Some(help) = &error.help {
                writeln!(out, "  help: {help}").expect("a string");
            }
            for suggestion in &error.suggestions {
                writeln!(out, "  try: {suggestion}").expect("a string");
            }
        }
    }
    out
}

/// The queries of a case file: each begins on a line `? query` and goes on in lines `+ query`.
fn queries(file: &str) -> Vec<String> {
    let mut queries: Vec<String> = Vec::new();
    for line in file.lines() {
        if let Some(text) = line.strip_prefix('?') {
            queries.push(text.strip_prefix(' ').unwrap_or(text).to_owned());
        } else if let (Some(text), Some(query)) = (line.strip_prefix('+'), queries.last_mut()) {
            query.push('\n');
            query.push_str(text.strip_prefix(' ').unwrap_or(text));
        }
    }
    queries
}

/// The same file with every outcome made anew.
fn refreshed(file: &str) -> String {
    let mut out = String::new();
    let mut queries = queries(file).into_iter();
    let mut lines = file.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.starts_with([' ']) {
            out.push_str(line);
            out.push('\n');
        }
        let goes_on = lines.peek().is_some_and(|next| next.starts_with('+'));
        if line.starts_with(['?', '+']) && !goes_on {
            let query = queries.next().expect("one for each");
            out.push_str(&shown(&query, &compile(&query, &Small)));
        }
    }
    out
}

fn case_files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/query");
    let mut files: Vec<(String, String)> = fs::read_dir(&folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "case"))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("a case file")))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// With `SCENERY_REFRESH_CASES` set, the files are rewritten, to be read before they are committed.
#[test]
fn cases_come_out_as_written() {
    let refresh = std::env::var_os("SCENERY_REFRESH_CASES").is_some();
    for (path, file) in case_files() {
        let now = refreshed(&file);
        if refresh {
            fs::write(&path, &now).expect("a case file");
        } else if now != file {
            let (at, (was, is)) = file
                .lines()
                .chain(std::iter::repeat("(end)"))
                .zip(now.lines().chain(std::iter::repeat("(end)")))
                .enumerate()
                .find(|(_, (was, is))| was != is)
                .expect("they differ");
            panic!("{path}:{}\n  written: {was}\n  now:     {is}", at + 1);
        }
    }
}

#[test]
fn at_least_sixty_wrong_queries_are_answered() {
    let wrong: Vec<String> = case_files()
        .iter()
        .flat_map(|(_, file)| queries(file))
        .filter(|query| compile(query, &Small).is_err())
        .collect();
    assert!(wrong.len() >= 60, "{}", wrong.len());
}

#[test]
fn every_suggestion_compiles_and_every_error_marks_a_place() {
    for query in case_files().iter().flat_map(|(_, file)| queries(file)) {
        if let Err(error) = compile(&query, &Small) {
            assert!(KINDS.contains(&error.kind), "{query}: {}", error.kind);
            assert!(query.get(error.span.0..error.span.1).is_some(), "{query}: {:?}", error.span);
            assert!(!error.message.ends_with('.') && !error.message.is_empty(), "{query}: {}", error.message);
            for place in &error.trace {
                assert!(place.text.get(place.span.0..place.span.1).is_some(), "{query}: {place:?}");
            }
            for suggestion in &error.suggestions {
                compile(suggestion, &Small).unwrap_or_else(|error| panic!("{query} → {suggestion}: {error}"));
            }
        }
    }
}

/// Whether a text that parses prints as one that parses to the same tree.
fn round_trips(text: &str) -> Result<(), String> {
    let Ok(parsed) = parse(text) else { return Ok(()) };
    let printed = parsed.to_string();
    let again = parse(&printed).map_err(|error| format!("`{text}` prints as `{printed}`: {error}"))?;
    if again.without_places() == parsed.without_places() {
        Ok(())
    } else {
        Err(format!(
            "`{text}` prints as `{printed}`, which is {:?} and not {:?}",
            again.without_places(),
            parsed.without_places()
        ))
    }
}

/// Knows the saved queries that come with the project, and nothing else.
struct Shipped;

impl Vocabulary for Shipped {
    fn values(&self, _: &str) -> Option<Vec<(String, u64)>> {
        None
    }
    fn meta_names(&self) -> Vec<String> {
        Vec::new()
    }
    fn levels(&self, _: Option<i64>) -> Vec<(String, Vec<String>)> {
        Vec::new()
    }
    fn saved(&self, name: &str) -> Option<Saved> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("queries/{name}.q"));
        Some(Saved { text: fs::read_to_string(&path).ok()?, path: path.display().to_string() })
    }
    fn saved_names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn the_queries_that_come_with_the_project_compile_and_print_as_themselves() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("the folder of saved queries") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "q") {
            let text = fs::read_to_string(&path).expect("a saved query");
            round_trips(&text).expect("the same tree");
            if !text.contains("# args:") {
                compile(&text, &Shipped).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            }
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn cases_print_as_what_they_are() {
    for query in case_files().iter().flat_map(|(_, file)| queries(file)) {
        round_trips(&query).expect("the same tree");
    }
}

/// Pieces that make queries interesting when they are put together at random.
pub fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zé(]{1,4}",
        "\\PC{0,3}",
        prop::sample::select(vec![
            "and",
            "or",
            "not",
            "-",
            "(",
            ")",
            " ",
            " ",
            " ",
            "|",
            "\"",
            "'",
            "/",
            "\\",
            "*",
            "@",
            "#",
            ":",
            "=",
            "..",
            "lines:20..80",
            "uses:(Circle or -Square)",
            "code:/a b\\/c/i",
            "\"a \\\"b\"",
            "calls.play>=3",
            "is:valid",
            "has:topic",
            "near:7f>=0.8",
            "ast:'f($A)'",
            "@between(1, \"x y\")",
            "@core#3",
            "| sort -lines, id",
            "| take 5",
            "| sample 5% seed 3 by topic",
            "| per source 2",
            "| balance level a:1 'b c':2 to 5",
            "| dedup 0.9",
            "| split 90/5/5 seed 1",
            "at:op12 ",
            "at:2026-01-01 ",
            "sin(x)",
            "f'(x)",
            "x^2",
            "a..b",
            "{lo}",
            "\n# c\n",
            "!",
            "&&",
            "||",
            ",",
            "-5",
            "tag:-5",
            "topic:(a and not (b or -3))",
            ">=",
            "[20 TO 80]",
            "\\frac{d}{dx}",
            "円周率",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic_and_what_parses_prints_as_itself(text in pieces()) {
        if let Err(error) = compile(&text, &Small) {
            prop_assert!(text.get(error.span.0..error.span.1).is_some(), "{text:?}: {error:?}");
            for suggestion in &error.suggestions {
                prop_assert!(compile(suggestion, &Small).is_ok(), "{text:?} → {suggestion:?}");
            }
        }
        round_trips(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn characters_at_random_make_no_panic(text in "\\PC{0,40}") {
        let _ = compile(&text, &NoVocabulary);
        round_trips(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn random_queries_compile_and_print_as_themselves(seed in any::<u64>()) {
        let query = random_query(&mut Rng::new(seed), &vocabulary());
        if let Err(error) = compile(&query, &Small) {
            return Err(TestCaseError::fail(format!("{query}: {error}")));
        }
        round_trips(&query).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn ten_thousand_parentheses_are_a_clear_error_and_a_hundred_are_fine() {
    let nested = |depth: usize, inner: &str| format!("{}{inner}{}", "(".repeat(depth), ")".repeat(depth));
    for inner in ["x", "", "lines:20", "-("] {
        let error = compile(&nested(10_000, inner), &NoVocabulary).expect_err("too deep");
        assert_eq!(error.kind, "depth");
    }
    let values = format!("topic:{}", nested(10_000, "geometry"));
    assert_eq!(compile(&values, &NoVocabulary).expect_err("too deep").kind, "depth");
    let nots = nested(100, "x").replace('(', "-(a or ");
    for query in [nested(128, "x"), nested(100, "lines:20"), format!("topic:{}", nested(127, "a")), nots] {
        let compiled = compile(&query, &NoVocabulary).expect("not too deep");
        assert!(!compiled.plan.to_string().is_empty());
        round_trips(&query).expect("the same tree");
    }
}

#[test]
fn a_megabyte_is_read_in_linear_time() {
    // Counted in work, not in seconds: a quadratic reader would not end within the test at all.
    let words = "fourier ".repeat(1 << 17);
    let tests = "lines:20..80 or uses:Circle -tag:x ".repeat(1 << 15);
    let unclosed = format!("{}\"", "a ".repeat(1 << 16));
    let glued = "f(x".repeat(1 << 18);
    let hashes = "# a comment\n".repeat(1 << 16);
    for text in [&words, &tests, &hashes] {
        assert!(text.len() > 700_000);
        compile(text, &NoVocabulary).expect("it is right");
    }
    assert_eq!(compile(&unclosed, &NoVocabulary).expect_err("unclosed").kind, "unclosed");
    assert_eq!(compile(&glued, &NoVocabulary).expect_err("a phrase without end").kind, "value");
    assert!(compile(&"a:b ".repeat(1 << 16), &NoVocabulary).is_err());
    assert!(compile(&"and ".repeat(1 << 18), &NoVocabulary).is_err());
    assert!(compile(&")".repeat(1 << 20), &NoVocabulary).is_err());
    assert!(compile(&"| take 1 ".repeat(1 << 16), &NoVocabulary).is_ok());
    // what begins again and again and never ends
    for begun in ["lines:[2 TO ", "source IN ( ", "len(code ", "(", "\u{201c}a ", "a and", "uses:(x)"] {
        let _ = compile(&begun.repeat((1 << 18) / begun.len()), &NoVocabulary);
    }
}

#[test]
fn saved_queries_cannot_grow_without_end() {
    struct Doubling;
    impl Vocabulary for Doubling {
        fn values(&self, _: &str) -> Option<Vec<(String, u64)>> {
            None
        }
        fn meta_names(&self) -> Vec<String> {
            Vec::new()
        }
        fn levels(&self, _: Option<i64>) -> Vec<(String, Vec<String>)> {
            Vec::new()
        }
        fn saved(&self, name: &str) -> Option<Saved> {
            let depth: u32 = name.strip_prefix('s')?.parse().ok()?;
            let text =
                if name.len() > 3 { format!("((((@s{}))))", depth + 1) } else { format!("@s{0} or @s{0}", depth + 1) };
            Some(Saved { text, path: name.to_owned() })
        }
        fn saved_names(&self) -> Vec<String> {
            Vec::new()
        }
    }
    struct Nesting;
    impl Vocabulary for Nesting {
        fn values(&self, _: &str) -> Option<Vec<(String, u64)>> {
            None
        }
        fn meta_names(&self) -> Vec<String> {
            Vec::new()
        }
        fn levels(&self, _: Option<i64>) -> Vec<(String, Vec<String>)> {
            Vec::new()
        }
        fn saved(&self, name: &str) -> Option<Saved> {
            let depth: usize = name.strip_prefix('n')?.parse().ok()?;
            let (inner, depth) = if depth == 15 { ("x".to_owned(), 80) } else { (format!("@n{}", depth + 1), 8) };
            Some(Saved {
                text: format!("{}{inner}{}", "-(a or ".repeat(depth), ")".repeat(depth)),
                path: name.to_owned(),
            })
        }
        fn saved_names(&self) -> Vec<String> {
            Vec::new()
        }
    }
    let nested = compile("@n1", &Nesting).expect("14 saved queries of 16 levels each around one of 160");
    assert!(!nested.plan.to_string().is_empty() && !nested.resolved.to_string().is_empty());
    assert_eq!(compile("@s1", &Doubling).expect_err("2^98").kind, "depth");
    assert_eq!(compile("@s1000", &Doubling).expect_err("deep").kind, "depth");
}

/// What random queries name here.
pub fn vocabulary() -> GenVocab {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    GenVocab {
        words: list(&["fourier", "series", "circle", "self.play", "sin(x)", "moving", "x", "absent"]),
        whole: vec![("lines".into(), 0, 100), ("plays".into(), 0, 6), ("rank".into(), 1, 5)],
        real: vec![("duration".into(), 0, 30), ("quality".into(), 0, 100)],
        enums: vec![
            ("dialect".into(), list(&["ce", "gl", "mixed", "none"]), false),
            ("complexity".into(), list(&["basic", "intermediate", "advanced"]), true),
            ("split".into(), list(&["train", "validation", "test"]), false),
        ],
        names: vec![
            ("source".into(), list(&["manimbench", "bespoke_manim", "thanks"])),
            ("licence".into(), list(&["MIT", "none-stated"])),
        ],
        sets: vec![
            ("uses".into(), list(&["Circle", "Square", "Transform"]), true),
            ("calls".into(), list(&["play", "self.play", "wait"]), true),
            ("topic".into(), list(&["geometry", "calculus"]), false),
            ("tag".into(), list(&["needs-review", "good"]), false),
        ],
        bools: list(&["valid", "scene", "edited"]),
        metas: vec![("title".into(), list(&["vectors", "chapter 2"]))],
        numbered: vec![("year".into(), 1990, 2030)],
        days: list(&["2026-01-01", "2026-01-15", "2026-02-28"]),
        ids: list(&["7", "a0", "0"]),
        columns: list(&[
            "lines",
            "plays",
            "duration",
            "complexity",
            "source",
            "split",
            "state",
            "valid",
            "id",
            "added",
            "rank",
        ]),
        saved: list(&["short", "longest", "ordered", "deep", "rejects"]),
        near: list(&["7f3a21", "0123456789abcdef0123456789abcdef"]),
        patterns: list(&["self.play($$$)", "$A + $A", "for $I in $N: $$$"]),
    }
}

/// Rows at random, with nulls in every field that may have one.
fn samples(rng: &mut Rng, count: usize) -> Vec<Sample> {
    (0..count)
        .map(|row| {
            let source = *rng.pick(&["manimbench", "bespoke_manim", "derivative_537", "thanks"]);
            let mut facts = Facts::default();
            let mut number = |rng: &mut Rng, name: &str, high: i64| {
                if !rng.chance(20) {
                    facts.set(name, FactValue::Int(rng.between(0, high)));
                }
            };
            number(rng, "lines", 100);
            number(rng, "plays", 6);
            if !rng.chance(20) {
                facts.set("duration", FactValue::Real(rng.between(0, 60) as f64 / 2.0));
            }
            facts.set("complexity", FactValue::Word((*rng.pick(&["basic", "intermediate", "advanced"])).to_owned()));
            facts.set("dialect", FactValue::Word((*rng.pick(&["ce", "gl", "none"])).to_owned()));
            facts.set("valid", FactValue::Bool(rng.chance(80)));
            for (set, names) in [("uses", ["Circle", "Square", "Transform"]), ("calls", ["play", "self.play", "wait"])]
            {
                let mut found = BTreeMap::new();
                for name in names {
                    if rng.chance(40) {
                        found.insert(name.to_owned(), rng.between(1, 6) as u32);
                    }
                }
                facts.set(set, if rng.chance(10) { FactValue::Null } else { FactValue::Set(found) });
            }
            let words = |rng: &mut Rng| {
                let all = ["fourier", "series", "circle", "self.play(Create(c))", "sin(x)", "MovingCamera", "x"];
                (0..rng.below(5)).map(|_| *rng.pick(&all)).collect::<Vec<_>>().join(" ")
            };
            let (instruction, code) = (words(rng), words(rng));
            Sample {
                row: row as u32,
                id: SampleId::new(source, &row.to_string()),
                source: source.to_owned(),
                key: row.to_string(),
                locator: format!("file.jsonl:{row}"),
                state: *rng.pick(&[State::Kept, State::Kept, State::Kept, State::Duplicate, State::Rejected]),
                reason: None,
                instruction: (!instruction.is_empty()).then_some(instruction),
                content: scenery::sample::content_hash(&code),
                code,
                revision: *rng.pick(&[RevisionKind::Read, RevisionKind::Edited]),
                cleaners: Vec::new(),
                licence: (*rng.pick(&["MIT", "none-stated"])).to_owned(),
                rank: rng.between(1, 5) as u8,
                level: (source == "derivative_537")
                    .then(|| (*rng.pick(&["foundation", "conceptual", "advanced"])).to_owned()),
                split: *rng.pick(&[None, Some(Side::Train), Some(Side::Test)]),
                held: false,
                split_given: None,
                tags: if rng.chance(30) { BTreeSet::from(["good".to_owned()]) } else { BTreeSet::new() },
                description_kind: DescriptionKind::Human,
                meta: serde_json::Map::from_iter(
                    rng.chance(50).then(|| ("title".to_owned(), "Vectors, chapter 2".into())),
                ),
                family: None,
                added: format!("2026-0{}-1{}T08:00:00Z", rng.between(1, 3), rng.below(10)),
                facts,
                written: None,
            }
        })
        .collect()
}

fn selected(query: &str, rows: &[Sample]) -> Vec<usize> {
    let compiled = compile(query, &Small).unwrap_or_else(|error| panic!("{query}: {error}"));
    naive::select(&compiled.resolved, rows)
}

#[test]
fn laws_hold_over_random_queries_and_rows() {
    let rows = samples(&mut Rng::new(7), 120);
    let kept = selected("", &rows);
    assert!(kept.windows(2).all(|pair| rows[pair[0]].id < rows[pair[1]].id));
    assert!(kept.len() < rows.len() && selected("state:any", &rows).len() == rows.len());
    let mut found = 0;
    for seed in 0..600 {
        let query = random_query(&mut Rng::new(seed), &vocabulary());
        let chosen = selected(&query, &rows);
        let distinct: BTreeSet<usize> = chosen.iter().copied().collect();
        assert_eq!(distinct.len(), chosen.len(), "{query} selects a row twice");
        found += usize::from(!chosen.is_empty());
        let filter = query.split(" | ").next().unwrap_or_default().trim();
        if filter.is_empty() || filter.contains("state") || filter.contains("@rejects") {
            continue;
        }
        let (inside, outside) = (selected(filter, &rows), selected(&format!("not ({filter})"), &rows));
        let mut both: Vec<usize> = inside.iter().chain(&outside).copied().collect();
        both.sort_by_key(|row| rows[*row].id);
        assert_eq!(both, kept, "a filter and its complement are all: {filter}");
        assert_eq!(
            selected(&format!("({filter}) | take 3"), &rows),
            inside.iter().copied().take(3).collect::<Vec<_>>(),
            "{filter}"
        );
    }
    assert!(found > 300, "only {found} of 600 random queries select anything");
}

#[test]
fn meaning_is_as_written() {
    let rows = samples(&mut Rng::new(11), 200);
    let count = |query: &str| selected(query, &rows).len();
    let nulls = rows.iter().filter(|row| row.facts.number("plays").is_none() && row.state == State::Kept).count();
    assert!(nulls > 0);
    assert_eq!(count("-has:plays"), nulls);
    assert_eq!(count("-plays:3"), count("plays!=3") + nulls, "`-` takes nulls in, `!=` leaves them out");
    assert_eq!(count("calls.play:0") + count("calls.play>=1"), count("calls.play:0.."));
    assert_eq!(count("level>=conceptual"), count("source:derivative_537 level:(conceptual or advanced)"));
    let longest = selected("@longest", &rows);
    assert!(longest.windows(2).all(|pair| rows[pair[0]].facts.number("lines") >= rows[pair[1]].facts.number("lines")));
    let mut by_id = longest.clone();
    by_id.sort_by_key(|row| rows[*row].id);
    assert_eq!(selected("@longest is:valid", &rows), by_id, "inside an expression it is a set");
    let nulls_last = |query: &str| {
        let values: Vec<bool> =
            selected(query, &rows).iter().map(|row| rows[*row].facts.number("plays").is_none()).collect();
        values.windows(2).all(|pair| pair[0] <= pair[1])
    };
    assert!(nulls_last("| sort plays") && nulls_last("| sort -plays"));
    let (few, more) = (selected("| sample 10 seed 3", &rows[..150]), selected("| sample 10 seed 3", &rows));
    assert!(few.iter().filter(|row| more.contains(row)).count() >= 5, "a sample is stable under growth");
    assert_eq!(count("| sample 40 by complexity"), 40);
    assert_eq!(count("| per complexity 2"), 6);
}
