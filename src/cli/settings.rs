//! `scenery.toml`: the settings of a project, beside its `.scenery/`. Without the file all are at their defaults.

use std::io::ErrorKind;

use serde::Deserialize;
use toml::Spanned;

use super::failure::Failure;
use crate::dedup;
use crate::dedup::policy::{Clause, Policy};
use crate::ingest::recipe::licence;
use crate::store::Project;

/// Name of the file.
const FILE: &str = "scenery.toml";

/// The settings of a project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Licences that stop an export although they leave use free, as SPDX spells them.
    pub deny_licences: Vec<String>,
    /// How duplicates are found, and who is kept.
    pub dedup: dedup::Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default)]
    deny_licences: Vec<Spanned<String>>,
    #[serde(default)]
    dedup: DedupForm,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DedupForm {
    threshold: Option<Spanned<f64>>,
    recall: Option<Spanned<f64>>,
    keep: Option<Spanned<Vec<Spanned<String>>>>,
}

impl DedupForm {
    fn read(&self, text: &[u8]) -> Result<dedup::Settings, (String, String)> {
        let mut out = dedup::Settings::default();
        let at = |stated: std::ops::Range<usize>, message: String| (place(text, stated.start), message);
        for (name, stated, value) in
            [("threshold", &self.threshold, &mut out.threshold), ("recall", &self.recall, &mut out.recall)]
        {
            if let Some(stated) = stated {
                *value = dedup::share(*stated.get_ref())
                    .map_err(|message| at(stated.span(), format!("dedup.{name}: {message}")))?;
            }
        }
        if let Some(keep) = &self.keep {
            let mut clauses = Vec::new();
            for word in keep.get_ref() {
                let clause: Clause =
                    word.get_ref().parse().map_err(|message| at(word.span(), format!("dedup.keep: {message}")))?;
                clauses.push(clause);
            }
            out.policy = Policy::new(&clauses).map_err(|message| at(keep.span(), format!("dedup.keep: {message}")))?;
        }
        Ok(out)
    }
}

impl Settings {
    /// Reads the settings of a project.
    ///
    /// # Errors
    /// Where the file cannot be read, is no TOML, or holds a key or value that is not known; names file and line.
    pub fn read(project: &Project) -> Result<Settings, Failure> {
        let path = project.root.join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Settings::default()),
            Err(error) => return Err(Failure::file(&path, &error)),
        };
        parse(&bytes).map_err(|(place, message)| {
            let mut out = Failure::new(2, "settings", format!("{}{place}: {message}", path.display()));
            out.path = Some(path.display().to_string());
            out
        })
    }
}

/// Reads the text of the file; of an error its place, `:line:column`, and what is wrong.
fn parse(bytes: &[u8]) -> Result<Settings, (String, String)> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| (place(bytes, error.valid_up_to()), "this is not UTF-8".to_owned()))?;
    let form: Form = toml::from_str(text).map_err(|error| {
        let at = error.span().map(|span| place(bytes, span.start)).unwrap_or_default();
        (at, error.message().trim_end().to_owned())
    })?;
    let read = |stated: &Spanned<String>| {
        licence::read(stated.get_ref())
            .map_err(|message| (place(bytes, stated.span().start), format!("deny_licences: {message}")))
    };
    let deny_licences = form.deny_licences.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Settings { deny_licences, dedup: form.dedup.read(bytes)? })
}

fn place(text: &[u8], byte: usize) -> String {
    let before = String::from_utf8_lossy(&text[..byte.min(text.len())]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!(":{line}:{column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_or_refused_with_their_place() {
        let read = |text: &str| parse(text.as_bytes());
        let denied = |names: &[&str]| {
            let deny_licences = names.iter().map(|&name| name.into()).collect();
            Ok(Settings { deny_licences, ..Settings::default() })
        };
        assert_eq!(read("# nothing yet\n"), denied(&[]));
        assert_eq!(read("deny_licences = [\"mit\", \"LicenseRef-x\"]\n"), denied(&["MIT", "LicenseRef-x"]));
        let kept = read("[dedup]\nthreshold = 0.9\nkeep = [\"quality\", \"rank\"]\n").expect("it is right").dedup;
        assert_eq!((kept.threshold, kept.policy.words()), (0.9, vec!["quality", "rank", "id"]));
        for (text, at, part) in [
            ("\ndeny_licences = \"MIT\"\n", ":2:17", "expected a sequence"),
            ("\ndeny_licenses = [\"MIT\"]\n", ":2:1", "unknown field `deny_licenses`"),
            ("deny_licences = [\n  \"MIT\",\n  \"MITT\",\n]\n", ":3:3", "no SPDX expression"),
            ("deny_licences = [\n", ":", "array"),
            ("[dedup]\nthreshold = 1.5\n", ":2:13", "from 0.5 to 1"),
            ("[dedup]\nkeep = [\"rank\", \"size\"]\n", ":2:17", "`size` is no clause"),
            ("[dedup]\nkeep = [\"rank\", \"rank\"]\n", ":2:8", "stands twice"),
            ("[dedup]\nkeep = [\"id\", \"rank\"]\n", ":2:8", "after `id`"),
            ("[dedup]\nrecal = 0.9\n", ":2:1", "unknown field `recal`"),
        ] {
            let (place, message) = read(text).expect_err("it is wrong");
            assert!(place.starts_with(at) && message.contains(part), "{place} {message}");
        }
        assert_eq!(parse(b"# \n# \xff").expect_err("no text").0, ":2:3");
    }
}
