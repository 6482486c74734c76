//! Licences as recipes and the command line state them: SPDX expressions over a list of known ids, or `none-stated`.

/// What a source says that states no licence.
pub const NONE_STATED: &str = "none-stated";

/// Deepest nesting of parentheses.
const MAX_DEPTH: u32 = 16;

/// Reads a licence; answers it as SPDX spells it (`mit or apache-2.0` is `MIT OR Apache-2.0`).
///
/// # Errors
/// A sentence that names the part that is no licence, and those that resemble it.
pub fn read(text: &str) -> Result<String, String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    if words.len() == 1 && words[0].eq_ignore_ascii_case(NONE_STATED) {
        return Ok(NONE_STATED.to_owned());
    }
    let mut reading = Reading { words: &words, at: 0, out: Vec::new() };
    let read = reading.expression(0).and_then(|()| match reading.words.get(reading.at) {
        None => Ok(()),
        Some(word) => Err(format!("`{word}` stands where `AND`, `OR` or the end should")),
    });
    match read {
        Ok(()) => Ok(reading.out.join(" ").replace("( ", "(").replace(" )", ")")),
        Err(what) => Err(format!(
            "`{text}` is no SPDX expression: {what}; write one (`MIT`, `CC-BY-NC-SA-4.0`, `MIT AND Apache-2.0`), `LicenseRef-NAME` for a licence without an id, or `{NONE_STATED}`"
        )),
    }
}

struct Reading<'a> {
    words: &'a [&'a str],
    at: usize,
    out: Vec<String>,
}

impl Reading<'_> {
    fn takes(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at).is_some_and(|next| next.eq_ignore_ascii_case(word));
        if found {
            self.at += 1;
            self.out.push(word.to_owned());
        }
        found
    }

    /// `a AND b OR c`
    fn expression(&mut self, depth: u32) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("parentheses stand inside one another more than {MAX_DEPTH} deep"));
        }
        loop {
            self.one(depth)?;
            if !self.takes("AND") && !self.takes("OR") {
                return Ok(());
            }
        }
    }

    /// `id`, `id+`, `id WITH exception`, `( … )`
    fn one(&mut self, depth: u32) -> Result<(), String> {
        if self.takes("(") {
            self.expression(depth + 1)?;
            return if self.takes(")") { Ok(()) } else { Err("a `(` is not closed".to_owned()) };
        }
        let Some(word) = self.words.get(self.at) else {
            return Err(if self.out.is_empty() { "it is empty" } else { "it ends where an id should stand" }.to_owned());
        };
        self.out.push(id(word)?);
        self.at += 1;
        if self.takes("WITH") {
            let Some(exception) = self.words.get(self.at) else { return Err("an exception follows `WITH`".to_owned()) };
            if !exception.chars().all(idstring) {
                return Err(format!("`{exception}` is no name of an exception"));
            }
            self.out.push((*exception).to_owned());
            self.at += 1;
        }
        Ok(())
    }
}

fn idstring(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '.'
}

/// A single id as SPDX spells it.
fn id(word: &str) -> Result<String, String> {
    let own = word.rsplit(':').next().unwrap_or(word);
    let document = word.strip_suffix(own).unwrap_or_default();
    let plain = |text: &str, head: &str| {
        text.strip_prefix(head).is_some_and(|name| !name.is_empty() && name.chars().all(idstring))
    };
    let of_document = document.is_empty() || plain(document.trim_end_matches(':'), "DocumentRef-");
    if plain(own, "LicenseRef-") && of_document {
        return Ok(word.to_owned());
    }
    let (name, later) = word.strip_suffix('+').map_or((word, ""), |name| (name, "+"));
    if let Some(known) = IDS.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        return Ok(format!("{known}{later}"));
    }
    let near = crate::query::similar(name, IDS.iter().copied().chain([NONE_STATED]));
    let hint = if near.is_empty() { String::new() } else { format!(" (did you mean `{}`?)", near.join("` or `")) };
    Err(format!("`{word}` is no licence id that is known{hint}"))
}

/// Ids of the SPDX list that data and code are published under, deprecated ones among them; sorted without regard to case.
const IDS: &[&str] = &[
    "0BSD",
    "AAL",
    "AFL-2.1",
    "AFL-3.0",
    "AGPL-1.0-only",
    "AGPL-1.0-or-later",
    "AGPL-3.0",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.0",
    "Apache-1.1",
    "Apache-2.0",
    "APSL-2.0",
    "Artistic-1.0",
    "Artistic-1.0-Perl",
    "Artistic-2.0",
    "Beerware",
    "BlueOak-1.0.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-2-Clause-Patent",
    "BSD-3-Clause",
    "BSD-3-Clause-Attribution",
    "BSD-3-Clause-Clear",
    "BSD-3-Clause-LBNL",
    "BSD-4-Clause",
    "BSL-1.0",
    "BUSL-1.1",
    "C-UDA-1.0",
    "CAL-1.0",
    "CC-BY-1.0",
    "CC-BY-2.0",
    "CC-BY-2.5",
    "CC-BY-3.0",
    "CC-BY-3.0-AT",
    "CC-BY-3.0-DE",
    "CC-BY-3.0-US",
    "CC-BY-4.0",
    "CC-BY-NC-1.0",
    "CC-BY-NC-2.0",
    "CC-BY-NC-2.5",
    "CC-BY-NC-3.0",
    "CC-BY-NC-3.0-DE",
    "CC-BY-NC-4.0",
    "CC-BY-NC-ND-1.0",
    "CC-BY-NC-ND-2.0",
    "CC-BY-NC-ND-2.5",
    "CC-BY-NC-ND-3.0",
    "CC-BY-NC-ND-3.0-DE",
    "CC-BY-NC-ND-4.0",
    "CC-BY-NC-SA-1.0",
    "CC-BY-NC-SA-2.0",
    "CC-BY-NC-SA-2.5",
    "CC-BY-NC-SA-3.0",
    "CC-BY-NC-SA-3.0-DE",
    "CC-BY-NC-SA-4.0",
    "CC-BY-ND-1.0",
    "CC-BY-ND-2.0",
    "CC-BY-ND-2.5",
    "CC-BY-ND-3.0",
    "CC-BY-ND-3.0-DE",
    "CC-BY-ND-4.0",
    "CC-BY-SA-1.0",
    "CC-BY-SA-2.0",
    "CC-BY-SA-2.5",
    "CC-BY-SA-3.0",
    "CC-BY-SA-3.0-AT",
    "CC-BY-SA-3.0-DE",
    "CC-BY-SA-4.0",
    "CC-PDDC",
    "CC-PDM-1.0",
    "CC0-1.0",
    "CDDL-1.0",
    "CDDL-1.1",
    "CDLA-Permissive-1.0",
    "CDLA-Permissive-2.0",
    "CDLA-Sharing-1.0",
    "CECILL-2.0",
    "CECILL-2.1",
    "CECILL-B",
    "CECILL-C",
    "ClArtistic",
    "CPL-1.0",
    "ECL-2.0",
    "EFL-2.0",
    "Elastic-2.0",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.1",
    "EUPL-1.2",
    "FSFAP",
    "FTL",
    "GFDL-1.1-only",
    "GFDL-1.1-or-later",
    "GFDL-1.2-only",
    "GFDL-1.2-or-later",
    "GFDL-1.3",
    "GFDL-1.3-only",
    "GFDL-1.3-or-later",
    "GPL-1.0-only",
    "GPL-1.0-or-later",
    "GPL-2.0",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "ImageMagick",
    "IPL-1.0",
    "ISC",
    "Knuth-CTAN",
    "LAL-1.3",
    "LGPL-2.0-only",
    "LGPL-2.0-or-later",
    "LGPL-2.1",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "Libpng",
    "LiLiQ-P-1.1",
    "LPPL-1.0",
    "LPPL-1.2",
    "LPPL-1.3a",
    "LPPL-1.3c",
    "MirOS",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MIT-Modern-Variant",
    "MPL-1.0",
    "MPL-1.1",
    "MPL-2.0",
    "MPL-2.0-no-copyleft-exception",
    "MS-PL",
    "MS-RL",
    "MulanPSL-1.0",
    "MulanPSL-2.0",
    "NASA-1.3",
    "NCSA",
    "NPL-1.1",
    "O-UDA-1.0",
    "ODbL-1.0",
    "ODC-By-1.0",
    "OFL-1.0",
    "OFL-1.1",
    "OGL-Canada-2.0",
    "OGL-UK-2.0",
    "OGL-UK-3.0",
    "OLDAP-2.8",
    "OpenSSL",
    "OSL-2.1",
    "OSL-3.0",
    "PDDL-1.0",
    "PHP-3.0",
    "PHP-3.01",
    "PolyForm-Noncommercial-1.0.0",
    "PolyForm-Small-Business-1.0.0",
    "PostgreSQL",
    "PSF-2.0",
    "Python-2.0",
    "Python-2.0.1",
    "QPL-1.0",
    "Ruby",
    "Sendmail",
    "SISSL",
    "SSPL-1.0",
    "TCL",
    "UCL-1.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "UPL-1.0",
    "Vim",
    "W3C",
    "WTFPL",
    "X11",
    "Xnet",
    "Zlib",
    "ZPL-2.1",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_and_unique() {
        let lower: Vec<String> = IDS.iter().map(|id| id.to_ascii_lowercase()).collect();
        assert!(lower.windows(2).all(|pair| pair[0] < pair[1]), "{lower:?}");
    }

    #[test]
    fn expressions_are_spelled_as_spdx_does() {
        let cases = [
            ("mit", "MIT"),
            ("MIT or  apache-2.0", "MIT OR Apache-2.0"),
            ("(MIT AND (CC-BY-4.0 OR GPL-2.0+))", "(MIT AND (CC-BY-4.0 OR GPL-2.0+))"),
            ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
            ("LicenseRef-My.Own-1", "LicenseRef-My.Own-1"),
            ("DocumentRef-a:LicenseRef-b", "DocumentRef-a:LicenseRef-b"),
            ("none-stated", "none-stated"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_licence_says_which_part_and_what_is_meant() {
        let cases = [
            ("", "it is empty"),
            ("MITT", "`MIT`"),
            ("Apache 2.0", "`Apache` is no licence id"),
            ("apache2.0", "Apache-2.0"),
            ("CC-BY-NC-SA", "did you mean"),
            ("MIT AND", "it ends where an id should stand"),
            ("(MIT", "a `(` is not closed"),
            ("MIT)", "`)` stands where"),
            ("MIT, GPL-3.0-only", "`MIT,` is no licence id"),
            ("my own!", "`my` is no licence id"),
            ("LicenseRef-", "is no licence id"),
            ("none", "none-stated"),
            ("MIT WITH", "an exception follows"),
        ];
        for (text, word) in cases {
            let error = read(text).expect_err(text);
            assert!(error.contains(word) && error.contains("LicenseRef-NAME"), "{text}: {error}");
        }
        assert!(read(&"(".repeat(100_000)).is_err());
    }
}
