//! `complete`: what may come next in a query.

use serde_json::{Value, json};

use crate::cli::args::CompleteArgs;
use crate::cli::draw::name;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::query::complete::{Candidate, PAGE, complete as find};
use crate::slice::vocabulary::StoreVocabulary;

/// Prints the candidates at a cursor: one per line with what it is, or as JSON.
///
/// # Errors
/// As the store.
pub fn complete(session: &Session, args: &CompleteArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let text = args.query.join(" ");
    let cursor = args.cursor.unwrap_or(text.len());
    let found = find(&text, cursor, &StoreVocabulary::new(&store), (!args.all).then_some(PAGE));
    if session.json {
        let shown: Vec<Value> = found.candidates.iter().map(json_of).collect();
        session.print_json(&shown)?;
    } else {
        let mut out = String::new();
        let mut unshown = 0;
        for candidate in &found.candidates {
            let insert = match args.word {
                None => candidate.insert.clone(),
                Some(from) => match text.get(from..candidate.from) {
                    Some(before) => format!("{before}{}", candidate.insert),
                    // It would change what stands before.
                    None => continue,
                },
            };
            // What a terminal cannot show as it is would come back as another value.
            if name(&insert) == insert {
                out.push_str(&format!("{insert}\t{}\n", name(&candidate.detail)));
            } else {
                unshown += 1;
            }
        }
        session.print(out)?;
        if unshown > 0 {
            session.say(format!("{unshown} with control characters; --json shows them"));
        }
    }
    if found.more {
        session.say(format!("the best {}; --all lists more", found.candidates.len()));
    }
    Ok(())
}

fn json_of(candidate: &Candidate) -> Value {
    json!({
        "from": candidate.from,
        "to": candidate.to,
        "insert": candidate.insert,
        "kind": candidate.kind.name(),
        "detail": candidate.detail,
        "compiles": candidate.compiles,
    })
}
