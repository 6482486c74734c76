//! A function per verb.

mod demo;
mod doctor;
mod explain;
mod export;
mod ingest;
mod look;
mod pins;
mod project;
mod recipes;
mod saved;
mod show;
mod sources;

use clap::CommandFactory;

use super::args::{Cli, Command};
use super::failure::Failure;
use super::session::{Session, output};

/// Runs a verb.
///
/// # Errors
/// As the verb.
pub fn run(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(args) => project::init(session, &args),
        Command::Demo(args) => demo::demo(session, &args),
        Command::Sources(args) => sources::sources(session, &args),
        Command::Ingest(args) => ingest::ingest(session, &args),
        Command::Query(args) => look::query(session, &args),
        Command::Count(args) => look::count(session, &args),
        Command::Show(args) => show::show(session, &args),
        Command::Why(args) => show::why(session, &args),
        Command::Explain(args) => explain::explain(session, &args),
        Command::Fields(args) => look::fields(session, &args),
        Command::Save(args) => saved::save(session, &args),
        Command::Queries(args) => saved::queries(session, &args),
        Command::Pin(args) => pins::pin(session, &args),
        Command::Diff(args) => pins::diff(session, &args),
        Command::Export(args) => export::export(session, &args),
        Command::Log(args) => project::log(session, &args),
        Command::Undo(args) => project::undo(session, &args),
        Command::Doctor => doctor::doctor(session),
        Command::Rebuild => doctor::rebuild(session),
        Command::Completions(args) => {
            // Written to memory first: clap_complete ends the program where stdout is closed.
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "scenery", &mut script);
            session.print(String::from_utf8_lossy(&script))
        }
        Command::Man => {
            clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout()).map_err(output)?;
            Ok(())
        }
    }
}
