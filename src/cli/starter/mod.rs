//! The starter set: scenes that the tool brings, written for it, for `demo`. `README.md` beside this file says how it is made.

/// Scenes with reviewed descriptions, as JSON Lines.
pub const STARTER: &str = include_str!("starter.jsonl");
/// Duplicates, broken rows and other things to find, as JSON Lines.
pub const PLANTED: &str = include_str!("planted.jsonl");
/// Recipe of the first.
pub const STARTER_RECIPE: &str = include_str!("starter.toml");
/// Recipe of the second.
pub const PLANTED_RECIPE: &str = include_str!("planted.toml");
