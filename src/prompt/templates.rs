//! The registry of prompt templates: one TOML file each, one line here.

use super::{PromptError, Template};

/// The built-in templates, sorted: name, and the text of the file.
pub const TEMPLATES: &[(&str, &str)] = &[
    ("alpaca", include_str!("templates/alpaca.toml")),
    ("chatml", include_str!("templates/chatml.toml")),
    ("deepseek", include_str!("templates/deepseek.toml")),
    ("plain", include_str!("templates/plain.toml")),
    ("sharegpt-manim", include_str!("templates/sharegpt-manim.toml")),
];

/// Finds a built-in template by its name.
///
/// # Errors
/// [`PromptError::Unknown`] with the names there are.
pub fn template(name: &str) -> Result<Template, PromptError> {
    match TEMPLATES.iter().find(|(known, _)| *known == name) {
        Some((name, text)) => Template::parse(name, text),
        None => Err(PromptError::Unknown {
            name: name.to_owned(),
            known: TEMPLATES.iter().map(|(name, _)| *name).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique_and_begin_their_ids_and_no_file_is_forgotten() {
        assert!(TEMPLATES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (name, _) in TEMPLATES {
            let template = template(name).expect("built in");
            let version = template.id.strip_prefix(&format!("{name}-")).expect("the id is name-version");
            assert!(version.parse::<u32>().is_ok());
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/prompt/templates");
        assert_eq!(std::fs::read_dir(folder).expect("the folder").count(), TEMPLATES.len());
        assert!(
            template("alpacca")
                .expect_err("unknown")
                .to_string()
                .contains("alpaca, chatml, deepseek, plain, sharegpt-manim")
        );
    }
}
