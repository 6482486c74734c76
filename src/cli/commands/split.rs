//! `split`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::analyze::parse;
use crate::cli::args::SplitArgs;
use crate::cli::draw::{line, table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::query::{self, States};
use crate::sample::Side;
use crate::similarity::join::{self, Pair};
use crate::similarity::shingles::Shingles;
use crate::slice::vocabulary::StoreVocabulary;
use crate::split::nearness::{Nearness, nearness};
use crate::split::record::{self, Before, Fresh, Leak, Place};
use crate::split::{self, Families, Ties};
use crate::store::{Begin, Participant, Store};

/// Leaks and held samples that are listed unless more are asked for.
const LISTED: usize = 20;

/// What takes part in a split: what is to be placed, and all that has a side.
struct Cast {
    members: Vec<Participant>,
    ties: Vec<Ties>,
    sets: Vec<Shingles>,
    pairs: Vec<Pair>,
    /// Whether it was asked for.
    wanted: Vec<bool>,
}

/// Where rows of one split are, with what is to be known of it.
struct Outcome {
    /// Of each member its side and its family's first; `None`: held.
    sides: Vec<Option<Side>>,
    held: Vec<bool>,
    families: Families,
    leaks: Vec<Leak>,
    cross: u64,
    allowed: u64,
    nearness: Vec<Nearness>,
}

/// Records sides.
///
/// # Errors
/// Where rows have sides already, where the sizes cannot be met, where near-duplicates would part; as the store.
pub fn split(session: &Session, args: &SplitArgs) -> Result<(), Failure> {
    let mut store = session.writable()?;
    let settings = Settings::read(store.project())?.dedup;
    let last = last_split(&store)?;
    let shares = match (&args.shares, &last) {
        (Some(text), _) => Some(query::side_shares(text).map_err(|error| Failure::query(error, text))?),
        (None, _) if args.given => None,
        (None, Some((shares, _))) => Some(*shares),
        (None, None) => {
            return Err(Failure::usage(
                "nothing was split by shares yet: say them, as in `scenery split 80/10/10 --extend`",
            ));
        }
    };
    let seed = args.seed.or(last.map(|(_, seed)| seed).filter(|_| args.extend)).unwrap_or(0);
    let text = args.query.join(" ");
    let wanted = wanted(session, &store, &text)?;
    let progress = session.spinner();
    progress.set("comparing");
    let cast = Cast::new(&store, wanted.as_ref(), settings.threshold)?;
    progress.end();
    let placed = cast.members.iter().zip(&cast.wanted).filter(|(member, wanted)| **wanted && member.side.is_some());
    let placed = placed.count();
    let asked = cast.wanted.iter().filter(|wanted| **wanted).count();
    if asked == 0 {
        return Err(Failure::request("the query selects nothing: there is nothing to split"));
    }
    if placed > 0 && !args.extend && !args.given {
        return Err(Failure::request(format!(
            "{} of {} samples have a side already, and a recorded side never changes: `--extend` places the others; `scenery undo` takes the split back",
            thousands(placed as u64),
            thousands(asked as u64)
        )));
    }
    let outcome = match shares {
        None => cast.given(),
        Some(shares) => cast.place(shares, seed, args.extend),
    };
    if shares.is_some() && (outcome.cross > 0 || !outcome.leaks.is_empty()) {
        return Err(Failure::request(format!(
            "{} near pairs and {} other ties stand across sides: nothing was recorded",
            outcome.cross,
            outcome.leaks.len()
        )));
    }
    let counts = cast.counts(&outcome);
    if let (Some(shares), false) = (shares, args.extend) {
        cast.check_sizes(&outcome, shares)?;
    }
    let changes = cast.changes(&outcome);
    let mut op = None;
    if !args.dry_run && !changes.is_empty() {
        let arguments = json!({
            "shares": shares, "seed": seed, "extend": args.extend, "given": args.given, "query": text,
            "threshold": settings.threshold, "command": session.command,
        });
        let number = store.begin(&Begin { verb: "split", arguments, now: &session.now() })?;
        store.change(&changes)?;
        store.close(number, &json!({ "rows": changes.len(), "sizes": counts }), &session.now())?;
        op = Some(number);
    }
    report(session, args, &cast, &outcome, &counts, shares, seed, changes.len(), op)
}

/// Shares and seed of the newest split by shares that is in effect.
fn last_split(store: &Store) -> Result<Option<([f64; 3], u64)>, Failure> {
    let ops = store.ops()?;
    let stands = ops.iter().filter(|op| op.verb == "split" && op.ended.is_some() && op.undone_by.is_none());
    Ok(stands.into_iter().find_map(|op| {
        let shares: [f64; 3] = serde_json::from_value(op.arguments["shares"].clone()).ok()?;
        Some((shares, op.arguments["seed"].as_u64()?))
    }))
}

/// The rows of a query; `None`: all.
fn wanted(session: &Session, store: &Store, text: &str) -> Result<Option<BTreeSet<u32>>, Failure> {
    if query::says_nothing(text) {
        return Ok(None);
    }
    let plan = session.compile_in(store, text, &StoreVocabulary::new(store), States::Any)?.plan;
    if let Some(op) = plan.at {
        return Err(Failure::usage(format!(
            "this query asks about op {op}: only samples as they are now can be split"
        )));
    }
    Ok(Some(session.select(store, &plan, usize::MAX)?.rows.into_iter().map(|(row, _)| row).collect()))
}

impl Cast {
    fn new(store: &Store, wanted: Option<&BTreeSet<u32>>, threshold: f64) -> Result<Cast, Failure> {
        let near: BTreeMap<String, bool> =
            store.sources()?.into_iter().map(|source| (source.name, source.dedup == "near")).collect();
        let asked = |row: u32| wanted.is_none_or(|wanted| wanted.contains(&row));
        let members: Vec<Participant> =
            store.participants()?.into_iter().filter(|member| asked(member.row) || member.side.is_some()).collect();
        let ties = members
            .iter()
            .map(|member| {
                let placed = store.placed(member.row)?;
                let near = near.get(&placed.source).copied().unwrap_or(true);
                Ok(Ties::of(placed, near))
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let rows: Vec<u32> = members.iter().map(|member| member.row).collect();
        let sets = store
            .each_text(parse::pool(), &rows, &|text, buffer: &mut Vec<u8>| Ok(Shingles::of_code(text.code(buffer)?)))?;
        let pairs = join::pairs(&sets, threshold);
        let wanted = rows.iter().map(|row| asked(*row)).collect();
        Ok(Cast { members, ties, sets, pairs, wanted })
    }

    /// Places what has no side.
    fn place(&self, shares: [f64; 3], seed: u64, extend: bool) -> Outcome {
        let before: Vec<Before> = self
            .members
            .iter()
            .map(|member| Before { side: member.side, changed: member.side_revision != Some(member.revision) })
            .collect();
        // Duplicates go where their families go, and count in no size.
        let weights: Vec<u64> = self.members.iter().map(|member| u64::from(member.duplicate.is_none())).collect();
        let fresh = if extend { Fresh::Hashed } else { Fresh::Balanced };
        let placed = record::place(&self.ties, &before, &self.pairs, &weights, shares, seed, fresh);
        let sides: Vec<Option<Side>> = placed
            .places
            .iter()
            .map(|place| match place {
                Place::On(side) => Some(*side),
                Place::Held => None,
            })
            .collect();
        let held = placed.places.iter().map(|place| *place == Place::Held).collect();
        // What was adopted as it was given may leak; what is placed here may not.
        let ours = |at: u32| self.members[at as usize].side.is_none();
        let mut leaks = record::leaks(&self.ties, &sides);
        leaks.retain(|leak| leak.samples.iter().any(|at| ours(*at)));
        let (cross, allowed) = self.crossing(&sides, &|pair| ours(pair.left) || ours(pair.right));
        let nearness = nearness(&self.ties, &sides, &self.sets);
        Outcome { sides, held, families: placed.families, leaks, cross, allowed, nearness }
    }

    /// Adopts the sides that sources give.
    fn given(&self) -> Outcome {
        let sides: Vec<Option<Side>> = self
            .members
            .iter()
            .zip(&self.wanted)
            .map(|(member, wanted)| member.side.or(member.side_given.filter(|_| *wanted)))
            .collect();
        let leaks = record::leaks(&self.ties, &sides);
        let (cross, allowed) = self.crossing(&sides, &|_| true);
        let nearness = nearness(&self.ties, &sides, &self.sets);
        let families = split::families(&self.ties, &self.pairs);
        Outcome { held: vec![false; sides.len()], sides, families, leaks, cross, allowed, nearness }
    }

    /// How many near pairs stand across sides: those that tie, and those that may part.
    fn crossing(&self, sides: &[Option<Side>], counts: &dyn Fn(&Pair) -> bool) -> (u64, u64) {
        let (mut cross, mut allowed) = (0, 0);
        for pair in &self.pairs {
            let (one, other) = (sides[pair.left as usize], sides[pair.right as usize]);
            if one.is_none() || other.is_none() || one == other {
                continue;
            }
            if !split::ties(&self.ties, pair) {
                allowed += 1;
            } else if counts(pair) {
                cross += 1;
            }
        }
        (cross, allowed)
    }

    /// Kept samples on each side.
    fn counts(&self, outcome: &Outcome) -> BTreeMap<&'static str, u64> {
        let mut out: BTreeMap<&'static str, u64> = Side::WORDS_AND_HELD.iter().map(|word| (*word, 0)).collect();
        let kept = self.members.iter().enumerate().filter(|(_, member)| member.duplicate.is_none());
        for (at, _) in kept {
            match outcome.sides[at] {
                Some(side) => *out.entry(side.word()).or_default() += 1,
                None if outcome.held[at] => *out.entry("held").or_default() += 1,
                None => {}
            }
        }
        out
    }

    /// Whether the sizes that were asked for are met within the larger of 1 % and the largest family.
    fn check_sizes(&self, outcome: &Outcome, shares: [f64; 3]) -> Result<(), Failure> {
        let mut sizes = vec![0u64; outcome.families.sizes.len()];
        let (mut total, mut got) = (0u64, [0u64; 3]);
        for (at, member) in self.members.iter().enumerate() {
            let free = self.wanted[at] && member.side.is_none() && member.duplicate.is_none();
            if let Some(side) = outcome.sides[at].filter(|_| free) {
                total += 1;
                got[side as usize] += 1;
                sizes[outcome.families.of[at] as usize] += 1;
            }
        }
        let largest = sizes.into_iter().max().unwrap_or(0);
        let tolerance = (total as f64 / 100.0).max(largest as f64);
        for (side, (share, got)) in Side::ALL.iter().zip(shares.into_iter().zip(got)) {
            let asked = share * total as f64;
            if (got as f64 - asked).abs() > tolerance {
                return Err(Failure::request(format!(
                    "{side} would have {} of {} samples, {asked:.0} were asked for: families stay whole, the largest has {}, and the tolerance is {tolerance:.0}; nothing was recorded",
                    thousands(got),
                    thousands(total),
                    thousands(largest)
                )));
            }
        }
        Ok(())
    }

    /// What is to be written.
    fn changes(&self, outcome: &Outcome) -> Vec<(u32, Value)> {
        let firsts = outcome.families.firsts(&self.ties);
        let mut out = Vec::new();
        for (at, member) in self.members.iter().enumerate() {
            let first = self.members[firsts[outcome.families.of[at] as usize]].row;
            let family = Some(first).filter(|first| *first != member.row);
            let (side, held) = (outcome.sides[at], outcome.held[at]);
            let revision = (side.is_some() || held).then_some(member.revision);
            let same =
                (side, held, revision, family) == (member.side, member.held, member.side_revision, member.family_of);
            if !same {
                out.push((
                    member.row,
                    json!({
                        "split": side.map(|side| side.word()), "held": i64::from(held), "side_revision": revision,
                        "family_of": family,
                    }),
                ));
            }
        }
        out
    }

    fn name(&self, at: u32) -> String {
        self.ties[at as usize].id.to_string()[..8].to_owned()
    }

    fn leak_json(&self, leak: &Leak, outcome: &Outcome) -> Value {
        let samples: Vec<Value> = leak
            .samples
            .iter()
            .map(|at| json!({ "id": self.ties[*at as usize].id, "side": outcome.sides[*at as usize] }))
            .collect();
        json!({ "what": leak.what, "samples": samples })
    }
}

#[expect(clippy::too_many_arguments, reason = "one page of one command")]
fn report(
    session: &Session,
    args: &SplitArgs,
    cast: &Cast,
    outcome: &Outcome,
    counts: &BTreeMap<&'static str, u64>,
    shares: Option<[f64; 3]>,
    seed: u64,
    changed: usize,
    op: Option<i64>,
) -> Result<(), Failure> {
    let held: Vec<u32> = (0..cast.members.len() as u32).filter(|at| outcome.held[*at as usize]).collect();
    let sources: BTreeSet<&str> = cast.ties.iter().filter(|ties| !ties.near).map(|ties| ties.source.as_str()).collect();
    if session.json {
        let asked =
            shares.map(|[train, validation, test]| json!({ "train": train, "validation": validation, "test": test }));
        let leaks: Vec<Value> = outcome.leaks.iter().map(|leak| cast.leak_json(leak, outcome)).collect();
        let held: Vec<String> = held.iter().map(|at| cast.ties[*at as usize].id.to_string()).collect();
        return session.print_json(&json!({
            "sizes": counts, "asked": asked, "seed": seed, "families": outcome.families.sizes.len(),
            "cross_pairs": outcome.cross, "cross_pairs_allowed": outcome.allowed, "held": held, "leaks": leaks,
            "nearness": outcome.nearness, "changed": changed, "op": op,
        }));
    }
    let total: u64 = counts.values().sum();
    let mut rows = Vec::new();
    for (at, word) in Side::WORDS_AND_HELD.iter().enumerate() {
        let count = counts.get(word).copied().unwrap_or(0);
        if *word == "held" && count == 0 {
            continue;
        }
        let asked = shares.and_then(|shares| shares.get(at).copied());
        rows.push(vec![
            (*word).to_owned(),
            thousands(count),
            format!("{:.1} %", 100.0 * count as f64 / total.max(1) as f64),
            asked.map_or(String::new(), |share| format!("{:.1} %", 100.0 * share)),
        ]);
    }
    session.print(table(&["side", "kept samples", "share", "asked"], &rows, session.width))?;
    session.print(format!(
        "{} families; {} near pairs across sides{}\n",
        thousands(outcome.families.sizes.len() as u64),
        thousands(outcome.cross),
        if outcome.allowed > 0 {
            let sources: Vec<&str> = sources.into_iter().collect();
            format!(", {} inside sources that let them part ({})", thousands(outcome.allowed), sources.join(", "))
        } else {
            String::new()
        }
    ))?;
    for near in &outcome.nearness {
        session.print(format!(
            "{}: the nearest train row of a test row is {:.2} alike in the middle, {:.2} at nine in ten, {:.2} at most ({} of {} test rows): no hard test\n",
            near.source,
            near.median,
            near.p90,
            near.maximum,
            thousands(near.compared),
            thousands(near.test)
        ))?;
    }
    let limit = args.limit.unwrap_or(LISTED);
    if !outcome.leaks.is_empty() {
        session.print(format!("{} ties stand across sides:\n", thousands(outcome.leaks.len() as u64)))?;
        let rows: Vec<Vec<String>> = outcome
            .leaks
            .iter()
            .take(limit)
            .map(|leak| {
                let on: Vec<String> = leak
                    .samples
                    .iter()
                    .map(|at| {
                        let side = outcome.sides[*at as usize].map_or("none", |side| side.word());
                        format!("{} {side}", cast.name(*at))
                    })
                    .collect();
                vec![line(&leak.what, 60), on.join(", ")]
            })
            .collect();
        session.print(table(&["what ties", "samples"], &rows, session.width))?;
    }
    if !held.is_empty() {
        session.print(format!("{} samples tie two sides and are held:\n", thousands(held.len() as u64)))?;
        let rows: Vec<Vec<String>> =
            held.iter().take(limit).map(|at| vec![cast.name(*at), cast.ties[*at as usize].source.clone()]).collect();
        session.print(table(&["id", "source"], &rows, session.width))?;
    }
    session.say(match op {
        Some(op) => format!("sides are recorded (op {op}); `scenery undo {op}` takes it back"),
        None if args.dry_run => "nothing was recorded".to_owned(),
        None => "nothing changes: every sample is where it was".to_owned(),
    });
    Ok(())
}
