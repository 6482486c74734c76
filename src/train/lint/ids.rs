//! E01 to E05: what the ids of a row must be like.

use super::rows::{Marked, Prefix, Refused};
use super::{Check, Found, Named, Outcome, Severity, rows_are};

/// E01.
pub static BOS: Check = Check {
    code: "E01",
    name: "beginning-token",
    severity: Severity::Error,
    doc: "A row has the beginning token elsewhere than at its beginning, or more or fewer of it than the others.",
    remedy: "Encode prompt and answer without special tokens of the tokenizer's own, and put each where the contract has it.",
    run: |subject| {
        let Some(bos) = subject.bos else {
            return Outcome::Untold("the tokenizer has no beginning token".to_owned());
        };
        // What another trainer wants is told by most of its rows.
        let count = |marked: &Marked| {
            let end = marked.ids.len() - usize::from(subject.is_end(bos) && marked.ids.last() == Some(&bos));
            let places: Vec<usize> = (0..end).filter(|at| marked.ids[*at] == bos).collect();
            places
        };
        let with = subject.marked().filter(|(_, marked)| !count(marked).is_empty()).count();
        let most = usize::from(2 * with >= subject.marked().count());
        let wanted = subject.bos_wanted.unwrap_or(most);
        let mut rows = Vec::new();
        for (row, marked) in subject.marked() {
            let places = count(marked);
            let begins = places.first().is_none_or(|at| *at == 0);
            if places.len() == wanted && begins {
                continue;
            }
            let trained = places.iter().filter(|at| marked.trained.iter().any(|range| range.contains(at))).count();
            let mut detail = format!("{} of `{}`", places.len(), subject.token(bos));
            if !places.is_empty() {
                let shown: Vec<String> = places.iter().take(3).map(usize::to_string).collect();
                detail.push_str(&format!(" at {}{}", shown.join(", "), if places.len() > 3 { ", …" } else { "" }));
            }
            if trained > 0 {
                detail.push_str(&format!(", {trained} trained"));
            }
            rows.push(Named { id: row.name.clone(), side: row.side, detail });
        }
        let token = subject.token(bos);
        Found::of_rows(rows, |count| match wanted {
            0 => format!("in {} the beginning token `{token}` stands, and there is to be none", rows_are(count)),
            _ => format!("in {} the beginning token `{token}` does not stand once, at the beginning", rows_are(count)),
        })
    },
};

/// E02.
pub static END: Check = Check {
    code: "E02",
    name: "end-not-trained",
    severity: Severity::Error,
    doc: "The last trained token of a row is none that ends an answer, so the model is not taught to stop.",
    remedy: "Put an end token behind every answer and train it; mask padding by its place and never by its id.",
    run: |subject| {
        if subject.ends.is_empty() {
            return Outcome::Untold("no token is known that ends an answer".to_owned());
        }
        let mut rows = Vec::new();
        for (row, marked) in subject.marked() {
            // A line end may follow what ends a turn.
            let ends = marked.trained_ids().rev().take(2).any(|(_, id)| subject.is_end(id));
            if ends || marked.trained_count() == 0 {
                continue;
            }
            let last = marked.trained_ids().next_back().map(|(_, id)| subject.token(id)).unwrap_or_default();
            let there = marked.ids.iter().rev().take(2).any(|id| subject.is_end(*id));
            let detail = match there {
                true => format!("the end token is there and masked; the last trained is {last:?}"),
                false => format!("no end token; the last trained is {last:?}"),
            };
            rows.push(Named { id: row.name.clone(), side: row.side, detail });
        }
        Found::of_rows(rows, |count| format!("in {} the end is not trained", rows_are(count)))
    },
};

/// E03.
pub static NOTHING: Check = Check {
    code: "E03",
    name: "nothing-trained",
    severity: Severity::Error,
    doc: "A row has no trained token but the one that ends it, or cannot be made into tokens at all.",
    remedy: "Give the row an answer or leave it out of the query; of another trainer, find the marker or length that masks it whole.",
    run: |subject| {
        let mut rows = Vec::new();
        for row in &subject.rows {
            let marked = match &row.ids {
                Ok(marked) => marked,
                // That a text is one of a special token is told by another check.
                Err(Refused::SpecialText(_)) => continue,
                Err(Refused::Other(why)) => {
                    rows.push(Named { id: row.name.clone(), side: row.side, detail: why.clone() });
                    continue;
                }
            };
            let said = marked.trained_ids().any(|(_, id)| !subject.is_end(id));
            if !said {
                let detail = match marked.trained_count() {
                    0 => format!("all {} tokens are masked", marked.ids.len()),
                    _ => "only its end is trained".to_owned(),
                };
                rows.push(Named { id: row.name.clone(), side: row.side, detail });
            }
        }
        Found::of_rows(rows, |count| format!("in {} nothing is taught", rows_are(count)))
    },
};

/// E04.
pub static PREFIX: Check = Check {
    code: "E04",
    name: "prefix-differs",
    severity: Severity::Error,
    doc: "The ids that training begins with are not those that generation is given.",
    remedy: "Make both by one prompt contract: `generate` takes fields, and makes the prompt that was trained.",
    run: |subject| {
        let mut rows = Vec::new();
        let mut known = 0;
        for (row, marked) in subject.marked() {
            known += usize::from(marked.prefix != Prefix::Unknown);
            if let Prefix::Other(detail) = &marked.prefix {
                rows.push(Named { id: row.name.clone(), side: row.side, detail: detail.clone() });
            }
        }
        if known == 0 {
            return Outcome::Untold("no row says what generation is given (`prompt_ids`)".to_owned());
        }
        Found::of_rows(rows, |count| {
            format!("in {} training begins otherwise than the prompt of generation", rows_are(count))
        })
    },
};

/// E05.
pub static LONG: Check = Check {
    code: "E05",
    name: "too-long",
    severity: Severity::Error,
    doc: "A row has more tokens than the contract allows; nothing is ever cut in silence.",
    remedy: "Raise --max-len, or leave the rows out of the query; cutting them teaches answers that break off.",
    run: |subject| {
        let mut longest = 0;
        let mut rows = Vec::new();
        for (row, marked) in subject.marked().filter(|(_, marked)| marked.ids.len() > subject.most) {
            longest = longest.max(marked.ids.len());
            rows.push(Named { id: row.name.clone(), side: row.side, detail: format!("{} tokens", marked.ids.len()) });
        }
        let most = subject.most;
        Found::of_rows(rows, |count| {
            format!("{} longer than {most} tokens; the longest has {longest}", rows_are(count))
        })
    },
};

/// W18.
pub static PROMPT: Check = Check {
    code: "W18",
    name: "prompt-trained",
    severity: Severity::Warning,
    doc: "The prompt of a row is trained with its answer, so a loss says little of answers, and a model learns to ask.",
    remedy: "Mask what generation is given; `scenery train` trains the answer and its end, and nothing else.",
    run: |subject| {
        let mut rows = Vec::new();
        for (row, marked) in subject.marked() {
            let detail = match &marked.answer {
                // A special token that should not be there is told by other checks.
                Some(answer) => {
                    let special = |id: &u32| subject.tokenizer.never_from_text(*id);
                    let trained = marked.trained_ids().filter(|(at, id)| *at < answer.start && !special(id)).count();
                    (trained > 0).then(|| format!("{trained} of the {} tokens of the prompt are trained", answer.start))
                }
                // Where nobody says what generation is given, a prompt is at least one token.
                None => marked
                    .trained
                    .first()
                    .filter(|range| range.start == 0)
                    .map(|_| format!("{} tokens are trained, from the first on", marked.trained_count())),
            };
            rows.extend(detail.map(|detail| Named { id: row.name.clone(), side: row.side, detail }));
        }
        Found::of_rows(rows, |count| format!("in {} the prompt is trained too", rows_are(count)))
    },
};

#[cfg(test)]
mod tests {
    use super::super::rows::for_tests::{clean, codes, contract, dataset, subject, tokenizer};
    use super::super::{Report, run};
    use super::*;
    use crate::prompt::tokenizer::for_tests::lossy;

    /// The clean rows, their ids changed by hand, and what is found then.
    fn changed(change: impl Fn(usize, &mut Marked, u32, u32)) -> Report {
        let data = dataset(clean());
        let tokenizer = tokenizer(&data);
        let contract = contract("alpaca", &tokenizer, 2_048);
        let mut subject = subject(&data, &contract, &tokenizer);
        let (bos, eos) = (tokenizer.bos().expect("it has one"), tokenizer.eos().expect("it has one"));
        for (at, row) in subject.rows.iter_mut().enumerate() {
            if let Ok(marked) = &mut row.ids {
                change(at, marked, bos, eos);
            }
        }
        run(&subject, &[])
    }

    /// Moves the answer to where it stands now.
    fn shift(marked: &mut Marked, by: isize) {
        marked.answer = marked
            .answer
            .take()
            .map(|range| range.start.saturating_add_signed(by)..range.end.saturating_add_signed(by));
    }

    fn only(report: &Report, code: &str, rows: usize) -> String {
        assert_eq!(codes(report), [code], "{:#?}", report.findings);
        assert_eq!(report.findings[0].count, rows);
        report.findings[0].rows[0].detail.clone()
    }

    #[test]
    fn a_beginning_token_between_prompt_and_answer_or_missing_or_doubled_is_e01() {
        let between = changed(|at, marked, bos, _| {
            if at == 3 {
                let first = marked.trained[0].start;
                marked.ids.insert(first, bos);
                marked.trained[0].end += 1;
                shift(marked, 1);
            }
        });
        assert!(only(&between, "E01", 1).contains("1 trained"));
        let doubled = changed(|at, marked, bos, _| {
            if at < 2 {
                marked.ids.insert(0, bos);
                marked.trained[0] = marked.trained[0].start + 1..marked.trained[0].end + 1;
                shift(marked, 1);
            }
        });
        only(&doubled, "E01", 2);
        let missing = changed(|_, marked, _, _| {
            marked.ids.remove(0);
            marked.trained[0] = marked.trained[0].start - 1..marked.trained[0].end - 1;
            shift(marked, -1);
        });
        only(&missing, "E01", 14);
    }

    #[test]
    fn an_end_that_is_masked_or_not_there_is_e02() {
        let masked = changed(|at, marked, _, _| {
            if at == 0 {
                marked.trained[0].end -= 1;
            }
        });
        assert!(only(&masked, "E02", 1).contains("masked"));
        let missing = changed(|_, marked, _, _| {
            marked.ids.pop();
            marked.trained[0].end -= 1;
        });
        assert!(only(&missing, "E02", 14).contains("no end token"));
    }

    #[test]
    fn a_row_that_trains_nothing_or_only_its_end_is_e03() {
        let masked = changed(|at, marked, _, _| {
            if at == 5 {
                marked.trained.clear();
            }
        });
        assert!(only(&masked, "E03", 1).contains("masked"));
        let end = changed(|at, marked, _, _| {
            if at == 5 {
                marked.trained[0].start = marked.ids.len() - 1;
            }
        });
        assert!(only(&end, "E03", 1).contains("only its end"));
    }

    #[test]
    fn an_empty_answer_is_e03_through_the_contract() {
        let mut examples = clean();
        examples[4].fields.insert("response".to_owned(), "\n\n".to_owned());
        let report = super::super::rows::for_tests::lint(examples);
        let found = report.findings.iter().find(|finding| finding.code == "E03").expect("it is found");
        assert_eq!(found.count, 1);
    }

    #[test]
    fn a_prompt_that_is_trained_is_w18() {
        let whole = changed(|at, marked, _, _| {
            if at == 2 {
                marked.trained[0].start = 0;
            }
        });
        assert!(only(&whole, "W18", 1).ends_with("tokens of the prompt are trained"));
        let unsaid = changed(|at, marked, _, _| {
            if at == 2 {
                (marked.trained[0].start, marked.answer, marked.prefix) = (0, None, Prefix::Unknown);
            }
        });
        assert!(only(&unsaid, "W18", 1).ends_with("from the first on"));
    }

    #[test]
    fn what_most_rows_of_another_trainer_have_is_the_rule_for_e01() {
        let data = dataset(clean());
        let tokenizer = tokenizer(&data);
        let contract = contract("alpaca", &tokenizer, 2_048);
        let bos = tokenizer.bos().expect("it has one");
        let without = |rows: &[usize]| {
            let mut subject = subject(&data, &contract, &tokenizer);
            subject.bos_wanted = None;
            for at in rows {
                let marked = subject.rows[*at].ids.as_mut().expect("it is encoded");
                marked.ids.retain(|id| *id != bos);
                marked.trained[0] = marked.trained[0].start - 1..marked.trained[0].end - 1;
                shift(marked, -1);
            }
            run(&subject, &[])
        };
        let first = without(&[0]);
        only(&first, "E01", 1);
        assert_eq!(first.findings[0].rows[0].id, data.examples[0].id);
        let most: Vec<usize> = (1..14).collect();
        let last = without(&most);
        only(&last, "E01", 1);
        assert!(last.findings[0].message.contains("there is to be none"), "{}", last.findings[0].message);
        assert!(codes(&without(&(0..14).collect::<Vec<_>>())).is_empty());
    }

    #[test]
    fn a_row_that_no_tokens_can_be_made_of_is_e03_and_the_others_are_looked_at() {
        let mut examples = clean();
        examples[3]
            .fields
            .insert("response".to_owned(), format!("# a \u{6570}\n{}", super::super::rows::for_tests::scene(3)));
        let data = dataset(examples);
        let tokenizer = lossy();
        let contract = contract("alpaca", &tokenizer, 2_048);
        let report = run(&subject(&data, &contract, &tokenizer), &["W11"]);
        let detail = only(&report, "E03", 1);
        assert_eq!(report.findings[0].rows[0].id, data.examples[3].id);
        assert!(detail.contains('\u{6570}'), "{detail}");
        assert_eq!(report.rows, 14);
    }

    #[test]
    fn another_prompt_at_generation_is_e04() {
        let report = changed(|at, marked, _, _| {
            if at == 1 {
                let mut prompt = marked.ids[..marked.trained[0].start].to_vec();
                prompt[3] += 1;
                marked.prefix = super::super::rows::prefix(&marked.ids, &prompt, Some(marked.trained[0].start));
            }
        });
        assert!(only(&report, "E04", 1).contains("after 3 tokens in common"));
        assert_eq!(super::super::rows::prefix(&[1, 2, 3], &[1, 2], Some(2)), Prefix::Same);
        assert_eq!(super::super::rows::prefix(&[1, 2, 3], &[1, 2], Some(0)), Prefix::Same);
        assert!(matches!(super::super::rows::prefix(&[1, 2, 3, 4], &[1, 2], Some(3)), Prefix::Other(_)));
        assert!(matches!(super::super::rows::prefix(&[1], &[1, 2], None), Prefix::Other(_)));
    }

    #[test]
    fn rows_over_the_length_of_the_contract_are_e05() {
        let data = dataset(clean());
        let tokenizer = tokenizer(&data);
        let lengths = |most| {
            let contract = contract("alpaca", &tokenizer, most);
            run(&subject(&data, &contract, &tokenizer), &[])
        };
        assert!(codes(&lengths(2_048)).is_empty());
        only(&lengths(20), "E05", 14);
    }
}
