//! What is asked: fields of items, out of a file, and the prompts that the contract makes of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::GenerateError;
use crate::prompt::contract::Contract;
use crate::prompt::tokenizer::Tokenizer;
use crate::prompt::{Segment, Template, canonical_json};
use crate::sample::hex;

/// The name of the key that holds an item's id.
pub const ID: &str = "id";

/// What is asked for once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Values of the prompt's fields, by name.
    pub fields: BTreeMap<String, String>,
}

/// A prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompted {
    /// What messages call its item.
    pub name: String,
    /// What draws depend on: the item's id, or a digest of its fields; with a number where it is met again.
    pub key: String,
    /// How many prompts before it have the same id, or where it has none the same fields.
    pub number: u32,
    /// Its tokens.
    pub ids: Vec<u32>,
}

impl Prompted {
    /// SHA-256 of the token ids, each as four bytes, little endian, in hexadecimal digits.
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        self.ids.iter().for_each(|id| hasher.update(id.to_le_bytes()));
        hex(&hasher.finalize())
    }
}

/// Fields that a prompt of a template is made of, in order, each once.
pub fn fields_of(template: &Template) -> Vec<&str> {
    let mut out: Vec<&str> = Vec::new();
    for segment in &template.segments {
        if let Segment::Field { name, train: false, .. } = segment
            && !out.contains(&name.as_str())
        {
            out.push(name);
        }
    }
    out
}

/// Makes the prompts of items, by the contract and nothing else.
///
/// # Errors
/// [`GenerateError::Item`] with the first item that lacks a field, has one that the template does not know, or holds the
/// text of a special token.
pub fn prompts(contract: &Contract, tokenizer: &Tokenizer, items: &[Item]) -> Result<Vec<Prompted>, GenerateError> {
    let known = fields_of(&contract.template);
    let mut met: HashMap<String, u32> = HashMap::new();
    let mut out = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let name = match &item.id {
            Some(id) => format!("item {} ({id})", at + 1),
            None => format!("item {}", at + 1),
        };
        let wrong = |message: String| GenerateError::Item { item: name.clone(), message };
        if let Some(other) = item.fields.keys().find(|field| !known.contains(&field.as_str())) {
            let id = &contract.template.id;
            return Err(wrong(format!(
                "template `{id}` has no field `{other}` to ask with; it has {}",
                known.join(", ")
            )));
        }
        let pairs: Vec<(&str, &str)> =
            item.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let ids = contract.encode_prompt(tokenizer, &pairs).map_err(|error| wrong(error.to_string()))?;
        let key = item.id.clone().unwrap_or_else(|| {
            let fields: Map<String, Value> =
                item.fields.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
            hex(&Sha256::digest(canonical_json(&Value::Object(fields)).as_bytes()))
        });
        let times = met.entry(key.clone()).or_default();
        *times += 1;
        let key = if *times == 1 { key } else { format!("{key}#{times}") };
        out.push(Prompted { name, key, number: *times - 1, ids });
    }
    Ok(out)
}

/// Items out of a file, with what was found in it that no field asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// The items, in the order of the file.
    pub items: Vec<Item>,
    /// Columns that are no field of the template.
    pub unused: BTreeSet<String>,
}

/// How a file of prompts is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An object per line.
    Jsonl,
    /// An array of objects.
    Json,
    /// Comma-separated values with a heading.
    Csv,
}

impl Form {
    /// The form of a file, by the end of its name.
    pub fn of(path: &Path) -> Option<Form> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Some(Form::Jsonl),
            "json" => Some(Form::Json),
            "csv" => Some(Form::Csv),
            _ => None,
        }
    }
}

/// Reads items out of the text of a file. A field's value stands in the column of its name, or in the one that `columns`
/// names for it; an item's id in the column `id`.
///
/// # Errors
/// A sentence with the line or item that is wrong.
pub fn read(text: &str, form: Form, template: &Template, columns: &BTreeMap<String, String>) -> Result<Read, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = match form {
        Form::Jsonl => jsonl(text)?,
        Form::Json => json(text)?,
        Form::Csv => csv(text)?,
    };
    let wanted: Vec<(&str, &str)> = fields_of(template)
        .into_iter()
        .map(|field| (field, columns.get(field).map_or(field, String::as_str)))
        .collect();
    let id_column = columns.get(ID).map_or(ID, String::as_str);
    let mut out = Read::default();
    let mut met: BTreeSet<String> = BTreeSet::new();
    for (place, row) in rows {
        let mut item = Item::default();
        for (column, value) in &row {
            if !met.contains(column) {
                met.insert(column.clone());
            }
            let text = match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            let fields: Vec<&str> =
                wanted.iter().filter(|(_, wanted)| wanted == column).map(|(field, _)| *field).collect();
            if fields.is_empty() && column != id_column {
                out.unused.insert(column.clone());
                continue;
            }
            let Some(text) = text else {
                if value.is_null() {
                    continue;
                }
                return Err(format!("{place}: `{column}` is {value}, and a text is needed"));
            };
            if column == id_column {
                item.id = Some(text.clone());
            }
            for field in fields {
                item.fields.insert(field.to_owned(), text.clone());
            }
        }
        out.items.push(item);
    }
    if out.items.is_empty() {
        return Err("there is no item in it".to_owned());
    }
    let known = |field: &String| wanted.iter().any(|(known, _)| known == field) || field == ID;
    if let Some((field, column)) = columns.iter().find(|(field, _)| !known(field)) {
        return Err(format!(
            "column `{column}` was to be `{field}`, and template `{}` has {}",
            template.id,
            fields_of(template).join(", ")
        ));
    }
    if let Some((field, column)) = columns.iter().find(|(_, column)| !met.contains(*column)) {
        let met: Vec<&str> = met.iter().map(String::as_str).collect();
        return Err(format!("column `{column}` was to be `{field}`, and it has {}", met.join(", ")));
    }
    Ok(out)
}

/// A row with its place in the file.
type Row = (String, Map<String, Value>);

fn jsonl(text: &str) -> Result<Vec<Row>, String> {
    let mut out = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("line {}", at + 1);
        match serde_json::from_str(line) {
            Ok(Value::Object(row)) => out.push((place, row)),
            Ok(_) => return Err(format!("{place} is no JSON object, as {{\"instruction\": \"...\"}} is one")),
            Err(error) => return Err(format!("{place} is no JSON: {error}")),
        }
    }
    Ok(out)
}

fn json(text: &str) -> Result<Vec<Row>, String> {
    let rows: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let Value::Array(rows) = rows else { return Err("it is no array of objects".to_owned()) };
    let rows = rows.into_iter().enumerate().map(|(at, row)| match row {
        Value::Object(row) => Ok((format!("item {}", at + 1), row)),
        _ => Err(format!("item {} is no object", at + 1)),
    });
    rows.collect()
}

fn csv(text: &str) -> Result<Vec<Row>, String> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let head = reader.headers().map_err(|error| format!("its heading cannot be read: {error}"))?.clone();
    let mut out = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let place = record.position().map_or_else(String::new, |at| format!("line {}", at.line()));
        let row = head.iter().zip(&record).map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        out.push((place, row));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(text: &str, form: Form, columns: &[(&str, &str)]) -> Result<Read, String> {
        let template = crate::prompt::templates::template("chatml").expect("built in");
        let columns = columns.iter().map(|(field, column)| ((*field).to_owned(), (*column).to_owned())).collect();
        read(text, form, &template, &columns)
    }

    fn item(id: Option<&str>, fields: &[(&str, &str)]) -> Item {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Item { id: id.map(str::to_owned), fields }
    }

    #[test]
    fn the_three_forms_give_the_same_items() {
        let wanted = [
            item(Some("7"), &[("instruction", "Draw, \"a\"\ncircle"), ("system", "Be brief.")]),
            item(None, &[("instruction", "b")]),
        ];
        let jsonl = "\u{feff}{\"id\":7,\"instruction\":\"Draw, \\\"a\\\"\\ncircle\",\"system\":\"Be brief.\",\"answer\":[1]}\n\n{\"instruction\":\"b\",\"system\":null}\n";
        let found = read_as(jsonl, Form::Jsonl, &[]).expect("it is right");
        assert_eq!(found.items, wanted);
        assert_eq!(found.unused.into_iter().collect::<Vec<_>>(), ["answer"]);
        let json = "[{\"id\":\"7\",\"instruction\":\"Draw, \\\"a\\\"\\ncircle\",\"system\":\"Be brief.\"},{\"instruction\":\"b\"}]";
        assert_eq!(read_as(json, Form::Json, &[]).expect("it is right").items, wanted);
        let csv = "no,question,system\n7,\"Draw, \"\"a\"\"\ncircle\",Be brief.\n";
        let found = read_as(csv, Form::Csv, &[("instruction", "question"), ("id", "no")]).expect("it is right");
        assert_eq!((found.items.as_slice(), found.unused.len()), (&wanted[..1], 0));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, form, columns, part) in [
            ("{\"instruction\":\"a\"}\n[1]\n", Form::Jsonl, &[][..], "line 2 is no JSON object"),
            ("{\"instruction\":\"a\"}\nDraw a circle\n", Form::Jsonl, &[], "line 2 is no JSON:"),
            ("{\"instruction\":[\"a\"]}\n", Form::Jsonl, &[], "line 1: `instruction` is [\"a\"]"),
            ("\n", Form::Jsonl, &[], "no item"),
            ("{}", Form::Json, &[], "no array"),
            ("[{},4]", Form::Json, &[], "item 2 is no object"),
            ("instruction\na\nb,c\n", Form::Csv, &[], "2 fields"),
            ("{\"instruction\":\"a\"}\n", Form::Jsonl, &[("question", "instruction")], "has system, instruction"),
            ("{\"prompt\":\"a\"}\n", Form::Jsonl, &[("instruction", "question")], "and it has prompt"),
        ] {
            let error = read_as(text, form, columns).expect_err(text);
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(Form::of(Path::new("a/b.JSONL")), Some(Form::Jsonl));
        assert_eq!(Form::of(Path::new("prompts.txt")), None);
    }
}
