//! Analysis: agreement with CPython and with people's labels, and inputs made to break it.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rayon::prelude::*;
use scenery::analyze::facts::Syntax;
use scenery::analyze::pattern::{Pattern, SeenLines};
use scenery::analyze::{analyse, analyser_version, parse};

/// The folder of shared data, or nothing where it is not there, said loudly.
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("SCENERY_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: no data at {} (set SCENERY_DATA)", folder.display());
    None
}

/// Answers a line per text: `ok`, `dup` (parses, but has a duplicate argument or keyword), `bad`, `deep` (beyond what
/// CPython's own parser can hold).
const ORACLE: &str = r#"
import ast, json, sys, warnings
warnings.simplefilter("ignore")
print(sys.version_info[1])
for line in sys.stdin:
    text = json.loads(line)
    if text.startswith("\ufeff"):
        text = text[1:]
    try:
        tree = ast.parse(text)
    except (RecursionError, MemoryError):
        print("deep")
        continue
    except (SyntaxError, ValueError):
        print("bad")
        continue
    try:
        compile(tree, "", "exec")
    except (SyntaxError, ValueError) as error:
        message = str(error)
        print("dup" if "duplicate argument" in message or "argument repeated" in message else "ok")
        continue
    except (RecursionError, MemoryError):
        pass
    print("ok")
"#;

/// CPython's verdicts and its minor version; nothing where there is no `python3`, said loudly.
fn oracle(texts: &[String]) -> Option<(u32, Vec<String>)> {
    answers(ORACLE, &[], texts)
}

/// What a program of Python answers to texts, a line for each, after its minor version.
fn answers(program: &str, arguments: &[&str], texts: &[String]) -> Option<(u32, Vec<String>)> {
    let started = Command::new("python3")
        .args(["-X", "utf8", "-c", program])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else {
        println!("SKIPPED: no python3 to compare with");
        return None;
    };
    let mut input = String::new();
    for text in texts {
        input.push_str(&serde_json::to_string(text).expect("a string is JSON"));
        input.push('\n');
    }
    let mut stdin = child.stdin.take().expect("it was piped");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("python3 ends");
    writer.join().expect("the writer ends").expect("python3 reads everything");
    let text = String::from_utf8(output.stdout).expect("words");
    let mut lines = text.lines().map(str::to_owned);
    let minor = lines.next().and_then(|line| line.parse().ok()).expect("a version comes first");
    let verdicts: Vec<String> = lines.collect();
    assert_eq!(verdicts.len(), texts.len(), "python3 answers once per text");
    Some((minor, verdicts))
}

/// Where we and CPython differ: texts that we accept and it rejects, and the other way round.
fn disagreement(texts: &[String]) -> Option<(Vec<String>, Vec<String>)> {
    let (minor, verdicts) = oracle(texts)?;
    let ours: Vec<Syntax> = parse::pool().install(|| texts.par_iter().map(|text| parse::check(text)).collect());
    let (mut accepted, mut rejected, mut valid, mut newer) = (Vec::new(), Vec::new(), 0, 0);
    for ((text, ours), theirs) in texts.iter().zip(&ours).zip(&verdicts) {
        valid += usize::from(theirs == "ok");
        match (ours, theirs.as_str()) {
            (Syntax::Newer, "bad") if minor < 13 => newer += 1,
            (Syntax::Valid | Syntax::Newer, "bad") => accepted.push(text.clone()),
            (Syntax::Invalid(_), "ok") => rejected.push(format!("{ours:?}\n{text}")),
            _ => {}
        }
    }
    println!(
        "{} texts, {valid} parse in CPython 3.{minor}; {} accepted and {} rejected wrongly; {newer} for newer Python only",
        texts.len(),
        accepted.len(),
        rejected.len()
    );
    Some((accepted, rejected))
}

fn strings(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::String(text)
            if ["import ", "class ", "def ", "self."].iter().any(|word| text.contains(word)) =>
        {
            found.insert(text.clone());
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| strings(value, found)),
        serde_json::Value::Object(map) => map.values().for_each(|value| strings(value, found)),
        _ => {}
    }
}

/// Every text in the shared data that may be code: as it is, without a fence, without a literal backslash-n in front.
fn corpus(folder: &Path) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json" | "jsonl") => {
                    let text = std::fs::read_to_string(&path).expect("UTF-8");
                    match serde_json::from_str(&text) {
                        Ok(value) => strings(&value, &mut found),
                        Err(_) => text
                            .lines()
                            .filter_map(|line| serde_json::from_str(line).ok())
                            .for_each(|value| strings(&value, &mut found)),
                    }
                }
                Some("csv") => {
                    let mut reader = csv::Reader::from_path(&path).expect("a table");
                    let rows = reader.records().filter_map(Result::ok);
                    rows.flat_map(|row| row.iter().map(str::to_owned).collect::<Vec<_>>())
                        .for_each(|cell| strings(&serde_json::Value::String(cell), &mut found));
                }
                _ => {}
            }
        }
    }
    let cleaned: Vec<String> = found
        .iter()
        .flat_map(|text| {
            let fenced = text
                .split_once("```")
                .and_then(|(_, rest)| rest.split_once('\n'))
                .map(|(_, rest)| rest.split_once("```").map_or(rest, |(code, _)| code).to_owned());
            let prefixed = text.strip_prefix("\\n").map(|rest| rest.trim_start_matches(' ').to_owned());
            [fenced, prefixed]
        })
        .flatten()
        .collect();
    found.extend(cleaned);
    found.into_iter().collect()
}

/// A small generator of numbers (xorshift), the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// One small change of a text: what an editor, a model or a cut does to code.
fn mutate(text: &str, random: &mut Random) -> String {
    const PIECES: &[&str] = &[
        "(", ")", "[", "]", "{", "}", ":", ",", "=", "==", "\n", "    ", "\t", "'", "\"", "\\", "#", "*", "**", ".",
        " ", "x", "1", "lambda ", "for ", " in ", "if ", "else", "not ", "del ", "async ", "await ", "f'{", "}'",
        "'''", "yield ", "return ", "é", "\r",
    ];
    let chars: Vec<char> = text.chars().collect();
    let mut lines: Vec<&str> = text.split('\n').collect();
    let at = random.below(chars.len());
    let line = random.below(lines.len());
    match random.below(8) {
        0 => chars.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, ch)| ch).collect(),
        1 | 2 => {
            let piece = PIECES[random.below(PIECES.len())];
            let mut out: String = chars[..at].iter().collect();
            out.push_str(piece);
            out.extend(&chars[at..]);
            out
        }
        3 => {
            lines.remove(line);
            lines.join("\n")
        }
        4 => {
            let other = random.below(lines.len());
            lines.swap(line, other);
            lines.join("\n")
        }
        5 => {
            let changed = match random.below(3) {
                0 => lines[line].replacen("    ", "\t", 1),
                1 => format!(" {}", lines[line]),
                _ => lines[line].trim_start().to_owned(),
            };
            lines[line] = &changed;
            lines.join("\n")
        }
        6 => chars[..at].iter().collect(),
        _ => {
            let end = (at + random.below(12)).min(chars.len());
            chars[..at].iter().chain(&chars[end..]).collect()
        }
    }
}

#[test]
fn what_parses_is_what_cpython_parses() {
    let Some(folder) = data() else { return };
    let texts = corpus(&folder);
    assert!(texts.len() > 5_000, "the shared data has thousands of codes, not {}", texts.len());
    let Some((accepted, rejected)) = disagreement(&texts) else { return };
    assert_eq!((accepted, rejected), (Vec::new(), Vec::new()), "on the texts themselves");

    let fit = |text: &&String| text.len() < 4_000 && parse::check(text).is_valid();
    let short: Vec<&String> = parse::pool().install(|| texts.par_iter().filter(fit).collect());
    let mut random = Random(0x5eed_cafe);
    let mutants: Vec<String> = (0..5_000)
        .map(|_| {
            let text = short[random.below(short.len())];
            let once = mutate(text, &mut random);
            if random.below(3) == 0 { mutate(&once, &mut random) } else { once }
        })
        .collect();
    let Some((accepted, rejected)) = disagreement(&mutants) else { return };
    assert_eq!((accepted, rejected), (Vec::new(), Vec::new()), "on mutants");
}

#[test]
fn inputs_made_to_break_it_are_facts() {
    let nested = |levels: usize| (0..levels).map(|level| format!("{}if x:\n", " ".repeat(level))).collect::<String>();
    let one_line = format!("x = [{}]", "1, ".repeat(330_000));
    let cases: Vec<(&str, String, &str)> = vec![
        ("a thousand and more levels", nested(1_200), "too-deep"),
        ("brackets", "[".repeat(100_000), "too-deep"),
        ("a megabyte on one line", one_line, "valid"),
        ("more than a megabyte", "x = 1\n".repeat(200_000), "too-large"),
        ("a NUL byte", "x = 'a\0b'\n".to_owned(), "nul"),
        ("100,000 elif", format!("if a: pass\n{}", "elif b: pass\n".repeat(75_000)), "too-complex"),
        ("100,000 calls", format!("x = a{}", ".b(c)".repeat(100_000)), "too-complex"),
        ("100,000 plus", format!("x = 1{}", "+1".repeat(100_000)), "too-complex"),
        ("100,000 dots in an f-string", format!("x = f'{{a{}}}'", ".b".repeat(100_000)), "too-complex"),
        ("a deep but legal chain", format!("x = a{}", ".b(c)".repeat(9_000)), "valid"),
        ("a deep but legal sum", format!("x = 1{}", "+1".repeat(19_000)), "valid"),
        ("1,500 levels of lambda", format!("x = {}1", "lambda: ".repeat(1_500)), "valid"),
        ("long digits", format!("x = {}", "9".repeat(100_000)), "too-large"),
        ("a byte order mark", "\u{feff}x = 1\n".to_owned(), "valid"),
        ("two byte order marks", "\u{feff}\u{feff}x = 1\n".to_owned(), "syntax"),
        ("lone carriage returns", "if x:\r    y = 1\rz = 2\r".to_owned(), "valid"),
        ("tabs and blanks that agree", "if x:\n\tif y:\n\t    z\n".to_owned(), "valid"),
        ("tabs and blanks that do not", "if x:\n\ty\n        z\n".to_owned(), "tabs"),
        ("an open string", "x = '''".to_owned(), "syntax"),
        ("nothing", String::new(), "valid"),
        ("blanks", " \t\x0c\n\n".to_owned(), "valid"),
        ("binary", "\u{1}\u{2}\u{fffd}\u{7f}\\".to_owned(), "syntax"),
        ("emoji", "😀😀".repeat(1_000), "syntax"),
    ];
    let worker = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        for (what, code, expected) in &cases {
            let verdict = match parse::check(code) {
                Syntax::Valid => "valid",
                Syntax::Newer => "newer",
                Syntax::Invalid(error) => error.class,
            };
            assert_eq!(verdict, *expected, "{what}");
            let facts = analyse(code, Some("Show it."), None, &[]);
            assert_eq!(facts.word("syntax"), Some(if *expected == "valid" { "valid" } else { "invalid" }), "{what}");
        }
    });
    worker.expect("a thread starts").join().expect("no panic, no overflow");
}

#[test]
fn facts_are_the_same_on_every_thread_and_every_time() {
    let Some(folder) = data() else { return };
    let texts: Vec<String> = corpus(&folder).into_iter().step_by(60).collect();
    let once: Vec<String> = texts.iter().map(|text| format!("{:?}", analyse(text, Some(text), None, &[]))).collect();
    let again: Vec<String> = parse::pool()
        .install(|| texts.par_iter().map(|text| format!("{:?}", analyse(text, Some(text), None, &[]))).collect());
    assert!(once == again);
    assert_eq!(analyser_version(), analyser_version());
    assert_eq!(analyser_version().len(), 16);
}

/// Rows of ManimBench: code, label, side.
fn labelled(folder: &Path) -> Vec<(String, String, String)> {
    let mut reader =
        csv::Reader::from_path(folder.join("manimbench/manim_sft_dataset.csv")).expect("the table is there");
    let headers = reader.headers().expect("a header").clone();
    let column = |name: &str| headers.iter().position(|header| header == name).expect("a column");
    let (code, label, side) = (column("Code"), column("Type"), column("Split"));
    reader
        .records()
        .map(|row| row.expect("a row"))
        .map(|row| (row[code].to_owned(), row[label].to_lowercase(), row[side].to_lowercase()))
        .collect()
}

#[test]
fn complexity_agrees_with_people_to_a_stated_degree() {
    let Some(folder) = data() else { return };
    const WORDS: [&str; 3] = ["basic", "intermediate", "advanced"];
    let rows = labelled(&folder);
    assert_eq!(rows.len(), 417);
    for (side, expected_rows, least_kappa) in [("train", 317, 0.45), ("test", 100, 0.2)] {
        let mut table = [[0u32; 3]; 3];
        for (code, label, _) in rows.iter().filter(|row| row.2 == side) {
            let facts = analyse(code, None, None, &[]);
            let place = |word: &str| WORDS.iter().position(|known| *known == word).expect("one of three words");
            table[place(label)][place(facts.word("complexity").expect("it parses"))] += 1;
        }
        let total = f64::from(table.iter().flatten().sum::<u32>());
        assert_eq!(total as u32, expected_rows);
        let agreed = (0..3).map(|index| f64::from(table[index][index])).sum::<f64>() / total;
        let chance = (0..3)
            .map(|index| {
                let labelled: u32 = table[index].iter().sum();
                let given: u32 = table.iter().map(|row| row[index]).sum();
                f64::from(labelled) * f64::from(given) / (total * total)
            })
            .sum::<f64>();
        let kappa = (agreed - chance) / (1.0 - chance);
        println!("{side}: accuracy {agreed:.3}, Cohen's kappa {kappa:.3} (rows: label, columns: ours)");
        println!("{:>14} {:>6} {:>13} {:>9}", "", WORDS[0], WORDS[1], WORDS[2]);
        for (word, row) in WORDS.iter().zip(&table) {
            println!("{word:>14} {:>6} {:>13} {:>9}", row[0], row[1], row[2]);
        }
        assert!(kappa > least_kappa, "{side}: {kappa}");
    }
}

/// Finds patterns by CPython's own trees: `$A` is a name that begins with `META_`, `$$$` one that begins with `REST_`.
/// Answers a line per text: for each pattern `1` or `0`, or `bad` where the text does not parse.
const PATTERN_ORACLE: &str = r#"
import ast, json, sys, warnings
warnings.simplefilter("ignore")
sys.setrecursionlimit(20000)
SKIP = {"ctx", "type_comment", "kind", "lineno", "col_offset", "end_lineno", "end_col_offset", "type_ignores"}
def meta(node):
    if isinstance(node, ast.Expr): node = node.value
    return node.id if isinstance(node, ast.Name) and node.id.startswith("META_") else None
def rest(node):
    if isinstance(node, (ast.Expr, ast.Starred)): node = node.value
    return isinstance(node, ast.Name) and node.id.startswith("REST_") or isinstance(node, ast.arg) and node.arg.startswith("REST_")
def fields(node):
    if isinstance(node, ast.Call):
        return [("func", node.func), ("args", node.args), ("keywords", node.keywords)]
    return [(name, value) for name, value in ast.iter_fields(node) if name not in SKIP]
def plain(a, b):
    return type(a) is type(b) and (ast.dump(a) == ast.dump(b) if isinstance(a, ast.AST) else a == b)
def bind(name, value, bound):
    if name == "META__": return True
    if name in bound: return plain(strip(bound[name]), strip(value))
    bound[name] = value
    return True
def strip(value):
    return value.value if isinstance(value, ast.Expr) else value.id if isinstance(value, ast.Name) else value
def same(p, n, bound):
    if isinstance(p, list):
        return isinstance(n, list) and listed(p, n, bound)
    if isinstance(p, str) and p.startswith("META_"):
        return isinstance(n, str) and bind(p, n, bound)
    if not isinstance(p, ast.AST):
        return type(p) is type(n) and p == n
    if meta(p): return isinstance(n, ast.AST) and bind(meta(p), n, bound)
    if type(p) is not type(n): return False
    for (name, a), (_, b) in zip(fields(p), fields(n)):
        if name == "keywords" and isinstance(p, ast.Call):
            wild = any(rest(x) for x in p.args)
            if not named(a, b, wild, bound): return False
        elif not same(a, b, bound): return False
    return True
def named(p, n, wild, bound):
    if not p: return wild or not n
    for at in range(len(n)):
        trial = dict(bound)
        if same(p[0], n[at], trial) and named(p[1:], n[:at] + n[at + 1:], wild, trial):
            bound.update(trial)
            return True
    return False
def listed(p, n, bound, whole=True):
    if not p: return not whole or not n
    if rest(p[0]):
        if len(p) == 1: return True
        for at in range(len(n) + 1):
            trial = dict(bound)
            if listed(p[1:], n[at:], trial, whole):
                bound.update(trial)
                return True
        return False
    return bool(n) and same(p[0], n[0], bound) and listed(p[1:], n[1:], bound, whole)
def found(pattern, tree):
    body = pattern.body
    if len(body) == 1 and isinstance(body[0], ast.Expr):
        return any(isinstance(node, ast.expr) and same(body[0].value, node, {}) for node in ast.walk(tree))
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                if any(listed(body, value[at:], {}, False) for at in range(len(value))): return True
    return False
patterns = [ast.parse(text.replace("$$$", "REST_").replace("$", "META_")) for text in json.loads(sys.argv[1])]
print(sys.version_info[1])
for line in sys.stdin:
    text = json.loads(line)
    try:
        tree = ast.parse(text)
        compile(tree, "", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        print("bad")
        continue
    print("".join(str(int(found(pattern, tree))) for pattern in patterns))
"#;

const PATTERNS: &[&str] = &[
    "self.play($$$)",
    "self.play($A)",
    "self.play(Create($A), $$$)",
    "self.play($A, run_time=$T)",
    "self.play($$$, run_time=2)",
    "Transform($A, $B)",
    "$A.next_to($B, $D, buff=$N)",
    "self.$M($X)",
    "$A + $A",
    "$F($X, $X)",
    "VGroup(*$L)",
    "[$X, $$$, $Y]",
    "lambda $P: $E",
    "for $I in range($N): $$$",
    "$A = $F($$$)\nself.play($G($A))",
    "$A = Circle($$$)\n$$$\nself.play($$$)",
    "class $C(Scene): $$$",
    "def construct(self): $$$",
    "import numpy as np",
    "f\"{$X}\"",
];

/// Further patterns: of words that stand in every text, of statements of every kind.
const MORE_PATTERNS: &[&str] = &[
    "self.add($$$)",
    "self.wait()",
    "self.$X",
    "Circle($$$)",
    "$A = Circle($$$)",
    "$A = Text($T, $$$)",
    "$A.animate.$M($$$)",
    "$A += $B",
    "$A: $T = $V",
    "return $X",
    "return",
    "del $X",
    "import $M",
    "from manim import *",
    "if $A: $$$",
    "while $A: $$$",
    "with $A: $$$",
    "def $F($$$): $$$",
    "class $C: $$$",
    "class $C(ThreeDScene): $$$",
    "for $A, $B in zip($X, $Y): $$$",
    "for $A in $B: $$$",
    "$A if $B else $C",
    "not $A",
    "$A or $B",
    "$A and $B",
    "[$X for $X in $Y]",
    "[$A for $B in $C]",
    "yield $A",
    "await $A",
    "np.array([$X, $Y, 0])",
    "print($$$)",
    "None",
    "True",
    "pass",
];

#[test]
fn patterns_are_found_line_by_line_where_trees_have_them() {
    let Some(folder) = data() else { return };
    let mut texts: Vec<String> = corpus(&folder).into_iter().filter(|text| text.len() < 20_000).collect();
    let mut random = Random(0x11e5);
    let mutants: Vec<String> = (0..6_000).map(|_| mutate(&texts[random.below(texts.len())], &mut random)).collect();
    texts.extend(mutants);
    let patterns: Vec<Pattern> =
        PATTERNS.iter().chain(MORE_PATTERNS).map(|text| Pattern::read(text).expect(text)).collect();
    // Lines that were seen in one text answer for the next ones.
    let wrong = |texts: &[String]| -> (usize, Vec<String>) {
        let mut seen: Vec<SeenLines> = patterns.iter().map(|_| SeenLines::default()).collect();
        let (mut valid, mut differing) = (0, Vec::new());
        for text in texts.iter().filter(|text| parse::check(text) == Syntax::Valid) {
            valid += 1;
            for (pattern, seen) in patterns.iter().zip(&mut seen) {
                if pattern.is_in_valid(text, seen) != pattern.is_in(text) {
                    differing.push(format!("{}\n{text}", pattern.text()));
                }
            }
        }
        (valid, differing)
    };
    let found: Vec<(usize, Vec<String>)> = parse::pool().install(|| texts.par_chunks(256).map(wrong).collect());
    let valid: usize = found.iter().map(|(valid, _)| valid).sum();
    let wrong: Vec<String> = found.into_iter().flat_map(|(_, wrong)| wrong).collect();
    println!("{valid} of {} texts are valid", texts.len());
    assert!(valid > 4_000);
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong[..wrong.len().min(3)].join("\n\n"));
}

#[test]
fn patterns_are_found_where_cpythons_trees_have_them() {
    let Some(folder) = data() else { return };
    let texts: Vec<String> = corpus(&folder).into_iter().step_by(3).filter(|text| text.len() < 20_000).collect();
    let list = serde_json::to_string(PATTERNS).expect("a list");
    let Some((minor, theirs)) = answers(PATTERN_ORACLE, &[&list], &texts) else { return };
    let patterns: Vec<Pattern> = PATTERNS.iter().map(|text| Pattern::read(text).expect(text)).collect();
    let found = |text: &String| -> String {
        patterns.iter().map(|pattern| if pattern.is_in(text) { '1' } else { '0' }).collect()
    };
    let ours: Vec<String> = parse::pool().install(|| texts.par_iter().map(found).collect());
    let (mut compared, mut hits, mut wrong) = (0, vec![0; PATTERNS.len()], Vec::new());
    for ((text, ours), theirs) in texts.iter().zip(&ours).zip(&theirs).filter(|(_, theirs)| *theirs != "bad") {
        compared += 1;
        for (at, (one, two)) in ours.chars().zip(theirs.chars()).enumerate() {
            hits[at] += usize::from(two == '1');
            if one != two {
                wrong.push(format!("{}: we say {one}, CPython 3.{minor} says {two}\n{text}", PATTERNS[at]));
            }
        }
    }
    println!("{compared} texts that parse, hits by pattern: {hits:?}");
    assert!(
        wrong.is_empty(),
        "{} differ\n{}",
        wrong.len(),
        wrong.iter().take(3).cloned().collect::<Vec<_>>().join("\n")
    );
}
