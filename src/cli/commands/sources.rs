//! `sources`.

use serde_json::{Value, json};

use super::recipes::{find_recipe, flags_of, own_names, stored};
use crate::cli::args::SourcesArgs;
use crate::cli::draw::{table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::ingest::catalog::CATALOG;
use crate::ingest::recipe::Recipe;
use crate::store::{RUN_SOURCES, Store};

/// Lists sources.
///
/// # Errors
/// As the store.
pub fn sources(session: &Session, args: &SourcesArgs) -> Result<(), Failure> {
    let store = match session.project() {
        Ok(_) => Some(session.store()?),
        Err(_) => None,
    };
    if let Some(name) = &args.name {
        return one_source(session, store.as_ref(), name, args.rejected);
    }
    let mut rows = Vec::new();
    let mut listed = Vec::new();
    let own = store.as_ref().map(|store| own_names(store.project())).unwrap_or_default();
    let records = store.as_ref().map(|store| store.sources()).transpose()?.unwrap_or_default();
    let counts = match &store {
        Some(store) => store.columns()?.counts("source"),
        None => Vec::new(),
    };
    let mut names: Vec<String> =
        CATALOG.iter().map(|(name, _)| (*name).to_owned()).chain(own.iter().cloned()).collect();
    names.extend(records.iter().map(|record| record.name.clone()));
    names.sort();
    names.dedup();
    for name in names {
        let recipe = match &store {
            Some(store) => find_recipe(store.project(), &name)?,
            None => Some(Recipe::builtin(&name)?),
        };
        let record = records.iter().find(|record| record.name == name);
        let samples = counts.iter().find(|(each, _)| *each == name).map(|(_, count)| *count);
        let kind = if own.contains(&name) {
            "own"
        } else if name.starts_with(RUN_SOURCES) {
            "run"
        } else if recipe.is_none() {
            "no recipe"
        } else if recipe.as_ref().is_some_and(|recipe| !recipe.tried) {
            "untried"
        } else {
            ""
        };
        let (title, licence, reader, rank, expected) = match (&recipe, record) {
            (Some(recipe), _) => {
                (recipe.title.clone(), recipe.licence.clone(), recipe.reader.clone(), recipe.rank, recipe.expected_rows)
            }
            (None, Some(record)) => (record.title.clone(), record.licence.clone(), String::new(), record.rank, None),
            (None, None) => continue,
        };
        listed.push(json!({
            "name": name, "title": title, "licence": licence, "reader": reader, "rank": rank, "expected_rows": expected,
            "tried": recipe.as_ref().map(|recipe| recipe.tried), "own": own.contains(&name), "samples": samples.unwrap_or(0),
        }));
        rows.push(vec![
            name,
            samples.map_or(String::new(), |count| count.to_string()),
            expected.map_or(String::new(), |count| count.to_string()),
            reader,
            rank.to_string(),
            licence,
            kind.to_owned(),
            title,
        ]);
    }
    if session.json {
        return session.print_json(&listed);
    }
    session.print(table(
        &["source", "here", "expected", "reader", "rank", "licence", "", "title"],
        &rows,
        session.width.max(120),
    ))?;
    session.say("`scenery sources NAME` shows one in full, `scenery ingest NAME` says how to get it");
    Ok(())
}

fn one_source(session: &Session, store: Option<&Store>, name: &str, rejected: bool) -> Result<(), Failure> {
    if rejected {
        let store = store.ok_or_else(|| Failure::usage("rejected rows are those of a project: there is none here"))?;
        if store.source(name)?.is_none() {
            return Err(Failure::request(format!("this store has not read `{name}`")));
        }
        let rows = store.rejected(name, usize::MAX >> 1)?;
        if session.json {
            return session.print_json(&rows);
        }
        let shown: Vec<Vec<String>> =
            rows.iter().map(|row| vec![row.locator.clone(), row.reason.clone(), row.detail.clone()]).collect();
        session.print(table(&["where", "reason", "detail"], &shown, session.width.max(120)))?;
        session.say(format!("{} rejected rows", thousands(rows.len() as u64)));
        return Ok(());
    }
    let recipe = match store {
        Some(store) => find_recipe(store.project(), name)?,
        None => CATALOG.iter().any(|(each, _)| *each == name).then(|| Recipe::builtin(name)).transpose()?,
    };
    let record = store.map(|store| store.source(name)).transpose()?.flatten();
    if recipe.is_none() && record.is_none() {
        let mut known = store.map(|store| own_names(store.project())).unwrap_or_default();
        known.extend(CATALOG.iter().map(|(name, _)| (*name).to_owned()));
        let near = crate::query::similar(name, known.iter().map(String::as_str));
        let hint = if near.is_empty() { String::new() } else { format!("did you mean {}? ", near.join(" or ")) };
        let text = format!("there is no source `{name}`: {hint}`scenery sources` lists them");
        return Err(Failure::usage(text).suggesting(near));
    }
    let mut out = Vec::new();
    let mut put = |title: &str, value: String| {
        if !value.trim().is_empty() {
            out.push((title.to_owned(), value.trim().to_owned()));
        }
    };
    put("name", name.to_owned());
    if let Some(recipe) = &recipe {
        put("title", recipe.title.clone());
        put("licence", recipe.licence.clone());
        put("url", recipe.url.clone().unwrap_or_default());
        put("reader", recipe.reader.clone());
        put("rank", recipe.rank.to_string());
        put("dialect", recipe.dialect.map(|dialect| dialect.to_string()).unwrap_or_default());
        put("dedup", recipe.dedup.word().to_owned());
        put("levels", recipe.levels.join(" < "));
        put("variants", recipe.variants.iter().map(|variant| variant.name.as_str()).collect::<Vec<_>>().join(", "));
        put("expected rows", recipe.expected_rows.map(|rows| rows.to_string()).unwrap_or_default());
        put("tried", if recipe.tried { "yes".into() } else { "no: this recipe was never run on the real data".into() });
        put("how to get it", recipe.get.clone().unwrap_or_default());
        put("citation", recipe.citation.clone().unwrap_or_default());
        put("notes", recipe.notes.clone().unwrap_or_default());
    } else if let Some(record) = &record {
        put("title", record.title.clone());
        put("licence", record.licence.clone());
        put("rank", record.rank.to_string());
        if let Some(stored) = store.map(|store| stored(store.project(), name)).transpose()?.flatten() {
            put("read by", flags_of(&stored.recipe));
            let paths: Vec<String> = stored.paths.iter().map(|path| path.display().to_string()).collect();
            put("read last", paths.join(", "));
        }
    }
    if let (Some(store), Some(_)) = (store, &record) {
        let samples =
            store.columns()?.counts("source").into_iter().find(|(each, _)| each == name).map_or(0, |(_, count)| count);
        put("samples here", thousands(samples));
        let reasons: Vec<String> = store
            .rejected_counts()?
            .into_iter()
            .filter(|(source, _, _)| source == name)
            .map(|(_, reason, count)| format!("{count} {reason}"))
            .collect();
        put("rejected rows", reasons.join(", "));
    }
    if session.json {
        let object: serde_json::Map<String, Value> =
            out.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        return session.print_json(&object);
    }
    for (title, value) in out {
        session
            .print(format!("{title:14}{}\n", crate::cli::draw::safe(&value).replace('\n', &format!("\n{:14}", ""))))?;
    }
    Ok(())
}
