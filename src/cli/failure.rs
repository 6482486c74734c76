//! Errors as people and programs see them, and the exit code of each.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::export::ExportError;
use crate::generate::GenerateError;
use crate::ingest::IngestError;
use crate::prompt::PromptError;
use crate::query::QueryError;
use crate::setup::SetupError;
use crate::store::StoreError;

/// What ended a command.
#[derive(Debug)]
pub struct Failure {
    /// 1 request or data, 2 command line or query, 3 store, 4 something outside.
    pub code: u8,
    /// A fixed word for programs.
    pub kind: String,
    /// What is wrong, where, and what to do.
    pub message: String,
    /// The error of a query, with the text it is about.
    pub query: Option<Box<(QueryError, String)>>,
    /// A file that it is about.
    pub path: Option<String>,
    /// What to type instead; of a query's error these stand in it.
    pub suggestions: Vec<String>,
}

impl Failure {
    /// The command line or the query is wrong.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(2, "usage", message)
    }

    /// The request or the data is wrong.
    pub fn request(message: impl Into<String>) -> Failure {
        Failure::new(1, "request", message)
    }

    /// Any failure.
    pub fn new(code: u8, kind: &str, message: impl Into<String>) -> Failure {
        Failure {
            code,
            kind: kind.to_owned(),
            message: message.into(),
            query: None,
            path: None,
            suggestions: Vec::new(),
        }
    }

    /// A query that is wrong, with its text.
    pub fn query(error: QueryError, text: &str) -> Failure {
        Failure {
            code: 2,
            kind: error.kind.to_string(),
            message: error.message.clone(),
            path: None,
            suggestions: Vec::new(),
            query: Some(Box::new((error, text.to_owned()))),
        }
    }

    /// A file that cannot be read or written.
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Failure {
        let what = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
            _ => error.to_string(),
        };
        let mut out = Failure::new(1, "file", format!("{}: {what}", path.display()));
        out.path = Some(path.display().to_string());
        out
    }

    /// An error and what caused it, in words.
    pub fn about(error: &dyn std::error::Error) -> String {
        chain(error)
    }

    /// The failure with what to type instead.
    pub fn suggesting(mut self, suggestions: Vec<String>) -> Failure {
        self.suggestions = suggestions;
        self
    }

    /// As a program sees it: the same keys whatever it is about, null or empty where there is nothing to say.
    pub fn json(&self) -> Value {
        let mut error = json!({
            "kind": self.kind, "message": self.message, "span": null, "suggestions": self.suggestions, "path": null,
            "row": null,
        });
        if let (Some(fields), Some(query)) = (error.as_object_mut(), &self.query)
            && let Ok(Value::Object(shape)) = serde_json::to_value(&query.0)
        {
            fields.extend(shape);
        }
        if let (Some(fields), Some(path)) = (error.as_object_mut(), &self.path) {
            fields.insert("path".into(), json!(path));
        }
        json!({ "error": error })
    }

    /// As a person sees it.
    pub fn text(&self, colour: bool) -> String {
        match &self.query {
            Some(query) => super::draw::query_error(&query.0, &query.1, colour),
            None => {
                let mut out = String::new();
                let head = if colour { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
                let _ = write!(out, "{head}: {}", super::draw::safe(&self.message));
                out
            }
        }
    }
}

/// An error and what caused it, joined by `: `.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !out.contains(&text) {
            let _ = write!(out, ": {text}");
        }
        next = cause.source();
    }
    out
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        let (code, kind) = match &error {
            StoreError::NoProject { .. } => (3, "no-project"),
            StoreError::NoDatabase { .. } => (3, "no-database"),
            StoreError::AlreadyThere { .. } => (1, "already-there"),
            StoreError::Newer { .. } => (3, "newer-store"),
            StoreError::Damaged { .. } => (3, "damaged-store"),
            StoreError::Locked { .. } => (3, "locked"),
            StoreError::OpenOp { .. } => (1, "open-op"),
            StoreError::Io { .. } => (3, "store-io"),
            StoreError::Sql(_) => (3, "database"),
            StoreError::Index(_) => (3, "index"),
            StoreError::Inconsistent(_) => (3, "inconsistent"),
            StoreError::Unknown(_) => (1, "unknown"),
        };
        let mut message = chain(&error);
        if matches!(error, StoreError::NoProject { .. }) {
            message.push_str(": `scenery init` makes one here, `-C DIR` names another, `scenery demo` shows one");
        }
        if let StoreError::NoDatabase { path } = &error {
            let init = format!("scenery init {}", super::quoted(&path.display().to_string()));
            let _ = write!(message, ": restore that file, or `{init}` begins anew");
        }
        if matches!(error, StoreError::Locked { .. }) {
            message.push_str(": wait for it to end, then try again");
        }
        let mut out = Failure::new(code, kind, message);
        out.suggestions = match &error {
            StoreError::NoProject { .. } => vec!["scenery init".to_owned(), "scenery demo".to_owned()],
            StoreError::NoDatabase { path } => {
                vec![format!("scenery init {}", super::quoted(&path.display().to_string()))]
            }
            StoreError::OpenOp { again, .. } => vec![again.clone(), "scenery undo".to_owned()],
            StoreError::Index(_) => vec!["scenery rebuild".to_owned()],
            StoreError::Inconsistent(_) => vec!["scenery doctor".to_owned()],
            _ => Vec::new(),
        };
        if let StoreError::Io { path, source } = &error {
            out.path = Some(path.display().to_string());
            out.message.push_str(&super::owner::hint(path, source));
        }
        if let StoreError::NoDatabase { path } = &error {
            out.path = Some(path.join(".scenery").join("store.sqlite").display().to_string());
        }
        if let StoreError::Newer { path, .. } | StoreError::Damaged { path, .. } = &error {
            out.path = Some(path.display().to_string());
        }
        out
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Failure {
        match error {
            IngestError::Store(inner) => inner.into(),
            other => {
                let (kind, path) = match &other {
                    IngestError::File { path, .. } => ("file", Some(path.display().to_string())),
                    IngestError::Input { path, .. } => ("input", Some(path.display().to_string())),
                    // A recipe out of a file is named by it, with line and column.
                    IngestError::Recipe { name, .. } => {
                        ("recipe", name.find(".toml").map(|at| name[..at + 5].to_owned()))
                    }
                    IngestError::Nothing { .. } => ("nothing", None),
                    _ => ("ingest", None),
                };
                let mut out = Failure::new(1, kind, chain(&other));
                out.path = path;
                out
            }
        }
    }
}

impl From<GenerateError> for Failure {
    fn from(error: GenerateError) -> Failure {
        let (code, kind) = match error {
            GenerateError::Nn(error) => return error.into(),
            GenerateError::Option(_) => (2, "option"),
            GenerateError::Prompt(PromptError::Unknown { .. }) => (2, "template"),
            GenerateError::Prompt(_) | GenerateError::Tokenizer(_) => (1, "contract"),
            GenerateError::Item { .. } => (1, "item"),
            GenerateError::Refused { .. } => (1, "refused"),
            GenerateError::Folder { .. } => (1, "folder"),
        };
        let mut out = Failure::new(code, kind, chain(&error).trim_end().to_owned());
        match &error {
            GenerateError::Folder { path, .. } => out.path = Some(path.display().to_string()),
            GenerateError::Prompt(PromptError::Unknown { name, known }) => {
                out.suggestions = crate::query::similar(name, known.iter().copied());
            }
            _ => {}
        }
        out
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Failure {
        let (code, kind) = match &error {
            SetupError::NoCheckout { .. } => (1, "no-checkout"),
            SetupError::Foreign { .. } => (1, "not-replaceable"),
            SetupError::Busy { .. } => (1, "busy"),
            SetupError::Platform { .. } => (4, "platform"),
            SetupError::NoPip { .. } => (4, "no-pip"),
            SetupError::Pip { .. } => (4, "pip"),
            SetupError::Hash { .. } => (4, "hash"),
            SetupError::Lacks { .. } | SetupError::Wheel { .. } => (4, "wheel"),
            SetupError::Full { .. } => (4, "full"),
            SetupError::Io { .. } => (4, "setup-io"),
        };
        let mut out = Failure::new(code, kind, chain(&error));
        match &error {
            SetupError::Foreign { path, .. }
            | SetupError::Busy { path }
            | SetupError::Wheel { path, .. }
            | SetupError::Full { path }
            | SetupError::Io { path, .. } => out.path = Some(path.display().to_string()),
            _ => {}
        }
        out
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Failure {
        let kind = match &error {
            ExportError::Licences(_) => "licence",
            ExportError::OutExists { .. } => "out-exists",
            ExportError::Option { .. } | ExportError::Prompt(PromptError::Unknown { .. }) => "option",
            _ => "export",
        };
        let code = if kind == "option" { 2 } else { 1 };
        let mut out = Failure::new(code, kind, chain(&error));
        match &error {
            ExportError::Licences(gate) => {
                let allow = |hit: &crate::export::licences::LicenceHit| {
                    format!("--allow-licence {}", super::quoted(&hit.licence))
                };
                out.suggestions = gate.hits.iter().map(allow).collect();
            }
            ExportError::OutExists { path } => {
                out.suggestions = vec!["--overwrite".to_owned()];
                out.path = Some(path.display().to_string());
            }
            ExportError::File { path, .. }
            | ExportError::OutNotReplaceable { path, .. }
            | ExportError::Busy { path } => out.path = Some(path.display().to_string()),
            ExportError::Prompt(PromptError::Unknown { name, known }) => {
                out.suggestions = crate::query::similar(name, known.iter().copied());
            }
            ExportError::Differs { file, .. } => out.path = Some(file.clone()),
            ExportError::Manifest { path, .. } => out.path = Some(path.display().to_string()),
            _ => {}
        }
        out
    }
}
