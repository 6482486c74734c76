//! Presets: named bundles of options that give exactly the form some project's files have.

use super::formats::Roles;

/// A bundle of options.
#[derive(Debug)]
pub struct Preset {
    /// Name on the command line and in manifests.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// The format it is for.
    pub format: &'static str,
    /// The system sentence.
    pub system: &'static str,
    /// The role tags: system, user, assistant.
    pub roles: [&'static str; 3],
    /// Whether the answer stands in a fenced Python block.
    pub fence: bool,
}

impl Preset {
    /// The role tags.
    pub fn roles(&self) -> Roles {
        Roles::new(self.roles[0], self.roles[1], self.roles[2])
    }
}

/// Every preset, sorted by name.
pub const PRESETS: &[Preset] = &[Preset {
    name: "manim",
    doc: "Conversations of system, user and assistant about Manim, the answer in a fenced Python block.",
    format: "sharegpt",
    system: "You are a Manim code generator. Create clean, working Manim animations using ManimCE syntax. Always wrap \
             code in Python code blocks.",
    roles: ["system", "user", "assistant"],
    fence: true,
}];

/// Finds a preset by its name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}
