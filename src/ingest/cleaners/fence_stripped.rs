//! Markdown fences around code.

use super::{CleanContext, Cleaner, Example, parses};

/// See [`Cleaner::doc`].
pub(super) static CLEANER: Cleaner = Cleaner {
    name: "fence-stripped",
    doc: "Takes code out of the one Markdown fence around it, with what a model said before and after.",
    exact: true,
    instructions: false,
    examples: &[
        Example { before: "```python\nx = 1\n```", after: Some("x = 1\n") },
        Example { before: "Here it is:\n\n```py\nx = 1\n```\nIt sets x.", after: Some("x = 1\n") },
        Example { before: "```\nx = 1\n", after: Some("x = 1\n") },
        Example { before: "~~~python\nx = 1\n~~~", after: Some("x = 1\n") },
        Example { before: "s = '''\n```\nx\n```\n'''", after: None },
        Example { before: "```python\nx = 1\n```\nand\n```python\ny = 2\n```", after: None },
        Example { before: "x = (\n```", after: None },
    ],
    apply,
};

/// A line that opens or closes a fence: its character, length, and what stands behind it.
fn fence(line: &str) -> Option<(char, usize, &str)> {
    let text = line.trim_start_matches(' ');
    if line.len() - text.len() > 3 {
        return None;
    }
    let mark = text.chars().next().filter(|c| *c == '`' || *c == '~')?;
    let length = text.chars().take_while(|c| *c == mark).count();
    let rest = text[length..].trim();
    (length >= 3 && !rest.contains('`')).then_some((mark, length, rest))
}

fn apply(code: &str, _: &CleanContext) -> Option<String> {
    if !code.contains("```") && !code.contains("~~~") {
        return None;
    }
    let mut open: Option<(char, usize)> = None;
    let mut blocks: Vec<String> = Vec::new();
    let mut opener_had_name = false;
    let mut before = false;
    for line in code.split_inclusive('\n') {
        match (fence(line.trim_end()), open) {
            (Some((mark, length, "")), Some((opened, least))) if mark == opened && length >= least => open = None,
            (Some((mark, length, name)), None) => {
                open = Some((mark, length));
                opener_had_name = !name.is_empty();
                blocks.push(String::new());
            }
            (_, Some(_)) => {
                if let Some(block) = blocks.last_mut() {
                    block.push_str(line);
                }
            }
            (None, None) => before = before || (blocks.is_empty() && !line.trim().is_empty()),
        }
    }
    let [block] = blocks.as_slice() else { return None };
    // One mark that nothing follows or that stands at the end after other text is a closing mark left over, not a fence.
    let unclosed_after_text = open.is_some() && before && !opener_had_name;
    if block.trim().is_empty() || unclosed_after_text || parses(code) {
        return None;
    }
    Some(block.clone())
}
