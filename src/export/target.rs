//! The folder that an export becomes: written beside under another name, synced, then renamed.
//!
//! Beside `NAME` an export writes `.NAME.partial-N`, a folder that is locked while somebody writes it. What a killed
//! export left is removed by the next export to the same name. Replacing takes two renames with the old folder aside as
//! `.NAME.old-N`; killed between them, the next export puts the old folder back first.

use std::ffi::{OsStr, OsString};
use std::fs;
#[cfg(unix)]
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::ExportError;
use super::manifest::{MANIFEST, Manifest};

/// Where an export goes, resolved and checked; nothing has been changed yet but for what earlier exports left behind.
pub(super) struct Target {
    out: PathBuf,
    parent: PathBuf,
    name: OsString,
    exists: Exists,
}

#[derive(Clone, Copy, PartialEq)]
enum Exists {
    No,
    Empty,
    Export,
}

impl Target {
    /// Resolves and checks `out`, and tidies up after exports to it that were interrupted.
    pub(super) fn open(out: &Path, overwrite: bool) -> Result<Target, ExportError> {
        let whole = |path: &Path| {
            let name = path.file_name().map(OsStr::to_owned);
            name.zip(path.parent().map(Path::to_owned)).ok_or_else(|| ExportError::OutNotReplaceable {
                path: path.to_owned(),
                found: "it has no name of its own".to_owned(),
            })
        };
        let (name, parent) = if fs::symlink_metadata(out).is_ok() {
            whole(&fs::canonicalize(out).map_err(file_error("resolve", out))?)?
        } else {
            let (name, parent) = whole(out)?;
            let parent = if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent };
            fs::create_dir_all(&parent).map_err(file_error("create", &parent))?;
            (name, fs::canonicalize(&parent).map_err(file_error("resolve", &parent))?)
        };
        let mut target = Target { out: parent.join(&name), parent, name, exists: Exists::No };
        target.tidy()?;
        target.exists = target.look(overwrite)?;
        Ok(target)
    }

    /// Removes what interrupted exports to this name left, or puts it back where it is the only copy.
    fn tidy(&self) -> Result<(), ExportError> {
        for (path, kind) in self.beside()? {
            match kind {
                Beside::Partial => {
                    let Some(_lock) = lock_folder(&path)? else {
                        return Err(ExportError::Busy { path: self.out.clone() });
                    };
                    fs::remove_dir_all(&path).map_err(file_error("remove", &path))?;
                }
                Beside::Old if self.out.join(MANIFEST).exists() => {
                    fs::remove_dir_all(&path).map_err(file_error("remove", &path))?;
                }
                Beside::Old if fs::symlink_metadata(&self.out).is_err() => {
                    fs::rename(&path, &self.out).map_err(file_error("put back", &self.out))?;
                }
                Beside::Old => {}
            }
        }
        Ok(())
    }

    /// The folders beside the target that exports to it make; those being written first.
    fn beside(&self) -> Result<Vec<(PathBuf, Beside)>, ExportError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.parent).map_err(file_error("list", &self.parent))? {
            let entry = entry.map_err(file_error("list", &self.parent))?;
            let name = entry.file_name();
            for (infix, kind) in [(".partial-", Beside::Partial), (".old-", Beside::Old)] {
                let start = self.side_name(infix, "");
                let rest = name.as_encoded_bytes().strip_prefix(start.as_encoded_bytes());
                if rest.is_some_and(|rest| !rest.is_empty() && rest.iter().all(u8::is_ascii_digit)) {
                    found.push((entry.path(), kind));
                }
            }
        }
        found.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        Ok(found)
    }

    fn side_name(&self, infix: &str, number: &str) -> OsString {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(infix);
        name.push(number);
        name
    }

    /// What stands there now, and whether it may go.
    fn look(&self, overwrite: bool) -> Result<Exists, ExportError> {
        let out = &self.out;
        let Ok(metadata) = fs::symlink_metadata(out) else { return Ok(Exists::No) };
        if !metadata.is_dir() {
            return Err(ExportError::OutNotReplaceable { path: out.clone(), found: "it is no folder".to_owned() });
        }
        if fs::read_dir(out).map_err(file_error("list", out))?.next().is_none() {
            return Ok(Exists::Empty);
        }
        if !overwrite {
            return Err(ExportError::OutExists { path: out.clone() });
        }
        let refused = |found: String| ExportError::OutNotReplaceable { path: out.clone(), found };
        let manifest = Manifest::read(&out.join(MANIFEST))
            .map_err(|_| refused(format!("it is no export: it has no {MANIFEST} that can be read")))?;
        for path in files_under(out)? {
            let listed = path == MANIFEST || manifest.files.iter().any(|file| file.path == path);
            if !listed {
                return Err(refused(format!("it holds {path}, which is not a file of the export in it")));
            }
        }
        Ok(Exists::Export)
    }

    /// Makes the folder that is written to.
    pub(super) fn begin(self) -> Result<Partial, ExportError> {
        let dir = self.parent.join(self.side_name(".partial-", &std::process::id().to_string()));
        fs::create_dir(&dir).map_err(file_error("create", &dir))?;
        match lock_folder(&dir)? {
            Some(lock) => Ok(Partial { target: self, dir, _lock: lock, done: false }),
            None => Err(ExportError::Busy { path: self.out }),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Beside {
    Partial,
    Old,
}

/// A folder that is being written; dropped before [`commit`](Self::commit), it is removed.
pub(super) struct Partial {
    target: Target,
    dir: PathBuf,
    _lock: FolderLock,
    done: bool,
}

impl Partial {
    /// Where the files go.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Removes everything that was written so far.
    pub(super) fn clear(&self) -> Result<(), ExportError> {
        for entry in fs::read_dir(&self.dir).map_err(file_error("list", &self.dir))? {
            let path = entry.map_err(file_error("list", &self.dir))?.path();
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(file_error("remove", &path))?;
        }
        Ok(())
    }

    /// Makes the finished folder take its name. Its files are on disk already. Answers the path of the folder.
    pub(super) fn commit(mut self) -> Result<PathBuf, ExportError> {
        sync_folders(&self.dir)?;
        let out = self.target.out.clone();
        match self.target.exists {
            Exists::No => fs::rename(&self.dir, &out).map_err(file_error("write", &out))?,
            Exists::Empty => {
                fs::remove_dir(&out).map_err(file_error("replace", &out))?;
                fs::rename(&self.dir, &out).map_err(file_error("write", &out))?;
            }
            Exists::Export => {
                let number = std::process::id().to_string();
                let old = self.target.parent.join(self.target.side_name(".old-", &number));
                fs::rename(&out, &old).map_err(file_error("replace", &out))?;
                if let Err(error) = fs::rename(&self.dir, &out) {
                    fs::rename(&old, &out).map_err(file_error("put back", &out))?;
                    return Err(file_error("write", &out)(error));
                }
                sync_folder(&self.target.parent)?;
                self.done = true;
                fs::remove_dir_all(&old).map_err(file_error("remove", &old))?;
            }
        }
        self.done = true;
        sync_folder(&self.target.parent)?;
        Ok(out)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.done {
            // An error is on its way already; what cannot be removed now, the next export to this name removes.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// The files under a folder, relative, with `/`, sorted. Links are listed, not followed.
fn files_under(root: &Path) -> Result<Vec<String>, ExportError> {
    let mut found = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(file_error("list", &folder))? {
            let entry = entry.map_err(file_error("list", &folder))?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().map_err(file_error("list", &folder))?.is_dir() {
                folders.push((entry.path(), format!("{path}/")));
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn sync_folders(root: &Path) -> Result<(), ExportError> {
    for entry in fs::read_dir(root).map_err(file_error("list", root))? {
        let path = entry.map_err(file_error("list", root))?.path();
        if path.is_dir() {
            sync_folders(&path)?;
        }
    }
    sync_folder(root)
}

/// A lock on a folder, held until dropped; it goes with the folder when that is renamed.
#[cfg(unix)]
type FolderLock = File;
#[cfg(not(unix))]
type FolderLock = ();

/// Locks a folder; none where another export holds it.
#[cfg(unix)]
fn lock_folder(folder: &Path) -> Result<Option<FolderLock>, ExportError> {
    let lock = File::open(folder).map_err(file_error("open", folder))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(file_error("lock", folder)(error)),
    }
}

#[cfg(not(unix))]
fn lock_folder(_folder: &Path) -> Result<Option<FolderLock>, ExportError> {
    Ok(Some(()))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), ExportError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(file_error("sync", folder))
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), ExportError> {
    Ok(())
}

/// Makes the error of an action on a path.
pub(super) fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ExportError + use<> {
    let path = path.to_owned();
    move |source| ExportError::File { action, path, source }
}
