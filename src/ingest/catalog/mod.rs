//! The built-in catalogue: a recipe per source that the project knows, one line each.

/// Names and recipes, sorted by name.
pub static CATALOG: &[(&str, &str)] = &[
    ("autoresearch", include_str!("autoresearch.toml")),
    ("bespoke_manim", include_str!("bespoke_manim.toml")),
    ("brianamedee", include_str!("brianamedee.toml")),
    ("chilao", include_str!("chilao.toml")),
    ("dan4life_aoc2024", include_str!("dan4life_aoc2024.toml")),
    ("derivative_537", include_str!("derivative_537.toml")),
    ("edoh", include_str!("edoh.toml")),
    ("edoh_physics", include_str!("edoh_physics.toml")),
    ("elteoremadebeethoven", include_str!("elteoremadebeethoven.toml")),
    ("kilacoda", include_str!("kilacoda.toml")),
    ("kutuzova", include_str!("kutuzova.toml")),
    ("manim_ce_docs", include_str!("manim_ce_docs.toml")),
    ("manim_ce_examples", include_str!("manim_ce_examples.toml")),
    ("manim_chemistry", include_str!("manim_chemistry.toml")),
    ("manim_codegen", include_str!("manim_codegen.toml")),
    ("manim_ml", include_str!("manim_ml.toml")),
    ("manim_physics", include_str!("manim_physics.toml")),
    ("manim_repository", include_str!("manim_repository.toml")),
    ("manim_wizard", include_str!("manim_wizard.toml")),
    ("manimbench", include_str!("manimbench.toml")),
    ("math_to_manim", include_str!("math_to_manim.toml")),
    ("mediciresearch", include_str!("mediciresearch.toml")),
    ("nathanliow_physics", include_str!("nathanliow_physics.toml")),
    ("reducible", include_str!("reducible.toml")),
    ("szymon_ozog_gpu", include_str!("szymon_ozog_gpu.toml")),
    ("szymon_ozog_information_theory", include_str!("szymon_ozog_information_theory.toml")),
    ("thanks", include_str!("thanks.toml")),
    ("timholds_ce", include_str!("timholds_ce.toml")),
    ("timholds_docs", include_str!("timholds_docs.toml")),
    ("timholds_multi", include_str!("timholds_multi.toml")),
    ("vivek3141", include_str!("vivek3141.toml")),
    ("vivek3141_dl", include_str!("vivek3141_dl.toml")),
    ("woollett_introduction", include_str!("woollett_introduction.toml")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::recipe::Recipe;

    #[test]
    fn every_file_is_listed_once_and_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ingest/catalog");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| {
                entry.unwrap().file_name().into_string().unwrap().strip_suffix(".toml").map(str::to_owned)
            })
            .collect();
        files.sort();
        let listed: Vec<&str> = CATALOG.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed, files);
    }

    #[test]
    fn every_recipe_reads_and_says_what_one_needs_to_know() {
        for (name, text) in CATALOG {
            let recipe = Recipe::from_toml(text, name).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(recipe.name, *name);
            assert!(recipe.url.is_some() && recipe.get.is_some() && recipe.citation.is_some(), "{name}");
            assert!(recipe.notes.is_some(), "{name}");
            assert!(recipe.expected_rows.is_some() || recipe.reader != "table", "{name}");
        }
    }
}
