//! Apache Parquet, row by row: structs become objects, lists arrays, dates and times text.

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parquet::data_type::Decimal;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use serde_json::{Number, Value, json};

use super::items::{Fault, Item, Items};
use crate::ingest::IngestError;
use crate::ingest::recipe::path::Record;

/// Bytes of values that one batch of rows should hold at most.
const BATCH_BYTES: i64 = 32 << 20;

/// Rows of a Parquet file.
pub(super) struct ParquetRows {
    rows: RowIter<'static>,
    path: PathBuf,
    index: u64,
    max_row_bytes: u64,
    done: bool,
    _scratch: Option<Scratch>,
}

impl ParquetRows {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// Where the footer or the schema cannot be read.
    pub(super) fn open(path: &Path, max_row_bytes: u64) -> Result<Self, IngestError> {
        let file = File::open(path).map_err(|source| IngestError::File { path: path.to_owned(), source })?;
        Self::from_file(file, path, max_row_bytes, None)
    }

    /// Unpacks a compressed file beside the others that the system keeps for a while, and opens that: Parquet is read
    /// from its end.
    ///
    /// # Errors
    /// Where it cannot be unpacked, or as for [`open`](Self::open).
    pub(super) fn open_packed(path: &Path, input: &mut dyn Read, max_row_bytes: u64) -> Result<Self, IngestError> {
        let failed = |source| IngestError::File { path: path.to_owned(), source };
        let (scratch, mut file) = Scratch::create().map_err(failed)?;
        std::io::copy(input, &mut file).map_err(|error| super::bytes::broken(path, "no row", &error))?;
        let file = File::open(&scratch.0).map_err(failed)?;
        Self::from_file(file, path, max_row_bytes, Some(scratch))
    }

    fn from_file(file: File, path: &Path, max_row_bytes: u64, scratch: Option<Scratch>) -> Result<Self, IngestError> {
        let damaged = |message: String| IngestError::Input {
            path: path.to_owned(),
            message: format!(
                "no readable Parquet file: {message} (a file that was not downloaded to its end looks like this)"
            ),
        };
        let opened = catch_unwind(AssertUnwindSafe(|| SerializedFileReader::new(file)));
        let reader = match opened {
            Ok(Ok(reader)) => reader,
            Ok(Err(error)) => return Err(damaged(error.to_string())),
            Err(_) => return Err(damaged("its footer is damaged".into())),
        };
        let metadata = reader.metadata();
        let (mut rows, mut bytes) = (1i64, 0i64);
        for group in metadata.row_groups() {
            rows += group.num_rows().max(0);
            bytes += group.total_byte_size().max(0);
        }
        let batch = (BATCH_BYTES / (bytes / rows).max(1)).clamp(1, 1024);
        let rows = RowIter::from_file_into(Box::new(reader)).with_batch_size(usize::try_from(batch).unwrap_or(1024));
        Ok(ParquetRows { rows, path: path.to_owned(), index: 0, max_row_bytes, done: false, _scratch: scratch })
    }
}

impl Items for ParquetRows {
    fn next(&mut self) -> Result<Option<Item>, IngestError> {
        if self.done {
            return Ok(None);
        }
        // The crate gives up by panicking on column types that it does not know and on some damaged pages.
        let met = catch_unwind(AssertUnwindSafe(|| self.rows.next()));
        let row = match met {
            Ok(None) => {
                self.done = true;
                return Ok(None);
            }
            Ok(Some(Ok(row))) => row,
            Ok(Some(Err(error))) => {
                self.done = true;
                let message: String = error.to_string().chars().take(200).collect();
                return Err(IngestError::Input {
                    path: self.path.clone(),
                    message: format!("row {}: {message}", self.index),
                });
            }
            Err(_) => {
                self.done = true;
                return Err(IngestError::Input {
                    path: self.path.clone(),
                    message: format!(
                        "row {}: a page is damaged, or a column has a type that is not supported",
                        self.index
                    ),
                });
            }
        };
        let record = record(row);
        let size = record.values().map(size_bytes).sum::<u64>();
        let content =
            if size > self.max_row_bytes { Err(Fault::too_large(size, self.max_row_bytes)) } else { Ok(record) };
        let place = format!("[{}]", self.index);
        self.index += 1;
        Ok(Some(Item { place, group: None, content }))
    }
}

fn size_bytes(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(list) => list.iter().map(size_bytes).sum(),
        Value::Object(members) => members.values().map(size_bytes).sum(),
        _ => 8,
    }
}

fn record(row: Row) -> Record {
    row.into_columns().into_iter().map(|(name, field)| (name, value(&field))).collect()
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => Value::Bool(*flag),
        Field::Byte(number) => json!(number),
        Field::Short(number) => json!(number),
        Field::Int(number) => json!(number),
        Field::Long(number) => json!(number),
        Field::UByte(number) => json!(number),
        Field::UShort(number) => json!(number),
        Field::UInt(number) => json!(number),
        Field::ULong(number) => json!(number),
        Field::Float16(number) => real(f64::from(number.to_f32())),
        Field::Float(number) => real(f64::from(*number)),
        Field::Double(number) => real(*number),
        Field::Decimal(number) => Value::String(decimal(number)),
        Field::Str(text) => Value::String(text.clone()),
        Field::Bytes(bytes) => match bytes.as_utf8() {
            Ok(text) => Value::String(text.to_owned()),
            Err(_) => json!({ "bytes": bytes.len() }),
        },
        Field::Date(days) => Value::String(date(i64::from(*days))),
        Field::TimeMillis(millis) => Value::String(time(i64::from(*millis) * 1000)),
        Field::TimeMicros(micros) => Value::String(time(*micros)),
        Field::TimestampMillis(millis) => Value::String(timestamp(i128::from(*millis) * 1000)),
        Field::TimestampMicros(micros) => Value::String(timestamp(i128::from(*micros))),
        Field::Group(row) => {
            Value::Object(row.get_column_iter().map(|(name, inner)| (name.clone(), value(inner))).collect())
        }
        Field::ListInternal(list) => Value::Array(list.elements().iter().map(value).collect()),
        Field::MapInternal(map) => Value::Object(
            map.entries()
                .iter()
                .map(|(name, inner)| {
                    let name = match value(name) {
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    (name, value(inner))
                })
                .collect(),
        ),
    }
}

fn real(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

/// The days since 1970-01-01 as a date of the proleptic Gregorian calendar.
fn date(days: i64) -> String {
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days: years start in March, an era has
    // 400 years or 146,097 days.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn time(micros: i64) -> String {
    let micros = micros.rem_euclid(86_400_000_000);
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if rest == 0 { clock } else { format!("{clock}.{rest:06}") }
}

fn timestamp(micros: i128) -> String {
    let days = i64::try_from(micros.div_euclid(86_400_000_000)).unwrap_or(0);
    let rest = i64::try_from(micros.rem_euclid(86_400_000_000)).unwrap_or(0);
    format!("{}T{}Z", date(days), time(rest))
}

/// A decimal number as text, exact. One of more than 16 bytes is beyond what the formats at hand write and is shown in
/// hexadecimal digits.
fn decimal(number: &Decimal) -> String {
    let bytes = number.data();
    if bytes.len() > 16 {
        return format!("0x{}", crate::sample::hex(bytes));
    }
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = if negative { [0xff; 16] } else { [0; 16] };
    wide[16 - bytes.len()..].copy_from_slice(bytes);
    let digits = i128::from_be_bytes(wide).unsigned_abs().to_string();
    let scale = usize::try_from(number.scale()).unwrap_or(0);
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = padded.split_at(padded.len() - scale);
    let sign = if negative { "-" } else { "" };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// A file that is removed when it is no longer needed.
struct Scratch(PathBuf);

impl Scratch {
    fn create() -> std::io::Result<(Scratch, File)> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("scenery-{}-{number}.parquet", std::process::id()));
            match File::create_new(&path) {
                Ok(file) => return Ok((Scratch(path), file)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A file that cannot be removed is the system's to clear; there is nobody left to tell.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::data_type::ByteArray;

    #[test]
    fn dates_and_times_are_text() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(timestamp(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(timestamp(1_709_164_800_000_000), "2024-02-29T00:00:00Z");
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(decimal(&Decimal::from_i32(-5, 5, 2)), "-0.05");
        assert_eq!(decimal(&Decimal::from_i64(12_345, 9, 0)), "12345");
        assert_eq!(decimal(&Decimal::from_bytes(ByteArray::from(vec![0x01, 0x00]), 5, 1)), "25.6");
    }

    #[test]
    fn a_damaged_file_is_an_error_not_a_crash() {
        let (scratch, mut file) = Scratch::create().unwrap();
        std::io::Write::write_all(&mut file, b"PAR1 not really PAR1").unwrap();
        let error = ParquetRows::open(&scratch.0, 1000).err().unwrap().to_string();
        assert!(error.contains("no readable Parquet file"), "{error}");
        let path = scratch.0.clone();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn structs_lists_dates_and_nulls_become_json_also_from_a_packed_file() {
        use parquet::column::writer::ColumnWriter;
        use parquet::file::writer::SerializedFileWriter;
        use parquet::schema::parser::parse_message_type;
        let schema = parse_message_type(
            "message row {
                required binary a (UTF8);
                optional group meta { optional binary topic (UTF8); required int32 day (DATE); }
                optional group tags (LIST) { repeated group list { optional binary element (UTF8); } }
                optional double score;
                optional binary blob;
            }",
        )
        .unwrap();
        let mut bytes = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut bytes, schema.into(), Default::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let texts = |words: &[&str]| words.iter().map(|word| ByteArray::from(*word)).collect::<Vec<_>>();
        let mut column = 0;
        while let Some(mut open) = group.next_column().unwrap() {
            match (column, open.untyped()) {
                (0, ColumnWriter::ByteArrayColumnWriter(out)) => {
                    out.write_batch(&texts(&["x", "y"]), None, None).unwrap();
                }
                (1, ColumnWriter::ByteArrayColumnWriter(out)) => {
                    out.write_batch(&texts(&["calculus"]), Some(&[2, 0]), None).unwrap();
                }
                (2, ColumnWriter::Int32ColumnWriter(out)) => {
                    out.write_batch(&[19_782], Some(&[1, 0]), None).unwrap();
                }
                (3, ColumnWriter::ByteArrayColumnWriter(out)) => {
                    out.write_batch(&texts(&["p", "q"]), Some(&[3, 3, 0]), Some(&[0, 1, 0])).unwrap();
                }
                (4, ColumnWriter::DoubleColumnWriter(out)) => {
                    out.write_batch(&[0.5, f64::NAN], Some(&[1, 1]), None).unwrap();
                }
                (_, ColumnWriter::ByteArrayColumnWriter(out)) => {
                    out.write_batch(&[ByteArray::from(vec![0xff, 0xfe])], Some(&[1, 0]), None).unwrap();
                }
                _ => panic!("column {column} has another type"),
            }
            open.close().unwrap();
            column += 1;
        }
        group.close().unwrap();
        writer.close().unwrap();
        let mut rows = ParquetRows::open_packed(Path::new("x.parquet.zst"), &mut bytes.as_slice(), 1000).unwrap();
        let mut shown = Vec::new();
        while let Some(item) = rows.next().unwrap() {
            shown.push((item.place, Value::Object(item.content.unwrap())));
        }
        let first = json!({"a": "x", "meta": {"topic": "calculus", "day": "2024-02-29"}, "tags": ["p", "q"], "score": 0.5, "blob": {"bytes": 2}});
        let second = json!({"a": "y", "meta": null, "tags": null, "score": "NaN", "blob": null});
        assert_eq!(shown, [("[0]".to_owned(), first), ("[1]".to_owned(), second)]);
        let mut rows = ParquetRows::open_packed(Path::new("x.parquet.gz"), &mut bytes.as_slice(), 4).unwrap();
        assert_eq!(rows.next().unwrap().unwrap().content.unwrap_err().reason, "row-too-large");
    }
}
