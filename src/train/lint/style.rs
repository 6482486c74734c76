//! W11: ways of writing in which answers differ although nothing asks for it.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::rows::Subject;
use super::statistics::{effective_number, entropy};
use super::{Check, Found, Outcome, Severity, Table, percent, rounded};
use crate::sample::Side;
use crate::similarity::lexer::{Token, TokenKind, tokens};

/// A way of writing: its name, and how a text does it; none where it does not.
struct Way {
    name: &'static str,
    of: fn(&str, &[Token<'_>]) -> Option<String>,
}

/// Smallest share of the second most frequent way that makes a difference.
const LEAST_SHARE: f64 = 0.05;
/// Ways less frequent than this are counted together.
const NAMED_SHARE: f64 = 0.02;

const WAYS: &[Way] = &[
    Way { name: "import of manim", of: import },
    Way { name: "name of the first class", of: class_name },
    Way { name: "quotes of strings", of: quotes },
    Way { name: "filling of strings", of: filling },
    Way { name: "docstrings", of: |_, tokens| yes(tokens.iter().any(is_triple), "some", "none") },
    Way { name: "comments", of: |text, tokens| yes(has_comment(text, tokens), "some", "none") },
    Way { name: "indentation", of: indentation },
    Way { name: "`construct` returns", of: |_, tokens| returns(tokens) },
    Way {
        name: "`if __name__`",
        of: |_, tokens| yes(tokens.iter().any(|token| token.text == "__name__"), "there", "not there"),
    },
];

fn yes(is: bool, word: &str, other: &str) -> Option<String> {
    Some(if is { word } else { other }.to_owned())
}

/// How Manim comes in.
fn import(_: &str, tokens: &[Token<'_>]) -> Option<String> {
    let mut ways: Vec<String> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let next = |step: usize| tokens.get(at + step).map_or("", |token| token.text);
        let way = match (token.text, next(1)) {
            ("from", module @ ("manim" | "manimlib" | "manimce" | "big_ol_pile_of_manim_imports")) => {
                // `from manim.mobject.x import y` has dots before its `import`.
                let place = (2..40).find(|step| next(*step) == "import")?;
                let part = if place > 2 { ".…" } else { "" };
                format!("from {module}{part} import {}", if next(place + 1) == "*" { "*" } else { "names" })
            }
            ("import", module @ ("manim" | "manimlib")) => {
                format!("import {module}{}", if next(2) == "as" { " as …" } else { "" })
            }
            _ => continue,
        };
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways.sort();
    Some(if ways.is_empty() { "none".to_owned() } else { ways.join(" + ") })
}

fn class_name(_: &str, tokens: &[Token<'_>]) -> Option<String> {
    let at = tokens.iter().position(|token| token.text == "class")?;
    Some(tokens.get(at + 1)?.text.to_owned())
}

fn quote_of(token: &Token<'_>) -> Option<(char, bool)> {
    let body = token.text.trim_start_matches(|ch: char| ch.is_ascii_alphabetic());
    let quote = body.chars().next()?;
    Some((quote, body.starts_with(&quote.to_string().repeat(3))))
}

fn is_triple(token: &Token<'_>) -> bool {
    token.kind == TokenKind::String && quote_of(token).is_some_and(|(_, triple)| triple)
}

fn quotes(_: &str, tokens: &[Token<'_>]) -> Option<String> {
    let (mut single, mut double) = (false, false);
    for token in tokens.iter().filter(|token| token.kind == TokenKind::String && !is_triple(token)) {
        match quote_of(token) {
            Some(('\'', _)) => single = true,
            Some(('"', _)) => double = true,
            _ => {}
        }
    }
    let word = match (single, double) {
        (true, true) => "both",
        (true, false) => "single",
        (false, true) => "double",
        (false, false) => return None,
    };
    Some(word.to_owned())
}

fn filling(_: &str, tokens: &[Token<'_>]) -> Option<String> {
    let mut ways = Vec::new();
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == TokenKind::String) {
        let prefix: String = token.text.chars().take_while(char::is_ascii_alphabetic).collect();
        let next = |step: usize| tokens.get(at + step).map_or("", |token| token.text);
        if prefix.to_ascii_lowercase().contains('f') && token.text.contains('{') {
            ways.push("f-string");
        } else if next(1) == "." && next(2) == "format" {
            ways.push("format()");
        } else if next(1) == "%" {
            ways.push("%");
        }
    }
    ways.sort_unstable();
    ways.dedup();
    if ways.is_empty() { None } else { Some(ways.join(" + ")) }
}

/// Whether a `#` stands between two tokens: there are no others there than those of comments.
fn has_comment(text: &str, tokens: &[Token<'_>]) -> bool {
    let starts = tokens.iter().map(|token| token.start).chain([text.len()]);
    let ends = [0].into_iter().chain(tokens.iter().map(Token::end));
    ends.zip(starts).any(|(from, to)| text[from..to].contains('#'))
}

fn indentation(text: &str, _: &[Token<'_>]) -> Option<String> {
    let first = text.lines().find(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty())?;
    let blanks = first.bytes().take_while(|byte| *byte == b' ').count();
    Some(if first.starts_with('\t') { "tabs".to_owned() } else { format!("{blanks} blanks") })
}

fn returns(tokens: &[Token<'_>]) -> Option<String> {
    let at = tokens.windows(2).position(|pair| pair[0].text == "def" && pair[1].text == "construct")?;
    let rest = &tokens[at..];
    let colon = rest.windows(2).position(|pair| pair[0].text == ")" && matches!(pair[1].text, ":" | "->" | "-"))?;
    yes(rest[colon + 1].text == ":", "no annotation", "-> None")
}

/// W11.
pub static STYLE: Check = Check {
    code: "W11",
    name: "answer-styles",
    severity: Severity::Warning,
    doc: "Answers of the train side are written in several ways although nothing asks for it; a small model has to guess.",
    remedy: "Where one way is wanted, select it (`imports:`, `code:`), or leave it: variety of sources is no fault.",
    run: |subject| {
        let texts: Vec<&str> = trained(subject);
        if texts.is_empty() {
            return Outcome::Untold(match subject.dataset {
                Some(_) => "no row is on the train side".to_owned(),
                None => "where an answer begins is not known (`prompt_ids`)".to_owned(),
            });
        }
        let told: Vec<Vec<Option<String>>> = texts
            .par_iter()
            .map(|text| {
                let tokens: Vec<Token<'_>> = tokens(text).collect();
                WAYS.iter().map(|way| (way.of)(text, &tokens)).collect()
            })
            .collect();
        let mut found = Found::default();
        for (at, way) in WAYS.iter().enumerate() {
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            for each in &told {
                if let Some(word) = &each[at] {
                    *counts.entry(word).or_default() += 1;
                }
            }
            found.tables.extend(table(way.name, counts));
        }
        if found.tables.is_empty() {
            return Outcome::Clean;
        }
        let names: Vec<&str> = found.tables.iter().map(|table| table.title.as_str()).collect();
        found.message = format!("answers differ in {}", names.join(", "));
        Outcome::Found(found)
    },
};

/// Answers that are trained on: all where rows have no sides.
fn trained<'a>(subject: &'a Subject<'_>) -> Vec<&'a str> {
    let rows = subject.rows.iter().filter(|row| row.side.is_none_or(|side| side == Side::Train));
    rows.filter_map(|row| row.response.as_deref()).collect()
}

/// The ways of one kind, where they really differ.
fn table(name: &str, counts: BTreeMap<&str, u64>) -> Option<Table> {
    let total: u64 = counts.values().sum();
    let share = |count: u64| count as f64 / total.max(1) as f64;
    let mut ways: Vec<(&str, u64)> = counts.into_iter().collect();
    ways.sort_by_key(|(way, count)| (std::cmp::Reverse(*count), *way));
    // What stands in one row only, or in few, is no way of its own: names of classes are all different in most data.
    let is_way = |count: u64| count > 1 && share(count) >= NAMED_SHARE;
    let (named, rare): (Vec<_>, Vec<_>) = ways.iter().partition(|(_, count)| is_way(*count));
    let others: u64 = rare.iter().map(|(_, count)| *count).sum();
    let mut sizes: Vec<u64> = named.iter().map(|(_, count)| *count).chain([others]).collect();
    sizes.sort_unstable();
    if sizes.len() < 2 || share(sizes[sizes.len() - 2]) < LEAST_SHARE {
        return None;
    }
    let mut rows: Vec<Vec<serde_json::Value>> = named
        .iter()
        .map(|(way, count)| vec![(*way).into(), (*count).into(), percent(*count as usize, total as usize)])
        .collect();
    if others > 0 {
        let what = format!("({} others)", rare.len());
        rows.push(vec![what.into(), others.into(), percent(others as usize, total as usize)]);
    }
    let all: Vec<u64> = ways.iter().map(|(_, count)| *count).collect();
    let notes =
        vec![format!("entropy {:.2} bits; effective number {}", entropy(&all), rounded(effective_number(&all), 2))];
    Some(Table { title: name.to_owned(), head: ["way", "rows", "%"].map(str::to_owned).to_vec(), rows, notes })
}

#[cfg(test)]
mod tests {
    use super::super::rows::for_tests::{clean, codes, lint};
    use super::*;

    fn told(text: &str) -> BTreeMap<&'static str, Option<String>> {
        let list: Vec<Token<'_>> = tokens(text).collect();
        WAYS.iter().map(|way| (way.name, (way.of)(text, &list))).collect()
    }

    #[test]
    fn each_way_is_told() {
        let one = told(
            "from manim import *\n\nclass A(Scene):\n    \"\"\"Says.\"\"\"\n    def construct(self) -> None:\n        # so\n        x = f\"{1}\" + 'a'\n\nif __name__ == '__main__':\n    pass\n",
        );
        let word = |told: &BTreeMap<&str, Option<String>>, name: &str| told[name].clone().unwrap_or_default();
        assert_eq!(word(&one, "import of manim"), "from manim import *");
        assert_eq!(word(&one, "name of the first class"), "A");
        assert_eq!(word(&one, "quotes of strings"), "both");
        assert_eq!(word(&one, "filling of strings"), "f-string");
        assert_eq!((word(&one, "docstrings"), word(&one, "comments")), ("some".to_owned(), "some".to_owned()));
        assert_eq!(word(&one, "`construct` returns"), "-> None");
        assert_eq!(word(&one, "`if __name__`"), "there");
        let two = told(
            "import manim as m\nfrom manim.utils import a, b\nclass B:\n\tdef construct(self):\n\t\tx = \"%s\" % 1\n",
        );
        assert_eq!(word(&two, "import of manim"), "from manim.… import names + import manim as …");
        assert_eq!((word(&two, "indentation"), word(&two, "filling of strings")), ("tabs".to_owned(), "%".to_owned()));
        assert_eq!(word(&two, "`construct` returns"), "no annotation");
        assert_eq!((two["quotes of strings"].as_deref(), two["docstrings"].as_deref()), (Some("double"), Some("none")));
        assert_eq!(told("color = '#fff'")["comments"].as_deref(), Some("none"));
    }

    #[test]
    fn ways_that_differ_are_w11_and_one_row_in_a_hundred_is_no_difference() {
        let mut examples = clean();
        for example in examples.iter_mut().step_by(3) {
            let response = example.field("response").replace("from manim import *", "import manim");
            example.fields.insert("response".to_owned(), response);
        }
        let report = lint(examples);
        assert_eq!(codes(&report), ["W11"], "{:#?}", report.findings);
        assert_eq!(report.findings[0].tables[0].title, "import of manim");
        assert_eq!(report.findings[0].tables[0].rows[0][0], "from manim import *");
        let rare = |few: u64| table("x", BTreeMap::from([("a", 100), ("b", few)]));
        assert!(rare(1).is_none() && rare(10).is_some());
    }
}
