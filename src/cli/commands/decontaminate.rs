//! `decontaminate`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::reference;
use crate::cli::args::DecontaminateArgs;
use crate::cli::draw::{line, table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::cli::whole;
use crate::curate;
use crate::dedup::canaries::{self, Outcome};
use crate::dedup::contamination::{self, Found, Hit, LEAST_WORDS, PROMPT_NEAR, Reference, Thresholds};
use crate::dedup::{self, share};
use crate::query::States;
use crate::sample::{hash16, hex};
use crate::slice::vocabulary::StoreVocabulary;
use crate::store::index::rows::RowSet;
use crate::store::{Begin, FoundAs, Store, Verdict};

/// Hits that are shown unless more are asked for.
const SHOWN: usize = 20;

/// Missed canaries that an error names.
const NAMED: usize = 5;

/// Why samples are rejected by `--reject`.
const REASON: &str = "contaminated";

/// Finds samples that stand in other data, and keeps a verdict about each.
///
/// # Errors
/// As the query, the reference and the store; where a canary is missed.
pub fn decontaminate(session: &Session, args: &DecontaminateArgs) -> Result<(), Failure> {
    let project = session.project()?;
    let settings = Settings::read(&project)?.dedup;
    let checked = |name: &str, number: Option<f64>, unless: f64| match number {
        None => Ok(unless),
        Some(number) => share(number).map_err(|message| Failure::usage(format!("{name}: {message}"))),
    };
    let thresholds = Thresholds {
        code: checked("--threshold", args.threshold, settings.threshold)?,
        prompt: checked("--prompt-threshold", args.prompt_threshold, PROMPT_NEAR)?,
    };
    let text = session.query_text(&args.asked)?;
    let mut store = if args.dry_run { session.store()? } else { session.writable()? };
    let progress = session.spinner();
    progress.set("reading the reference");
    let read = reference::read(session, &store, args)?;
    let rows = candidates(session, &store, &text, read.source.as_deref(), args.reject)?;
    let mut digest = String::new();
    for item in &read.items {
        let instruction = item.instruction.as_deref().unwrap_or_default();
        digest.push_str(&hex(&hash16(&[item.place.as_bytes(), instruction.as_bytes(), item.code.as_bytes()])));
    }
    let digest = hex(&hash16(&[digest.as_bytes()]));
    let reference = Reference::new(read.items, thresholds);
    progress.set("looking for canaries");
    let outcomes = canaries::run(&reference, &|code, instruction| reference.find(code, instruction));
    if outcomes.iter().any(|outcome| !outcome.missed.is_empty()) {
        progress.end();
        return missed(session, args, &reference, &outcomes);
    }
    progress.set("comparing");
    let found = contamination::search(&store, &rows, &reference)?;
    progress.end();
    let hits = sorted(&found);
    if let Some(path) = &args.pairs {
        write_pairs(&store, &reference, &args.against, &hits, path)?;
    }
    let mut rejected = 0;
    let mut regrown = 0;
    let mut op = None;
    if !args.dry_run {
        let arguments = json!({
            "against": args.against, "reference": digest, "threshold": thresholds.code,
            "prompt_threshold": thresholds.prompt, "reject": args.reject, "query": text, "command": session.command,
        });
        let number = store.begin(&Begin { verb: "decontaminate", arguments, now: &session.now() })?;
        store.put_verdicts(number, &verdicts(number, &args.against, &reference, &hits))?;
        if args.reject {
            let rows: Vec<u32> = found.hits.iter().map(|(row, _)| *row).collect();
            let changes = curate::reject(&store, &rows, REASON)?;
            rejected = changes.len() as u64;
            store.change(&changes)?;
            regrown = dedup::regrow(&mut store, &settings)?;
        }
        let summary = json!({
            "samples": found.samples, "hits": counts(&found), "samples_hit": found.hits.len(), "rejected": rejected,
            "regrown": regrown, "canaries": planted(&outcomes),
        });
        store.close(number, &summary, &session.now())?;
        op = Some(number);
    }
    if session.json {
        let mut out = shape(&args.against, &reference, &outcomes);
        out["samples"] = json!(found.samples);
        out["samples_above_floor"] = json!(found.above_floor);
        out["hits"] = counts(&found);
        out["samples_hit"] = json!(found.hits.len());
        out["rejected"] = json!(rejected);
        out["op"] = json!(op);
        return session.print_json(&out);
    }
    session.print(about(&args.against, &reference, Some(&found)))?;
    session.print(canary_table(session, &outcomes))?;
    print_hits(session, &store, &reference, &found, &hits, args.limit.unwrap_or(SHOWN))?;
    let hit = found.hits.len() as u64;
    session.say(match op {
        Some(op) if args.reject => format!(
            "{} of {} samples stand in {}; {} were rejected ({REASON}; op {op}; `scenery undo {op}` takes it back)",
            thousands(hit),
            thousands(found.samples),
            args.against,
            thousands(rejected)
        ),
        Some(op) => format!(
            "{} of {} samples stand in {}; a verdict about each hit is kept (op {op}; `scenery undo {op}` takes it back)",
            thousands(hit),
            thousands(found.samples),
            args.against
        ),
        None => format!(
            "{} of {} samples stand in {}; nothing was stored",
            thousands(hit),
            thousands(found.samples),
            args.against
        ),
    });
    if regrown > 0 {
        session.say(format!("{} duplicates have another survivor now, or are kept", thousands(regrown)));
    }
    Ok(())
}

/// The rows to compare, ascending: what the query selects without the reference's own; `with_clusters`: and the
/// duplicates that these stand for.
fn candidates(
    session: &Session,
    store: &Store,
    text: &str,
    source: Option<&str>,
    with_clusters: bool,
) -> Result<Vec<u32>, Failure> {
    let plan = session.compile_in(store, text, &StoreVocabulary::new(store), States::Kept)?.plan;
    if let Some(op) = plan.at {
        return Err(Failure::usage(format!(
            "this query asks about op {op}: only samples as they are now can be compared"
        )));
    }
    let mut rows: Vec<u32> = session.select(store, &plan, usize::MAX)?.rows.into_iter().map(|(row, _)| row).collect();
    let selected = rows.len() as u64;
    if selected == 0 {
        let what = if crate::query::says_nothing(text) {
            "there are no samples to compare: `scenery ingest` reads some".to_owned()
        } else {
            format!(
                "the query selects nothing, so there is nothing to compare: `scenery explain {}` shows how it is understood",
                crate::cli::quoted(text)
            )
        };
        return Err(Failure::request(what));
    }
    let own = match source {
        Some(source) => store.columns()?.filter_words("source", &|word| word == source),
        None => RowSet::default(),
    };
    rows.retain(|row| !own.contains(*row));
    if let (Some(source), true) = (source, rows.is_empty()) {
        return Err(Failure::request(format!(
            "all {} samples that the query selects are of {source} itself, which is what they would be compared with",
            thousands(selected)
        )));
    }
    if with_clusters {
        // Where a sample is rejected another of its cluster comes up: those are looked at in the same run.
        let survivors: RowSet = rows.iter().copied().collect();
        let duplicates = store.duplicates()?.into_iter().filter(|(_, each)| survivors.contains(each.of));
        rows.extend(duplicates.map(|(row, _)| row).filter(|row| !own.contains(*row)));
    }
    rows.sort_unstable();
    rows.dedup();
    Ok(rows)
}

/// All hits: the strongest method first, then the most alike, then by row and item.
fn sorted(found: &Found) -> Vec<(u32, &Hit)> {
    let mut hits: Vec<(u32, &Hit)> =
        found.hits.iter().flat_map(|(row, hits)| hits.iter().map(move |hit| (*row, hit))).collect();
    hits.sort_by(|(one, a), (two, b)| {
        a.method.cmp(&b.method).then(b.score.total_cmp(&a.score)).then((one, a.item).cmp(&(two, b.item)))
    });
    hits
}

fn verdicts(op: i64, against: &str, reference: &Reference, hits: &[(u32, &Hit)]) -> Vec<Verdict> {
    let verdict = |(row, hit): &(u32, &Hit)| Verdict {
        row: *row,
        op,
        reference: against.to_owned(),
        place: reference.items()[hit.item as usize].place.clone(),
        method: hit.method,
        score: hit.score,
        span: hit.span.clone(),
    };
    hits.iter().map(verdict).collect()
}

fn counts(found: &Found) -> Value {
    let counts: Map<String, Value> =
        FoundAs::ALL.iter().map(|(method, word)| ((*word).to_owned(), json!(found.count(*method).0))).collect();
    Value::Object(counts)
}

fn planted(outcomes: &[Outcome]) -> Value {
    let classes: Map<String, Value> = outcomes
        .iter()
        .map(|each| (each.class.word().to_owned(), json!({ "planted": each.planted, "found": each.found })))
        .collect();
    Value::Object(classes)
}

/// What a program sees of every run.
fn shape(against: &str, reference: &Reference, outcomes: &[Outcome]) -> Value {
    let counts = reference.counts();
    json!({
        "against": against,
        "reference": {
            "items": counts.items, "code": counts.code, "above_floor": counts.above_floor, "prompts": counts.prompts,
        },
        "samples": null, "hits": null, "samples_hit": null, "canaries": planted(outcomes), "op": null,
    })
}

/// What is compared with what.
fn about(against: &str, reference: &Reference, found: Option<&Found>) -> String {
    let (counts, thresholds) = (reference.counts(), reference.thresholds());
    let mut out = format!(
        "against {}: {} items, {} with code ({} above the floors of the renamed search), {} with an instruction ({} of at least {LEAST_WORDS} words)\n",
        line(against, 200),
        thousands(counts.items),
        thousands(counts.code),
        thousands(counts.above_floor),
        thousands(counts.prompts),
        thousands(counts.long_prompts)
    );
    if let Some(found) = found {
        out.push_str(&format!(
            "{} samples compared, {} of them above those floors; code from {} on, prompts from {} on\n",
            thousands(found.samples),
            thousands(found.above_floor),
            thresholds.code,
            thresholds.prompt
        ));
    }
    out
}

fn canary_table(session: &Session, outcomes: &[Outcome]) -> String {
    let rows: Vec<Vec<String>> = outcomes
        .iter()
        .map(|each| {
            let why = each.unsuited.clone().unwrap_or_default();
            let (found, note) = match (each.planted, each.missed.len()) {
                (0, _) => ("none possible".to_owned(), why),
                (_, 0) => (thousands(each.found), why),
                (_, missed) => (thousands(each.found), format!("{missed} MISSED")),
            };
            let recall = if each.planted == 0 {
                String::new()
            } else {
                format!("{:.1}%", each.found as f64 / each.planted as f64 * 100.0)
            };
            vec![each.class.title().to_owned(), thousands(each.planted), found, recall, note]
        })
        .collect();
    format!("\n{}", table(&["canaries", "planted", "found", "recall", "not planted"], &rows, session.width))
}

/// Ends a run whose search is blind to something.
fn missed(
    session: &Session,
    args: &DecontaminateArgs,
    reference: &Reference,
    outcomes: &[Outcome],
) -> Result<(), Failure> {
    if session.json {
        session.print_json(&shape(&args.against, reference, outcomes))?;
    } else {
        session.print(about(&args.against, reference, None))?;
        session.print(canary_table(session, outcomes))?;
    }
    let mut parts = Vec::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.missed.is_empty()) {
        let places: Vec<&str> = outcome
            .missed
            .iter()
            .take(NAMED)
            .map(|planted| reference.items()[planted.item as usize].place.as_str())
            .collect();
        let more = outcome.missed.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {} more", thousands(more as u64)) } else { String::new() };
        parts.push(format!(
            "{}: {} of {} ({}{more})",
            outcome.class.title(),
            thousands(outcome.missed.len() as u64),
            thousands(outcome.planted),
            places.join(", ")
        ));
    }
    let strict = reference.thresholds().prompt > PROMPT_NEAR
        && outcomes.iter().all(|outcome| outcome.missed.is_empty() || outcome.class == canaries::Class::Reworded);
    let why = if strict {
        format!(
            "at --prompt-threshold {} a prompt with a word or two changed is no match: {PROMPT_NEAR} finds it",
            reference.thresholds().prompt
        )
    } else {
        "the search is blind to such copies, so what it finds and does not find proves nothing: please report it"
            .to_owned()
    };
    let failure = Failure::new(
        1,
        "canary",
        format!("changed copies of the reference were not found; {}; {why}; nothing was stored", parts.join("; ")),
    );
    Err(if strict { failure.suggesting(vec![format!("--prompt-threshold {PROMPT_NEAR}")]) } else { failure })
}

fn print_hits(
    session: &Session,
    store: &Store,
    reference: &Reference,
    found: &Found,
    hits: &[(u32, &Hit)],
    limit: usize,
) -> Result<(), Failure> {
    let by_method: Vec<Vec<String>> = FoundAs::ALL
        .iter()
        .map(|(method, word)| {
            let (hits, samples) = found.count(*method);
            let items: BTreeSet<u32> = found
                .hits
                .iter()
                .flat_map(|(_, hits)| hits)
                .filter(|hit| hit.method == *method)
                .map(|hit| hit.item)
                .collect();
            vec![(*word).to_owned(), thousands(hits), thousands(samples), thousands(items.len() as u64)]
        })
        .collect();
    session.print("\n")?;
    session.print(table(&["method", "hits", "samples", "items"], &by_method, session.width))?;
    let mut rows = Vec::new();
    for (row, hit) in hits.iter().take(limit) {
        let placed = store.placed(*row)?;
        rows.push(vec![
            placed.id.to_string()[..8].to_owned(),
            placed.source,
            line(&placed.locator, 40),
            hit.method.word().to_owned(),
            format!("{:.3}", hit.score),
            line(&hit.span, 24),
            line(&reference.items()[hit.item as usize].place, 48),
        ]);
    }
    if !rows.is_empty() {
        session.print("\n")?;
        let head = ["id", "source", "locator", "method", "score", "lines", "stands in the reference at"];
        session.print(table(&head, &rows, session.width))?;
    }
    if hits.len() > rows.len() {
        session.say(format!(
            "the first {} of {} hits are shown (-n N shows more, --pairs FILE writes all)",
            thousands(rows.len() as u64),
            thousands(hits.len() as u64)
        ));
    }
    Ok(())
}

/// Writes a JSON line for each hit.
fn write_pairs(
    store: &Store,
    reference: &Reference,
    against: &str,
    hits: &[(u32, &Hit)],
    path: &Path,
) -> Result<(), Failure> {
    whole::write(path, |write| {
        for (row, hit) in hits {
            let placed = store.placed(*row)?;
            let line = json!({
                "id": placed.id, "source": placed.source, "locator": placed.locator, "reference": against,
                "place": reference.items()[hit.item as usize].place, "method": hit.method, "score": hit.score,
                "span": hit.span,
            });
            write(&format!("{line}\n"))?;
        }
        Ok(())
    })
}
