//! What training needs from outside, put into the source checkout: libtorch.
//!
//! It runs Python and its pip, reads what they bring, and knows neither a store nor a query. Nothing is half made: a
//! tree is built beside its place and renamed into it.

mod error;
pub mod libtorch;

use std::fs;
use std::path::{Path, PathBuf};

pub use error::SetupError;

/// Finds the source checkout at or above a directory: where a `Cargo.toml` is the package `scenery`'s.
///
/// # Errors
/// Where there is none, or a `Cargo.toml` on the way cannot be read.
pub fn checkout(from: &Path) -> Result<PathBuf, SetupError> {
    let start = fs::canonicalize(from).map_err(SetupError::io(from))?;
    for folder in start.ancestors() {
        let path = folder.join("Cargo.toml");
        if !path.is_file() {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(SetupError::io(&path))?;
        let name = text.parse::<toml::Table>().ok().and_then(|table| {
            let package = table.get("package")?.as_table()?;
            Some(package.get("name")?.as_str()? == "scenery")
        });
        if name == Some(true) {
            return Ok(folder.to_owned());
        }
    }
    Err(SetupError::NoCheckout { from: start })
}
