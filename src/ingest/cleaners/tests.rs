//! Every example of every cleaner, and what they do together.

use super::*;

#[test]
fn every_example_holds() {
    for cleaner in CLEANERS {
        let context = CleanContext::default();
        for example in cleaner.examples {
            let after = step(cleaner, example.before, &context);
            assert_eq!(after.as_deref(), example.after, "{}: {:?}", cleaner.name, example.before);
        }
        assert!(cleaner.examples.iter().any(|example| example.after.is_some()), "{} has no example", cleaner.name);
        assert!(
            cleaner.examples.iter().any(|example| example.after.is_none()),
            "{} leaves nothing alone",
            cleaner.name
        );
    }
}

#[test]
fn names_stand_in_the_stated_order_and_every_file_is_listed() {
    let names: Vec<&str> = CLEANERS.iter().map(|cleaner| cleaner.name).collect();
    assert_eq!(
        names,
        [
            "fence-stripped",
            "literal-newline-prefix-removed",
            "escaped-newlines",
            "single-line-expanded",
            "mojibake-fixed",
            "spreadsheet-cr-mended",
            "eos-token-removed",
            "import-added",
            "tabs-to-blanks"
        ]
    );
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ingest/cleaners");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "mod.rs" && name != "tests.rs")
        .map(|name| name.trim_end_matches(".rs").replace('_', "-"))
        .collect();
    files.sort();
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!(files, sorted);
}

#[test]
fn cleaning_twice_changes_nothing_more() {
    for cleaner in CLEANERS {
        for example in cleaner.examples {
            let once = clean(example.before, None, &CleanContext::default());
            let twice = clean(&once.code, None, &CleanContext::default());
            assert!(!twice.changed(), "{}: {:?} {:?}", cleaner.name, once, twice);
        }
    }
}

#[test]
fn layers_come_off_one_after_the_other() {
    let read = "\\n ```python\nclass A(Scene):_x000D_\n    def construct(self):_x000D_\n        self.wait()\n```</s>";
    let cleaned = clean(read, Some("Wait._x000D_\nThen stop.</s>"), &CleanContext::default());
    assert_eq!(cleaned.code, "from manim import *\n\nclass A(Scene):\n    def construct(self):\n        self.wait()\n");
    assert_eq!(cleaned.instruction.as_deref(), Some("Wait.\nThen stop."));
    assert_eq!(
        cleaned.applied,
        [
            "spreadsheet-cr-mended",
            "eos-token-removed",
            "literal-newline-prefix-removed",
            "fence-stripped",
            "import-added"
        ]
    );
}

#[test]
fn good_code_is_left_as_it_is() {
    let code = "from manim import *\n\nclass A(Scene):\n\tdef construct(self):\n\t\tself.add(Text(\"é ```\"))\n";
    let cleaned = clean(code, Some("Écris du texte."), &CleanContext::default());
    assert_eq!(cleaned.code, code);
    assert!(!cleaned.changed(), "{:?}", cleaned.applied);
}

#[test]
fn two_fixers_work_together_where_none_is_enough() {
    let code = "def f():\\n\\tif True:\\n        return 1\\n";
    let cleaned = clean(code, None, &CleanContext::default());
    assert_eq!(cleaned.applied, ["escaped-newlines", "tabs-to-blanks"]);
    assert!(parses(&cleaned.code));
}

#[test]
fn no_text_makes_a_cleaner_fail() {
    let texts = [
        "",
        " ",
        "\\n",
        "```",
        "```python",
        "</s>",
        "_x000D_",
        "\t",
        "(",
        "class",
        "class A",
        "class A:",
        "def f(",
        "\u{feff}x",
        "from",
        "from x",
        "import",
        "lambda",
        "x = lambda",
        "x if",
        "return",
        "\"",
        "'''",
        "\\",
        "Ã",
        "Ã©Ã",
        "@",
        "a @ b c",
        ";",
    ];
    for text in texts {
        let _ = clean(text, Some(text), &CleanContext::default());
        for cleaner in CLEANERS {
            let _ = (cleaner.apply)(text, &CleanContext::default());
        }
    }
}
