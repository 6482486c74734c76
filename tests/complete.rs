//! What may come next in a query: cases as a file, laws as properties, shells that ask for it.

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use scenery::query::complete::{Completion, complete};
use scenery::query::{Moment, NoMoment, NoVocabulary, Pin, Saved, Vocabulary, compile};

use crate::corpus::{Scratch, done};
use crate::query::{Small, pieces, vocabulary};
use crate::query_gen::{Rng, random_query};

/// Where the cursor stands in a case.
const CURSOR: char = '¦';

/// Candidates that a case shows.
const SHOWN: usize = 6;

/// The small store of the other cases, with numbers, days, ids and awkward names.
struct Ranged;

impl Vocabulary for Ranged {
    fn values(&self, field: &str) -> Option<Vec<(String, u64)>> {
        let named: &[(&str, u64)] = match field {
            "key" | "method" => &[("two words", 3), ("or", 2), ("Ärger", 2), ("-5", 1), ("a\"b", 1), ("x:y", 4)],
            "reason" => &[("off-topic", 12), ("a,b: c", 3)],
            "complexity" => &[("advanced", 4), ("basic", 90)],
            "imports" => &[("manim", 40), ("numpy", 30), ("math", 2), ("two words", 1)],
            _ => return Small.values(field),
        };
        Some(named.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect())
    }
    fn range(&self, field: &str) -> Option<(f64, f64)> {
        match field {
            "lines" => Some((3.0, 412.0)),
            "duration" => Some((0.5, 73.25)),
            "added" => Some((20_454.0, 20_512.0)),
            "rank" => Some((4.0, 4.0)),
            _ => None,
        }
    }
    fn ids(&self, digits: &str, limit: usize, _gone: bool) -> Option<Vec<String>> {
        let known = ["7f3a21c0d1", "7f3a21c0d2", "7f9900aabb", "a0a0a0a0a0"].map(|id| format!("{id:0<32}"));
        Some(known.into_iter().filter(|id| id.starts_with(digits)).take(limit).collect())
    }
    fn meta_names(&self) -> Vec<String> {
        ["title", "video", "two words"].map(str::to_owned).to_vec()
    }
    fn levels(&self, at: Option<i64>) -> Vec<(String, Vec<String>)> {
        Small.levels(at)
    }
    fn moment(&self, moment: Moment<'_>) -> Result<Option<i64>, NoMoment> {
        match moment {
            Moment::Op(op) if op > 12 => {
                Err(NoMoment { message: "op 12 is the newest".to_owned(), instead: Some("op12".to_owned()) })
            }
            Moment::Op(op) => Ok(Some(op)),
            Moment::Day(_) => Ok(Some(1)),
        }
    }
    fn pin(&self, name: &str, number: u64) -> Option<Pin> {
        let known = self.pins(Some(name)).contains(&(name.to_owned(), number));
        known.then(|| Pin { name: name.to_owned(), number, key: 1, op: 3 })
    }
    fn pins(&self, name: Option<&str>) -> Vec<(String, u64)> {
        let all = [("longest", 1), ("longest", 2), ("short", 12)].map(|(name, number)| (name.to_owned(), number));
        all.into_iter().filter(|(known, _)| name.is_none_or(|name| name == known)).collect()
    }
    fn saved(&self, name: &str) -> Option<Saved> {
        Small.saved(name)
    }
    fn saved_names(&self) -> Vec<String> {
        Small.saved_names()
    }
}

/// What a case shows: what is replaced, then the candidates; `…` after those that need more.
fn shown(text: &str, found: &Completion) -> String {
    let mut out = String::new();
    let mut place = None;
    for candidate in found.candidates.iter().take(SHOWN) {
        if place != Some((candidate.from, candidate.to)) {
            place = Some((candidate.from, candidate.to));
            let old = &text[candidate.from..candidate.to];
            writeln!(out, "  at {}..{} `{}`", candidate.from, candidate.to, old).expect("a string");
        }
        let more = if candidate.compiles { "" } else { " …" };
        let detail: String = ["  ", &candidate.detail].concat().chars().take(42).collect();
        writeln!(out, "    {}: `{}`{more}{}", candidate.kind.name(), candidate.insert, detail.trim_end())
            .expect("a string");
    }
    if let Some(more) = found.candidates.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        writeln!(out, "    and {more} more").expect("a string");
    }
    if found.candidates.is_empty() {
        out.push_str("  nothing\n");
    }
    out
}

/// The file with every outcome made anew: a case is a line `? query`, `⏎` in it a line end.
fn refreshed(file: &str) -> (String, usize) {
    let (mut out, mut count) = (String::new(), 0);
    for line in file.lines().filter(|line| !line.starts_with(' ')) {
        out.push_str(line);
        out.push('\n');
        if let Some(case) = line.strip_prefix("? ").or((line == "?").then_some("")) {
            let case = case.replace('⏎', "\n");
            let cursor = case.find(CURSOR).unwrap_or(case.len());
            let text = case.replacen(CURSOR, "", 1);
            out.push_str(&shown(&text, &complete(&text, cursor, &Ranged, None)));
            count += 1;
        }
    }
    (out, count)
}

/// With `SCENERY_REFRESH_CASES` set, the file is rewritten, to be read before it is committed.
#[test]
fn candidates_come_out_as_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/complete/cursor.case");
    let file = std::fs::read_to_string(&path).expect("the case file");
    let (now, count) = refreshed(&file);
    assert!(count >= 80, "{count} cases");
    if std::env::var_os("SCENERY_REFRESH_CASES").is_some() {
        std::fs::write(&path, &now).expect("the case file");
    } else if now != file {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (was, is) = (lines(&file), lines(&now));
        let at = (0..).find(|at| was.get(*at) != is.get(*at)).expect("they differ");
        panic!("{}:{}\n  written: {:?}\n  now:     {:?}", path.display(), at + 1, was.get(at), is.get(at));
    }
}

/// What must hold of the candidates at any cursor of any text.
fn lawful(text: &str, cursor: usize) -> Result<Completion, String> {
    let found = complete(text, cursor, &Ranged, None);
    let mut rounded = cursor.min(text.len());
    while !text.is_char_boundary(rounded) {
        rounded -= 1;
    }
    for candidate in &found.candidates {
        let place = (candidate.from, candidate.to);
        if text.get(candidate.from..candidate.to).is_none() {
            return Err(format!("{text:?} at {cursor}: {place:?} is no range of it"));
        }
        if !(candidate.from..=candidate.to).contains(&rounded) {
            return Err(format!("{text:?} at {cursor}: {place:?} does not touch the cursor"));
        }
        if candidate.insert.is_empty() || candidate.detail.contains('\n') {
            return Err(format!("{text:?} at {cursor}: {candidate:?}"));
        }
        let whole = candidate.put_into(text);
        if candidate.compiles != compile(&whole, &Ranged).is_ok() {
            return Err(format!("{text:?} at {cursor}: {whole:?} compiles: {}", !candidate.compiles));
        }
    }
    let first = complete(text, cursor, &Ranged, Some(3));
    let agrees = first.candidates == found.candidates[..found.candidates.len().min(3)]
        && first.more == (found.candidates.len() > 3);
    if agrees { Ok(found) } else { Err(format!("{text:?} at {cursor}: a page is not the beginning of all")) }
}

/// The lengths at which a text may be cut.
fn cuts(text: &str) -> Vec<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_candidate_fits_at_any_cursor_of_any_text(text in pieces(), cursor in 0usize..80) {
        lawful(&text, cursor).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn every_candidate_fits_after_any_beginning_of_a_query(seed in any::<u64>()) {
        let mut rng = Rng::new(seed);
        let query = random_query(&mut rng, &vocabulary());
        let cut = *rng.pick(&cuts(&query));
        lawful(&query[..cut], cut).map_err(TestCaseError::fail)?;
        // And in the middle of it.
        lawful(&query, cut).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn what_a_query_goes_on_with_is_among_the_candidates(seed in any::<u64>()) {
        let mut rng = Rng::new(seed);
        let mut vocab = vocabulary();
        // What nothing fills yet is not offered.
        let filled = |name: &str| {
            scenery::query::fields::find(name).is_some_and(|field| field.home != scenery::query::plan::Home::Unfilled)
        };
        vocab.bools.retain(|name| filled(name));
        vocab.enums.retain(|(name, ..)| filled(name));
        let name = rng.pick(&vocab.bools).clone();
        let (field, words, _) = rng.pick(&vocab.enums).clone();
        let value = rng.pick(&words).clone();
        let before = random_query(&mut rng, &vocab);
        // A `|` may stand in an expression, where the text is cut in two.
        let before = before.split('|').next().map(str::trim).filter(|text| compile(text, &Ranged).is_ok()).unwrap_or_default();
        // What is typed, and how much of it at least and at most before the candidates are asked for.
        for (typed, least, most) in [
            (format!("is:{name}"), 1, name.len() + 3),
            (format!("{field}:"), 1, field.len()),
            (format!("{field}:{value}"), field.len() + 1, field.len() + 1 + value.len()),
        ] {
            let cut = least + rng.below(most - least + 1);
            let text = format!("({before}) {}", &typed[..cut]);
            let text = if before.is_empty() { typed[..cut].to_owned() } else { text };
            let found = lawful(&text, text.len()).map_err(TestCaseError::fail)?;
            let whole = found.candidates.iter().any(|candidate| candidate.put_into(&text).ends_with(&typed));
            prop_assert!(whole, "{text}: no {typed} among {:?}", found.candidates);
        }
    }
}

#[test]
fn a_megabyte_is_read_in_linear_time() {
    // Counted in work, not in seconds: a quadratic reader would not end within the test at all.
    let texts = [
        "fourier ".repeat(1 << 17),
        "lines:20..80 or uses:Circle -tag:x ".repeat(1 << 15),
        format!("{}\"", "a ".repeat(1 << 16)),
        "f(x".repeat(1 << 18),
        "(".repeat(1 << 20),
        "topic:(".repeat(1 << 17),
        ")".repeat(1 << 20),
        "-".repeat(1 << 20),
        "# a comment\n".repeat(1 << 16),
        "| sort lines, ".repeat(1 << 16),
        format!("is:valid | sort {}", "lines, ".repeat(1 << 17)),
        format!("balance level {}", "a:1 ".repeat(1 << 18)),
        "@short(1, ".repeat(1 << 16),
        "@a#1".repeat(1 << 17),
        "ast:'f(".repeat(1 << 16),
        "'".repeat(1 << 20),
        "/\\".repeat(1 << 19),
        "a.b-c.".repeat(1 << 17),
        "is:".repeat(1 << 18),
    ];
    for text in &texts {
        for cursor in [text.len(), text.len() / 2, text.len() - 1] {
            complete(text, cursor, &NoVocabulary, Some(1));
        }
    }
}

#[test]
fn lines_and_objects_say_the_same() {
    let folder = Scratch::new("complete");
    done(folder.path(), &["demo", "--dir", "d", "--quiet"]);
    let project = folder.join("d");
    let lines = done(&project, &["complete", "source:starter", "-uses:Circum"]);
    assert_eq!(lines, "Circumscribe\t9\n");
    let objects = crate::corpus::json_of(&project, &["complete", "source:starter -uses:Circum", "--json"]);
    let wanted = serde_json::json!([{
        "from": 21, "to": 27, "insert": "Circumscribe", "kind": "value", "detail": "9", "compiles": true,
    }]);
    assert_eq!(objects, wanted);
    // In the middle, and for a shell that replaces what stands from a byte on.
    assert_eq!(
        done(&project, &["complete", "--cursor", "7", "uses:Ci | sort lines", "--word", "0"]).lines().count(),
        2
    );
    assert_eq!(
        done(&project, &["complete", "--word", "3", "is:va"]),
        "valid\tWhether the code parses as Python, of this or a newer version.\n"
    );
    let (page, all) = (done(&project, &["complete", "calls."]), done(&project, &["complete", "calls.", "--all"]));
    assert!(page.lines().count() == 50 && all.lines().count() > 200 && all.starts_with(&page), "{page}");
    // What the index finds by itself is what the whole list gives.
    for query in
        ["calls:", "calls:S", "calls:self.", "uses:c", "topic:", "imports:N", "method:", "source:", "meta.", "tag:"]
    {
        let (page, all) = (done(&project, &["complete", query]), done(&project, &["complete", query, "--all"]));
        let first: String = all.split_inclusive('\n').take(50).collect();
        assert_eq!(page, first, "{query}");
    }
}

/// What bash is given for a line up to the cursor, by the script as bash itself calls it.
fn bash(project: &Path, line: &str) -> Vec<String> {
    let script = r#"
source completions.bash
line=$1
COMP_LINE=$line COMP_POINT=${#line}
read -ra COMP_WORDS <<<"$line"
[[ $line == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
complete -p scenery | grep -q 'F _scenery_query' || echo "not registered"
_scenery_query scenery "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;
    let path = Path::new(env!("CARGO_BIN_EXE_scenery")).parent().expect("a folder");
    let path = format!("{}:{}", path.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = std::process::Command::new("bash");
    let output = shell
        .args(["--norc", "--noprofile", "-c", script, "bash", line])
        .current_dir(project)
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8")
        .env("COMP_WORDBREAKS", " \t\n\"'@><=;|&(:")
        .output();
    let (code, out, err) = crate::corpus::finished(output.expect("bash is there"));
    assert_eq!((code, err.as_str()), (0, ""), "{line}");
    out.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_queries_and_options() {
    let folder = Scratch::new("complete");
    done(folder.path(), &["demo", "--dir", "d", "--quiet"]);
    let project = folder.join("d");
    folder.write("d/completions.bash", done(&project, &["completions", "bash"]));
    folder.write("completions.bash", done(&project, &["completions", "bash"]));
    folder.write("d/queries/über.q", "is:valid");
    for (line, wanted) in [
        // Unquoted: bash replaces what stands behind the last `:` or `=`, and from an `@` on.
        ("scenery query uses:Circ", &["Circle", "Circumscribe"][..]),
        ("scenery query source:starter -uses:Circum", &["Circumscribe"]),
        ("scenery query is:valid li", &["licence:", "lines:", "lines\\>="]),
        ("scenery query lines\\>", &["lines\\>1"]),
        ("scenery count source=pl", &["planted"]),
        ("scenery explain @long", &["@long-scenes"]),
        ("scenery explain @ü", &["@über"]),
        ("scenery query calls.FadeO", &["calls.FadeOut\\>=", "calls.FadeOutAndShift\\>="]),
        ("scenery query -- -is:va", &["valid"]),
        ("scenery query topic:calculus o", &["or", "origin:"]),
        // Quoted: bash replaces all behind the quote.
        ("scenery query 'uses:Circ", &["uses:Circle", "uses:Circumscribe"]),
        ("scenery query \"is:valid uses:Circ", &["is:valid uses:Circle", "is:valid uses:Circumscribe"]),
        ("scenery query 'is:valid | so", &["is:valid | sort "]),
        ("scenery query 'is:valid' '| ta", &["| take "]),
        ("scenery query 'topic:(calculus or geom", &["topic:(calculus or geometry"]),
        ("scenery query 'as", &["ast:\""]),
        ("scenery query \"as", &["ast:\\\""]),
        ("scenery query 'a \"b", &[""]),
        // Options and their values are the verb's, the name of a saved query is free.
        ("scenery query -n 5 --format ids uses:Circum", &["Circumscribe"]),
        ("scenery query --forma", &["--format"]),
        ("scenery query --format js", &["jsonl", "json"]),
        ("scenery export --out x 'is:val", &["is:valid"]),
        ("scenery save calc topic:calc", &["calculus"]),
        ("scenery qu", &["query", "queries"]),
        ("scenery --quiet query is:va", &["valid"]),
    ] {
        assert_eq!(bash(&project, line), wanted, "{line}");
    }
    // Another project, named in each way.
    for line in ["scenery -C d query uses:Circum", "scenery -Cd query uses:Circum", "scenery query -C d uses:Circum"] {
        assert_eq!(bash(folder.path(), line), ["Circumscribe"], "{line}");
    }
    assert_eq!(bash(folder.path(), "scenery query uses:Circum"), [""], "there is no project");
}

/// Whether a shell is there; loudly where not.
fn is_there(shell: &str) -> bool {
    let there = std::process::Command::new(shell).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("SKIPPED: completions of {shell}: it is not installed");
    }
    there
}

#[test]
fn fish_completes_queries_where_it_is_installed() {
    if !is_there("fish") {
        return;
    }
    let folder = Scratch::new("complete");
    done(folder.path(), &["demo", "--dir", "d", "--quiet"]);
    folder.write("d/completions.fish", done(folder.path(), &["completions", "fish"]));
    let path = Path::new(env!("CARGO_BIN_EXE_scenery")).parent().expect("a folder");
    let path = format!("{}:{}", path.display(), std::env::var("PATH").unwrap_or_default());
    for (line, wanted) in [
        ("scenery query uses:Circ", "uses:Circle\t26\nuses:Circumscribe\t9\n"),
        ("scenery query 'topic:(calculus or geom", "topic:(calculus or geometry\t16\n"),
        ("scenery query 'Ä' uses:Circum", "uses:Circumscribe\t9\n"),
        ("scenery save name uses:Circum", "uses:Circumscribe\t9\n"),
    ] {
        let mut shell = std::process::Command::new("fish");
        shell.args(["--no-config", "-c", "source completions.fish; complete -C $argv[1]", line]);
        let output = shell.current_dir(folder.join("d")).env("PATH", &path).env("HOME", folder.path()).output();
        let (code, out, err) = crate::corpus::finished(output.expect("fish is there"));
        assert_eq!((code, err.as_str(), out.as_str()), (0, "", wanted), "{line}");
    }
}

#[test]
fn zsh_reads_the_script_where_it_is_installed() {
    if !is_there("zsh") {
        return;
    }
    let folder = Scratch::new("complete");
    folder.write("completions.zsh", done(folder.path(), &["completions", "zsh"]));
    let output =
        std::process::Command::new("zsh").args(["-f", "-n", "completions.zsh"]).current_dir(folder.path()).output();
    assert_eq!(crate::corpus::finished(output.expect("zsh is there")), (0, String::new(), String::new()));
}

#[test]
fn a_script_registers_one_function() {
    let folder = Scratch::new("complete");
    for (shell, registers) in [("bash", "complete -F _scenery_query "), ("zsh", "\ncompdef _scenery_query scenery\n")] {
        let script = done(folder.path(), &["completions", shell]);
        assert!(script.contains(registers) && !script.contains("@OPTIONS@"), "{shell}");
        assert!(!script.contains("compdef _scenery scenery"), "{shell}: clap's own registration is left out");
        assert!(script.contains("query) echo '-f --file --format --fields -n --limit' ;;"), "{shell}");
    }
}
