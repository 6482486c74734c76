//! How prompts repeat, as `dedup --prompts` tells it.

use serde_json::{Value, json};

use crate::corpus::{Scratch, done, json_of, lines};

#[test]
fn one_code_under_several_prompts_and_one_prompt_with_several_codes_are_told_apart() {
    let folder = Scratch::new("prompts");
    let dir = folder.join("p");
    done(folder.path(), &["init", "p"]);
    let long = "Draw a large blue circle in the middle of the screen and let it turn slowly into a small red square";
    let row = |question: Option<&str>, answer: &str| json!({ "question": question, "answer": answer });
    let table = [
        // One code under two prompts, the second asked twice in other letters.
        row(Some("Draw a circle."), "circle = Circle()\n"),
        row(Some("Show me something round"), "circle = Circle()\n"),
        row(Some("show me: SOMETHING round!"), "circle = Circle()\n"),
        // One prompt with two codes.
        row(Some("Draw a square."), "square = Square()\n"),
        row(Some("draw a square"), "square = Rectangle(width=2)\n"),
        // Two prompts that share most of their words; and a row without one.
        row(Some(long), "a = 1\n"),
        row(Some(&long.replace("large", "huge")), "b = 2\n"),
        row(None, "circle = Circle()\n"),
    ];
    let file = folder.write("rows.jsonl", lines(&table));
    let recipe = ["--reader", "table", "--field", "instruction=question", "--field", "code=answer", "--licence", "MIT"];
    let mut ingest = vec!["ingest", "rows", file.to_str().expect("a path"), "--quiet"];
    ingest.extend(recipe);
    done(&dir, &ingest);
    let found = json_of(&dir, &["dedup", "--prompts", "--dry-run", "--json"]);
    let prompts = &found["prompts"];
    assert_eq!((&prompts["prompts"], &prompts["different"], &prompts["near_pairs"]), (&json!(7), &json!(5), &json!(1)));
    let groups = |kind: &str| -> Vec<(u64, usize)> {
        let all = prompts[kind].as_array().expect("a list");
        let group = |group: &Value| {
            (group["different"].as_u64().expect("a number"), group["ids"].as_array().expect("a list").len())
        };
        all.iter().map(group).collect()
    };
    assert_eq!(groups("same_code"), [(2, 3)]);
    assert_eq!(groups("same_prompt"), [(2, 2)]);
    let text = done(&dir, &["dedup", "--prompts", "--dry-run", "--quiet"]);
    assert!(text.contains("7 samples have an instruction, 5 different ones; 1 pairs of them share most"), "{text}");
    assert!(text.contains("one code under several prompts: 3 samples in 1 groups"), "{text}");
    assert!(text.contains("one prompt with several codes: 2 samples in 1 groups"), "{text}");
    // Without being asked nothing is said, and no state changes by prompts.
    assert_eq!(json_of(&dir, &["dedup", "--dry-run", "--json"])["prompts"], Value::Null);
}
