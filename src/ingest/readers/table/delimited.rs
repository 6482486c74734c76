//! Comma- and tab-separated values, with quoted cells over several lines. Our own scanner, because a quote that is never
//! closed must not draw the rest of a file into memory, and because a row's first line is its locator.

use std::io::BufRead;
use std::path::PathBuf;

use serde_json::Value;

use super::bytes::broken;
use super::items::{Capped, Fault, Item, Items};
use crate::ingest::IngestError;
use crate::ingest::recipe::path::Record;

/// Most columns that a header may name.
const MAX_COLUMNS: usize = 10_000;

/// How a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Line,
    File,
    FileInQuotes,
}

/// Rows of a file with a header line.
#[derive(Debug)]
pub(super) struct Delimited<R> {
    input: R,
    path: PathBuf,
    delimiter: u8,
    header: Vec<String>,
    /// Lines done, which is the number of the last one.
    line: u64,
    cells: Capped,
    /// End of each cell in `cells`.
    ends: Vec<u64>,
    done: bool,
}

impl<R: BufRead> Delimited<R> {
    /// Opens and reads the header.
    ///
    /// # Errors
    /// Where the header is no list of different names.
    pub(super) fn new(input: R, path: PathBuf, delimiter: u8, max_row_bytes: u64) -> Result<Self, IngestError> {
        let mut reader = Delimited {
            input,
            path,
            delimiter,
            header: Vec::new(),
            line: 0,
            cells: Capped::new(max_row_bytes),
            ends: Vec::new(),
            done: false,
        };
        let wrong = |path: &PathBuf, message: String| IngestError::Input { path: path.clone(), message };
        let ended = reader.record().map_err(|error| broken(&reader.path, "the header", &error))?;
        if ended == Some(Ended::FileInQuotes) {
            return Err(wrong(&reader.path, "the header has a quoted cell that is not closed".into()));
        }
        let cells = match reader.cells() {
            Ok(cells) => cells,
            Err(fault) => return Err(wrong(&reader.path, format!("the header: {}", fault.detail))),
        };
        let mut header: Vec<String> = Vec::with_capacity(cells.len());
        for (index, cell) in cells.into_iter().enumerate() {
            let name = cell.strip_prefix('\u{feff}').unwrap_or(cell).trim();
            let name = if name.is_empty() { format!("column {}", index + 1) } else { name.to_owned() };
            if header.contains(&name) {
                return Err(wrong(&reader.path, format!("the header names `{name}` twice")));
            }
            header.push(name);
        }
        reader.header = header;
        Ok(reader)
    }

    /// Takes the next record that is not a blank line; none at the end of the file.
    fn record(&mut self) -> std::io::Result<Option<Ended>> {
        loop {
            let ended = self.one_record()?;
            let blank = self.ends.len() <= 1 && self.cells.total() == 0;
            match ended {
                Ended::Line if blank => {}
                Ended::File if blank => return Ok(None),
                _ => return Ok(Some(ended)),
            }
        }
    }

    fn one_record(&mut self) -> std::io::Result<Ended> {
        self.cells.clear();
        self.ends.clear();
        // `after` is the byte before, where it matters: a quote inside quotes, or a carriage return.
        let (mut quoted, mut after_quote, mut cell_start, mut any) = (false, false, true, false);
        loop {
            let mut taken = 0;
            let mut ended = None;
            {
                let chunk = match self.input.fill_buf() {
                    Ok(chunk) => chunk,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                if chunk.is_empty() {
                    if any {
                        self.line += 1;
                    }
                    self.ends.push(self.cells.total());
                    return Ok(if quoted && !after_quote { Ended::FileInQuotes } else { Ended::File });
                }
                for &byte in chunk {
                    taken += 1;
                    any = true;
                    if quoted && !after_quote {
                        if byte == b'"' {
                            after_quote = true;
                        } else {
                            if byte == b'\n' {
                                self.line += 1;
                            }
                            self.cells.push(byte);
                        }
                        continue;
                    }
                    if after_quote && byte == b'"' {
                        self.cells.push(b'"');
                        after_quote = false;
                        continue;
                    }
                    if after_quote {
                        quoted = false;
                        after_quote = false;
                    }
                    if byte == self.delimiter {
                        if self.ends.len() < MAX_COLUMNS {
                            self.ends.push(self.cells.total());
                        }
                        cell_start = true;
                    } else if byte == b'\n' {
                        self.line += 1;
                        ended = Some(Ended::Line);
                        break;
                    } else if byte == b'"' && cell_start {
                        quoted = true;
                        cell_start = false;
                    } else {
                        self.cells.push(byte);
                        cell_start = false;
                    }
                }
            }
            self.input.consume(taken);
            if let Some(ended) = ended {
                self.drop_carriage_return();
                self.ends.push(self.cells.total());
                return Ok(ended);
            }
        }
    }

    /// Takes the `\r` of a line end off the last cell.
    fn drop_carriage_return(&mut self) {
        let start = self.ends.last().copied().unwrap_or(0);
        self.cells.drop_last(b'\r', start);
    }

    fn cells(&self) -> Result<Vec<&str>, Fault> {
        let bytes = self.cells.get()?;
        let text = std::str::from_utf8(bytes).map_err(|error| {
            Fault::new("not-utf8", format!("byte {} of the row is not UTF-8", error.valid_up_to() + 1))
        })?;
        let mut cells = Vec::with_capacity(self.ends.len());
        let mut start = 0usize;
        for end in &self.ends {
            let end = usize::try_from(*end).unwrap_or(usize::MAX);
            // A cell's end lies at a delimiter, which is ASCII, so it lies at a character's end too.
            cells.push(text.get(start..end).unwrap_or(""));
            start = end;
        }
        Ok(cells)
    }
}

impl<R: BufRead> Items for Delimited<R> {
    fn next(&mut self) -> Result<Option<Item>, IngestError> {
        if self.done {
            return Ok(None);
        }
        let before = self.line;
        let ended = match self.record() {
            Ok(Some(ended)) => ended,
            Ok(None) => return Ok(None),
            Err(error) => return Err(broken(&self.path, &format!("line {before}"), &error)),
        };
        // Blank lines before the record are counted into `line` too, so the start is found from its end.
        let inside = self.cells.get().map(|bytes| bytes.iter().filter(|byte| **byte == b'\n').count() as u64);
        let start = match inside {
            Ok(inside) => self.line.saturating_sub(inside).max(before + 1),
            Err(_) => before + 1,
        };
        let content = if ended == Ended::FileInQuotes {
            self.done = true;
            match self.cells.get() {
                Err(fault) => Err(fault),
                Ok(_) => Err(Fault::new("truncated", "the file ends inside a quoted cell".to_owned())),
            }
        } else {
            self.cells().and_then(|cells| {
                if cells.len() != self.header.len() {
                    return Err(Fault::new(
                        "csv-columns",
                        format!("{} cells where the header names {} columns", cells.len(), self.header.len()),
                    ));
                }
                let pairs = self.header.iter().zip(cells);
                Ok(pairs.map(|(name, cell)| (name.clone(), Value::String(cell.to_owned()))).collect::<Record>())
            })
        };
        Ok(Some(Item { place: format!(":{start}"), group: None, content }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, delimiter: u8) -> Vec<String> {
        let mut rows = Delimited::new(text.as_bytes(), PathBuf::from("x.csv"), delimiter, 200).unwrap();
        let mut shown = Vec::new();
        while let Some(item) = rows.next().unwrap() {
            let content = item
                .content
                .map(|row| serde_json::to_string(&row).unwrap())
                .unwrap_or_else(|fault| fault.reason.into());
            shown.push(format!("{} {content}", item.place));
        }
        shown
    }

    #[test]
    fn cells_may_hold_lines_quotes_and_delimiters() {
        let rows = read("\u{feff}a,b\r\n\"x\n\"\"y\"\", z\",2\r\n\n3,\"\"", b',');
        assert_eq!(rows, [":2 {\"a\":\"x\\n\\\"y\\\", z\",\"b\":\"2\"}", ":5 {\"a\":\"3\",\"b\":\"\"}"]);
    }

    #[test]
    fn tabs_separate_and_a_stray_quote_is_text() {
        assert_eq!(read("a\tb\n5\"\tq\"q\n", b'\t'), [":2 {\"a\":\"5\\\"\",\"b\":\"q\\\"q\"}"]);
    }

    #[test]
    fn faults_have_a_reason_and_the_row_after_is_read() {
        let long = "y".repeat(300);
        let text = format!("a,b\n1\n1,2,3\n\"{long}\n{long}\",2\n4,5\n\"open,6\n7,8\n");
        assert_eq!(
            read(&text, b','),
            [":2 csv-columns", ":3 csv-columns", ":4 row-too-large", ":6 {\"a\":\"4\",\"b\":\"5\"}", ":7 truncated"]
        );
    }

    #[test]
    fn a_header_with_a_name_twice_is_refused() {
        let error = Delimited::new("a,a\n".as_bytes(), PathBuf::from("x.csv"), b',', 200).unwrap_err();
        assert!(error.to_string().contains("`a` twice"));
    }
}
