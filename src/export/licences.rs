//! The licence gate: what restricts use, or is unknown, leaves the store only when somebody says so by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The licences of a slice: for each, the sources it comes from and its rows.
pub type LicenceSummary = BTreeMap<String, (BTreeSet<String>, u64)>;

/// Why a licence stops an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// The source states none.
    NotStated,
    /// It is no licence that is known to leave use free.
    Unknown,
    /// It restricts who may use the data, or for what.
    Restricts,
    /// It stands on the project's deny list.
    Denied,
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Concern::NotStated => "not stated",
            Concern::Unknown => "unknown",
            Concern::Restricts => "restricts use",
            Concern::Denied => "on the deny list",
        })
    }
}

/// A licence that stops an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenceHit {
    /// The licence, as the source states it.
    pub licence: String,
    /// Why it stops the export.
    pub concern: Concern,
    /// Where its rows come from.
    pub sources: BTreeSet<String>,
    /// Its rows in the slice.
    pub rows: u64,
}

/// What the gate found: printed as a table with the words that let each licence pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenceGate {
    /// The licences that stop the export, sorted.
    pub hits: Vec<LicenceHit>,
}

impl fmt::Display for LicenceGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<[String; 4]> = self
            .hits
            .iter()
            .map(|hit| {
                let sources: Vec<&str> = hit.sources.iter().map(String::as_str).collect();
                let cells = [printable(&hit.licence), hit.concern.to_string(), hit.rows.to_string()];
                let [licence, concern, rows] = cells;
                [licence, concern, rows, printable(&sources.join(", "))]
            })
            .collect();
        let heads = ["licence", "why", "rows", "sources"];
        let width = |column: usize| {
            let cells = shown.iter().map(|row| row[column].chars().count());
            cells.chain([heads[column].len()]).max().unwrap_or(0)
        };
        let (first, second, third) = (width(0), width(1), width(2));
        writeln!(f, "licences stop this export")?;
        writeln!(f, "  {:first$}  {:second$}  {:>third$}  {}", heads[0], heads[1], heads[2], heads[3])?;
        for [licence, concern, rows, sources] in &shown {
            writeln!(f, "  {licence:first$}  {concern:second$}  {rows:>third$}  {sources}")?;
        }
        write!(f, "leave these rows out (-licence:…), or type")?;
        for hit in &self.hits {
            write!(f, " --allow-licence {}", shell_word(&printable(&hit.licence)))?;
        }
        Ok(())
    }
}

/// Checks the licences of a slice before anything of it is written; the export itself checks again while it reads.
/// Answers which of the allowed licences were needed.
///
/// # Errors
/// The licences that are a [`concern`] and not allowed.
pub fn gate(allow: &[String], deny: &[String], licences: &LicenceSummary) -> Result<BTreeSet<String>, LicenceGate> {
    let mut used = BTreeSet::new();
    let mut hits = Vec::new();
    for (licence, (sources, rows)) in licences {
        let Some(concern) = concern(licence, deny) else { continue };
        if allow.iter().any(|allowed| same(allowed, licence)) {
            used.insert(licence.clone());
        } else {
            hits.push(LicenceHit { licence: licence.clone(), concern, sources: sources.clone(), rows: *rows });
        }
    }
    if hits.is_empty() { Ok(used) } else { Err(LicenceGate { hits }) }
}

/// Tells what is wrong with exporting rows under a licence: an SPDX expression, where `OR` needs one free side and `AND`
/// both. `deny` lists ids or whole expressions.
pub fn concern(licence: &str, deny: &[String]) -> Option<Concern> {
    let licence = licence.trim();
    if deny.iter().any(|denied| same(denied, licence)) {
        return Some(Concern::Denied);
    }
    let not_stated = ["", "none-stated", "none stated", "none", "noassertion", "unknown"];
    if not_stated.iter().any(|word| same(word, licence)) {
        return Some(Concern::NotStated);
    }
    let spaced = licence.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut expression = Expression { words: &words, at: 0, depth: 0, broken: false, deny };
    let verdict = expression.either();
    if expression.broken || expression.at < words.len() { Some(Concern::Unknown) } else { verdict }
}

/// Deepest nesting of parentheses in an expression; a deeper one is unknown.
const MAX_DEPTH: u32 = 16;

struct Expression<'a> {
    words: &'a [&'a str],
    at: usize,
    depth: u32,
    /// Whether it is no expression at all.
    broken: bool,
    deny: &'a [String],
}

impl Expression<'_> {
    fn takes(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at).is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn breaks(&mut self) -> Option<Concern> {
        self.broken = true;
        Some(Concern::Unknown)
    }

    /// `a OR b`
    fn either(&mut self) -> Option<Concern> {
        let mut verdict = self.both();
        while self.takes("OR") {
            let next = self.both();
            verdict = verdict.and(next.and(verdict));
        }
        verdict
    }

    /// `a AND b`
    fn both(&mut self) -> Option<Concern> {
        let mut verdict = self.one();
        while self.takes("AND") {
            let next = self.one();
            verdict = verdict.or(next);
        }
        verdict
    }

    /// `id`, `id WITH exception`, `( … )`
    fn one(&mut self) -> Option<Concern> {
        if self.takes("(") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return self.breaks();
            }
            let verdict = self.either();
            self.depth -= 1;
            return if self.takes(")") { verdict } else { self.breaks() };
        }
        let Some(id) = self.words.get(self.at) else { return self.breaks() };
        self.at += 1;
        if self.takes("WITH") {
            self.at += 1;
            self.broken |= self.at > self.words.len();
        }
        of_id(id, self.deny)
    }
}

fn of_id(id: &str, deny: &[String]) -> Option<Concern> {
    if deny.iter().any(|denied| same(denied, id)) {
        return Some(Concern::Denied);
    }
    let lower = id.to_ascii_lowercase();
    let restricts = lower.split('-').any(|part| part == "nc" || part == "nd")
        || lower.starts_with("licenseref-")
        || lower.starts_with("documentref-")
        || lower.contains("rail");
    if restricts {
        return Some(Concern::Restricts);
    }
    let plain = lower.strip_suffix('+').unwrap_or(&lower);
    if FREE.contains(&plain) { None } else { Some(Concern::Unknown) }
}

/// Whether the gate knows a single licence id as one that leaves use free.
pub(in crate::export) fn is_free(id: &str) -> bool {
    of_id(id, &[]).is_none()
}

/// Licences that leave use free (they may ask for attribution or the same licence), in lower case: SPDX ids, current and
/// deprecated, sorted.
const FREE: &[&str] = &[
    "0bsd",
    "afl-3.0",
    "agpl-3.0",
    "agpl-3.0-only",
    "agpl-3.0-or-later",
    "apache-1.1",
    "apache-2.0",
    "artistic-2.0",
    "blueoak-1.0.0",
    "bsd-2-clause",
    "bsd-3-clause",
    "bsd-3-clause-clear",
    "bsl-1.0",
    "cc-by-2.0",
    "cc-by-2.5",
    "cc-by-3.0",
    "cc-by-4.0",
    "cc-by-sa-2.0",
    "cc-by-sa-2.5",
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "cc-pddc",
    "cc0-1.0",
    "cdla-permissive-1.0",
    "cdla-permissive-2.0",
    "cdla-sharing-1.0",
    "cecill-2.1",
    "cecill-b",
    "ecl-2.0",
    "epl-1.0",
    "epl-2.0",
    "eupl-1.1",
    "eupl-1.2",
    "gfdl-1.3-only",
    "gfdl-1.3-or-later",
    "gpl-2.0",
    "gpl-2.0-only",
    "gpl-2.0-or-later",
    "gpl-3.0",
    "gpl-3.0-only",
    "gpl-3.0-or-later",
    "isc",
    "lgpl-2.1",
    "lgpl-2.1-only",
    "lgpl-2.1-or-later",
    "lgpl-3.0",
    "lgpl-3.0-only",
    "lgpl-3.0-or-later",
    "lppl-1.3c",
    "mit",
    "mit-0",
    "mpl-1.1",
    "mpl-2.0",
    "ms-pl",
    "mulanpsl-2.0",
    "ncsa",
    "odbl-1.0",
    "odc-by-1.0",
    "ofl-1.1",
    "osl-3.0",
    "pddl-1.0",
    "postgresql",
    "psf-2.0",
    "python-2.0",
    "unlicense",
    "upl-1.0",
    "wtfpl",
    "zlib",
];

fn same(a: &str, b: &str) -> bool {
    a.trim().eq_ignore_ascii_case(b.trim())
}

/// A text of a dataset without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+:/".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_licences_pass_in_any_spelling_of_case_and_the_table_is_sorted() {
        assert!(FREE.windows(2).all(|pair| pair[0] < pair[1]));
        for licence in
            ["MIT", "mit", "Apache-2.0", "CC-BY-SA-4.0", "MIT OR Apache-2.0", "(MIT AND BSD-3-Clause)", "GPL-2.0+"]
        {
            assert_eq!(concern(licence, &[]), None, "{licence}");
        }
        assert_eq!(concern("GPL-2.0-only WITH Classpath-exception-2.0", &[]), None);
    }

    #[test]
    fn what_is_unknown_or_restricts_use_is_a_concern() {
        let cases = [
            ("none-stated", Concern::NotStated),
            ("", Concern::NotStated),
            ("CC-BY-NC-SA-4.0", Concern::Restricts),
            ("CC-BY-ND-4.0", Concern::Restricts),
            ("LicenseRef-own", Concern::Restricts),
            ("creativeml-openrail-m", Concern::Restricts),
            ("MIT claimed in the README", Concern::Unknown),
            ("Frobnicate-1.0", Concern::Unknown),
            ("MIT AND CC-BY-NC-4.0", Concern::Restricts),
            ("CC-BY-NC-4.0 AND MIT", Concern::Restricts),
            ("CC-BY-NC-4.0 OR Nope-1", Concern::Restricts),
            ("MIT OR", Concern::Unknown),
            ("MIT WITH", Concern::Unknown),
            ("MIT OR ()", Concern::Unknown),
            ("(MIT", Concern::Unknown),
            ("MIT)", Concern::Unknown),
        ];
        for (licence, expected) in cases {
            assert_eq!(concern(licence, &[]), Some(expected), "{licence}");
        }
        assert_eq!(concern("CC-BY-NC-4.0 OR MIT", &[]), None);
        assert_eq!(concern(&"(".repeat(100_000), &[]), Some(Concern::Unknown));
    }

    #[test]
    fn the_deny_list_reaches_into_expressions() {
        let deny = vec!["gpl-3.0-only".to_owned()];
        assert_eq!(concern("GPL-3.0-only", &deny), Some(Concern::Denied));
        assert_eq!(concern("MIT AND GPL-3.0-only", &deny), Some(Concern::Denied));
        assert_eq!(concern("MIT OR GPL-3.0-only", &deny), None);
    }

    #[test]
    fn the_gate_names_every_licence_and_what_to_type() {
        let mut licences = LicenceSummary::new();
        licences.insert("MIT".to_owned(), (BTreeSet::from(["a".to_owned()]), 10));
        licences.insert("CC-BY-NC-SA-4.0".to_owned(), (BTreeSet::from(["b".to_owned(), "c".to_owned()]), 417));
        licences.insert("own\u{1b}[2J terms".to_owned(), (BTreeSet::from(["d".to_owned()]), 1));
        let error = gate(&[], &[], &licences).expect_err("two of them stop it");
        insta::assert_snapshot!(error, @r"
        licences stop this export
          licence          why            rows  sources
          CC-BY-NC-SA-4.0  restricts use   417  b, c
          own�[2J terms    unknown           1  d
        leave these rows out (-licence:…), or type --allow-licence CC-BY-NC-SA-4.0 --allow-licence 'own�[2J terms'
        ");
        let allow = vec!["cc-by-nc-sa-4.0".to_owned(), "own\u{1b}[2J terms".to_owned(), "none-stated".to_owned()];
        let used = gate(&allow, &[], &licences).expect("allowed");
        assert_eq!(used.into_iter().collect::<Vec<_>>(), ["CC-BY-NC-SA-4.0", "own\u{1b}[2J terms"]);
    }
}
