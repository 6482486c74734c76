//! Recipes: what says how a source is read. TOML, built in (`catalog/*.toml`) or the user's (`sources/*.toml`), one form.

/// How a source is read.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    /// The source's name.
    pub name: String,
}
