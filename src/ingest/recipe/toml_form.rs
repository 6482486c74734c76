//! The form of recipes in TOML, and the checks that a well-formed one can still fail.

use std::collections::BTreeMap;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::glob::Glob;
use super::path::FieldPath;
use super::{
    Dedup, Description, Field, Fields, Filter, Format, Join, JoinBy, Piece, Recipe, Variant, check_name, licence,
};
use crate::ingest::IngestError;
use crate::ingest::readers;
use crate::sample::{DescriptionKind, Dialect};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeForm {
    name: String,
    #[serde(default)]
    title: Option<String>,
    licence: LicenceForm,
    url: Option<String>,
    get: Option<String>,
    citation: Option<String>,
    rank: u8,
    dialect: Option<Dialect>,
    expected_rows: Option<u64>,
    #[serde(default = "yes")]
    tried: bool,
    notes: Option<String>,
    reader: String,
    #[serde(default)]
    dedup: Dedup,
    #[serde(default)]
    levels: Vec<String>,
    description_kind: Option<DescriptionKind>,
    #[serde(default)]
    include: Vec<Glob>,
    #[serde(default)]
    exclude: Vec<Glob>,
    #[serde(default)]
    options: toml::Table,
    format: Option<Format>,
    fields: Option<FieldsForm>,
    key: Option<Vec<FieldPath>>,
    meta: Option<MetaForm>,
    family: Option<Vec<FieldPath>>,
    join: Option<JoinForm>,
    description: Option<DescriptionForm>,
    placeholder_if: Option<FieldPath>,
    undescribed: Option<Vec<FilterForm>>,
    filter: Option<Vec<FilterForm>>,
    #[serde(default)]
    variant: Vec<VariantForm>,
}

struct LicenceForm(String);

impl<'de> Deserialize<'de> for LicenceForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        licence::read(&String::deserialize(deserializer)?).map(LicenceForm).map_err(D::Error::custom)
    }
}

fn yes() -> bool {
    true
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct VariantForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    include: Vec<Glob>,
    #[serde(default)]
    exclude: Vec<Glob>,
    format: Option<Format>,
    fields: Option<FieldsForm>,
    key: Option<Vec<FieldPath>>,
    meta: Option<MetaForm>,
    family: Option<Vec<FieldPath>>,
    join: Option<JoinForm>,
    description: Option<DescriptionForm>,
    description_kind: Option<DescriptionKind>,
    placeholder_if: Option<FieldPath>,
    undescribed: Option<Vec<FilterForm>>,
    filter: Option<Vec<FilterForm>>,
    expected_rows: Option<u64>,
}

#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields)]
struct FieldsForm {
    instruction: Option<FieldForm>,
    code: Option<FieldForm>,
    split: Option<FieldForm>,
    level: Option<FieldForm>,
    licence: Option<FieldForm>,
}

#[derive(Clone)]
struct FieldForm(Field);

impl<'de> Deserialize<'de> for FieldForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = FieldForm;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a column, or { path = \"column\", capture = \"a pattern with one (group)\" }, or { value = \"text\" }")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<FieldForm, E> {
                let path = text.parse().map_err(E::custom)?;
                Ok(FieldForm(Field { path: Some(path), value: None, capture: None }))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldForm, A::Error> {
                let mut field = Field { path: None, value: None, capture: None };
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "path" => field.path = Some(map.next_value()?),
                        "value" => field.value = Some(map.next_value()?),
                        "capture" => {
                            field.capture = Some(capture(&map.next_value::<String>()?).map_err(A::Error::custom)?)
                        }
                        _ => return Err(A::Error::unknown_field(&key, &["path", "value", "capture"])),
                    }
                }
                if field.path.is_some() == field.value.is_some() {
                    return Err(A::Error::custom("a field has either `path` or `value`"));
                }
                if field.value.is_some() && field.capture.is_some() {
                    return Err(A::Error::custom("`capture` needs `path`"));
                }
                Ok(FieldForm(field))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

fn capture(pattern: &str) -> Result<regex::Regex, String> {
    let regex = regex::Regex::new(pattern).map_err(|error| format!("capture: {error}"))?;
    match regex.captures_len() - 1 {
        1 => Ok(regex),
        groups => {
            Err(format!("capture `{pattern}` has {groups} groups; it needs exactly one (write `(?:..)` for others)"))
        }
    }
}

#[derive(Clone)]
struct MetaForm(BTreeMap<String, FieldPath>);

impl<'de> Deserialize<'de> for MetaForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = MetaForm;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of columns, or a table of name = \"column\"")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<MetaForm, A::Error> {
                let mut names = BTreeMap::new();
                while let Some(path) = list.next_element::<FieldPath>()? {
                    if let Some(other) = names.insert(meta_name(path.short_name()), path.clone()) {
                        return Err(A::Error::custom(format!(
                            "meta: `{other}` and `{path}` have one name; write a table of name = \"column\""
                        )));
                    }
                }
                Ok(MetaForm(names))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MetaForm, A::Error> {
                let mut names = BTreeMap::new();
                while let Some((name, path)) = map.next_entry::<String, FieldPath>()? {
                    if meta_name(&name) != name {
                        return Err(A::Error::custom(format!(
                            "meta: `{name}` is no name; it has lower-case letters, digits and `_`, as in `{}`",
                            meta_name(&name)
                        )));
                    }
                    names.insert(name, path);
                }
                Ok(MetaForm(names))
            }
        }
        deserializer.deserialize_any(Form)
    }
}

/// A column's name as it is spelled after `meta.`: lower case, other characters as `_`.
fn meta_name(column: &str) -> String {
    column.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

#[derive(Clone)]
struct DescriptionForm(Description);

impl<'de> Deserialize<'de> for DescriptionForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "field" => Ok(DescriptionForm(Description::Field)),
            "ignore" => Ok(DescriptionForm(Description::Ignore)),
            template => {
                pieces(template).map(|pieces| DescriptionForm(Description::Template(pieces))).map_err(D::Error::custom)
            }
        }
    }
}

fn pieces(template: &str) -> Result<Vec<Piece>, String> {
    let wrong = |message: &str| {
        format!("description `{template}`: {message}; write \"field\", \"ignore\", or a sentence with {{column}} in it")
    };
    let mut pieces = Vec::new();
    let mut rest = template;
    let mut columns = 0;
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').ok_or_else(|| wrong("a `{` is not closed"))? + open;
        if open > 0 {
            pieces.push(Piece::Text(rest[..open].to_owned()));
        }
        pieces.push(Piece::Column(rest[open + 1..close].parse().map_err(|error| wrong(&format!("{error}")))?));
        columns += 1;
        rest = &rest[close + 1..];
    }
    if columns == 0 {
        return Err(wrong("it names no column"));
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct JoinForm {
    file: String,
    by: JoinBy,
    key: Option<FieldPath>,
    other_key: Option<FieldPath>,
    #[serde(rename = "as", default = "joined")]
    as_column: String,
}

fn joined() -> String {
    "joined".to_owned()
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct FilterForm {
    field: FieldPath,
    equals: Option<OneOrMany>,
    not: Option<OneOrMany>,
    matches: Option<String>,
}

impl FilterForm {
    fn checked(self) -> Result<Filter, String> {
        if self.equals.is_none() && self.not.is_none() && self.matches.is_none() {
            return Err(format!("the condition on `{}` has neither `equals` nor `not` nor `matches`", self.field));
        }
        let list = |values: Option<OneOrMany>| values.map(OneOrMany::list).unwrap_or_default();
        let matches = match &self.matches {
            None => None,
            Some(pattern) => Some(regex::Regex::new(pattern).map_err(|error| format!("matches: {error}"))?),
        };
        Ok(Filter { field: self.field, equals: list(self.equals), not: list(self.not), matches })
    }
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<serde_json::Value>),
    One(serde_json::Value),
}

impl OneOrMany {
    fn list(self) -> Vec<serde_json::Value> {
        match self {
            OneOrMany::Many(list) => list,
            OneOrMany::One(value) => vec![value],
        }
    }
}

/// Reads and checks a recipe.
pub(super) fn read(text: &str, origin: &str) -> Result<Recipe, IngestError> {
    let form: RecipeForm = toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| position(text, span.start)).unwrap_or_default();
        IngestError::Recipe { name: format!("{origin}{place}"), message: error.message().trim_end().to_owned() }
    })?;
    check(form).map_err(|message| IngestError::Recipe { name: origin.to_owned(), message })
}

fn position(text: &str, byte: usize) -> String {
    let before = &text[..text.floor_char_boundary(byte)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!(":{line}:{column}")
}

fn check(form: RecipeForm) -> Result<Recipe, String> {
    check_name(&form.name).map_err(|message| format!("name: {message}"))?;
    if !(1..=5).contains(&form.rank) {
        return Err(format!("rank: {} is not 1 to 5 (5 wins over 1 among duplicates)", form.rank));
    }
    let known = readers::names();
    if !known.contains(&form.reader.as_str()) {
        return Err(format!("reader: there is no reader `{}`; there are {}", form.reader, known.join(", ")));
    }
    let levels: Vec<String> = form.levels.iter().map(|level| level.to_lowercase()).collect();
    for (index, level) in levels.iter().enumerate() {
        if levels[..index].contains(level) {
            return Err(format!("levels: `{level}` stands there twice"));
        }
    }
    let table = form.reader == "table";
    let mut variants = Vec::new();
    let base = VariantForm {
        name: String::new(),
        include: form.include.clone(),
        exclude: form.exclude.clone(),
        format: form.format,
        fields: form.fields,
        key: form.key,
        meta: form.meta,
        family: form.family,
        join: form.join,
        description: form.description,
        description_kind: None,
        placeholder_if: form.placeholder_if,
        undescribed: form.undescribed,
        filter: form.filter,
        expected_rows: None,
    };
    if table {
        if form.variant.is_empty() {
            variants.push(variant(VariantForm::default(), &base).map_err(|message| message.to_owned())?);
        }
        for (index, given) in form.variant.into_iter().enumerate() {
            let name = given.name.clone();
            if name.is_empty() {
                return Err(format!("variant {}: it needs a name", index + 1));
            }
            if variants.iter().any(|other: &Variant| other.name == name) {
                return Err(format!("variant `{name}` stands there twice"));
            }
            variants.push(variant(given, &base).map_err(|message| format!("variant `{name}`: {message}"))?);
        }
    } else if !form.variant.is_empty() || base.fields.is_some() || base.join.is_some() {
        return Err(format!(
            "`variant`, `fields` and `join` are options of the reader `table`, not of `{}`",
            form.reader
        ));
    }
    Ok(Recipe {
        toml: String::new(),
        title: form.title.unwrap_or_else(|| form.name.clone()),
        name: form.name,
        licence: form.licence.0,
        url: form.url,
        get: form.get,
        citation: form.citation,
        rank: form.rank,
        dialect: form.dialect,
        expected_rows: form.expected_rows,
        tried: form.tried,
        notes: form.notes,
        reader: form.reader,
        dedup: form.dedup,
        levels,
        description_kind: form.description_kind,
        include: form.include,
        exclude: form.exclude,
        options: form.options,
        variants,
    })
}

fn variant(given: VariantForm, base: &VariantForm) -> Result<Variant, String> {
    let own = given.fields.unwrap_or_default();
    let shared = base.fields.clone().unwrap_or_default();
    let pick = |own: Option<FieldForm>, shared: Option<FieldForm>| own.or(shared).map(|form| form.0);
    let fields = Fields {
        instruction: pick(own.instruction, shared.instruction),
        code: pick(own.code, shared.code),
        split: pick(own.split, shared.split),
        level: pick(own.level, shared.level),
        licence: pick(own.licence, shared.licence),
    };
    if fields.code.is_none() {
        return Err("it has no `fields.code`: a table without code gives no samples".to_owned());
    }
    let globs = |own: Vec<Glob>, shared: &[Glob]| if own.is_empty() { shared.to_vec() } else { own };
    let description = given.description.or_else(|| base.description.clone()).map(|form| form.0).unwrap_or_default();
    let join = match given.join.or_else(|| base.join.clone()) {
        None => None,
        Some(join) => Some(checked_join(join)?),
    };
    let filter = given.filter.or_else(|| base.filter.clone()).unwrap_or_default();
    let undescribed = given.undescribed.or_else(|| base.undescribed.clone()).unwrap_or_default();
    Ok(Variant {
        name: given.name,
        include: globs(given.include, &base.include),
        exclude: globs(given.exclude, &base.exclude),
        format: given.format.or(base.format),
        fields,
        key: given.key.or_else(|| base.key.clone()).unwrap_or_default(),
        meta: given.meta.or_else(|| base.meta.clone()).map(|form| form.0).unwrap_or_default(),
        family: given.family.or_else(|| base.family.clone()).unwrap_or_default(),
        join,
        description,
        description_kind: given.description_kind,
        placeholder_if: given.placeholder_if.or_else(|| base.placeholder_if.clone()),
        undescribed: undescribed.into_iter().map(FilterForm::checked).collect::<Result<_, String>>()?,
        filter: filter.into_iter().map(FilterForm::checked).collect::<Result<_, String>>()?,
        expected_rows: given.expected_rows,
    })
}

fn checked_join(join: JoinForm) -> Result<Join, String> {
    if join.file.contains(['/', '\\']) {
        return Err(format!("join.file: `{}` is not a plain name; the second file lies beside the first", join.file));
    }
    let key = match (join.by, join.key, join.other_key) {
        (JoinBy::Index, None, None) => None,
        (JoinBy::Index, ..) => return Err("join by index takes no `key`".to_owned()),
        (JoinBy::Key, Some(key), other) => {
            let other = other.unwrap_or_else(|| key.clone());
            Some((key, other))
        }
        (JoinBy::Key, None, _) => return Err("join by key needs `key`".to_owned()),
    };
    Ok(Join { file: join.file, by: join.by, key, as_column: join.as_column })
}
