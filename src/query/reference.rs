//! The reference of the query language and the tutorial, as they are shown. The tables of fields and stages in the
//! reference are made from the registries; a test compares them.

use super::{STAGE_TABLE, fields};

/// The reference, as Markdown.
pub const REFERENCE: &str = include_str!("reference.md");

/// Twenty queries with their output on the starter set, as Markdown.
pub const TUTORIAL: &str = include_str!("tutorial.md");

/// The text with its tables made anew: what stands between the lines `<!-- table: NAME -->` and `<!-- end -->`.
pub fn with_tables(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for line in text.lines() {
        inside = inside && line != "<!-- end -->";
        if !inside {
            out.push_str(line);
            out.push('\n');
        }
        if let Some(name) = line.strip_prefix("<!-- table: ").and_then(|line| line.strip_suffix(" -->")) {
            out.push_str(&match name {
                "fields" => field_table(),
                "stages" => stage_table(),
                other => format!("there is no table `{other}`\n"),
            });
            inside = true;
        }
    }
    out
}

/// A row per field: name, kind, unit, what it is, a query that asks it.
fn field_table() -> String {
    let mut out = "| field | kind | unit | what it is | example |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for field in fields::all() {
        let kind = fields::kind_name(field.kind);
        let words = match field.kind {
            crate::analyze::features::Kind::Enum { words, .. } => format!(": {}", words.join(", ")),
            _ => String::new(),
        };
        out.push_str(&row(&[
            &code(field.name),
            &format!("{kind}{words}"),
            field.unit,
            field.doc,
            &code(field.example),
        ]));
    }
    out
}

/// A row per stage: form, what it does, a query that uses it.
fn stage_table() -> String {
    let mut out = "| stage | what it does | example |\n| --- | --- | --- |\n".to_owned();
    for stage in STAGE_TABLE {
        out.push_str(&row(&[&code(stage.form), stage.doc, &code(stage.example)]));
    }
    out
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A row of a table, in which a `|` would end a cell.
fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}
