//! `dedup`.

use std::path::Path;

use serde_json::json;

use crate::cli::args::DedupArgs;
use crate::cli::draw::{line, table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::cli::whole;
use crate::dedup::prompts::{self, Prompts};
use crate::dedup::{self, Counts, Found, Warning, contamination, share};
use crate::store::{Begin, Duplicate, Store};

/// Rows that a dry run shows.
pub const SHOWN: usize = 5;

/// Finds duplicates, and sets the states of what changes.
///
/// # Errors
/// As the store; usage where a number is out of range.
pub fn dedup(session: &Session, args: &DedupArgs) -> Result<(), Failure> {
    let project = session.project()?;
    let mut settings = Settings::read(&project)?.dedup;
    let checked =
        |name: &str, number: f64| share(number).map_err(|message| Failure::usage(format!("{name}: {message}")));
    if let Some(threshold) = args.threshold {
        settings.threshold = checked("--threshold", threshold)?;
    }
    if let Some(recall) = args.recall {
        settings.recall = checked("--recall", recall)?;
        if recall >= 1.0 {
            return Err(Failure::usage("--recall 1 asks for every pair: `--exhaustive` finds them"));
        }
    }
    if args.exhaustive {
        settings.recall = 1.0;
    }
    settings.renamed = args.renamed;
    let mut store = session.writable()?;
    // What an interrupted run of this very command left goes on; another open op refuses before anything is done.
    let arguments = json!({
        "threshold": settings.threshold, "recall": settings.recall, "renamed": settings.renamed,
        "keep": settings.policy.words(), "command": session.command,
    });
    let begin = Begin { verb: "dedup", arguments, now: &session.now() };
    let progress = session.spinner();
    let found = dedup::find(&mut store, &settings, &|what| progress.set(what))?;
    let prompts = match args.prompts {
        true => Some(prompts::compare(&mut store, contamination::PROMPT_NEAR, &|what| progress.set(what))?),
        false => None,
    };
    progress.end();
    let counts = found.counts();
    if counts.rows == 0 {
        return Err(Failure::request("there are no samples to compare: `scenery ingest` reads some"));
    }
    found.warnings.iter().for_each(|warning| session.note(sentence(warning)));
    if let Some(path) = &args.pairs {
        write_pairs(&store, &found, path)?;
    }
    let changes = found.changes();
    let changed = changes.len() as u64;
    let mut op = None;
    if !args.dry_run && changed > 0 {
        let number = store.begin(&begin)?;
        dedup::apply(&mut store, &found)?;
        let summary = json!({
            "rows": counts.rows, "kept": counts.kept, "duplicates": counts.duplicates, "changed": changed,
        });
        store.close(number, &summary, &session.now())?;
        op = Some(number);
    }
    if session.json {
        return session.print_json(&json!({
            "rows": counts.rows, "clusters": counts.clusters, "exact": counts.exact, "near": counts.near,
            "renamed": counts.renamed, "kept": counts.kept, "duplicates": counts.duplicates,
            "threshold": settings.threshold, "predicted_recall": found.predicted_recall, "pairs": found.near_pairs,
            "renamed_pairs": found.renamed_pairs,
            "changed": changed, "warnings": found.warnings, "prompts": prompts,
            "op": op,
        }));
    }
    print(session, &counts, &found, &settings)?;
    if let Some(prompts) = &prompts {
        print_prompts(session, prompts)?;
    }
    if args.dry_run && changed > 0 {
        let shown: Vec<(u32, Option<&Duplicate>)> = changes.into_iter().take(SHOWN).collect();
        show_changes(session, &store, &shown)?;
    }
    session.say(match op {
        Some(op) => format!("{} samples changed (op {op}); `scenery undo {op}` takes it back", thousands(changed)),
        None if args.dry_run => format!("{} samples would change; nothing was changed", thousands(changed)),
        None => "nothing changes: every sample is what it was".to_owned(),
    });
    Ok(())
}

fn print(session: &Session, counts: &Counts, found: &Found, settings: &dedup::Settings) -> Result<(), Failure> {
    let mut parts = vec![format!("{} exact", thousands(counts.exact)), format!("{} near", thousands(counts.near))];
    if settings.renamed {
        parts.push(format!("{} renamed", thousands(counts.renamed)));
    }
    session.print(format!(
        "{} samples = {} + {} kept, in {} clusters\n",
        thousands(counts.rows),
        parts.join(" + "),
        thousands(counts.kept),
        thousands(counts.clusters)
    ))?;
    let missed = 1.0 - found.predicted_recall;
    let recall = if missed <= 0.0 {
        "every pair is found".to_owned()
    } else {
        format!("of pairs just at it one in {} is missed", thousands((1.0 / missed) as u64))
    };
    session.print(format!(
        "{} near pairs of codes with different tokens at {}{}; {recall}\n",
        thousands(found.near_pairs as u64),
        settings.threshold,
        match settings.renamed {
            true => format!(", {} of their renamed forms", thousands(found.renamed_pairs as u64)),
            false => String::new(),
        }
    ))
}

/// Groups that are listed of each kind.
const GROUPS: usize = 5;

fn print_prompts(session: &Session, prompts: &Prompts) -> Result<(), Failure> {
    session.print(format!(
        "{} samples have an instruction, {} different ones; {} pairs of them share most of their words\n",
        thousands(prompts.prompts),
        thousands(prompts.different),
        thousands(prompts.near_pairs)
    ))?;
    for (groups, what, differ) in [
        (&prompts.same_code, "one code under several prompts", "prompts"),
        (&prompts.same_prompt, "one prompt with several codes", "codes"),
    ] {
        let samples: usize = groups.iter().map(|group| group.ids.len()).sum();
        session.print(format!(
            "{what}: {} samples in {} groups\n",
            thousands(samples as u64),
            thousands(groups.len() as u64)
        ))?;
        for group in groups.iter().take(GROUPS) {
            let ids: Vec<String> = group.ids.iter().take(GROUPS).map(|id| id.to_string()[..8].to_owned()).collect();
            let more = if group.ids.len() > ids.len() { " …" } else { "" };
            session.print(format!("  {} {differ}: {}{more}\n", group.different, ids.join(" ")))?;
        }
    }
    Ok(())
}

fn sentence(warning: &Warning) -> String {
    format!(
        "{}: near-duplicates of its own leave {} of {} samples, fewer than half (largest cluster {}, largest family {}); with `dedup = \"exact\"` in its recipe {} would stay",
        warning.source,
        thousands(warning.kept),
        thousands(warning.samples),
        thousands(warning.largest_cluster),
        thousands(warning.largest_family),
        thousands(warning.kept_if_exact)
    )
}

fn show_changes(session: &Session, store: &Store, changes: &[(u32, Option<&Duplicate>)]) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for (row, duplicate) in changes {
        let sample = store.sample_without_facts(*row)?;
        let what = match duplicate {
            None => "kept".to_owned(),
            Some(duplicate) => {
                let survivor = store.sample_without_facts(duplicate.of)?;
                format!(
                    "{} duplicate ({:.3}) of {} {}; {}",
                    duplicate.method.word(),
                    duplicate.similarity,
                    &survivor.id.to_string()[..8],
                    survivor.locator,
                    duplicate.clause
                )
            }
        };
        rows.push(vec![sample.id.to_string()[..8].to_owned(), sample.source, line(&sample.locator, 40), what]);
    }
    session.print(table(&["id", "source", "locator", "would be"], &rows, session.width))
}

/// Writes a JSON line for each duplicate.
fn write_pairs(store: &Store, found: &Found, path: &Path) -> Result<(), Failure> {
    whole::write(path, |write| {
        for (member, duplicate) in found.members.iter().zip(&found.duplicates) {
            let Some(duplicate) = duplicate else { continue };
            let (one, survivor) = (store.placed(member.row)?, store.placed(duplicate.of)?);
            let line = json!({
                "id": member.id, "source": one.source, "locator": one.locator,
                "survivor": survivor.id, "survivor_source": survivor.source, "survivor_locator": survivor.locator,
                "similarity": duplicate.similarity, "method": duplicate.method, "clause": duplicate.clause,
            });
            write(&format!("{line}\n"))?;
        }
        Ok(())
    })
}
