//! One writer at a time: `.scenery/lock`, an advisory lock that the system frees when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use crate::store::StoreError;

/// The right to write; freed when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock; waits up to `patience` for another holder. `who` is what others are told.
    ///
    /// # Errors
    /// [`StoreError::Locked`] with the holder's own words; [`StoreError::Io`] where the file cannot be opened.
    pub fn take(path: &Path, who: &str, patience: Duration) -> Result<Lock, StoreError> {
        let io = |source| StoreError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        let step = Duration::from_millis(20);
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if waited < patience => {
                    std::thread::sleep(step);
                    waited += step;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Locked { holder: words(&mut file).map_err(io)? });
                }
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        writeln!(file, "{who} (process {})", std::process::id()).map_err(io)?;
        Ok(Lock { file })
    }
}

impl Lock {
    /// Who holds the lock now, in their own words; none where nobody does.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the file is there and cannot be read.
    pub fn holder(path: &Path) -> Result<Option<String>, StoreError> {
        let io = |source| StoreError::Io { path: path.to_owned(), source };
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io(source)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(words(&mut file).map_err(io)?)),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

/// What the holder of a lock wrote into its file.
fn words(file: &mut File) -> std::io::Result<String> {
    let mut holder = String::new();
    file.read_to_string(&mut holder)?;
    Ok(if holder.trim().is_empty() { "another process".to_owned() } else { holder.trim().to_owned() })
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Who held it is of no interest any more; where this fails, the system frees the lock all the same.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}
