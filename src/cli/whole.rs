//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::failure::Failure;

/// Writes a file beside its place, under a name of its own, and renames it. A link stays one, and what it names is written;
/// what is no file (a device, a pipe) is written to as it is. Where anything fails, nothing is left behind.
///
/// # Errors
/// As `fill`, and where the file cannot be written.
pub fn write(
    path: &Path,
    fill: impl FnOnce(&mut dyn FnMut(&str) -> Result<(), Failure>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let no_file = fs::metadata(&place).is_ok_and(|about| !about.is_file());
    let beside = if no_file { place.clone() } else { beside(&place) };
    let filled = (|| {
        let file = if no_file { File::options().write(true).open(&beside) } else { File::create(&beside) };
        let mut out = BufWriter::new(file.map_err(failed)?);
        fill(&mut |text| out.write_all(text.as_bytes()).map_err(failed))?;
        out.flush().map_err(failed)?;
        if no_file {
            return Ok(());
        }
        out.get_ref().sync_all().map_err(failed)?;
        fs::rename(&beside, &place).map_err(failed)
    })();
    if filled.is_err() && !no_file {
        // The error is on its way already.
        let _ = fs::remove_file(&beside);
    }
    filled
}

/// A name that no file of a user has: `.NAME.PROCESS.partial`.
fn beside(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.{}.partial", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn links_neighbours_and_what_is_no_file_stay_what_they_are() {
        let folder = std::env::temp_dir().join(format!("scenery-whole-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let at = |name: &str| folder.join(name);
        let read = |name: &str| fs::read_to_string(at(name)).expect(name);
        fs::write(at("x.partial"), "of a user").expect("written");
        fs::write(at("target"), "old").expect("written");
        std::os::unix::fs::symlink("target", at("x.jsonl")).expect("a link");
        write(&at("x.jsonl"), |put| put("new\n")).expect("written");
        assert_eq!((read("x.partial").as_str(), read("target").as_str()), ("of a user", "new\n"));
        assert!(fs::symlink_metadata(at("x.jsonl")).expect("there").is_symlink());
        let error = write(&at("target"), |put| {
            put("half")?;
            Err(Failure::request("no more"))
        });
        assert!(error.is_err());
        assert_eq!((read("target").as_str(), fs::read_dir(&folder).expect("a folder").count()), ("new\n", 3));
        write(Path::new("/dev/null"), |put| put("nothing")).expect("written");
        assert!(!fs::metadata("/dev/null").expect("there").is_file());
        fs::remove_dir_all(&folder).expect("removed");
    }
}
