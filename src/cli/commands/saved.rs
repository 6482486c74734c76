//! `save` and `queries`.

use serde_json::json;

use crate::cli::args::{QueriesArgs, SaveArgs};
use crate::cli::draw::table;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::query::{self, Vocabulary};
use crate::slice::{self, vocabulary::StoreVocabulary};

/// Saves a query.
///
/// # Errors
/// Where the query is wrong, or one of that name is there.
pub fn save(session: &Session, args: &SaveArgs) -> Result<(), Failure> {
    let legal = |name: &str| {
        !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if !legal(&args.name) {
        return Err(Failure::usage(format!(
            "`{}` is no name for a query: use letters, digits, `-` and `_`",
            args.name
        )));
    }
    let store = session.store()?;
    let text = session.query_text(&args.asked)?;
    if text.trim().is_empty() {
        return Err(Failure::usage("there is no query to save: `scenery save NAME QUERY`"));
    }
    session.compile(&store, &text)?;
    let dir = store.project().queries_dir();
    let path = dir.join(format!("{}.q", args.name));
    if path.exists() && !args.force {
        return Err(Failure::request(format!("queries/{}.q is there already: `--force` replaces it", args.name)));
    }
    let mut out = String::new();
    if let Some(about) = &args.about {
        for line in about.lines() {
            out.push_str(&format!("# {line}\n"));
        }
    }
    out.push_str(text.trim());
    out.push('\n');
    std::fs::create_dir_all(&dir)
        .and_then(|()| std::fs::write(&path, out))
        .map_err(|error| Failure::file(&path, &error))?;
    if session.json {
        return session.print_json(&json!({ "name": args.name, "path": path }));
    }
    session.say(format!("saved as queries/{0}.q, for use as @{0}", args.name));
    Ok(())
}

/// Lists saved queries.
///
/// # Errors
/// As the store.
pub fn queries(session: &Session, args: &QueriesArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let vocabulary = StoreVocabulary::new(&store);
    let mut listed = Vec::new();
    let mut rows = Vec::new();
    for name in vocabulary.saved_names() {
        let Some(saved) = vocabulary.saved(&name) else { continue };
        let comment = |line: &str| line.strip_prefix('#').map(|text| text.trim().to_owned());
        let about: Vec<String> =
            saved.text.lines().map_while(comment).filter(|text| !text.starts_with("args:")).collect();
        let takes = saved.text.lines().find_map(|line| line.strip_prefix("# args:")).map(|text| text.trim().to_owned());
        let body: Vec<&str> = saved.text.lines().filter(|line| !line.starts_with('#')).map(str::trim).collect();
        let body = body.join(" ").trim().to_owned();
        let count = if !args.counts || takes.is_some() {
            None
        } else {
            match query::compile(&format!("@{name}"), &vocabulary) {
                Ok(compiled) => Some(slice::count(&store, &compiled.plan)?.to_string()),
                Err(error) => Some(format!("error: {error}")),
            }
        };
        listed.push(json!({
            "name": name, "about": about.join(" "), "args": takes, "query": body, "path": saved.path,
            "built_in": saved.path.contains("(built in)"), "rows": count,
        }));
        let call = takes.map_or(format!("@{name}"), |takes| format!("@{name}({takes})"));
        rows.push(vec![call, count.unwrap_or_default(), if about.is_empty() { body } else { about.join(" ") }]);
    }
    if session.json {
        return session.print_json(&listed);
    }
    if rows.is_empty() {
        session.say("no query is saved: `scenery save NAME QUERY` saves one");
        return Ok(());
    }
    session.print(table(&["query", if args.counts { "rows" } else { "" }, "what it selects"], &rows, session.width))
}
