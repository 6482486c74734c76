//! `issue`: every rule that fired, and what the reader noticed.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Contribution, Example, Extractor, Kind};
use crate::analyze::rules::{Finding, RULES, Rule, findings};
use crate::sample::FactValue;

/// The feature `issue`.
pub static ENTRY: Extractor = Extractor {
    name: "issue",
    kind: Kind::Set,
    unit: "",
    doc: "Rules that the sample breaks (`no-scene`, `unknown-api`, ...) and what its reader noticed (`asset:logo.png`).",
    query: "-issue:(no-scene or unknown-api)",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.play(Create(Circle()))\n        self.play(FadeOut(Circle()))\n",
            instruction: "Draw a circle and remove it.",
            value: "{}",
        },
        Example {
            code: "x = 1\n",
            instruction: "",
            value: "{\"few-animations\":1,\"no-description\":1,\"no-scene\":1}",
        },
        Example {
            code: "x = (\n",
            instruction: "Show the circle.",
            value: "{\"short-description\":1,\"syntax-error\":1}",
        },
    ],
    extract,
    why: Some(why),
};

fn fired(subject: &Subject<'_>) -> impl Iterator<Item = &'static Rule> {
    let found = RULES.iter().zip(findings(subject));
    found.filter(|(_, finding)| **finding == Finding::Fired).map(|(rule, _)| rule)
}

fn extract(subject: &Subject<'_>) -> FactValue {
    let fired = fired(subject).map(|rule| rule.name.to_owned());
    FactValue::Set(fired.chain(subject.reader_issues.iter().cloned()).map(|name| (name, 1)).collect())
}

fn why(subject: &Subject<'_>) -> Vec<Contribution> {
    let rules = fired(subject).map(|rule| Contribution { what: format!("{}: {}", rule.name, rule.doc), points: 0.0 });
    let noticed =
        subject.reader_issues.iter().map(|issue| Contribution { what: format!("{issue}: the reader"), points: 0.0 });
    rules.chain(noticed).collect()
}
