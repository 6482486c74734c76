//! Folders that are there whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::nn::{NnError, file_error};

/// Fills a folder beside its place, brings it to disk, and renames it; what stood there goes.
///
/// # Errors
/// What `fill` answers, and [`NnError::File`]; nothing of what was begun stays then, and what stood there stands.
pub fn put<E: From<NnError>>(place: &Path, fill: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    let mut name = OsString::from(".");
    name.push(place.file_name().unwrap_or_default());
    name.push(".partial");
    let beside = place.with_file_name(name);
    let within = place.parent().unwrap_or(Path::new("."));
    let all = || -> Result<(), E> {
        clear(&beside).map_err(file_error("remove", &beside))?;
        fs::create_dir_all(&beside).map_err(file_error("make", &beside))?;
        fill(&beside)?;
        sync(&beside).map_err(file_error("bring to disk", &beside))?;
        clear(place).map_err(file_error("replace", place))?;
        fs::rename(&beside, place).map_err(file_error("write", place))?;
        Ok(sync(within).map_err(file_error("bring to disk", within))?)
    };
    let done = all();
    if done.is_err() {
        // The error is on its way already; a leftover is cleared by the next try.
        let _ = clear(&beside);
    }
    done
}

/// Removes a folder; one that is not there is none to remove.
///
/// # Errors
/// As the file system.
pub fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?.sync_all()
}
