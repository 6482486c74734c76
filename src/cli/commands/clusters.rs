//! `clusters`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::json;

use super::show::diff;
use crate::cli::args::ClustersArgs;
use crate::cli::draw::safe;
use crate::cli::failure::Failure;
use crate::cli::pager;
use crate::cli::session::Session;
use crate::query::States;
use crate::sample::Sample;
use crate::slice;
use crate::slice::vocabulary::StoreVocabulary;
use crate::store::{Duplicate, Store};

/// Clusters that are listed unless more are asked for.
const LISTED: usize = 20;

/// Lists clusters, the largest first.
///
/// # Errors
/// As the query and the store.
pub fn clusters(session: &Session, args: &ClustersArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let text = session.query_text(&args.asked)?;
    let mut clusters: BTreeMap<u32, Vec<(u32, Duplicate)>> = BTreeMap::new();
    for (row, duplicate) in store.duplicates()? {
        clusters.entry(duplicate.of).or_default().push((row, duplicate));
    }
    if clusters.is_empty() {
        if session.json {
            return session.print_json(&json!([]));
        }
        session.say("no sample is a duplicate: `scenery dedup` looks for them");
        return Ok(());
    }
    if !text.trim().is_empty() {
        let plan = session.compile_in(&store, &text, &StoreVocabulary::new(&store), States::Any)?.plan;
        let rows: BTreeSet<u32> =
            slice::select(&store, &plan, usize::MAX)?.rows.into_iter().map(|(row, _)| row).collect();
        clusters
            .retain(|survivor, members| rows.contains(survivor) || members.iter().any(|(row, _)| rows.contains(row)));
    }
    let total = clusters.len();
    let mut listed: Vec<(u32, Vec<(u32, Duplicate)>)> = clusters.into_iter().collect();
    listed.sort_by_key(|(survivor, members)| (std::cmp::Reverse(members.len()), *survivor));
    let limit = args.limit.unwrap_or(if session.json { usize::MAX } else { LISTED });
    listed.truncate(limit);
    if session.json {
        let clusters: Result<Vec<_>, Failure> =
            listed.iter().map(|(survivor, members)| cluster_json(&store, *survivor, members, args.no_diff)).collect();
        return session.print_json(&clusters?);
    }
    let mut out = String::new();
    for (survivor, members) in &listed {
        draw(session, &store, *survivor, members, args.no_diff, &mut out)?;
    }
    pager::print(session, &out, false)?;
    if listed.len() < total {
        session.say(format!("the largest {} of {total} clusters are shown (-n N shows more)", listed.len()));
    }
    Ok(())
}

fn about(sample: &Sample) -> serde_json::Value {
    json!({ "id": sample.id, "source": sample.source, "locator": sample.locator, "licence": sample.licence })
}

fn cluster_json(
    store: &Store,
    survivor: u32,
    members: &[(u32, Duplicate)],
    no_diff: bool,
) -> Result<serde_json::Value, Failure> {
    let first = store.sample_without_facts(survivor)?;
    let mut list = Vec::new();
    for (row, duplicate) in members {
        let member = store.sample_without_facts(*row)?;
        let mut each = about(&member);
        each["similarity"] = json!(duplicate.similarity);
        each["method"] = json!(duplicate.method);
        each["clause"] = json!(duplicate.clause);
        if !no_diff {
            each["diff"] = json!(diff(&first.code, &member.code, false));
        }
        list.push(each);
    }
    Ok(json!({ "size": members.len() + 1, "survivor": about(&first), "members": list }))
}

fn draw(
    session: &Session,
    store: &Store,
    survivor: u32,
    members: &[(u32, Duplicate)],
    no_diff: bool,
    out: &mut String,
) -> Result<(), Failure> {
    let bold = |text: &str| if session.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() };
    let first = store.sample_without_facts(survivor)?;
    let named =
        |sample: &Sample| format!("{} {} {}", &sample.id.to_string()[..8], safe(&sample.source), safe(&sample.locator));
    let _ = writeln!(out, "{} kept, and {} like it", bold(&named(&first)), members.len());
    for (row, duplicate) in members {
        let member = store.sample_without_facts(*row)?;
        let _ = writeln!(
            out,
            "  {}  {} {:.3}; {}",
            named(&member),
            duplicate.method.word(),
            duplicate.similarity,
            duplicate.clause
        );
        if !no_diff && first.code != member.code {
            for line in diff(&first.code, &member.code, session.colour).lines() {
                let _ = writeln!(out, "    {line}");
            }
        }
    }
    out.push('\n');
    Ok(())
}
