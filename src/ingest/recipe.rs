//! Recipes: what says how a source is read. TOML, built in (`catalog/*.toml`) or the user's (`sources/*.toml`), one form.
//!
//! A recipe names a reader and gives its options. For the `table` reader these are a map from fields to columns, one
//! per *variant*: a published dataset often lies there in several renderings of the same rows, of which one is read.
//! Options at the top level hold for every `[[variant]]` that does not say otherwise; a recipe with no `[[variant]]`
//! has one, made of the top level alone.

pub mod glob;
pub mod licence;
pub mod path;
mod toml_form;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ingest::IngestError;
use crate::ingest::catalog::CATALOG;
use crate::sample::{DescriptionKind, Dialect};
use glob::Glob;
use path::FieldPath;

/// What near-duplicate removal may do inside a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dedup {
    /// Near and exact copies are duplicates.
    #[default]
    Near,
    /// Only exact copies are.
    Exact,
    /// None are.
    Off,
}

impl Dedup {
    /// The word that stands for this value in recipes.
    pub fn word(self) -> &'static str {
        match self {
            Dedup::Near => "near",
            Dedup::Exact => "exact",
            Dedup::Off => "off",
        }
    }
}

/// How a source is read.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    /// Its text, as it was read.
    pub toml: String,
    /// The source's name: lower-case letters, digits and `_`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// SPDX expression, or `none-stated`.
    pub licence: String,
    /// Where it is published.
    pub url: Option<String>,
    /// How to obtain it: the command, and its size.
    pub get: Option<String>,
    /// Who is to be named.
    pub citation: Option<String>,
    /// 1 to 5; the higher wins among duplicates.
    pub rank: u8,
    /// Which Manim its code is written for, where all of it is.
    pub dialect: Option<Dialect>,
    /// Rows that a full read meets, those rejected as `no-construct` or `nested-scene` left out; a difference is reported.
    pub expected_rows: Option<u64>,
    /// Whether the recipe was run on the real input; false is shown in `sources`.
    pub tried: bool,
    /// What one should know: traps and decisions.
    pub notes: Option<String>,
    /// The reader's name.
    pub reader: String,
    /// What near-duplicate removal may do inside the source.
    pub dedup: Dedup,
    /// The source's levels from low to high, in lower case.
    pub levels: Vec<String>,
    /// Who wrote its descriptions.
    pub description_kind: Option<DescriptionKind>,
    /// Patterns of files to read (repository readers; a table's stand in its variants).
    pub include: Vec<Glob>,
    /// Patterns of files to leave out.
    pub exclude: Vec<Glob>,
    /// Options that only the named reader knows.
    pub options: toml::Table,
    /// How rows are mapped, for the `table` reader; the first variant that matches files is used.
    pub variants: Vec<Variant>,
}

/// One rendering of a table source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variant {
    /// Its name; empty where the recipe has only one.
    pub name: String,
    /// Patterns of its files; empty for any table.
    pub include: Vec<Glob>,
    /// Patterns of files that are none of it.
    pub exclude: Vec<Glob>,
    /// Format of its files; by content where none is given.
    pub format: Option<Format>,
    /// Where the fields of a sample stand.
    pub fields: Fields,
    /// Columns that make a row the same row next time.
    pub key: Vec<FieldPath>,
    /// Columns kept, by the name after `meta.`.
    pub meta: BTreeMap<String, FieldPath>,
    /// Columns whose equal values tie rows into a family.
    pub family: Vec<FieldPath>,
    /// A second file that completes the rows.
    pub join: Option<Join>,
    /// Where the instruction comes from, if not from `fields.instruction`.
    pub description: Description,
    /// Who wrote the descriptions of this variant, where it differs.
    pub description_kind: Option<DescriptionKind>,
    /// A row whose value here is a placeholder has no description, whatever its instruction says.
    pub placeholder_if: Option<FieldPath>,
    /// Rows for which one of these holds have a description that is not theirs, so none.
    pub undescribed: Vec<Filter>,
    /// What holds for every row that is kept; others are rejected rows (`filtered`).
    pub filter: Vec<Filter>,
    /// Rows that a full read of this variant meets, where it differs.
    pub expected_rows: Option<u64>,
}

/// Formats of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A JSON object per line.
    Jsonl,
    /// One JSON array of objects.
    Array,
    /// One JSON object whose members are arrays of objects (`train`, `test`, ..).
    Splits,
    /// Comma-separated values with a header line.
    Csv,
    /// Tab-separated values with a header line.
    Tsv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The word that stands for this value in recipes.
    pub fn word(self) -> &'static str {
        match self {
            Format::Jsonl => "jsonl",
            Format::Array => "array",
            Format::Splits => "splits",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Parquet => "parquet",
        }
    }
}

/// Where a field of a sample comes from.
#[derive(Clone, Debug)]
pub struct Field {
    /// Path in the row; none where `value` is given.
    pub path: Option<FieldPath>,
    /// A fixed value for every row.
    pub value: Option<String>,
    /// A pattern with one group: what the group takes is the value.
    pub capture: Option<regex::Regex>,
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        let text = |field: &Field| field.capture.as_ref().map(|regex| regex.as_str().to_owned());
        self.path == other.path && self.value == other.value && text(self) == text(other)
    }
}

/// Where the fields of a sample stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    /// The instruction.
    pub instruction: Option<Field>,
    /// The code.
    pub code: Option<Field>,
    /// The side that the source gives.
    pub split: Option<Field>,
    /// The level that the source gives.
    pub level: Option<Field>,
    /// The licence of a row.
    pub licence: Option<Field>,
}

/// The names of [`Fields`], in order.
pub const FIELD_NAMES: &[&str] = &["instruction", "code", "split", "level", "licence"];

/// What [`Recipe::adhoc`] can be told the column of.
pub fn field_targets() -> impl Iterator<Item = &'static str> {
    FIELD_NAMES.iter().copied().chain(["key", "family", "meta.NAME"])
}

/// Whether a name is one of [`field_targets`].
pub fn is_field_target(name: &str) -> bool {
    field_targets().any(|known| known == name) || name.strip_prefix("meta.").is_some_and(|rest| !rest.is_empty())
}

/// Where the instruction comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Description {
    /// `fields.instruction`.
    #[default]
    Field,
    /// There is none worth keeping.
    Ignore,
    /// A sentence with columns in braces, `Show {metadata.topic}.`; a row that lacks one has no description.
    Template(Vec<Piece>),
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Fixed text.
    Text(String),
    /// The value of a column.
    Column(FieldPath),
}

/// A second file that completes the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// Its name, beside the first.
    pub file: String,
    /// What ties the two.
    pub by: JoinBy,
    /// Column by which both are tied; of the second file where the names differ.
    pub key: Option<(FieldPath, FieldPath)>,
    /// Name that the second file's rows have as a column of the first: `joined.input`.
    pub as_column: String,
}

/// What ties two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JoinBy {
    /// Row i belongs to row i.
    Index,
    /// Rows with an equal key.
    Key,
}

/// A condition on rows; it holds where all of its parts do.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Which value; null where the row has none.
    pub field: FieldPath,
    /// The value equals one of these (empty: no such part).
    pub equals: Vec<serde_json::Value>,
    /// The value equals none of these.
    pub not: Vec<serde_json::Value>,
    /// The value is text in which this pattern finds something.
    pub matches: Option<regex::Regex>,
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        let pattern = |filter: &Filter| filter.matches.as_ref().map(|regex| regex.as_str().to_owned());
        self.field == other.field
            && self.equals == other.equals
            && self.not == other.not
            && pattern(self) == pattern(other)
    }
}

impl Filter {
    /// Whether the condition holds for a value. A text equals what is written as it (`"3"` and 3), for the sake of CSV.
    pub fn holds(&self, value: &serde_json::Value) -> bool {
        let same = |wanted: &serde_json::Value| {
            wanted == value || value.as_str().is_some_and(|text| !wanted.is_string() && path::written(wanted, text))
        };
        (self.equals.is_empty() || self.equals.iter().any(same))
            && !self.not.iter().any(same)
            && self.matches.as_ref().is_none_or(|regex| value.as_str().is_some_and(|text| regex.is_match(text)))
    }
}

impl Recipe {
    /// Reads a recipe; `origin` is its file's name, for messages.
    ///
    /// # Errors
    /// [`IngestError::Recipe`] with file, line, the key that is wrong and what is possible.
    pub fn from_toml(text: &str, origin: &str) -> Result<Recipe, IngestError> {
        Ok(Recipe { toml: text.to_owned(), ..toml_form::read(text, origin)? })
    }

    /// A built-in recipe.
    ///
    /// # Errors
    /// [`IngestError::Recipe`] where there is none of this name (with those that sound alike), or it does not read.
    pub fn builtin(name: &str) -> Result<Recipe, IngestError> {
        match CATALOG.binary_search_by_key(&name, |(known, _)| known) {
            Ok(index) => Recipe::from_toml(CATALOG[index].1, &format!("catalog/{name}.toml")),
            Err(_) => {
                let alike = crate::query::similar(name, CATALOG.iter().map(|(known, _)| *known));
                let hint = if alike.is_empty() {
                    "`sources` lists those that there are".to_owned()
                } else {
                    format!("did you mean {}?", alike.join(", "))
                };
                Err(IngestError::Recipe {
                    name: name.to_owned(),
                    message: format!("there is no source of this name; {hint}"),
                })
            }
        }
    }

    /// Makes a recipe out of `field=path` pairs, for a table or repository with no recipe of its own. Pairs are the
    /// names of [`FIELD_NAMES`], `key`, `family`, or `meta.NAME`.
    ///
    /// # Errors
    /// [`IngestError::Recipe`] where a name or path is wrong, or a table has no `code`.
    pub fn adhoc(name: &str, reader: &str, fields: &[(String, String)]) -> Result<Recipe, IngestError> {
        let mut text = toml::Table::new();
        let mut field_table = toml::Table::new();
        let mut meta = toml::Table::new();
        let (mut key, mut family) = (Vec::new(), Vec::new());
        for (field, path) in fields {
            let value = toml::Value::String(path.clone());
            if let Some(short) = field.strip_prefix("meta.") {
                meta.insert(short.to_owned(), value);
            } else if field == "key" {
                key.push(value);
            } else if field == "family" {
                family.push(value);
            } else if FIELD_NAMES.contains(&field.as_str()) {
                field_table.insert(field.clone(), value);
            } else {
                let near = crate::query::similar(field, field_targets());
                let hint =
                    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
                return Err(IngestError::Recipe {
                    name: name.to_owned(),
                    message: format!(
                        "`{field}` is no field of a sample{hint} (there are {})",
                        field_targets().collect::<Vec<_>>().join(", ")
                    ),
                });
            }
        }
        text.insert("name".into(), name.into());
        text.insert("reader".into(), reader.into());
        text.insert("licence".into(), "none-stated".into());
        text.insert("rank".into(), 2.into());
        for (name, table) in [("fields", field_table), ("meta", meta)] {
            if !table.is_empty() {
                text.insert(name.into(), table.into());
            }
        }
        for (name, list) in [("key", key), ("family", family)] {
            if !list.is_empty() {
                text.insert(name.into(), list.into());
            }
        }
        Recipe::from_toml(&text.to_string(), "the command line")
    }

    /// Whether two recipes read alike: the same but for licence and rank.
    pub fn reads_as(&self, other: &Recipe) -> bool {
        let how = |recipe: &Recipe| {
            let mut text: toml::Table = recipe.toml.parse().unwrap_or_default();
            text.remove("licence");
            text.remove("rank");
            text
        };
        how(self) == how(other)
    }

    /// The recipe with a licence and a rank that are stated from outside, in its text too.
    ///
    /// # Errors
    /// [`IngestError::Recipe`] where one of them is wrong.
    pub fn stated(self, licence: Option<&str>, rank: Option<u8>) -> Result<Recipe, IngestError> {
        if licence.is_none_or(|licence| licence == self.licence) && rank.is_none_or(|rank| rank == self.rank) {
            return Ok(self);
        }
        let wrong = |message: String| IngestError::Recipe { name: self.name.clone(), message };
        let mut text: toml::Table = self.toml.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
        if let Some(licence) = licence {
            text.insert("licence".into(), licence::read(licence).map_err(wrong)?.into());
        }
        if let Some(rank) = rank {
            text.insert("rank".into(), i64::from(rank).into());
        }
        Recipe::from_toml(&text.to_string(), "the command line")
    }
}

/// Tells whether a source may have this name: lower-case letters, digits and `_`.
///
/// # Errors
/// A sentence, with a name that is one.
pub fn check_name(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(legal) {
        return Ok(());
    }
    Err(format!(
        "`{name}` is no name for a source: it has 1 to 64 lower-case letters, digits and `_`, as in `{}`",
        name_from(name)
    ))
}

/// The name of a source that is made of another text: a file's name without ending, a path's last part.
pub fn name_from(text: &str) -> String {
    let last = text.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = last.split('.').find(|part| !part.is_empty()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = stem.chars().map(plain).take(64).collect();
    if name.trim_matches('_').is_empty() { "mine".to_owned() } else { name.trim_matches('_').to_owned() }
}

#[cfg(test)]
mod tests;
