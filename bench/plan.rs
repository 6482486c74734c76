//! Planning a run over generated samples, by the program as a user runs it: 4,000 rows take at most 3 s.
//!
//! ```text
//! cargo bench --bench plan                                 # without a base, and by the tokenizer of a fixture
//! cargo bench --bench plan -- --rows 20000 --base DIR --json FILE
//! ```

mod measure;
mod scenes;

use std::path::{Path, PathBuf};
use std::process::Command;

use measure::Arguments;
use serde_json::{Value, json};

/// Seconds that a plan over [`ROWS`] may take.
const MOST_SECONDS: f64 = 3.0;
const ROWS: u64 = 4_000;
/// So that no row is too long for any tokenizer.
const MAX_LEN: &str = "1000000";

fn main() {
    let arguments = Arguments::of_process();
    let (rows, runs) = (arguments.number("--rows", ROWS), arguments.number("--runs", 5));
    let corpus = measure::corpus(rows);
    let program = measure::place().join("scenery-under-test");
    std::fs::copy(env!("CARGO_BIN_EXE_scenery"), &program).expect("the program is built");
    let project = measure::place().join("plan");
    let _ = std::fs::remove_dir_all(&project);
    measure::run(Command::new(&program).arg("init").arg(&project).arg("--quiet"), false);
    let mut ingest = Command::new(&program);
    ingest.arg("-C").arg(&project).args(["ingest", "--json", "--quiet", "--reader", "table"]);
    measure::run(
        ingest.args(["--field", "instruction=instruction", "--field", "code=code", "generated"]).arg(&corpus),
        false,
    );
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn/llama");
    let base = arguments.text("--base").map_or(fixture, PathBuf::from);
    println!("# Plan of {rows} generated samples, median of {runs}\n");
    println!("{}; load before: {}\n", measure::machine(), measure::load());
    println!("| tokens of | median s | all s | steps | tokens |\n| --- | --- | --- | --- | --- |");
    let mut record = json!({ "machine": measure::machine(), "rows": rows, "seed": measure::SEED });
    for (name, flags) in [
        ("some of the rows", Vec::new()),
        ("a base", vec!["--base".into(), base.into_os_string()]),
        ("the rows, from scratch", vec!["--from-scratch".into()]),
    ] {
        let seconds: Vec<f64> = (0..runs).map(|_| plan(&program, &project, &flags).0).collect();
        let (_, told) = plan(&program, &project, &flags);
        assert_eq!(told["rows"], rows, "every row is planned");
        let median = measure::median(&seconds);
        let all: Vec<String> = seconds.iter().map(|each| format!("{each:.2}")).collect();
        println!("| {name} | {median:.2} | {} | {} | {} |", all.join(", "), told["steps"], told["tokens"]);
        record[name] = json!({ "wall_s": seconds, "steps": told["steps"], "tokens": told["tokens"] });
        assert!(rows > ROWS || name.contains("scratch") || median <= MOST_SECONDS, "{name}: {median:.2} s");
    }
    if let Some(path) = arguments.text("--json") {
        let text = serde_json::to_string_pretty(&record).expect("numbers are JSON");
        std::fs::write(path, text + "\n").expect("the record can be written");
    }
}

/// One plan: how long it took, and what it says.
fn plan(program: &Path, project: &Path, flags: &[std::ffi::OsString]) -> (f64, Value) {
    let mut command = Command::new(program);
    command.arg("-C").arg(project).args(["train", "plan", "source:generated", "--json", "--quiet"]);
    let taken = measure::run(command.args(["--max-len", MAX_LEN]).args(flags), false);
    (taken.wall.as_secs_f64(), serde_json::from_str(&taken.output).expect("the plan is JSON"))
}
