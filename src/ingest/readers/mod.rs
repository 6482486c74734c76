//! Readers: the only code that a source needs. [`READERS`] is the registry, sorted by name.

pub mod docs;
mod files;
pub mod notebook;
pub mod python;
pub mod table;

use crate::ingest::row::Reader;

/// Every reader, sorted by name.
pub static READERS: &[&Reader] = &[&docs::READER, &notebook::READER, &python::READER, &table::READER];

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
