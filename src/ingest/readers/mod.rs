//! Readers: the only code that a source needs. [`READERS`] is the registry, sorted by name.

pub mod docs;
mod files;
pub mod notebook;
pub mod python;
pub mod table;

use std::path::Path;

use crate::ingest::IngestError;
use crate::ingest::row::Reader;

/// Every reader, sorted by name.
pub static READERS: &[&Reader] = &[&docs::READER, &notebook::READER, &python::READER, &table::READER];

/// What there is to read in a file or folder without a recipe: readers with the files that they would take, most files
/// first. Documents count where there is nothing else: every folder has a README.
///
/// # Errors
/// [`IngestError::File`] where a folder cannot be listed.
pub fn kinds(path: &Path) -> Result<Vec<(&'static Reader, u64)>, IngestError> {
    let files: Vec<_> = files::list(path, &[""])?.into_iter().filter(|file| !file.vendored).collect();
    let count = |wanted: &dyn Fn(&Path) -> bool| files.iter().filter(|file| wanted(&file.path)).count() as u64;
    let ends =
        |path: &Path, endings: &[&str]| path.extension().is_some_and(|ending| endings.iter().any(|e| ending == *e));
    let mut kinds = vec![
        (&table::READER, count(&table::is_table)),
        (&python::READER, count(&|path| ends(path, &["py"]))),
        (&notebook::READER, count(&|path| ends(path, &["ipynb"]))),
    ];
    kinds.retain(|(_, files)| *files > 0);
    if kinds.is_empty() {
        kinds.push((&docs::READER, count(&|path| ends(path, &["rst", "md", "markdown"]))));
        kinds.retain(|(_, files)| *files > 0);
    }
    kinds.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
    Ok(kinds)
}

/// The reader of this name.
pub fn find(name: &str) -> Option<&'static Reader> {
    READERS.iter().copied().find(|reader| reader.name == name)
}

/// The names of all readers, sorted.
pub fn names() -> Vec<&'static str> {
    READERS.iter().map(|reader| reader.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_sorted_unique_and_documented() {
        let names = names();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
        for reader in READERS {
            assert!(reader.doc.ends_with('.'), "{}", reader.name);
        }
        assert!(find("table").is_some());
        assert!(find("tabel").is_none());
    }
}
