//! `duration`: seconds that the scenes show, as far as the text says.
//!
//! The sum of run times and waits: a helper method counts as often as it is called, a loop of known length as often as
//! it runs, one of unknown length once, and of the branches of a condition the first. `duration_exact` is false where
//! any of that, or an expression that does not fold to a number, was needed, and where the sum exceeds a day, which is the
//! most that is said: no scene runs so long, but `range(10**9)` would.

use std::collections::BTreeMap;

use crate::analyze::facts::{CodeFacts, Subject};
use crate::analyze::features::{Contribution, Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `duration`.
pub static ENTRY: Extractor = Extractor {
    name: "duration",
    kind: Kind::Real,
    unit: "s",
    doc: "Seconds on the screen: the static sum of run times and waits; see `duration_exact`.",
    query: "duration:10..60",
    version: 2,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.play(Create(Dot()), run_time=2)\n        for i in range(3):\n            self.wait(0.5)\n",
            instruction: "",
            value: "3.5",
        },
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.step()\n        self.step()\n    def step(self):\n        self.wait()\n",
            instruction: "",
            value: "2.0",
        },
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        for i in range(999_999):\n            self.wait()\n",
            instruction: "",
            value: "86400.0",
        },
        Example { code: "x = 1\n", instruction: "", value: "null" },
    ],
    extract,
    why: Some(why),
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| match total(facts) {
        Some((seconds, _)) => FactValue::Real((seconds * 1000.0).round() / 1000.0),
        None => FactValue::Null,
    })
}

fn why(subject: &Subject<'_>) -> Vec<Contribution> {
    let mut calls = Calls::new(subject.facts);
    let times = subject.facts.times.iter().filter(|time| !time.alternative);
    let mut list: Vec<Contribution> = times
        .map(|time| {
            let (often, _) = calls.often(&time.within);
            let turns = time.repeats.unwrap_or(1) as f64 * often;
            let about = if time.exact && time.repeats.is_some() { "" } else { " (about)" };
            let what = format!("line {}: {} of {} s, {turns} times{about}", time.line, time.what, time.seconds);
            Contribution { what, points: time.seconds * turns }
        })
        .collect();
    let sum: f64 = list.iter().map(|part| part.points).sum();
    if sum > MAX_SECONDS {
        list.push(Contribution { what: format!("no more than {MAX_SECONDS} s are said"), points: MAX_SECONDS - sum });
    }
    list
}

/// Seconds, and whether they are certain; none for a text without scenes.
pub(super) fn total(facts: &CodeFacts) -> Option<(f64, bool)> {
    facts.scenes().next()?;
    let mut calls = Calls::new(facts);
    let (mut seconds, mut exact) = (0.0, true);
    for time in &facts.times {
        let (often, certain) = calls.often(&time.within);
        exact &= time.exact && certain && time.repeats.is_some() && !time.alternative;
        if !time.alternative {
            seconds += time.seconds * time.repeats.unwrap_or(1) as f64 * often;
        }
    }
    if seconds.is_finite() && seconds <= MAX_SECONDS { Some((seconds, exact)) } else { Some((MAX_SECONDS, false)) }
}

/// Most seconds that are said: a day.
const MAX_SECONDS: f64 = 86_400.0;

/// How deep helper methods are followed into one another.
const MAX_DEPTH: u32 = 16;

/// How often functions run.
struct Calls<'a> {
    facts: &'a CodeFacts,
    known: BTreeMap<&'a str, (f64, bool)>,
    depth: u32,
}

impl<'a> Calls<'a> {
    fn new(facts: &'a CodeFacts) -> Self {
        Calls { facts, known: BTreeMap::new(), depth: 0 }
    }

    /// How often a function runs, and whether that is certain.
    fn often(&mut self, within: &'a str) -> (f64, bool) {
        let last = within.rsplit('.').next().unwrap_or(within);
        if matches!(last, "" | "construct" | "setup" | "tear_down") {
            return (1.0, true);
        }
        if let Some(known) = self.known.get(within) {
            return *known;
        }
        if self.depth >= MAX_DEPTH {
            return (1.0, false);
        }
        // What calls itself is taken to run once.
        self.known.insert(within, (1.0, false));
        self.depth += 1;
        let facts = self.facts;
        let sites = facts.calls.iter().filter(|call| {
            let method = call.name.rsplit_once('.').map_or(call.name.as_str(), |(_, method)| method);
            method == last && *call.within != *within
        });
        let (mut count, mut exact, mut sites_seen) = (0.0, true, 0);
        for site in sites {
            let (often, certain) = self.often(&site.within);
            count += often * site.repeats.unwrap_or(1) as f64;
            exact &= certain && site.repeats.is_some() && !site.conditional;
            sites_seen += 1;
        }
        self.depth -= 1;
        // A function that nothing calls may be called by what is not in sight.
        let result = if sites_seen == 0 { (0.0, false) } else { (count, exact) };
        self.known.insert(within, result);
        result
    }
}
