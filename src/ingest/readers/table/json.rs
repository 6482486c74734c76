//! A JSON array of rows, or an object of such arrays, element by element: only one element is held at a time.

use std::io::BufRead;
use std::path::PathBuf;

use super::bytes::broken;
use super::items::{Capped, Fault, Item, Items, parse_record, start_of};
use crate::ingest::IngestError;

/// Longest member name of an object of splits.
const MAX_NAME_BYTES: u64 = 1024;

/// What the scanner stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first byte.
    Start,
    /// Between members of the outer object.
    Members,
    /// Between elements of an array.
    Elements,
    /// After the outermost value.
    After,
    /// Nothing more is to come.
    Done,
}

/// How a scanned value ended.
enum Scanned {
    Whole,
    EndOfFile,
}

/// Rows of a JSON array or of an object of arrays.
pub(super) struct Elements<R> {
    input: R,
    path: PathBuf,
    state: State,
    splits: bool,
    group: Option<String>,
    index: u64,
    first: bool,
    value: Capped,
    back: Option<u8>,
    skipped: Vec<String>,
    empty: Vec<String>,
}

impl<R: BufRead> Elements<R> {
    pub(super) fn new(input: R, path: PathBuf, max_row_bytes: u64) -> Self {
        Elements {
            input,
            path,
            state: State::Start,
            splits: false,
            group: None,
            index: 0,
            first: true,
            value: Capped::new(max_row_bytes),
            back: None,
            skipped: Vec::new(),
            empty: Vec::new(),
        }
    }

    fn byte(&mut self) -> std::io::Result<Option<u8>> {
        if let Some(byte) = self.back.take() {
            return Ok(Some(byte));
        }
        loop {
            match self.input.fill_buf() {
                Ok([]) => return Ok(None),
                Ok(chunk) => {
                    let byte = chunk[0];
                    self.input.consume(1);
                    return Ok(Some(byte));
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn solid(&mut self) -> std::io::Result<Option<u8>> {
        loop {
            match self.byte()? {
                Some(b' ' | b'\t' | b'\r' | b'\n') => {}
                other => return Ok(other),
            }
        }
    }

    /// Takes the value that starts with `byte` into `self.value`.
    fn scan(&mut self, byte: u8) -> std::io::Result<Scanned> {
        self.value.clear();
        self.value.push(byte);
        match byte {
            b'{' | b'[' => {
                let (mut depth, mut quoted, mut escaped) = (1u64, false, false);
                loop {
                    // A whole chunk at a time: a byte at a time through `byte` costs three times as much.
                    let (taken, closed) = {
                        let chunk = match self.input.fill_buf() {
                            Ok(chunk) => chunk,
                            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                            Err(error) => return Err(error),
                        };
                        if chunk.is_empty() {
                            return Ok(Scanned::EndOfFile);
                        }
                        let mut taken = chunk.len();
                        let mut closed = false;
                        for (at, byte) in chunk.iter().enumerate() {
                            if quoted {
                                match byte {
                                    _ if escaped => escaped = false,
                                    b'\\' => escaped = true,
                                    b'"' => quoted = false,
                                    _ => {}
                                }
                                continue;
                            }
                            match byte {
                                b'"' => quoted = true,
                                b'{' | b'[' => depth += 1,
                                b'}' | b']' => depth -= 1,
                                _ => {}
                            }
                            if depth == 0 {
                                taken = at + 1;
                                closed = true;
                                break;
                            }
                        }
                        self.value.extend(&chunk[..taken]);
                        (taken, closed)
                    };
                    self.input.consume(taken);
                    if closed {
                        return Ok(Scanned::Whole);
                    }
                }
            }
            b'"' => {
                let mut escaped = false;
                while let Some(byte) = self.byte()? {
                    self.value.push(byte);
                    match byte {
                        _ if escaped => escaped = false,
                        b'\\' => escaped = true,
                        b'"' => return Ok(Scanned::Whole),
                        _ => {}
                    }
                }
                Ok(Scanned::EndOfFile)
            }
            _ => {
                while let Some(byte) = self.byte()? {
                    if matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n') {
                        self.back = Some(byte);
                        return Ok(Scanned::Whole);
                    }
                    self.value.push(byte);
                }
                Ok(Scanned::EndOfFile)
            }
        }
    }

    fn place(&self) -> String {
        match &self.group {
            Some(group) => format!("#{group}[{}]", self.index),
            None => format!("[{}]", self.index),
        }
    }

    fn fault(&mut self, reason: &'static str, detail: String) -> Option<Item> {
        Some(Item { place: self.place(), group: self.group.clone(), content: Err(Fault::new(reason, detail)) })
    }

    fn end_of_file(&mut self) -> Option<Item> {
        self.state = State::Done;
        let what = if self.splits && self.group.is_none() { "object" } else { "array" };
        self.fault("truncated", format!("the file ends before the {what} is closed"))
    }

    fn step(&mut self) -> std::io::Result<Option<Item>> {
        loop {
            match self.state {
                State::Done => return Ok(None),
                State::Start => {
                    let mut byte = self.solid()?;
                    if byte == Some(0xef) {
                        // A byte order mark: its other two bytes.
                        self.byte()?;
                        self.byte()?;
                        byte = self.solid()?;
                    }
                    match byte {
                        Some(b'[') => self.state = State::Elements,
                        Some(b'{') => {
                            self.splits = true;
                            self.state = State::Members;
                        }
                        _ => {
                            self.state = State::Done;
                            return Ok(self.fault("invalid-json", "neither an array nor an object starts here".into()));
                        }
                    }
                }
                State::After => {
                    self.state = State::Done;
                    if let Some(byte) = self.solid()? {
                        let detail = format!("`{}` follows the end of the outermost value", char::from(byte));
                        return Ok(self.fault("invalid-json", detail));
                    }
                }
                State::Members => match self.solid()? {
                    None => return Ok(self.end_of_file()),
                    Some(b',') => {}
                    Some(b'}') => self.state = State::After,
                    Some(b'"') => {
                        if let Some(item) = self.member()? {
                            return Ok(Some(item));
                        }
                    }
                    Some(byte) => {
                        self.state = State::Done;
                        let detail = format!("`{}` where a member's name should stand", char::from(byte));
                        return Ok(self.fault("invalid-json", detail));
                    }
                },
                State::Elements => match self.solid()? {
                    None => return Ok(self.end_of_file()),
                    Some(b']') => {
                        if self.index == 0 && self.first {
                            self.empty.extend(self.group.clone());
                        }
                        self.group = None;
                        self.state = if self.splits { State::Members } else { State::After };
                    }
                    Some(b',') if !self.first => self.first = true,
                    Some(byte) => {
                        let comma = self.first;
                        self.first = false;
                        let scanned = self.scan(byte)?;
                        let place = self.place();
                        let content = match scanned {
                            Scanned::EndOfFile => {
                                self.state = State::Done;
                                match self.value.get() {
                                    Err(fault) => Err(fault),
                                    Ok(bytes) => Err(Fault::new(
                                        "truncated",
                                        format!(
                                            "the file ends inside the row, which starts with {}",
                                            start_of(&String::from_utf8_lossy(&bytes[..bytes.len().min(400)]))
                                        ),
                                    )),
                                }
                            }
                            Scanned::Whole if !comma => {
                                Err(Fault::new("invalid-json", "no comma before this element".to_owned()))
                            }
                            Scanned::Whole => self.value.get().and_then(|bytes| parse_record(bytes, false)),
                        };
                        self.index += 1;
                        return Ok(Some(Item { place, group: self.group.clone(), content }));
                    }
                },
            }
        }
    }

    /// Takes a member of the outer object, its opening quote taken already.
    fn member(&mut self) -> std::io::Result<Option<Item>> {
        let whole = matches!(self.scan(b'"')?, Scanned::Whole);
        if !whole {
            return Ok(self.end_of_file());
        }
        let name = match self.value.get() {
            Ok(bytes) if bytes.len() as u64 <= MAX_NAME_BYTES => serde_json::from_slice::<String>(bytes).ok(),
            _ => None,
        };
        let Some(name) = name else {
            self.state = State::Done;
            return Ok(self.fault("invalid-json", "a member's name is not a text of at most 1,024 bytes".into()));
        };
        if self.solid()? != Some(b':') {
            self.state = State::Done;
            return Ok(self.fault("invalid-json", format!("no colon after `{name}`")));
        }
        match self.solid()? {
            None => Ok(self.end_of_file()),
            Some(b'[') => {
                self.group = Some(name);
                self.index = 0;
                self.first = true;
                self.state = State::Elements;
                Ok(None)
            }
            Some(byte) => {
                self.skipped.push(name);
                match self.scan(byte)? {
                    Scanned::Whole => Ok(None),
                    Scanned::EndOfFile => Ok(self.end_of_file()),
                }
            }
        }
    }
}

impl<R: BufRead> Items for Elements<R> {
    fn next(&mut self) -> Result<Option<Item>, IngestError> {
        let done = self.place();
        self.step().map_err(|error| broken(&self.path, &done, &error))
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.skipped.is_empty() {
            let shown: Vec<&str> = self.skipped.iter().take(8).map(String::as_str).collect();
            let more = if self.skipped.len() > 8 { ", .." } else { "" };
            notes.push(format!("{} members hold no list of rows: {}{more}", self.skipped.len(), shown.join(", ")));
        }
        for name in &self.empty {
            notes.push(format!("`{name}` is an empty list"));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let mut elements = Elements::new(text.as_bytes(), PathBuf::from("x.json"), 100);
        let mut rows = Vec::new();
        while let Some(item) = elements.next().unwrap() {
            let content = item
                .content
                .map(|row| serde_json::to_string(&row).unwrap())
                .unwrap_or_else(|fault| fault.reason.into());
            rows.push(format!("{} {content}", item.place));
        }
        rows.extend(elements.notes());
        rows
    }

    #[test]
    fn elements_of_an_array_come_one_by_one() {
        assert_eq!(
            read("\u{feff}[ {\"a\": \"]},{\\\"\"} ,\n{\"b\":[1,{}]}]\n"),
            ["[0] {\"a\":\"]},{\\\"\"}", "[1] {\"b\":[1,{}]}"]
        );
        assert_eq!(read("[]"), Vec::<String>::new());
    }

    #[test]
    fn an_object_of_splits_names_them() {
        let rows = read(
            "{\"train\": [{\"a\":1},{\"a\":2}], \"version\": {\"x\": [1]}, \"n\": 12, \"test\": [{\"a\":3}], \"val\": []}",
        );
        assert_eq!(
            rows,
            [
                "#train[0] {\"a\":1}",
                "#train[1] {\"a\":2}",
                "#test[0] {\"a\":3}",
                "2 members hold no list of rows: version, n",
                "`val` is an empty list"
            ]
        );
    }

    #[test]
    fn broken_texts_give_faults_and_what_can_be_read() {
        assert_eq!(
            read("[{\"a\":1}, 3, \"x\", {\"a\":}, {\"a\":4}]")[1..],
            ["[1] not-an-object", "[2] not-an-object", "[3] invalid-json", "[4] {\"a\":4}"]
        );
        assert_eq!(read("[{\"a\":1}, {\"a\": \"x"), ["[0] {\"a\":1}", "[1] truncated"]);
        assert_eq!(read("[{\"a\":1}"), ["[0] {\"a\":1}", "[1] truncated"]);
        assert_eq!(read("[{\"a\":1}] x"), ["[0] {\"a\":1}", "[1] invalid-json"]);
        assert_eq!(read("[{\"a\":1} {\"a\":2}]"), ["[0] {\"a\":1}", "[1] invalid-json"]);
        assert_eq!(read("{\"train\": [{\"a\":1}"), ["#train[0] {\"a\":1}", "#train[1] truncated"]);
        assert_eq!(read("{\"train\""), ["[0] invalid-json"]);
        assert_eq!(read("{\"tr"), ["[0] truncated"]);
    }

    #[test]
    fn a_large_element_is_skipped_without_being_held() {
        let text = format!("[{{\"a\":\"{}\"}},{{\"a\":1}}]", "x".repeat(200));
        assert_eq!(read(&text), ["[0] row-too-large", "[1] {\"a\":1}"]);
    }
}
