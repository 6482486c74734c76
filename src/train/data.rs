//! Reads an export directory as training data, and refuses whatever is not as its manifest says.
//!
//! `rows.jsonl` has a line per row in the order of the slice; the row's text is the next one in the file of its side.
//! Formats: `alpaca`, `prompt-completion`, `messages`, `sharegpt`, in every layout, as JSON Lines or JSON. A row of format
//! `text` is a whole prompt with its answer and cannot be taken apart again without searching it, so it is refused.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{TrainError, file_error};
use crate::sample::{Side, hex};

/// Name of an export's manifest.
pub const MANIFEST: &str = "manifest.json";
/// Name of the file that says of each row where it comes from.
pub const ROWS: &str = "rows.jsonl";
/// The newest form of the manifest that is read.
const MANIFEST_VERSION: u32 = 1;

/// Name of the field that asks.
pub const INSTRUCTION: &str = "instruction";
/// Name of the field that answers.
pub const RESPONSE: &str = "response";
/// Name of the field that states the rules.
pub const SYSTEM: &str = "system";

/// A row of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// Its source.
    pub source: String,
    /// The level that its source gives.
    pub level: Option<String>,
    /// Its complexity, as the analysers have it.
    pub complexity: Option<String>,
    /// Its side.
    pub side: Side,
    /// What ties it to rows that must share its side.
    pub family: Option<String>,
    /// Whether its source lets near-duplicates part.
    pub near_duplicates_may_part: bool,
    /// `instruction` and `response`; `system` where the export has one.
    pub fields: BTreeMap<String, String>,
}

impl Example {
    /// A field's value; blank where there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// The fields, as a prompt contract takes them.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

/// The rows of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Its folder.
    pub folder: PathBuf,
    /// SHA-256 of `manifest.json`, in hexadecimal digits.
    pub manifest_sha256: String,
    /// The digest that the manifest gives of itself.
    pub manifest_digest: String,
    /// The query that selected the rows, as it was typed.
    pub query: String,
    /// The rows, in the order of the slice.
    pub examples: Vec<Example>,
    /// What a person should know of how the fields were read, in sentences.
    pub notes: Vec<String>,
}

impl Dataset {
    /// Places of the rows of a side, in order.
    pub fn of_side(&self, side: Side) -> impl Iterator<Item = usize> {
        self.examples.iter().enumerate().filter(move |(_, example)| example.side == side).map(|(at, _)| at)
    }
}

/// What is needed of the manifest; it has more.
#[derive(Deserialize)]
struct Manifest {
    query: Query,
    options: Options,
    counts: Counts,
    files: Vec<FileEntry>,
    digest: String,
}

#[derive(Deserialize)]
struct Query {
    typed: String,
}

#[derive(Deserialize)]
struct Options {
    format: String,
    layout: String,
    encoding: String,
    preset: Option<String>,
    roles: Option<Roles>,
    fence: Option<bool>,
}

#[derive(Deserialize)]
struct Counts {
    written: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct FileEntry {
    path: String,
    rows: Option<u64>,
    bytes: u64,
    sha256: String,
}

#[derive(Clone, Deserialize)]
struct Roles {
    system: String,
    user: String,
    assistant: String,
}

/// A line of `rows.jsonl`; it has more.
#[derive(Deserialize)]
struct About {
    id: String,
    source: String,
    level: Option<String>,
    complexity: Option<String>,
    side: Side,
    family: Option<String>,
    near_duplicates_may_part: bool,
}

/// Reads an export and checks it: the manifest against its own digest, every file against its size, SHA-256 and number of
/// rows, every row against its line of `rows.jsonl`.
///
/// # Errors
/// [`TrainError::File`] where a file is missing or cannot be read; [`TrainError::Export`] with file and line for anything
/// that is not as the manifest says.
pub fn read(folder: &Path) -> Result<Dataset, TrainError> {
    let (manifest, manifest_sha256) = manifest(folder)?;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let wanted = wanted(&manifest, folder)?;
    for entry in &manifest.files {
        let bytes = checked(folder, entry)?;
        if entry.path == ROWS || wanted.values().any(|path| *path == entry.path) {
            files.insert(entry.path.clone(), bytes);
        }
    }
    let rows_path = folder.join(ROWS);
    let about = files.remove(ROWS).ok_or_else(|| {
        wrong(&folder.join(MANIFEST), None, format!("it lists no {ROWS}, so nothing is known of the rows"))
    })?;
    let about: Vec<About> = lines(&rows_path, &about)?
        .into_iter()
        .map(|(line, text)| {
            serde_json::from_str(text).map_err(|error| wrong(&rows_path, Some(line), error.to_string()))
        })
        .collect::<Result<_, _>>()?;
    let mut texts: HashMap<Side, std::vec::IntoIter<(u64, Value)>> = HashMap::new();
    for (side, path) in &wanted {
        let bytes = files.remove(path).unwrap_or_default();
        let rows = rows(&folder.join(path), &bytes, &manifest.options.encoding)?;
        let promised = manifest.counts.written.get(side.word()).copied().unwrap_or(0);
        if rows.len() as u64 != promised {
            let message = format!("it has {} rows, and the manifest counts {promised} of side {side}", rows.len());
            return Err(wrong(&folder.join(path), None, message));
        }
        texts.insert(*side, rows.into_iter());
    }
    let form = Form::of(&manifest, folder)?;
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut examples = Vec::with_capacity(about.len());
    for (at, about) in about.into_iter().enumerate() {
        let line = at as u64 + 1;
        if let Some(first) = seen.insert(about.id.clone(), line) {
            return Err(wrong(&rows_path, Some(line), format!("{} stands in line {first} already", about.id)));
        }
        let next = texts.get_mut(&about.side).and_then(Iterator::next);
        let Some((text_line, text)) = next else {
            let message = format!("the file of side {} has no row for it", about.side);
            return Err(wrong(&rows_path, Some(line), message));
        };
        let path = || folder.join(&wanted[&about.side]);
        let fields = form.fields(&text).map_err(|message| wrong(&path(), Some(text_line), message))?;
        examples.push(Example {
            id: about.id,
            source: about.source,
            level: about.level,
            complexity: about.complexity,
            side: about.side,
            family: about.family,
            near_duplicates_may_part: about.near_duplicates_may_part,
            fields,
        });
    }
    for (side, mut rest) in texts {
        if let Some((line, _)) = rest.next() {
            let message = format!("{ROWS} has no line for this row: it lists fewer of side {side}");
            return Err(wrong(&folder.join(&wanted[&side]), Some(line), message));
        }
    }
    Ok(Dataset {
        folder: folder.to_owned(),
        manifest_sha256,
        manifest_digest: manifest.digest,
        query: manifest.query.typed,
        examples,
        notes: form.notes(),
    })
}

fn wrong(path: &Path, line: Option<u64>, message: impl Into<String>) -> TrainError {
    TrainError::Export { path: path.to_owned(), line, message: message.into() }
}

/// Reads the manifest and checks its own digest; with it the SHA-256 of its bytes.
fn manifest(folder: &Path) -> Result<(Manifest, String), TrainError> {
    #[derive(Deserialize)]
    struct Head {
        format_version: u32,
    }
    let path = folder.join(MANIFEST);
    if folder.is_dir() && !path.exists() {
        let message = "there is no such file: this folder is no export (`scenery export Q --out DIR` writes one)";
        return Err(wrong(&path, None, message));
    }
    let bytes = std::fs::read(&path).map_err(file_error("read", &path))?;
    let none = |error: serde_json::Error| {
        wrong(&path, Some(error.line() as u64), format!("it is no manifest of an export: {error}"))
    };
    let head: Head = serde_json::from_slice(&bytes).map_err(none)?;
    if head.format_version > MANIFEST_VERSION {
        let found = head.format_version;
        let message = format!("its form has version {found}; this program knows versions up to {MANIFEST_VERSION}");
        return Err(wrong(&path, None, message));
    }
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(none)?;
    // The digest is that of the file with nothing between the quotes of its last key.
    let text = String::from_utf8_lossy(&bytes);
    let quoted = format!("\"digest\": \"{}\"", manifest.digest);
    let own = text.rfind(&quoted).map(|at| {
        let mut hasher = Sha256::new();
        hasher.update(&text[..at]);
        hasher.update("\"digest\": \"\"");
        hasher.update(&text[at + quoted.len()..]);
        hex(&hasher.finalize())
    });
    if own.as_deref() != Some(&manifest.digest) {
        let message = "it was edited after the export was written: its digest is not that of its content; export again";
        return Err(wrong(&path, None, message));
    }
    Ok((manifest, hex(&Sha256::digest(&bytes))))
}

/// The file of each side that has rows.
fn wanted(manifest: &Manifest, folder: &Path) -> Result<BTreeMap<Side, String>, TrainError> {
    let path = folder.join(MANIFEST);
    let mut out = BTreeMap::new();
    for (word, rows) in &manifest.counts.written {
        let side: Side = word.parse().map_err(|error| wrong(&path, None, format!("`counts.written`: {error}")))?;
        let stem = if side == Side::Validation && manifest.options.layout == "mlx" { "valid" } else { side.word() };
        let name = format!("{stem}.{}", manifest.options.encoding);
        let listed = manifest.files.iter().any(|entry| entry.path == name);
        if *rows > 0 && !listed {
            return Err(wrong(&path, None, format!("it counts {rows} rows of side {side} and lists no {name}")));
        }
        if *rows > 0 {
            out.insert(side, name);
        }
    }
    if out.is_empty() {
        return Err(wrong(&path, None, "it counts no row: there is nothing to train on"));
    }
    Ok(out)
}

/// Reads a file and compares it with its entry.
fn checked(folder: &Path, entry: &FileEntry) -> Result<Vec<u8>, TrainError> {
    let inside = Path::new(&entry.path).components().all(|part| matches!(part, Component::Normal(_)));
    if !inside || entry.path.is_empty() {
        let message = format!("it lists {:?}, which is no path inside the export", entry.path);
        return Err(wrong(&folder.join(MANIFEST), None, message));
    }
    let path = folder.join(&entry.path);
    let bytes = std::fs::read(&path).map_err(file_error("read", &path))?;
    let again = "it was changed after the export was written; export again";
    if bytes.len() as u64 != entry.bytes {
        let message = format!("it has {} bytes, and the manifest says {}: {again}", bytes.len(), entry.bytes);
        return Err(wrong(&path, None, message));
    }
    let found = hex(&Sha256::digest(&bytes));
    if found != entry.sha256 {
        return Err(wrong(
            &path,
            None,
            format!("its SHA-256 is {found}, and the manifest says {}: {again}", entry.sha256),
        ));
    }
    if let Some(rows) = entry.rows {
        let ends = memchr::memchr_iter(b'\n', &bytes).count() as u64;
        let found = if entry.path.ends_with(".json") { ends.saturating_sub(2) } else { ends };
        if found != rows {
            return Err(wrong(&path, None, format!("it has {found} rows, and the manifest says {rows}")));
        }
    }
    Ok(bytes)
}

/// The lines of a file, each with its number from 1.
fn lines<'a>(path: &Path, bytes: &'a [u8]) -> Result<Vec<(u64, &'a str)>, TrainError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = memchr::memchr_iter(b'\n', &bytes[..error.valid_up_to()]).count() as u64 + 1;
        wrong(path, Some(line), "it is no UTF-8")
    })?;
    let body = text.strip_suffix('\n').unwrap_or(text);
    if body.is_empty() {
        return Ok(Vec::new());
    }
    Ok(body.split('\n').enumerate().map(|(at, line)| (at as u64 + 1, line)).collect())
}

/// The rows of a data file, each with its line.
fn rows(path: &Path, bytes: &[u8], encoding: &str) -> Result<Vec<(u64, Value)>, TrainError> {
    let mut lines = lines(path, bytes)?;
    match encoding {
        "jsonl" => {}
        "json" => {
            let framed = lines.first().is_some_and(|(_, line)| *line == "[")
                && lines.last().is_some_and(|(_, line)| *line == "]");
            if !framed || lines.len() < 3 {
                return Err(wrong(path, None, "it is no JSON array with a row per line, as exports write it"));
            }
            lines.pop();
            lines.remove(0);
        }
        other => {
            return Err(wrong(path, None, format!("its encoding `{other}` is not read here; jsonl and json are")));
        }
    }
    let last = lines.last().map_or(0, |(line, _)| *line);
    lines
        .into_iter()
        .map(|(line, text)| {
            let text = if encoding == "json" && line != last { text.strip_suffix(',').unwrap_or(text) } else { text };
            let row = serde_json::from_str(text).map_err(|error| wrong(path, Some(line), error.to_string()))?;
            Ok((line, row))
        })
        .collect()
}

/// How fields stand in a row.
enum Form {
    Alpaca {
        fence: bool,
    },
    PromptCompletion {
        fence: bool,
    },
    /// Turns: the key of the list, of a turn's role and of its text.
    Turns {
        list: &'static str,
        role: &'static str,
        text: &'static str,
        roles: Roles,
        fence: bool,
    },
}

impl Form {
    fn of(manifest: &Manifest, folder: &Path) -> Result<Form, TrainError> {
        let options = &manifest.options;
        let path = folder.join(MANIFEST);
        let named = |system: &str, user: &str, assistant: &str| Roles {
            system: system.to_owned(),
            user: user.to_owned(),
            assistant: assistant.to_owned(),
        };
        // A preset stands in the manifest by its name alone.
        let (preset_roles, preset_fence) = match options.preset.as_deref() {
            None => (None, false),
            Some("manim") => (Some(named("system", "user", "assistant")), true),
            Some(other) => {
                let message =
                    format!("its preset `{other}` is not known here; export without it, or with the preset manim");
                return Err(wrong(&path, None, message));
            }
        };
        let fence = options.fence.unwrap_or(preset_fence);
        Ok(match options.format.as_str() {
            "alpaca" => Form::Alpaca { fence },
            "prompt-completion" => Form::PromptCompletion { fence },
            "messages" => Form::Turns {
                list: "messages",
                role: "role",
                text: "content",
                roles: named("system", "user", "assistant"),
                fence,
            },
            "sharegpt" => {
                let roles = options.roles.clone().or(preset_roles).unwrap_or_else(|| named("system", "human", "gpt"));
                Form::Turns { list: "conversations", role: "from", text: "value", roles, fence }
            }
            "text" => {
                let message = "its format is `text`: prompt and answer are one string there, and nothing tells where the answer begins; export with --format prompt-completion, the prompt contract makes the text";
                return Err(wrong(&path, None, message));
            }
            other => {
                let message = format!(
                    "its format `{other}` is not read here; these are: alpaca, messages, prompt-completion, sharegpt"
                );
                return Err(wrong(&path, None, message));
            }
        })
    }

    fn fields(&self, row: &Value) -> Result<BTreeMap<String, String>, String> {
        let text = |key: &str| match row.get(key) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(format!("`{key}` is no string: {}", excerpt(other))),
            None => Err(format!("it has no `{key}`")),
        };
        let (instruction, response, system) = match self {
            Form::Alpaca { .. } => {
                let mut instruction = text("instruction")?;
                let input = text("input")?;
                if !input.is_empty() {
                    instruction = format!("{instruction}\n\n{input}");
                }
                let system = if row.get("system").is_some() { Some(text("system")?) } else { None };
                (instruction, text("output")?, system)
            }
            Form::PromptCompletion { .. } => (text("prompt")?, text("completion")?, None),
            Form::Turns { list, role, text, roles, .. } => turns(row, list, role, text, roles)?,
        };
        let mut out = BTreeMap::new();
        out.insert(INSTRUCTION.to_owned(), instruction);
        out.insert(RESPONSE.to_owned(), response);
        if let Some(system) = system {
            out.insert(SYSTEM.to_owned(), system);
        }
        Ok(out)
    }

    fn notes(&self) -> Vec<String> {
        let (Form::Alpaca { fence } | Form::PromptCompletion { fence } | Form::Turns { fence, .. }) = self;
        if !fence {
            return Vec::new();
        }
        vec![
            "the export puts answers into fenced blocks: the fence is taken as part of the response, and is trained"
                .to_owned(),
        ]
    }
}

/// Instruction, response and system sentence of a conversation: `[system,] user, assistant` and nothing else.
fn turns(
    row: &Value,
    list: &str,
    role: &str,
    text: &str,
    roles: &Roles,
) -> Result<(String, String, Option<String>), String> {
    let Some(Value::Array(turns)) = row.get(list) else { return Err(format!("it has no list `{list}`")) };
    let mut read = Vec::new();
    for (at, turn) in turns.iter().enumerate() {
        let part = |key: &str| {
            let value = turn.get(key).and_then(Value::as_str);
            value.ok_or_else(|| format!("turn {} of `{list}` has no text `{key}`", at + 1))
        };
        read.push((part(role)?, part(text)?));
    }
    let found: Vec<&str> = read.iter().map(|(role, _)| *role).collect();
    let (user, assistant) = (roles.user.as_str(), roles.assistant.as_str());
    match read.as_slice() {
        [(one, ask), (two, answer)] if *one == user && *two == assistant => {
            Ok(((*ask).to_owned(), (*answer).to_owned(), None))
        }
        [(zero, rules), (one, ask), (two, answer)] if *zero == roles.system && *one == user && *two == assistant => {
            Ok(((*ask).to_owned(), (*answer).to_owned(), Some((*rules).to_owned())))
        }
        _ => Err(format!(
            "its turns are {}; one exchange is read: [{}], {user}, {assistant}",
            if found.is_empty() { "none".to_owned() } else { found.join(", ") },
            roles.system
        )),
    }
}

fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
