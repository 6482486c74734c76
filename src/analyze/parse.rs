//! What is Python: guards, then `rustpython-parser`, then ruff's parser for the verdict on newer syntax.
//!
//! Agrees with CPython's `ast.parse` on what parses (3.13, a leading byte order mark skipped as CPython does for
//! files); duplicate arguments and keywords, which CPython's compiler refuses, are refused here. Trees can be as deep
//! as the guards let them be, so they are parsed, walked and dropped on threads with large stacks: see [`with_tree`].
//!
//! This file and `walk.rs` (with `outline.rs`) are the only ones that know the parsers.

mod tree;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use ruff_python_ast::PythonVersion;
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use rustpython_parser::ast::{self, Expr, Ranged, Stmt};
use rustpython_parser::lexer::LexicalErrorType;
use rustpython_parser::{Parse, ParseError, ParseErrorType, Tok};

use super::facts::Syntax;
use super::guard::{self, Guarded, MAX_CHAIN, Refusal};
pub(super) use tree::{Node, children};

/// Stack of the threads that trees live on, in bytes: 20,000 levels at the 1,400 bytes that a level of a walk takes in
/// an unoptimised build, twice. Pages are committed only when they are touched.
const STACK_BYTES: usize = 64 << 20;

/// Trees that are certainly no deeper than this are handled on any thread (it takes 0.5 MB in an unoptimised build).
const SHALLOW: u32 = 360;

thread_local! {
    /// Whether this thread is one of ours, with a large stack.
    static LARGE_STACK: Cell<bool> = const { Cell::new(false) };
}

static POOL: LazyLock<rayon::ThreadPool> = LazyLock::new(|| {
    rayon::ThreadPoolBuilder::new()
        .stack_size(STACK_BYTES)
        .thread_name(|index| format!("scenery-{index}"))
        .start_handler(|_| LARGE_STACK.set(true))
        .build()
        .expect("a process can start as many threads as there are cores")
});

/// The workers with stacks large enough for any tree that passes the guards: one per core.
pub fn pool() -> &'static rayon::ThreadPool {
    &POOL
}

/// Runs `f` where any tree can be walked and dropped: here, if this thread belongs to [`pool`], else on one that does.
pub fn on_big_stack<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    if LARGE_STACK.get() { f() } else { POOL.install(f) }
}

/// A syntax tree with the text that its ranges refer to.
#[derive(Debug)]
pub struct Tree {
    /// The statements of the module.
    pub body: Vec<Stmt>,
    /// The text without byte order mark, indentation in blanks if the code had tabs.
    pub text: String,
    depth_bound: u32,
}

impl Drop for Tree {
    fn drop(&mut self) {
        if self.depth_bound > SHALLOW && !LARGE_STACK.get() {
            let body = std::mem::take(&mut self.body);
            on_big_stack(move || drop(body));
        }
    }
}

impl Tree {
    /// Line and column (both from 1, the column in characters) of a byte offset.
    pub fn position(&self, offset: usize) -> (u32, u32) {
        position(&self.text, offset)
    }
}

/// Starts of lines: after `\n`, `\r\n` or a lone `\r`.
#[derive(Clone, Debug)]
pub struct LineTable(Vec<u32>);

impl LineTable {
    /// Reads a text's line ends.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
                starts.push(at as u32 + 1);
            }
        }
        LineTable(starts)
    }

    /// The line of a byte offset, from 1.
    pub fn line(&self, offset: usize) -> u32 {
        self.0.partition_point(|start| *start as usize <= offset) as u32
    }
}

/// Line and column (both from 1, the column in characters) of a byte offset; an offset past the end is the end.
pub fn position(text: &str, offset: usize) -> (u32, u32) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let bytes = before.as_bytes();
    let (mut line, mut start) = (1, 0);
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' || (*byte == b'\r' && text.as_bytes().get(at + 1) != Some(&b'\n')) {
            line += 1;
            start = at + 1;
        }
    }
    (line, before[start..].chars().count() as u32 + 1)
}

fn invalid(text: &str, offset: usize, class: &'static str, message: &str) -> Syntax {
    let (line, column) = position(text, offset);
    let message = message.lines().next().unwrap_or_default().to_owned();
    Syntax::Invalid { line, column, class, message }
}

fn refused(code: &str, refusal: &Refusal) -> Syntax {
    invalid(code.strip_prefix('\u{feff}').unwrap_or(code), refusal.offset, refusal.class, &refusal.message)
}

/// Tells whether a text is Python; safe on any thread, for any text.
pub fn check(code: &str) -> Syntax {
    with_tree(code, |result| match result {
        Ok(_) => Syntax::Valid,
        Err(syntax) => syntax,
    })
}

/// Parses a text and lends its tree to `f`, on a thread where walking it cannot overflow the stack; safe on any thread.
///
/// What `f` gets instead of a tree is never [`Syntax::Valid`].
pub fn with_tree<R: Send>(code: &str, f: impl FnOnce(Result<&Tree, Syntax>) -> R + Send) -> R {
    let guarded = match guard::guard(code) {
        Ok(guarded) => guarded,
        Err(refusal) => return f(Err(refused(code, &refusal))),
    };
    if guarded.depth_bound > SHALLOW || guarded.hidden > SHALLOW {
        on_big_stack(move || f(parse_guarded(guarded).as_ref().map_err(Clone::clone)))
    } else {
        f(parse_guarded(guarded).as_ref().map_err(Clone::clone))
    }
}

/// Parses a text; safe on any thread. Whoever recurses over the tree does so in [`with_tree`] or [`on_big_stack`].
///
/// # Errors
///
/// [`Syntax::Newer`] where only newer Python accepts the text, [`Syntax::Invalid`] where none does.
pub fn parse_tree(code: &str) -> Result<Tree, Syntax> {
    let guarded = guard::guard(code).map_err(|refusal| refused(code, &refusal))?;
    if guarded.depth_bound > SHALLOW || guarded.hidden > SHALLOW {
        on_big_stack(move || parse_guarded(guarded))
    } else {
        parse_guarded(guarded)
    }
}

fn parse_guarded(guarded: Guarded<'_>) -> Result<Tree, Syntax> {
    let text = guarded.text.as_ref();
    let parsed = catch_unwind(AssertUnwindSafe(|| ast::Suite::parse(text, "")));
    match parsed {
        Ok(Ok(body)) => {
            let tree = Tree { body, text: guarded.text.into_owned(), depth_bound: guarded.depth_bound };
            match wrong_target(&tree.body) {
                None => Ok(tree),
                Some((offset, what)) => Err(invalid(&tree.text, offset, "target", what)),
            }
        }
        Ok(Err(error)) if is_final(&error) => {
            Err(invalid(text, error.offset.into(), "syntax", &error.error.to_string()))
        }
        Ok(Err(error)) if guarded.hidden > MAX_CHAIN => {
            Err(invalid(text, error.offset.into(), class_of(&error), &error.error.to_string()))
        }
        Ok(Err(error)) if !newer_accepts(text) => {
            Err(invalid(text, error.offset.into(), class_of(&error), &error.error.to_string()))
        }
        Ok(Err(_)) => Err(Syntax::Newer),
        Err(_) => Err(invalid(text, 0, "too-complex", "the parser gave up")),
    }
}

/// Whether no version of Python compiles what the parser refused, though a parser of newer syntax lets it through.
fn is_final(error: &ParseError) -> bool {
    matches!(
        error.error,
        ParseErrorType::Lexical(
            LexicalErrorType::DuplicateArgumentError(_) | LexicalErrorType::DuplicateKeywordArgumentError(_)
        )
    )
}

fn class_of(error: &ParseError) -> &'static str {
    match &error.error {
        ParseErrorType::Lexical(LexicalErrorType::IndentationError) => "indentation",
        ParseErrorType::Lexical(LexicalErrorType::TabError | LexicalErrorType::TabsAfterSpaces) => "tabs",
        ParseErrorType::UnrecognizedToken(Tok::Indent | Tok::Dedent, _) => "indentation",
        ParseErrorType::UnrecognizedToken(_, Some(expected)) if expected == "Indent" => "indentation",
        _ => "syntax",
    }
}

/// Whether Python 3.13 accepts a text, as ruff's parser sees it.
fn newer_accepts(text: &str) -> bool {
    let options = ParseOptions::from(Mode::Module).with_target_version(PythonVersion::PY313);
    catch_unwind(|| {
        let parsed = parse_unchecked(text, options);
        parsed.errors().is_empty() && parsed.unsupported_syntax_errors().is_empty()
    })
    .unwrap_or(false)
}

/// The first target, by place, that Python cannot assign to or delete. Works off a list: does not recurse by depth of
/// the tree.
fn wrong_target(body: &[Stmt]) -> Option<(usize, &'static str)> {
    let mut wrong: Option<(usize, &'static str)> = None;
    let mut note = |found: Option<usize>, what: &'static str| {
        if let Some(offset) = found
            && wrong.is_none_or(|(first, _)| offset < first)
        {
            wrong = Some((offset, what));
        }
    };
    const ASSIGN: &str = "cannot assign to this expression";
    const AUGMENT: &str = "this expression is an illegal target for an augmented or annotated assignment";
    const DELETE: &str = "cannot delete this expression";
    let mut todo: Vec<Node<'_>> = body.iter().map(Node::Stmt).collect();
    while let Some(node) = todo.pop() {
        match node {
            Node::Stmt(Stmt::Assign(s)) => s.targets.iter().for_each(|target| note(not_target(target, true), ASSIGN)),
            Node::Stmt(Stmt::For(s)) => note(not_target(&s.target, true), ASSIGN),
            Node::Stmt(Stmt::AsyncFor(s)) => note(not_target(&s.target, true), ASSIGN),
            Node::Stmt(Stmt::With(s)) => {
                with_targets(&s.items).for_each(|target| note(not_target(target, true), ASSIGN))
            }
            Node::Stmt(Stmt::AsyncWith(s)) => {
                with_targets(&s.items).for_each(|target| note(not_target(target, true), ASSIGN));
            }
            Node::Stmt(Stmt::Delete(s)) => s.targets.iter().for_each(|target| note(not_target(target, false), DELETE)),
            Node::Stmt(Stmt::AugAssign(s)) => note(not_single(&s.target), AUGMENT),
            Node::Stmt(Stmt::AnnAssign(s)) => note(not_single(&s.target), AUGMENT),
            Node::Expr(Expr::NamedExpr(e)) if !e.target.is_name_expr() => note(Some(e.target.start().into()), ASSIGN),
            Node::Expr(Expr::ListComp(e)) => {
                note(
                    e.elt.is_starred_expr().then(|| e.elt.start().into()),
                    "iterable unpacking cannot be used in comprehension",
                );
                comprehension_targets(&e.generators).for_each(|target| note(not_target(target, true), ASSIGN));
            }
            Node::Expr(Expr::SetComp(e)) => {
                note(
                    e.elt.is_starred_expr().then(|| e.elt.start().into()),
                    "iterable unpacking cannot be used in comprehension",
                );
                comprehension_targets(&e.generators).for_each(|target| note(not_target(target, true), ASSIGN));
            }
            Node::Expr(Expr::DictComp(e)) => {
                comprehension_targets(&e.generators).for_each(|target| note(not_target(target, true), ASSIGN));
            }
            Node::Expr(Expr::GeneratorExp(e)) => {
                comprehension_targets(&e.generators).for_each(|target| note(not_target(target, true), ASSIGN));
            }
            _ => {}
        }
        children(node, &mut |child| todo.push(child));
    }
    wrong
}

fn with_targets(items: &[ast::WithItem]) -> impl Iterator<Item = &Expr> {
    items.iter().filter_map(|item| item.optional_vars.as_deref())
}

fn comprehension_targets(generators: &[ast::Comprehension]) -> impl Iterator<Item = &Expr> {
    generators.iter().map(|generator| &generator.target)
}

/// Where a target holds what is none.
fn not_target(target: &Expr, starred: bool) -> Option<usize> {
    let mut todo = vec![target];
    let mut found: Option<usize> = None;
    while let Some(expr) = todo.pop() {
        match expr {
            Expr::Name(_) | Expr::Attribute(_) | Expr::Subscript(_) => {}
            Expr::Tuple(e) => todo.extend(&e.elts),
            Expr::List(e) => todo.extend(&e.elts),
            Expr::Starred(e) if starred => todo.push(&e.value),
            other => {
                let offset = usize::from(other.start());
                found = Some(found.map_or(offset, |first| first.min(offset)));
            }
        }
    }
    found
}

fn not_single(target: &Expr) -> Option<usize> {
    match target {
        Expr::Name(_) | Expr::Attribute(_) | Expr::Subscript(_) => None,
        other => Some(other.start().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(code: &str) -> String {
        match check(code) {
            Syntax::Valid => "valid".to_owned(),
            Syntax::Newer => "newer".to_owned(),
            Syntax::Invalid { line, column, class, .. } => format!("{class} {line}:{column}"),
        }
    }

    #[test]
    fn what_cpython_accepts_is_valid() {
        for code in [
            "",
            "x = 1",
            "\u{feff}x = 1",
            "if a:\n\tb\n",
            "match x:\n    case [1, *r] if r: pass\n    case {'a': b, **k} | C(d=1): pass\n",
            "a, (b, *c), d.e, f[0] = x\ndel (a, [b]), c.d\nx += 1\ny: int = 2\n",
            "with (open(a) as b, c as (d, e)): pass\n",
            "class A[T: int]: pass\ntype X = int\n",
            "try: pass\nexcept* E as e: pass\n",
            "a\rb\r\nc\n",
            "[*a, *b]\nf(*a, **b)\nx = yield\n",
        ] {
            assert_eq!(verdict(code), "valid", "{code:?}");
        }
    }

    #[test]
    fn newer_syntax_is_not_called_broken() {
        assert_eq!(verdict("x = f'{d['a']}'"), "newer");
        assert_eq!(verdict("class A[T = int]: pass"), "newer");
    }

    #[test]
    fn errors_have_a_place_and_a_class() {
        assert_eq!(verdict("x = 1\ny = = 2\n"), "syntax 2:5");
        assert_eq!(verdict("if a:\nb"), "indentation 2:1");
        assert_eq!(verdict("if a:\n    b\n  c\n"), "indentation 3:3");
        assert_eq!(verdict("x = 1\n  y\n"), "indentation 2:1");
        assert_eq!(verdict("é = f(1)\nf(x) = 1"), "target 2:1");
        assert_eq!(verdict("(a, 1) += 1"), "target 1:1");
        assert_eq!(verdict("for 1 in x: pass"), "target 1:5");
        assert_eq!(verdict("[x for f() in y]"), "target 1:8");
        assert_eq!(verdict("del a, *b"), "target 1:8");
        assert_eq!(verdict("def f(a, a): pass").split(' ').next(), Some("syntax"));
        assert_eq!(verdict("f(a=1, a=2)").split(' ').next(), Some("syntax"));
        assert_eq!(verdict("print 'x'").split(' ').next(), Some("syntax"));
        assert_eq!(verdict("x = '\0'"), "nul 1:6");
    }

    #[test]
    fn deep_trees_are_handled_on_threads_with_small_stacks() {
        let deep = [
            format!("x = a{}", ".b(c)".repeat(9_000)),
            format!("x = 1{}", " + 1".repeat(19_000)),
            format!("if a: pass\n{}", "elif b: pass\n".repeat(19_000)),
            format!("x = {}1", "not ".repeat(19_000)),
            format!("x = f'{{a{}}}'", ".b".repeat(9_000)),
        ];
        let worker = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
            for code in &deep {
                assert_eq!(verdict(code), "valid");
                assert!(parse_tree(code).is_ok());
            }
            assert!(verdict(&format!("x = f'{{d['a']}}' + a{}", ".b(c)".repeat(9_000))) == "newer");
        });
        worker.expect("a thread starts").join().expect("no overflow");
    }
}
