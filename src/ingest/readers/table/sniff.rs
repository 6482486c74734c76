//! What format a file has: by its first bytes, and by its suffix only where these leave a choice.

use std::path::Path;

use super::bytes::Opened;
use crate::ingest::IngestError;
use crate::ingest::recipe::Format;
use crate::sample::Side;

/// A format and, for separated values, the separator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub format: Format,
    pub delimiter: u8,
}

/// Suffixes of tables, without `.gz`, `.gzip`, `.zst` or `.zstd` behind them.
const SUFFIXES: &[&str] = &["jsonl", "ndjson", "json", "csv", "tsv", "parquet"];

/// The suffix that says what a file holds, in lower case, compression left out.
pub(super) fn suffix(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = [".gz", ".gzip", ".zst", ".zstd"].iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(&name);
    name.rsplit_once('.').map(|(_, suffix)| suffix.to_owned())
}

/// Whether a file's name says that it is a table.
pub(in crate::ingest::readers) fn is_table(path: &Path) -> bool {
    suffix(path).is_some_and(|suffix| SUFFIXES.contains(&suffix.as_str()))
}

/// Recognises the format of an open file; `wanted` is what the recipe says.
///
/// # Errors
/// Where the file is empty, binary, or no table.
pub(super) fn shape(path: &Path, opened: &Opened, wanted: Option<Format>) -> Result<Shape, IngestError> {
    let wrong = |message: &str| IngestError::Input { path: path.to_owned(), message: message.to_owned() };
    let head = opened.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&opened.head);
    let body = head.trim_ascii_start();
    if body.is_empty() {
        return Err(wrong(if opened.head.is_empty() {
            "the file is empty"
        } else {
            "the file holds nothing but blanks"
        }));
    }
    let plain = |format| Ok(Shape { format, delimiter: b',' });
    let suffix = suffix(path).unwrap_or_default();
    if head.starts_with(b"PAR1") {
        return plain(Format::Parquet);
    }
    if suffix == "parquet" && wanted.is_none_or(|format| format == Format::Parquet) {
        return Err(wrong(if head.starts_with(b"version https://git-lfs") {
            "this is a pointer of git LFS, not the Parquet file; run `git lfs pull`"
        } else {
            "this is no Parquet file (its first four bytes are not PAR1)"
        }));
    }
    if head.starts_with(b"version https://git-lfs") {
        return Err(wrong("this is a pointer of git LFS, not the file; run `git lfs pull`"));
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Err(wrong("the file is UTF-16; convert it to UTF-8 first (`iconv -f UTF-16 -t UTF-8`)"));
    }
    // A NUL here and there in a text is a fault of a row; many of them, or an unknown content, are no text.
    let nuls = head.iter().filter(|byte| **byte == 0).count();
    let text_like = matches!(body[0], b'{' | b'[') || SUFFIXES.contains(&suffix.as_str());
    if nuls > 0 && (!text_like || nuls * 100 > head.len()) {
        return Err(wrong(
            "this is a binary file; a table is JSON Lines, JSON, CSV, TSV or Parquet, also as .gz or .zst",
        ));
    }
    match (wanted, body[0]) {
        (Some(Format::Parquet), _) => return Err(wrong("this is no Parquet file (its first four bytes are not PAR1)")),
        (Some(format @ (Format::Csv | Format::Tsv)), _) => return Ok(separated(format, head)),
        (Some(format), _) => return plain(format),
        (None, b'[') if suffix != "csv" && suffix != "tsv" => {
            return plain(if first_line_is_a_value(body) { Format::Jsonl } else { Format::Array });
        }
        (None, b'{') if suffix != "csv" && suffix != "tsv" => return plain(object(body, &suffix)),
        _ => {}
    }
    match suffix.as_str() {
        "csv" => Ok(separated(Format::Csv, head)),
        "tsv" => Ok(separated(Format::Tsv, head)),
        // Lines that are no objects are rejected rows, each with its reason.
        "jsonl" | "ndjson" => plain(Format::Jsonl),
        "json" => Err(wrong("the file holds no JSON array, no object and no JSON Lines")),
        _ => Err(wrong(
            "this is no table: its content is no JSON and its name says neither .csv nor .tsv (a recipe can say `format`)",
        )),
    }
}

/// Tells JSON Lines from an object of splits.
fn object(body: &[u8], suffix: &str) -> Format {
    if suffix == "jsonl" || suffix == "ndjson" {
        return Format::Jsonl;
    }
    if first_member_is_a_side(body) {
        return Format::Splits;
    }
    // A first line that is a whole object: JSON Lines, whatever the name says.
    let line = body.split(|byte| *byte == b'\n').next().unwrap_or(body);
    let whole_line = line.len() < body.len() || body.len() < 1024;
    if whole_line && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok() {
        return Format::Jsonl;
    }
    // A first line that does not end within what was looked at is a long row; a short one opens an object over lines.
    if line.len() == body.len() && body.len() > 1024 { Format::Jsonl } else { Format::Splits }
}

/// Whether the first line is a whole JSON value and something follows it: a row of JSON Lines, since a document that is
/// an array ends with it.
fn first_line_is_a_value(body: &[u8]) -> bool {
    let Some(end) = body.iter().position(|byte| *byte == b'\n') else { return false };
    !body[end..].trim_ascii().is_empty() && serde_json::from_slice::<serde::de::IgnoredAny>(&body[..end]).is_ok()
}

/// Whether the text opens an object whose first member is a list with a side's name (`{"train": [`).
fn first_member_is_a_side(body: &[u8]) -> bool {
    let rest = body[1..].trim_ascii_start();
    let Some(rest) = rest.strip_prefix(b"\"") else { return false };
    let Some(end) = rest.iter().take(64).position(|byte| *byte == b'"') else { return false };
    let name = String::from_utf8_lossy(&rest[..end]);
    let Some(rest) = rest[end + 1..].trim_ascii_start().strip_prefix(b":") else { return false };
    rest.trim_ascii_start().starts_with(b"[") && Side::from_spelling(&name).is_some()
}

fn separated(format: Format, head: &[u8]) -> Shape {
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or(head);
    let count = |wanted: u8| first.iter().filter(|byte| **byte == wanted).count();
    let delimiter = match format {
        Format::Tsv => b'\t',
        // Spreadsheets of many countries write semicolons under the name of commas.
        _ if count(b',') == 0 && count(b';') > 0 => b';',
        _ if count(b',') == 0 && count(b'\t') > 0 => b'\t',
        _ => b',',
    };
    Shape { format, delimiter }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::readers::table::bytes::unpack;

    fn of(name: &str, content: &'static [u8]) -> Result<Shape, String> {
        let opened = unpack(content).unwrap();
        shape(Path::new(name), &opened, None).map_err(|error| error.to_string())
    }

    #[test]
    fn the_content_decides_where_the_suffix_lies() {
        let cases: &[(&str, &[u8], Format)] = &[
            ("a.json", b"{\"a\": [1]}\n{\"a\": [2]}\n", Format::Jsonl),
            ("a.json", b"{\"a\": 1}", Format::Jsonl),
            ("a.json", b"{\"train\": [{\"a\": 1}], \"test\": []}", Format::Splits),
            ("a.json", b"{\n \"results\": [{}]\n}", Format::Splits),
            ("a.jsonl", b"[\n{\"a\": 1}\n]", Format::Array),
            ("a.jsonl", b"[{\"a\": 1},\n{\"a\": 2}]\n", Format::Array),
            ("a.jsonl", b"[{\"a\": 1}]\n\n", Format::Array),
            ("a.jsonl", b"[1,2]\n{\"a\": 1}\n", Format::Jsonl),
            ("a.json", b"[]\n[1]", Format::Jsonl),
            ("a.txt", b"\xef\xbb\xbf {\"a\": 1}\n", Format::Jsonl),
            ("a.csv", b"{a},b\n1,2\n", Format::Csv),
            ("a.jsonl", b"oops\n{\"a\": 1}\n", Format::Jsonl),
        ];
        for (name, content, expected) in cases {
            assert_eq!(of(name, content).unwrap().format, *expected, "{name}");
        }
        assert_eq!(of("a.csv", b"a;b\n1;2\n").unwrap().delimiter, b';');
    }

    #[test]
    fn what_is_no_table_says_so() {
        let cases: &[(&str, &[u8], &str)] = &[
            ("a.jsonl", b"", "empty"),
            ("a.jsonl", b" \n", "nothing but blanks"),
            ("a.png", b"\x89PNG\0\0", "binary"),
            ("a.csv", b"a,b\n\0\0", "binary"),
            ("a.txt", b"hello", "no table"),
            ("a.json", b"hello", "no JSON array"),
            ("a.parquet", b"hello", "no Parquet file"),
            ("a.parquet", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            ("a.csv", b"\xff\xfea\0", "UTF-16"),
        ];
        for (name, content, word) in cases {
            let error = of(name, content).unwrap_err();
            assert!(error.contains(word), "{name}: {error}");
        }
    }
}
