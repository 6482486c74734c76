//! `man` and `completions`: texts about the program itself.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::args::{Cli, CompletionsArgs, ManArgs, Topic};
use crate::cli::failure::Failure;
use crate::cli::pager;
use crate::cli::session::{Session, output};
use crate::query::reference;

/// Where the zsh script begins to register itself.
const ZSH_END: &str = "if [ \"$funcstack[1]\" = \"_scenery\" ]; then";

/// Prints the manual page, or a text about the query language.
///
/// # Errors
/// Where stdout is closed or full.
pub fn man(session: &Session, args: &ManArgs) -> Result<(), Failure> {
    match args.topic {
        Some(Topic::Query) => pager::print(session, reference::REFERENCE, true),
        Some(Topic::Tutorial) => pager::print(session, reference::TUTORIAL, true),
        None => {
            clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout()).map_err(output)?;
            Ok(())
        }
    }
}

/// Prints the script that completes commands in a shell; in bash, zsh and fish it completes queries too.
///
/// # Errors
/// Where stdout is closed or full.
pub fn completions(session: &Session, args: &CompletionsArgs) -> Result<(), Failure> {
    // Written to memory first: clap_complete ends the program where stdout is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "scenery", &mut script);
    let script = String::from_utf8_lossy(&script);
    // Ours takes the place of what the zsh script registers at its end.
    let script = script.split_once(ZSH_END).map_or(&*script, |(before, _)| before);
    session.print(script)?;
    let queries = match args.shell {
        Shell::Bash => include_str!("../completions/query.bash"),
        Shell::Zsh => include_str!("../completions/query.zsh"),
        Shell::Fish => include_str!("../completions/query.fish"),
        _ => return Ok(()),
    };
    let options: Vec<String> = crate::cli::ASKING.iter().map(|verb| options(verb, args.shell)).collect();
    session.print(queries.replace("@OPTIONS@", options.join("\n").as_str()))
}

/// The line of a script that tells which options of a verb take a value.
fn options(verb: &str, shell: Shell) -> String {
    let command = Cli::command();
    let found = command.find_subcommand(verb).expect("a verb that asks is a verb");
    let arguments = found.get_arguments().filter(|argument| argument.get_action().takes_values());
    let names: Vec<String> = arguments
        .flat_map(|argument| {
            let short = argument.get_short().map(|short| format!("-{short}"));
            short.into_iter().chain(argument.get_long().map(|long| format!("--{long}")))
        })
        .collect();
    let names = names.join(" ");
    match (shell, names.as_str()) {
        (Shell::Fish, "") => format!("        case {verb}"),
        (Shell::Fish, names) => format!("        case {verb}\n            printf '%s\\n' {names}"),
        (_, names) => format!("    {verb}) echo '{names}' ;;"),
    }
}
