//! The store: one directory, SQLite as the truth, a query index and columns derived from it.
//!
//! Layer 2. Rusqlite is used here and nowhere else, tantivy in `index/` and nowhere else. Invariants:
//! - what an open op wrote is not seen: new rows reach the index and the columns at its close, changed rows wait in
//!   `pending` until then;
//! - derived things follow the change log and carry watermarks; whoever opens the store replays what is missing;
//! - a damaged or newer database is refused, never replaced.

mod account;
pub mod codec;
pub mod columns;
mod duplicates;
mod error;
mod follow;
mod forget;
mod generated;
pub mod index;
mod kin;
mod lock;
mod ops;
mod past;
mod pickaxe;
mod pins;
mod read;
mod runs;
mod sources;
mod texts;
mod verdicts;
mod write;

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

pub use account::Counted;
pub use columns::Columns;
pub use duplicates::{Duplicate, FoundBy, Measured, Method, Near, PackedCode, Participant, Shingled};
pub use error::StoreError;
pub use generated::{Generation, RUN_SOURCES};
use index::rows::RowSet;
use index::{DocumentWriter, Index};
pub use kin::{Kin, Kinship};
use lock::Lock;
pub use ops::{Begin, OpRecord, Undone};
pub use past::Past;
pub use pickaxe::TextChange;
pub use pins::{Freeze, PinRecord};
pub use read::{HistoryEntry, IDS_SQL, META_SQL, PLACES_SQL, Placed, RevisionRecord};
pub use runs::{NewRun, RunEnd, RunEval, RunPart, RunRecord, RunState, RunStep};
pub use sources::SourceRecord;
pub use texts::{Text, Texts};
pub use verdicts::{FoundAs, Verdict};
pub use write::{Content, Known, LookupConnection, Outcome, Prepared, encode_facts, place_hash};

const MIGRATIONS: &[&str] = &[
    include_str!("../../schema/migrations/0001_foundation.sql"),
    include_str!("../../schema/migrations/0002_undo_of_sources.sql"),
    include_str!("../../schema/migrations/0003_pins.sql"),
    include_str!("../../schema/migrations/0004_duplicates_and_sides.sql"),
    include_str!("../../schema/migrations/0005_runs.sql"),
];

/// Marks the file as ours (`application_id`): "scny".
const APPLICATION_ID: i64 = 0x7363_6E79;

/// How long a reader waits for a writer that is closing its op.
const PATIENCE: Duration = Duration::from_secs(20);

/// A project directory: where `.scenery/` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The directory that holds `.scenery/`.
    pub root: PathBuf,
}

impl Project {
    /// Finds the project of a directory by walking up from it.
    ///
    /// # Errors
    /// [`StoreError::NoProject`]; [`StoreError::NoDatabase`] where a project is there without its database.
    pub fn find(from: &Path) -> Result<Project, StoreError> {
        let start = std::path::absolute(from).map_err(|source| StoreError::Io { path: from.to_owned(), source })?;
        let Some(dir) = start.ancestors().find(|dir| dir.join(".scenery").is_dir()) else {
            return Err(StoreError::NoProject { path: start });
        };
        let project = Project { root: dir.to_owned() };
        // A project that lost its database is not taken for a part of one further up.
        if project.database().is_file() { Ok(project) } else { Err(StoreError::NoDatabase { path: project.root }) }
    }

    /// Makes a project in a directory, which is made where it is missing.
    ///
    /// # Errors
    /// [`StoreError::AlreadyThere`]; [`StoreError::Io`] where the directory cannot be written.
    pub fn init(root: &Path) -> Result<Project, StoreError> {
        let root = std::path::absolute(root).map_err(|source| StoreError::Io { path: root.to_owned(), source })?;
        let project = Project { root };
        if project.database().exists() {
            return Err(StoreError::AlreadyThere { path: project.root });
        }
        for dir in [project.store_dir(), project.sources_dir(), project.queries_dir()] {
            std::fs::create_dir_all(&dir).map_err(|source| StoreError::Io { path: dir.clone(), source })?;
        }
        let _lock = Lock::take(&project.store_dir().join("lock"), "`scenery init`", Duration::ZERO)?;
        // What a database left that is gone: SQLite would take its log for one of the new database.
        for ending in ["-wal", "-shm", "-journal"] {
            let left = project.store_dir().join(format!("store.sqlite{ending}"));
            match std::fs::remove_file(&left) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::Io { path: left, source });
                }
                _ => {}
            }
        }
        let ignore = project.store_dir().join(".gitignore");
        std::fs::write(&ignore, "*\n").map_err(|source| StoreError::Io { path: ignore, source })?;
        // The database is made under another name and renamed, so that a half-made one is never taken for a store.
        let fresh = project.store_dir().join("store.sqlite.new");
        let _ = std::fs::remove_file(&fresh);
        {
            let conn = Connection::open(&fresh)?;
            conn.pragma_update(None, "application_id", APPLICATION_ID)?;
            migrate(&conn, &fresh)?;
        }
        let database = project.database();
        std::fs::rename(&fresh, &database).map_err(|source| StoreError::Io { path: database, source })?;
        Index::create(&project.index_dir())?;
        Ok(project)
    }

    /// `.scenery/`.
    pub fn store_dir(&self) -> PathBuf {
        self.root.join(".scenery")
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.store_dir().join("store.sqlite")
    }

    /// The query index.
    pub fn index_dir(&self) -> PathBuf {
        self.store_dir().join("index")
    }

    /// Own recipes.
    pub fn sources_dir(&self) -> PathBuf {
        self.root.join("sources")
    }

    /// Saved queries.
    pub fn queries_dir(&self) -> PathBuf {
        self.root.join("queries")
    }
}

/// An open store.
pub struct Store {
    project: Project,
    conn: Connection,
    index: RefCell<Index>,
    columns: OnceCell<Columns>,
    kin: OnceCell<Kin>,
    /// The index writer of the open op, and the rows that it was given.
    bulk: Option<(DocumentWriter, RowSet)>,
    lock: Option<Lock>,
}

impl Store {
    /// Opens a store to read. Derived things that are behind (a writer was killed) are brought up to date first.
    ///
    /// # Errors
    /// [`StoreError::Newer`], [`StoreError::Damaged`], [`StoreError::Locked`] where another process writes for longer
    /// than this waits, and whatever the system says.
    pub fn open(project: &Project) -> Result<Store, StoreError> {
        Store::open_with(project, None, true)
    }

    /// Opens a store to read as it is: an index or columns that are behind stay so, for verbs that need neither and for
    /// looking at what is wrong.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_as_it_is(project: &Project) -> Result<Store, StoreError> {
        Store::open_with(project, None, false)
    }

    /// Opens a store to write; `who` is what others who want to write are told.
    ///
    /// # Errors
    /// As [`Store::open`]; [`StoreError::Locked`] at once.
    pub fn open_for_writing(project: &Project, who: &str) -> Result<Store, StoreError> {
        Store::open_when_free(project, who, Duration::ZERO)
    }

    /// Opens a store to write once nobody else does, for up to `patience`: for what a long command writes now and then.
    ///
    /// # Errors
    /// As [`Store::open_for_writing`], after that time.
    pub fn open_when_free(project: &Project, who: &str, patience: Duration) -> Result<Store, StoreError> {
        let lock = Lock::take(&project.store_dir().join("lock"), who, patience)?;
        let mut store = Store::open_with(project, Some(lock), true)?;
        store.purge()?;
        Ok(store)
    }

    /// Opens a store to write as it is: for verbs that mend it.
    ///
    /// # Errors
    /// As [`Store::open_for_writing`].
    pub fn open_to_mend(project: &Project, who: &str) -> Result<Store, StoreError> {
        let lock = Lock::take(&project.store_dir().join("lock"), who, Duration::ZERO)?;
        Store::open_with(project, Some(lock), false)
    }

    /// Who writes to the store now, as they say of themselves.
    ///
    /// # Errors
    /// Where the lock file cannot be read.
    pub fn writer_now(&self) -> Result<Option<String>, StoreError> {
        Lock::holder(&self.project.store_dir().join("lock"))
    }

    fn open_with(project: &Project, mut lock: Option<Lock>, follow: bool) -> Result<Store, StoreError> {
        let conn = connect(&project.database(), lock.is_some())?;
        let index = Index::open(&project.index_dir())?;
        let needed = last_change(&conn)?;
        let current = |index: &Option<Index>| index.as_ref().is_some_and(|index| index.watermark() == needed);
        let fresh = current(&index) && columns_watermark(&conn)? == needed;
        if fresh || (!follow && index.is_some()) {
            let index = index.ok_or_else(|| StoreError::Inconsistent("an index that is current is missing".into()))?;
            return Ok(Store {
                project: project.clone(),
                conn,
                index: RefCell::new(index),
                columns: OnceCell::new(),
                kin: OnceCell::new(),
                bulk: None,
                lock,
            });
        }
        // Something is behind: whoever comes first mends it, under the lock.
        let reading = lock.is_none();
        let held = match lock.take() {
            Some(held) => held,
            None => {
                Lock::take(&project.store_dir().join("lock"), "a reader that brings the index up to date", PATIENCE)?
            }
        };
        let conn = connect(&project.database(), true)?;
        let index = match Index::open(&project.index_dir())? {
            Some(index) => index,
            None => Index::create(&project.index_dir())?,
        };
        let mut store = Store {
            project: project.clone(),
            conn,
            index: RefCell::new(index),
            columns: OnceCell::new(),
            kin: OnceCell::new(),
            bulk: None,
            lock: Some(held),
        };
        if follow {
            store.catch_up()?;
        }
        if reading {
            store.lock = None;
        }
        Ok(store)
    }

    /// The project that it is of.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The query index.
    pub fn index(&self) -> std::cell::Ref<'_, Index> {
        self.index.borrow()
    }

    /// The columns, read at first use.
    ///
    /// # Errors
    /// As [`Columns::load`].
    pub fn columns(&self) -> Result<&Columns, StoreError> {
        if let Some(columns) = self.columns.get() {
            return Ok(columns);
        }
        let loaded = Columns::load(&self.conn)?;
        Ok(self.columns.get_or_init(|| loaded))
    }

    fn must_write(&self) -> Result<(), StoreError> {
        if self.lock.is_some() {
            Ok(())
        } else {
            Err(StoreError::Inconsistent("a store that was opened to read cannot be written".into()))
        }
    }

    /// SQLite's own check, and that foreign keys hold; one sentence per finding.
    ///
    /// # Errors
    /// As SQLite.
    pub fn check_database(&self) -> Result<Vec<String>, StoreError> {
        let mut out = Vec::new();
        let mut statement = self.conn.prepare("PRAGMA integrity_check(20)")?;
        for line in statement.query_map([], |row| row.get::<_, String>(0))? {
            let line = line?;
            if line != "ok" {
                out.push(format!("database: {line}"));
            }
        }
        let mut statement = self.conn.prepare("PRAGMA foreign_key_check")?;
        let broken = statement.query_map([], |row| row.get::<_, String>(0))?.count();
        if broken > 0 {
            out.push(format!("database: {broken} rows refer to rows that are not there"));
        }
        Ok(out)
    }
}

fn connect(path: &Path, write: bool) -> Result<Connection, StoreError> {
    if !path.is_file() {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(StoreError::Io { path: path.to_owned(), source });
    }
    let damaged = |message: String| StoreError::Damaged { path: path.to_owned(), message };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(PATIENCE)?;
    let mut application = application_id(&conn);
    if application.as_ref().is_err_and(cannot_make_files) && !write {
        conn = open_unwritable(path)?;
        application = application_id(&conn);
    }
    let application = application.map_err(|error| damaged(error.to_string()))?;
    if application != APPLICATION_ID {
        return Err(damaged(format!("its application id is {application:#x}, not {APPLICATION_ID:#x}")));
    }
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "cache_size", -32_768)?;
    conn.pragma_update(None, "temp_store", "memory")?;
    // Mapped pages count as memory of the process, twice where it has two connections.
    conn.pragma_update(None, "mmap_size", 1i64 << 27)?;
    conn.set_prepared_statement_cache_capacity(64);
    let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > MIGRATIONS.len() as i64 {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known: MIGRATIONS.len() as i64 });
    }
    if write {
        conn.pragma_update(None, "synchronous", "normal")?;
        migrate(&conn, path)?;
    } else if version < MIGRATIONS.len() as i64 {
        return Err(damaged(format!(
            "schema {version} is older than {}: any writing command brings it up",
            MIGRATIONS.len()
        )));
    }
    Ok(conn)
}

fn application_id(conn: &Connection) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// Whether SQLite could not make the files that it shares with others beside the database.
fn cannot_make_files(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

/// Opens a database on a medium that cannot be written: nobody can change it, so no shared files are needed.
fn open_unwritable(path: &Path) -> Result<Connection, StoreError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if std::fs::metadata(&log).is_ok_and(|meta| meta.len() > 0) {
        let message = "its write-ahead log holds changes, and the directory cannot be written to bring them in";
        return Err(StoreError::Io { path: path.to_owned(), source: std::io::Error::other(message) });
    }
    let mut uri = String::from("file:");
    for byte in std::path::absolute(path)
        .map_err(|source| StoreError::Io { path: path.to_owned(), source })?
        .as_os_str()
        .as_encoded_bytes()
    {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(uri, flags)?)
}

fn migrate(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let mode: String = conn.query_row("PRAGMA journal_mode = wal", [], |row| row.get(0))?;
    if mode != "wal" && mode != "memory" {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            message: format!("the file system gives journal mode `{mode}`; write-ahead logging is needed"),
        });
    }
    let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (at, sql) in MIGRATIONS.iter().enumerate().skip(version as usize) {
        conn.execute_batch(&format!("BEGIN IMMEDIATE; {sql}; PRAGMA user_version = {}; COMMIT", at + 1))?;
    }
    Ok(())
}

/// The last entry that was ever made in the change log.
fn last_change(conn: &Connection) -> Result<i64, StoreError> {
    use rusqlite::OptionalExtension;
    Ok(conn
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'change'", [], |row| row.get(0))
        .optional()?
        .unwrap_or(0))
}

fn columns_watermark(conn: &Connection) -> Result<i64, StoreError> {
    use rusqlite::OptionalExtension;
    Ok(conn
        .query_row("SELECT watermark FROM derived WHERE name = 'dictionaries'", [], |row| row.get(0))
        .optional()?
        .unwrap_or(0))
}
