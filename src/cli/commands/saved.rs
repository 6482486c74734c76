//! `save` and `queries`.

use serde_json::json;

use crate::cli::args::{QueriesArgs, SaveArgs};
use crate::cli::draw::table;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::query::{self, Moment, NoMoment, Pin, Saved, Vocabulary};
use crate::slice::{self, vocabulary, vocabulary::StoreVocabulary};
use crate::store::StoreError;

/// The saved queries as they will be once one of them is written.
struct Draft<'a> {
    saved: StoreVocabulary<'a>,
    name: &'a str,
    text: &'a str,
}

impl Vocabulary for Draft<'_> {
    fn values(&self, field: &str) -> Option<Vec<(String, u64)>> {
        self.saved.values(field)
    }

    fn has_value(&self, field: &str, value: &str) -> bool {
        self.saved.has_value(field, value)
    }

    fn meta_names(&self) -> Vec<String> {
        self.saved.meta_names()
    }

    fn levels(&self, at: Option<i64>) -> Vec<(String, Vec<String>)> {
        self.saved.levels(at)
    }

    fn moment(&self, moment: Moment<'_>) -> Result<Option<i64>, NoMoment> {
        self.saved.moment(moment)
    }

    fn pin(&self, name: &str, number: u64) -> Option<Pin> {
        self.saved.pin(name, number)
    }

    fn pins(&self, name: Option<&str>) -> Vec<(String, u64)> {
        self.saved.pins(name)
    }

    fn saved(&self, name: &str) -> Option<Saved> {
        if name == self.name {
            return Some(Saved { text: self.text.to_owned(), path: format!("queries/{name}.q") });
        }
        self.saved.saved(name)
    }

    fn saved_names(&self) -> Vec<String> {
        self.saved.saved_names()
    }
}

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
    // As it will be: a query that comes back to this one is found before it is written.
    let draft = Draft { saved: StoreVocabulary::new(&store), name: &args.name, text: &text };
    session.compile_with(&store, &text, &draft)?;
    let dir = store.project().queries_dir();
    let path = dir.join(format!("{}.q", args.name));
    if path.exists() && !args.force {
        return Err(Failure::request(format!("queries/{}.q is there already: `--force` replaces it", args.name))
            .suggesting(vec![format!("{} --force", session.command)]));
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
        .map_err(|source| Failure::from(StoreError::Io { path: path.clone(), source }))?;
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
    for (name, why) in vocabulary::unreadable(store.project()) {
        session.note(format!("queries/{name}.q is left out: {why}"));
    }
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
        let pins: Vec<u64> = vocabulary.pins(Some(&name)).into_iter().map(|(_, number)| number).collect();
        listed.push(json!({
            "name": name, "about": about.join(" "), "args": takes, "query": body, "path": saved.path,
            "built_in": saved.path.contains("(built in)"), "rows": count, "pins": pins,
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
