//! Files written whole: beside under another name, synced, renamed, so that nobody ever reads half of one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a file whole or leaves the old one as it was.
///
/// # Errors
/// What the file system says.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().map(std::ffi::OsStr::to_owned).unwrap_or_default();
    name.push(".partial");
    let beside = path.with_file_name(name);
    let written = File::create(&beside).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        // The error is on its way already; a leftover is overwritten by the next try.
        let _ = fs::remove_file(&beside);
    })
}
