//! Any text as a query: it is read or refused, never with a panic, and the laws of the language hold.
//!
//! - What parses prints as a query that parses to the same tree.
//! - Every suggestion of an error parses; those of an error of the whole compile.
//! - An error marks a place that is there.
//! - Reading takes time in proportion to the length: a short text is also read many times over, as one text, within
//!   a time that a linear reader cannot come near.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use scenery::query::{QueryError, Saved, Vocabulary, compile, parse};

/// Length of a repeated text, in bytes; a quadratic reader would need minutes for it.
const LONG: usize = 1 << 16;

/// How long a repeated text may take of the processor; it takes some hundredths of a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// A store that knows a little, so that names are looked up.
struct Small;

const SAVED: &[(&str, &str)] = &[
    ("short", "# args: hi=40\nlines:..{hi} complexity:basic"),
    ("between", "# args: lo, hi=80\nlines:{lo}..{hi}"),
    ("longest", "is:valid | sort -lines | take 10"),
    ("about", "# args: what\n{what} -tag:needs-review"),
    ("deep", "@longest uses:Circle"),
    ("loop", "tag:x or @loop"),
    ("broken", "linez<20 is:valid"),
    ("unclosed", "(lines<20"),
    ("outer", "is:valid @broken"),
];

impl Vocabulary for Small {
    fn values(&self, field: &str) -> Option<Vec<(String, u64)>> {
        let names: &[&str] = match field {
            "source" => &["manimbench", "bespoke_manim", "a,b"],
            "uses" => &["Circle", "Square", "Transform"],
            "calls" => &["play", "self.play", "wait"],
            "topic" => &["geometry", "calculus"],
            "tag" => &["needs-review"],
            "level" => &["foundation", "advanced"],
            "licence" => &["MIT", "none-stated"],
            _ => return None,
        };
        Some(names.iter().map(|name| ((*name).to_owned(), 3)).collect())
    }

    fn range(&self, field: &str) -> Option<(f64, f64)> {
        (field == "lines").then_some((3.0, 500.0))
    }

    fn ids(&self, digits: &str, limit: usize, _: bool) -> Option<Vec<String>> {
        let known = ["7f3a21", "7f3a22", "00ff00"].map(|head| format!("{head}{}", "0".repeat(26)));
        Some(known.into_iter().filter(|id| id.starts_with(digits)).take(limit).collect())
    }

    fn meta_names(&self) -> Vec<String> {
        vec!["title".to_owned(), "year".to_owned()]
    }

    fn levels(&self, _: Option<i64>) -> Vec<(String, Vec<String>)> {
        vec![("manimbench".to_owned(), vec!["foundation".to_owned(), "advanced".to_owned()])]
    }

    fn saved(&self, name: &str) -> Option<Saved> {
        let (name, text) = SAVED.iter().find(|(known, _)| *known == name)?;
        Some(Saved { text: (*text).to_owned(), path: format!("queries/{name}.q") })
    }

    fn saved_names(&self) -> Vec<String> {
        SAVED.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

fn marks_a_place(text: &str, error: &QueryError) {
    assert!(text.get(error.span.0..error.span.1).is_some(), "{text:?}: no such place: {error:?}");
    for place in &error.trace {
        assert!(place.text.get(place.span.0..place.span.1).is_some(), "{text:?}: no such place: {place:?}");
    }
}

fn laws(text: &str) {
    match parse(text) {
        Ok(parsed) => {
            let printed = parsed.to_string();
            match parse(&printed) {
                Ok(again) => assert!(
                    again.without_places() == parsed.without_places(),
                    "{text:?} prints as {printed:?}, another query"
                ),
                Err(error) => panic!("{text:?} prints as {printed:?}: {error}"),
            }
        }
        Err(error) => {
            marks_a_place(text, &error);
            for suggestion in &error.suggestions {
                assert!(parse(suggestion).is_ok(), "{text:?}: {error}: {suggestion:?} does not parse");
            }
        }
    }
    match compile(text, &Small) {
        Ok(compiled) => {
            let _ = (compiled.resolved.to_string(), compiled.plan.to_string());
        }
        Err(error) => {
            marks_a_place(text, &error);
            for suggestion in &error.suggestions {
                assert!(compile(suggestion, &Small).is_ok(), "{text:?}: {error}: {suggestion:?} does not compile");
            }
        }
    }
}

/// What this thread has had of the processor; a machine that is busy with other things must not look like a slow reader.
/// Where the system does not tell, nothing: then the time limit of the fuzzer itself is all there is.
fn spent() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

fuzz_target!(|text: &str| {
    laws(text);
    let turn = text.bytes().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    if !text.is_empty() && text.len() <= 32 && turn % 8 == 0 {
        let long = text.repeat(LONG / text.len());
        let begun = spent();
        let _ = parse(&long).map(|parsed| parsed.to_string());
        let took = spent().saturating_sub(begun);
        assert!(took < PATIENCE, "{text:?} read {} times took {took:?}", LONG / text.len());
    }
});
