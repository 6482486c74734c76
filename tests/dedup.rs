//! The kernel that finds near-duplicates, against figures that were found by brute force elsewhere and by brute force here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rayon::prelude::*;
use scenery::dedup::clusters::{self, Layer, Member, Within};
use scenery::dedup::{self, Settings};
use scenery::ingest::pipeline::{self, Options, Progress};
use scenery::ingest::recipe::Recipe;
use scenery::sample;
use scenery::similarity::join::{self, Pair};
use scenery::similarity::lexer;
use scenery::similarity::lsh::{self, Bands, Sketch};
use scenery::similarity::renamed::{self, Renamed};
use scenery::similarity::shingles::Shingles;
use scenery::similarity::union::Union;
use scenery::store::{Begin, Method, Project, Store};
use serde_json::{Value, json};

use crate::corpus::Scratch;
use crate::real_data::data;

/// What a Python script prints, as JSON lines; none, and it is said, where there is no script or no Python.
fn python(test: &str, script: &Path, input: Option<&Path>) -> Option<Vec<Value>> {
    if !script.is_file() {
        eprintln!("SKIPPED: {test}: there is no {}", script.display());
        return None;
    }
    let stdin = input.map_or_else(Stdio::null, |path| std::fs::File::open(path).expect("the input").into());
    let output = match Command::new("python3").arg(script).stdin(stdin).stderr(Stdio::inherit()).output() {
        Err(error) => {
            eprintln!("SKIPPED: {test}: python3: {error}");
            return None;
        }
        Ok(output) => output,
    };
    assert!(output.status.success(), "{}: {}", script.display(), output.status);
    let text = String::from_utf8(output.stdout).expect("it prints UTF-8");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect())
}

/// The core: of each row its set and its code.
fn core(test: &str) -> Option<&'static [(String, String)]> {
    static ROWS: OnceLock<Option<Vec<(String, String)>>> = OnceLock::new();
    let rows = ROWS.get_or_init(|| {
        let rows = python(test, &data(test)?.join("../tools/core.py"), None)?;
        let text = |row: &Value, name: &str| row[name].as_str().expect("a text").to_owned();
        Some(rows.iter().map(|row| (text(row, "set"), text(row, "code"))).collect())
    });
    if rows.is_none() {
        eprintln!("SKIPPED: {test}: no core");
    }
    rows.as_deref()
}

/// The tokens of the script that prints the core: runs of ASCII letters, digits and `_`; else single characters.
fn plain_tokens(code: &str) -> Vec<&str> {
    let is_word = |ch: char| ch.is_ascii_alphanumeric() || ch == '_';
    // What Python calls blank: four control characters more than Rust does.
    let is_blank = |ch: char| ch.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&ch);
    let (mut out, mut begun) = (Vec::new(), None);
    for (at, ch) in code.char_indices() {
        if is_word(ch) {
            begun.get_or_insert(at);
            continue;
        }
        if let Some(from) = begun.take() {
            out.push(&code[from..at]);
        }
        if !is_blank(ch) {
            out.push(&code[at..at + ch.len_utf8()]);
        }
    }
    out.extend(begun.map(|from| &code[from..]));
    out
}

fn lexed(code: &str) -> Vec<&str> {
    lexer::tokens(code).map(|token| token.text).collect()
}

/// Finds pairs as `dedup` does: by signatures, and then exactly.
fn by_signatures(sets: &[Shingles], threshold: f64) -> Vec<Pair> {
    let bands = Bands::choose(threshold, 0.9995);
    let places: Vec<u32> = (0..sets.len() as u32).filter(|at| !sets[*at as usize].is_empty()).collect();
    let sketches: Vec<Sketch> =
        places.iter().map(|at| Sketch::of(&sets[*at as usize]).expect("it has members")).collect();
    let load = |some: &[u32]| {
        Ok::<_, ()>(some.iter().map(|at| sets[places[*at as usize] as usize].clone()).collect::<Vec<_>>())
    };
    let found = lsh::check(&sketches, &lsh::candidates(&sketches, &bands), threshold, &load).expect("nothing fails");
    let placed = |at: u32| places[at as usize];
    found.iter().map(|pair| Pair { left: placed(pair.left), right: placed(pair.right), ..*pair }).collect()
}

/// Checks what signatures find against all pairs, and prints the share.
fn check_recall(what: &str, sets: &[Shingles], threshold: f64, all: &BTreeMap<(u32, u32), f64>) {
    let found = by_signatures(sets, threshold);
    for pair in &found {
        assert_eq!(all.get(&(pair.left, pair.right)), Some(&pair.similarity), "{what} at {threshold}: {pair:?}");
    }
    let share = found.len() as f64 / all.len() as f64;
    let predicted = Bands::choose(threshold, 0.9995).recall;
    eprintln!(
        "{what} at {threshold}: {} of {} pairs by signatures, {share:.5} (at least {predicted:.5} predicted)",
        found.len(),
        all.len()
    );
    assert!(share >= 0.995, "{what} at {threshold}: {share}");
}

fn by_places(pairs: &[Pair]) -> BTreeMap<(u32, u32), f64> {
    pairs.iter().map(|pair| ((pair.left, pair.right), pair.similarity)).collect()
}

#[test]
fn the_core_has_the_pairs_that_brute_force_found() {
    let Some(rows) = core("the core") else { return };
    assert_eq!(rows.len(), 5_409);
    let sets: Vec<Shingles> =
        rows.iter().map(|(_, code)| Shingles::of_tokens(plain_tokens(code).into_iter())).collect();
    for (threshold, wanted) in [(0.8, 50_128), (0.85, 22_410), (0.9, 15_098), (0.95, 14_248), (1.0, 14_188)] {
        let all = join::pairs(&sets, threshold);
        assert_eq!(all.len(), wanted, "at {threshold}");
        check_recall("the core", &sets, threshold, &by_places(&all));
    }

    // Among which sets they are.
    let pairs = join::pairs(&sets, 0.85);
    let mut between: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for pair in &pairs {
        let (one, two) = (rows[pair.left as usize].0.as_str(), rows[pair.right as usize].0.as_str());
        *between.entry((one.min(two), one.max(two))).or_default() += 1;
    }
    for (one, two, wanted) in [
        ("derivative", "derivative", 7_859),
        ("codegen", "edoh", 6_325),
        ("codegen", "medici", 1_049),
        ("manimbench", "v2_ce_docs", 40),
        ("ce_examples", "manimbench", 25),
        ("manimbench", "manimbench", 0),
    ] {
        assert_eq!(between.get(&(one, two)).copied().unwrap_or(0), wanted, "{one} and {two}");
    }

    // What they lead to, step by step.
    let mut union = Union::new(rows.len());
    pairs.iter().for_each(|pair| union.join(pair.left, pair.right));
    let mut families: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for (at, (set, _)) in rows.iter().enumerate() {
        families.entry(union.root(at as u32)).or_default().push(set);
    }
    let largest = families.values().max_by_key(|family| family.len()).expect("one");
    assert_eq!((families.len(), largest.len()), (2_236, 421));
    assert!(largest.iter().all(|set| *set == "derivative"));

    // Equal code, and who is left.
    let mut contents: HashMap<[u8; 16], u32> = HashMap::new();
    let members: Vec<Member> = rows
        .iter()
        .map(|(_, code)| {
            let next = contents.len() as u32;
            let content = *contents.entry(sample::content_hash(code)).or_insert(next);
            Member { source: 0, within: Within::Near, content, exempt: false }
        })
        .collect();
    assert_eq!(contents.len(), 3_000);
    let edges: Vec<(u32, u32, f64)> = pairs.iter().map(|pair| (pair.left, pair.right, pair.similarity)).collect();
    let nodes = (0..rows.len() as u32).map(Some).collect();
    let layer = Layer::new(Method::Near, nodes, rows.len(), &edges);
    let order: Vec<u32> = (0..rows.len() as u32).collect();
    let chosen = clusters::choose(&members, &order, std::slice::from_ref(&layer));
    assert_eq!(chosen.iter().filter(|chosen| chosen.is_none()).count(), 2_337);
    let all = by_places(&pairs);
    for (at, chosen) in chosen.iter().enumerate().filter_map(|(at, chosen)| Some((at as u32, chosen.as_ref()?))) {
        let survivor = chosen.survivor;
        assert!(survivor < at, "the first is kept");
        assert_eq!(all.get(&(survivor, at)), Some(&chosen.similarity));
        assert_eq!(
            chosen.method == Method::Exact,
            members[at as usize].content == members[survivor as usize].content,
            "{chosen:?}"
        );
    }
}

/// All pairs with at least so many hundredths in common, by comparing every list of numbered windows with every other of
/// fitting size. Shares no code with the kernel: whole texts of five tokens are numbered, nothing is hashed.
fn brute_force(texts: &[Vec<&str>], hundredths: usize) -> BTreeMap<(u32, u32), f64> {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut lists: Vec<(u32, Vec<u32>)> = Vec::new();
    for (at, tokens) in texts.iter().enumerate() {
        let width = tokens.len().min(5);
        if width == 0 {
            continue;
        }
        let windows: BTreeSet<u32> = tokens
            .windows(width)
            .map(|window| {
                let next = numbers.len() as u32;
                *numbers.entry(window.join("\u{0}")).or_insert(next)
            })
            .collect();
        lists.push((at as u32, windows.into_iter().collect()));
    }
    lists.sort_by_key(|(_, list)| list.len());
    let one_with_later = |at: usize| {
        let (place, list) = &lists[at];
        let mut out = Vec::new();
        for (other, longer) in &lists[at + 1..] {
            if list.len() * 100 < longer.len() * hundredths {
                break;
            }
            let (mut both, mut from, mut rest) = (0, 0, list.len());
            for number in longer {
                // What is left of the shorter cannot make it any more: more than that is told below.
                if (both + rest) * 100 < (list.len() + longer.len() - both - rest) * hundredths {
                    break;
                }
                while from < list.len() && list[from] < *number {
                    from += 1;
                    rest -= 1;
                }
                if from < list.len() && list[from] == *number {
                    both += 1;
                    from += 1;
                    rest -= 1;
                }
            }
            let either = list.len() + longer.len() - both;
            if both * 100 >= either * hundredths {
                out.push(((*place.min(other), *place.max(other)), both as f64 / either as f64));
            }
        }
        out
    };
    (0..lists.len()).into_par_iter().flat_map_iter(one_with_later).collect::<Vec<_>>().into_iter().collect()
}

#[test]
fn by_our_own_tokens_the_core_has_the_pairs_of_a_search_through_all() {
    let Some(rows) = core("our own tokens") else { return };
    let texts: Vec<Vec<&str>> = rows.iter().map(|(_, code)| lexed(code)).collect();
    let wanted = brute_force(&texts, 80);
    let sets: Vec<Shingles> = rows.iter().map(|(_, code)| Shingles::of_code(code)).collect();
    for threshold in [0.8, 0.85, 0.9, 1.0] {
        let wanted: BTreeMap<_, _> =
            wanted.iter().filter(|(_, share)| **share >= threshold).map(|(places, share)| (*places, *share)).collect();
        assert_eq!(by_places(&join::pairs(&sets, threshold)), wanted, "at {threshold}");
        check_recall("our own tokens", &sets, threshold, &wanted);
    }
}

#[test]
fn sources_made_by_one_template_are_warned_of() {
    let Some(data) = data("derivative_537") else { return };
    let folder = Scratch::new("template");
    let builtin = Recipe::builtin("derivative_537").expect("a recipe");
    assert!(builtin.toml.contains("dedup = \"exact\""));
    let near =
        Recipe::from_toml(&builtin.toml.replace("dedup = \"exact\"", "dedup = \"near\""), "a test").expect("one");
    for (recipe, is_exact) in [(builtin, true), (near, false)] {
        let project = Project::init(&folder.join(if is_exact { "exact" } else { "near" })).expect("a project");
        let mut store = Store::open_for_writing(&project, "a test").expect("a store");
        let options = Options {
            sync: false,
            max_row_bytes: 64 << 20,
            dedup: Settings::default(),
            variant: None,
            now: "2026-06-01T00:00:00Z".to_owned(),
            command: String::new(),
        };
        let paths = [data.join("derivative_537")];
        pipeline::run(&mut store, &recipe, &paths, &options, &Progress::default()).expect("it is read");
        let found = dedup::find(&mut store, &Settings::default(), &|_| {}).expect("it is searched");
        let counts = found.counts();
        assert_eq!(counts.rows, 525);
        if is_exact {
            assert_eq!((counts.kept, counts.exact, found.warnings.len()), (524, 1, 0));
            continue;
        }
        eprintln!("derivative_537 with dedup = near: {counts:?} {:?}", found.warnings);
        let [warning] = found.warnings.as_slice() else { panic!("{:?}", found.warnings) };
        assert_eq!((warning.source.as_str(), warning.samples, warning.kept), ("derivative_537", 525, counts.kept));
        assert!(warning.kept * 2 < 525);
        assert_eq!(warning.kept_if_exact, 524);
        // By what the database says afterwards.
        let op = store.begin(&Begin { verb: "dedup", arguments: json!({}), now: &options.now }).expect("an op");
        dedup::apply(&mut store, &found).expect("it is written");
        store.close(op, &json!({}), &options.now).expect("it closes");
        let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
        for (_, duplicate) in store.duplicates().expect("duplicates") {
            *sizes.entry(duplicate.of).or_insert(1) += 1;
        }
        assert_eq!(Some(&warning.largest_cluster), sizes.values().max());
        assert_eq!(counts.clusters as usize, sizes.len());
        let samples = crate::corpus::all_samples(&store);
        let texts: Vec<Vec<&str>> = samples.iter().map(|sample| lexed(&sample.code)).collect();
        let mut family: Vec<usize> = (0..texts.len()).collect();
        for (one, two) in brute_force(&texts, 85).into_keys() {
            let (one, two) = (family[one as usize], family[two as usize]);
            family.iter_mut().filter(|each| **each == two).for_each(|each| *each = one);
        }
        let largest = family.iter().map(|one| family.iter().filter(|each| *each == one).count()).max();
        assert_eq!(Some(warning.largest_family as usize), largest);
    }
}

#[test]
fn renamed_copies_are_found_and_unlike_scenes_are_not() {
    let Some(rows) = core("renamed copies") else { return };
    let codes: Vec<&str> = rows.iter().filter(|(set, _)| set == "manimbench").map(|(_, code)| code.as_str()).collect();
    assert_eq!(codes.len(), 417);
    let folder = Scratch::new("renamed");
    let input: String = codes.iter().map(|code| format!("{}\n", json!({ "code": code }))).collect();
    let input = folder.write("codes.jsonl", input);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/rename.py");
    let Some(copies) = python("renamed copies", &script, Some(&input)) else { return };
    assert_eq!(copies.len(), codes.len());
    let (mut above, mut found, mut by_code, mut errors) = (0, 0, 0, 0);
    for (code, copy) in codes.iter().zip(&copies) {
        let Some(copy) = copy["renamed"].as_str() else {
            errors += 1;
            continue;
        };
        assert_eq!(Renamed::of(code).takes_part(), !renamed::shingles(code).is_empty());
        if !Renamed::of(code).takes_part() {
            continue;
        }
        above += 1;
        let likeness = renamed::shingles(code).jaccard(&renamed::shingles(copy));
        by_code += usize::from(Shingles::of_code(code).jaccard(&Shingles::of_code(copy)) >= 0.85);
        if likeness >= 0.85 {
            found += 1;
        } else {
            eprintln!("a renamed copy of likeness {likeness:.3}:\n{code}");
        }
    }
    eprintln!(
        "{above} of 417 are above the floors ({errors} could not be renamed); of their copies {found} are found, {by_code} of them by plain tokens"
    );
    assert!(errors <= 2 && above > 40, "{errors} {above}");
    assert!(found * 100 >= above * 99, "{found} of {above}");
    let sets: Vec<Shingles> = codes.iter().map(|code| renamed::shingles(code)).collect();
    assert_eq!(join::pairs(&sets, 0.85), []);
}
