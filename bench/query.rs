//! What a user waits for when asking a store: the queries in `bench/queries` by the library in a process that has the
//! store open, by whole processes of the program, and by other tools that hold the same facts.
//!
//! ```text
//! cargo bench --bench query
//! cargo bench --bench query -- --rows 20000 --runs 11 --json FILE
//! cargo bench --bench query -- --rows 1000000 --place DIR --keep --peers --json FILE --table FILE
//! ```
//!
//! Each query is asked once unmeasured, then as often as `--runs` says. `--queries scan` asks those in the folder `scan`,
//! which read texts. `--place` says where the store (and what the peers make) lies, `--keep` asks the store that is there;
//! `--peers` needs python3 and takes duckdb from PyPI.

mod asked;
mod measure;
mod scenes;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use measure::Arguments;
use scenery::slice::vocabulary::StoreVocabulary;
use scenery::store::{Project, Store};
use scenery::{query, slice};
use serde_json::{Value, json};

// As the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rows of a first page.
const PAGE: usize = 20;

fn main() {
    let arguments = Arguments::of_process();
    let runs = arguments.number("--runs", 11) as usize;
    if let Some(project) = arguments.text("--asks") {
        println!("{}", inside(Path::new(project), runs, &queries(&arguments), arguments.text("--only")));
        return;
    }
    let rows = arguments.number("--rows", 100_000);
    let program = measure::place().join("scenery-under-test");
    std::fs::copy(env!("CARGO_BIN_EXE_scenery"), &program).expect("the program is built");
    let folder =
        arguments.text("--place").map_or_else(|| measure::place().join(format!("asked-{rows}")), PathBuf::from);
    std::fs::create_dir_all(&folder).expect("the place can be written");
    let project = folder.join("store");
    let mut said = format!("# Queries over {rows} generated samples\n\n");
    said += &format!("{}; load before: {}\n", measure::machine(), measure::load());
    if arguments.has("--keep") && project.exists() {
        eprintln!("asking the store that is there");
    } else {
        eprintln!("making the store ...");
        said += "\n| ingest | wall s | processor s | most memory MB | of it not pages of files MB |\n";
        said += "| --- | --- | --- | --- | --- |\n";
        for made in asked::make(&program, &folder, rows) {
            let taken = made.taken;
            let mb = |bytes: u64| bytes as f64 / 1e6;
            said += &format!(
                "| {} | {:.1} | {:.1} | {:.0} | {:.0} |\n",
                made.source,
                taken.wall.as_secs_f64(),
                taken.user + taken.system,
                mb(taken.peak_bytes),
                mb(taken.peak_anonymous_bytes)
            );
        }
    }
    said += &format!("\nOn disk: {:.0} MB\n\n", measure::bytes_below(&project.join(".scenery")) as f64 / 1e6);

    let own = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(own);
    command.arg("--asks").arg(&project).arg("--runs").arg(runs.to_string());
    if let Some(name) = arguments.text("--queries") {
        command.args(["--queries", name]);
    }
    let inside: Value = serde_json::from_str(&measure::run(&mut command, false).output).expect("it prints JSON");
    let asked = queries(&arguments);
    let names: Vec<String> = asked.iter().map(|(name, _)| name.clone()).collect();
    let peers = if arguments.has("--peers") { peers(&program, &folder, &names, runs) } else { Vec::new() };

    let mut head = "| query | rows | count | page | count, whole process | page, whole process |".to_owned();
    let mut line = "| --- | --- | --- | --- | --- | --- |".to_owned();
    for peer in &peers {
        head += &format!(" {0}: count | {0}: page |", peer["peer"].as_str().unwrap_or("peer"));
        line += " --- | --- |";
    }
    said += "Milliseconds: median (worst).\n\n";
    said += &format!("{head}\n{line}\n");
    let mut records = Vec::new();
    let (mut medians, mut worst, mut whole) = (Vec::new(), 0f64, Vec::new());
    for (name, text) in &asked {
        let answer = &inside["queries"][name];
        let total = answer["rows"].as_u64().expect("a count is a number");
        let (count, page) = (times(&answer["count_ms"]), times(&answer["page_ms"]));
        let outside = |verb: &str| -> Vec<f64> {
            let command = || {
                let mut command = Command::new(&program);
                command.arg("-C").arg(&project).args([verb, text]).stderr(std::process::Stdio::null());
                command
            };
            measure::run(&mut command(), false);
            (0..runs).map(|_| measure::run(&mut command(), false).wall.as_secs_f64() * 1000.0).collect()
        };
        let (counted, printed) = (outside("count"), outside("query"));
        said += &format!(
            "| `{}` | {total} | {} | {} | {} | {} |",
            text.replace('|', "\\|"),
            shown(&count),
            shown(&page),
            shown(&counted),
            shown(&printed)
        );
        for peer in &peers {
            let theirs = &peer["queries"][name];
            let differs = theirs["rows"].as_u64() != Some(total);
            assert!(
                !(differs && theirs["equal"] == true),
                "{name}: {} rows, {} of {}",
                total,
                theirs["rows"],
                peer["peer"]
            );
            let note = if differs { format!(" [{} rows]", theirs["rows"]) } else { String::new() };
            said += &format!(" {}{note} | {} |", shown(&times(&theirs["count_ms"])), shown(&times(&theirs["page_ms"])));
        }
        said += "\n";
        medians.extend([measure::median(&count), measure::median(&page)]);
        worst = count.iter().chain(&page).copied().fold(worst, f64::max);
        whole.push(measure::median(&printed));
        records.push(json!({ "query": text, "name": name, "rows": total, "count_ms": count, "page_ms": page,
            "whole_count_ms": counted, "whole_page_ms": printed }));
    }
    let mut start = Vec::new();
    for (what, arguments) in [("`fields`: every field with counts", "fields"), ("starting a process", "--version")] {
        let walls: Vec<f64> = (0..runs)
            .map(|_| {
                let mut command = Command::new(&program);
                command.arg("-C").arg(&project).arg(arguments).stderr(std::process::Stdio::null());
                measure::run(&mut command, false).wall.as_secs_f64() * 1000.0
            })
            .collect();
        said += &format!("| ({what}) | | | | | {} |", shown(&walls));
        said += &" | |".repeat(peers.len());
        said += "\n";
        start.push(json!({ "what": arguments, "ms": walls }));
    }
    let mb = |bytes: &Value| bytes.as_f64().unwrap_or(0.0) / 1e6;
    said += &format!(
        "\nIn an open store: median of the medians {:.1} ms, the slowest median {:.1} ms, the worst of all {worst:.1} ms; opening \
         the store {:.1} ms; most memory {:.0} MB. Whole processes: median of the medians {:.1} ms, the slowest {:.1} ms.\n",
        measure::median(&medians),
        medians.iter().copied().fold(0.0, f64::max),
        inside["open_ms"].as_f64().unwrap_or(0.0),
        mb(&inside["peak_rss_bytes"]),
        measure::median(&whole),
        whole.iter().copied().fold(0.0, f64::max)
    );
    for peer in &peers {
        let name = peer["peer"].as_str().unwrap_or("peer");
        said += &format!(
            "{name}: most memory {:.0} MB, on disk {:.0} MB.\n",
            mb(&peer["peak_rss_bytes"]),
            mb(&peer["disk_bytes"])
        );
    }
    println!("{said}");
    if let Some(path) = arguments.text("--table") {
        std::fs::write(path, &said).expect("the table can be written");
    }
    if let Some(path) = arguments.text("--json") {
        let record = json!({ "machine": measure::machine(), "rows": rows, "queries": records, "others": start,
            "open_ms": inside["open_ms"], "peak_rss_bytes": inside["peak_rss_bytes"], "peers": peers });
        let text = serde_json::to_string_pretty(&record).expect("numbers are JSON");
        std::fs::write(path, text + "\n").expect("the record can be written");
    }
}

/// The queries, by the names of their files.
fn queries(arguments: &Arguments) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/queries");
    let folder = arguments.text("--queries").map_or(folder.clone(), |name| folder.join(name));
    let entries = std::fs::read_dir(folder).expect("the queries are there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a query can be read");
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        (name, text.trim().to_owned())
    };
    files.into_iter().map(read).collect()
}

/// Asks by the library in this process, and tells what it took.
fn inside(project: &Path, runs: usize, queries: &[(String, String)], only: Option<&str>) -> Value {
    let project = Project::find(project).expect("the project is there");
    let begin = Instant::now();
    let store = Store::open(&project).expect("the store can be opened");
    let open = begin.elapsed().as_secs_f64() * 1000.0;
    let vocabulary = StoreVocabulary::new(&store);
    let mut out = serde_json::Map::new();
    for (name, text) in queries.iter().filter(|(name, _)| only.is_none_or(|only| name.contains(only))) {
        let count = || {
            let compiled = query::compile(text, &vocabulary).expect("a query of the bench compiles");
            slice::count(&store, &compiled.plan).expect("it can be answered")
        };
        let page = || {
            let compiled = query::compile(text, &vocabulary).expect("a query of the bench compiles");
            let found = slice::select(&store, &compiled.plan, PAGE).expect("it can be answered");
            let samples: Vec<_> = slice::samples(&store, &found).map(|each| each.expect("it can be read")).collect();
            samples.iter().map(|sample| sample.code.len()).sum::<usize>()
        };
        let rows = count();
        page();
        let (mut counts, mut pages) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            let begin = Instant::now();
            count();
            counts.push(begin.elapsed().as_secs_f64() * 1000.0);
            let begin = Instant::now();
            page();
            pages.push(begin.elapsed().as_secs_f64() * 1000.0);
        }
        if only.is_some() {
            let least = |ms: &[f64]| ms.iter().copied().fold(f64::MAX, f64::min);
            let (count, page) = (least(&counts), least(&pages));
            eprintln!(
                "{name}: {rows} rows, count {} least {count:.1}, page {} least {page:.1}",
                shown(&counts),
                shown(&pages)
            );
        }
        out.insert(name.clone(), json!({ "rows": rows, "count_ms": counts, "page_ms": pages }));
    }
    let status = std::fs::read_to_string("/proc/self/status").expect("this system has /proc");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = peak.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    json!({ "open_ms": open, "peak_rss_bytes": peak * 1024, "queries": out })
}

/// Asks other tools; see `query_peers.py`.
fn peers(program: &Path, folder: &Path, names: &[String], runs: usize) -> Vec<Value> {
    let python = measure::python_with_duckdb();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/query_peers.py");
    let facts = folder.join("facts.jsonl");
    if !folder.join("sqlite.made").exists() {
        eprintln!("handing the facts to the peers ...");
        let fields = "lines,chars,tokens,nodes,depth,cyclomatic,plays,waits,animations,mobjects,mathtex,updaters,loops,\
            functions,duration,dialect,complexity,complexity.score,quality,valid,scene,level,added,description.kind,topic,issue,\
            uses,calls,meta.title";
        let file = std::fs::File::create(&facts).expect("the place can be written");
        let mut command = Command::new(program);
        command.arg("-C").arg(folder.join("store")).args([
            "query",
            "--format",
            "jsonl",
            "--fields",
            fields,
            "state:any",
        ]);
        assert!(command.stdout(file).status().is_ok_and(|status| status.success()), "the facts can be written");
        let made = Command::new(&python).arg(&script).arg("make").arg(&facts).arg(folder).status();
        assert!(made.is_ok_and(|status| status.success()), "the peers take the facts");
    }
    let mut out = Vec::new();
    for (peer, file) in [("duckdb", "peer.duckdb"), ("parquet", "peer.parquet"), ("sqlite", "peer.sqlite")] {
        eprintln!("asking {peer} ...");
        let mut command = Command::new(&python);
        command.arg(&script).args(["ask", peer]).arg(folder).arg(names.join(",")).arg(runs.to_string());
        let mut answer: Value =
            serde_json::from_str(&measure::run(&mut command, false).output).expect("it prints JSON");
        answer["disk_bytes"] = json!(measure::bytes_below(&folder.join(file)));
        out.push(answer);
    }
    out
}

fn times(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

/// Median (worst).
fn shown(ms: &[f64]) -> String {
    format!("{:.1} ({:.1})", measure::median(ms), ms.iter().copied().fold(0.0, f64::max))
}
