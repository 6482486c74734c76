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
                    let mut holder = String::new();
                    file.read_to_string(&mut holder).map_err(io)?;
                    let holder =
                        if holder.trim().is_empty() { "another process".to_owned() } else { holder.trim().to_owned() };
                    return Err(StoreError::Locked { holder });
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

impl Drop for Lock {
    fn drop(&mut self) {
        // Who held it is of no interest any more; where this fails, the system frees the lock all the same.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}
