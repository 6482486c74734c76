//! What the bench targets share: arguments, the corpus at its place, processes measured, the machine named.

#![allow(dead_code, reason = "each target is a crate of its own and uses a part of this")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::scenes;

/// Seed of the corpus.
pub const SEED: u64 = 2026;

/// How often the processor clock of `/proc` ticks in a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// The command line, `--name value`; what cargo adds (`--bench`) is passed over.
pub struct Arguments(Vec<String>);

impl Arguments {
    /// Of this process.
    pub fn of_process() -> Self {
        Arguments(std::env::args().skip(1).filter(|each| each != "--bench").collect())
    }

    /// The value after a name.
    pub fn text(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|each| each == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    /// The value after a name as a number.
    pub fn number(&self, name: &str, otherwise: u64) -> u64 {
        self.text(name).map_or(otherwise, |text| text.parse().expect("a number follows"))
    }

    /// Whether a switch is given.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|each| each == name)
    }
}

/// Where the benches keep what they make: below the target directory, never in the project.
pub fn place() -> PathBuf {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
    std::fs::create_dir_all(&place).expect("the target directory can be written");
    place
}

/// The corpus of that many rows, made where it is missing.
pub fn corpus(rows: u64) -> PathBuf {
    // Named by what it is, so that a changed generator makes a new one.
    let probe: String = (0..50).map(|row| scenes::sample(SEED, row * 97).code).collect();
    let path = place().join(format!("corpus-{rows}-{:016x}.jsonl", fingerprint(probe.as_bytes())));
    if !path.exists() {
        eprintln!("making {rows} rows ...");
        scenes::write(&path, rows, SEED).expect("the corpus can be written");
    }
    path
}

fn fingerprint(bytes: &[u8]) -> u64 {
    // FNV-1a.
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// A Python with DuckDB, in a virtual environment that is made where it is missing.
pub fn python_with_duckdb() -> PathBuf {
    let environment = place().join("venv");
    let python = environment.join("bin/python");
    if !python.exists() {
        eprintln!("making a virtual environment with duckdb ...");
        let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).status();
        assert!(made.is_ok_and(|status| status.success()), "the peers need python3 with venv");
        let pip = Command::new(&python).args(["-m", "pip", "install", "--quiet", "duckdb"]).status();
        assert!(pip.is_ok_and(|status| status.success()), "the peers need duckdb from PyPI");
    }
    python
}

/// What a process took.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// From start to end.
    pub wall: Duration,
    /// Processor seconds in the program and in the system.
    pub user: f64,
    /// Processor seconds in the system.
    pub system: f64,
    /// Most memory held at once, in bytes: the high-water mark of the resident set.
    pub peak_bytes: u64,
    /// Most memory that was not pages of files, in bytes (sampled).
    pub peak_anonymous_bytes: u64,
    /// Processor seconds by name of thread (sampled each 20 ms, so the last moments of a thread are lost).
    pub threads: BTreeMap<String, f64>,
    /// What it printed.
    pub output: String,
}

/// Runs a program to its end and measures it from outside.
pub fn run(command: &mut Command, watch_threads: bool) -> Taken {
    let (user_before, system_before) = children_seconds();
    let begin = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().expect("the program starts");
    let mut taken = Taken::default();
    let mut threads: BTreeMap<String, (String, f64)> = BTreeMap::new();
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let mut output = child.stdout.take().expect("its output is ours");
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut output, &mut text).expect("its output is text");
        text
    });
    let status = loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        if watch_threads {
            look(&process, &mut taken, &mut threads);
            std::thread::sleep(Duration::from_millis(20));
        } else {
            // Only the end matters: as exact as the scheduler is.
            std::thread::sleep(Duration::from_micros(100));
        }
    };
    taken.wall = begin.elapsed();
    taken.output = reading.join().expect("reading its output ends");
    assert!(status.success(), "{command:?} ended with {status}");
    let (user, system) = children_seconds();
    taken.user = user - user_before;
    taken.system = system - system_before;
    for (name, seconds) in threads.into_values() {
        *taken.threads.entry(name).or_default() += seconds;
    }
    taken
}

fn look(process: &Path, taken: &mut Taken, threads: &mut BTreeMap<String, (String, f64)>) {
    if let Ok(text) = std::fs::read_to_string(process.join("status")) {
        let kilobytes = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        taken.peak_bytes = taken.peak_bytes.max(kilobytes("VmHWM:") * 1024);
        taken.peak_anonymous_bytes = taken.peak_anonymous_bytes.max(kilobytes("RssAnon:") * 1024);
    }
    let Ok(tasks) = std::fs::read_dir(process.join("task")) else { return };
    for task in tasks.flatten() {
        let (Ok(name), Ok(spent)) =
            (std::fs::read_to_string(task.path().join("comm")), std::fs::read_to_string(task.path().join("schedstat")))
        else {
            continue;
        };
        let nanoseconds: f64 = spent.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        let name = name.trim().trim_end_matches(|ch: char| ch.is_ascii_digit() || ch == '-').to_owned();
        threads.insert(task.file_name().to_string_lossy().into_owned(), (name, nanoseconds / 1e9));
    }
}

/// Processor seconds of the children that have ended: (in the program, in the system).
fn children_seconds() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/self/stat").expect("this system has /proc");
    // The name in parentheses may hold blanks: count from behind it. Fields 16 and 17 of proc(5).
    let rest = text.rsplit_once(')').expect("the name stands in parentheses").1;
    let fields: Vec<f64> = rest.split_whitespace().skip(1).map(|field| field.parse().unwrap_or(0.0)).collect();
    (fields[12] / TICKS_PER_SECOND, fields[13] / TICKS_PER_SECOND)
}

/// Processor seconds of the thread that asks.
pub fn thread_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("this system has /proc");
    text.split(' ').next().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// Bytes of a file, or of all files below a folder.
pub fn bytes_below(path: &Path) -> u64 {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return 0 };
    if !meta.is_dir() {
        return meta.len();
    }
    std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| bytes_below(&entry.path())).sum()
}

/// The machine, by processor and memory: no name of it, no path.
pub fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split(':').nth(1).unwrap_or("unknown").trim().to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes: f64 = memory.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0.0);
    let (family, model) = (value("cpu family"), value("model\t"));
    format!(
        "{} (family {family}, model {model}), {cores} cores, {:.0} GB, Linux",
        value("model name"),
        kilobytes * 1024.0 / 1e9
    )
}

/// How many processes wanted a core in the last minute: what else the machine did.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

/// The middle of some numbers.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
