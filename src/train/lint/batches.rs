//! W15 and W16: tokens that are paid for and teach nothing, and tokens that stand for what the vocabulary lacks.

use std::collections::BTreeMap;

use super::super::item::Item;
use super::super::{batches, plan};
use super::{Check, Found, Named, Outcome, Severity, Table, rounded, rows_are};
use crate::sample::Side;

/// Share of padding above which it is said.
const MUCH: f64 = 0.1;

/// W15.
pub static PADDING: Check = Check {
    code: "W15",
    name: "padding",
    severity: Severity::Warning,
    doc: "More than a tenth of the tokens of the micro-batches that a run would cut is padding.",
    remedy: "A longer --length-window puts rows of like length into a step, a smaller --micro-tokens or --micro-cost cuts closer, --packing wastes next to none; `scenery train plan` with the same flags says the share.",
    run: |subject| {
        let rows = subject.marked().filter(|(row, marked)| {
            let trained = row.side.is_none_or(|side| side == Side::Train);
            trained && (2..=subject.most).contains(&marked.ids.len())
        });
        let items: Vec<Item> = rows
            .map(|(row, marked)| Item {
                id: row.name.clone(),
                ids: marked.ids.clone(),
                trained_from: marked.trained.first().map_or(1, |range| range.start.max(1)),
                labels: BTreeMap::new(),
                slots: None,
            })
            .collect();
        let Ok(made) = plan::batched(&items, subject.options) else {
            return Outcome::Untold("no row of the train side could be put into a batch".to_owned());
        };
        let share = batches::padding_share(made.tokens, made.padded_tokens);
        if share <= MUCH {
            return Outcome::Clean;
        }
        let mut lengths: Vec<usize> = items.iter().map(|item| item.ids.len()).collect();
        lengths.sort_unstable();
        let at = |share: f64| lengths[((lengths.len() as f64 * share).ceil() as usize).clamp(1, lengths.len()) - 1];
        let table = Table {
            title: "micro-batches of a run".to_owned(),
            head: ["tokens at most", "micro-batches", "real tokens", "padding", "%", "median row", "90th", "longest"]
                .map(str::to_owned)
                .to_vec(),
            rows: vec![vec![
                subject.options.micro_tokens.into(),
                made.micro_batches.into(),
                made.tokens.into(),
                (made.padded_tokens - made.tokens).into(),
                rounded(100.0 * share, 1),
                at(0.5).into(),
                at(0.9).into(),
                at(1.0).into(),
            ]],
            notes: Vec::new(),
        };
        let message = format!("{}% of the tokens of micro-batches would be padding", rounded(100.0 * share, 1));
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
        let unknown = match subject.tokenizer.unk() {
            None => return Outcome::Clean,
            Some(id) if subject.tokenizer.never_from_text(id) => {
                let why = "the tokenizer's unknown token also begins, ends or fills texts".to_owned();
                return Outcome::Untold(why);
            }
            Some(id) => id,
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
    use super::super::super::data::Dataset;
    use super::super::super::options::Options;
    use super::super::super::{memory, prepare};
    use super::super::rows::Subject;
    use super::super::rows::for_tests::{clean, codes, contract, dataset, options, subject, tokenizer};
    use super::super::run;
    use super::*;
    use crate::prompt::tokenizer::Tokenizer;
    use crate::prompt::tokenizer::for_tests::{fixture, without_bytes};

    /// Rows that end in so many further lines.
    fn with_lines(more: impl Fn(usize) -> usize) -> Dataset {
        let mut examples = clean();
        for (at, example) in examples.iter_mut().enumerate() {
            let text = example.field("response").to_owned() + &"        self.wait()\n".repeat(more(at));
            example.fields.insert("response".to_owned(), text);
        }
        dataset(examples)
    }

    #[test]
    fn padding_is_that_of_the_plan_and_more_than_a_tenth_is_w15() {
        let check = |data: &Dataset, options: &Options| {
            let tokenizer = tokenizer(data);
            let contract = contract("alpaca", &tokenizer, 1 << 20);
            let options = Options { max_len: 1 << 20, ..options.clone() };
            let subject = Subject::of_dataset(data, &contract, &tokenizer, &options).expect("a subject");
            let report = run(&subject, &["W11"]);
            let sides = prepare::sides(data, &contract, &tokenizer).expect("sides");
            let plan = plan::plan(sides.train, 0, &options, &memory::seed_shape()).expect("a plan");
            let found = codes(&report);
            assert_eq!(found.contains(&"W15"), plan.padding > MUCH, "{} {:#?}", plan.padding, report.findings);
            if let Some(found) = report.findings.first() {
                let row = &found.tables[0].rows[0];
                let wanted = rounded(100.0 * plan.padding, 1);
                assert_eq!((&row[1], &row[2], &row[4]), (&plan.micro_batches.into(), &plan.tokens.into(), &wanted));
            }
            found
        };
        // What one more micro-batch costs is more than all padding, so a step is one.
        let together = Options { micro_tokens: 1 << 20, micro_cost_tokens: 1 << 20, ..options() };
        let ragged = with_lines(|at| at % 3 * 60);
        assert!(check(&with_lines(|_| 0), &together).is_empty(), "rows are alike");
        assert_eq!(check(&ragged, &together), ["W15"]);
        // The ways out that the remedy names.
        assert!(check(&ragged, &Options { micro_tokens: 512, ..together.clone() }).is_empty());
        assert!(check(&ragged, &Options { micro_cost_tokens: 0, ..together.clone() }).is_empty());
        assert!(check(&ragged, &Options { length_window: 4, batch_rows: 4, ..together.clone() }).is_empty());
        assert!(check(&ragged, &Options { packing: true, ..together }).is_empty());
    }

    #[test]
    fn unknown_tokens_are_w16_and_no_error() {
        let mut examples = clean();
        let data = dataset(examples.clone());
        let (whole, without_bytes) = (fixture("tinyllama"), without_bytes());
        let unknown = |data: &Dataset, tokenizer: &Tokenizer| {
            let contract = contract("alpaca", tokenizer, 1 << 20);
            run(&subject(data, &contract, tokenizer), &["W11"])
        };
        assert!(codes(&unknown(&data, &without_bytes)).is_empty());
        let text = examples[2].field("response").to_owned() + "        # \u{6570}\u{5b66}\n";
        examples[2].fields.insert("response".to_owned(), text);
        let data = dataset(examples);
        let report = unknown(&data, &without_bytes);
        assert_eq!((codes(&report), report.errors), (vec!["W16"], 0), "{:#?}", report.findings);
        assert_eq!(report.findings[0].count, 1);
        assert!(report.findings[0].rows[0].detail.starts_with("2 of "), "{:?}", report.findings[0].rows);
        assert!(codes(&unknown(&data, &whole)).is_empty(), "bytes stand for it");
    }
}
