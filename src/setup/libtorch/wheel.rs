//! What a wheel's RECORD says, and taking files out of a wheel or an environment while checking them against it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::release::{Pin, places};
use super::tree::Entry;
use crate::sample::hex;
use crate::setup::SetupError;

/// SHA-256 of the files of a package, by their path from `site-packages`, as its RECORD has them.
#[derive(Clone, Debug, Default)]
pub struct Record(HashMap<String, String>);

impl Record {
    /// Reads a RECORD: lines of path, `sha256=…` in base64 for URLs, and size.
    pub fn parse(text: &str) -> Record {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let rows = reader.records().filter_map(Result::ok);
        let entry = |row: csv::StringRecord| {
            let hash = row.get(1)?.strip_prefix("sha256=")?.to_owned();
            Some((row.get(0)?.to_owned(), hash))
        };
        Record(rows.filter_map(entry).collect())
    }

    /// The paths that go into a tree, sorted.
    fn wanted(&self, cuda: bool) -> Vec<&str> {
        let mut out: Vec<&str> =
            self.0.keys().map(String::as_str).filter(|path| !places(path, cuda).is_empty()).collect();
        out.sort_unstable();
        out
    }

    /// Whether a file is what the package was made with.
    fn check(&self, package: &str, member: &str, found: &[u8; 32]) -> Result<(), SetupError> {
        let wanted = self
            .0
            .get(member)
            .ok_or_else(|| SetupError::Lacks { what: format!("the RECORD of {package}"), member: member.to_owned() })?;
        let found = base64(found);
        if *wanted == found {
            return Ok(());
        }
        Err(SetupError::Hash { what: format!("{member} of {package}"), wanted: wanted.clone(), found })
    }
}

/// Base64 for URLs, unpadded, as RECORD has it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let mut whole = [0; 4];
        whole[1..=three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes(whole);
        for at in 0..=three.len() {
            out.push(char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]));
        }
    }
    out
}

/// Copies to the end; the bytes and their hash.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, [u8; 32])> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok((bytes, hasher.finalize().into())),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        bytes += read as u64;
    }
}

/// The size of a file and its SHA-256.
///
/// # Errors
/// Where it cannot be read.
pub fn digest(path: &Path) -> Result<(u64, [u8; 32]), SetupError> {
    let mut file = File::open(path).map_err(SetupError::io(path))?;
    copy(&mut file, &mut io::sink()).map_err(SetupError::io(path))
}

/// Unpacks what the tree needs of a wheel, after its hash was compared with the pinned one, and every file's with RECORD.
///
/// # Errors
/// Where the wheel is another one or is damaged; where a file cannot be written.
pub fn unpack(wheel: &Path, pin: &Pin, cuda: bool, tree: &Path) -> Result<Vec<Entry>, SetupError> {
    let (_, found) = digest(wheel)?;
    let found = hex(&found);
    if found != pin.sha256 {
        let what = wheel.file_name().unwrap_or(wheel.as_os_str()).to_string_lossy().into_owned();
        return Err(SetupError::Hash { what, wanted: pin.sha256.clone().into_owned(), found });
    }
    let broken = |reason: String| SetupError::Wheel { path: wheel.to_owned(), reason };
    let file = File::open(wheel).map_err(SetupError::io(wheel))?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| broken(error.to_string()))?;
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.map(std::borrow::Cow::into_owned))
        .collect::<Result<_, _>>()
        .map_err(|error| broken(error.to_string()))?;
    let record = names
        .iter()
        .find(|name| name.strip_suffix(".dist-info/RECORD").is_some_and(|folder| !folder.contains('/')))
        .ok_or_else(|| broken("it has no RECORD".to_owned()))?;
    let mut text = String::new();
    archive
        .by_name(record)
        .map_err(|error| broken(error.to_string()))?
        .read_to_string(&mut text)
        .map_err(|error| broken(format!("{record}: {error}")))?;
    let record = Record::parse(&text);
    let mut out = Vec::new();
    for name in names.iter().filter(|name| !name.ends_with('/')) {
        let to = places(name, cuda);
        let Some(first) = to.first() else { continue };
        let path = tree.join(first);
        let mut member = archive.by_name(name).map_err(|error| broken(format!("{name}: {error}")))?;
        let mut file = create(&path)?;
        let (bytes, found) = copy(&mut member, &mut file).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                broken(format!("{name}: {error}"))
            }
            _ => SetupError::io(&path)(error),
        })?;
        record.check(&pin.requirement(), name, &found)?;
        enter(&mut out, tree, &to, bytes, &found)?;
    }
    Ok(out)
}

/// Puts what the tree needs of an installed package into it: as a second name of the same file where the file system can,
/// else as a copy. Every file is compared with RECORD.
///
/// # Errors
/// Where a file is missing or another one than the package was made with; where one cannot be written.
pub fn adopt(package: &str, root: &Path, record: &Record, cuda: bool, tree: &Path) -> Result<Vec<Entry>, SetupError> {
    let mut out = Vec::new();
    for member in record.wanted(cuda) {
        let to = places(member, cuda);
        let Some(first) = to.first() else { continue };
        let from = root.join(member);
        let (bytes, found) = digest(&from)?;
        record.check(package, member, &found)?;
        link(&from, &tree.join(first))?;
        enter(&mut out, tree, &to, bytes, &found)?;
    }
    Ok(out)
}

/// Enters a file that stands at the first of its places, and puts it to the others.
fn enter(out: &mut Vec<Entry>, tree: &Path, to: &[String], bytes: u64, found: &[u8; 32]) -> Result<(), SetupError> {
    for (at, place) in to.iter().enumerate() {
        if at > 0 {
            link(&tree.join(&to[0]), &tree.join(place))?;
        }
        out.push(Entry { path: place.clone(), bytes, sha256: hex(found) });
    }
    Ok(())
}

fn create(path: &Path) -> Result<File, SetupError> {
    make_room(path)?;
    File::create(path).map_err(SetupError::io(path))
}

fn link(from: &Path, to: &Path) -> Result<(), SetupError> {
    make_room(to)?;
    // A link in an environment leads to the file; another file system, or another owner, takes a copy.
    let from = fs::canonicalize(from).map_err(SetupError::io(from))?;
    if fs::hard_link(&from, to).is_err() {
        fs::copy(&from, to).map_err(SetupError::io(to))?;
    }
    Ok(())
}

fn make_room(path: &Path) -> Result<(), SetupError> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(SetupError::io(folder)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_as_pip_writes_it() {
        // `python3 -c "import base64; print(base64.urlsafe_b64encode(b'...'))"`, without the padding.
        for (bytes, text) in
            [(&b""[..], ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (&[0xfb, 0xff, 0xbf, 0xfe], "-_-__g")]
        {
            assert_eq!(base64(bytes), text);
        }
    }

    #[test]
    fn a_record_says_what_every_file_is() {
        let text = "a/b.so,sha256=Zg,1\n\"a,b.h\",sha256=Zm8,2\nx.dist-info/RECORD,,\n";
        let record = Record::parse(text);
        assert_eq!(record.0.get("a,b.h").map(String::as_str), Some("Zm8"));
        assert_eq!(record.0.len(), 2);
    }
}
