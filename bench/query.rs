//! What a user waits for when asking a store of 100,000 samples: whole processes, from start to end.
//!
//! ```text
//! cargo bench --bench query
//! cargo bench --bench query -- --rows 20000 --runs 11 --json FILE
//! cargo bench --bench query -- --queries scan
//! ```
//!
//! The queries are the files in `bench/queries`, or in a folder there: `scan` has those that read texts. Each runs once
//! unmeasured, then eleven times.

mod measure;
mod scenes;

use std::path::Path;
use std::process::Command;

use measure::Arguments;
use serde_json::{Value, json};

fn main() {
    let arguments = Arguments::of_process();
    let rows = arguments.number("--rows", 100_000);
    let runs = arguments.number("--runs", 11);
    let program = measure::place().join("scenery-under-test");
    std::fs::copy(env!("CARGO_BIN_EXE_scenery"), &program).expect("the program is built");
    let project = measure::place().join(format!("asked-{rows}"));
    let fill = |project: &Path| {
        let _ = std::fs::remove_dir_all(project);
        measure::run(Command::new(&program).arg("init").arg(project).arg("--quiet"), false);
        let mut command = Command::new(&program);
        command.arg("-C").arg(project).args(["ingest", "--json", "--quiet", "--reader", "table"]);
        command.args(["--field", "instruction=instruction", "--field", "code=code", "generated"]);
        measure::run(command.arg(measure::corpus(rows)), false);
    };
    if arguments.has("--keep") && project.exists() {
        eprintln!("asking the store that is there");
    } else {
        fill(&project);
    }
    println!("# Queries over {rows} generated samples, whole processes\n");
    println!("{}; load before: {}\n", measure::machine(), measure::load());
    println!("| query | rows | median ms | worst ms of {runs} | processor ms |\n| --- | --- | --- | --- | --- |");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/queries");
    let folder = arguments.text("--queries").map_or(folder.clone(), |name| folder.join(name));
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the queries are there")
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let (mut medians, mut records) = (Vec::new(), Vec::new());
    let mut ask = |name: &str, arguments: &[&str], count: &str| {
        let command = || {
            let mut command = Command::new(&program);
            command.arg("-C").arg(&project).args(arguments).stderr(std::process::Stdio::null());
            command
        };
        measure::run(&mut command(), false);
        let mut walls = Vec::new();
        let mut processor = 0.0;
        for _ in 0..runs {
            let taken = measure::run(&mut command(), false);
            walls.push(taken.wall.as_secs_f64() * 1000.0);
            processor += (taken.user + taken.system) * 1000.0 / runs as f64;
        }
        let median = measure::median(&walls);
        let worst = walls.iter().copied().fold(0.0, f64::max);
        println!("| {name} | {count} | {median:.1} | {worst:.1} | {processor:.0} |");
        medians.push(median);
        records.push(json!({ "query": name, "rows": count, "ms": walls, "processor_ms": processor }));
    };
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a query can be read");
        let text = text.trim();
        let mut count = Command::new(&program);
        let counted = measure::run(count.arg("-C").arg(&project).args(["count", "--json", text]), false);
        let counted: Value = serde_json::from_str(&counted.output).expect("a count is JSON");
        let total = counted["total"].to_string();
        ask(&format!("`{}`", text.replace('|', "\\|")), &["query", text], &total);
    }
    ask("(`fields`: every field with counts)", &["fields"], "");
    ask("(`--version`: starting a process)", &["--version"], "");
    let asked = &medians[..medians.len() - 2];
    println!(
        "\nMedian of the queries' medians: {:.1} ms; the slowest: {:.1} ms\n",
        measure::median(asked),
        asked.iter().copied().fold(0.0, f64::max)
    );
    if let Some(path) = arguments.text("--json") {
        let record = json!({ "machine": measure::machine(), "rows": rows, "queries": records });
        let text = serde_json::to_string_pretty(&record).expect("numbers are JSON");
        std::fs::write(path, text + "\n").expect("the record can be written");
    }
}
