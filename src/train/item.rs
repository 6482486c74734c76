//! What a run sees of an example: token ids, where training begins, and the labels that sampling and tables go by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::options::TooLong;
use super::run_error::RunError;

/// Rows that an error names.
const NAMED: usize = 5;

/// What a row is called in tables where it has no value.
pub const NONE: &str = "-";

/// An example as the run sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Id of the sample.
    pub id: String,
    /// Its tokens, at least 2.
    pub ids: Vec<u32>,
    /// Its first trained token; from there to its end all are trained. At least 1.
    pub trained_from: usize,
    /// What it can be chosen by: `source`, `level`, `complexity`, `family`.
    pub labels: BTreeMap<String, String>,
    /// Per trained token: whether it stands in a slot, where the answers of its source share a template.
    pub slots: Option<Vec<bool>>,
}

impl Item {
    /// Tokens of it that are trained.
    pub fn trained(&self) -> usize {
        self.ids.len() - self.trained_from
    }

    /// Its source.
    pub fn source(&self) -> &str {
        self.label("source")
    }

    /// Its level where its source gives one, else its complexity.
    pub fn level(&self) -> &str {
        match self.labels.get("level") {
            Some(level) => level,
            None => self.label("complexity"),
        }
    }

    fn label(&self, key: &str) -> &str {
        self.labels.get(key).map_or(NONE, String::as_str)
    }
}

/// What was done about examples above the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TooLongCount {
    /// Left out.
    pub dropped: usize,
    /// Cut to the limit, their end token included.
    pub truncated: usize,
    /// Left out because the cut would leave no trained token.
    pub without_answer: usize,
}

/// Applies the limit of tokens to examples, and checks that each can be trained on.
///
/// # Errors
/// [`RunError::TooLong`] where the policy is `error`; [`RunError::Nothing`] where an example has no trained token.
pub fn fit(items: Vec<Item>, max_len: usize, policy: TooLong) -> Result<(Vec<Item>, TooLongCount), RunError> {
    if let Some(bad) = items.iter().find(|item| item.trained_from == 0 || item.trained_from >= item.ids.len()) {
        return Err(RunError::Nothing(format!(
            "example {} has no trained token, or nothing before its first one: `scenery train show` shows it",
            bad.id
        )));
    }
    let mut long: Vec<(String, usize)> =
        items.iter().filter(|item| item.ids.len() > max_len).map(|item| (item.id.clone(), item.ids.len())).collect();
    if policy == TooLong::Error && !long.is_empty() {
        long.sort_by(|(a, one), (b, two)| two.cmp(one).then(a.cmp(b)));
        let count = long.len();
        long.truncate(NAMED);
        return Err(RunError::TooLong { count, max_len, rows: long });
    }
    let mut done = TooLongCount::default();
    let mut out = Vec::with_capacity(items.len());
    for mut item in items {
        if item.ids.len() <= max_len {
            out.push(item);
        } else if policy == TooLong::Drop {
            done.dropped += 1;
        } else if item.trained_from >= max_len {
            done.without_answer += 1;
        } else {
            item.ids.truncate(max_len);
            if let Some(slots) = &mut item.slots {
                slots.truncate(max_len - item.trained_from);
            }
            done.truncated += 1;
            out.push(item);
        }
    }
    Ok((out, done))
}
