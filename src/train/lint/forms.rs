//! Instruction forms: the sentences that prompts are made of, with a gap where they differ.
//!
//! Prompts are read word by word from the left. Where nearly all of those that go on together fall into a few large groups,
//! each is a form of its own; where they scatter, the gap begins. What all of a form have in common at the end follows the
//! gap. What begins alike by a word or two and goes on freely has no form: free text is one form without words.

use std::collections::BTreeMap;

use super::statistics::{chi_square, effective_number, entropy};
use super::{Check, Found, Outcome, Severity, Table, p_value, percent};
use crate::sample::Side;

/// W10.
pub static FORMS: Check = Check {
    code: "W10",
    name: "instruction-forms",
    severity: Severity::Warning,
    doc: "A source asks in several sentences that are filled in: a model trained so expects one of them.",
    remedy: "`scenery standardise Q --to TEXT` makes one form of them; else ask in one of these at generation, and no other.",
    run: |subject| {
        let Some(dataset) = subject.dataset else {
            return Outcome::Untold("ids say nothing of sources and sides".to_owned());
        };
        let mut sources: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, example) in dataset.examples.iter().enumerate() {
            sources.entry(&example.source).or_default().push(at);
        }
        let mut found = Found::default();
        let mut said = Vec::new();
        for (source, rows) in sources {
            let prompts: Vec<&str> =
                rows.iter().map(|at| dataset.examples[*at].field(crate::train::data::INSTRUCTION)).collect();
            let forms = forms(&prompts);
            let worded = forms.iter().filter(|form| form.has_words()).count();
            if worded < 2 {
                continue;
            }
            said.push(format!("{worded} in {source}"));
            found.tables.push(table(source, &forms, rows.len(), &|at| dataset.examples[rows[at]].side));
        }
        if found.tables.is_empty() {
            return Outcome::Clean;
        }
        found.message = format!("instructions come in several forms: {}", said.join(", "));
        Outcome::Found(found)
    },
};

/// The forms of a source by side, with what they come to.
fn table(source: &str, forms: &[Form], rows: usize, side: &dyn Fn(usize) -> Side) -> Table {
    let by_side: Vec<Vec<u64>> = forms
        .iter()
        .map(|form| {
            let count = |wanted: Side| form.members.iter().filter(|at| side(**at) == wanted).count() as u64;
            Side::ALL.iter().map(|side| count(*side)).collect()
        })
        .collect();
    let sides: Vec<usize> = (0..Side::ALL.len()).filter(|at| by_side.iter().any(|counts| counts[*at] > 0)).collect();
    let mut head = vec!["form".to_owned(), "rows".to_owned(), "%".to_owned()];
    head.extend(sides.iter().map(|at| Side::ALL[*at].word().to_owned()));
    let cells = forms.iter().zip(&by_side).map(|(form, counts)| {
        let mut row = vec![form.skeleton.clone().into(), form.members.len().into(), percent(form.members.len(), rows)];
        row.extend(sides.iter().map(|at| counts[*at].into()));
        row
    });
    let counts: Vec<u64> = forms.iter().map(|form| form.members.len() as u64).collect();
    let mut notes = vec![format!(
        "entropy {:.3} bits of {:.3} possible; effective number of forms {:.2} of {}",
        entropy(&counts),
        (forms.len() as f64).log2(),
        effective_number(&counts),
        forms.len()
    )];
    notes.push(match chi_square(&by_side) {
        None => "all rows are on one side".to_owned(),
        Some(test) => format!(
            "forms against sides: chi-square {:.2}, {} degrees of freedom, {}{}{}",
            test.statistic,
            test.freedom,
            p_value(test.p),
            if test.p < 0.01 { ": the sides ask otherwise than each other" } else { "" },
            if test.rough > 0 { format!("; {} cells expect under 5 rows", test.rough) } else { String::new() }
        ),
    });
    Table { title: format!("instruction forms of {source}"), head, rows: cells.collect(), notes }
}

/// What stands for the part that differs.
pub const GAP: &str = "{…}";

/// Smallest share of all prompts that makes a form.
const LEAST_SHARE: f64 = 0.02;
/// Fewest prompts that make a form.
const LEAST_ROWS: usize = 3;
/// Largest share of the prompts at a branch that may fall into no large group, where the branch is one of forms: among the
/// first words, where prompts without a form part from the others, and behind them, where only values have such a tail.
const STRAYS: [f64; 2] = [0.1, 0.01];
/// Words that forms which differ after the gap only must have in common there, beyond what all of them end with.
const TAIL_WORDS: usize = 3;
/// Fewest words of a form of its own.
const LEAST_WORDS: usize = 3;
/// Smallest share of the words of a prompt that a form of fewer than [`MANY_WORDS`] makes up.
const LEAST_FIXED: f64 = 0.35;
/// Words that prompts do not share by chance, however long they are.
const MANY_WORDS: usize = 5;

/// A form and the prompts that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its words, with [`GAP`] for what differs.
    pub skeleton: String,
    /// Places of its prompts in the list, ascending.
    pub members: Vec<usize>,
}

impl Form {
    /// Whether it has words of its own: not all of it is gap.
    pub fn has_words(&self) -> bool {
        self.skeleton != GAP
    }
}

/// Prompts that begin with the same words.
struct Group {
    rows: Vec<usize>,
    /// How many words.
    words: usize,
}

/// Finds the forms of a list of prompts, the most frequent first. Each prompt is in exactly one.
pub fn forms(prompts: &[&str]) -> Vec<Form> {
    let words: Vec<Vec<&str>> = prompts.iter().map(|prompt| prompt.split_whitespace().collect()).collect();
    let least = ((prompts.len() as f64 * LEAST_SHARE).ceil() as usize).max(LEAST_ROWS);
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for group in by_beginning(&words, least) {
        for (rows, tail) in by_end(&words, group.words, group.rows, least) {
            let first = &words[rows[0]];
            let mut lengths: Vec<usize> = rows.iter().map(|row| words[*row].len()).collect();
            lengths.sort_unstable();
            let (fixed, middle) = (group.words + tail, lengths[lengths.len() / 2]);
            let few = fixed < MANY_WORDS && (fixed as f64) < middle as f64 * LEAST_FIXED;
            let free = rows.len() < least || fixed < LEAST_WORDS || few;
            let mut skeleton: Vec<&str> = if free { Vec::new() } else { first[..group.words].to_vec() };
            if free || lengths.last().is_some_and(|longest| *longest > fixed) {
                skeleton.push(GAP);
            }
            if !free {
                skeleton.extend(&first[first.len() - tail..]);
            }
            found.entry(skeleton.join(" ")).or_default().extend(rows);
        }
    }
    let mut out: Vec<Form> = found
        .into_iter()
        .map(|(skeleton, mut members)| {
            members.sort_unstable();
            Form { skeleton, members }
        })
        .collect();
    out.sort_by(|one, two| (two.members.len(), &one.skeleton).cmp(&(one.members.len(), &two.skeleton)));
    out
}

/// Groups prompts by how they begin.
fn by_beginning(words: &[Vec<&str>], least: usize) -> Vec<Group> {
    let mut out = Vec::new();
    let mut open = vec![Group { rows: (0..words.len()).collect(), words: 0 }];
    while let Some(mut group) = open.pop() {
        loop {
            let mut next: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
            for row in &group.rows {
                next.entry(words[*row].get(group.words).copied()).or_default().push(*row);
            }
            if next.len() == 1 && !next.contains_key(&None) {
                group.words += 1;
                continue;
            }
            let strays: usize = next.values().filter(|rows| rows.len() < least).map(Vec::len).sum();
            let large = next.values().any(|rows| rows.len() >= least);
            let most = STRAYS[usize::from(group.words >= LEAST_WORDS)];
            if next.len() < 2 || !large || strays as f64 > group.rows.len() as f64 * most {
                break;
            }
            // What is a form already goes on in others only where those are a good part of their prompts: long values begin
            // alike soon.
            if group.words >= MANY_WORDS {
                let fixed: usize = next.values().map(|rows| common_beginning(words, rows) * rows.len()).sum();
                let all: usize = group.rows.iter().map(|row| words[*row].len()).sum();
                if (fixed as f64) < all as f64 * LEAST_FIXED {
                    break;
                }
            }
            let mut rest = Vec::new();
            for (word, rows) in next {
                match word {
                    Some(_) if rows.len() >= least => open.push(Group { rows, words: group.words + 1 }),
                    None if rows.len() >= least => out.push(Group { rows, words: group.words }),
                    _ => rest.extend(rows),
                }
            }
            group.rows = rest;
            break;
        }
        if !group.rows.is_empty() {
            out.push(group);
        }
    }
    out
}

/// How many words all rows begin with.
fn common_beginning(words: &[Vec<&str>], rows: &[usize]) -> usize {
    let first = &words[rows[0]];
    let common = |row: &usize| first.iter().zip(&words[*row]).take_while(|(one, other)| one == other).count();
    rows.iter().map(common).min().unwrap_or(0)
}

/// Parts prompts that begin with the same `head` words by how they end; of each part how many words that is.
fn by_end(words: &[Vec<&str>], head: usize, rows: Vec<usize>, least: usize) -> Vec<(Vec<usize>, usize)> {
    let whole = common_end(words, head, &rows, 0);
    let mut ends: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for row in &rows {
        ends.entry(word_from_end(&words[*row], head, whole)).or_default().push(*row);
    }
    let parts: Vec<(Vec<usize>, usize)> = ends
        .into_values()
        .map(|rows| {
            let tail = common_end(words, head, &rows, whole);
            (rows, tail)
        })
        .collect();
    let are_forms =
        parts.len() > 1 && parts.iter().all(|(rows, tail)| rows.len() >= least && *tail >= whole + TAIL_WORDS);
    if are_forms { parts } else { vec![(rows, whole)] }
}

/// The word before the last `after` ones, where it is not one of the first `head`.
fn word_from_end<'a>(words: &[&'a str], head: usize, after: usize) -> Option<&'a str> {
    words.len().checked_sub(after + 1).filter(|at| *at >= head).map(|at| words[at])
}

/// How many words at the end all rows have in common; `known` of them are known already.
fn common_end(words: &[Vec<&str>], head: usize, rows: &[usize], known: usize) -> usize {
    let mut tail = known;
    while let Some(word) = word_from_end(&words[rows[0]], head, tail)
        && rows.iter().all(|row| word_from_end(&words[*row], head, tail) == Some(word))
    {
        tail += 1;
    }
    tail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(prompts: &[String]) -> Vec<(String, usize)> {
        let list: Vec<&str> = prompts.iter().map(String::as_str).collect();
        let all = forms(&list);
        let mut seen: Vec<usize> = all.iter().flat_map(|form| form.members.clone()).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..prompts.len()).collect::<Vec<_>>(), "each prompt is in exactly one form");
        all.into_iter().map(|form| (form.skeleton, form.members.len())).collect()
    }

    /// Functions as a set of derivatives has them: some begin and end alike.
    fn function(at: usize) -> String {
        let heads = ["x^2", "sin(x)", "e^x", "ln(x)", "x^3", "cos(2*x)"];
        let head = heads[at * 7 / 3 % 6];
        match at * 5 / 3 % 4 {
            0 => format!("{head} + {at}*x"),
            1 => format!("{at}*{head}"),
            2 => format!("{head}/{}", at % 11),
            _ => format!("{head}^{} - {at}", at / 7),
        }
    }

    #[test]
    fn wordings_are_told_from_what_they_are_filled_with() {
        let forms = [
            "Draw the derivative of f(x) =",
            "Write a scene that shows the derivative of f(x) =",
            "Create Manim code for f(x) =",
        ];
        let mut prompts = Vec::new();
        for at in 0..120 {
            prompts.push(format!("{} {}", forms[usize::from(at % 2 == 0) + usize::from(at % 4 == 0)], function(at)));
        }
        prompts.push(format!("{} x", forms[1]));
        assert_eq!(
            found(&prompts),
            [
                ("Draw the derivative of f(x) = {…}".to_owned(), 60),
                ("Write a scene that shows the derivative of f(x) = {…}".to_owned(), 31),
                ("Create Manim code for f(x) = {…}".to_owned(), 30),
            ]
        );
    }

    #[test]
    fn several_forms_of_a_source_are_w10_and_one_is_not() {
        use super::super::rows::for_tests::{codes, example, lint, scene};
        let asked = |forms: &[&str]| {
            let rows = (0..60).map(|at| {
                let side = if at % 5 == 4 { Side::Test } else { Side::Train };
                let instruction = format!("{} circle number {at} of {}", forms[at % forms.len()], at * 7);
                example(at, side, &instruction, &scene(at))
            });
            lint(rows.collect())
        };
        assert!(codes(&asked(&["Draw the"])).is_empty());
        let report = asked(&["Draw the", "Make a scene with", "Animate the"]);
        assert_eq!(codes(&report), ["W10"], "{:#?}", report.findings);
        let table = &report.findings[0].tables[0];
        assert_eq!(table.head, ["form", "rows", "%", "train", "test"]);
        assert_eq!(table.rows[0][0], "Animate the circle number {…}");
        assert_eq!((&table.rows[0][1], &table.rows[0][2]), (&20.into(), &33.3.into()));
        assert!(table.notes[0].starts_with("entropy 1.585 bits of 1.585"), "{:?}", table.notes);
        assert!(table.notes[1].contains("2 degrees of freedom"), "{:?}", table.notes);
    }

    #[test]
    fn long_values_that_begin_alike_are_not_cut_into_forms() {
        let verbs = ["displays a", "displays the", "creates a", "shows two", "i would like to see a", "can you draw a"];
        let value = |at: usize| {
            let verb = if at.is_multiple_of(29) { "moves" } else { verbs[at * 7 % 6] };
            let words = (0..30 + at % 9).map(|word| format!("w{}", at * (word + 3) % 101));
            format!("{verb} {}", words.collect::<Vec<_>>().join(" "))
        };
        let head = |at: usize| match at % 5 {
            0 => "Create a Manim animation to demonstrate:",
            1 => "Write Manim code to",
            _ => "Create a Manim animation that",
        };
        let prompts: Vec<String> = (0..250).map(|at| format!("{} {}", head(at), value(at))).collect();
        // Four words of forty may be chance; five that go on in two ways are none.
        assert_eq!(
            found(&prompts),
            [
                ("Create a Manim animation that {…}".to_owned(), 150),
                ("Create a Manim animation to demonstrate: {…}".to_owned(), 50),
                (GAP.to_owned(), 50),
            ]
        );
    }

    #[test]
    fn what_follows_the_gap_belongs_to_the_form() {
        let prompts: Vec<String> = (0..40)
            .map(|at| {
                let end = if at % 4 == 0 { "and label every axis." } else { "as a short animation." };
                format!("Show f(x) = {} {end}", function(at))
            })
            .collect();
        assert_eq!(
            found(&prompts),
            [
                ("Show f(x) = {…} as a short animation.".to_owned(), 30),
                ("Show f(x) = {…} and label every axis.".to_owned(), 10)
            ]
        );
    }

    #[test]
    fn a_second_gap_with_few_values_makes_no_forms() {
        let level = |at: usize| ["foundation", "advanced"][at % 2];
        let prompts: Vec<String> = (0..60)
            .map(|at| format!("Derive f(x) = {} Level: {} Rules: show the graph", function(at), level(at)))
            .collect();
        assert_eq!(found(&prompts), [("Derive f(x) = {…} Rules: show the graph".to_owned(), 60)]);
    }

    #[test]
    fn free_text_has_no_form_and_equal_prompts_have_one_without_a_gap() {
        let words = ["A", "The", "Circle", "Square", "moves", "turns", "red", "to", "left", "Dot", "grows"];
        let free: Vec<String> = (0..60)
            .map(|at| {
                let free = (0..6).map(|word| format!("{}{}", words[(at * 7 + word * (at + 3)) % 11], at % 13));
                free.collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(found(&free), [(GAP.to_owned(), 60)]);
        let opened: Vec<String> =
            free.iter().enumerate().map(|(at, text)| format!("{} a {text}", ["Create", "Display"][at % 2])).collect();
        assert_eq!(found(&opened), [(GAP.to_owned(), 60)], "an opening is no form");
        assert_eq!(found(&vec!["Draw a circle.".to_owned(); 9]), [("Draw a circle.".to_owned(), 9)]);
        assert_eq!(found(&[]), []);
        assert_eq!(found(&["a".to_owned(), "b c".to_owned()]), [(GAP.to_owned(), 2)]);
    }

    #[test]
    fn stray_prompts_do_not_hide_the_forms() {
        let mut prompts: Vec<String> =
            (0..100).map(|at| format!("Animate the function {} {}", at * 13 % 97, function(at))).collect();
        prompts.extend((0..100).map(|at| format!("Please draw a curve {} {}", at * 17 % 89, function(at))));
        prompts.extend(["Hello", "What?"].map(str::to_owned));
        assert_eq!(
            found(&prompts),
            [
                ("Animate the function {…}".to_owned(), 100),
                ("Please draw a curve {…}".to_owned(), 100),
                (GAP.to_owned(), 2)
            ]
        );
    }
}
