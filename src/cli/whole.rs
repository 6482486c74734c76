//! Files that are there whole or not at all.

use std::io::{BufWriter, Write};
use std::path::Path;

use super::failure::Failure;

/// Writes a file beside its place and renames it.
///
/// # Errors
/// As `fill`, and where the file cannot be written.
pub fn write(
    path: &Path,
    fill: impl FnOnce(&mut dyn FnMut(&str) -> Result<(), Failure>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let partial = path.with_extension("partial");
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let mut out = BufWriter::new(std::fs::File::create(&partial).map_err(failed)?);
    fill(&mut |text| out.write_all(text.as_bytes()).map_err(failed))?;
    out.flush().map_err(failed)?;
    drop(out);
    std::fs::rename(&partial, path).map_err(failed)
}
