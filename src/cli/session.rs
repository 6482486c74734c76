//! What every command has: the project, how to print, what time it is. The only place that reads clock and environment.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::args::{Asked, Cli, When};
use super::failure::Failure;
use crate::query::{self, Compiled, Plan, QueryError, States, Vocabulary};
use crate::slice::{self, Slice, vocabulary, vocabulary::StoreVocabulary};
use crate::store::{Project, Store};

/// How a command was called.
#[derive(Clone, Debug)]
pub struct Session {
    /// `-C`, else the current directory.
    pub directory: PathBuf,
    /// `--json`.
    pub json: bool,
    /// `--quiet`.
    pub quiet: bool,
    /// Whether stdout stays empty: a step of a job that prints only its end.
    pub silent: bool,
    /// Whether stdout takes colours.
    pub colour: bool,
    /// Whether stderr takes colours.
    pub colour_errors: bool,
    /// Columns of the terminal; 100 where there is none.
    pub width: usize,
    /// The command as typed, for messages.
    pub command: String,
    /// `SOURCE_DATE_EPOCH`: seconds since 1970, instead of the clock.
    pub epoch: Option<i64>,
}

impl Session {
    /// Makes the session of a command line.
    ///
    /// # Errors
    /// Where `SOURCE_DATE_EPOCH` is set and no time.
    pub fn new(cli: &Cli, command: String) -> Result<Session, Failure> {
        let allowed = |terminal: bool| match cli.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let width = std::env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok())
            .unwrap_or_else(|| if std::io::stdout().is_terminal() { terminal_width() } else { 120 });
        let epoch = match std::env::var_os("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => Some(epoch(&text.to_string_lossy())?),
        };
        Ok(Session {
            directory: cli.directory.clone().unwrap_or_else(|| PathBuf::from(".")),
            json: cli.json,
            quiet: cli.quiet,
            silent: false,
            colour: allowed(std::io::stdout().is_terminal()),
            colour_errors: allowed(std::io::stderr().is_terminal()),
            width,
            command,
            epoch,
        })
    }

    /// The project.
    ///
    /// # Errors
    /// Where there is none.
    pub fn project(&self) -> Result<Project, Failure> {
        if !self.directory.is_dir() {
            return Err(Failure::usage(format!("{} is no directory", self.directory.display())));
        }
        Ok(Project::find(&self.directory)?)
    }

    /// The store, to read.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn store(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.project()?)?)
    }

    /// The store, to write.
    ///
    /// # Errors
    /// As [`Store::open_for_writing`].
    pub fn writable(&self) -> Result<Store, Failure> {
        Ok(Store::open_for_writing(&self.project()?, &format!("`{}`, begun {}", self.command, self.now()))?)
    }

    /// The store as it is, to read: what is derived may be behind.
    ///
    /// # Errors
    /// As [`Store::open_as_it_is`].
    pub fn store_as_it_is(&self) -> Result<Store, Failure> {
        Ok(Store::open_as_it_is(&self.project()?)?)
    }

    /// The store as it is, to write.
    ///
    /// # Errors
    /// As [`Store::open_to_mend`].
    pub fn mendable(&self) -> Result<Store, Failure> {
        Ok(Store::open_to_mend(&self.project()?, &format!("`{}`, begun {}", self.command, self.now()))?)
    }

    /// Now, UTC, RFC 3339, whole seconds; `SOURCE_DATE_EPOCH` overrides it.
    pub fn now(&self) -> String {
        let seconds = self
            .epoch
            .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64));
        let day = seconds.rem_euclid(86_400);
        format!(
            "{}T{:02}:{:02}:{:02}Z",
            slice::date_of(seconds.div_euclid(86_400)),
            day / 3600,
            day / 60 % 60,
            day % 60
        )
    }

    /// Says something to the person.
    pub fn say(&self, text: impl AsRef<str>) {
        if !self.quiet && !self.json {
            let _ = writeln!(std::io::stderr(), "{}", super::draw::safe(text.as_ref()));
        }
    }

    /// Says a note, marked as one. With `--json` too, since programs write queries as well: as a line `{"note": …}`, so that
    /// every line of stderr is a JSON object.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet && self.json {
            let _ = writeln!(std::io::stderr(), "{}", serde_json::json!({ "note": text.as_ref() }));
        } else if !self.quiet {
            let head = if self.colour_errors { "\u{1b}[1;36mnote\u{1b}[0m" } else { "note" };
            let _ = writeln!(std::io::stderr(), "{head}: {}", super::draw::safe(text.as_ref()));
        }
    }

    /// Whether someone watches stderr, and is to be shown how far things are.
    pub fn shows_progress(&self) -> bool {
        std::io::stderr().is_terminal() && !self.quiet && !self.json
    }

    /// A sign on a terminal that long work goes on; nothing elsewhere.
    pub fn spinner(&self) -> Spinner {
        Spinner(self.shows_progress().then(|| {
            let bar = indicatif::ProgressBar::new_spinner();
            bar.enable_steady_tick(std::time::Duration::from_millis(100));
            bar
        }))
    }

    /// What Ctrl-C and SIGTERM set from now on; a second one ends the program at once, with 130.
    pub fn stopped_by_signals(&self) -> Arc<AtomicBool> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let registered = signal_hook::flag::register_conditional_shutdown(signal, 130, stop.clone())
                .and_then(|_| signal_hook::flag::register(signal, stop.clone()));
            if let Err(error) = registered {
                self.note(format!("Ctrl-C ends the command without keeping what is under way: {error}"));
            }
        }
        stop
    }

    /// Prints to stdout.
    ///
    /// # Errors
    /// Where stdout is closed or full.
    pub fn print(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        if self.silent {
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_ref().as_bytes()).and_then(|()| out.flush()).map_err(output)
    }

    /// Prints a value as JSON.
    ///
    /// # Errors
    /// As [`Session::print`].
    pub fn print_json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(|error| Failure::request(format!("no JSON: {error}")))?;
        self.print(text + "\n")
    }

    /// The text of the query that a verb was given.
    ///
    /// # Errors
    /// Where a file or standard input cannot be read.
    pub fn query_text(&self, asked: &Asked) -> Result<String, Failure> {
        let not_empty = |text: String, place: &dyn std::fmt::Display| {
            let text = query::without_mark(&text).to_owned();
            if query::says_nothing(&text) {
                let message = format!("{place} holds no query, and an empty one would select every row");
                return Err(Failure::usage(message));
            }
            Ok(text)
        };
        let from_input = asked.query.len() == 1 && asked.query[0] == "-";
        if let Some(file) = asked.file.as_ref().filter(|file| file.as_os_str() != "-") {
            let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
            return not_empty(text, &file.display());
        }
        if from_input || asked.file.is_some() {
            let text = std::io::read_to_string(std::io::stdin())
                .map_err(|error| Failure::request(format!("standard input: {error}")))?;
            return not_empty(text, &"standard input");
        }
        let text = asked.query.join(" ");
        if text.trim_start().starts_with('#') && !text.contains('\n') {
            return Err(Failure::usage(format!(
                "`{text}` is a comment, which would select every row; quote it to look for the text"
            )));
        }
        Ok(text)
    }

    /// Compiles a query against a store, and says its notes.
    ///
    /// # Errors
    /// Where the query is wrong.
    pub fn compile(&self, store: &Store, text: &str) -> Result<Compiled, Failure> {
        self.compile_with(store, text, &StoreVocabulary::new(store))
    }

    /// Compiles a query with the words and saved queries that are given, and says its notes.
    ///
    /// # Errors
    /// Where the query is wrong, or a saved query that it names cannot be read.
    pub fn compile_with(&self, store: &Store, text: &str, vocabulary: &dyn Vocabulary) -> Result<Compiled, Failure> {
        self.compile_in(store, text, vocabulary, States::Kept)
    }

    /// As [`Session::compile_with`], with the states that are asked where the query says nothing of them.
    ///
    /// # Errors
    /// As there.
    pub fn compile_in(
        &self,
        store: &Store,
        text: &str,
        vocabulary: &dyn Vocabulary,
        states: States,
    ) -> Result<Compiled, Failure> {
        let compiled = query::compile_in(text, vocabulary, states).map_err(|error| unreadable(store, &error, text))?;
        for note in &compiled.plan.notes {
            self.note(&note.message);
        }
        Ok(compiled)
    }

    /// Evaluates a plan, and says which values fell short of what a stage asked for.
    ///
    /// # Errors
    /// As the store.
    pub fn select(&self, store: &Store, plan: &Plan, limit: usize) -> Result<Slice, Failure> {
        let slice = slice::select(store, plan, limit)?;
        slice.remarks().for_each(|sentence| self.note(sentence));
        Ok(slice)
    }
}

/// What [`Session::spinner`] shows.
pub struct Spinner(Option<indicatif::ProgressBar>);

impl Spinner {
    /// Says what is done now.
    pub fn set(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(what.to_owned());
        }
    }

    /// Takes it away.
    pub fn end(self) {
        if let Some(bar) = self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Reads `SOURCE_DATE_EPOCH`; what is no time is an error, since what was asked for is the same bytes again.
fn epoch(text: &str) -> Result<i64, Failure> {
    /// The last second of the year 9999.
    const LAST: i64 = 253_402_300_799;
    text.parse().ok().filter(|seconds| (0..=LAST).contains(seconds)).ok_or_else(|| {
        Failure::usage(format!(
            "SOURCE_DATE_EPOCH is `{text}`, which is no time: it is a number of seconds since 1970-01-01 (0 to {LAST}), as `date +%s` prints it; unset it for the clock"
        ))
    })
}

/// The failure of a query: of the file where the saved query that it lacks is there and cannot be read.
fn unreadable(store: &Store, error: &QueryError, text: &str) -> Failure {
    let lacks = |name: &str| error.kind == "saved" && error.message.contains(&format!("`@{name}`"));
    match vocabulary::unreadable(store.project()).into_iter().find(|(name, _)| lacks(name)) {
        Some((name, why)) => {
            let mut out = Failure::new(2, "saved", format!("queries/{name}.q: {why}"));
            out.path = Some(format!("queries/{name}.q"));
            out
        }
        None => Failure::query(error.clone(), text),
    }
}

/// An error of stdout; a closed pipe ends the program with 0, see [`super::main`].
pub fn output(error: std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        return Failure::new(0, "closed-pipe", "");
    }
    Failure::request(format!("standard output: {error}"))
}

fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0))
}
