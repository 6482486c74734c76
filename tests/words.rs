//! What is looked for in texts and what is said of the rest: symbols, stars, accents, numbers out of reach; and counts.

use std::collections::BTreeMap;

use regex::Regex;
use scenery::analyze::features::Kind;
use scenery::query::plan::Home;
use scenery::query::{MAX_PHRASE, QueryError, Saved, Vocabulary, compile, fields};
use scenery::slice::{self, GroupKey, vocabulary::StoreVocabulary};
use scenery::store::Store;
use serde_json::{Value, json};

use crate::corpus::{Scratch, all_samples, change, edit, random_store};
use crate::query_gen::Rng;

/// Knows how long its samples are.
struct Ranged;

impl Vocabulary for Ranged {
    fn values(&self, _: &str) -> Option<Vec<(String, u64)>> {
        None
    }
    fn range(&self, field: &str) -> Option<(f64, f64)> {
        (field == "lines").then_some((3.0, 812.0))
    }
    fn meta_names(&self) -> Vec<String> {
        Vec::new()
    }
    fn levels(&self, _: Option<i64>) -> Vec<(String, Vec<String>)> {
        Vec::new()
    }
    fn saved(&self, _: &str) -> Option<Saved> {
        None
    }
    fn saved_names(&self) -> Vec<String> {
        Vec::new()
    }
}

fn notes(query: &str) -> Vec<String> {
    let compiled = compile(query, &Ranged).unwrap_or_else(|error| panic!("{query}: {error}"));
    compiled.plan.notes.into_iter().map(|note| note.message).collect()
}

fn wrong(query: &str) -> QueryError {
    compile(query, &Ranged).expect_err(query)
}

#[test]
fn symbols_that_are_not_searched_for_are_named_with_an_expression_that_compiles() {
    for (query, searched) in [
        ("C++", "the word `c`"),
        ("C#", "the word `c`"),
        ("x^2", "the phrase `x 2`"),
        ("5!", "the word `5`"),
        ("a→b", "the phrase `a b`"),
        ("\"a == b\"", "the phrase `a b`"),
        ("\"two\\nlines + more\"", "the phrase `two \\nlines more`"),
        ("code:\"x/y <= 1\"", "the phrase `x y 1`"),
        ("instruction:C++", "the word `c`"),
        ("meta.title:C++", "the word `c`"),
    ] {
        let notes = notes(query);
        assert_eq!(notes.len(), 1, "{query}: {notes:?}");
        let (said, expression) = notes[0].split_once("; ").expect("two parts");
        assert!(said.contains(searched), "{said}");
        let expression = expression.strip_suffix(" finds it literally").expect("what finds it");
        compile(expression, &Ranged).unwrap_or_else(|error| panic!("{query} → {expression}: {error}"));
    }
}

#[test]
fn punctuation_is_passed_over_in_silence() {
    for query in [
        "self.play",
        "sin(x)",
        "f'(x)",
        "two-dimensional",
        "and/or",
        "circ*",
        "self.pl*",
        "\\frac{d}{dx}",
        "圆形",
        "run_time",
        "__init__",
        "\"Hello, world! What? No.\"",
        "/C\\+\\+/",
    ] {
        assert_eq!(notes(query), Vec::<String>::new(), "{query}");
    }
    assert_eq!(
        notes("_size")[0],
        "`_size` is looked for as a whole name; `size` finds it as a part of names, /_size/ anywhere"
    );
    assert!(notes("code:_size*")[0].contains("the beginning of a name; `code:size` finds"));
}

#[test]
fn a_star_inside_a_word_is_answered_with_an_expression_that_does_it() {
    for (query, finds) in [
        ("Tr*form", "transform"),
        ("*form", "transform"),
        ("self.*", "self.play"),
        ("code:M*C*Scene", "MovingCameraScene"),
    ] {
        let error = wrong(query);
        assert_eq!(error.kind, "value");
        assert_eq!(error.suggestions.len(), 2, "{query}");
        let pattern = error.suggestions[0].trim_start_matches("code:").trim_matches('i').trim_matches('/');
        assert!(Regex::new(&format!("(?i){pattern}")).expect("an expression").is_match(finds), "{pattern}");
    }
    assert_eq!(wrong("2*x").suggestions[1], "/2\\*x/");
    assert_eq!(wrong("+++").suggestions, ["/\\+\\+\\+/"]);
    assert_eq!(wrong("code:(+++ or x)").suggestions[0], "code:(/\\+\\+\\+/ or x)");
    compile("uses:*Axes", &Ranged).expect("in names a star stands anywhere");
}

#[test]
fn a_phrase_has_an_end() {
    let phrase = |words: usize| format!("is:valid \"{}\"", "a b ".repeat(words / 2));
    compile(&phrase(MAX_PHRASE), &Ranged).expect("as many as may be");
    for query in [phrase(500_000), format!("is:valid {}", "x".repeat(1 << 20))] {
        let error = wrong(&query);
        assert_eq!((error.kind, error.span.0), ("value", "is:valid ".len()));
        assert!(error.message.contains("at most 1000"), "{}", error.message);
        assert!(error.suggestions.len() == 1 && error.suggestions[0].len() < 2_000);
    }
}

#[test]
fn numbers_that_no_row_can_have_are_said() {
    for (query, said) in [
        ("lines:-5", "no row can match `lines = -5`: `lines` is at least 0"),
        ("duration<0", "no row can match `duration < 0`: `duration` is at least 0"),
        ("calls.play:..-1", "no row can match `calls.play <= -1`: `calls.play` is at least 0"),
        ("complexity.score>100", "no row can match `complexity.score > 100`: `complexity.score` is from 0 to 100"),
        ("rank=0", "no row can match `rank = 0`: `rank` is from 1 to 5"),
        ("lines>812", "no sample here matches `lines > 812`: `lines` goes from 3 to 812"),
        ("lines:1..2", "no sample here matches `lines in 1..2`: `lines` goes from 3 to 812"),
    ] {
        assert_eq!(notes(query), [said]);
    }
    for query in ["lines>=0", "lines:3", "lines!=-5", "lines<=812", "added<1900-01-01", "quality=100", "plays>1e9"] {
        assert_eq!(notes(query), Vec::<String>::new(), "{query}");
    }
}

/// The ids that a query selects, none where it selects nothing.
fn selected(store: &Store, query: &str) -> Vec<String> {
    let compiled = compile(query, &StoreVocabulary::new(store)).unwrap_or_else(|error| panic!("{query}: {error}"));
    let slice = slice::select(store, &compiled.plan, usize::MAX).expect("it runs");
    slice.rows.iter().map(|(_, id)| id.to_string()).collect()
}

#[test]
fn accents_are_found_however_they_are_written() {
    let folder = Scratch::new("accents");
    let mut store = random_store(&folder, &mut Rng::new(31), 40);
    let samples = all_samples(&store);
    let texts = ["a zigzag of Ko\u{308}nig", "a zigzag of König", "a zigzag of Konig"];
    for (sample, text) in samples.iter().zip(texts) {
        edit(&mut store, sample.row, Some(text), "x = 1\n", "2026-05-01T00:00:00Z");
    }
    let of = |query: &str| -> Vec<usize> {
        let found = selected(&store, query);
        (0..3).filter(|at| found.contains(&samples[*at].id.to_string())).collect()
    };
    assert_eq!(of("zigzag state:any"), [0, 1, 2]);
    assert_eq!(of("König state:any"), [0, 1]);
    assert_eq!(of("ko\u{308}nig state:any"), [0, 1]);
    assert_eq!(of("konig state:any"), [0, 1, 2]);
    assert_eq!(of("\"of konig\" state:any"), [0, 1, 2]);
    assert_eq!(of("kön* state:any"), [0, 1]);
}

#[test]
fn numbers_beyond_those_of_the_store_are_said() {
    let folder = Scratch::new("beyond");
    let store = random_store(&folder, &mut Rng::new(32), 40);
    let compiled = compile("added>2090-01-01 lines>100000", &StoreVocabulary::new(&store)).expect("it compiles");
    let notes: Vec<&str> = compiled.plan.notes.iter().map(|note| note.message.as_str()).collect();
    assert!(notes[0].ends_with("`added` goes from 2026-01-03 to 2026-03-31"), "{notes:?}");
    assert!(notes[1].starts_with("no sample here matches `lines > 100000`"), "{notes:?}");
}

#[test]
fn fields_are_counted_as_their_rows_say() {
    let folder = Scratch::new("tally");
    let mut store = random_store(&folder, &mut Rng::new(33), 160);
    for stage in 0..3 {
        if stage > 0 {
            let changes: Vec<_> = all_samples(&store)
                .iter()
                .filter(|sample| sample.row % 3 == stage)
                .map(|sample| (sample.row, json!({ "state": "rejected", "reason": "off-topic" })))
                .collect();
            change(&mut store, &changes, "2026-05-01T00:00:00Z");
        }
        if stage == 2 {
            let row = all_samples(&store)[5].row;
            edit(&mut store, row, None, "from manim import *\n", "2026-05-02T00:00:00Z");
        }
        let columns = store.columns().expect("columns");
        let kept = columns.filter_words("state", &|state| state == "kept");
        let index = store.index();
        let tally = index.tally(&kept).expect("a tally");
        for info in fields::all() {
            let field = info.field();
            if !matches!(field.home, Home::Fact | Home::Row | Home::Column) {
                continue;
            }
            let values = slice::values_of(&store, &field, &kept).expect("values");
            let mut counts: BTreeMap<GroupKey, u64> = BTreeMap::new();
            values.values().flatten().for_each(|value| *counts.entry(value.clone()).or_default() += 1);
            let numbers = tally.numbers(&field.name).expect("numbers");
            let (given, found) = match (field.home, numbers) {
                (Home::Column, _) => columns.counts_among(&field.name, &kept),
                (_, Some(numbers)) => {
                    let key = |number: f64| match info.name {
                        "added" => GroupKey::Word(slice::date_of(number as i64)),
                        _ => GroupKey::number(number),
                    };
                    assert_eq!(numbers.rows, values.len() as u64, "{}", info.name);
                    assert_eq!(counts.keys().next(), Some(&key(numbers.least)), "{}", info.name);
                    assert_eq!(counts.keys().next_back(), Some(&key(numbers.greatest)), "{}", info.name);
                    continue;
                }
                (_, None) => (tally.given(&field.name).expect("a count"), tally.words(&field.name).expect("words")),
            };
            if info.name == "rank" {
                continue;
            }
            assert_eq!(given, values.len() as u64, "{} at stage {stage}", info.name);
            let found: BTreeMap<GroupKey, u64> =
                found.into_iter().map(|(word, count)| (GroupKey::Word(word), count)).collect();
            assert_eq!(found, counts, "{} at stage {stage}", info.name);
        }
    }
}

#[test]
fn groups_of_several_fields_count_every_combination() {
    let folder = Scratch::new("combined");
    let store = random_store(&folder, &mut Rng::new(34), 120);
    let field = |name: &str| {
        let info = fields::find(name).expect("a field").field();
        scenery::query::plan::Field { name: name.to_owned(), ..info }
    };
    let all = compile("| skip 3", &StoreVocabulary::new(&store)).expect("it compiles");
    for names in [&["uses", "topic"][..], &["meta.episode", "source"], &["topic", "level", "valid"], &["id"], &["key"]]
    {
        let asked: Vec<_> = names.iter().map(|name| field(name)).collect();
        let (total, groups) = slice::count_by(&store, &all.plan, &asked).expect("it counts");
        let rows = slice::select(&store, &all.plan, usize::MAX).expect("it runs").rows;
        assert_eq!(total, rows.len() as u64);
        let wanted = rows.iter().map(|(row, _)| *row).collect();
        let columns: Vec<_> =
            asked.iter().map(|field| slice::values_of(&store, field, &wanted).expect("values")).collect();
        let mut counted: BTreeMap<String, u64> = BTreeMap::new();
        for (row, _) in &rows {
            let mut keys = vec![Vec::new()];
            for column in &columns {
                let values = column.get(row).cloned().unwrap_or_else(|| vec![GroupKey::Null]);
                keys = keys
                    .iter()
                    .flat_map(|key: &Vec<GroupKey>| {
                        values.iter().map(|value| [key.as_slice(), std::slice::from_ref(value)].concat())
                    })
                    .collect();
            }
            for key in keys {
                // yes and no are true and false, whatever the words for them are
                let shown = |(key, field): (&GroupKey, &scenery::query::plan::Field)| match (key.json(), field.kind) {
                    (Value::String(word), Kind::Bool) => Value::Bool(word == "true"),
                    (other, _) => other,
                };
                let key: Vec<Value> = key.iter().zip(&asked).map(shown).collect();
                *counted.entry(json!(key).to_string()).or_default() += 1;
            }
        }
        let groups: BTreeMap<String, u64> = groups
            .into_iter()
            .map(|group| (json!(group.key.values().collect::<Vec<_>>()).to_string(), group.count))
            .collect();
        assert_eq!(groups, counted, "{names:?}");
    }
}
