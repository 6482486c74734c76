//! JSON Lines: an object per line, blank lines skipped, the last line with or without an end.

use std::io::BufRead;
use std::path::PathBuf;

use super::bytes::broken;
use super::items::{Capped, Item, Items, parse_record};
use crate::ingest::IngestError;

/// Rows of a JSON Lines file.
pub(super) struct Lines<R> {
    input: R,
    path: PathBuf,
    line: u64,
    row: Capped,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R, path: PathBuf, max_row_bytes: u64) -> Self {
        Lines { input, path, line: 0, row: Capped::new(max_row_bytes) }
    }

    /// Takes the next line into `row`; tells whether there was one, and whether it had an end.
    fn take_line(&mut self) -> std::io::Result<Option<bool>> {
        self.row.clear();
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(if self.row.total() == 0 { None } else { Some(false) });
            }
            // `contains` is the library's fast search; most chunks of a long row have no end in them.
            let end = if chunk.contains(&b'\n') { chunk.iter().position(|byte| *byte == b'\n') } else { None };
            match end {
                Some(end) => {
                    self.row.extend(&chunk[..end]);
                    self.input.consume(end + 1);
                    return Ok(Some(true));
                }
                None => {
                    let length = chunk.len();
                    self.row.extend(chunk);
                    self.input.consume(length);
                }
            }
        }
    }
}

impl<R: BufRead> Items for Lines<R> {
    fn next(&mut self) -> Result<Option<Item>, IngestError> {
        loop {
            let ended = match self.take_line() {
                Ok(Some(ended)) => ended,
                Ok(None) => return Ok(None),
                Err(error) => return Err(broken(&self.path, &format!("line {}", self.line), &error)),
            };
            self.line += 1;
            let content = match self.row.get() {
                Err(fault) => Err(fault),
                Ok(bytes) => {
                    let bytes =
                        if self.line == 1 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
                    let bytes = bytes.trim_ascii();
                    if bytes.is_empty() {
                        continue;
                    }
                    parse_record(bytes, !ended)
                }
            };
            return Ok(Some(Item { place: format!(":{}", self.line), group: None, content }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<(String, Result<String, &'static str>)> {
        let mut lines = Lines::new(text, PathBuf::from("x.jsonl"), 1000);
        let mut rows = Vec::new();
        while let Some(item) = lines.next().unwrap() {
            let content = item.content.map(|row| serde_json::to_string(&row).unwrap()).map_err(|fault| fault.reason);
            rows.push((item.place, content));
        }
        rows
    }

    #[test]
    fn bom_crlf_blank_lines_and_a_missing_end_are_no_obstacle() {
        let rows = read(b"\xef\xbb\xbf{\"a\":1}\r\n\r\n{\"a\":2}");
        assert_eq!(rows, [(":1".into(), Ok("{\"a\":1}".into())), (":3".into(), Ok("{\"a\":2}".into()))]);
    }

    #[test]
    fn faults_have_a_reason_and_a_line() {
        let mut text = b"{\"a\":}\n[1]\n\"x\"\n{\"a\":\"\xff\"}\n{\"a\":\"".to_vec();
        text.extend(vec![b'x'; 1000]);
        text.extend(b"\"}\n{\"a\":1}\n{\"a\": \"b");
        let reasons: Vec<_> =
            read(&text).into_iter().map(|(place, content)| (place, content.err().unwrap_or("row"))).collect();
        let expected =
            ["invalid-json", "not-an-object", "not-an-object", "not-utf8", "row-too-large", "row", "truncated"];
        for (index, ((place, reason), wanted)) in reasons.iter().zip(expected).enumerate() {
            assert_eq!((place.as_str(), *reason), (format!(":{}", index + 1).as_str(), wanted));
        }
        assert_eq!(reasons.len(), expected.len());
    }

    #[test]
    fn a_name_that_stands_twice_in_an_object_leaves_open_which_counts() {
        let rows =
            read(b"{\"a\":1,\"b\":2,\"a\":3}\n{\"m\":[{\"x\":1,\"x\":1}]}\n{\"a\":{\"a\":[-1,2.5,null,true]}}\n");
        assert_eq!(
            rows.into_iter().map(|(_, content)| content).collect::<Vec<_>>(),
            [Err("duplicate-name"), Err("duplicate-name"), Ok("{\"a\":{\"a\":[-1,2.5,null,true]}}".into())]
        );
    }

    #[test]
    fn a_million_short_rows_are_one_row_at_a_time() {
        let text = "{}\n".repeat(1_000_000);
        let mut lines = Lines::new(text.as_bytes(), PathBuf::from("x.jsonl"), 1000);
        let mut rows = 0;
        while lines.next().unwrap().is_some() {
            rows += 1;
        }
        assert_eq!(rows, 1_000_000);
        assert!(lines.row.get().unwrap().len() < 1000);
    }

    #[test]
    fn an_endless_line_is_counted_and_not_held() {
        struct Endless(u64);
        impl std::io::Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let most = self.0.min(buffer.len() as u64) as usize;
                buffer[..most].fill(b'x');
                self.0 -= most as u64;
                Ok(most)
            }
        }
        let size = 1u64 << 30;
        let input =
            std::io::BufReader::with_capacity(1 << 20, std::io::Read::chain(Endless(size), &b"\n{\"a\":1}\n"[..]));
        let mut lines = Lines::new(input, PathBuf::from("x.jsonl"), 64 << 20);
        let first = lines.next().unwrap().unwrap();
        let fault = first.content.unwrap_err();
        assert_eq!(fault.reason, "row-too-large");
        assert!(fault.detail.contains(&size.to_string()), "{}", fault.detail);
        assert!(lines.row.bytes_held() <= 64 << 20);
        assert_eq!(lines.next().unwrap().unwrap().place, ":2");
        assert!(lines.next().unwrap().is_none());
    }
}
