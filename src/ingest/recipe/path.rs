//! Paths into a row: `question`, `metadata.level`, `messages[-1].content`, `conversations[from=assistant].value`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A row of a table, as JSON: columns by name, in the order of the file.
pub type Record = Map<String, Value>;

/// One step of a path after the column.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A member of an object.
    Member(String),
    /// An element of an array; negative numbers count from its end.
    Element(i64),
    /// The first element of an array whose member has this value.
    Where { member: String, value: String },
}

/// Where a value stands in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    text: String,
    column: String,
    steps: Vec<Step>,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'a> {
    /// A value other than null.
    Value(Cow<'a, Value>),
    /// A null.
    Null,
    /// The row has no such column.
    NoColumn,
    /// The column is there, what the path says of its inside is not; says what is missing.
    NoPart(String),
}

impl FieldPath {
    /// The path as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The column that it starts from.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// The name that a value found here has under `meta.` when the recipe gives none: the last member of the path.
    pub fn short_name(&self) -> &str {
        self.steps
            .iter()
            .rev()
            .find_map(|step| match step {
                Step::Member(name) => Some(name.as_str()),
                _ => None,
            })
            .unwrap_or(&self.column)
    }

    /// Follows the path in `row`. A column whose whole name is the path's text goes first, so that names with dots and
    /// brackets work; text that holds JSON (a nested column of a CSV file) is looked into.
    pub fn find<'a>(&self, row: &'a Record) -> Found<'a> {
        if let Some(value) = row.get(&self.text) {
            return if value.is_null() { Found::Null } else { Found::Value(Cow::Borrowed(value)) };
        }
        let Some(start) = row.get(&self.column) else {
            return Found::NoColumn;
        };
        let mut at: Cow<'a, Value> = Cow::Borrowed(start);
        for step in &self.steps {
            if at.is_null() {
                return Found::Null;
            }
            if let Value::String(text) = at.as_ref() {
                match embedded(text) {
                    Some(value) => at = Cow::Owned(value),
                    None => return Found::NoPart(format!("{} is text, nothing is inside it", self.column)),
                }
            }
            let next = match at {
                Cow::Borrowed(value) => step.of(value).map(Cow::Borrowed),
                Cow::Owned(value) => step.of(&value).map(|inner| Cow::Owned(inner.clone())),
            };
            match next {
                Some(value) => at = value,
                None => return Found::NoPart(format!("{} has no {step}", self.column)),
            }
        }
        if at.is_null() { Found::Null } else { Found::Value(at) }
    }
}

/// Whether a value other than text is written so.
pub(super) fn written(value: &Value, text: &str) -> bool {
    let shown = value.to_string();
    shown == text
}

/// Reads text that looks like a JSON object or array as one.
fn embedded(text: &str) -> Option<Value> {
    let text = text.trim_start();
    if text.starts_with(['{', '[']) { serde_json::from_str(text).ok() } else { None }
}

impl Step {
    fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        match self {
            Step::Member(name) => value.get(name),
            Step::Element(index) => {
                let list = value.as_array()?;
                let length = i64::try_from(list.len()).ok()?;
                let index = if *index < 0 { length + index } else { *index };
                list.get(usize::try_from(index).ok()?)
            }
            Step::Where { member, value: wanted } => value.as_array()?.iter().find(|element| {
                element.get(member).is_some_and(|found| match found {
                    Value::String(text) => text == wanted,
                    other => written(other, wanted),
                })
            }),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Member(name) => write!(f, "`{name}`"),
            Step::Element(index) => write!(f, "element {index}"),
            Step::Where { member, value } => write!(f, "element whose {member} is `{value}`"),
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A path that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{path}` is no path: {message} (write `column`, `column.member`, `column[0]`, `column[-1].member` or `column[role=assistant].member`)"
)]
pub struct PathError {
    /// What was written.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl FromStr for FieldPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let wrong = |message: &str| PathError { path: text.to_owned(), message: message.to_owned() };
        let split = text.find(['.', '[']).unwrap_or(text.len());
        let column = &text[..split];
        if column.is_empty() {
            return Err(wrong("it names no column"));
        }
        let mut steps = Vec::new();
        let mut rest = &text[split..];
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                if end == 0 {
                    return Err(wrong("a member after `.` has no name"));
                }
                steps.push(Step::Member(after[..end].to_owned()));
                rest = &after[end..];
            } else if let Some(after) = rest.strip_prefix('[') {
                let end = after.find(']').ok_or_else(|| wrong("a `[` is not closed"))?;
                let inside = &after[..end];
                steps.push(match inside.split_once('=') {
                    Some((member, value)) if !member.is_empty() => {
                        Step::Where { member: member.to_owned(), value: value.to_owned() }
                    }
                    Some(_) => return Err(wrong("`=` needs a member before it")),
                    None => Step::Element(
                        inside.parse().map_err(|_| wrong("between `[` and `]` stands a number or `member=value`"))?,
                    ),
                });
                rest = &after[end + 1..];
            } else {
                return Err(wrong("after `]` comes `.` or `[`"));
            }
        }
        Ok(FieldPath { text: text.to_owned(), column: column.to_owned(), steps })
    }
}

impl<'de> Deserialize<'de> for FieldPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn find(path: &str, row: &Value) -> Option<Value> {
        let path: FieldPath = path.parse().unwrap();
        match path.find(row.as_object().unwrap()) {
            Found::Value(value) => Some(value.into_owned()),
            _ => None,
        }
    }

    #[test]
    fn paths_lead_into_objects_arrays_and_roles() {
        let row = json!({"a": {"b": [1, 2, {"c": "x"}]}, "m": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "w"}]});
        assert_eq!(find("a.b[1]", &row), Some(json!(2)));
        assert_eq!(find("a.b[-1].c", &row), Some(json!("x")));
        assert_eq!(find("m[role=assistant].content", &row), Some(json!("w")));
        assert_eq!(find("m[7].content", &row), None);
        assert_eq!(find("a.b[-9]", &row), None);
    }

    #[test]
    fn a_column_whose_name_is_the_path_goes_first_and_text_that_holds_json_is_looked_into() {
        let row = json!({"a.b": 1, "a": {"b": 2}, "t": "{\"u\": [3]}", "n": null});
        assert_eq!(find("a.b", &row), Some(json!(1)));
        assert_eq!(find("t.u[0]", &row), Some(json!(3)));
        let path: FieldPath = "n.x".parse().unwrap();
        assert_eq!(path.find(row.as_object().unwrap()), Found::Null);
        let path: FieldPath = "zz".parse().unwrap();
        assert_eq!(path.find(row.as_object().unwrap()), Found::NoColumn);
    }

    #[test]
    fn what_is_no_path_is_refused_with_the_forms_that_are() {
        for text in ["", ".a", "a[", "a[x]", "a..b", "a[0]b", "a[=x]"] {
            let error = text.parse::<FieldPath>().unwrap_err().to_string();
            assert!(error.contains("column[0]"), "{text}: {error}");
        }
    }

    #[test]
    fn the_short_name_is_the_last_member() {
        for (path, name) in [("metadata.level", "level"), ("Type", "Type"), ("a.b[0]", "b")] {
            assert_eq!(path.parse::<FieldPath>().unwrap().short_name(), name);
        }
    }
}
