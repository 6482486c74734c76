//! Patterns of file names: `*`, `?` and `[a-z]` within a name, `**` over folders, `{a,b}` for either.

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
    /// A sentence where nothing can match it: a brace or bracket is not closed, it is empty, or it is no relative path.
    pub fn new(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!(
                "`{text}` is no pattern of files: {what} (write `*.py`, `scenes/**/*.py`, `{{train,test}}.jsonl`, `part[0-9].csv`)"
            )
        };
        if text.is_empty() {
            return Err(wrong("it is empty"));
        }
        if text.contains('\\') {
            return Err(wrong("folders are parted by `/`"));
        }
        if text.starts_with('/') || text.split('/').any(|part| part == "..") {
            return Err(wrong(
                "it is matched with the path inside the folder that is read, which has no `/` before it and no `..`",
            ));
        }
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
                '[' => {
                    let rest: String = chars.clone().collect();
                    let open = usize::from(rest.starts_with('!'));
                    // A bracket that comes first stands for itself.
                    let first = open + rest[open..].chars().next().map_or(0, char::len_utf8);
                    let Some(close) = rest.get(first..).and_then(|rest| rest.find(']')) else {
                        return Err(wrong("a `[` is not closed (`[[]` stands for the character itself)"));
                    };
                    let inside = &rest[open..first + close];
                    pattern.push_str(if open > 0 { "[^/" } else { "[" });
                    for c in inside.chars() {
                        if "[]^&~\\".contains(c) {
                            pattern.push('\\');
                        }
                        pattern.push(c);
                    }
                    pattern.push(']');
                    for _ in 0..rest[..=first + close].chars().count() {
                        chars.next();
                    }
                }
                '{' => {
                    depth += 1;
                    pattern.push_str("(?:");
                }
                '}' if depth > 0 => {
                    depth -= 1;
                    pattern.push(')');
                }
                '}' => return Err(wrong("a `}` closes nothing")),
                ',' if depth > 0 => pattern.push('|'),
                other => pattern.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
        }
        if depth > 0 {
            return Err(wrong("a `{` is not closed"));
        }
        pattern.push_str(")$");
        let regex = Regex::new(&pattern)
            .map_err(|error| wrong(error.to_string().lines().last().unwrap_or("it is too large")))?;
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
        let text = String::deserialize(deserializer)?;
        // Paths inside the folder that is read have no `./` before them.
        Glob::new(text.strip_prefix("./").unwrap_or(&text)).map_err(serde::de::Error::custom)
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
            ("day[0-9].py", "x/day7.py", true),
            ("day[0-9].py", "dayx.py", false),
            ("day[!0-9].py", "dayx.py", true),
            ("a[[]b].py", "a[b].py", true),
            ("[]a].py", "].py", true),
        ];
        for (glob, path, expected) in cases {
            assert_eq!(Glob::new(glob).unwrap().matches(path), expected, "{glob} {path}");
        }
        for wrong in ["{a", "a}", "[a.py", "a[", "", "/a.py", "../*.py", "a\\b.py", "[z-a].py"] {
            let error = Glob::new(wrong).expect_err(wrong);
            assert!(error.contains("is no pattern of files"), "{wrong}: {error}");
        }
    }
}
