//! What is Python: guards, then ruff's parser.
//!
//! Agrees with CPython's `ast.parse` on what parses (3.13, a leading byte order mark skipped as CPython does for
//! files); duplicate arguments and keywords, which CPython's compiler refuses, are refused here. Trees can be as deep
//! as the guards let them be, so they are parsed, walked and dropped on threads with large stacks: see [`with_tree`].
//!
//! This file and `walk.rs` (with `outline.rs`) are the only ones that know the parser. `rustpython-parser` was it at
//! first; it took more than a third of an ingest's time, five times what ruff's takes for the same texts, and is the
//! peer in `bench/ingest.rs` now.

mod tree;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use ruff_python_ast::{self as ast, Expr, PythonVersion, Stmt, Suite};
use ruff_python_parser::{LexicalErrorType, Mode, ParseError, ParseErrorType, ParseOptions, parse_unchecked};
use ruff_text_size::Ranged;
use rustc_hash::FxHashSet;

use super::facts::{Syntax, SyntaxError};
use super::guard::{self, Guarded, Refusal};
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
    pub body: Suite,
    /// The text without byte order mark, indentation in blanks if the code had tabs.
    pub text: String,
    /// Whether it needs Python 3.12 or later.
    pub newer: bool,
    /// Lexical tokens of the text.
    pub tokens: u32,
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
    /// [`Syntax::Valid`] or [`Syntax::Newer`].
    pub fn verdict(&self) -> Syntax {
        if self.newer { Syntax::Newer } else { Syntax::Valid }
    }

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
        let mut starts = Vec::with_capacity(text.len() / 24 + 1);
        starts.push(0);
        let ends = memchr::memchr2_iter(b'\n', b'\r', bytes);
        starts
            .extend(ends.filter(|at| bytes[*at] == b'\n' || bytes.get(at + 1) != Some(&b'\n')).map(|at| at as u32 + 1));
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

fn invalid(text: &str, offset: usize, class: &'static str, message: &str) -> SyntaxError {
    let (line, column) = position(text, offset);
    let message = message.lines().next().unwrap_or_default().to_owned();
    SyntaxError { line, column, class, message }
}

fn refused(code: &str, refusal: &Refusal) -> SyntaxError {
    invalid(code.strip_prefix('\u{feff}').unwrap_or(code), refusal.offset, refusal.class, &refusal.message)
}

/// Tells whether a text is Python; safe on any thread, for any text.
pub fn check(code: &str) -> Syntax {
    with_tree(code, |result| match result {
        Ok(tree) => tree.verdict(),
        Err(error) => Syntax::Invalid(error),
    })
}

/// Parses a text and lends its tree to `f`, on a thread where walking it cannot overflow the stack; safe on any thread.
pub fn with_tree<R: Send>(code: &str, f: impl FnOnce(Result<&Tree, SyntaxError>) -> R + Send) -> R {
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
/// Where no Python up to 3.13 accepts the text.
pub fn parse_tree(code: &str) -> Result<Tree, SyntaxError> {
    let guarded = guard::guard(code).map_err(|refusal| refused(code, &refusal))?;
    if guarded.depth_bound > SHALLOW || guarded.hidden > SHALLOW {
        on_big_stack(move || parse_guarded(guarded))
    } else {
        parse_guarded(guarded)
    }
}

/// What texts without mark are written for; newer syntax than this makes a text [`Syntax::Newer`].
const COMMON: PythonVersion = PythonVersion::PY311;

/// The newest Python whose syntax is accepted.
const NEWEST: PythonVersion = PythonVersion::PY313;

fn parse_guarded(guarded: Guarded<'_>) -> Result<Tree, SyntaxError> {
    let text = guarded.text.as_ref();
    let parse = |version| {
        let options = ParseOptions::from(Mode::Module).with_target_version(version);
        catch_unwind(AssertUnwindSafe(|| parse_unchecked(text, options).try_into_module())).ok().flatten()
    };
    let Some(parsed) = parse(COMMON) else {
        return Err(invalid(text, 0, "too-complex", "the parser gave up"));
    };
    if let Some(error) = parsed.errors().iter().min_by_key(|error| error.location.start()) {
        // Of an indentation that fits nothing the range is the blanks; what stands behind them is in the wrong place.
        let offset = match &error.error {
            ParseErrorType::Lexical(LexicalErrorType::IndentationError) => error.location.end(),
            _ => error.location.start(),
        };
        return Err(invalid(text, offset.into(), class_of(error), &error.error.to_string()));
    }
    let newer = !parsed.unsupported_syntax_errors().is_empty();
    if newer
        && let Some(parsed) = parse(NEWEST)
        && let Some(error) = parsed.unsupported_syntax_errors().iter().min_by_key(|error| error.range.start())
    {
        return Err(invalid(text, error.range.start().into(), "syntax", &error.to_string()));
    }
    if let Some((offset, message)) = duplicate(parsed.suite()) {
        return Err(invalid(text, offset, "syntax", &message));
    }
    let Guarded { text, depth_bound, tokens, .. } = guarded;
    Ok(Tree { body: parsed.into_suite(), newer, tokens, text: text.into_owned(), depth_bound })
}

/// Parses a piece of a text that is known to parse in [`COMMON`] Python, and lends its statements to `f`; none where the
/// piece does not parse by itself. Safe on any thread.
pub(super) fn with_piece<R: Send>(piece: &str, f: impl FnOnce(&[Stmt]) -> R + Send) -> Option<R> {
    let parsed = move || {
        let options = ParseOptions::from(Mode::Module).with_target_version(COMMON);
        let parsed = catch_unwind(AssertUnwindSafe(|| parse_unchecked(piece, options).try_into_module())).ok()??;
        let whole = parsed.errors().is_empty() && parsed.unsupported_syntax_errors().is_empty();
        whole.then(|| f(parsed.suite()))
    };
    // A level of a tree takes a byte of text at least.
    if piece.len() > SHALLOW as usize { on_big_stack(parsed) } else { parsed() }
}

fn class_of(error: &ParseError) -> &'static str {
    match &error.error {
        ParseErrorType::UnexpectedIndentation | ParseErrorType::Lexical(LexicalErrorType::IndentationError) => {
            "indentation"
        }
        ParseErrorType::OtherError(message) if message.starts_with("Expected an indented block") => "indentation",
        ParseErrorType::InvalidAssignmentTarget
        | ParseErrorType::InvalidNamedAssignmentTarget
        | ParseErrorType::InvalidAnnotatedAssignmentTarget
        | ParseErrorType::InvalidAugmentedAssignmentTarget
        | ParseErrorType::InvalidDeleteTarget
        | ParseErrorType::IterableUnpackingInComprehension => "target",
        _ => "syntax",
    }
}

/// A parameter or keyword argument that stands twice, which CPython's compiler refuses: the first, by place. Works off
/// a list: does not recurse by depth of the tree.
fn duplicate(body: &[Stmt]) -> Option<(usize, String)> {
    let mut first: Option<&ast::Identifier> = None;
    let mut todo: Vec<Node<'_>> = body.iter().map(Node::Stmt).collect();
    while let Some(node) = todo.pop() {
        let found = match node {
            Node::Stmt(Stmt::FunctionDef(s)) => twice(s.parameters.iter().map(|param| &param.as_parameter().name)),
            Node::Expr(Expr::Lambda(e)) => {
                twice(e.parameters.iter().flat_map(|list| list.iter()).map(|param| &param.as_parameter().name))
            }
            Node::Stmt(Stmt::ClassDef(s)) => twice(s.arguments.iter().flat_map(|list| keywords(list))),
            Node::Expr(Expr::Call(e)) => twice(keywords(&e.arguments)),
            _ => None,
        };
        first = match (first, found) {
            (Some(one), Some(two)) if two.start() < one.start() => Some(two),
            (one, two) => one.or(two),
        };
        children(node, &mut |child| todo.push(child));
    }
    first.map(|name| (name.start().into(), format!("`{}` is given twice", name.id)))
}

fn keywords(arguments: &ast::Arguments) -> impl Iterator<Item = &ast::Identifier> {
    arguments.keywords.iter().filter_map(|keyword| keyword.arg.as_ref())
}

/// The first name of a list that stood in it before.
fn twice<'a>(names: impl Iterator<Item = &'a ast::Identifier>) -> Option<&'a ast::Identifier> {
    // Most lists are short: a set pays from some length on.
    const SHORT: usize = 16;
    let mut seen: Vec<&str> = Vec::new();
    let mut set: FxHashSet<&str> = FxHashSet::default();
    for name in names {
        if seen.len() == SHORT && set.is_empty() {
            set.extend(&seen);
        }
        let again = if set.is_empty() { seen.contains(&name.as_str()) } else { !set.insert(name) };
        if again {
            return Some(name);
        }
        if set.is_empty() {
            seen.push(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(code: &str) -> String {
        match check(code) {
            Syntax::Valid => "valid".to_owned(),
            Syntax::Newer => "newer".to_owned(),
            Syntax::Invalid(SyntaxError { line, column, class, .. }) => format!("{class} {line}:{column}"),
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
        assert_eq!(verdict("class A[T: int]: pass\ntype X = int\n"), "newer");
        assert_eq!(verdict("try: pass\nexcept A, B: pass"), "syntax 2:8");
        assert_eq!(verdict("x = t'{a}'").split(' ').next(), Some("syntax"));
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
