//! A look at a table that has no recipe: its columns, three rows, and the command that reads it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::items::kind;
use super::{files, open_items};
use crate::ingest::IngestError;
use crate::ingest::recipe::path::{FieldPath, Found, Record};
use crate::ingest::recipe::{Recipe, Variant};

/// How many rows are looked at.
const LOOKED_AT: u64 = 1_000;
/// How many characters of a cell are shown.
const SHOWN_CHARS: usize = 200;

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name, or for turns of a conversation the path (`messages[role=assistant].content`).
    pub name: String,
    /// What its values are: `text`, `number`, `list`, .. or several of them.
    pub types: Vec<String>,
    /// Share of the rows where it is missing, null or an empty text; 0 to 1.
    pub null_share: f64,
}

/// What a table holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The file that was looked at; the first, where a folder was given.
    pub file: PathBuf,
    /// Its columns, in order of appearance.
    pub columns: Vec<Column>,
    /// The first three rows: column and text, cut to 200 characters, which `…` at the end marks.
    pub rows: Vec<Vec<(String, String)>>,
    /// How many rows were looked at.
    pub rows_read: u64,
    /// Whether there are more.
    pub more: bool,
    /// The column that looks most like an instruction.
    pub instruction: Option<String>,
    /// The column that looks most like code.
    pub code: Option<String>,
}

impl Preview {
    /// The command that reads the table under a name as it seems to be meant, for a shell.
    ///
    /// # Errors
    /// [`IngestError::Nothing`] where no column looks like code, or is called as code is.
    pub fn command(&self, name: &str, path: &Path) -> Result<String, IngestError> {
        let Some(code) = &self.code else {
            let columns: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
            return Err(IngestError::Nothing {
                source_name: path.display().to_string(),
                message: format!(
                    "no code: no column looks like code; the columns are {}; if one of them is, type: scenery ingest --reader table --field code=COLUMN {name} {}",
                    columns.join(", "),
                    quoted(&path.to_string_lossy())
                ),
            });
        };
        let mut command = String::from("scenery ingest --reader table");
        if let Some(instruction) = &self.instruction {
            command.push_str(&format!(" --field {}", quoted(&format!("instruction={instruction}"))));
        }
        command.push_str(&format!(" --field {}", quoted(&format!("code={code}"))));
        command.push_str(&format!(" {name} {}", quoted(&path.to_string_lossy())));
        Ok(command)
    }
}

/// A word for a shell: in single quotes where it holds anything that a shell would read, `./` before a dash.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,@%+".contains(c);
    if word.starts_with('-') {
        quoted(&format!("./{word}"))
    } else if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Looks at the first 1,000 rows of a table (the first of a folder).
///
/// # Errors
/// Where there is no table, or no row of it is an object.
pub fn preview(path: &Path) -> Result<Preview, IngestError> {
    let recipe = Recipe { name: "preview".into(), variants: vec![Variant::default()], ..Recipe::default() };
    let choice = files::choose(&recipe, path, None)?;
    let Some(file) = choice.files.first() else {
        return Err(IngestError::Input { path: path.to_owned(), message: "there is no table".into() });
    };
    let (mut items, _) = open_items(&file.path, None, 16 << 20)?;
    let mut records: Vec<Record> = Vec::new();
    let mut seen = Seen::default();
    let mut first_fault = None;
    let (mut rows_read, mut more) = (0, false);
    while let Some(item) = items.next()? {
        if rows_read == LOOKED_AT {
            more = true;
            break;
        }
        rows_read += 1;
        match item.content {
            Ok(record) => {
                seen.add(&record);
                if records.len() < 3 {
                    records.push(record);
                }
            }
            Err(fault) => {
                first_fault.get_or_insert_with(|| format!("{} ({}: {})", item.place, fault.reason, fault.detail));
            }
        }
    }
    if records.is_empty() {
        let what = first_fault
            .map_or("there are no rows".to_owned(), |fault| format!("no row is an object; the first is {fault}"));
        return Err(IngestError::Nothing {
            source_name: file.path.display().to_string(),
            message: format!("{what}: no code"),
        });
    }
    let (instruction, code) = seen.guess();
    let rows = records
        .iter()
        .map(|record| record.iter().map(|(name, value)| (name.clone(), shown(value))).collect())
        .collect();
    Ok(Preview { file: file.path.clone(), columns: seen.columns(), rows, rows_read, more, instruction, code })
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut cut: String = text.chars().take(SHOWN_CHARS).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// Counts by column.
#[derive(Default)]
struct Seen {
    rows: u64,
    names: Vec<String>,
    counts: BTreeMap<String, Counts>,
}

#[derive(Default)]
struct Counts {
    filled: u64,
    texts: u64,
    code_like: u64,
    words: u64,
    types: BTreeMap<&'static str, u64>,
}

impl Seen {
    fn add(&mut self, record: &Record) {
        self.rows += 1;
        for (name, value) in record {
            self.count(name, value);
            for (path, inner) in turns(name, value) {
                self.count(&path, inner);
            }
        }
    }

    fn count(&mut self, name: &str, value: &Value) {
        if !self.counts.contains_key(name) {
            if self.names.len() >= 200 {
                return;
            }
            self.names.push(name.to_owned());
        }
        let counts = self.counts.entry(name.to_owned()).or_default();
        if value.is_null() || value.as_str() == Some("") {
            return;
        }
        counts.filled += 1;
        *counts.types.entry(kind(value).trim_start_matches("a ").trim_start_matches("an ")).or_default() += 1;
        if let Some(text) = value.as_str() {
            counts.texts += 1;
            counts.code_like += u64::from(looks_like_code(text));
            counts.words += u64::from(text.split_whitespace().count() >= 2);
        }
    }

    fn columns(&self) -> Vec<Column> {
        let column = |name: &String| {
            let counts = &self.counts[name];
            Column {
                name: name.clone(),
                types: counts.types.keys().map(|kind| (*kind).to_owned()).collect(),
                null_share: 1.0 - counts.filled as f64 / self.rows.max(1) as f64,
            }
        };
        self.names.iter().map(column).collect()
    }

    /// The columns that look most like instruction and code: by content, among these by name; where no content looks like
    /// code, by a name that means nothing else.
    fn guess(&self) -> (Option<String>, Option<String>) {
        const CODE: &[&str] = &[
            "code",
            "output",
            "completion",
            "response",
            "answer",
            "python_code",
            "assistant",
            "gpt",
            "model",
            "solution",
        ];
        const INSTRUCTION: &[&str] = &[
            "instruction",
            "prompt",
            "question",
            "reviewed description",
            "description",
            "user",
            "human",
            "input",
            "query",
            "text",
            "title",
        ];
        let by_name = |names: &[&str], name: &str| {
            let lower = name.to_lowercase();
            let exact = names.iter().position(|known| *known == lower);
            let turn = || names.iter().position(|known| lower.contains(&format!("={known}]"))).map(|at| at + 10);
            let part = || names.iter().position(|known| lower.contains(known)).map(|at| at + 20);
            exact.or_else(turn).or_else(part).unwrap_or(99)
        };
        // A name that is no path cannot be typed.
        let texts = |name: &&String| self.counts[*name].texts > 0 && name.parse::<FieldPath>().is_ok();
        let code = self
            .names
            .iter()
            .filter(texts)
            .filter(|name| self.counts[*name].code_like * 2 >= self.counts[*name].texts)
            .min_by_key(|name| by_name(CODE, name))
            .or_else(|| {
                let named = self.names.iter().filter(texts).filter(|name| by_name(CODE, name) < 20);
                named.min_by_key(|name| by_name(CODE, name))
            })
            .cloned();
        let instruction = self
            .names
            .iter()
            .filter(texts)
            .filter(|name| {
                let counts = &self.counts[*name];
                let place = by_name(INSTRUCTION, name);
                let by_content = counts.texts * 2 >= self.rows
                    && counts.code_like * 2 < counts.texts
                    && counts.words * 2 >= counts.texts;
                Some(*name) != code.as_ref() && (place < 20 || by_content && place < 99)
            })
            .min_by_key(|name| by_name(INSTRUCTION, name))
            .cloned();
        (instruction, code)
    }
}

/// The turns of a conversation as columns of their own.
fn turns<'a>(name: &str, value: &'a Value) -> Vec<(String, &'a Value)> {
    let Some(list) = value.as_array() else { return Vec::new() };
    let mut found: Vec<(String, &Value)> = Vec::new();
    for turn in list.iter().take(8) {
        for (role, content) in [("role", "content"), ("from", "value")] {
            if let (Some(Value::String(who)), Some(text)) = (turn.get(role), turn.get(content))
                && who != "system"
                && who.len() < 20
            {
                let path = format!("{name}[{role}={who}].{content}");
                if matches!(
                    path.parse::<FieldPath>().map(|path| path.find(&Record::new()) == Found::NoColumn),
                    Ok(true)
                ) && !found.iter().any(|(other, _)| *other == path)
                {
                    found.push((path, text));
                }
            }
        }
    }
    found
}

/// Whether a text has the words of a Python program.
fn looks_like_code(text: &str) -> bool {
    let signs = ["import ", "def ", "class ", "self.", "return ", "print("];
    signs.iter().filter(|sign| text.contains(*sign)).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, text: &str) -> Result<Preview, IngestError> {
        let folder = std::env::temp_dir().join(format!("scenery-preview-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        let preview = preview(&path);
        std::fs::remove_dir_all(&folder).unwrap();
        preview
    }

    #[test]
    fn a_table_shows_its_columns_and_the_command_that_reads_it() {
        let row = "{\"id\": 7, \"The question\": \"Draw a circle now\", \"answer\": \"from manim import *\\nclass A(Scene):\\n    def construct(self): pass\", \"note\": null}\n";
        let preview = of("a b.jsonl", &row.repeat(4)).unwrap();
        assert_eq!(preview.rows.len(), 3);
        assert_eq!(preview.columns[3].null_share, 1.0);
        assert_eq!(preview.columns[0].types, ["number"]);
        let command = preview.command("a_b", Path::new("my data/a b.jsonl")).unwrap();
        assert_eq!(
            command,
            "scenery ingest --reader table --field 'instruction=The question' --field code=answer a_b 'my data/a b.jsonl'"
        );
    }

    #[test]
    fn turns_of_a_conversation_are_offered_as_paths() {
        let row = "{\"messages\": [{\"role\": \"user\", \"content\": \"Draw a circle\"}, {\"role\": \"assistant\", \"content\": \"import manim\\nclass A: pass\"}]}\n";
        let command = of("m.jsonl", row).unwrap().command("m", Path::new("m.jsonl")).unwrap();
        assert!(command.contains("'instruction=messages[role=user].content'"), "{command}");
        assert!(command.contains("'code=messages[role=assistant].content'"), "{command}");
    }

    #[test]
    fn columns_called_as_instruction_and_code_are_taken_whatever_they_hold() {
        for (instruction, code) in
            [("instruction", "response"), ("prompt", "completion"), ("question", "answer"), ("input", "output")]
        {
            let row = format!("{{\"{code}\": \"x = 1\", \"{instruction}\": \"circle\", \"n\": 3}}\n");
            let command = of("n.jsonl", &row).unwrap().command("n", Path::new("-n.jsonl")).unwrap();
            assert_eq!(
                command,
                format!(
                    "scenery ingest --reader table --field instruction={instruction} --field code={code} n ./-n.jsonl"
                )
            );
        }
        let row = "{\"conversations\": [{\"from\": \"human\", \"value\": \"circle\"}, {\"from\": \"gpt\", \"value\": \"x = 1\"}]}\n";
        let command = of("c.jsonl", row).unwrap().command("c", Path::new("c.jsonl")).unwrap();
        assert!(command.contains("'instruction=conversations[from=human].value'"), "{command}");
        assert!(command.contains("'code=conversations[from=gpt].value'"), "{command}");
    }

    #[test]
    fn a_table_without_code_says_so() {
        let preview = of("p.json", "[{\"theorem\": \"Pythagoras\", \"difficulty\": \"easy\"}]").unwrap();
        let error = preview.command("p", Path::new("p.json")).unwrap_err().to_string();
        assert!(error.contains("no code") && error.contains("theorem, difficulty"), "{error}");
        let error = of("t.json", "[\"one topic\", \"another\"]").unwrap_err().to_string();
        assert!(error.contains("no code") && error.contains("one topic"), "{error}");
    }
}
