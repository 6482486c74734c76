//! W12: rows that say again what others say.

use std::collections::BTreeMap;

use super::rows::{Row, Subject};
use super::{Check, Found, Named, Outcome, Severity, Table};
use crate::sample::Side;

/// W12.
pub static REPEATS: Check = Check {
    code: "W12",
    name: "duplicates",
    severity: Severity::Warning,
    doc: "Rows ask and answer the same, answer the same to other prompts, or answer the same prompt otherwise.",
    remedy: "`scenery dedup`, and a split by family; what a test asks must not stand in train.",
    run: |subject| {
        let pair = |row: &Row| [row.prompt_key, row.answer_key].concat();
        let pairs = groups(subject, &pair, &|_| 0);
        let answers = groups(subject, &|row| row.answer_key.to_vec(), &|row| row.prompt_key.to_vec());
        let prompts = groups(subject, &|row| row.prompt_key.to_vec(), &|row| row.answer_key.to_vec());
        let mut found = Found::default();
        let mut lines = Vec::new();
        let mut said: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (what, groups, at_least) in [
            ("the same prompt and answer", &pairs, 1),
            ("the same answer to other prompts", &answers, 2),
            ("the same prompt with other answers", &prompts, 2),
        ] {
            let groups: Vec<&Group> = groups.iter().filter(|group| group.different >= at_least).collect();
            let across = groups.iter().filter(|group| group.sides.len() > 1).count();
            let rows: usize = groups.iter().map(|group| group.rows.len()).sum();
            lines.push(vec![what.into(), groups.len().into(), rows.into(), across.into()]);
            for group in groups {
                let first = &subject.rows[group.rows[0]].name;
                for at in &group.rows {
                    let others = if subject.rows[*at].name == *first {
                        format!("of {} rows the first", group.rows.len())
                    } else {
                        format!("as {first}")
                    };
                    said.entry(*at).or_default().push(format!("{what}: {others}"));
                }
            }
        }
        if said.is_empty() {
            return Outcome::Clean;
        }
        // A row that repeats others in several ways is named once.
        found.rows = said
            .into_iter()
            .map(|(at, said)| {
                let row = &subject.rows[at];
                Named { id: row.name.clone(), side: row.side, detail: said.join("; ") }
            })
            .collect();
        let sum =
            |column: usize| lines.iter().filter_map(|line: &Vec<serde_json::Value>| line[column].as_u64()).sum::<u64>();
        let groups = sum(1);
        found.message = format!(
            "{groups} group{} of rows repeat{} each other, {} across sides",
            if groups == 1 { "" } else { "s" },
            if groups == 1 { "s" } else { "" },
            sum(3)
        );
        found.tables.push(Table {
            title: "repeated rows".to_owned(),
            head: ["what", "groups", "rows", "across sides"].map(str::to_owned).to_vec(),
            rows: lines,
            notes: Vec::new(),
        });
        Outcome::Found(found)
    },
};

/// Rows with something in common.
struct Group {
    /// Their places, ascending.
    rows: Vec<usize>,
    /// How many different ones of the other thing they have.
    different: usize,
    /// Their sides.
    sides: Vec<Side>,
}

/// The groups of two rows and more, in order of their first rows.
fn groups<K: Ord, D: Ord>(subject: &Subject<'_>, key: &dyn Fn(&Row) -> K, other: &dyn Fn(&Row) -> D) -> Vec<Group> {
    let mut all: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (at, row) in subject.rows.iter().enumerate() {
        all.entry(key(row)).or_default().push(at);
    }
    let distinct = |mut values: Vec<D>| {
        values.sort();
        values.dedup();
        values.len()
    };
    let mut out: Vec<Group> = all
        .into_values()
        .filter(|rows| rows.len() > 1)
        .map(|rows| {
            let mut sides: Vec<Side> = rows.iter().filter_map(|at| subject.rows[*at].side).collect();
            sides.sort();
            sides.dedup();
            let different = distinct(rows.iter().map(|at| other(&subject.rows[*at])).collect());
            Group { different, rows, sides }
        })
        .collect();
    out.sort_by_key(|group| group.rows[0]);
    out
}

#[cfg(test)]
mod tests {
    use super::super::rows::for_tests::{clean, codes, lint_without, scene};

    #[test]
    fn repeated_rows_answers_and_prompts_are_w12_each_in_its_line() {
        let mut examples = clean();
        // Row 1 is row 0 again; row 3 answers as row 2; row 6, of test, asks as row 4.
        examples[1].fields = examples[0].fields.clone();
        let answer = examples[2].field("response").to_owned();
        examples[3].fields.insert("response".to_owned(), answer + "\n\n");
        let asked = examples[4].field("instruction").to_owned();
        examples[6].fields.insert("instruction".to_owned(), asked);
        examples[6].fields.insert("response".to_owned(), scene(60));
        let report = lint_without(examples, &["W11"]);
        assert_eq!(codes(&report), ["W12"], "{:#?}", report.findings);
        let lines: Vec<Vec<u64>> = report.findings[0].tables[0]
            .rows
            .iter()
            .map(|line| line[1..].iter().filter_map(serde_json::Value::as_u64).collect())
            .collect();
        assert_eq!(lines, [[1, 2, 0], [1, 2, 0], [1, 2, 1]]);
        assert_eq!(report.findings[0].count, 6);
        assert_eq!(report.findings[0].message, "3 groups of rows repeat each other, 1 across sides");
    }

    #[test]
    fn a_row_that_repeats_in_two_ways_is_named_once() {
        let mut examples = clean();
        examples[1].fields = examples[0].fields.clone();
        let asked = examples[0].field("instruction").to_owned();
        examples[2].fields.insert("instruction".to_owned(), asked);
        let report = lint_without(examples, &["W11"]);
        let finding = &report.findings[0];
        assert_eq!((codes(&report), finding.count), (vec!["W12"], 3), "{:#?}", report.findings);
        assert!(finding.rows[0].detail.contains("; the same prompt with other answers"), "{:?}", finding.rows);
    }
}
