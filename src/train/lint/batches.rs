//! W15 and W16: tokens that are paid for and teach nothing, and tokens that stand for what the vocabulary lacks.

use super::{Check, Found, Named, Outcome, Severity, Table, percent, rounded, rows_are};
use crate::sample::Side;

/// Share of padding above which it is said.
const MUCH: f64 = 0.1;

/// Tokens of batches cut by length: `real` of rows, and what fills them up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Filled {
    batches: usize,
    real: usize,
    padding: usize,
}

/// Cuts rows, the longest first, into batches of at most so many tokens, each row as wide as the longest of its batch. A row
/// over the budget is a batch of its own.
fn filled(mut lengths: Vec<usize>, budget: usize) -> Filled {
    lengths.sort_unstable_by(|one, other| other.cmp(one));
    let mut out = Filled::default();
    let mut rest = lengths.as_slice();
    while let Some(widest) = rest.first().copied().filter(|widest| *widest > 0) {
        let rows = (budget / widest).clamp(1, rest.len());
        let real: usize = rest[..rows].iter().sum();
        out.batches += 1;
        out.real += real;
        out.padding += widest * rows - real;
        rest = &rest[rows..];
    }
    out
}

/// W15.
pub static PADDING: Check = Check {
    code: "W15",
    name: "padding",
    severity: Severity::Warning,
    doc: "More than a tenth of the tokens of length-bucketed batches would be padding.",
    remedy: "A smaller token budget wastes less; packing wastes none.",
    run: |subject| {
        let rows = subject.marked().filter(|(row, _)| row.side.is_none_or(|side| side == Side::Train));
        let mut lengths: Vec<usize> = rows.map(|(_, marked)| marked.ids.len()).collect();
        let budget = subject.token_budget;
        let made = filled(lengths.clone(), budget);
        let share = made.padding as f64 / (made.padding + made.real).max(1) as f64;
        if share <= MUCH {
            return Outcome::Clean;
        }
        lengths.sort_unstable();
        let at = |share: f64| lengths[((lengths.len() as f64 * share).ceil() as usize).clamp(1, lengths.len()) - 1];
        let table = Table {
            title: "length-bucketed batches".to_owned(),
            head: ["tokens a batch", "batches", "real tokens", "padding", "%", "median row", "90th", "longest"]
                .map(str::to_owned)
                .to_vec(),
            rows: vec![vec![
                budget.into(),
                made.batches.into(),
                made.real.into(),
                made.padding.into(),
                percent(made.padding, made.padding + made.real),
                at(0.5).into(),
                at(0.9).into(),
                at(1.0).into(),
            ]],
            notes: Vec::new(),
        };
        let message = format!("{}% of the tokens of batches would be padding", rounded(100.0 * share, 1));
        Outcome::Found(Found { message, rows: Vec::new(), tables: vec![table] })
    },
};

/// W16.
pub static UNKNOWN: Check = Check {
    code: "W16",
    name: "unknown-tokens",
    severity: Severity::Warning,
    doc: "A row has tokens that stand for text which the vocabulary does not hold.",
    remedy: "Such text cannot be learned or written: take a base with a byte-level vocabulary, or leave the rows out.",
    run: |subject| {
        let Some(unknown) = subject.tokenizer.unk() else {
            return Outcome::Clean;
        };
        let mut rows = Vec::new();
        let mut all = 0;
        for (row, marked) in subject.marked() {
            let count = marked.ids.iter().filter(|id| **id == unknown).count();
            if count > 0 {
                all += count;
                rows.push(Named {
                    id: row.name.clone(),
                    side: row.side,
                    detail: format!("{count} of {} tokens", marked.ids.len()),
                });
            }
        }
        Found::of_rows(rows, |count| format!("in {} {all} tokens are unknown", rows_are(count)))
    },
};

#[cfg(test)]
mod tests {
    use super::super::rows::for_tests::{clean, codes, contract, dataset, subject, tokenizer};
    use super::super::run;
    use super::*;

    #[test]
    fn batches_hold_no_more_than_their_budget_and_every_row_once() {
        assert_eq!(filled(vec![4, 4, 2, 3], 8), Filled { batches: 2, real: 13, padding: 1 });
        assert_eq!(filled(vec![9, 1], 8), Filled { batches: 2, real: 10, padding: 0 });
        assert_eq!(filled(vec![], 8), Filled::default());
        assert_eq!(filled(vec![100, 1, 1, 1], 400), Filled { batches: 1, real: 103, padding: 297 });
    }

    #[test]
    fn rows_of_very_different_lengths_in_one_batch_are_w15() {
        let report = |long: bool, budget: usize| {
            let mut examples = clean();
            if long {
                let text = examples[0].field("response").to_owned() + &"        self.wait()\n".repeat(300);
                examples[0].fields.insert("response".to_owned(), text);
            }
            let data = dataset(examples);
            let tokenizer = tokenizer(&data);
            let contract = contract("alpaca", &tokenizer, 1 << 20);
            let mut subject = subject(&data, &contract, &tokenizer);
            subject.token_budget = budget;
            run(&subject, &[])
        };
        assert!(codes(&report(false, 8_192)).is_empty());
        assert!(codes(&report(true, 512)).is_empty(), "in small batches the long row is alone");
        let wasted = report(true, 1 << 20);
        assert_eq!(codes(&wasted), ["W15"], "{:#?}", wasted.findings);
    }

    #[test]
    fn unknown_tokens_are_w16() {
        let data = dataset(clean());
        let tokenizer = tokenizer(&data);
        let unknown = tokenizer.unk().expect("it has one");
        let contract = contract("alpaca", &tokenizer, 2_048);
        let mut subject = subject(&data, &contract, &tokenizer);
        let marked = subject.rows[2].ids.as_mut().expect("it is encoded");
        let at = marked.trained[0].start;
        marked.ids[at] = unknown;
        let report = run(&subject, &["E07"]);
        assert_eq!((codes(&report), report.findings[0].count), (vec!["W16"], 1));
        assert_eq!(report.ignored, ["E07"]);
    }
}
