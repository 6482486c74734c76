//! `decontaminate`: what is found, against naive comparisons of all pairs; canaries; verdicts; what it says to wrong input.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use scenery::dedup::canaries::{self, Class};
use scenery::dedup::contamination::{Item, LEAST_WORDS, Looked, PROMPT_NEAR, Reference, Thresholds, spans};
use scenery::sample::normalise_code;
use scenery::similarity::lexer;
use scenery::similarity::renamed::Renamed;
use scenery::store::{FoundAs, Project, Store};
use serde_json::{Value, json};

use crate::corpus::{Scratch, done, json_of, lines, run};
use crate::query_gen::Rng;
use crate::real_data::data;

const CODE: &str = "from manim import *  # all of it\nimport numpy as np\n\n\nclass Wave(Scene):\n    speed = 2\n\n    def curve(self, axes, height=1.5):\n        return axes.plot(lambda x: height * np.sin(x), color=BLUE)\n\n    def construct(self):\n        # what is seen\n        axes = Axes(x_range=[0, 10], y_range=[-2, 2])\n        self.label = Text(f'height {1}', font_size=24)\n        first, second = self.curve(axes), self.curve(axes, height=2)\n        for each in [first, second]:\n            self.play(Create(each), run_time=self.speed)\n        dots = [Dot(axes.c2p(at, 0)) for at in range(10)]\n        self.play(LaggedStart(*[FadeIn(dot) for dot in dots]), Write(self.label))\n        total = len(dots) + \\\n            1\n        self.play(first.animate.shift(UP * total), FadeOut(second))\n        self.wait()\n";

const PROMPT: &str = "Draw two waves of different height in one system of axes, put dots on the horizontal axis, and move the first wave up while the second one fades away.";

fn item(place: &str, instruction: Option<&str>, code: &str) -> Item {
    Item { place: place.to_owned(), instruction: instruction.map(str::to_owned), code: code.to_owned() }
}

/// Windows of so many texts in a row, compared as texts; all of them in one where there are fewer.
fn windows(texts: &[String], size: usize) -> BTreeSet<Vec<String>> {
    match texts.len() {
        0 => BTreeSet::new(),
        count if count < size => BTreeSet::from([texts.to_vec()]),
        _ => texts.windows(size).map(<[String]>::to_vec).collect(),
    }
}

fn jaccard(left: &BTreeSet<Vec<String>>, right: &BTreeSet<Vec<String>>) -> f64 {
    let both = left.intersection(right).count();
    let either = left.len() + right.len() - both;
    if either == 0 { 0.0 } else { both as f64 / either as f64 }
}

/// What of a text the naive comparison looks at.
struct Naive {
    plain: String,
    tokens: BTreeSet<Vec<String>>,
    renamed: BTreeSet<Vec<String>>,
    words: Vec<String>,
    pairs: BTreeSet<Vec<String>>,
}

impl Naive {
    fn of(code: &str, instruction: Option<&str>) -> Naive {
        let tokens: Vec<String> = lexer::tokens(code).map(|token| token.text.to_owned()).collect();
        let other = Renamed::of(code);
        let renamed: Vec<String> = other.tokens().map(str::to_owned).collect();
        let mut words: Vec<String> = vec![String::new()];
        for ch in instruction.unwrap_or_default().to_lowercase().chars() {
            match words.last_mut() {
                Some(word) if ch.is_alphanumeric() => word.push(ch),
                _ => words.push(String::new()),
            }
        }
        words.retain(|word| !word.is_empty());
        Naive {
            plain: normalise_code(code),
            tokens: windows(&tokens, 5),
            renamed: if other.takes_part() { windows(&renamed, 5) } else { BTreeSet::new() },
            pairs: windows(&words, 2),
            words,
        }
    }

    /// The strongest method by which two are alike, and how alike.
    fn like(&self, other: &Naive, thresholds: Thresholds) -> Option<(FoundAs, f64)> {
        if !self.plain.is_empty() && self.plain == other.plain {
            return Some((FoundAs::Exact, 1.0));
        }
        let near = jaccard(&self.tokens, &other.tokens);
        if near >= thresholds.code {
            return Some((FoundAs::Near, near));
        }
        let renamed = jaccard(&self.renamed, &other.renamed);
        if renamed >= thresholds.code {
            return Some((FoundAs::Renamed, renamed));
        }
        if !self.words.is_empty() && self.words == other.words {
            return Some((FoundAs::Prompt, 1.0));
        }
        let prompt = jaccard(&self.pairs, &other.pairs);
        let long = self.words.len() >= LEAST_WORDS && other.words.len() >= LEAST_WORDS;
        (long && prompt >= thresholds.prompt).then_some((FoundAs::Prompt, prompt))
    }
}

/// Texts in families: edits, renamings and rewordings of each other.
fn texts(rng: &mut Rng, count: usize) -> Vec<Item> {
    let mut out: Vec<Item> = Vec::new();
    for at in 0..count {
        let fresh = |rng: &mut Rng| {
            let long = if rng.chance(50) { CODE } else { "" };
            format!("{long}{}", (0..1 + rng.below(4)).map(|_| crate::corpus::code(rng)).collect::<String>())
        };
        let code = match rng.below(6) {
            0 => fresh(rng),
            1 if at > 0 => out[rng.below(at)].code.clone(),
            2 | 3 if at > 0 => format!("{}more_{at} = {at}\n", out[rng.below(at)].code),
            4 if at > 0 => {
                out[rng.below(at)].code.replace("axes", &format!("plane{at}")).replace("first", "one").replace('2', "3")
            }
            _ => fresh(rng),
        };
        let prompt = match rng.below(5) {
            0 => None,
            1 => crate::corpus::instruction(rng),
            _ => {
                let mut words: Vec<String> = PROMPT.split(' ').map(str::to_owned).collect();
                words.truncate(6 + rng.below(30));
                for _ in 0..rng.below(4) {
                    let place = rng.below(words.len());
                    words[place] = (*rng.pick(crate::corpus::WORDS)).to_owned();
                }
                Some(words.join(" "))
            }
        };
        out.push(item(&format!("t:{at}"), prompt.as_deref(), &code));
    }
    out
}

#[test]
fn what_is_found_is_what_a_comparison_of_all_pairs_finds() {
    let mut rng = Rng::new(71);
    let mut counts: BTreeMap<FoundAs, usize> = BTreeMap::new();
    for thresholds in
        [Thresholds::default(), Thresholds { code: 0.6, prompt: 0.5 }, Thresholds { code: 1.0, prompt: 1.0 }]
    {
        let (items, samples) = (texts(&mut rng, 60), texts(&mut rng, 90));
        let known: Vec<Naive> = items.iter().map(|item| Naive::of(&item.code, item.instruction.as_deref())).collect();
        let reference = Reference::new(items.clone(), thresholds);
        for sample in items.iter().chain(&samples) {
            let naive = Naive::of(&sample.code, sample.instruction.as_deref());
            let expected: Vec<(u32, FoundAs, f64)> = known
                .iter()
                .enumerate()
                .filter_map(|(at, item)| {
                    let (method, score) = naive.like(item, thresholds)?;
                    Some((at as u32, method, score))
                })
                .collect();
            let looked = reference.look(&sample.code, sample.instruction.as_deref());
            let found: Vec<(u32, FoundAs, f64)> =
                looked.hits.iter().map(|hit| (hit.item, hit.method, hit.score)).collect();
            assert_eq!(found, expected, "{thresholds:?} {sample:?}");
            assert_eq!(looked.above_floor, !naive.renamed.is_empty());
            for (_, method, _) in &found {
                *counts.entry(*method).or_insert(0) += 1;
            }
        }
    }
    assert!(FoundAs::ALL.iter().all(|(method, _)| counts.get(method).copied().unwrap_or(0) > 30), "{counts:?}");
}

#[test]
fn planted_pairs_stand_on_their_side_of_the_threshold() {
    // A text of n tokens that are all different has n - 4 windows; with its last k left out, n - 4 - k of these.
    let text = |count: usize| (0..count).map(|at| format!("t{at}\n")).collect::<String>();
    for (kept, hit) in [(80, false), (84, false), (85, true), (86, true), (90, true)] {
        let reference = Reference::new(vec![item("r", None, &text(104))], Thresholds::default());
        let looked = reference.look(&text(kept + 4), None);
        assert_eq!(looked.hits.len(), usize::from(hit), "{kept}");
        if hit {
            assert_eq!(looked.hits[0].score, kept as f64 / 100.0);
            assert_eq!(looked.hits[0].span, format!("1-{}", kept + 4));
        }
        let words = |count: usize| (0..count).map(|at| format!("w{at} ")).collect::<String>();
        let reference = Reference::new(vec![item("r", Some(&words(101)), "")], Thresholds { prompt: 0.85, code: 1.0 });
        let looked = reference.look("", Some(&words(kept + 1)));
        assert_eq!(
            looked.hits.iter().map(|hit| hit.span.as_str()).collect::<Vec<_>>(),
            vec!["instruction"; usize::from(hit)]
        );
    }
    // Short prompts are told apart by one word.
    let reference = Reference::new(
        vec![item("r", Some("Create a square with side length 2 and color it blue."), "")],
        Thresholds { prompt: 0.5, code: 0.5 },
    );
    assert!(reference.look("", Some("Create a square with side length 2 and color it red.")).hits.is_empty());
    assert_eq!(reference.look("", Some("create a SQUARE, with side length 2 and color it blue")).hits.len(), 1);
    assert!(reference.look("x = 1", None).hits.is_empty());
}

#[test]
fn spans_are_lines_of_runs_of_matched_tokens() {
    // Tokens 0 to 5 in line 1, 6 to 11 in line 2, 12 to 17 in line 4, 18 to 23 in line 6.
    let code = "a = f(b)\nc = f(d)\n# e\ng = f(h)\n\ni = f(j)\n";
    let met = |places: &[usize]| (0..20).map(|at| places.contains(&at)).collect::<Vec<_>>();
    assert_eq!(spans(code, &met(&[])), "");
    assert_eq!(spans(code, &met(&[0])), "1");
    assert_eq!(spans(code, &met(&[0, 1])), "1");
    assert_eq!(spans(code, &met(&[2])), "1-2");
    assert_eq!(spans(code, &met(&[0, 7])), "1-2", "runs in two lines in a row are one");
    assert_eq!(spans(code, &met(&[0, 12])), "1,4");
    assert_eq!(spans(code, &met(&[6, 12])), "2,4", "a comment between two runs is part of neither");
    assert_eq!(spans(code, &met(&[8])), "2-4", "but may lie within one");
    assert_eq!(spans(code, &met(&[0, 13, 14, 19])), "1,4-6");
    assert_eq!(spans("x = 1", &[true]), "1", "fewer tokens than a shingle has");
    assert_eq!(spans("x = '''a\nb\nc'''\r\ny = 1", &[true, false]), "1-4");
    assert_eq!(spans("a = 1\rb = 2\r\nc", &[false, true, false]), "1-2");
    assert_eq!(spans("", &[]), "");
    // What was put into a copy is no part of the span.
    let copy = CODE.replace("        self.wait()\n", "        other = [1, 2]\n        self.wait()\n");
    let looked = Reference::new(vec![item("r", None, CODE)], Thresholds::default()).look(&copy, None);
    assert_eq!((looked.hits[0].method, looked.hits[0].span.as_str()), (FoundAs::Near, "1-22,24"));
    let looked = Reference::new(vec![item("r", None, CODE)], Thresholds::default()).look(&format!("\n{CODE}\n"), None);
    assert_eq!((looked.hits[0].method, looked.hits[0].span.as_str()), (FoundAs::Exact, "2-24"));
}

fn variant(class: Class, code: &str) -> Option<String> {
    canaries::plant(class, &item("a", None, code)).map(|(code, _)| code)
}

#[test]
fn canaries_that_are_only_set_otherwise_have_the_same_tokens() {
    let texts = |code: &str| lexer::tokens(code).map(|token| token.text.to_owned()).collect::<Vec<_>>();
    let odd = [
        "x = 'abc\ny = 1  # z",
        "\u{feff}x = 1\n",
        "a = '''b\n\n  c",
        "$ ? \\",
        "x\\\n = 1",
        "é = '\\",
        "1if x else.5\r\r\n",
    ];
    for code in odd.into_iter().chain([CODE]) {
        for class in [Class::Reformatted, Class::CommentsStripped, Class::CommentsAdded] {
            if let Some(variant) = variant(class, code) {
                assert_eq!(texts(&variant), texts(code), "{code:?}\n{variant:?}");
            }
        }
    }
    let changed = variant(Class::Reformatted, CODE).expect("it has tokens");
    assert!(
        changed.contains("\r\n") && changed.contains("        speed = 2") && changed.contains("x_range = "),
        "{changed}"
    );
    let bare = variant(Class::CommentsStripped, CODE).expect("it has comments");
    assert!(!bare.contains('#') && !bare.contains("what is seen"), "{bare}");
    assert_eq!(variant(Class::CommentsStripped, "x = '# no'"), None);
    assert!(variant(Class::CommentsAdded, CODE).expect("it has tokens").matches("# remark").count() > 15);
}

#[test]
fn canaries_are_renamed_throughout() {
    let variant = variant(Class::Renamed, CODE).expect("it binds names");
    for name in ["Wave", "label", "curve", "first", "second", "each", "dots", "total", " np", "24", "1.5"] {
        assert!(!variant.contains(name), "{name}\n{variant}");
    }
    // Names of arguments stay, and with them the parameter; a class body's name that is an attribute too.
    for name in ["height=", "speed", "construct", "x_range=", "run_time=", "f'text", "numpy", "Axes", ".plot"] {
        assert!(variant.contains(name), "{name}\n{variant}");
    }
    let (one, two) = (Renamed::of(CODE), Renamed::of(&variant));
    assert!(one.tokens().eq(two.tokens()), "{variant}");
    assert!(one.takes_part());
    assert_eq!(canaries::plant(Class::Renamed, &item("a", None, "self.play(Create(Circle()))")), None);
}

#[test]
fn canaries_are_reworded_as_far_as_their_length_allows() {
    let words = |text: &str| -> Vec<String> { scenery::similarity::words::words(text).collect() };
    let reworded = |place: &str, text: &str| canaries::plant(Class::Reworded, &item(place, Some(text), ""));
    assert_eq!(reworded("a", "..."), None);
    for place in 0..24 {
        let short = "Draw a circle, then a square.";
        let (_, variant) = reworded(&place.to_string(), short).expect("it has words");
        assert_ne!(variant.as_deref(), Some(short));
        assert_eq!(words(&variant.unwrap_or_default()), words(short), "a short one keeps its words");
        let (_, variant) = reworded(&place.to_string(), PROMPT).expect("it has words");
        let variant = words(&variant.unwrap_or_default());
        assert_ne!(variant, words(PROMPT));
        assert_eq!(variant.len(), words(PROMPT).len());
    }
}

#[test]
fn every_class_is_found_and_a_blind_search_fails() {
    let items = vec![item("a:1", Some(PROMPT), CODE), item("a:2", None, "x = 1\n")];
    let reference = Reference::new(items, Thresholds::default());
    let counted =
        |outcomes: &[canaries::Outcome]| outcomes.iter().map(|each| (each.planted, each.found)).collect::<Vec<_>>();
    let outcomes = canaries::run(&reference, &|code, instruction| reference.look(code, instruction));
    assert_eq!(counted(&outcomes), [(2, 2), (2, 2), (1, 1), (2, 2), (1, 1), (1, 1)]);
    assert!(outcomes[4].unsuited.as_deref().is_some_and(|why| why.contains("1 below the floor")));
    assert_eq!(canaries::run(&reference, &|code, instruction| reference.look(code, instruction)), outcomes);
    let blind = canaries::run(&reference, &|code, _| reference.look(code, None));
    assert_eq!(counted(&blind), [(2, 2), (2, 2), (1, 1), (2, 2), (1, 1), (1, 0)]);
    assert_eq!(blind[5].missed[0].item, 0);
    let strict = |code: &str, instruction: Option<&str>| {
        let mut looked = reference.look(code, instruction);
        looked.hits.retain(|hit| hit.method == FoundAs::Exact);
        looked
    };
    assert_eq!(counted(&canaries::run(&reference, &strict)), [(2, 2), (2, 1), (1, 0), (2, 0), (1, 0), (1, 0)]);
    let none = canaries::run(&reference, &|_, _| Looked::default());
    assert!(none.iter().all(|each| each.found == 0 && each.missed.len() as u64 == each.planted));
}

/// A project with a source `mine` of three samples, the second a renamed copy of the first, and the third its prompt.
fn project(folder: &Scratch) -> PathBuf {
    let dir = folder.join("p");
    done(folder.path(), &["init", "p"]);
    let renamed = variant(Class::Renamed, CODE).expect("it binds names");
    let rows = [
        json!({ "q": "Waves.", "a": CODE }),
        json!({ "q": "Something else.", "a": renamed }),
        json!({ "q": PROMPT.to_uppercase(), "a": "from manim import *\n\n\nclass A(Scene):\n    def construct(self):\n        self.wait(3)\n" }),
        json!({ "q": "Not in it.", "a": "from manim import *\n\n\nclass B(Scene):\n    def construct(self):\n        self.add(Dot())\n        self.wait(4)\n" }),
    ];
    let table = folder.write("mine.jsonl", lines(&rows));
    let read = ["ingest", "--reader", "table", "--field", "instruction=q", "--field", "code=a", "mine"];
    done(&dir, &[&read[..], &[table.to_str().expect("a path")]].concat());
    let bench = [
        json!({ "prompt": PROMPT, "solution": CODE }),
        json!({ "prompt": "Nothing of it.", "solution": "print('a', 'b', 'c', 'd')\n" }),
    ];
    folder.write("p/bench.jsonl", lines(&bench));
    dir
}

#[test]
fn verdicts_are_stored_and_gone_while_their_op_is_undone() {
    let folder = Scratch::new("verdicts");
    let dir = project(&folder);
    let dry = json_of(&dir, &["decontaminate", "--against", "bench.jsonl", "--dry-run", "--json"]);
    assert_eq!(dry["op"], Value::Null);
    let found = json_of(&dir, &["decontaminate", "--against", "bench.jsonl", "--pairs", "hits.jsonl", "--json"]);
    assert_eq!(found["hits"], json!({ "exact": 1, "near": 0, "renamed": 1, "prompt": 1 }));
    assert_eq!(dry["hits"], found["hits"]);
    assert_eq!((&found["samples"], &found["samples_hit"]), (&json!(4), &json!(3)));
    assert_eq!(found["reference"], json!({ "items": 2, "code": 2, "above_floor": 1, "prompts": 2 }));
    assert_eq!(found["canaries"]["renamed"], json!({ "planted": 1, "found": 1 }));
    let hits: Vec<Value> = std::fs::read_to_string(dir.join("hits.jsonl"))
        .expect("a file")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let methods: Vec<&str> = hits.iter().filter_map(|hit| hit["method"].as_str()).collect();
    assert_eq!(methods, ["exact", "renamed", "prompt"]);
    assert!(hits.iter().all(|hit| hit["place"] == json!("bench.jsonl:1")), "{hits:?}");
    assert_eq!((&hits[0]["span"], &hits[2]["span"]), (&json!("1-23"), &json!("instruction")));
    let stored = || {
        let store = Store::open(&Project::find(&dir).expect("a project")).expect("a store");
        let all = store.verdicts().expect("verdicts");
        let by_row: usize =
            store.present_rows().expect("rows").iter().map(|row| store.verdicts_of(row).expect("verdicts").len()).sum();
        assert_eq!(by_row, all.len());
        all.into_iter().map(|each| (each.method, each.reference, each.place)).collect::<Vec<_>>()
    };
    let at = |method| (method, "bench.jsonl".to_owned(), "bench.jsonl:1".to_owned());
    let all = [at(FoundAs::Exact), at(FoundAs::Renamed), at(FoundAs::Prompt)];
    assert_eq!(stored(), all);
    done(&dir, &["undo"]);
    assert_eq!(stored(), []);
    let op = found["op"].as_i64().expect("an op");
    done(&dir, &["undo", &(op + 1).to_string()]);
    assert_eq!(stored(), all, "an undo that is undone brings them back");
    // Rejected with them in one op.
    let rejected = json_of(&dir, &["decontaminate", "--against", "bench.jsonl", "--reject", "--json"]);
    assert_eq!(rejected["rejected"], json!(3));
    assert_eq!(done(&dir, &["count", "state:rejected reason:contaminated"]).trim(), "3");
    assert_eq!(stored().len(), 6);
    done(&dir, &["undo"]);
    assert_eq!((done(&dir, &["count"]).trim(), stored().len()), ("4", 3));
    let (code, out, _) = run(&dir, &["decontaminate", "--against", "bench.jsonl", "-n", "1", "--", "waves"]);
    assert_eq!(code, 0);
    assert!(out.contains("renamed") && out.contains("verbatim") && out.contains("bench.jsonl:1"), "{out}");
}

#[test]
fn a_missed_canary_fails_the_run_and_nothing_is_stored() {
    let folder = Scratch::new("missed");
    let dir = project(&folder);
    let strict = ["decontaminate", "--against", "bench.jsonl", "--prompt-threshold", "0.99", "--pairs", "hits.jsonl"];
    let (code, out, err) = run(&dir, &strict);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("1 MISSED") && out.contains("verbatim") && !out.contains("stands in"), "{out}");
    assert!(err.contains("prompt reworded: 1 of 2 (bench.jsonl:1)") && err.contains("0.75 finds it"), "{err}");
    assert!(!dir.join("hits.jsonl").exists());
    let (code, out, err) = run(&dir, &[&strict[..], &["--json"]].concat());
    let shape: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &shape["canaries"]["prompt_reworded"]), (1, &json!({ "planted": 2, "found": 1 })), "{err}");
    assert_eq!((&shape["hits"], &shape["op"]), (&Value::Null, &Value::Null));
    assert!(err.contains("\"kind\":\"canary\""), "{err}");
    let log = json_of(&dir, &["log", "--json"]);
    assert!(!log.to_string().contains("decontaminate"), "{log}");
}

#[test]
fn sources_scripts_and_folders_are_compared_and_their_own_samples_are_not() {
    let folder = Scratch::new("references");
    let dir = project(&folder);
    let read = ["ingest", "--reader", "table", "--field", "instruction=prompt", "--field", "code=solution"];
    done(&dir, &[&read[..], &["bench", "bench.jsonl"]].concat());
    let found = json_of(&dir, &["decontaminate", "--against", "bench", "--json"]);
    assert_eq!((&found["samples"], &found["samples_hit"]), (&json!(4), &json!(3)));
    let found = json_of(&dir, &["decontaminate", "--against", "bench.jsonl", "--source-like", "bench", "--json"]);
    assert_eq!((&found["samples"], &found["samples_hit"]), (&json!(6), &json!(5)));
    folder.write("p/scripts/one.py", CODE);
    folder.write("p/scripts/deep/two.py", "print(1, 2, 3)\n");
    let found = json_of(&dir, &["decontaminate", "--against", "scripts", "--json", "--", "-source:bench"]);
    assert_eq!(found["hits"], json!({ "exact": 1, "near": 0, "renamed": 1, "prompt": 0 }));
    assert_eq!(found["reference"], json!({ "items": 2, "code": 2, "above_floor": 1, "prompts": 0 }));
    let found = json_of(&dir, &["decontaminate", "--against", "scripts/one.py", "--json", "-source:bench"]);
    assert_eq!(found["samples_hit"], json!(2));
    let (_, out, _) = run(&dir, &["decontaminate", "--against", "scripts/one.py", "-source:bench"]);
    assert!(out.contains("none possible"), "{out}");
    // Instructions alone.
    let prompts = ["decontaminate", "--against", "bench.jsonl", "--field", "instruction=prompt", "--json"];
    let found = json_of(&dir, &prompts);
    assert_eq!(found["reference"], json!({ "items": 2, "code": 0, "above_floor": 0, "prompts": 2 }));
    assert_eq!(found["hits"]["prompt"], json!(3));
}

#[test]
fn wrong_input_is_told_what_to_do() {
    let folder = Scratch::new("wrong");
    let dir = project(&folder);
    folder.write("p/empty.jsonl", "");
    folder.write("p/odd.jsonl", "{\"n\":1}\n{\"n\":2}\n");
    folder.write("p/blank.jsonl", "{\"code\":\"\"}\n{\"code\":null}\n");
    folder.write("p/binary.jsonl", [0u8, 159, 146, 150, 0, 1, 2, 3]);
    folder.write("p/bad.py", [0xffu8, 0xfe, 0x20]);
    folder.write("p/nothing/readme.txt", "no code here");
    folder.write("p/mixed/a.py", "x = 1\n");
    folder.write("p/mixed/b.jsonl", "{\"code\":\"x = 1\"}\n");
    folder.write("p/none.py", "\n\n");
    for (arguments, code, part) in [
        (&["--against", "missing.jsonl"][..], 1, "no such file or folder, and no such source"),
        (&["--against", "mime"], 1, "did you mean mine?"),
        (&["--against", "manimbench"], 1, "it is in the catalogue"),
        (&["--against", "empty.jsonl"], 1, "empty"),
        (&["--against", "odd.jsonl"], 2, "--field instruction=COLUMN --field code=COLUMN"),
        (&["--against", "blank.jsonl", "--field", "code=code"], 1, "none has code that can be taken"),
        (&["--against", "binary.jsonl"], 1, "binary.jsonl"),
        (&["--against", "bad.py"], 1, "not UTF-8"),
        (&["--against", "none.py"], 1, "neither code nor an instruction"),
        (&["--against", "nothing"], 1, "no table and no .py file"),
        (&["--against", "mixed"], 2, "1 .py files and 1 tables"),
        (&["--against", "bench.jsonl", "--threshold", "2"], 2, "--threshold: 2 is not a number from 0.5 to 1"),
        (&["--against", "bench.jsonl", "--prompt-threshold", "0.1"], 2, "--prompt-threshold"),
        (&["--against", "bench.jsonl", "--field", "codes=solution"], 2, "did you mean code?"),
        (&["--against", "bench.jsonl", "--field", "level=solution"], 2, "only `instruction` and `code` are compared"),
        (&["--against", "bench.jsonl", "--field", "code=missing"], 1, "columns are prompt, solution"),
        (&["--against", "bench.jsonl", "--source-like", "manimbensh"], 2, "did you mean manimbench?"),
        (&["--against", "mine", "--field", "code=a"], 2, "is a source of this store"),
        (&["--against", "mine"], 1, "are of mine itself"),
        (&["--against", "bench.jsonl", "--", "lines:1000.."], 1, "the query selects nothing"),
        (&["--against", "bench.jsonl", "--", "linse:3"], 2, "lines"),
        (&["--against", "bench.jsonl", "--", "at:op1 waves"], 2, "only samples as they are now"),
    ] {
        let (got, out, err) = run(&dir, &[&["decontaminate"][..], arguments].concat());
        assert_eq!(got, code, "{arguments:?}: {out}{err}");
        assert!(err.contains(part), "{arguments:?}: {err}");
        assert!(!out.contains("stands in"), "{arguments:?}: {out}");
    }
    assert_eq!(json_of(&dir, &["log", "--json"]).as_array().map(Vec::len), Some(1), "nothing was stored");
}

#[test]
fn manimbench_holds_the_gallery_and_the_documentation() {
    let Some(data) = data("manimbench against the gallery and the documentation") else { return };
    let folder = Scratch::new("contaminated");
    let dir = folder.join("p");
    done(folder.path(), &["init", "p"]);
    let at = |name: &str| data.join(name).display().to_string();
    done(&dir, &["ingest", "manimbench", &at("manimbench/manim_sft_dataset.csv")]);
    done(&dir, &["ingest", "timholds_ce", &at("timholds_v1")]);
    let items = |found: &str| -> (usize, BTreeSet<String>) {
        let text = std::fs::read_to_string(dir.join(found)).expect("a file");
        let hits: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let places: BTreeSet<&str> = hits.iter().filter_map(|hit| hit["place"].as_str()).collect();
        let methods = hits.iter().filter_map(|hit| hit["method"].as_str()).map(str::to_owned).collect();
        (places.len(), methods)
    };
    let exact = BTreeSet::from(["exact".to_owned()]);
    let gallery = ["decontaminate", "--against", "timholds_ce", "--pairs", "ce.jsonl", "--json", "--"];
    let found = json_of(&dir, &[&gallery[..], &["source:manimbench"]].concat());
    eprintln!("gallery: {found}");
    assert_eq!((&found["reference"]["items"], &found["samples"]), (&json!(27), &json!(417)));
    assert_eq!(items("ce.jsonl"), (25, exact.clone()));
    let docs = at("timholds_v2/test_extraction_dataset.jsonl");
    let compared = ["decontaminate", "--against", &docs, "--source-like", "timholds_docs", "--pairs", "docs.jsonl"];
    let found = json_of(&dir, &[&compared[..], &["--json", "--", "source:manimbench"]].concat());
    eprintln!("documentation: {found}");
    assert_eq!(found["reference"]["items"], json!(44));
    assert_eq!(items("docs.jsonl"), (40, exact));
    assert_eq!(PROMPT_NEAR, 0.75);
}
