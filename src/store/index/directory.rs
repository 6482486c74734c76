//! Where index files lie: as tantivy's own, but readers of a medium that cannot be written do without a lock file, and
//! whoever may read the project may read all of them.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr};

/// A directory of the file system.
#[derive(Clone, Debug)]
pub struct Files(MmapDirectory, PathBuf);

impl Files {
    /// Opens a directory that is there.
    ///
    /// # Errors
    /// Where it is none.
    pub fn open(dir: &Path) -> tantivy::Result<Files> {
        Ok(Files(MmapDirectory::open(dir)?, dir.to_owned()))
    }
}

impl Directory for Files {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.0.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.0.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.0.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        match self.0.open_write(path) {
            // Of a writer that was killed before its commit: the next one comes to the same number again. Only the holder
            // of the writer's lock is here, and nothing that is committed has a number that is still to come.
            Err(OpenWriteError::FileAlreadyExists(_)) if path.extension().is_some_and(|ending| ending == "del") => {
                std::fs::remove_file(self.1.join(path))
                    .map_err(|error| OpenWriteError::wrap_io_error(error, path.to_owned()))?;
                self.0.open_write(path)
            }
            other => other,
        }
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.0.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        // As tantivy's, which takes a temporary file that nobody else may read.
        let fresh = self.1.join(format!("{}.new", path.display()));
        let mut file = File::create(&fresh)?;
        file.write_all(data)?;
        file.sync_data()?;
        std::fs::rename(&fresh, self.1.join(path))
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.0.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        match self.0.acquire_lock(lock) {
            // Nobody can write there, so nothing is deleted while a reader opens it.
            Err(LockError::IoError(error))
                if matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied) =>
            {
                Ok(DirectoryLock::from(Box::new(())))
            }
            other => other,
        }
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.0.watch(callback)
    }
}
