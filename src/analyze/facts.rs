//! What one walk over a syntax tree keeps; the extractors read this and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::analyze::lexical::Words;
use crate::sample::Dialect;

/// What the parser says of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Python.
    Valid,
    /// Python 3.12 or later: valid too.
    Newer,
    /// Not Python.
    Invalid(SyntaxError),
}

/// Why a text is not Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line of the error, from 1.
    pub line: u32,
    /// Column of the error in characters, from 1.
    pub column: u32,
    /// Class of the error in a fixed word: `syntax`, `indentation`, `tabs`, `nul`, `too-deep`, `too-complex`, `too-large`, `target`.
    pub class: &'static str,
    /// The parser's message, first line.
    pub message: String,
}

impl Syntax {
    /// Whether Python (this or a newer one) accepts the text.
    pub fn is_valid(&self) -> bool {
        !matches!(self, Syntax::Invalid(_))
    }
}

/// A class statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassFact {
    /// Its name.
    pub name: String,
    /// Its bases as dotted names; an expression that is no dotted name is left out.
    pub bases: Vec<String>,
    /// Names of the functions defined in its body.
    pub methods: Vec<String>,
    /// Names assigned in its body (`CONFIG` of ManimGL among them).
    pub attributes: Vec<String>,
    /// Line of the statement, from 1.
    pub line: u32,
    /// Whether it is a Scene: a base ends in `Scene`, or is a class of the same text that is one.
    pub is_scene: bool,
    /// Whether it has a `construct` method of its own.
    pub has_construct: bool,
    /// Statements in the body of `construct`, a docstring and `pass` not counted; 0 without one.
    pub construct_statements: u32,
    /// Whether it stands at the top level of the text.
    pub top_level: bool,
}

/// An import as bound names: `import a.b as c` is (`a.b`, None, `c`), `from m import n as k` is (`m`, Some(`n`), `k`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportFact {
    /// Dotted module, with leading dots where relative.
    pub module: String,
    /// The imported name; `*` for a star import; none for `import m`.
    pub name: Option<String>,
    /// The name that it binds; empty for a star import.
    pub bound: String,
    /// Line, from 1.
    pub line: u32,
}

/// A call, by what is called.
#[derive(Clone, Debug, PartialEq)]
pub struct CallFact {
    /// Dotted name of what is called (`self.play`, `Circle`, `np.array`); for a call on something that has no dotted
    /// name, the last attribute with a leading dot (`.next_to`).
    pub name: String,
    /// Number of positional arguments.
    pub positional: u32,
    /// Keyword arguments: name and, where it is a literal or folds to a number, its value.
    pub keywords: Vec<(String, Option<f64>)>,
    /// First positional argument where it folds to a number.
    pub first_number: Option<f64>,
    /// First positional argument where it is a plain string literal.
    pub first_string: Option<String>,
    /// Line, from 1.
    pub line: u32,
    /// How many `for` or `while` statements of the same function (or comprehensions) surround it.
    pub loop_depth: u32,
    /// Product of the surrounding loops' iteration counts where all are known (`range(3)`, a literal list); `None` otherwise.
    pub repeats: Option<u64>,
    /// Function or method it stands in, dotted (`Intro.construct`); empty at the top level.
    pub within: Arc<str>,
    /// Whether it stands in a branch that may not be taken.
    pub conditional: bool,
    /// The Manim name that it calls, where it does: `Circle` for `m.Circle` after `import manim as m`.
    pub manim: Option<String>,
}

/// A call that takes time on the screen: `play`, `wait` and their kin.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeFact {
    /// What is called, last part: `play`, `wait`, `pause`, `move_camera`.
    pub what: String,
    /// Seconds of one call; where an expression could not be evaluated, what Manim takes by default.
    pub seconds: f64,
    /// Whether `seconds` is certain, and the call too (no `if` around it).
    pub exact: bool,
    /// Whether it stands in an `elif`, `else` or `except`, beside a branch that was counted.
    pub alternative: bool,
    /// Product of the surrounding loops' iteration counts; `None` where one is unknown.
    pub repeats: Option<u64>,
    /// Function or method it stands in, dotted.
    pub within: Arc<str>,
    /// Line, from 1.
    pub line: u32,
}

/// Everything that one walk keeps of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeFacts {
    /// The parser's verdict. What follows from the tree is empty unless it [is valid](Syntax::is_valid).
    pub syntax: Syntax,
    /// Lines of the text.
    pub lines: u32,
    /// Characters of the text.
    pub chars: u32,
    /// Lexical tokens, from our own lexer; known for any text.
    pub tokens: u32,
    /// Words of the text in lower case, names split into theirs, endings cut; in order, known for any text.
    pub words: Words,
    /// Nodes of the tree: statements, expressions, handlers, arguments, patterns.
    pub nodes: u32,
    /// Deepest nesting of statements and expressions.
    pub depth: u32,
    /// Cyclomatic complexity: 1 + decisions, summed over the text.
    pub cyclomatic: u32,
    /// Functions and methods defined, lambdas not counted.
    pub functions: u32,
    /// `for` and `while` statements, comprehensions.
    pub loops: u32,
    /// Classes, in order of appearance.
    pub classes: Vec<ClassFact>,
    /// Imports, in order of appearance.
    pub imports: Vec<ImportFact>,
    /// Calls, in order of appearance.
    pub calls: Vec<CallFact>,
    /// Dotted names that are read (longest form, `self.camera.frame`), with counts. Each call's name is in it too.
    pub reads: BTreeMap<String, u32>,
    /// Names bound anywhere (assignment, import, def, class, for, with, except, walrus, arguments), with counts.
    pub bound: BTreeMap<String, u32>,
    /// Names of methods called on anything (`shift`, `next_to`, `animate`): every attribute that is read or called, with counts.
    pub attributes: BTreeMap<String, u32>,
    /// String literals (docstrings and the constant parts of f-strings too), in order, each cut to 2,000 characters for memory's sake.
    pub strings: Vec<String>,
    /// Attributes that are assigned on `self`, sorted.
    pub own_attributes: BTreeSet<String>,
    /// Number literals that are written in the code.
    pub numbers: u32,
    /// Names that are read but neither bound in the text, nor Python's own; `from x import *` is not resolved here.
    pub free_names: BTreeMap<String, u32>,
    /// Manim names that the text takes from the library (imports and aliases resolved, names of ManimGL too), with counts.
    pub manim: BTreeMap<String, u32>,
    /// Calls that take time on the screen, in order of appearance.
    pub times: Vec<TimeFact>,
    /// First line of the module's docstring or leading comment block, where there is one.
    pub leading_comment: Option<String>,
}

impl CodeFacts {
    /// The facts of a text of which only the verdict is known.
    pub fn without_tree(syntax: Syntax) -> Self {
        CodeFacts {
            syntax,
            lines: 0,
            chars: 0,
            tokens: 0,
            words: Words::default(),
            nodes: 0,
            depth: 0,
            cyclomatic: 0,
            functions: 0,
            loops: 0,
            classes: Vec::new(),
            imports: Vec::new(),
            calls: Vec::new(),
            reads: BTreeMap::new(),
            bound: BTreeMap::new(),
            attributes: BTreeMap::new(),
            strings: Vec::new(),
            own_attributes: BTreeSet::new(),
            numbers: 0,
            free_names: BTreeMap::new(),
            manim: BTreeMap::new(),
            times: Vec::new(),
            leading_comment: None,
        }
    }

    /// Whether there are facts from a tree.
    pub fn has_tree(&self) -> bool {
        self.syntax.is_valid()
    }

    /// The Scene classes.
    pub fn scenes(&self) -> impl Iterator<Item = &ClassFact> {
        self.classes.iter().filter(|class| class.is_scene)
    }
}

/// What else an extractor may look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The code.
    pub code: &'a str,
    /// The instruction, where there is one.
    pub instruction: Option<&'a str>,
    /// What the walk kept.
    pub facts: &'a CodeFacts,
    /// What the source's recipe says of the dialect, where it does (a repository whose helper re-exports `manimlib`).
    pub dialect_hint: Option<Dialect>,
    /// What the reader noticed: `asset:logo.png`, `unresolved:helper`.
    pub reader_issues: &'a [String],
}
