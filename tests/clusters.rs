//! Who stands for whom: what `dedup` makes of random stores, against a greedy choice written down plainly here, in any
//! order, in batches, on any number of threads, and after survivors went away.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use scenery::dedup::policy::{Clause, Policy};
use scenery::dedup::{self, Settings};
use scenery::sample::{DescriptionKind, RevisionKind, Sample, SampleId, Side, State, hash16};
use scenery::similarity::lexer;
use scenery::store::{Begin, Content, Method, Prepared, Project, Store, StoreError, encode_facts};
use scenery::{analyze, curate};
use serde_json::{Value, json};

use crate::corpus::{RECIPE, Scratch, all_samples, done, json_of, lines, source};
use crate::query_gen::Rng;

/// Sources: name, rank, and what happens to duplicates inside.
const SOURCES: &[(&str, u8, &str)] =
    &[("high", 5, "near"), ("strict", 3, "exact"), ("loose", 2, "off"), ("low", 2, "near")];

/// A sample to be.
#[derive(Clone, Debug)]
struct Spec {
    source: usize,
    key: String,
    code: String,
    kind: DescriptionKind,
    exempt: bool,
}

/// A text as statements of tokens.
fn statements(rng: &mut Rng) -> Vec<Vec<String>> {
    (0..rng.between(12, 40))
        .map(|_| {
            let (name, shape) = (rng.below(9), *rng.pick(&["Circle", "Square", "Dot", "Text", "Axes"]));
            let line = match rng.below(3) {
                0 => format!("m{name} = {shape} ( x = {} )", rng.below(30)),
                1 => format!("self . play ( Create ( m{name} ) , run_time = {} )", rng.below(30)),
                _ => format!("m{name} . shift ( {} * UP + {} )", rng.below(30), rng.below(30)),
            };
            line.split(' ').map(str::to_owned).collect()
        })
        .collect()
}

fn written(statements: &[Vec<String>], rng: &mut Rng) -> String {
    let (ends, comment) = (rng.below(4), rng.below(3) == 0);
    let mut out = "from manim import *\n\nclass A(Scene):\n    def construct(self):\n".to_owned();
    for (at, statement) in statements.iter().enumerate() {
        out.push_str(&format!("        {}", statement.concat()));
        out.push_str(match (ends, at % 7) {
            (1, 3) => "  ",
            (2, _) => "\r",
            _ => "",
        });
        out.push('\n');
    }
    if comment {
        out.push_str(&format!("        # {}\n", rng.below(3)));
    }
    out + ["", "\n\n", "  \n"][rng.below(3)]
}

/// Samples in clusters: copies, copies with other line ends or comments, edits of edits, and short ones.
fn specs(rng: &mut Rng, count: usize) -> Vec<Spec> {
    let mut texts: Vec<Vec<Vec<String>>> = Vec::new();
    (0..count)
        .map(|at| {
            let code = if rng.chance(8) {
                (*rng.pick(&["x = 1", "x = 1\n", "# nothing", "# nothing else", "f(x)", "a.b(c)", "self.wait ( 2 )"]))
                    .to_owned()
            } else {
                let mut text = match texts.len() {
                    0 => statements(rng),
                    many if rng.chance(80) => texts[rng.below(many)].clone(),
                    _ => statements(rng),
                };
                for _ in 0..[0, 0, 1, 1, 2, 3, 6][rng.below(7)] {
                    let line = rng.below(text.len());
                    let token = rng.below(text[line].len());
                    text[line][token] = format!("w{}", rng.below(5));
                }
                let code = written(&text, rng);
                texts.push(text);
                code
            };
            Spec {
                source: rng.below(SOURCES.len()),
                key: format!("k{at}"),
                code,
                kind: *rng.pick(DescriptionKind::ALL),
                exempt: rng.chance(5),
            }
        })
        .collect()
}

fn fresh(folder: &Scratch, name: &str) -> Store {
    let project = Project::init(&folder.join(name)).expect("a project");
    Store::open_for_writing(&project, "a test").expect("a store")
}

const NOW: &str = "2026-06-01T00:00:00Z";

/// Does something under an op of its own, as commands do: what loses its survivor has another before the op closes.
fn under_op(store: &mut Store, verb: &str, settings: &Settings, act: &dyn Fn(&mut Store, i64)) -> i64 {
    let op = store.begin(&Begin { verb, arguments: json!({ "test": verb }), now: NOW }).expect("an op");
    act(store, op);
    dedup::regrow(store, settings).expect("it regrows");
    store.close(op, &json!({}), NOW).expect("it closes");
    op
}

/// Reads samples, new ones or with other content than before.
fn put(store: &mut Store, specs: &[&Spec], settings: &Settings) -> i64 {
    let op = under_op(store, "ingest", settings, &|store, op| {
        let mut numbered = |(name, rank, dedup): &(&str, u8, &str)| {
            let mut record = source(name, "MIT", *rank, &[], None);
            record.dedup = (*dedup).to_owned();
            (store.put_source(&record).expect("a source"), record)
        };
        let sources: Vec<_> = SOURCES.iter().map(&mut numbered).collect();
        let analyser = store.analyser_number(&analyze::analyser_version()).expect("an analyser");
        let mut next = store.next_row().expect("a row");
        let batch: Vec<Prepared> = specs
            .iter()
            .map(|spec| {
                let (number, record) = &sources[spec.source];
                let id = SampleId::new(&record.name, &spec.key);
                let known = store.known(&id).expect("it can be looked up");
                let row = known.as_ref().map_or(next, |known| known.row);
                next += u32::from(known.is_none());
                let instruction = (spec.kind != DescriptionKind::None).then(|| "Draw it.".to_owned());
                let read = Content::new(instruction.clone(), &spec.code).expect("it packs");
                let facts = analyze::analyse(&spec.code, instruction.as_deref(), None, &[]);
                let sample = Sample {
                    row,
                    id,
                    source: record.name.clone(),
                    key: spec.key.clone(),
                    locator: spec.key.clone(),
                    state: State::Kept,
                    reason: None,
                    instruction,
                    code: spec.code.clone(),
                    revision: RevisionKind::Read,
                    cleaners: Vec::new(),
                    licence: record.licence.clone(),
                    rank: record.rank,
                    level: None,
                    split: None,
                    held: false,
                    split_given: Some(Side::Train),
                    tags: BTreeSet::new(),
                    description_kind: spec.kind,
                    meta: Default::default(),
                    family: None,
                    content: read.hash,
                    added: NOW.to_owned(),
                    facts,
                    written: None,
                };
                let facts = encode_facts(&sample.facts).expect("it packs");
                let read_hash = hash16(&[spec.code.as_bytes(), spec.kind.word().as_bytes()]);
                let (licence, dialect, issues) = (None, None, Vec::new());
                Prepared {
                    sample,
                    source: *number,
                    read,
                    fixed: None,
                    read_hash,
                    licence,
                    dialect,
                    issues,
                    facts,
                    known,
                    generation: None,
                }
            })
            .collect();
        store.put(op, analyser, &batch).expect("it is written");
    });
    let exempt: Vec<(u32, Value)> = specs
        .iter()
        .filter(|spec| spec.exempt)
        .map(|spec| {
            let known = store.known(&SampleId::new(SOURCES[spec.source].0, &spec.key)).expect("it can be looked up");
            (known.expect("it was put").row, json!({ "exempt": 1 }))
        })
        .collect();
    crate::corpus::change(store, &exempt, NOW);
    op
}

fn dedup_now(store: &mut Store, settings: &Settings) -> dedup::Found {
    let found = dedup::find(store, settings, &|_| {}).expect("it is searched");
    let op = store.begin(&Begin { verb: "dedup", arguments: json!({}), now: NOW }).expect("an op");
    dedup::apply(store, &found).expect("it is written");
    store.close(op, &json!({}), NOW).expect("it closes");
    found
}

/// What a duplicate carries, with the survivor's id.
type Of = (SampleId, f64, Method, String);

/// Every sample by id: its state, and what it is a duplicate of.
fn standings(store: &Store) -> BTreeMap<SampleId, (State, Option<Of>)> {
    let samples = all_samples(store);
    let ids: BTreeMap<u32, SampleId> = samples.iter().map(|sample| (sample.row, sample.id)).collect();
    let of = |row: u32| {
        let found = store.duplicate_of(row).expect("it can be looked up")?;
        Some((ids[&found.of], found.similarity, found.method, found.clause))
    };
    samples.iter().map(|sample| (sample.id, (sample.state, of(sample.row)))).collect()
}

fn windows(code: &str) -> BTreeSet<Vec<String>> {
    let tokens: Vec<String> = lexer::tokens(code).map(|token| token.text.to_owned()).collect();
    match tokens.len() {
        0 => BTreeSet::new(),
        1..=4 => BTreeSet::from([tokens]),
        _ => tokens.windows(5).map(<[String]>::to_vec).collect(),
    }
}

/// Code without what does not count: line ends, blanks at them, empty lines about it.
fn plain(code: &str) -> String {
    let lines: Vec<String> = code
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .split('\n')
        .map(|line| line.trim_end_matches([' ', '\t', '\u{c}']).to_owned())
        .collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// Which of two goes first by a policy, and why.
fn goes_first(policy: &[&str], one: &Sample, two: &Sample) -> (Ordering, String) {
    for clause in policy {
        let quality = |sample: &Sample| sample.facts.number("quality").map(|number| number as i64);
        let shown = |number: Option<i64>| number.map_or("none".to_owned(), |number| number.to_string());
        let (order, values) = match *clause {
            "rank" => (two.rank.cmp(&one.rank), format!("{} over {}", one.rank, two.rank)),
            "validation" => continue,
            "description" => {
                let place = |sample: &Sample| {
                    let words = ["reviewed", "human", "llm", "template", "none"];
                    words.iter().position(|word| *word == sample.description_kind.word())
                };
                let values = format!("{} over {}", one.description_kind, two.description_kind);
                (place(one).cmp(&place(two)), values)
            }
            "quality" => {
                let order = quality(two).unwrap_or(-1).cmp(&quality(one).unwrap_or(-1));
                (order, format!("{} over {}", shown(quality(one)), shown(quality(two))))
            }
            "length" => {
                let (left, right) = (one.code.chars().count(), two.code.chars().count());
                (right.cmp(&left), format!("{left} over {right} characters"))
            }
            "id" => (one.id.to_string().cmp(&two.id.to_string()), "the smaller".to_owned()),
            other => panic!("{other}"),
        };
        if order.is_ne() {
            return (order, format!("{clause}: {values}"));
        }
    }
    panic!("the id tells any two apart")
}

/// What should be a duplicate of what: samples in the order of the policy, each compared with all survivors so far.
/// `without`: samples that take no part.
fn greedy(
    store: &Store,
    policy: &[&str],
    threshold: f64,
    without: &BTreeSet<SampleId>,
) -> BTreeMap<SampleId, Option<Of>> {
    let within: BTreeMap<String, String> =
        store.sources().expect("sources").into_iter().map(|source| (source.name, source.dedup)).collect();
    let exempt: BTreeSet<u32> = store.exempt_rows().expect("rows").into_iter().collect();
    let mut samples: Vec<(Sample, BTreeSet<Vec<String>>, String)> = all_samples(store)
        .into_iter()
        .filter(|sample| matches!(sample.state, State::Kept | State::Duplicate) && !without.contains(&sample.id))
        .map(|sample| {
            let (windows, plain) = (windows(&sample.code), plain(&sample.code));
            (sample, windows, plain)
        })
        .collect();
    samples.sort_by(|one, two| match one.0.id == two.0.id {
        true => Ordering::Equal,
        false => goes_first(policy, &one.0, &two.0).0,
    });
    let mut survivors: Vec<usize> = Vec::new();
    let mut out = BTreeMap::new();
    for (at, (sample, set, text)) in samples.iter().enumerate() {
        let like = |survivor: &usize| {
            let (first, other, other_text) = &samples[*survivor];
            let rule = if first.source == sample.source { within[&sample.source].as_str() } else { "near" };
            let similarity = if text == other_text && rule != "off" {
                (1.0, Method::Exact)
            } else {
                let both = set.intersection(other).count();
                let share = both as f64 / (set.len() + other.len() - both).max(1) as f64;
                if rule != "near" || both == 0 || share < threshold {
                    return None;
                }
                (share, Method::Near)
            };
            let clause = goes_first(policy, first, sample).1;
            Some((first.id, similarity.0, similarity.1, clause))
        };
        let found = if exempt.contains(&sample.row) { None } else { survivors.iter().find_map(like) };
        if found.is_none() {
            survivors.push(at);
        }
        out.insert(sample.id, found);
    }
    out
}

const DEFAULT: &[&str] = &["rank", "validation", "description", "quality", "length", "id"];

/// The store says what the greedy choice says.
fn check_greedy(store: &Store, policy: &[&str], threshold: f64, why: &str) {
    let wanted = greedy(store, policy, threshold, &BTreeSet::new());
    check_against(store, &wanted, why);
}

fn check_against(store: &Store, wanted: &BTreeMap<SampleId, Option<Of>>, why: &str) {
    let now = standings(store);
    for (id, wanted) in wanted {
        let (state, of) = &now[id];
        assert_eq!(of, wanted, "{why}: {id}");
        assert_eq!(*state, if wanted.is_some() { State::Duplicate } else { State::Kept }, "{why}: {id}");
    }
    for (id, (state, of)) in &now {
        assert!(wanted.contains_key(id) || of.is_none(), "{why}: {id} is {state} and carries {of:?}");
    }
    assert_eq!(store.duplicates_without_survivor().expect("it is asked"), [], "{why}");
}

fn exhaustive() -> Settings {
    Settings { recall: 1.0, ..Settings::default() }
}

#[test]
fn clusters_are_those_of_a_greedy_choice_among_all() {
    let folder = Scratch::new("greedy");
    let mut methods: BTreeMap<(Method, String), usize> = BTreeMap::new();
    for seed in 0..14u64 {
        let mut rng = Rng::new(300 + seed);
        let mut policy: Vec<&str> = DEFAULT[..5].to_vec();
        if seed > 2 {
            for at in 0..5 {
                policy.swap(at, rng.below(5));
            }
            policy.truncate(1 + rng.below(5));
        }
        let threshold = *rng.pick(&[0.7, 0.8, 0.85, 0.9, 1.0]);
        let clauses: Vec<Clause> = policy.iter().map(|word| word.parse().expect("a clause")).collect();
        let settings = Settings { threshold, policy: Policy::new(&clauses).expect("a policy"), ..exhaustive() };
        policy.push("id");
        let mut store = fresh(&folder, &format!("p{seed}"));
        let specs = specs(&mut rng, 90);
        put(&mut store, &specs.iter().collect::<Vec<_>>(), &settings);
        let found = dedup_now(&mut store, &settings);
        check_greedy(&store, &policy, threshold, &format!("seed {seed}"));
        let now = standings(&store);
        let counts = found.counts();
        let of = |method: Method| now.values().filter(|(_, of)| of.as_ref().is_some_and(|of| of.2 == method)).count();
        assert_eq!((counts.exact as usize, counts.near as usize), (of(Method::Exact), of(Method::Near)));
        assert_eq!(counts.rows, counts.kept + counts.duplicates);
        assert_eq!(counts.duplicates, counts.exact + counts.near + counts.renamed);
        for (_, of) in now.values() {
            if let Some((_, _, method, clause)) = of {
                let word = clause.split(':').next().unwrap_or_default().to_owned();
                *methods.entry((*method, word)).or_default() += 1;
            }
        }
        let again = dedup::find(&mut store, &settings, &|_| {}).expect("it is searched");
        assert_eq!(again.changes(), [], "a second search changes nothing");
    }
    eprintln!("{methods:?}");
    assert!(methods.len() >= 9, "all clauses decide somewhere: {methods:?}");
}

#[test]
fn order_batches_and_threads_change_nothing() {
    let folder = Scratch::new("orders");
    let settings = Settings::default();
    let mut specs = specs(&mut Rng::new(41), 150);
    let mut wanted = None;
    let mut rng = Rng::new(42);
    for order in 0..5 {
        for at in (1..specs.len()).rev() {
            specs.swap(at, rng.below(at + 1));
        }
        for batches in [1, 10] {
            for threads in [1usize, 2, 8] {
                if order > 0 && threads != [1, 2, 8][(order + batches) % 3] {
                    continue;
                }
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
                let mut store = fresh(&folder, &format!("o{order}b{batches}t{threads}"));
                for part in specs.chunks(specs.len() / batches) {
                    put(&mut store, &part.iter().collect::<Vec<_>>(), &settings);
                    let store = &mut store;
                    let changed = pool.install(move || {
                        let found = dedup::find(store, &Settings::default(), &|_| {}).expect("it is searched");
                        let begin = Begin { verb: "dedup", arguments: json!({}), now: NOW };
                        let op = store.begin(&begin).expect("an op");
                        let changed = dedup::apply(store, &found).expect("it is written");
                        store.close(op, &json!({}), NOW).expect("it closes");
                        changed
                    });
                    assert!(changed > 0);
                }
                let now = standings(&store);
                let first = wanted.get_or_insert_with(|| now.clone());
                assert_eq!(&now, first, "order {order}, {batches} batches, {threads} threads");
            }
        }
    }
    let wanted = wanted.expect("there were orders");
    let duplicates = wanted.values().filter(|(state, _)| *state == State::Duplicate).count();
    assert!(duplicates > 40 && duplicates < 130, "{duplicates}");
}

#[test]
fn the_keep_policy_says_who_survives() {
    let folder = Scratch::new("policy");
    let mut rng = Rng::new(5);
    let text = statements(&mut rng);
    let code = |unlike: usize| {
        let mut text = text.clone();
        (0..unlike).for_each(|at| text[at * 5][0] = "longer_name".to_owned());
        let body: String = text.iter().map(|statement| format!("        {}\n", statement.concat())).collect();
        format!("from manim import *\n\nclass A(Scene):\n    def construct(self):\n{body}")
    };
    let spec = |source: usize, unlike: usize, kind: DescriptionKind| Spec {
        source,
        key: "k".to_owned(),
        code: code(unlike),
        kind,
        exempt: false,
    };
    let both = [spec(0, 0, DescriptionKind::Template), spec(3, 1, DescriptionKind::Reviewed)];
    let (high, low) = (SampleId::new("high", "k"), SampleId::new("low", "k"));
    for (policy, survivor, clause) in [
        (&["rank", "description"][..], high, "rank: 5 over 2"),
        (&["description", "rank"], low, "description: reviewed over template"),
        (&["validation", "length", "rank"], low, "length: "),
        (&["id"], high.min(low), "id: the smaller"),
        (&[], high.min(low), "id: the smaller"),
    ] {
        let clauses: Vec<Clause> = policy.iter().map(|word| word.parse().expect("a clause")).collect();
        let settings = Settings { policy: Policy::new(&clauses).expect("a policy"), ..exhaustive() };
        let mut store = fresh(&folder, &policy.join("-"));
        put(&mut store, &[&both[0], &both[1]], &settings);
        dedup_now(&mut store, &settings);
        let other = if survivor == high { low } else { high };
        let now = standings(&store);
        assert_eq!(now[&survivor], (State::Kept, None), "{policy:?}");
        let of = now[&other].1.as_ref().expect("a duplicate");
        assert!(of.0 == survivor && of.2 == Method::Near && of.3.starts_with(clause), "{policy:?}: {of:?}");
    }
}

/// Takes samples away by random ops, and looks each time.
#[test]
fn whatever_takes_a_survivor_away_regrows_its_cluster() {
    let folder = Scratch::new("regrow");
    let settings = exhaustive();
    let (mut regrown, mut undone) = (0, 0);
    for seed in 0..4u64 {
        let mut rng = Rng::new(700 + seed);
        let mut store = fresh(&folder, &format!("p{seed}"));
        let mut specs = specs(&mut rng, 80);
        put(&mut store, &specs.iter().collect::<Vec<_>>(), &settings);
        dedup_now(&mut store, &settings);
        for step in 0..14 {
            let why = format!("seed {seed}, step {step}");
            if step % 4 == 1 {
                // Somebody looks what another threshold would give: what regrows goes by the search that was applied.
                let strict = Settings { threshold: 0.97, ..exhaustive() };
                dedup::find(&mut store, &strict, &|_| {}).expect("it is searched");
            }
            let before = standings(&store);
            let survivors: BTreeSet<SampleId> =
                before.values().filter_map(|(_, of)| of.as_ref().map(|of| of.0)).collect();
            let mut all: Vec<SampleId> = before.keys().copied().collect();
            all.retain(|id| !matches!(before[id].0, State::Forgotten | State::Rejected));
            let mut some: Vec<SampleId> = (0..1 + rng.below(3)).map(|_| *rng.pick(&all)).collect();
            if let Some(survivor) = survivors.iter().nth(rng.below(survivors.len().max(1))) {
                some.push(*survivor);
            }
            some.sort();
            some.dedup();
            let row = |store: &Store, id: &SampleId| store.known(id).expect("asked").expect("it is there").row;
            let rows: Vec<u32> = some.iter().map(|id| row(&store, id)).collect();
            let act = rng.below(3);
            let mut without = BTreeSet::new();
            let op = match act {
                0 => under_op(&mut store, "reject", &settings, &|store, _| {
                    let changes = curate::reject(store, &rows, "off-topic").expect("changes");
                    store.change(&changes).expect("it is written");
                }),
                1 => {
                    let begin = Begin { verb: "forget", arguments: json!({ "step": step }), now: NOW };
                    let op = store.begin(&begin).expect("an op");
                    let after = json!({
                        "state": "forgotten", "exempt": 0, "dup_of": null, "dup_similarity": null,
                        "dup_method": null, "dup_clause": null,
                    });
                    let changes: Vec<(u32, Value)> = rows.iter().map(|row| (*row, after.clone())).collect();
                    store.change(&changes).expect("it is written");
                    dedup::regrow(&mut store, &settings).expect("it regrows");
                    store.close_forgetting(op, &rows, &json!({}), NOW).expect("it closes");
                    op
                }
                _ => {
                    let mut changed: Vec<Spec> = Vec::new();
                    for spec in &mut specs {
                        let id = SampleId::new(SOURCES[spec.source].0, &spec.key);
                        if some.contains(&id) {
                            spec.code.push_str(&format!("        self.add(Dot(radius={step}))\n"));
                            spec.exempt = false;
                            changed.push(spec.clone());
                            without.insert(id);
                        }
                    }
                    put(&mut store, &changed.iter().collect::<Vec<_>>(), &settings) + 1
                }
            };
            // Those that were not compared yet are like none.
            let mut wanted = greedy(&store, DEFAULT, 0.85, &without);
            wanted.extend(without.iter().map(|id| (*id, None)));
            check_against(&store, &wanted, &why);
            let after = standings(&store);
            regrown += after
                .iter()
                .filter(|(id, (state, of))| {
                    matches!(state, State::Kept | State::Duplicate)
                        && before[*id].1.as_ref().is_some_and(|was| some.contains(&was.0))
                        && of.as_ref().map(|of| of.0) != before[*id].1.as_ref().map(|was| was.0)
                })
                .count();
            if act == 1 {
                let error = store.undo(Some(op), NOW).expect_err("what is forgotten is gone");
                assert!(error.to_string().contains("for good"), "{error}");
            } else if rng.chance(50) {
                undone += 1;
                let op = if act == 2 { op - 1 } else { op };
                if act == 2 {
                    store.undo(Some(op + 1), NOW).expect("the op after it is undone");
                }
                let back = store.undo(Some(op), NOW).unwrap_or_else(|error| panic!("{why}: {error}"));
                assert_eq!(standings(&store), before, "{why}: undone");
                store.undo(Some(back.op), NOW).expect("the undo is undone");
                assert_eq!(standings(&store), after, "{why}: and done again");
            }
            dedup_now(&mut store, &settings);
            check_greedy(&store, DEFAULT, 0.85, &format!("{why}, searched again"));
            if act != 2 {
                assert_eq!(standings(&store), after, "{why}: a whole search changes nothing");
            }
        }
    }
    eprintln!("{regrown} duplicates had another survivor, {undone} ops were undone and done again");
    assert!(regrown > 20 && undone > 5, "{regrown} {undone}");
}

/// Three alike in one source: the first by the policy survives.
fn three(store: &mut Store) -> [SampleId; 3] {
    let text = statements(&mut Rng::new(9));
    let kinds = [DescriptionKind::Reviewed, DescriptionKind::Human, DescriptionKind::Llm];
    let code = written(&text, &mut Rng::new(1));
    let specs: Vec<Spec> = (0..3)
        .map(|at| Spec { source: 0, key: format!("k{at}"), code: code.clone(), kind: kinds[at], exempt: false })
        .collect();
    put(store, &specs.iter().collect::<Vec<_>>(), &exhaustive());
    dedup_now(store, &exhaustive());
    let ids = [0, 1, 2].map(|at| SampleId::new("high", &format!("k{at}")));
    let now = standings(store);
    assert_eq!(ids.map(|id| now[&id].1.as_ref().map(|of| of.0)), [None, Some(ids[0]), Some(ids[0])]);
    ids
}

#[test]
fn one_op_that_rejects_a_survivor_and_exempts_its_duplicate_keeps_that() {
    let folder = Scratch::new("exempts");
    let mut store = fresh(&folder, "p");
    let ids = three(&mut store);
    let decision = |id: SampleId, rejected: Option<&str>, exempt: bool| {
        let line = json!({ "id": id, "source": "high", "locator": "", "rejected": rejected, "exempt": exempt });
        format!("{line}\n")
    };
    let text = decision(ids[0], Some("wrong"), false) + &decision(ids[2], None, true);
    let loaded = curate::load(&store, &curate::read_dump(&text).expect("a dump")).expect("decisions");
    under_op(&mut store, "load", &exhaustive(), &|store, _| store.change(&loaded.changes).expect("it is written"));
    let now = standings(&store);
    assert_eq!(now[&ids[0]], (State::Rejected, None));
    assert_eq!(now[&ids[1]], (State::Kept, None));
    assert_eq!(now[&ids[2]], (State::Kept, None), "what is exempt is no duplicate");
    check_greedy(&store, DEFAULT, 0.85, "after the load");
}

#[test]
fn an_undo_that_would_take_survivors_from_their_duplicates_is_refused() {
    let folder = Scratch::new("strand");
    let mut store = fresh(&folder, "p");
    let code = written(&statements(&mut Rng::new(9)), &mut Rng::new(1));
    let spec = |source: usize, code: &str| Spec {
        source,
        key: "k".to_owned(),
        code: code.to_owned(),
        kind: DescriptionKind::Human,
        exempt: false,
    };
    put(&mut store, &[&spec(3, &code)], &exhaustive());
    let second = put(&mut store, &[&spec(0, &code)], &exhaustive());
    let changes = crate::corpus::change(&mut store, &[], NOW);
    dedup_now(&mut store, &exhaustive());
    let before = standings(&store);
    let error = store.undo(Some(second), NOW).expect_err("the survivor would go");
    assert!(matches!(error, StoreError::Unknown(_)), "{error}");
    assert!(error.to_string().contains("1 duplicates would be without the sample that stands for them"), "{error}");
    assert_eq!(standings(&store), before);
    assert!(store.open_op().expect("asked").is_none() && changes < store.newest_op().expect("asked").expect("one").0);
    store.undo(None, NOW).expect("the search is undone");
    store.undo(Some(second), NOW).expect("and then the reading");
    assert_eq!(standings(&store).len(), 1);
}

#[test]
fn an_undo_that_would_change_what_duplicates_were_found_like_is_refused() {
    let folder = Scratch::new("unlike");
    let mut store = fresh(&folder, "p");
    let code = written(&statements(&mut Rng::new(9)), &mut Rng::new(1));
    let other = written(&statements(&mut Rng::new(10)), &mut Rng::new(1));
    let spec = |source: usize, code: &str| Spec {
        source,
        key: "k".to_owned(),
        code: code.to_owned(),
        kind: DescriptionKind::Human,
        exempt: false,
    };
    put(&mut store, &[&spec(3, &code), &spec(0, &other)], &exhaustive());
    let second = put(&mut store, &[&spec(0, &code)], &exhaustive());
    dedup_now(&mut store, &exhaustive());
    let before = standings(&store);
    assert!(before[&SampleId::new("low", "k")].1.is_some());
    let error = store.undo(Some(second), NOW).expect_err("they would be unlike");
    assert!(error.to_string().contains("duplicates"), "{error}");
    assert_eq!(standings(&store), before);
    store.undo(None, NOW).expect("the search is undone");
    store.undo(Some(second), NOW).expect("and then the reading");
    dedup_now(&mut store, &exhaustive());
    check_greedy(&store, DEFAULT, 0.85, "searched again");
}

#[test]
fn a_source_that_loses_or_changes_survivors_regrows_their_clusters_as_it_is_read() {
    let folder = Scratch::new("sync");
    let specs = specs(&mut Rng::new(77), 90);
    let mut rows: Vec<Value> = specs
        .iter()
        .map(|spec| {
            json!({ "id": spec.key, "question": format!("Draw {}.", spec.key), "answer": spec.code, "level": "basic", "side": "train", "note": "" })
        })
        .collect();
    let project = folder.join("p");
    done(folder.path(), &["init", "p"]);
    folder.write("p/sources/rows.toml", RECIPE);
    let read = |rows: &[Value]| {
        folder.write("rows.jsonl", lines(rows));
        json_of(&project, &["ingest", "rows", "../rows.jsonl", "--sync", "--json"])
    };
    read(&rows);
    let found = json_of(&project, &["dedup", "--exhaustive", "--json"]);
    let place = Project::find(&project).expect("a project");
    let open = || Store::open(&place).expect("a store");
    check_greedy(&open(), DEFAULT, 0.85, "at first");
    let before = standings(&open());
    let mut of: BTreeMap<SampleId, usize> = BTreeMap::new();
    before.values().filter_map(|(_, of)| of.as_ref()).for_each(|one| *of.entry(one.0).or_default() += 1);
    assert_eq!(found["clusters"], json!(of.len()));
    assert!(of.len() >= 5, "{of:?}");
    // The survivors go and change by turns, and a few others.
    let survivors: Vec<String> =
        (0..90).map(|at| format!("k{at}")).filter(|key| of.contains_key(&SampleId::new("rows", key))).collect();
    let gone: BTreeSet<&str> = survivors.iter().step_by(2).map(String::as_str).chain(["k7"]).collect();
    let changed: BTreeSet<&str> = survivors.iter().skip(1).step_by(2).map(String::as_str).collect();
    rows.retain(|row| !gone.contains(row["id"].as_str().expect("an id")));
    let whole = rows.clone();
    for row in rows.iter_mut().filter(|row| changed.contains(row["id"].as_str().expect("an id"))) {
        row["answer"] =
            json!("from manim import *\n\nclass B(Scene):\n    def construct(self):\n        self.wait()\n");
    }
    let report = read(&rows);
    assert_eq!(
        (report["gone"].as_u64(), report["changed"].as_u64()),
        (Some(gone.len() as u64), Some(changed.len() as u64))
    );
    let without: BTreeSet<SampleId> = changed.iter().map(|key| SampleId::new("rows", key)).collect();
    let mut wanted = greedy(&open(), DEFAULT, 0.85, &without);
    wanted.extend(without.iter().map(|id| (*id, None)));
    check_against(&open(), &wanted, "after a reading");
    assert!(done(&project, &["doctor"]).contains("agree"));
    done(&project, &["undo"]);
    assert_eq!(standings(&open()), before);
    // Another op: the same rows as before, without those that went.
    assert_eq!(read(&whole)["changed"], json!(0));
    check_greedy(&open(), DEFAULT, 0.85, "after another reading");
    done(&project, &["dedup", "--exhaustive"]);
    check_greedy(&open(), DEFAULT, 0.85, "searched again");
    // What went is back: it is kept until the next search.
    let mut back = whole;
    back.extend(specs.iter().filter(|spec| gone.contains(spec.key.as_str())).map(|spec| {
        json!({ "id": spec.key, "question": format!("Draw {}.", spec.key), "answer": spec.code, "level": "basic", "side": "train", "note": "" })
    }));
    assert_eq!(read(&back)["back"], json!(gone.len()));
    assert_eq!(open().duplicates_without_survivor().expect("asked"), []);
    done(&project, &["dedup", "--exhaustive"]);
    check_greedy(&open(), DEFAULT, 0.85, "once all is back");
    let states =
        |of: &BTreeMap<SampleId, (State, Option<Of>)>| of.values().map(|(state, _)| *state).collect::<Vec<_>>();
    assert_eq!(states(&standings(&open())), states(&before));
}
