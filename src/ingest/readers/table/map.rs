//! From a record to a row: the recipe's field map applied.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::items::{Fault, kind, start_of};
use crate::ingest::recipe::path::{FieldPath, Found, Record};
use crate::ingest::recipe::{Description, Field, Piece, Recipe, Variant};
use crate::ingest::row::RawRow;
use crate::sample::{DescriptionKind, Side, is_placeholder_description};

/// How many columns are remembered for messages.
const MAX_COLUMNS: usize = 64;

/// What joins values of several columns.
const UNIT_SEPARATOR: &str = "\u{1f}";

/// Applies a variant's field map, and remembers which of its columns were ever seen.
pub(super) struct Mapper<'a> {
    recipe: &'a Recipe,
    variant: &'a Variant,
    /// Columns that the recipe names, each with whether a row had it.
    wanted: BTreeMap<&'a str, bool>,
    /// Columns without which no row becomes a sample.
    required: BTreeSet<&'a str>,
    columns: BTreeSet<String>,
    more_columns: bool,
    records: u64,
    placeholders: u64,
    undescribed: u64,
    unknown_sides: BTreeMap<String, u64>,
    unknown_levels: BTreeMap<String, u64>,
}

/// A value as text, or why not.
enum Text {
    Some(String),
    None,
    Fault(Fault),
}

impl<'a> Mapper<'a> {
    pub(super) fn new(recipe: &'a Recipe, variant: &'a Variant) -> Self {
        let mut wanted = BTreeMap::new();
        let mut required = BTreeSet::new();
        let fields = &variant.fields;
        let path = |field: &'a Option<Field>| field.as_ref().and_then(|field| field.path.as_ref());
        for field in [&fields.split, &fields.level, &fields.licence] {
            wanted.extend(path(field).map(|path| (path.column(), false)));
        }
        let instruction = if variant.description == Description::Field { path(&fields.instruction) } else { None };
        for path in path(&fields.code).into_iter().chain(instruction).chain(&variant.key) {
            wanted.insert(path.column(), false);
            required.insert(path.column());
        }
        let pieces = match &variant.description {
            Description::Template(pieces) => pieces.as_slice(),
            _ => &[],
        };
        let template = pieces.iter().filter_map(|piece| match piece {
            Piece::Column(path) => Some(path),
            Piece::Text(_) => None,
        });
        let filters = variant.filter.iter().chain(&variant.undescribed).map(|filter| &filter.field);
        let others =
            variant.meta.values().chain(&variant.family).chain(&variant.placeholder_if).chain(template).chain(filters);
        for path in others {
            wanted.entry(path.column()).or_insert(false);
        }
        Mapper {
            recipe,
            variant,
            wanted,
            required,
            columns: BTreeSet::new(),
            more_columns: false,
            records: 0,
            placeholders: 0,
            undescribed: 0,
            unknown_sides: BTreeMap::new(),
            unknown_levels: BTreeMap::new(),
        }
    }

    /// Maps a record; `fallback_split` is what object, README or file name say.
    pub(super) fn map(&mut self, record: &Record, fallback_split: Option<&str>) -> Result<RawRow, Fault> {
        self.see(record);
        for filter in &self.variant.filter {
            let value = value_at(&filter.field, record);
            if !filter.holds(&value) {
                return Err(Fault::new("filtered", format!("{} is {}", filter.field, start_of(&value.to_string()))));
            }
        }
        let code = match self.text(record, self.variant.fields.code.as_ref(), "code") {
            Text::Some(code) if !code.trim().is_empty() => code,
            Text::Some(_) | Text::None => return Err(Fault::new("no-code", "the code is empty".to_owned())),
            Text::Fault(fault) => return Err(fault),
        };
        let (instruction, described) = self.instruction(record)?;
        let key = self.joined(&self.variant.key, record)?;
        let family = self.joined(&self.variant.family, record).unwrap_or(None);
        let mut meta = serde_json::Map::new();
        for (name, path) in &self.variant.meta {
            if let Found::Value(value) = path.find(record)
                && value.as_str() != Some("")
            {
                meta.insert(name.clone(), value.into_owned());
            }
        }
        let split = self.split(record, fallback_split, &mut meta);
        let level = self.optional(record, self.variant.fields.level.as_ref()).map(|level| level.to_lowercase());
        if let Some(level) = &level
            && !self.recipe.levels.is_empty()
            && !self.recipe.levels.contains(level)
        {
            count(&mut self.unknown_levels, level);
        }
        Ok(RawRow {
            instruction,
            description_kind: described,
            code,
            key,
            split,
            level,
            licence: self.optional(record, self.variant.fields.licence.as_ref()),
            family,
            meta,
            dialect: None,
            ..RawRow::default()
        })
    }

    fn see(&mut self, record: &Record) {
        self.records += 1;
        for (column, seen) in &mut self.wanted {
            *seen = *seen || record.contains_key(*column);
        }
        if self.columns.len() < MAX_COLUMNS {
            for name in record.keys().filter(|name| name.len() <= 200) {
                if !self.columns.contains(name) {
                    self.columns.insert(name.clone());
                }
            }
        } else {
            self.more_columns = self.more_columns || record.keys().any(|name| !self.columns.contains(name));
        }
    }

    fn text(&self, record: &Record, field: Option<&Field>, name: &str) -> Text {
        let Some(field) = field else { return Text::None };
        let Some(path) = &field.path else { return field.value.clone().map_or(Text::None, Text::Some) };
        let value = match path.find(record) {
            Found::Value(value) => value,
            Found::Null => return Text::None,
            Found::NoColumn => {
                let columns: Vec<&str> = record.keys().map(String::as_str).take(12).collect();
                return Text::Fault(Fault::new(
                    "missing-field",
                    format!("{name}: there is no column `{}`; there are {}", path.column(), columns.join(", ")),
                ));
            }
            Found::NoPart(missing) => {
                return Text::Fault(Fault::new("missing-field", format!("{name}: `{path}`: {missing}")));
            }
        };
        let Some(text) = value.as_str() else {
            return Text::Fault(Fault::new("wrong-type", format!("{name}: `{path}` is {}, not text", kind(&value))));
        };
        match &field.capture {
            None => Text::Some(text.to_owned()),
            Some(regex) => match regex.captures(text).and_then(|captures| captures.get(1)) {
                Some(found) => Text::Some(found.as_str().to_owned()),
                None => Text::Fault(Fault::new(
                    "no-match",
                    format!("{name}: the pattern finds nothing in {}", start_of(text)),
                )),
            },
        }
    }

    /// A field that a row may lack; numbers and truth values are text here.
    fn optional(&self, record: &Record, field: Option<&Field>) -> Option<String> {
        let text = match self.text(record, field, "") {
            Text::Some(text) => Some(text),
            Text::None => None,
            Text::Fault(_) => match field.and_then(|field| field.path.as_ref()).map(|path| path.find(record)) {
                Some(Found::Value(value)) if value.is_number() || value.is_boolean() => Some(value.to_string()),
                _ => None,
            },
        };
        text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn instruction(&mut self, record: &Record) -> Result<(Option<String>, Option<DescriptionKind>), Fault> {
        let kind = self.variant.description_kind.or(self.recipe.description_kind);
        let (text, kind) = match &self.variant.description {
            Description::Ignore => (None, kind),
            Description::Template(pieces) => (filled(pieces, record), Some(DescriptionKind::Template)),
            Description::Field => match self.text(record, self.variant.fields.instruction.as_ref(), "instruction") {
                Text::Some(text) => (Some(text), kind),
                Text::None => (None, kind),
                Text::Fault(fault) => return Err(fault),
            },
        };
        let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let original = self.variant.placeholder_if.as_ref().and_then(|path| match path.find(record) {
            Found::Value(value) => value.as_str().map(is_placeholder_description),
            _ => None,
        });
        if text.is_some()
            && self.variant.undescribed.iter().any(|filter| filter.holds(&value_at(&filter.field, record)))
        {
            self.undescribed += 1;
            return Ok((None, Some(DescriptionKind::None)));
        }
        match text {
            Some(text) if is_placeholder_description(&text) || original == Some(true) => {
                self.placeholders += 1;
                Ok((None, Some(DescriptionKind::None)))
            }
            Some(text) => Ok((Some(text), kind)),
            None => Ok((None, Some(DescriptionKind::None))),
        }
    }

    /// The values of columns, joined; none where there are no columns.
    fn joined(&self, paths: &[FieldPath], record: &Record) -> Result<Option<String>, Fault> {
        if paths.is_empty() {
            return Ok(None);
        }
        let mut parts = Vec::with_capacity(paths.len());
        for path in paths {
            match path.find(record) {
                Found::Value(value) => parts.push(match value.as_str() {
                    Some(text) => text.to_owned(),
                    None => value.to_string(),
                }),
                Found::Null => return Err(Fault::new("missing-field", format!("key: `{path}` is null"))),
                Found::NoColumn => {
                    return Err(Fault::new("missing-field", format!("key: there is no column `{}`", path.column())));
                }
                Found::NoPart(missing) => return Err(Fault::new("missing-field", format!("key: `{path}`: {missing}"))),
            }
        }
        Ok(Some(parts.join(UNIT_SEPARATOR)))
    }

    fn split(&mut self, record: &Record, fallback: Option<&str>, meta: &mut Record) -> Option<Side> {
        let given = self.optional(record, self.variant.fields.split.as_ref());
        let given = given.as_deref().or(fallback)?;
        let side = Side::from_spelling(given);
        if side.is_none() {
            count(&mut self.unknown_sides, given);
            meta.entry("split").or_insert_with(|| Value::String(given.to_owned()));
        }
        side
    }

    /// Columns that the recipe names and no row had so far; only those that every sample needs where `required_only`.
    pub(super) fn never_seen(&self, required_only: bool) -> Vec<&'a str> {
        self.wanted
            .iter()
            .filter(|(column, seen)| !**seen && (!required_only || self.required.contains(*column)))
            .map(|(column, _)| *column)
            .collect()
    }

    /// How many records were mapped.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// The columns that were met, for messages.
    pub(super) fn columns(&self) -> String {
        let shown: Vec<&str> = self.columns.iter().map(String::as_str).take(24).collect();
        let more = if self.more_columns || self.columns.len() > 24 { ", .." } else { "" };
        format!("{}{more}", shown.join(", "))
    }

    /// How many descriptions were placeholders.
    pub(super) fn placeholders(&self) -> u64 {
        self.placeholders
    }

    /// What was met beside, in sentences.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let list = |counts: &BTreeMap<String, u64>| {
            let shown: Vec<String> = counts.iter().take(6).map(|(value, count)| format!("`{value}` {count}")).collect();
            format!("{}{}", shown.join(", "), if counts.len() > 6 { ", .." } else { "" })
        };
        if !self.unknown_sides.is_empty() {
            let total: u64 = self.unknown_sides.values().sum();
            notes.push(format!(
                "{total} rows have a split that is no side ({}); it is kept as meta.split",
                list(&self.unknown_sides)
            ));
        }
        if !self.unknown_levels.is_empty() {
            let total: u64 = self.unknown_levels.values().sum();
            notes.push(format!(
                "{total} rows have a level that the recipe does not list ({}); it lists {}",
                list(&self.unknown_levels),
                self.recipe.levels.join(", ")
            ));
        }
        if self.placeholders > 0 {
            notes.push(format!("{} descriptions are placeholders or file names and were not taken", self.placeholders));
        }
        if self.undescribed > 0 {
            notes.push(format!(
                "{} descriptions belong to other code, by the recipe, and were not taken",
                self.undescribed
            ));
        }
        notes
    }
}

/// Counts a value; those beyond the first 64 together.
fn count(counts: &mut BTreeMap<String, u64>, value: &str) {
    let known = counts.contains_key(value) || counts.len() < 64;
    *counts.entry(if known { value } else { "others" }.to_owned()).or_default() += 1;
}

/// The value at a path; null where there is none.
fn value_at(path: &FieldPath, record: &Record) -> Value {
    match path.find(record) {
        Found::Value(value) => value.into_owned(),
        _ => Value::Null,
    }
}

/// A template with its columns filled in; none where one is missing or empty.
fn filled(pieces: &[Piece], record: &Record) -> Option<String> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(fixed) => text.push_str(fixed),
            Piece::Column(path) => match path.find(record) {
                Found::Value(value) => match value.as_str() {
                    Some("") => return None,
                    Some(part) => text.push_str(part),
                    None => text.push_str(&value.to_string()),
                },
                _ => return None,
            },
        }
    }
    Some(text)
}
