//! `demo`: the whole job on data that the tool brings, by the same functions that the verbs call.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;

use crate::cli::args::{Cli, DemoArgs};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::starter;

/// A file that says that a directory is a demo, so that `--force` replaces nothing else.
const MARK: &str = ".scenery-demo";

/// Makes a project, ingests the starter set and what is planted beside it, looks, saves a query, exports twice.
///
/// # Errors
/// Where the directory is there already, or any step fails.
pub fn demo(session: &Session, args: &DemoArgs) -> Result<(), Failure> {
    let dir = session.directory.join(&args.dir);
    if dir.exists() {
        if !args.force {
            return Err(Failure::request(format!(
                "{} is there already: name another with --dir, or replace an earlier demo with --force",
                dir.display()
            )));
        }
        if !dir.join(MARK).is_file() {
            return Err(Failure::request(format!("{} is no demo: --force replaces only those", dir.display())));
        }
        fs::remove_dir_all(&dir).map_err(|error| Failure::file(&dir, &error))?;
    }
    put(&dir.join(MARK), "")?;
    put(&dir.join("data/starter.jsonl"), starter::STARTER)?;
    put(&dir.join("data/planted.jsonl"), starter::PLANTED)?;
    put(&dir.join("sources/starter.toml"), starter::STARTER_RECIPE)?;
    put(&dir.join("sources/planted.toml"), starter::PLANTED_RECIPE)?;
    let inside = Session { directory: dir.clone(), ..session.clone() };
    let file = |name: &str| dir.join(name).display().to_string();
    let (starter_file, planted_file) = (file("data/starter.jsonl"), file("data/planted.jsonl"));
    let (slice_dir, tree_dir, manifest, again) =
        (file("exports/calm"), file("exports/tree"), file("exports/calm/manifest.json"), file("exports/calm-again"));
    let steps: &[(&str, Vec<&str>)] = &[
        ("an empty project", vec!["init", "."]),
        ("scenes that the tool brings, each with a careful description", vec!["ingest", "starter", &starter_file]),
        (
            "and rows as the world has them: copies, fences, literal newlines, single lines, old ManimGL, broken code",
            vec!["ingest", "planted", &planted_file],
        ),
        ("the same file again changes nothing", vec!["ingest", "starter", &starter_file]),
        ("what could not become a sample is kept by reason", vec!["sources", "planted", "--rejected"]),
        ("what is there", vec!["count", "--by", "source,syntax"]),
        ("how hard the scenes are", vec!["count", "source:starter", "--by", "complexity"]),
        ("what they are about", vec!["count", "source:starter", "--by", "topic", "-n", "12"]),
        (
            "a query: short, valid, with a circle",
            vec!["query", "uses:Circle is:valid lines:..40 | sort lines | take 8"],
        ),
        ("what was written for ManimGL", vec!["query", "dialect:gl state:any"]),
        (
            "a query worth a name",
            vec!["save", "calm", "source:starter is:valid has:instruction quality>=60 | sort complexity.score"],
        ),
        ("how it is understood", vec!["explain", "@calm"]),
        ("as chat messages for a trainer", vec!["export", "@calm", "--out", &slice_dir, "--format", "messages"]),
        (
            "as Alpaca, in folders by topic and complexity",
            vec!["export", "@calm", "--out", &tree_dir, "--format", "alpaca", "--layout", "tree"],
        ),
        ("its manifest alone gives the same bytes", vec!["export", "--from", &manifest, "--out", &again]),
        ("copies are found, and each says what stands for it", vec!["dedup"]),
        ("what the planted copies differ by", vec!["clusters", "-n", "2"]),
        ("sides are recorded, family by family", vec!["split", "80/10/10", "--seed", "13"]),
        ("and every row that was read is accounted for", vec!["report", "ledger"]),
        ("each of these can be taken back: the sides", vec!["undo"]),
        ("and the duplicates", vec!["undo"]),
        ("what happened", vec!["log"]),
        ("and whether all of it agrees", vec!["doctor"]),
    ];
    for (what, words) in steps {
        step(&inside, what, words)?;
    }
    if session.json {
        return session.print_json(&serde_json::json!({ "project": dir, "exports": [slice_dir, tree_dir, again] }));
    }
    session.say(format!(
        "\nopen {0}/exports/tree/train.json and {0}/exports/calm/train.jsonl;\ngo on with: scenery -C {0} query 'topic:calculus -uses:ThreeDScene'",
        args.dir.display()
    ));
    Ok(())
}

/// Runs one verb, shown as it would be typed in the project.
fn step(session: &Session, what: &str, words: &[&str]) -> Result<(), Failure> {
    let typed: Vec<String> = words.iter().map(|word| shown(word, &session.directory)).collect();
    let quiet = Session {
        json: false,
        quiet: session.quiet || session.json,
        command: format!("scenery {}", typed.join(" ")),
        ..session.clone()
    };
    if !session.json {
        session.print(format!("\n# {what}\n$ scenery {}\n", typed.join(" ")))?;
    }
    let cli = Cli::try_parse_from(std::iter::once("scenery").chain(words.iter().copied()))
        .map_err(|error| Failure::usage(error.to_string()))?;
    if session.json {
        // For programs only the end is printed.
        let silent = Session { silent: true, ..quiet };
        return super::run(&silent, cli.command);
    }
    super::run(&quiet, cli.command)
}

fn shown(word: &str, dir: &Path) -> String {
    let prefix = format!("{}/", dir.display());
    crate::cli::quoted(word.strip_prefix(&prefix).unwrap_or(word))
}

fn put(path: &PathBuf, text: &str) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Failure::file(parent, &error))?;
    }
    fs::write(path, text).map_err(|error| Failure::file(path, &error))
}
