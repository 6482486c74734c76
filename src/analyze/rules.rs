//! Rules about samples, each with what keeping it is worth: the feature `issue` lists those that fire, `quality` adds up
//! the points of those that do not.
//!
//! Rules are facts: thresholds that decide what is kept live in queries. A rule that needs the tree says nothing about
//! text without one; it neither fires nor gives points.

use std::sync::LazyLock;

use regex::Regex;

use super::facts::{CodeFacts, Subject};
use super::features::{constructions, unknown_api};
use super::lexical::stems;
use super::manim_api::NameKind;
use crate::sample::is_placeholder_description;

/// What a rule says of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It holds: its points are given.
    Kept,
    /// It fires.
    Fired,
    /// It cannot be told: no points, no issue.
    Unknown,
}

/// A rule.
pub struct Rule {
    /// Name, as in `issue:NAME`.
    pub name: &'static str,
    /// What keeping it adds to `quality`; all rules together are worth 100.
    pub points: f64,
    /// What fires it, in one clause.
    pub doc: &'static str,
    /// Judges a sample.
    pub judge: fn(&Subject<'_>) -> Finding,
}

/// Every rule, sorted by name.
pub static RULES: &[Rule] = &[
    Rule {
        name: "description-names-nothing",
        points: 3.0,
        doc: "no word of the instruction names anything in the code",
        judge: names_nothing,
    },
    Rule {
        name: "empty-construct",
        points: 15.0,
        doc: "the `construct` of a Scene does nothing",
        judge: |subject| {
            on_tree(subject, |facts| facts.scenes().any(|class| class.has_construct && class.construct_statements == 0))
        },
    },
    Rule {
        name: "few-animations",
        points: 10.0,
        doc: "fewer than two animation calls",
        judge: |subject| {
            on_tree(subject, |facts| {
                let animated = facts.attributes.get("animate").copied().unwrap_or(0);
                constructions(facts, NameKind::Animation) + animated < 2
            })
        },
    },
    Rule {
        name: "missing-manim-import",
        points: 10.0,
        doc: "Manim names are used, but nothing that could bring them is imported",
        judge: |subject| on_tree(subject, misses_import),
    },
    Rule {
        name: "no-description",
        points: 5.0,
        doc: "there is no instruction, or a placeholder for one",
        judge: |subject| fired(!has_description(subject)),
    },
    Rule {
        name: "no-scene",
        points: 20.0,
        doc: "no Scene class with a `construct`",
        judge: |subject| on_tree(subject, |facts| !facts.scenes().any(|class| class.has_construct)),
    },
    Rule {
        name: "placeholder-text",
        points: 5.0,
        doc: "the code says that something is to be filled in",
        judge: |subject| fired(has_placeholder(subject)),
    },
    Rule {
        name: "short-description",
        points: 2.0,
        doc: "the instruction has fewer than four words and fewer than 20 characters",
        judge: |subject| match subject.instruction {
            Some(text) if has_description(subject) => {
                fired(text.split_whitespace().count() < 4 && text.trim().chars().count() < 20)
            }
            _ => Finding::Unknown,
        },
    },
    Rule {
        name: "syntax-error",
        points: 25.0,
        doc: "no Python parses the code",
        judge: |subject| fired(!subject.facts.syntax.is_valid()),
    },
    Rule {
        name: "unknown-api",
        points: 5.0,
        doc: "a name is taken from `manim` that the pinned release does not have",
        judge: |subject| on_tree(subject, |_| !unknown_api::unknown(subject).is_empty()),
    },
];

/// What each of [`RULES`] finds, in that order; judged once for a subject.
pub fn findings<'a>(subject: &Subject<'a>) -> &'a [Finding] {
    subject.shared.findings.get_or_init(|| RULES.iter().map(|rule| (rule.judge)(subject)).collect())
}

fn fired(fires: bool) -> Finding {
    if fires { Finding::Fired } else { Finding::Kept }
}

fn on_tree(subject: &Subject<'_>, fires: impl FnOnce(&CodeFacts) -> bool) -> Finding {
    if subject.facts.has_tree() { fired(fires(subject.facts)) } else { Finding::Unknown }
}

fn has_description(subject: &Subject<'_>) -> bool {
    subject.instruction.is_some_and(|text| !is_placeholder_description(text))
}

/// Plugins and helpers may bring Manim's names along, so any star import, or import of a module of that kind, will do.
fn misses_import(facts: &CodeFacts) -> bool {
    let brings = facts.imports.iter().any(|import| {
        let module = import.module.as_str();
        module.contains("manim") || (import.name.as_deref() == Some("*") && !STANDARD_STARS.contains(&module))
    });
    let scene_without_source = || {
        facts.scenes().flat_map(|class| &class.bases).any(|base| {
            let root = base.split('.').next().unwrap_or(base);
            !facts.bound.contains_key(root)
        })
    };
    !brings && (!facts.manim.is_empty() || scene_without_source())
}

/// Modules whose star import brings nothing of Manim.
const STANDARD_STARS: &[&str] = &["cmath", "itertools", "math", "numpy", "os", "random", "scipy", "sympy", "typing"];

/// Phrases that stand for code to be written.
static PLACEHOLDERS: LazyLock<Regex> = LazyLock::new(|| {
    let phrases = [
        r"\[placeholder",
        "add code here",
        "add your code",
        "code goes here",
        "implement this",
        "implementation goes here",
        "insert code here",
        "rest of the code",
        "write your code",
        "your code here",
    ];
    Regex::new(&format!("(?i-u:{})", phrases.join("|"))).expect("the phrases are a regular expression")
});

fn has_placeholder(subject: &Subject<'_>) -> bool {
    let todo = |line: &str| {
        line.split_once('#').is_some_and(|(_, comment)| {
            comment.split(|ch: char| !ch.is_alphanumeric()).any(|word| matches!(word, "TODO" | "FIXME" | "XXX"))
        })
    };
    let marked = ["TODO", "FIXME", "XXX"].iter().any(|mark| subject.code.contains(mark));
    (marked && subject.code.lines().any(todo))
        || PLACEHOLDERS.is_match(subject.code)
        || subject.facts.scenes().any(|class| class.has_construct && class.construct_statements == 0)
}

/// Words of instructions that name nothing, stemmed.
const IDLE: &[&str] = &[
    "about",
    "anim",
    "animat",
    "animation",
    "and",
    "class",
    "cod",
    "cleen",
    "clean",
    "community",
    "construct",
    "creat",
    "demonstrat",
    "display",
    "edition",
    "effect",
    "explain",
    "exampl",
    "for",
    "from",
    "function",
    "generat",
    "how",
    "illustrat",
    "imag",
    "into",
    "mak",
    "manim",
    "object",
    "produc",
    "program",
    "python",
    "render",
    "scen",
    "script",
    "self",
    "show",
    "simpl",
    "that",
    "the",
    "then",
    "this",
    "using",
    "us",
    "video",
    "visual",
    "visualiz",
    "visualis",
    "which",
    "with",
    "work",
    "writ",
    "your",
];

/// Words that stand for Manim classes under other names: class, then stems of what people say.
const SAID_FOR: &[(&str, &[&str])] = &[
    ("Arrow", &["vector", "pointer", "direction"]),
    ("Axes", &["graph", "plot", "curv", "coordinat", "axi", "chart", "plan"]),
    ("BarChart", &["histogram", "graph", "bar"]),
    ("Create", &["draw", "drawn"]),
    ("DecimalNumber", &["number", "count", "counter", "valu"]),
    ("Dot", &["point", "ball", "particl", "mov"]),
    ("FadeIn", &["appear", "introduc"]),
    ("FadeOut", &["disappear", "vanish"]),
    ("FunctionGraph", &["graph", "plot", "curv", "wav"]),
    ("Graph", &["network", "nod", "edg", "tree", "vertic", "vertex"]),
    ("ImageMobject", &["pictur", "photo"]),
    ("Line", &["segment", "edg", "lin"]),
    ("MathTex", &["equation", "formula", "expression", "latex", "math", "identit", "theorem", "proof", "deriv"]),
    ("Matrix", &["matric", "vector"]),
    ("NumberLine", &["axi"]),
    ("NumberPlane", &["grid", "coordinat", "graph", "plot"]),
    ("ParametricFunction", &["curv", "graph", "plot"]),
    ("Polygon", &["shap", "triangl", "quadrilateral"]),
    ("Rectangle", &["box", "bar"]),
    ("Rotate", &["spin", "turn"]),
    ("Square", &["box"]),
    ("Surface", &["3d", "plot"]),
    ("Tex", &["equation", "formula", "latex", "text"]),
    ("Text", &["word", "label", "titl", "messag", "sentenc", "nam", "letter"]),
    ("ThreeDScene", &["3d", "dimensional", "camera"]),
    ("Transform", &["morph", "chang", "turn", "becom"]),
    ("ReplacementTransform", &["morph", "chang", "turn", "becom", "replac"]),
    ("Write", &["text", "handwrit"]),
];

/// Fewest words that name something in an instruction that is judged.
const FEWEST_NAMING_WORDS: usize = 4;

/// Whether an instruction and a code have nothing in common: no word of the one (in any form) is a part of a name, a
/// word of a string or a comment, or another word for a class, of the other. Says so only of instructions in Latin script
/// with several words that name something, as it must be fair.
fn names_nothing(subject: &Subject<'_>) -> Finding {
    let Some(instruction) = subject.instruction.filter(|_| has_description(subject)) else {
        return Finding::Unknown;
    };
    let asked = stems(instruction);
    let naming: Vec<&str> =
        asked.iter().filter(|stem| stem.len() >= 3 && stem.is_ascii() && !IDLE.contains(stem)).collect();
    if naming.len() < FEWEST_NAMING_WORDS {
        return Finding::Unknown;
    }
    // Most words of a code begin like none of the instruction.
    let mut begins = [false; 256];
    for stem in &naming {
        begins[usize::from(stem.as_bytes()[0])] = true;
    }
    let asked_for =
        |word: &str| word.bytes().next().is_some_and(|byte| begins[usize::from(byte)]) && naming.contains(&word);
    let shared = subject.facts.words.iter().any(asked_for)
        || SAID_FOR.iter().any(|(class, said)| {
            subject.facts.manim.contains_key(*class) && naming.iter().any(|stem| said.contains(stem))
        });
    fired(!shared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::facts::Shared;
    use crate::analyze::walk::code_facts;

    fn issues(code: &str, instruction: Option<&str>) -> Vec<&'static str> {
        let facts = code_facts(code);
        let shared = Shared::default();
        let subject =
            Subject { code, instruction, facts: &facts, dialect_hint: None, reader_issues: &[], shared: &shared };
        let found = RULES.iter().zip(findings(&subject));
        found.filter(|(_, finding)| **finding == Finding::Fired).map(|(rule, _)| rule.name).collect()
    }

    const GOOD: &str = "from manim import *\nclass A(Scene):\n    def construct(self):\n        c = Circle()\n        self.play(Create(c))\n        self.play(FadeOut(c))\n";

    #[test]
    fn rules_are_sorted_and_worth_100_points() {
        assert!(RULES.is_sorted_by_key(|rule| rule.name));
        assert_eq!(RULES.iter().map(|rule| rule.points).sum::<f64>(), 100.0);
    }

    #[test]
    fn a_good_sample_breaks_no_rule() {
        assert_eq!(issues(GOOD, Some("Draw a circle, then let it fade out.")), Vec::<&str>::new());
    }

    #[test]
    fn each_rule_fires_on_what_it_names() {
        assert_eq!(issues("class A(", Some("Draw a circle and fade it.")), ["syntax-error"]);
        assert_eq!(
            issues("x = 1\n", Some("[PENDING_DESCRIPTION] x")),
            ["few-animations", "no-description", "no-scene"]
        );
        assert_eq!(issues(GOOD, Some("Circle")), ["short-description"]);
        assert_eq!(
            issues(&GOOD.replace("from manim import *\n", ""), Some("Draw a big circle.")),
            ["missing-manim-import"]
        );
        assert_eq!(
            issues(&GOOD.replace("FadeOut", "FadeAway"), Some("Draw a big circle.")),
            ["few-animations", "unknown-api"]
        );
        assert_eq!(
            issues(&GOOD.replace("c = ", "# TODO: colour\n        c = "), Some("Draw a big circle.")),
            ["placeholder-text"]
        );
        assert_eq!(
            issues("from manim import *\nclass A(Scene):\n    def construct(self):\n        pass\n", None),
            ["empty-construct", "few-animations", "no-description", "placeholder-text"]
        );
    }

    #[test]
    fn only_instructions_with_nothing_in_common_name_nothing() {
        let names_nothing = |text| issues(GOOD, Some(text)).contains(&"description-names-nothing");
        assert!(names_nothing("Visualize the Pythagorean theorem with labelled right triangles and areas."));
        assert!(!names_nothing("Circles that appear and vanish again in the middle of the screen."));
        assert!(!names_nothing("Make a nice animation."));
        assert!(!names_nothing("Нарисуй треугольник и подпиши его стороны"));
    }
}
