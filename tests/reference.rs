//! The reference and the tutorial say what is: tables are those of the registries, examples compile, outputs are real.

use std::path::Path;
use std::sync::Mutex;

use scenery::query::reference::{REFERENCE, TUTORIAL, with_tables};
use scenery::query::{MAX_DEPTH, MAX_EXPANSIONS, MAX_PHRASE, MAX_SAVED_DEPTH, MAX_TREE, STAGES, fields};

use crate::corpus::{Scratch, done, run};

/// One at a time, since two tests keep up the tutorial.
static KEEPING: Mutex<()> = Mutex::new(());

/// Compares a text of the sources with what it is made into, or writes that where `SCENERY_REFRESH_CASES` asks for it.
pub fn kept_up(file: &str, remake: impl FnOnce(&str) -> String) {
    let _one = KEEPING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let is = std::fs::read_to_string(&path).expect("a text of the sources");
    let wanted = remake(&is);
    if std::env::var_os("SCENERY_REFRESH_CASES").is_some() {
        std::fs::write(&path, &wanted).expect("it can be written");
    } else if is != wanted {
        let both = is.lines().chain(std::iter::repeat("(end)")).zip(wanted.lines().chain(std::iter::repeat("(end)")));
        let (at, (was, now)) = both.enumerate().find(|(_, (was, now))| was != now).expect("they differ");
        panic!("{file}:{}\n  written: {was}\n  now:     {now}\nSCENERY_REFRESH_CASES=1 writes it anew", at + 1);
    }
}

#[test]
fn the_tables_of_the_reference_are_those_of_the_registries() {
    kept_up("src/query/reference.md", with_tables);
    for field in fields::all() {
        assert!(with_tables(REFERENCE).contains(&format!("\n| `{}` |", field.name)), "{}", field.name);
    }
    for stage in STAGES {
        assert!(with_tables(REFERENCE).contains(&format!("\n| `{stage} ")), "{stage}");
    }
}

/// What stands in backquotes in the first cells of the tables below a heading.
fn written_below(heading: &str) -> Vec<String> {
    let (_, below) = REFERENCE.split_once(&format!("\n## {heading}\n")).expect(heading);
    let part = below.split("\n## ").next().unwrap_or(below);
    let cells = part.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    cells.map(|cell| cell.trim_end_matches('`').replace("\\|", "|")).collect()
}

#[test]
fn what_the_reference_writes_compiles() {
    let texts = written_below("Text");
    assert!(texts.len() >= 7, "{texts:?}");
    for query in texts {
        scenery::query::compile(&query, &scenery::query::NoVocabulary)
            .unwrap_or_else(|error| panic!("{query}: {error}"));
    }
    let past = written_below("The past");
    assert!(past.len() >= 4, "{past:?}");
    for query in past {
        scenery::query::parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
    }
    for limit in [MAX_DEPTH, MAX_TREE, MAX_SAVED_DEPTH, MAX_EXPANSIONS, MAX_PHRASE] {
        let shown = if limit >= 1000 { format!("{},{:03}", limit / 1000, limit % 1000) } else { limit.to_string() };
        let there = REFERENCE.lines().any(|line| {
            line.strip_suffix(" |")
                .is_some_and(|line| line.ends_with(&format!("| {shown}")) || line.ends_with(&format!("| {shown} deep")))
        });
        assert!(there, "the limit {shown}");
    }
    // The grammar is that of the module.
    let module = include_str!("../src/query/mod.rs");
    let (_, grammar) = REFERENCE.split_once("```text\n").expect("a grammar");
    for line in grammar.split("```").next().unwrap_or_default().lines() {
        assert!(module.contains(&format!("//! {line}")), "{line}");
    }
}

/// The words of a line as a shell takes them: blanks, single and double quotes.
pub fn words(line: &str) -> Vec<String> {
    let (mut out, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (None, ' ') => out.extend(word.take()),
            (None, '\'' | '"') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (Some(mark), c) if c == mark => quote = None,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    assert!(quote.is_none(), "{line}");
    out.extend(word);
    out
}

/// The text with each time a tenth of a millisecond, since times differ each time.
fn timeless(text: &str) -> String {
    let clause = regex::Regex::new(r"(?m)^( +\d+ +\d+) +\d+\.\d  ").expect("a pattern");
    let sentence = regex::Regex::new(r" in \d+\.\d ms").expect("a pattern");
    sentence.replace_all(&clause.replace_all(text, "$1       0.1  "), " in 0.1 ms").into_owned()
}

/// The tutorial with what its commands print now; how many commands there are.
fn played(text: &str, project: &Path) -> (String, usize) {
    let (mut out, mut count, mut console) = (String::new(), 0, false);
    for line in text.lines() {
        if line.starts_with("```") {
            console = line == "```console";
        }
        let command = console.then(|| line.strip_prefix("$ scenery ")).flatten();
        if console && command.is_none() && !line.starts_with("```") {
            continue;
        }
        out.push_str(line);
        out.push('\n');
        let Some(command) = command else { continue };
        let words = words(command);
        let (code, stdout, stderr) = run(project, &words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(code == 0 || stderr.contains("help"), "{command}: exit {code}\n{stderr}");
        for line in timeless(&format!("{stdout}{stderr}")).lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        count += 1;
    }
    (out, count)
}

#[test]
fn the_tutorial_shows_what_its_commands_print() {
    let folder = Scratch::new("tutorial");
    done(folder.path(), &["demo", "--dir", "d", "--quiet"]);
    kept_up("src/query/tutorial.md", |text| {
        let (now, count) = played(text, &folder.join("d"));
        assert!(count >= 20, "{count} commands");
        now
    });
    assert_eq!((1..=20).filter(|at| TUTORIAL.contains(&format!("\n## {at}. "))).count(), 20);
    for (topic, begins) in
        [("query", "# The query language\n"), ("tutorial", "# The query language in twenty queries\n")]
    {
        assert!(done(folder.path(), &["man", topic]).starts_with(begins), "{topic}");
    }
}
