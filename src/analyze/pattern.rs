//! Patterns of code: `self.play(Transform($A, $B), $$$)` finds every call of that form, however it is written.
//!
//! A pattern is Python with metavariables. `$NAME` stands for one expression, name or statement, the same wherever it
//! stands again (`$A + $A`); `$_` for one of which nothing is remembered; `$$$` for any number of arguments, elements,
//! parameters or statements (`**$$$` in a dict). Everything else is itself, blanks, comments, quotes and brackets of no meaning aside.
//! Keyword arguments may come in any order; further ones are allowed where the call has a `$$$`.
//!
//! A pattern of one expression is found wherever an expression stands, statements wherever they follow one another.

mod anatomy;
mod lines;

use std::collections::BTreeSet;
use std::sync::Arc;

use ruff_python_ast::{Expr, Stmt};

use self::anatomy::{Anatomy, Part, Slot, anatomy, lists_of};
pub use self::lines::SeenLines;
use self::lines::{LineSearch, Verdict};
use super::parse::{Node, Tree, children, parse_tree, with_tree};
use crate::similarity::lexer::{self, TokenKind};

/// Stands for `$` while a pattern is parsed: a letter that no Manim code has, as wide as the sign in characters.
const MARK: char = 'ǃ';
/// `$$$` while a pattern is parsed.
const REST: &str = "ǃǃǃ";

/// A pattern of code.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As it was typed.
    text: String,
    /// Of the text with marks for signs.
    tree: Arc<Tree>,
    names: Vec<String>,
    /// How it is looked for line by line, where that can be.
    lines: Option<Arc<LineSearch>>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// Byte range in the pattern.
    pub place: std::ops::Range<usize>,
    /// One sentence.
    pub message: String,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Where it is no Python, or says nothing (`$A` alone would be everything).
    pub fn read(text: &str) -> Result<Pattern, PatternError> {
        let whole = 0..text.len();
        let fail = |place, message: String| Err(PatternError { place, message });
        let text = text.trim();
        if let Some(at) = lone_sign(text) {
            return fail(at..at + 1, "a `$` has no name after it: write `$A`, `$_` or `$$$`".to_owned());
        }
        let marked = text.replace('$', "ǃ");
        let tree = match parse_tree(&marked) {
            Ok(tree) => tree,
            Err(error) => {
                let line =
                    marked.lines().take(error.line.saturating_sub(1) as usize).map(|line| line.chars().count() + 1);
                let chars = line.sum::<usize>() + error.column.saturating_sub(1) as usize;
                let at = text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
                let end = text[at..].chars().next().map_or(at, |ch| at + ch.len_utf8());
                return fail(at..end, format!("this is no Python: {}", error.message));
            }
        };
        let says = match tree.body.as_slice() {
            [] => false,
            [Stmt::Expr(one)] => !matches!(one.value.as_ref(), Expr::Name(name) if name.id.starts_with(MARK)),
            _ => true,
        };
        if !says {
            return fail(whole, "this pattern would be found everywhere".to_owned());
        }
        let names: BTreeSet<&str> = lexer::tokens(&marked)
            .filter(|token| token.kind == TokenKind::Name && !token.text.starts_with(MARK))
            .map(|token| token.text)
            .collect();
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let lines = LineSearch::of(&tree.body, &names).map(Arc::new);
        Ok(Pattern { text: text.to_owned(), names, tree: Arc::new(tree), lines })
    }

    /// The pattern as it was typed, without blanks around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Names and keywords that stand in every text in which the pattern is found.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the pattern is found in a text; false where the text does not parse. Safe on any thread.
    pub fn is_in(&self, code: &str) -> bool {
        // The names are literally there, or there is no need to parse.
        if !self.names.iter().all(|name| code.contains(name.as_str())) {
            return false;
        }
        with_tree(code, |tree| tree.is_ok_and(|tree| self.stands_in(&tree.body)))
    }

    /// The same for a text of which is known that it is [`Syntax::Valid`](super::facts::Syntax::Valid): there the lines
    /// that hold the names tell, for most patterns, and only they are parsed; `seen` keeps what they told, for one
    /// pattern. Of another text it may say anything.
    pub fn is_in_valid(&self, code: &str, seen: &mut SeenLines) -> bool {
        let verdict = self.lines.as_ref().map(|lines| lines.look(code, seen, &|body| self.stands_in(body)));
        match verdict {
            Some(Verdict::Found) => true,
            Some(Verdict::Absent) => false,
            Some(Verdict::Unclear) | None => self.is_in(code),
        }
    }

    fn stands_in(&self, body: &[Stmt]) -> bool {
        match self.tree.body.as_slice() {
            [Stmt::Expr(one)] => has_expression(&one.value, body),
            pattern => has_statements(pattern, body),
        }
    }
}

/// A `$` that is followed by neither a name nor two more of its kind.
fn lone_sign(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(next) = text[at..].find('$') {
        let start = at + next;
        let rest = &text[start + 1..];
        if rest.starts_with(|ch: char| ch.is_alphanumeric() || ch == '_') {
            at = start + 1;
        } else if let Some(after) = rest.strip_prefix("$$") {
            at = text.len() - after.len();
        } else {
            return Some(start);
        }
    }
    None
}

fn has_expression(pattern: &Expr, body: &[Stmt]) -> bool {
    let kind = std::mem::discriminant(pattern);
    let mut todo: Vec<Node<'_>> = body.iter().map(Node::Stmt).collect();
    while let Some(node) = todo.pop() {
        if let Node::Expr(expr) = node
            && std::mem::discriminant(expr) == kind
            && same(Part::Expr(pattern), Part::Expr(expr), &mut Bound::default())
        {
            return true;
        }
        children(node, &mut |child| todo.push(child));
    }
    false
}

fn has_statements(pattern: &[Stmt], body: &[Stmt]) -> bool {
    let wanted: Vec<Part<'_>> = pattern.iter().map(Part::Stmt).collect();
    let mut todo: Vec<Vec<Part<'_>>> = vec![body.iter().map(Part::Stmt).collect()];
    while let Some(list) = todo.pop() {
        if matches!(list.first(), Some(Part::Stmt(_)))
            && (0..list.len()).any(|from| prefix(&wanted, &list[from..], &mut Bound::default()))
        {
            return true;
        }
        // Statements stand in statements, in their clauses, handlers and cases, and nowhere else.
        for part in list {
            if matches!(part, Part::Stmt(_) | Part::Clause(_) | Part::Handler(_) | Part::Case(_)) {
                todo.extend(lists_of(part));
            }
        }
    }
    false
}

/// What the metavariables stand for so far.
#[derive(Clone, Default)]
struct Bound<'a>(Vec<(&'a str, Meant<'a>)>);

#[derive(Clone, Copy)]
enum Meant<'a> {
    Part(Part<'a>),
    Word(&'a str),
}

impl<'a> Bound<'a> {
    /// Takes what a metavariable stands for here; false where it stood for something else before.
    fn bind(&mut self, name: &'a str, meant: Meant<'a>) -> bool {
        if name == "ǃ_" {
            return true;
        }
        let known = self.0.iter().find(|(known, _)| *known == name).map(|(_, known)| *known);
        match (known, meant) {
            (None, _) => {
                self.0.push((name, meant));
                true
            }
            (Some(Meant::Part(known)), Meant::Part(part)) => same(known, part, &mut Bound::default()),
            (Some(Meant::Word(known)), Meant::Word(word)) => known == word,
            (Some(Meant::Word(word)), Meant::Part(part)) | (Some(Meant::Part(part)), Meant::Word(word)) => {
                matches!(part, Part::Expr(Expr::Name(name)) if name.id.as_str() == word)
            }
        }
    }
}

/// The metavariable that a part is, if it is one: a name as an expression, or as a statement of its own.
fn variable(part: Part<'_>) -> Option<&str> {
    let expr = match part {
        Part::Expr(expr) => expr,
        Part::Stmt(Stmt::Expr(stmt)) => &stmt.value,
        _ => return None,
    };
    match expr {
        Expr::Name(name) if name.id.starts_with(MARK) && !name.id.starts_with(REST) => Some(name.id.as_str()),
        _ => None,
    }
}

/// Whether a part of a pattern stands for any number of parts.
fn is_rest(part: Part<'_>) -> bool {
    match part {
        Part::Expr(Expr::Name(name)) => name.id.starts_with(REST),
        Part::Expr(Expr::Starred(starred)) => is_rest(Part::Expr(&starred.value)),
        Part::Stmt(Stmt::Expr(stmt)) => is_rest(Part::Expr(&stmt.value)),
        Part::Parameter(_, param) => param.name().starts_with(REST),
        Part::Item(item) => item.key.is_none() && is_rest(Part::Expr(&item.value)),
        Part::Keyword(keyword) => keyword.arg.is_none() && is_rest(Part::Expr(&keyword.value)),
        _ => false,
    }
}

fn same<'a>(pattern: Part<'a>, part: Part<'a>, bound: &mut Bound<'a>) -> bool {
    if let Some(name) = variable(pattern) {
        return bound.bind(name, Meant::Part(part));
    }
    if let (Part::Expr(wanted), Part::Expr(here)) = (pattern, part) {
        match (wanted, here) {
            (Expr::Name(wanted), Expr::Name(here)) => return wanted.id == here.id,
            _ if std::mem::discriminant(wanted) != std::mem::discriminant(here) => return false,
            _ => {}
        }
    }
    let (Some(wanted), Some(here)) = (anatomy(pattern), anatomy(part)) else { return false };
    let Anatomy { kind, words, value, slots } = wanted;
    if kind != here.kind || value != here.value || words.len() != here.words.len() || slots.len() != here.slots.len() {
        return false;
    }
    let word = |(wanted, here): (&'a str, &'a str), bound: &mut Bound<'a>| {
        if wanted.starts_with(MARK) { bound.bind(wanted, Meant::Word(here)) } else { wanted == here }
    };
    if !words.into_iter().zip(here.words).all(|pair| word(pair, bound)) {
        return false;
    }
    let open = slots.iter().any(|slot| matches!(slot, Slot::Many(parts) if parts.iter().any(|part| is_rest(*part))));
    slots.into_iter().zip(here.slots).all(|(wanted, here)| match (wanted, here) {
        (Slot::One(None), Slot::One(None)) => true,
        (Slot::One(Some(wanted)), Slot::One(Some(here))) => same(wanted, here, bound),
        (Slot::Many(wanted), Slot::Many(here)) => all(&wanted, &here, bound),
        (Slot::Named(wanted), Slot::Named(here)) => named(&wanted, &here, open, bound),
        _ => false,
    })
}

/// Whether a list of parts is what a list of a pattern says, from the first to the last.
fn all<'a>(wanted: &[Part<'a>], here: &[Part<'a>], bound: &mut Bound<'a>) -> bool {
    matches(wanted, here, true, bound)
}

/// Whether a list of parts begins with what a list of a pattern says.
fn prefix<'a>(wanted: &[Part<'a>], here: &[Part<'a>], bound: &mut Bound<'a>) -> bool {
    matches(wanted, here, false, bound)
}

fn matches<'a>(wanted: &[Part<'a>], here: &[Part<'a>], whole: bool, bound: &mut Bound<'a>) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return !whole || here.is_empty() };
    if is_rest(*first) {
        if rest.is_empty() {
            return true;
        }
        return (0..=here.len()).any(|skipped| {
            let mut tried = bound.clone();
            let fits = matches(rest, &here[skipped..], whole, &mut tried);
            if fits {
                *bound = tried;
            }
            fits
        });
    }
    let Some((next, others)) = here.split_first() else { return false };
    same(*first, *next, bound) && matches(rest, others, whole, bound)
}

/// Whether keyword arguments are those of a pattern, in any order; more of them where it is `open`.
fn named<'a>(wanted: &[Part<'a>], here: &[Part<'a>], open: bool, bound: &mut Bound<'a>) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return open || here.is_empty() };
    if is_rest(*first) {
        return named(rest, here, true, bound);
    }
    (0..here.len()).any(|at| {
        let mut tried = bound.clone();
        let mut others = here.to_vec();
        let next = others.remove(at);
        let fits = same(*first, next, &mut tried) && named(rest, &others, open, &mut tried);
        if fits {
            *bound = tried;
        }
        fits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(pattern: &str, code: &str) -> bool {
        Pattern::read(pattern).unwrap_or_else(|error| panic!("{pattern}: {error:?}")).is_in(code)
    }

    #[test]
    fn a_pattern_is_found_wherever_it_stands() {
        let code = "class A(Scene):\n    def construct(self):\n        self.play(\n            Transform(a, b),  # now\n            run_time=2,\n        )\n";
        assert!(finds("Transform($A, $B)", code));
        assert!(finds("self.play(Transform($A, $B), $$$)", code));
        assert!(finds("self.play(Transform($A, $B), run_time=$T)", code));
        assert!(finds("self.play($$$, run_time=2)", code));
        assert!(!finds("self.play(Transform($A, $B))", code));
        assert!(!finds("Transform($A, $A)", code));
        assert!(!finds("self.wait($$$)", code));
        assert!(finds("class $C(Scene):\n    $$$", code));
        assert!(finds("def construct(self): $$$", code));
        assert!(finds("self.$M($$$)", code));
        assert!(!finds("self.play(Transform($A, $B), $$$)", "self.play(Transform(a, b"));
    }

    #[test]
    fn a_variable_is_the_same_thing_each_time() {
        assert!(finds("$A + $A", "x = f(1) + f( 1 )"));
        assert!(!finds("$A + $A", "x = f(1) + f(2)"));
        assert!(finds("$_ + $_", "x = f(1) + f(2)"));
        assert!(finds("$F($F)", "g(g)"));
        assert!(finds("for $I in range($N): $$$", "for i in range(3):\n    a\n    b\n"));
        assert!(!finds("for $I in range($N): $$$", "for i in range(3, 4):\n    a\n"));
    }

    #[test]
    fn lists_have_gaps_where_the_pattern_says_so() {
        assert!(finds("[1, $$$, 3]", "[1, 3]"));
        assert!(finds("[1, $$$, 3]", "[1, 2, 2, 3]"));
        assert!(!finds("[1, $$$, 3]", "[1, 2, 3, 4]"));
        assert!(finds("f($$$, a, $$$)", "f(b, a, c, k=1)"));
        assert!(!finds("f(a=1)", "f(a=1, b=2)"));
        assert!(finds("f(b=2, a=1)", "f(a=1, b=2)"));
        assert!(finds("{'a': $X, **$$$}", "{'a': 1}") && finds("{'a': $X, **$$$}", "{'a': 1, 'b': 2, **c}"));
        assert!(!finds("{'a': $X}", "{'a': 1, 'b': 2}") && finds("f(k=1, **$$$)", "f(j=2, k=1)"));
        assert!(finds("$A = $B\n$C = $A", "if x:\n    y = 1\n    z = y\n"));
        assert!(!finds("$A = $B\n$C = $A", "y = 1\nw = 2\nz = y\n"));
        assert!(finds("$A = $B\n$$$\n$C = $A", "y = 1\nw = 2\nz = y\n"));
    }

    #[test]
    fn literals_are_compared_by_value() {
        assert!(finds("f('a')", "f(\"a\")"));
        assert!(finds("f(0x10)", "f(16)"));
        assert!(!finds("f('a')", "f(b'a')"));
        assert!(!finds("f(1)", "f(1.0)"));
        assert!(!finds("f(1)", "f(True)"));
        assert!(finds("f'{$X:.2f}'", "f\"{a.b:.2f}\""));
        assert!(!finds("a < b", "a > b") && !finds("a + b", "a - b") && !finds("not a", "-a"));
        assert!(!finds("a.b", "a.c") && !finds("lambda: a", "lambda x: a") && finds("lambda $$$: a", "lambda x: a"));
    }

    #[test]
    fn what_is_no_pattern_has_a_place() {
        let place = |text: &str| Pattern::read(text).map(|_| ()).map_err(|error| error.place);
        assert_eq!(place("f($A, $)"), Err(6..7));
        assert_eq!(place("$A"), Err(0..2));
        assert_eq!(place(""), Err(0..0));
        assert_eq!(place("f($A,, b)"), Err(5..6));
        assert!(place("f($A").is_err());
    }

    #[test]
    fn deep_code_does_not_overflow() {
        let worker = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
            assert!(!finds("b + c", &format!("x = a{}", ".b(c)".repeat(9_000))));
            assert!(finds("$A + 2", &format!("x = 2{}", " + 2".repeat(15_000))));
        });
        worker.expect("a thread starts").join().expect("no overflow");
    }
}
