//! Rows as the formats give them: a record or a fault, with the place it stands at.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::ingest::IngestError;
use crate::ingest::recipe::path::Record;

/// Why a row is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// A fixed word.
    pub reason: &'static str,
    /// The particulars.
    pub detail: String,
}

impl Fault {
    pub(super) fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Fault { reason, detail: detail.into() }
    }

    pub(super) fn too_large(size_bytes: u64, max_bytes: u64) -> Self {
        Fault::new("row-too-large", format!("{size_bytes} bytes; the limit is {max_bytes}"))
    }
}

/// A row, or what stands in its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// What follows the file in its locator: `:117`, `[12]`, `#train[12]`.
    pub place: String,
    /// The member of the object of splits it stands under.
    pub group: Option<String>,
    /// The row.
    pub content: Result<Record, Fault>,
}

/// Rows of one file, one after the other.
pub(super) trait Items {
    /// The next row; none at the end.
    ///
    /// # Errors
    /// Where the file cannot be read on.
    fn next(&mut self) -> Result<Option<Item>, IngestError>;

    /// What was met beside rows, in sentences; asked for at the end.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads a JSON value in which no object has two members of one name: which of them counts is nobody's to guess.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Strict)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("`{}` stands there twice in one object", start_of(&name))));
            }
            object.insert(name, members.next_value_seed(Strict)?);
        }
        Ok(Value::Object(object))
    }
}

/// Reads the bytes of one row as a JSON object.
pub(super) fn parse_record(bytes: &[u8], at_end: bool) -> Result<Record, Fault> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            return Err(Fault::new("not-utf8", format!("byte {} of the row is not UTF-8", error.valid_up_to() + 1)));
        }
    };
    let mut json = serde_json::Deserializer::from_str(text);
    match Strict.deserialize(&mut json).and_then(|value| json.end().map(|()| value)) {
        Ok(Value::Object(record)) => Ok(record),
        Ok(other) => Err(Fault::new("not-an-object", format!("{}: {}", kind(&other), start_of(text)))),
        Err(error) if error.is_eof() && at_end => {
            Err(Fault::new("truncated", format!("the file ends inside the row, which starts with {}", start_of(text))))
        }
        Err(error) => {
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or(&message);
            let place = if error.line() > 1 {
                format!("line {} of the row, column {}", error.line(), error.column())
            } else {
                format!("column {}", error.column())
            };
            // The only error of ours: all others are about the form.
            let reason = if error.is_data() { "duplicate-name" } else { "invalid-json" };
            Err(Fault::new(reason, format!("{message} at {place}: {}", start_of(text))))
        }
    }
}

/// What a value is, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The first characters of a row, for messages; control characters are shown as blanks.
pub(super) fn start_of(text: &str) -> String {
    let mut shown: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// A buffer that takes no more than a limit but counts everything.
#[derive(Debug)]
pub(super) struct Capped {
    bytes: Vec<u8>,
    total: u64,
    max: u64,
}

impl Capped {
    pub(super) fn new(max: u64) -> Self {
        Capped { bytes: Vec::new(), total: 0, max }
    }

    pub(super) fn clear(&mut self) {
        if self.bytes.capacity() > 1 << 20 {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.total = 0;
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.extend(&[byte]);
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        if self.total <= self.max {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.bytes = Vec::new();
        }
    }

    /// Takes the last byte off, if it is `byte` and does not lie before `start`.
    pub(super) fn drop_last(&mut self, byte: u8, start: u64) {
        if self.total > start && self.bytes.last() == Some(&byte) {
            self.bytes.pop();
            self.total -= 1;
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// What was taken, or the fault of having met too much.
    pub(super) fn get(&self) -> Result<&[u8], Fault> {
        if self.total > self.max { Err(Fault::too_large(self.total, self.max)) } else { Ok(&self.bytes) }
    }

    /// Capacity of the buffer, for tests of memory.
    #[cfg(test)]
    pub(super) fn bytes_held(&self) -> usize {
        self.bytes.capacity()
    }
}
