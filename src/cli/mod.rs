//! The command line: arguments in, tables and JSON out. Everything it does, the library does.
//!
//! stdout is data, stderr is talk. Exit codes: 0 done; 1 the request or the data is wrong; 2 the command line or the
//! query is wrong; 3 the store cannot be used; 4 something outside is missing. A closed pipe is 0.

pub mod args;
mod commands;
mod draw;
mod failure;
mod owner;
mod pager;
mod session;
mod settings;
mod starter;
mod whole;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::{Cli, Command};
use failure::Failure;
use session::Session;

/// Marks an argument that begins with `-` and belongs to a query; no argument can hold it.
const TERM: char = '\u{1}';

/// Runs the program.
pub fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    let shown: Vec<String> = given
        .iter()
        .enumerate()
        .map(|(at, argument)| if at == 0 { "scenery".to_owned() } else { quoted(&argument.to_string_lossy()) })
        .collect();
    let wants_json = given.iter().any(|argument| argument == "--json");
    let matches = match Cli::command().try_get_matches_from(protect(given)) {
        Ok(matches) => matches,
        Err(error) => return bad_arguments(&error, wants_json),
    };
    let mut cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return bad_arguments(&error, wants_json),
    };
    unprotect(&mut cli.command);
    let session = match Session::new(&cli, shown.join(" ")) {
        Ok(session) => session,
        Err(failure) => {
            report(&failure, cli.json, false);
            return ExitCode::from(failure.code);
        }
    };
    match commands::run(&session, cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.code != 0 {
                report(&failure, session.json, session.colour_errors);
            }
            ExitCode::from(failure.code)
        }
    }
}

fn report(failure: &Failure, json: bool, colour: bool) {
    let text = if json { failure.json().to_string() } else { failure.text(colour) };
    let text = if json { text } else { text.trim_end().to_owned() };
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn bad_arguments(error: &clap::Error, json: bool) -> ExitCode {
    let asked = !error.use_stderr();
    let text = draw::safe(&error.render().to_string().replace(TERM, "-"));
    if json && !asked {
        let ends = |line: &&str| !["Usage:", "For more", "  tip:"].iter().any(|begin| line.starts_with(begin));
        let lines: Vec<&str> = text.lines().take_while(ends).map(str::trim).filter(|line| !line.is_empty()).collect();
        let message = lines.join(" ").trim_start_matches("error: ").to_owned();
        report(&Failure::usage(message).suggesting(suggested(error)), true, false);
    } else if asked {
        let _ = write!(std::io::stdout(), "{text}");
    } else {
        let _ = write!(std::io::stderr(), "{text}");
    }
    if asked { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

/// What clap would have typed instead.
fn suggested(error: &clap::Error) -> Vec<String> {
    use clap::error::{ContextKind, ContextValue};
    let kinds = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    kinds
        .iter()
        .filter_map(|kind| error.get(*kind))
        .flat_map(|value| match value {
            ContextValue::String(one) => vec![one.replace(TERM, "-")],
            ContextValue::Strings(many) => many.clone(),
            _ => Vec::new(),
        })
        .collect()
}

/// Verbs whose arguments are a query, so that `-source:x` is a part of it.
const ASKING: &[&str] = &[
    "query",
    "count",
    "explain",
    "complete",
    "save",
    "export",
    "clusters",
    "decontaminate",
    "reject",
    "restore",
    "standardise",
    "tag",
    "train",
];

/// Keeps the terms of a query that begin with `-` from being read as options: an argument with one dash and more than
/// one character after it, but a short option with its value glued on (`-n20`, `-C/dir`, `-ffile.q`, `-oout`).
fn protect(given: Vec<OsString>) -> Vec<OsString> {
    let verb = given.iter().skip(1).position(|argument| ASKING.iter().any(|verb| argument == verb));
    let Some(verb) = verb else { return given };
    let given_verb = given[verb + 1].clone();
    let mut open = true;
    given
        .into_iter()
        .enumerate()
        .map(|(at, argument)| {
            if at <= verb + 1 || !open {
                return argument;
            }
            let Some(text) = argument.to_str() else { return argument };
            if text == "--" {
                open = false;
                return argument;
            }
            let Some(rest) = text.strip_prefix('-') else { return argument };
            let short_number =
                rest.strip_prefix('n').is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
            // `tag -y` takes a label of one letter off; the short options of every verb stay what they are.
            let label = given_verb == "tag" && !matches!(rest, "" | "q" | "h" | "C");
            if (rest.chars().count() < 2 && !label) || rest.starts_with('-') || short_number {
                return argument;
            }
            OsString::from(format!("{TERM}{rest}"))
        })
        .collect()
}

fn unprotect(command: &mut Command) {
    let terms = match command {
        Command::Query(args) => &mut args.asked.query,
        Command::Count(args) => &mut args.asked.query,
        Command::Explain(args) => &mut args.asked.query,
        Command::Complete(args) => &mut args.query,
        Command::Save(args) => &mut args.asked.query,
        Command::Export(args) => &mut args.asked.query,
        Command::Clusters(args) => &mut args.asked.query,
        Command::Decontaminate(args) => &mut args.asked.query,
        Command::Reject(args) => &mut args.asked.query,
        Command::Restore(args) => &mut args.asked.query,
        Command::Standardise(args) => &mut args.asked.query,
        Command::Tag(args) => &mut args.labels,
        Command::Train(args) => match args.what.query() {
            Some(terms) => terms,
            None => return,
        },
        _ => return,
    };
    for term in terms {
        if let Some(rest) = term.strip_prefix(TERM) {
            *term = format!("-{rest}");
        }
    }
}

/// An argument as a shell takes it.
pub(crate) fn quoted(argument: &str) -> String {
    let plain = |ch: char| ch.is_alphanumeric() || "-_./:=,@%+".contains(ch);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_an_example() {
        for verb in Cli::command().get_subcommands() {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("scenery {}", verb.get_name())), "{} has no example", verb.get_name());
        }
    }

    #[test]
    fn terms_with_a_dash_belong_to_the_query_and_options_do_not() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let shown = |text: &str| {
            protect(words(text))
                .into_iter()
                .map(|each| each.into_string().unwrap().replace(TERM, "~"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(shown("scenery query a -source:x -n 5 --json"), "scenery query a ~source:x -n 5 --json");
        assert_eq!(shown("scenery query -n20 -is:valid -- -q"), "scenery query -n20 ~is:valid -- -q");
        assert_eq!(shown("scenery -C dir count -x"), "scenery -C dir count -x");
        assert_eq!(shown("scenery show -abc"), "scenery show -abc");
        assert_eq!(
            shown("scenery train lint a -source:x --base d -n 5 -is:valid"),
            "scenery train lint a ~source:x --base d -n 5 ~is:valid"
        );
        assert_eq!(shown("scenery tag +a -b -cd -q -- -x"), "scenery tag +a ~b ~cd -q -- -x");
    }

    #[test]
    fn commands_are_shown_as_a_shell_takes_them() {
        assert_eq!(quoted("is:valid"), "is:valid");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
