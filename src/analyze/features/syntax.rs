//! `syntax`: `valid`, `newer` where only Python 3.12 or later accepts the code, or `invalid`.

use crate::analyze::facts::Subject;
use crate::analyze::facts::{Syntax, SyntaxError};
use crate::analyze::features::{Contribution, Example, Extractor, Kind};
use crate::sample::FactValue;

/// The feature `syntax`.
pub static ENTRY: Extractor = Extractor {
    name: "syntax",
    kind: Kind::Enum { words: &["valid", "newer", "invalid"], ordered: false },
    unit: "",
    doc: "`valid`, `newer` where only Python 3.12 or later accepts the code, or `invalid`.",
    query: "syntax!=invalid",
    version: 1,
    examples: &[
        Example { code: "a = 1\n", instruction: "", value: "\"valid\"" },
        Example { code: "x = f'{d['a']}'\n", instruction: "", value: "\"newer\"" },
        Example { code: "class A(Scene:\n  x = 1", instruction: "", value: "\"invalid\"" },
    ],
    extract,
    why: Some(why),
};

fn extract(subject: &Subject<'_>) -> FactValue {
    let word = match subject.facts.syntax {
        Syntax::Valid => "valid",
        Syntax::Newer => "newer",
        Syntax::Invalid(_) => "invalid",
    };
    FactValue::Word(word.to_owned())
}

fn why(subject: &Subject<'_>) -> Vec<Contribution> {
    let what = match &subject.facts.syntax {
        Syntax::Valid => "parses".to_owned(),
        Syntax::Newer => "needs Python 3.12 or later".to_owned(),
        Syntax::Invalid(SyntaxError { line, column, class, message }) => {
            format!("line {line}, column {column}: {class}: {message}")
        }
    };
    vec![Contribution { what, points: 0.0 }]
}
