//! `ATTRIBUTION.md`: every source that rows stem from, grouped by licence.

use std::collections::BTreeMap;

use super::{ExportError, SourceInfo};

/// Rows by licence and source, over all origins.
pub(super) type Origins = BTreeMap<(String, String), u64>;

/// Writes the file. `written` rows went out; a row with several origins counts with each of them.
pub(super) fn text(
    origins: &Origins,
    sources: &BTreeMap<String, SourceInfo>,
    written: u64,
) -> Result<String, ExportError> {
    let mut out = String::from("# Attribution\n\n");
    let mut licences: Vec<&str> = origins.keys().map(|(licence, _)| licence.as_str()).collect();
    licences.dedup();
    let mut names: Vec<&str> = origins.keys().map(|(_, source)| source.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    out.push_str(&format!(
        "Rows: {written}. Sources: {}. Licences: {}. A row that several sources hold counts with each of them.\n",
        names.len(),
        licences.len(),
    ));
    for licence in licences {
        out.push_str(&format!("\n## {}\n", line(licence)));
        for ((_, source), rows) in origins.iter().filter(|((of, _), _)| of == licence) {
            let info = sources.get(source).ok_or_else(|| ExportError::NoSourceInfo { source_name: source.clone() })?;
            let title = if info.title.trim().is_empty() { source } else { &info.title };
            out.push_str(&format!("\n### {} (`{}`)\n\n- rows: {rows}\n", line(title), line(source)));
            if info.licence != licence {
                out.push_str(&format!("- licence of the source as a whole: {}\n", line(&info.licence)));
            }
            for (what, value) in [("url", &info.url), ("citation", &info.citation)] {
                let value = value.as_deref().map(line).filter(|value| !value.is_empty());
                out.push_str(&format!("- {what}: {}\n", value.as_deref().unwrap_or("none stated")));
            }
        }
    }
    Ok(out)
}

/// A text on one line, without control characters.
fn line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
