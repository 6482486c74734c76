//! Who owns what cannot be written: for messages to people who share a project.

use std::io::{Error, ErrorKind};
use std::path::Path;

/// What a person can do about a file of a project that cannot be written: whose it is, and what is possible without it.
/// Empty where permission is not what is lacking.
pub fn hint(path: &Path, error: &Error) -> String {
    match error.kind() {
        ErrorKind::ReadOnlyFilesystem => {
            "; the project lies on a medium that cannot be written: query it there, copy it to change it".to_owned()
        }
        ErrorKind::PermissionDenied => match owner(path) {
            Some(owner) => format!(
                "; it belongs to {owner}, who has not let you write it: query the project as it is, ask {owner}, or copy it to change it"
            ),
            None => String::new(),
        },
        _ => String::new(),
    }
}

/// The name of the user that a file belongs to, or the nearest folder above where there is none.
#[cfg(unix)]
fn owner(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let uid = path.ancestors().find_map(|path| std::fs::metadata(path).ok())?.uid();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    Some(name.unwrap_or_else(|| format!("the user with number {uid}")))
}

#[cfg(not(unix))]
fn owner(_: &Path) -> Option<String> {
    None
}
