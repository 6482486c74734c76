//! The `notebook` reader: `.ipynb`; a self-contained sample per Scene class in a code cell.
//!
//! A notebook is read as one module whose cells stand one after the other: what a scene needs is looked for in the cells
//! up to its own. It does not matter whether the scene's cell opens with `%%manim`, is rendered by a `%manim Name`
//! elsewhere, or not at all. Magics and shell lines go; cells of another language are passed over. Modules beside the
//! notebook are taken in as by the `python` reader.
//!
//! Reasons of rejected rows: `empty`, `not-json`, `not-a-notebook`, `not-python`, and for a cell `syntax` with its
//! number, line and column.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::files::{Settings, read_paths, read_text, wanted};
use super::python::project::Module;
use super::python::{load, no_construct, not_parsed, sample};
use crate::analyze::facts::{Syntax, SyntaxError};
use crate::analyze::outline::outline;
use crate::analyze::parse::check;
use crate::ingest::IngestError;
use crate::ingest::row::{Emit, Met, ReadRequest, ReadSummary, Reader};
use crate::sample::RejectedRow;

/// The reader.
pub static READER: Reader = Reader {
    name: "notebook",
    doc: "Jupyter notebooks: a self-contained sample per Scene class in a code cell.",
    read,
};

/// Cell magics whose cell is no Python.
const OTHER_LANGUAGES: &[&str] = &[
    "bash",
    "cmd",
    "cython",
    "file",
    "html",
    "HTML",
    "javascript",
    "js",
    "latex",
    "markdown",
    "perl",
    "R",
    "ruby",
    "script",
    "sh",
    "sql",
    "svg",
    "SVG",
    "system",
    "writefile",
];

/// A magic, a shell line, a question, or an assignment from one of the first two.
static MAGIC: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:[%!?]|[\w.,\s]+=\s*[%!]|[\w.]+\?{1,2}\s*$)").expect("the pattern is well-formed")
});

pub(super) fn read(request: &ReadRequest<'_>, emit: &mut Emit<'_>) -> Result<ReadSummary, IngestError> {
    read_paths(request, emit, read_folder)
}

fn read_folder(
    root: &Path,
    request: &ReadRequest<'_>,
    settings: &Settings,
    summary: &mut ReadSummary,
    emit: &mut Emit<'_>,
) -> Result<(), IngestError> {
    let files = wanted(root, &[".ipynb"], settings)?;
    let mut count = |name: &str, more: u64| *summary.counts.entry(name.to_owned()).or_default() += more;
    count("notebooks", files.len() as u64);
    let mut modules = Vec::new();
    for file in &files {
        let size = std::fs::metadata(&file.path).map_or(0, |data| data.len());
        emit(Met::Progress(size))?;
        let read = match read_text(file, request.max_row_bytes).and_then(|text| module(&file.rel, &text)) {
            Ok(read) => read,
            Err(row) => {
                count("unparsable", 1);
                emit(Met::Rejected(row))?;
                continue;
            }
        };
        for row in read.1 {
            count("unparsable-cells", 1);
            emit(Met::Rejected(row))?;
        }
        modules.push(read.0);
    }
    let project = load(root, request, settings, &modules)?.project;
    for (index, module) in project.modules.iter().enumerate().filter(|(_, module)| module.rel.ends_with(".ipynb")) {
        let scenes = project.scenes(index);
        count("scenes", scenes.len() as u64);
        for scene in &scenes {
            if !scene.constructs {
                emit(no_construct(&project, index, scene))?;
                continue;
            }
            let cell = module.cells.get(scene.item).copied().unwrap_or(u32::MAX);
            let horizon = module.cells.iter().position(|other| *other > cell).unwrap_or(usize::MAX);
            emit(sample(&project, index, scene, &scenes, settings, horizon))?;
        }
    }
    summary.files.extend(files.into_iter().map(|file| file.rel));
    Ok(())
}

/// Reads a notebook as a module, with the rejected rows of its cells that are no Python.
fn module(rel: &str, text: &str) -> Result<(Module, Vec<RejectedRow>), RejectedRow> {
    let reject = |reason: &str, detail: String| RejectedRow {
        file: rel.to_owned(),
        locator: rel.to_owned(),
        reason: reason.to_owned(),
        detail,
    };
    if text.trim().is_empty() {
        return Err(reject("empty", format!("{} bytes, no notebook in them", text.len())));
    }
    let json: Value = serde_json::from_str(text).map_err(|error| reject("not-json", error.to_string()))?;
    let language =
        json.pointer("/metadata/kernelspec/language").or_else(|| json.pointer("/metadata/language_info/name"));
    if let Some(language) = language.and_then(Value::as_str)
        && !language.to_ascii_lowercase().contains("python")
    {
        return Err(reject("not-python", format!("its language is {language}")));
    }
    let sheets = json.pointer("/worksheets/0/cells");
    let Some(cells) = json.get("cells").or(sheets).and_then(Value::as_array) else {
        return Err(reject("not-a-notebook", "there is no list of cells in it".to_owned()));
    };
    let mut code = String::new();
    let mut line = 1;
    let mut starts: Vec<(u32, u32)> = Vec::new();
    let mut rejected = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        if cell.get("cell_type").and_then(Value::as_str) != Some("code") {
            continue;
        }
        let number = index as u32 + 1;
        let source = cell.get("source").or_else(|| cell.get("input")).map(source_text).unwrap_or_default();
        match python_of(&source) {
            Ok(None) => {}
            Ok(Some(python)) => {
                starts.push((line, number));
                code.push_str(&python);
                code.push_str("\n\n");
                line += python.matches('\n').count() as u32 + 2;
            }
            Err(verdict) => rejected.push(not_parsed(rel, &format!("{rel}#cell{number}"), &verdict)),
        }
    }
    let outline = outline(&code).map_err(|verdict| not_parsed(rel, rel, &verdict))?;
    let cell_of = |line: u32| starts.iter().rev().find(|(start, _)| *start <= line).map_or(0, |(_, number)| *number);
    let cells = outline.items.iter().map(|item| cell_of(item.line)).collect();
    Ok((Module { rel: rel.to_owned(), outline, cells }, rejected))
}

fn source_text(source: &Value) -> String {
    match source {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
    .replace("\r\n", "\n")
    .replace('\r', "\n")
}

/// The Python of a cell, magics and shell lines blanked; none where the cell is of another language.
///
/// A line goes only if the parser stumbles over it, so that a `%` that opens a line of a text stays.
fn python_of(source: &str) -> Result<Option<String>, SyntaxError> {
    let opening = source.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if let Some(magic) = opening.trim().strip_prefix("%%") {
        let name = magic.split_whitespace().next().unwrap_or_default();
        if OTHER_LANGUAGES.contains(&name) {
            return Ok(None);
        }
    }
    let mut lines: Vec<String> = source.split('\n').map(str::to_owned).collect();
    // Ends, because a line that was blanked is no magic any more.
    loop {
        let text = lines.join("\n");
        let error = match check(&text) {
            Syntax::Valid | Syntax::Newer => return Ok(Some(text)),
            Syntax::Invalid(error) => error,
        };
        let at = (error.line as usize).saturating_sub(1);
        // The parser may notice the line only at its end, or at the next one.
        let magic = [Some(at), at.checked_sub(1)]
            .into_iter()
            .flatten()
            .find(|at| lines.get(*at).is_some_and(|line| MAGIC.is_match(line)));
        let Some(at) = magic else { return Err(error) };
        let blank: String = lines[at].chars().take_while(|c| c.is_whitespace()).collect();
        lines[at] = if blank.is_empty() { String::new() } else { format!("{blank}pass") };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magics_and_shell_lines_go_and_texts_stay() {
        let source = "%%manim -ql Intro\n!pip install manim\nx = \"\"\"\n% a comment in LaTeX\n\"\"\"\nfiles = !ls\nfor i in range(3):\n    %time f(i)\nCircle?\n";
        let python = python_of(source).unwrap().unwrap();
        assert_eq!(python, "\n\nx = \"\"\"\n% a comment in LaTeX\n\"\"\"\n\nfor i in range(3):\n    pass\n\n");
        assert_eq!(python_of("%%bash\nls -l\n").unwrap(), None);
        assert!(python_of("def f(:\n").is_err());
        assert_eq!(python_of("a = 7\n  \n").unwrap().unwrap(), "a = 7\n  \n");
    }

    #[test]
    fn what_is_no_notebook_is_a_rejected_row() {
        let reason = |text: &str| module("a.ipynb", text).unwrap_err().reason;
        assert_eq!(reason(""), "empty");
        assert_eq!(reason("{"), "not-json");
        assert_eq!(reason("{}"), "not-a-notebook");
        assert_eq!(reason(r#"{"metadata":{"kernelspec":{"language":"julia"}},"cells":[]}"#), "not-python");
    }

    #[test]
    fn cells_are_numbered_over_all_kinds_and_a_broken_one_is_rejected_alone() {
        let text = r##"{"cells":[
            {"cell_type":"markdown","source":["# Title"]},
            {"cell_type":"code","source":["a = 1\n","b = 2"]},
            {"cell_type":"code","source":["def (:"]},
            {"cell_type":"code","source":"c = 3"}]}"##;
        let (module, rejected) = module("a.ipynb", text).unwrap();
        assert_eq!(module.cells, [2, 2, 4]);
        assert_eq!(rejected.len(), 1);
        assert!(rejected[0].locator.starts_with("a.ipynb#cell3:1:"), "{}", rejected[0].locator);
    }
}
