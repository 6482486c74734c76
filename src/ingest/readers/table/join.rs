//! Joining a second file to the first, by index or by key.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::items::{Fault, Items};
use super::open_items;
use crate::ingest::IngestError;
use crate::ingest::recipe::path::{FieldPath, Found, Record};
use crate::ingest::recipe::{Join, JoinBy};

/// Completes records of the first file by those of the second.
pub(super) struct Joiner {
    path: PathBuf,
    as_column: String,
    other: Other,
    index: u64,
}

enum Other {
    /// Read in step with the first file.
    Index(Box<dyn Items>),
    /// Held whole.
    Key { rows: HashMap<String, Record>, key: FieldPath },
}

impl Joiner {
    /// Opens the second file, which lies beside the first.
    ///
    /// # Errors
    /// Where it is not there, is no table, or (by key) has a key twice.
    pub(super) fn open(join: &Join, first: &Path, max_row_bytes: u64) -> Result<Self, IngestError> {
        let path = first.with_file_name(&join.file);
        if !path.exists() {
            return Err(IngestError::Input {
                path: first.to_owned(),
                message: format!("the recipe joins it with `{}`, which does not lie beside it", join.file),
            });
        }
        let (mut items, _) = open_items(&path, None, max_row_bytes)?;
        let other = match (join.by, &join.key) {
            (JoinBy::Index, _) => Other::Index(items),
            (JoinBy::Key, None) => {
                return Err(IngestError::Input { path, message: "a join by key needs a key".into() });
            }
            (JoinBy::Key, Some((key, other_key))) => {
                let mut rows = HashMap::new();
                while let Some(item) = items.next()? {
                    let Ok(record) = item.content else { continue };
                    let Some(value) = text(other_key, &record) else { continue };
                    if rows.insert(value.clone(), record).is_some() {
                        return Err(IngestError::Input {
                            path,
                            message: format!(
                                "`{value}` stands twice under `{other_key}`, so rows cannot be joined by it"
                            ),
                        });
                    }
                }
                Other::Key { rows, key: key.clone() }
            }
        };
        Ok(Joiner { path, as_column: join.as_column.clone(), other, index: 0 })
    }

    /// Adds the other file's row as a column.
    ///
    /// # Errors
    /// Where a join by index runs out of rows: the pairs before cannot be trusted either.
    pub(super) fn complete(&mut self, first: Result<Record, Fault>) -> Result<Result<Record, Fault>, IngestError> {
        let partner = match &mut self.other {
            Other::Index(items) => match items.next()? {
                None => {
                    return Err(IngestError::Input {
                        path: self.path.clone(),
                        message: format!(
                            "joined by index, but it ends after {} rows and the first file does not",
                            self.index
                        ),
                    });
                }
                Some(item) => item.content.map_err(|fault| {
                    Fault::new("join-unreadable", format!("{}{}: {}", self.path.display(), item.place, fault.detail))
                }),
            },
            Other::Key { rows, key } => match &first {
                Err(_) => Ok(Record::new()),
                Ok(record) => match text(key, record) {
                    None => Err(Fault::new("missing-field", format!("join: the row has no `{key}`"))),
                    Some(value) => rows.get(&value).cloned().ok_or_else(|| {
                        Fault::new("no-join-partner", format!("no row of the second file has `{value}`"))
                    }),
                },
            },
        };
        self.index += 1;
        Ok(first.and_then(|mut record| {
            record.insert(self.as_column.clone(), Value::Object(partner?));
            Ok(record)
        }))
    }

    /// Checks that a join by index used up both files.
    ///
    /// # Errors
    /// Where the second file has more rows.
    pub(super) fn close(&mut self) -> Result<(), IngestError> {
        if let Other::Index(items) = &mut self.other
            && items.next()?.is_some()
        {
            return Err(IngestError::Input {
                path: self.path.clone(),
                message: format!("joined by index, but it has more than the {} rows of the first file", self.index),
            });
        }
        Ok(())
    }
}

fn text(path: &FieldPath, record: &Record) -> Option<String> {
    match path.find(record) {
        Found::Value(value) => Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        _ => None,
    }
}
