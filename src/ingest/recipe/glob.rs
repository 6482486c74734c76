//! Patterns of file names: `*` and `?` within a name, `**` over folders, `{a,b}` for either.

use regex::Regex;
use serde::{Deserialize, Deserializer};

/// A pattern of paths. One without `/` matches a file name in any folder; one with `/` the whole relative path.
#[derive(Clone, Debug)]
pub struct Glob {
    text: String,
    regex: Regex,
    whole_path: bool,
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A sentence where a brace is not closed or the pattern is too large.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut pattern = String::from("^(?s:");
        let mut depth = 0usize;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '*' if chars.peek() == Some(&'*') => {
                    chars.next();
                    if chars.peek() == Some(&'/') {
                        chars.next();
                        pattern.push_str("(?:.*/)?");
                    } else {
                        pattern.push_str(".*");
                    }
                }
                '*' => pattern.push_str("[^/]*"),
                '?' => pattern.push_str("[^/]"),
                '{' => {
                    depth += 1;
                    pattern.push_str("(?:");
                }
                '}' if depth > 0 => {
                    depth -= 1;
                    pattern.push(')');
                }
                ',' if depth > 0 => pattern.push('|'),
                other => pattern.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
        }
        if depth > 0 {
            return Err(format!("pattern `{text}`: a `{{` is not closed"));
        }
        pattern.push_str(")$");
        let regex = Regex::new(&pattern).map_err(|error| format!("pattern `{text}`: {error}"))?;
        Ok(Glob { text: text.to_owned(), regex, whole_path: text.contains('/') })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Tells whether the relative path (with `/`) matches.
    pub fn matches(&self, path: &str) -> bool {
        let subject = if self.whole_path { path } else { path.rsplit('/').next().unwrap_or(path) };
        self.regex.is_match(subject)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Glob::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names_and_paths() {
        let cases = [
            ("*.jsonl", "a/b.jsonl", true),
            ("*.jsonl", "b.json", false),
            ("{train,val}.jsonl", "x/val.jsonl", true),
            ("{train,val}.jsonl", "hf_train.jsonl", false),
            ("data/**/*.parquet", "data/x/y/z.parquet", true),
            ("data/**/*.parquet", "data/z.parquet", true),
            ("data/*.parquet", "data/x/z.parquet", false),
            ("a?.csv", "ab.csv", true),
            ("a+(b).csv", "a+(b).csv", true),
        ];
        for (glob, path, expected) in cases {
            assert_eq!(Glob::new(glob).unwrap().matches(path), expected, "{glob} {path}");
        }
        assert!(Glob::new("{a").is_err());
    }
}
