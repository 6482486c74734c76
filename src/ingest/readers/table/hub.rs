//! A checkout of a Hugging Face dataset: the `configs` in the YAML head of its README say which files are which split.

use std::path::Path;

use crate::ingest::recipe::glob::Glob;

/// Files of one split of one config.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DataFiles {
    /// Name of the config.
    pub config: String,
    /// Whether it is marked as the default.
    pub default: bool,
    /// The split's name, as it is written.
    pub split: String,
    /// Pattern of its files.
    pub pattern: Glob,
}

/// Longest README that is read.
const MAX_README_BYTES: u64 = 4 << 20;

/// What the README beside the data says; empty where it says nothing.
pub(super) fn data_files(root: &Path) -> Vec<DataFiles> {
    let path = root.join("README.md");
    let small = std::fs::metadata(&path).is_ok_and(|meta| meta.len() <= MAX_README_BYTES);
    match (small, std::fs::read_to_string(&path)) {
        (true, Ok(text)) => read(&text),
        _ => Vec::new(),
    }
}

/// Which files of a config to read: the default one, else the first.
pub(super) fn chosen(files: &[DataFiles], wanted: Option<&str>) -> (Vec<DataFiles>, Vec<String>) {
    let mut configs: Vec<&str> = Vec::new();
    for file in files {
        if !configs.contains(&file.config.as_str()) {
            configs.push(&file.config);
        }
    }
    let pick = wanted
        .filter(|name| configs.contains(name))
        .or_else(|| files.iter().find(|file| file.default || file.config == "default").map(|file| file.config.as_str()))
        .or(configs.first().copied());
    let others = configs.iter().filter(|config| Some(**config) != pick).map(|config| (*config).to_owned()).collect();
    (files.iter().filter(|file| Some(file.config.as_str()) == pick).cloned().collect(), others)
}

/// A line of YAML: its indentation and what stands behind it.
struct Line<'a> {
    indent: usize,
    text: &'a str,
}

/// Reads `configs:` out of a README's head. The subset of YAML that such heads are written in: lists of maps, block or
/// flow style for the innermost values.
fn read(readme: &str) -> Vec<DataFiles> {
    let text = readme.strip_prefix('\u{feff}').unwrap_or(readme);
    let mut lines = text.lines();
    if lines.next().map(str::trim_end) != Some("---") {
        return Vec::new();
    }
    let head: Vec<Line<'_>> = lines
        .take_while(|line| line.trim_end() != "---")
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map(|line| Line { indent: line.len() - line.trim_start().len(), text: line.trim() })
        .collect();
    let Some(start) = head.iter().position(|line| line.indent == 0 && line.text == "configs:") else {
        return Vec::new();
    };
    let mut found: Vec<DataFiles> = Vec::new();
    let (mut config, mut default, mut split) = (String::from("default"), false, String::from("train"));
    let mut in_files = false;
    let mut in_paths = false;
    for line in &head[start + 1..] {
        if line.indent == 0 && !line.text.starts_with('-') {
            break;
        }
        let mut text = line.text;
        let mut item = false;
        while let Some(rest) = text.strip_prefix("- ") {
            text = rest.trim_start();
            item = true;
        }
        let Some((key, value)) = key_value(text) else {
            // A bare item: a pattern under `path:` or right under `data_files:`.
            if item && (in_paths || in_files) {
                push(&mut found, &config, default, &split, text);
            }
            continue;
        };
        match key {
            "config_name" => {
                config = scalar(value).to_owned();
                (default, in_files, in_paths) = (false, false, false);
                split = "train".to_owned();
            }
            "default" => {
                default = value == "true";
                let name = config.clone();
                found.iter_mut().filter(|file| file.config == name).for_each(|file| file.default = default);
            }
            "data_files" => {
                in_files = true;
                in_paths = false;
                for pattern in values(value) {
                    push(&mut found, &config, default, &split, pattern);
                }
            }
            "split" if in_files => {
                split = scalar(value).to_owned();
                in_paths = false;
            }
            "path" if in_files => {
                in_paths = true;
                for pattern in values(value) {
                    push(&mut found, &config, default, &split, pattern);
                }
            }
            _ => in_files = in_files && !item,
        }
    }
    found
}

fn push(found: &mut Vec<DataFiles>, config: &str, default: bool, split: &str, pattern: &str) {
    let pattern = scalar(pattern);
    // `x/**` and `x/*` mean files as well; a pattern that cannot be read names none.
    if let Ok(pattern) = Glob::new(&format!("./{pattern}")) {
        found.push(DataFiles { config: config.to_owned(), default, split: split.to_owned(), pattern });
    }
}

fn key_value(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_once(':')?;
    let named = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (named && (value.is_empty() || value.starts_with(' '))).then(|| (key, value.trim()))
}

/// A value without its quotes and without a comment behind it.
fn scalar(value: &str) -> &str {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or(rest);
        }
    }
    value.split(" #").next().unwrap_or(value).trim_end()
}

/// The patterns of a value: one, or a list in brackets.
fn values(value: &str) -> Vec<&str> {
    match value.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
        Some(list) => list.split(',').map(str::trim).filter(|item| !item.is_empty()).collect(),
        None if value.is_empty() => Vec::new(),
        None => vec![value],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(readme: &str) -> Vec<String> {
        read(readme).iter().map(|file| format!("{} {} {}", file.config, file.split, file.pattern.text())).collect()
    }

    #[test]
    fn configs_in_their_usual_forms_are_read() {
        let readme = "---\nlicense: mit\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*\n  - split: test\n    path:\n    - \"data/test-a.parquet\"\n    - data/test-b.parquet # last\n- config_name: raw\n  data_files: raw.csv\n- config_name: lists\n  data_files: [a.csv, 'b.csv']\n  default: true\ntags:\n- x\n---\n# Title\n";
        assert_eq!(
            shown(readme),
            [
                "default train ./data/train-*",
                "default test ./data/test-a.parquet",
                "default test ./data/test-b.parquet",
                "raw train ./raw.csv",
                "lists train ./a.csv",
                "lists train ./b.csv",
            ]
        );
        let all = read(readme);
        let (files, others) = chosen(&all, None);
        assert_eq!(files.len(), 3);
        assert_eq!(others, ["raw", "lists"]);
        assert_eq!(chosen(&all, Some("raw")).0.len(), 1);
        assert!(all[0].pattern.matches("./data/train-00000-of-00002.parquet"));
        assert!(!all[0].pattern.matches("./data/x/train-0.parquet"));
    }

    #[test]
    fn a_readme_without_a_head_says_nothing() {
        for readme in ["# Title\n", "", "---\nlicense: mit\n---\n", "---\nconfigs:\n"] {
            assert!(shown(readme).is_empty(), "{readme}");
        }
    }
}
