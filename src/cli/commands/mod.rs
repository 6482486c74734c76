//! A function per verb.

mod clusters;
mod complete;
mod curate;
mod decontaminate;
mod dedup;
mod demo;
mod doctor;
mod explain;
mod export;
mod generate;
mod ingest;
mod look;
mod manual;
mod pins;
mod project;
mod recipes;
mod reference;
mod report;
mod saved;
mod setup;
mod show;
mod sources;
mod split;
mod standardise;
mod train;

use super::args::Command;
use super::failure::Failure;
use super::session::Session;

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
        Command::Complete(args) => complete::complete(session, &args),
        Command::Save(args) => saved::save(session, &args),
        Command::Queries(args) => saved::queries(session, &args),
        Command::Pin(args) => pins::pin(session, &args),
        Command::Diff(args) => pins::diff(session, &args),
        Command::Dedup(args) => dedup::dedup(session, &args),
        Command::Clusters(args) => clusters::clusters(session, &args),
        Command::Split(args) => split::split(session, &args),
        Command::Report(args) => report::report(session, &args),
        Command::Decontaminate(args) => decontaminate::decontaminate(session, &args),
        Command::Tag(args) => curate::tag(session, &args),
        Command::Reject(args) => curate::reject(session, &args),
        Command::Restore(args) => curate::restore(session, &args),
        Command::Standardise(args) => standardise::standardise(session, &args),
        Command::Forget(args) => curate::forget(session, &args),
        Command::Dump(args) => curate::dump(session, &args),
        Command::Load(args) => curate::load(session, &args),
        Command::Export(args) => export::export(session, &args),
        Command::Generate(args) => generate::generate(session, &args),
        Command::Train(args) => train::train(session, &args),
        Command::Log(args) => project::log(session, &args),
        Command::Undo(args) => project::undo(session, &args),
        Command::Setup(args) => setup::setup(session, &args),
        Command::Doctor(args) => doctor::doctor(session, &args),
        Command::Rebuild => doctor::rebuild(session),
        Command::Completions(args) => manual::completions(session, &args),
        Command::Man(args) => manual::man(session, &args),
    }
}
