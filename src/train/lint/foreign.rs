//! Data as another trainer feeds it: JSON Lines of ids and labels.
//!
//! `{"input_ids": [...], "labels": [...], "prompt_ids": [...], "attention_mask": [...]}`: a label is the id of its place or
//! -100, which is not trained, as Hugging Face's trainers have it. `prompt_ids`, where they are given, are what generation
//! is given. Tokens without attention are padding; without a mask, untrained pad tokens at the end are.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;

use super::rows::{Marked, Prefix, Row, Subject, prefix};
use crate::prompt::tokenizer::Tokenizer;
use crate::sample::hash16;
use crate::train::options::Options;
use crate::train::{TrainError, file_error};

/// The label of a token that is not trained.
const MASKED: i64 = -100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    input_ids: Vec<u32>,
    labels: Vec<i64>,
    prompt_ids: Option<Vec<u32>>,
    attention_mask: Option<Vec<u8>>,
}

/// Reads a file of ids and labels. `ends` are further tokens that end an answer, beside the tokenizer's own; rows must not be
/// longer than the options say.
///
/// # Errors
/// [`TrainError::File`]; [`TrainError::Export`] with the line that is none, has other lengths, or has a label that is neither
/// masked nor the id of its place.
pub fn read<'a>(
    path: &Path,
    tokenizer: &'a Tokenizer,
    ends: &[u32],
    options: &'a Options,
) -> Result<Subject<'a>, TrainError> {
    let text = std::fs::read_to_string(path).map_err(file_error("read", path))?;
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = at as u64 + 1;
        let row = row(line, tokenizer, number);
        rows.push(row.map_err(|message| TrainError::Export { path: path.to_owned(), line: Some(number), message })?);
    }
    if rows.is_empty() {
        let message = "it holds no row: a row is a line like {\"input_ids\":[..],\"labels\":[..]}".to_owned();
        return Err(TrainError::Export { path: path.to_owned(), line: None, message });
    }
    let mut all: Vec<u32> = tokenizer.eos().into_iter().chain(tokenizer.generation_eos().iter().copied()).collect();
    all.extend(ends.iter().filter(|id| !tokenizer.generation_eos().contains(id)));
    Ok(Subject {
        rows,
        dataset: None,
        tokenizer,
        bos: tokenizer.bos(),
        bos_wanted: None,
        ends: all,
        most: options.max_len,
        fixed_lines: Vec::new(),
        options,
    })
}

fn row(text: &str, tokenizer: &Tokenizer, number: u64) -> Result<Row, String> {
    let Line { mut input_ids, mut labels, prompt_ids, attention_mask } =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let count = input_ids.len();
    for (name, length) in [("labels", Some(labels.len())), ("attention_mask", attention_mask.as_ref().map(Vec::len))] {
        if let Some(length) = length.filter(|length| *length != count) {
            return Err(format!("it has {count} input_ids and {length} {name}"));
        }
    }
    if let Some(id) = input_ids.iter().find(|id| tokenizer.token(**id).is_none()) {
        return Err(format!("the id {id} is beyond the tokenizer's {} tokens", tokenizer.vocabulary()));
    }
    let other = |(id, label): (&u32, &i64)| *label != MASKED && *label != i64::from(*id);
    if let Some(at) = input_ids.iter().zip(&labels).position(other) {
        return Err(format!(
            "label {at} is {}, and the id there is {}: a label is that id, or {MASKED} where nothing is trained",
            labels[at], input_ids[at]
        ));
    }
    match attention_mask {
        Some(mask) => {
            let kept = |at: &usize| mask[*at] != 0;
            let places: Vec<usize> = (0..count).filter(kept).collect();
            if let Some(at) = (0..count).find(|at| !kept(at) && labels[*at] != MASKED) {
                return Err(format!("label {at} is trained, and its token has no attention"));
            }
            input_ids = places.iter().map(|at| input_ids[*at]).collect();
            labels = places.iter().map(|at| labels[*at]).collect();
        }
        None => {
            let padding = |at: usize| Some(input_ids[at]) == tokenizer.pad() && labels[at] == MASKED;
            let real = (0..count).rev().find(|at| !padding(*at)).map_or(0, |at| at + 1);
            input_ids.truncate(real);
            labels.truncate(real);
        }
    }
    let mut trained: Vec<Range<usize>> = Vec::new();
    for at in (0..labels.len()).filter(|at| labels[*at] != MASKED) {
        match trained.last_mut() {
            Some(last) if last.end == at => last.end += 1,
            _ => trained.push(at..at + 1),
        }
    }
    let first = trained.first().map(|range| range.start);
    let begins = match &prompt_ids {
        None => Prefix::Unknown,
        Some(prompt) => prefix(&input_ids, prompt, first),
    };
    // Where all is trained and nobody says what is asked, nobody knows where the answer begins.
    let from = match (&prompt_ids, first) {
        (Some(prompt), _) if begins == Prefix::Same => Some(prompt.len()),
        (None, Some(first)) if first > 0 => Some(first),
        _ => None,
    };
    let answer = from.map(|from| from..trained.last().map_or(from, |range| range.end).max(from));
    let said = |ids: &[u32]| tokenizer.decode(ids).map_err(|error| error.to_string());
    let key = |ids: &[u32]| hash16(&[&ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>()]);
    let (asked, answered) = match &answer {
        Some(range) => (key(&input_ids[..range.start]), key(&input_ids[range.clone()])),
        None => (key(&input_ids), key(&input_ids)),
    };
    Ok(Row {
        name: format!("line {number}"),
        side: None,
        prompt_key: asked,
        answer_key: answered,
        instruction: Some(said(&input_ids[..answer.as_ref().map_or(input_ids.len(), |range| range.start)])?),
        response: answer.clone().map(|range| said(&input_ids[range])).transpose()?,
        system: None,
        ids: Ok(Marked { ids: input_ids, trained, answer, prefix: begins }),
    })
}

#[cfg(test)]
mod tests {
    use super::super::rows::for_tests::{clean, dataset, tokenizer};
    use super::*;

    #[test]
    fn rows_are_read_without_their_padding_and_wrong_ones_name_their_line() {
        let data = dataset(clean());
        let tokenizer = tokenizer(&data);
        let (bos, eos, pad) = (tokenizer.bos().unwrap(), tokenizer.eos().unwrap(), tokenizer.pad().unwrap());
        let prompt = tokenizer.encode("Draw a circle").unwrap();
        let answer = tokenizer.encode("x = 1").unwrap();
        let ids: Vec<u32> = [vec![bos], prompt.clone(), answer.clone(), vec![eos, pad, pad]].concat();
        let first = 1 + prompt.len();
        let labels: Vec<i64> = (0..ids.len())
            .map(|at| if (first..ids.len() - 2).contains(&at) { i64::from(ids[at]) } else { MASKED })
            .collect();
        let line = |value: serde_json::Value| row(&value.to_string(), &tokenizer, 7);
        let whole = line(serde_json::json!({ "input_ids": ids, "labels": labels })).unwrap();
        let marked = whole.ids.clone().unwrap();
        assert_eq!(marked.ids.len(), ids.len() - 2);
        assert_eq!((marked.trained.len(), marked.trained[0].clone()), (1, first..ids.len() - 2));
        assert_eq!((whole.response.as_deref(), whole.instruction.as_deref()), (Some("x = 1"), Some("Draw a circle")));
        assert_eq!(marked.prefix, Prefix::Unknown);
        let mask: Vec<u8> = (0..ids.len()).map(|at| u8::from(at < ids.len() - 2)).collect();
        let masked = line(serde_json::json!({ "input_ids": ids, "labels": labels, "attention_mask": mask })).unwrap();
        assert_eq!(masked.ids, whole.ids);
        let same = line(serde_json::json!({ "input_ids": ids, "labels": labels, "prompt_ids": ids[..first] })).unwrap();
        assert_eq!(same.ids.unwrap().prefix, Prefix::Same);
        for (value, says) in [
            (serde_json::json!({ "input_ids": [1, 2], "labels": [1] }), "2 input_ids and 1 labels"),
            (serde_json::json!({ "input_ids": [5, 6], "labels": [-100, 7] }), "label 1 is 7"),
            (serde_json::json!({ "input_ids": [99999], "labels": [-100] }), "beyond the tokenizer"),
            (serde_json::json!({ "input_ids": [5], "labels": [5], "attention_mask": [0] }), "no attention"),
            (serde_json::json!({ "input_ids": [5], "labels": [5], "text": "x" }), "text"),
        ] {
            let error = line(value.clone()).expect_err(&value.to_string());
            assert!(error.contains(says), "{error}");
        }
    }
}
