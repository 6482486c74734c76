//! Reading, analysing and indexing generated samples: the whole, and what bounds it.
//!
//! ```text
//! cargo bench --bench ingest                          # the whole, 3 times, by the program itself, then each stage alone
//! cargo bench --bench ingest -- --peers               # the same, and other tools on the same file
//! cargo bench --bench ingest -- --stages              # each stage alone, one thread
//! cargo bench --bench ingest -- --rows 20000 --runs 1 --json FILE
//! ```

mod measure;
mod scenes;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use measure::{Arguments, Taken};
use scenery::analyze::facts::{Shared, Subject};
use scenery::analyze::features::EXTRACTORS;
use scenery::analyze::{analyse, parse, walk};
use scenery::ingest::cleaners::{CleanContext, clean};
use scenery::ingest::readers;
use scenery::ingest::recipe::Recipe;
use scenery::ingest::row::{Met, ReadRequest};
use scenery::sample::{DescriptionKind, RevisionKind, Sample, SampleId, State};
use scenery::store::index::Index;
use scenery::store::{Begin, Content, Prepared, Project, SourceRecord, Store, codec, encode_facts};
use serde_json::{Value, json};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: &str = "2026-01-01T00:00:00Z";

fn main() {
    let arguments = Arguments::of_process();
    let rows = arguments.number("--rows", 100_000);
    let corpus = measure::corpus(rows);
    let size = measure::bytes_below(&corpus);
    println!("# Ingest of {rows} generated samples, {:.1} MB\n", size as f64 / 1e6);
    println!("{}; load before: {}\n", measure::machine(), measure::load());
    let mut record = json!({ "machine": measure::machine(), "rows": rows, "bytes": size, "seed": measure::SEED });
    if !arguments.has("--stages") {
        record["whole"] = whole(&corpus, rows, size, arguments.number("--runs", 3));
    }
    record["stages"] = stages(&corpus, arguments.number("--stage-rows", 10_000).min(rows) as usize);
    if arguments.has("--peers") {
        record["peers"] = peers(&corpus);
    }
    if let Some(path) = arguments.text("--json") {
        let text = serde_json::to_string_pretty(&record).expect("numbers are JSON");
        std::fs::write(path, text + "\n").expect("the record can be written");
    }
}

/// The program as a user runs it: a fresh project, one `ingest`.
fn whole(corpus: &Path, rows: u64, size: u64, runs: u64) -> Value {
    // A copy, so that a build beside it changes nothing.
    let program = measure::place().join("scenery-under-test");
    std::fs::copy(env!("CARGO_BIN_EXE_scenery"), &program).expect("the program is built");
    let project = measure::place().join("project");
    let mut all: Vec<Taken> = Vec::new();
    for _ in 0..runs {
        let _ = std::fs::remove_dir_all(&project);
        measure::run(Command::new(&program).arg("init").arg(&project).args(["--quiet"]), false);
        let mut command = Command::new(&program);
        command.arg("-C").arg(&project).args(["ingest", "--json", "--quiet", "--reader", "table"]);
        command.args(["--field", "instruction=instruction", "--field", "code=code", "generated"]).arg(corpus);
        let taken = measure::run(&mut command, true);
        let report: Value = serde_json::from_str(&taken.output).expect("the report is JSON");
        assert_eq!(report["new"], rows, "{report}");
        all.push(taken);
    }
    let count = Command::new(&program)
        .arg("-C")
        .arg(&project)
        .args(["count", "--json", "-is:valid"])
        .output()
        .expect("the program runs");
    let broken: Value = serde_json::from_slice(&count.stdout).expect("the count is JSON");
    assert_eq!(broken["total"], rows / scenes::BROKEN_ONE_IN, "programs that do not parse");
    let of = |number: fn(&Taken) -> f64| -> Vec<f64> { all.iter().map(number).collect() };
    let wall = of(|taken| taken.wall.as_secs_f64());
    let (user, system) = (of(|taken| taken.user), of(|taken| taken.system));
    let (peak, anonymous) = (of(|taken| taken.peak_bytes as f64), of(|taken| taken.peak_anonymous_bytes as f64));
    let store = project.join(".scenery");
    let index = measure::bytes_below(&store.join("index"));
    let disk = measure::bytes_below(&store);
    let seconds = measure::median(&wall);
    println!("| the whole, median of {runs} | |\n| --- | --- |");
    println!("| wall | {seconds:.1} s ({}) |", list(&wall));
    println!("| processor | {:.1} s user + {:.1} s system |", measure::median(&user), measure::median(&system));
    println!("| samples | {:.0} a second |", rows as f64 / seconds);
    println!("| text | {:.1} MB a second |", size as f64 / 1e6 / seconds);
    println!(
        "| most memory | {:.0} MB, of it not files {:.0} MB |",
        measure::median(&peak) / 1e6,
        measure::median(&anonymous) / 1e6
    );
    println!(
        "| on disk | {:.0} MB: database {:.0} MB, index {:.0} MB |\n",
        disk as f64 / 1e6,
        (disk - index) as f64 / 1e6,
        index as f64 / 1e6
    );
    println!("Processor seconds by thread, last run (sampled):\n");
    let threads = all.last().map(|taken| taken.threads.clone()).unwrap_or_default();
    for (name, seconds) in &threads {
        println!("- {name}: {seconds:.1}");
    }
    println!();
    json!({
        "wall_s": wall, "user_s": user, "system_s": system, "peak_rss_bytes": peak, "peak_anonymous_bytes": anonymous,
        "disk_bytes": disk, "index_bytes": index, "threads_s": threads,
    })
}

fn list(numbers: &[f64]) -> String {
    numbers.iter().map(|number| format!("{number:.1}")).collect::<Vec<_>>().join(", ")
}

/// Processor seconds of this thread that a piece of work takes.
fn spent<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let before = measure::thread_seconds();
    let made = work();
    (measure::thread_seconds() - before, made)
}

/// Each stage alone over the first rows of the corpus, one thread; the processor seconds scaled to 100,000 samples.
fn stages(corpus: &Path, wanted: usize) -> Value {
    let fields = [("instruction".to_owned(), "instruction".to_owned()), ("code".to_owned(), "code".to_owned())];
    let recipe = Recipe::adhoc("generated", "table", &fields).expect("the recipe is right");
    let head = measure::place().join("head.jsonl");
    let text = std::fs::read_to_string(corpus).expect("the corpus is there");
    let first: String = text.split_inclusive('\n').take(wanted).collect();
    drop(text);
    std::fs::write(&head, &first).expect("it can be written");
    let bytes = first.len();
    drop(first);
    let reader = readers::find("table").expect("there is a table reader");
    let paths = [head.clone()];
    let request = ReadRequest { recipe: &recipe, paths: &paths, max_row_bytes: 64 << 20, variant: None };
    let mut table: Vec<(String, f64)> = Vec::new();
    let mut rows = Vec::new();
    let (seconds, ()) = spent(|| {
        let mut take = |met| {
            if let Met::Row(row) = met {
                rows.push(row);
            }
            Ok(())
        };
        (reader.read)(&request, &mut take).expect("the corpus can be read");
    });
    table.push(("read and map JSON".into(), seconds));
    let (seconds, cleaned) = spent(|| {
        rows.iter()
            .map(|row| clean(&row.code, row.instruction.as_deref(), &CleanContext::default()))
            .collect::<Vec<_>>()
    });
    table.push(("clean".into(), seconds));
    let (rustpython, _) = spent(|| {
        use rustpython_parser::Parse as _;
        let parsed = |code: &str| rustpython_parser::ast::Suite::parse(code, "").is_ok();
        cleaned.iter().filter(|each| parsed(&each.code)).count()
    });
    let (ruff, _) = spent(|| {
        let options = || ruff_python_parser::ParseOptions::from(ruff_python_parser::Mode::Module);
        let parsed = |code: &str| ruff_python_parser::parse_unchecked(code, options()).errors().is_empty();
        cleaned.iter().filter(|each| parsed(&each.code)).count()
    });
    let (parsing, _) =
        spent(|| cleaned.iter().filter(|each| parse::with_tree(&each.code, |tree| tree.is_ok())).count());
    table.push(("guard and parse".into(), parsing));
    let (seconds, facts) = spent(|| cleaned.iter().map(|each| walk::code_facts(&each.code)).collect::<Vec<_>>());
    table.push(("walk".into(), (seconds - parsing).max(0.0)));
    let mut features = 0.0;
    let shared: Vec<Shared> = facts.iter().map(|_| Shared::default()).collect();
    let mut each_feature: Vec<(&str, f64)> = Vec::new();
    for extractor in EXTRACTORS {
        let (seconds, ()) = spent(|| {
            for ((facts, each), shared) in facts.iter().zip(&cleaned).zip(&shared) {
                let instruction = each.instruction.as_deref();
                let subject =
                    Subject { code: &each.code, instruction, facts, dialect_hint: None, reader_issues: &[], shared };
                std::hint::black_box((extractor.extract)(&subject));
            }
        });
        features += seconds;
        each_feature.push((extractor.name, seconds));
    }
    drop(facts);
    table.push(("features".into(), features));
    let samples: Vec<Sample> = rows
        .iter()
        .zip(cleaned)
        .enumerate()
        .map(|(at, (row, cleaned))| {
            let facts = analyse(&cleaned.code, cleaned.instruction.as_deref(), None, &[]);
            sample(at as u32, &row.locator, cleaned.instruction, cleaned.code, facts)
        })
        .collect();
    drop(rows);
    let (seconds, contents) = spent(|| {
        samples
            .iter()
            .map(|sample| Content::new(sample.instruction.clone(), &sample.code).expect("zstd works"))
            .collect::<Vec<_>>()
    });
    table.push(("compress code".into(), seconds));
    let (seconds, records) =
        spent(|| samples.iter().map(|sample| encode_facts(&sample.facts).expect("zstd works")).collect::<Vec<_>>());
    table.push(("write down and compress facts".into(), seconds));
    let packed: usize = contents.iter().map(|content| content.code.len()).sum();
    let packed_facts: usize = records.iter().map(|record| record.0.len()).sum();
    let plain: usize = samples.iter().map(|sample| sample.code.len()).sum();
    let plain_facts: usize =
        records.iter().map(|(record, kind)| codec::decode(record, *kind).map_or(0, |facts| facts.len())).sum();
    let (adding, indexing) = index(&samples);
    table.push(("index: make documents".into(), adding));
    table.push(("index: split, post, write, merge (its own threads)".into(), indexing));
    let writing = database(samples, contents, records);
    table.push(("SQLite".into(), (writing - adding).max(0.0)));
    let _ = std::fs::remove_file(head);

    let scale = 100_000.0 / wanted as f64;
    let total: f64 = table.iter().map(|(_, seconds)| seconds).sum();
    println!(
        "Each stage alone, one thread, {wanted} samples ({:.1} MB), processor seconds for 100,000:\n",
        bytes as f64 / 1e6
    );
    println!("| stage | s | share |\n| --- | --- | --- |");
    for (name, seconds) in &table {
        println!("| {name} | {:.2} | {:.1} % |", seconds * scale, seconds / total * 100.0);
    }
    println!("| all | {:.2} | on two cores at best {:.1} s |\n", total * scale, total * scale / 2.0);
    println!(
        "rustpython-parser by itself: {:.2} s; ruff's parser by itself: {:.2} s",
        rustpython * scale,
        ruff * scale
    );
    println!(
        "code: {:.2} times smaller than plain, facts: {:.2} times\n",
        plain as f64 / packed as f64,
        plain_facts as f64 / packed_facts as f64
    );
    each_feature.sort_by(|a, b| b.1.total_cmp(&a.1));
    let shown: Vec<String> =
        each_feature.iter().take(8).map(|(name, seconds)| format!("{name} {:.2}", seconds * scale)).collect();
    println!("Features that cost most: {} s\n", shown.join(", "));
    let listed: Vec<Value> =
        table.iter().map(|(name, seconds)| json!({ "stage": name, "s_per_100k": seconds * scale })).collect();
    json!({
        "rows": wanted, "stages": listed, "rustpython_s_per_100k": rustpython * scale, "ruff_s_per_100k": ruff * scale,
        "code_ratio": plain as f64 / packed as f64, "facts_ratio": plain_facts as f64 / packed_facts as f64,
        "features_s_per_100k": each_feature.iter().map(|(name, seconds)| ((*name).to_owned(), json!(seconds * scale))).collect::<serde_json::Map<_, _>>(),
    })
}

fn sample(row: u32, locator: &str, instruction: Option<String>, code: String, facts: scenery::sample::Facts) -> Sample {
    let key = format!("{row}");
    Sample {
        row,
        id: SampleId::new("generated", &key),
        source: "generated".into(),
        key,
        locator: locator.into(),
        state: State::Kept,
        reason: None,
        instruction,
        revision: RevisionKind::Read,
        cleaners: Vec::new(),
        licence: "none-stated".into(),
        rank: 3,
        level: None,
        split: None,
        held: false,
        split_given: None,
        tags: Default::default(),
        description_kind: DescriptionKind::Human,
        meta: Default::default(),
        family: None,
        content: scenery::sample::content_hash(&code),
        code,
        added: NOW.into(),
        facts,
        written: None,
    }
}

/// Indexing alone: (seconds of the thread that hands samples over, seconds of the index's own threads).
fn index(samples: &[Sample]) -> (f64, f64) {
    let dir = measure::place().join("index-alone");
    let mut index = Index::create(&dir).expect("an index can be made");
    let process = process_seconds();
    let begin = Instant::now();
    let (adding, writer) = spent(|| {
        let writer = index.writer().expect("a writer can be had");
        for sample in samples {
            writer.add(sample).expect("the writer lives");
        }
        writer
    });
    index.commit(writer, 1).expect("the index can be written");
    let all = process_seconds() - process;
    eprintln!("index alone: {:.2} s wall, {} bytes", begin.elapsed().as_secs_f64(), measure::bytes_below(&dir));
    let _ = std::fs::remove_dir_all(dir);
    (adding, (all - adding).max(0.0))
}

fn process_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("this system has /proc");
    let rest = text.rsplit_once(')').expect("the name stands in parentheses").1;
    let fields: Vec<f64> = rest.split_whitespace().skip(1).map(|field| field.parse().unwrap_or(0.0)).collect();
    (fields[10] + fields[11]) / 100.0
}

/// Writing to the store: seconds of the thread that writes, handing over to the index included.
fn database(samples: Vec<Sample>, contents: Vec<Content>, records: Vec<(Vec<u8>, i64)>) -> f64 {
    let dir = measure::place().join("store-alone");
    let _ = std::fs::remove_dir_all(&dir);
    let project = Project::init(&dir).expect("a project can be made");
    let mut store = Store::open_for_writing(&project, "bench").expect("it can be opened");
    let op = store.begin(&Begin { verb: "ingest", arguments: json!({}), now: NOW }).expect("an op can begin");
    let source = store
        .put_source(&SourceRecord {
            name: "generated".into(),
            title: String::new(),
            licence: "none-stated".into(),
            url: String::new(),
            citation: String::new(),
            rank: 3,
            dialect: None,
            dedup: "near".into(),
            levels: Vec::new(),
            recipe: String::new(),
        })
        .expect("a source can be put");
    let analyser = store.analyser_number("bench").expect("it gets a number");
    let prepared: Vec<Prepared> = samples
        .into_iter()
        .zip(contents)
        .zip(records)
        .map(|((sample, read), facts)| Prepared {
            source,
            read_hash: sample.content,
            sample,
            read,
            fixed: None,
            licence: None,
            dialect: None,
            issues: Vec::new(),
            facts,
            known: None,
            generation: None,
        })
        .collect();
    let (putting, ()) = spent(|| {
        for batch in prepared.chunks(1024) {
            store.put(op, analyser, batch).expect("it can be written");
        }
    });
    let (closing, ()) = spent(|| store.close(op, &json!({}), NOW).expect("the op can end"));
    drop(store);
    let _ = std::fs::remove_dir_all(dir);
    putting + closing
}

/// Other tools on the same file; see `peers.py`.
fn peers(corpus: &Path) -> Value {
    let python = measure::python_with_duckdb();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("bench/peers.py");
    println!("Peers on the same file:\n\n| | wall s | processor s | on disk MB |\n| --- | --- | --- | --- |");
    let mut out = Vec::new();
    for peer in ["python-ast", "sqlite-fts5", "duckdb"] {
        let made = measure::place().join("peer");
        let _ = std::fs::remove_dir_all(&made);
        std::fs::create_dir_all(&made).expect("it can be made");
        let taken = measure::run(Command::new(&python).arg(&script).arg(peer).arg(corpus).arg(&made), true);
        let disk = measure::bytes_below(&made);
        let said = taken.output.trim();
        let wall = taken.wall.as_secs_f64();
        println!("| {said} | {wall:.1} | {:.1} | {:.0} |", taken.user + taken.system, disk as f64 / 1e6);
        out.push(json!({ "peer": peer, "what": said, "wall_s": wall, "user_s": taken.user, "system_s": taken.system,
            "peak_rss_bytes": taken.peak_bytes, "disk_bytes": disk }));
        let _ = std::fs::remove_dir_all(made);
    }
    println!();
    Value::Array(out)
}
