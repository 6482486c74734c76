//! W13: instructions that do not speak of their code.

use rayon::prelude::*;

use super::{Check, Found, Named, Outcome, Severity, rows_are};
use crate::analyze::facts::{Shared, Subject as Sample};
use crate::analyze::rules::{Finding, RULES};
use crate::analyze::{parse, walk};

/// The rule of the analysers that tells.
const RULE: &str = "description-names-nothing";

/// W13.
pub static MISMATCH: Check = Check {
    code: "W13",
    name: "description-mismatch",
    severity: Severity::Warning,
    doc: "No word of an instruction names anything in its code: the two may not belong together.",
    remedy: "Look at the rows (`scenery query issue:description-names-nothing`): shuffled pairs teach a model to ignore its prompt.",
    run: |subject| {
        let Some(rule) = RULES.iter().find(|rule| rule.name == RULE) else {
            return Outcome::Untold(format!("the analysers have no rule {RULE}"));
        };
        if subject.dataset.is_none() {
            return Outcome::Untold("ids do not tell what is asked from what stands around it".to_owned());
        }
        let found: Vec<Named> = parse::pool().install(|| {
            subject
                .rows
                .par_iter()
                .filter_map(|row| {
                    let (instruction, code) = (row.instruction.as_deref()?, row.response.as_deref()?);
                    let (facts, shared) = (walk::code_facts(code), Shared::default());
                    let sample = Sample {
                        code,
                        instruction: Some(instruction),
                        facts: &facts,
                        dialect_hint: None,
                        reader_issues: &[],
                        shared: &shared,
                    };
                    let begin: String = instruction.chars().take(60).collect();
                    let named = || Named { id: row.name.clone(), side: row.side, detail: begin };
                    ((rule.judge)(&sample) == Finding::Fired).then(named)
                })
                .collect()
        });
        Found::of_rows(found, |count| format!("in {} the instruction names nothing of the code", rows_are(count)))
    },
};

#[cfg(test)]
mod tests {
    use super::super::rows::for_tests::{clean, codes, lint};

    #[test]
    fn an_instruction_of_something_else_is_w13() {
        let mut examples = clean();
        let other = "Explain how bubble sort swaps neighbouring numbers until the list is ordered";
        examples[3].fields.insert("instruction".to_owned(), other.to_owned());
        let report = lint(examples);
        assert_eq!(codes(&report), ["W13"], "{:#?}", report.findings);
        assert_eq!(report.findings[0].count, 1);
    }
}
