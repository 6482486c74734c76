//! The store that queries are asked of: three sources with what real ones have (levels, sides, titles, licences, days, a
//! few samples without an instruction, a fiftieth that its source has taken back), all made from a seed.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;

use crate::{measure, scenes};

/// Recipes of the sources that have more than two columns.
const RECIPES: [(&str, &str); 2] = [
    (
        "lecture_notes",
        r#"name = "lecture_notes"
title = "Generated notes"
licence = "MIT"
url = "https://example.org/notes"
get = "made by the bench"
citation = "made by the bench"
rank = 4
dialect = "ce"
reader = "table"
description_kind = "human"
levels = ["foundation", "conceptual", "application"]
meta = ["title"]

[fields]
instruction = "instruction"
code = "code"
level = "level"
split = "split"
"#,
    ),
    (
        "scene_tables",
        r#"name = "scene_tables"
title = "Generated tables"
licence = "CC-BY-4.0"
url = "https://example.org/tables"
get = "made by the bench"
citation = "made by the bench"
rank = 2
reader = "table"
description_kind = "llm"
key = ["id"]

[fields]
instruction = "instruction"
code = "code"
"#,
    ),
];

/// What an ingest took.
pub struct Made {
    /// Name of its source.
    pub source: &'static str,
    /// What the process took.
    pub taken: measure::Taken,
}

/// Makes the project of so many samples, with the program; what is there is replaced.
pub fn make(program: &Path, folder: &Path, rows: u64) -> Vec<Made> {
    let project = folder.join("store");
    let _ = std::fs::remove_dir_all(&project);
    measure::run(Command::new(program).arg("init").arg(&project).arg("--quiet"), false);
    for (name, text) in RECIPES {
        std::fs::write(project.join(format!("sources/{name}.toml")), text).expect("a recipe can be written");
    }
    let (notes, tables) = (rows * 70 / 100, rows * 95 / 100);
    let mut made = Vec::new();
    let mut ingest = |day: u64, source: &'static str, file: &str, more: &[&str]| {
        let mut command = Command::new(program);
        command.arg("-C").arg(&project).args(["ingest", "--json", "--quiet"]).args(more);
        command.arg(source).arg(folder.join(file)).env("SOURCE_DATE_EPOCH", (day * 86_400).to_string());
        made.push(Made { source, taken: measure::run(&mut command, true) });
    };
    let plain = ["--reader", "table", "--field", "instruction=instruction", "--field", "code=code"];
    write(&folder.join("generated.jsonl"), 0..notes, &|_, _| {});
    ingest(20_463, "generated", "generated.jsonl", &plain);
    write(&folder.join("notes.jsonl"), notes..tables, &|row, line| {
        let side = ["test", "validation"].get((row % 20) as usize).copied().unwrap_or("train");
        let _ = write!(line, r#", "split": "{side}", "title": "Lecture {}""#, row / 40 % 500);
        let level = match row * 7919 % 100 {
            0..50 => "foundation",
            50..85 => "conceptual",
            85..97 => "application",
            _ => return,
        };
        let _ = write!(line, r#", "level": "{level}""#);
    });
    ingest(20_563, "lecture_notes", "notes.jsonl", &[]);
    let id = |row: u64, line: &mut String| {
        let _ = write!(line, r#", "id": "t{row}""#);
    };
    write(&folder.join("tables.jsonl"), tables..rows, &id);
    ingest(20_701, "scene_tables", "tables.jsonl", &[]);
    write(&folder.join("tables.jsonl"), tables..rows * 98 / 100, &id);
    ingest(20_702, "scene_tables", "tables.jsonl", &["--sync"]);
    for file in ["generated.jsonl", "notes.jsonl", "tables.jsonl"] {
        let _ = std::fs::remove_file(folder.join(file));
    }
    made
}

/// Writes rows of the corpus; `more` adds columns to a line. In the last source a tenth has no instruction.
fn write(path: &Path, rows: std::ops::Range<u64>, more: &dyn Fn(u64, &mut String)) {
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path).expect("the place can be written"));
    let mut line = String::new();
    let tables = path.ends_with("tables.jsonl");
    for row in rows {
        let made = scenes::sample(measure::SEED, row);
        line.clear();
        line.push_str("{\"instruction\": ");
        scenes::quote(if tables && row % 10 == 0 { "" } else { &made.instruction }, &mut line);
        line.push_str(", \"code\": ");
        scenes::quote(&made.code, &mut line);
        more(row, &mut line);
        line.push_str("}\n");
        out.write_all(line.as_bytes()).expect("the place has room");
    }
    out.flush().expect("the place has room");
}
