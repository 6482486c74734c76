//! Programs whose newlines and indentation were replaced by blanks.
//!
//! Where a statement ends, Python's grammar mostly says by itself: two operands with no operator between them belong to
//! two statements. How deep the next one stands it does not say, so only what has one sensible reading is laid out:
//! imports, classes at the margin, methods (whose first parameter is `self` or `cls`) in them, and simple statements in
//! the method before them. A text with a block whose end cannot be seen (`if`, `for`, `with`, .. or a nested function),
//! a decorator, a comment, or a statement that does nothing is left as it is.

use super::{CleanContext, Cleaner, Example, parses};
use crate::similarity::lexer::{Token, TokenKind, tokens};

/// See [`Cleaner::doc`].
pub(super) static CLEANER: Cleaner = Cleaner {
    name: "single-line-expanded",
    doc: "Lays a program on one line out again, where grammar and the first parameter `self` leave one way to do it.",
    exact: false,
    instructions: false,
    examples: &[
        Example {
            before: "from manim import * class A(Scene): def construct(self): c = Circle(radius=2) self.add(c)",
            after: Some(
                "from manim import *\nclass A(Scene):\n    def construct(self):\n        c = Circle(radius=2)\n        self.add(c)\n",
            ),
        },
        Example {
            before: "import a, b.c as d class A(Scene): k = 1 def f(self, x): return x * 2 def g(self): pass",
            after: Some(
                "import a, b.c as d\nclass A(Scene):\n    k = 1\n    def f(self, x):\n        return x * 2\n    def g(self):\n        pass\n",
            ),
        },
        Example {
            before: "class A(S): def f(self): \"Says it.\" x = 1 if self.a else -2 self.y = lambda t: t not in x self.z[0] = \"a\" \"b\"",
            after: Some(
                "class A(S):\n    def f(self):\n        \"Says it.\"\n        x = 1 if self.a else -2\n        self.y = lambda t: t not in x\n        self.z[0] = \"a\" \"b\"\n",
            ),
        },
        Example { before: "class A(S): def f(self): for x in y: self.add(x) self.wait()", after: None },
        Example { before: "class A(S): def f(self): return 1 x = 2", after: None },
        Example { before: "class A(S): def f(self): print x", after: None },
        Example { before: "class A(S): def f(self): x = 1 # one self.add(x)", after: None },
        Example { before: "class A(S): def f(self): x = 1 A().render()", after: None },
        Example { before: "x = 1; y = 2", after: None },
    ],
    apply,
};

fn apply(code: &str, _: &CleanContext) -> Option<String> {
    let line = code.trim();
    if line.contains('\n') || !line.contains(' ') || parses(code) {
        return None;
    }
    let list: Vec<Token<'_>> = tokens(line).collect();
    if list.iter().any(|token| token.kind == TokenKind::Other) {
        return None;
    }
    let mut end = 0;
    for token in &list {
        // Between tokens stand blanks only: a comment has no end here, a continuation no meaning.
        if !line[end..token.start].bytes().all(|byte| byte == b' ' || byte == b'\t') {
            return None;
        }
        end = token.end();
    }
    if end != line.len() {
        return None;
    }
    Layout { line, list: &list, at: 0 }.lay_out()
}

/// What a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Class,
    /// A function; whether its first parameter is `self` or `cls`.
    Function {
        method: bool,
    },
    Import,
    /// `return`, `raise`, `pass`, `break`, `continue`: nothing follows in the same block.
    Last,
    /// A string by itself.
    Text,
    Simple,
}

/// The block that statements go into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Module,
    Class,
    Method,
    Function,
}

impl Block {
    fn depth(self) -> usize {
        match self {
            Block::Module => 0,
            Block::Class | Block::Function => 1,
            Block::Method => 2,
        }
    }
}

struct Layout<'a> {
    line: &'a str,
    list: &'a [Token<'a>],
    at: usize,
}

/// Keywords that cannot stand inside an expression at its top level, so that they start a statement.
const STARTERS: &[&str] = &[
    "class", "def", "async", "from", "import", "return", "raise", "pass", "break", "continue", "global", "nonlocal",
    "del", "assert", "for", "while", "with", "try", "except", "finally", "elif",
];

/// Keywords that are no operand.
const NO_OPERANDS: &[&str] = &["and", "or", "in", "is", "if", "else", "as"];

impl<'a> Layout<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.list.get(self.at).map(|token| token.text)
    }

    fn is_name(&self) -> bool {
        self.list.get(self.at).is_some_and(|token| token.kind == TokenKind::Name)
            && self.peek().is_some_and(|text| !STARTERS.contains(&text) && !NO_OPERANDS.contains(&text))
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.peek() == Some(text);
        self.at += usize::from(found);
        found
    }

    fn name(&mut self) -> Option<&'a str> {
        if !self.is_name() {
            return None;
        }
        let text = self.peek();
        self.at += 1;
        text
    }

    fn lay_out(mut self) -> Option<String> {
        let mut text = String::with_capacity(self.line.len() * 2);
        let mut block = Block::Module;
        // Whether the block has a statement, and whether one that nothing can follow.
        let (mut filled, mut closed) = (true, false);
        let mut class: Option<&str> = None;
        while self.at < self.list.len() {
            let first = self.at;
            let kind = self.statement()?;
            let from = self.list[first].start;
            let to = self.list[self.at - 1].end();
            let depth = match kind {
                Kind::Class if filled => {
                    class = Some(self.list[first + 1].text);
                    block = Block::Class;
                    filled = false;
                    closed = false;
                    0
                }
                Kind::Function { method: true } if class.is_some() && (filled || block == Block::Class) => {
                    block = Block::Method;
                    filled = false;
                    closed = false;
                    1
                }
                Kind::Function { method: false } if block == Block::Module => {
                    block = Block::Function;
                    filled = false;
                    0
                }
                Kind::Class | Kind::Function { .. } => return None,
                Kind::Import if block != Block::Module => return None,
                Kind::Text if filled && first > 0 => return None,
                _ if closed => return None,
                _ => {
                    let own = class.is_some_and(|class| block == Block::Method && self.names(class, first));
                    if own {
                        return None;
                    }
                    filled = true;
                    closed = kind == Kind::Last;
                    block.depth()
                }
            };
            text.extend(std::iter::repeat_n("    ", depth));
            text.push_str(&self.line[from..to]);
            text.push('\n');
        }
        filled.then_some(text)
    }

    /// Whether a statement names the class that it would stand in, other than in `super(A, self)`.
    fn names(&self, class: &str, first: usize) -> bool {
        (first..self.at).any(|index| {
            let before = |back: usize| index.checked_sub(back).and_then(|at| self.list.get(at)).map(|token| token.text);
            self.list[index].kind == TokenKind::Name
                && self.list[index].text == class
                && before(1) != Some(".")
                && !(before(1) == Some("(") && before(2) == Some("super"))
        })
    }

    /// Takes one statement; for a class or function only its header.
    fn statement(&mut self) -> Option<Kind> {
        let start = self.at;
        match self.peek()? {
            "class" => {
                self.at += 1;
                self.name()?;
                if self.peek() == Some("(") {
                    self.brackets()?;
                }
                self.take(":").then_some(Kind::Class)
            }
            "def" => {
                self.at += 1;
                self.name()?;
                let inside = self.at + 1;
                if self.peek() != Some("(") {
                    return None;
                }
                self.brackets()?;
                if self.take("->") {
                    self.expression(false)?;
                }
                let method = matches!(self.list[inside].text, "self" | "cls");
                self.take(":").then_some(Kind::Function { method })
            }
            "import" => {
                self.at += 1;
                self.imported(true)?;
                Some(Kind::Import)
            }
            "from" => {
                self.at += 1;
                while self.take(".") || self.take("...") {}
                if self.peek() != Some("import") {
                    self.dotted()?;
                }
                if !self.take("import") {
                    return None;
                }
                if self.take("*") {
                    return Some(Kind::Import);
                }
                if self.peek() == Some("(") {
                    self.brackets()?;
                } else {
                    self.imported(false)?;
                }
                Some(Kind::Import)
            }
            "pass" | "break" | "continue" => {
                self.at += 1;
                self.take(";");
                Some(Kind::Last)
            }
            "return" | "raise" => {
                self.at += 1;
                let bare = self.peek().is_none_or(|next| STARTERS.contains(&next) || next == ";");
                if !bare {
                    self.expression(true)?;
                    if self.take("from") {
                        self.expression(true)?;
                    }
                }
                self.take(";");
                Some(Kind::Last)
            }
            "global" | "nonlocal" => {
                self.at += 1;
                self.name()?;
                while self.take(",") {
                    self.name()?;
                }
                self.take(";");
                Some(Kind::Simple)
            }
            "del" | "assert" => {
                self.at += 1;
                self.expression(true)?;
                self.take(";");
                Some(Kind::Simple)
            }
            word if STARTERS.contains(&word) || word == "if" || word == "else" => None,
            _ => {
                self.expression(true)?;
                let end = self.at;
                self.take(";");
                self.purpose(start, end)
            }
        }
    }

    /// What an expression statement is for; none where it does nothing, which means that it was cut wrongly.
    fn purpose(&self, start: usize, end: usize) -> Option<Kind> {
        let statement = &self.list[start..end];
        if statement.iter().all(|token| token.kind == TokenKind::String) {
            return Some(Kind::Text);
        }
        let assigns = |token: &Token<'_>| {
            let text = token.text;
            token.kind == TokenKind::Operator
                && text.ends_with('=')
                && !matches!(text, "==" | "!=" | "<=" | ">=" | ":=")
        };
        let mut depth = 0i32;
        for token in statement {
            match token.text {
                "(" | "[" | "{" if token.kind == TokenKind::Operator => depth += 1,
                ")" | "]" | "}" if token.kind == TokenKind::Operator => depth -= 1,
                // An annotation without a value (`x: int`) does something too.
                ":" if depth == 0 && token.kind == TokenKind::Operator => return Some(Kind::Simple),
                _ if depth == 0 && assigns(token) => return Some(Kind::Simple),
                _ => {}
            }
        }
        let first = statement.first()?.text;
        let calls = statement.last()?.text == ")" && first != "(";
        (calls || matches!(first, "yield" | "await" | "...")).then_some(Kind::Simple)
    }

    fn dotted(&mut self) -> Option<()> {
        self.name()?;
        while self.take(".") {
            self.name()?;
        }
        Some(())
    }

    fn imported(&mut self, dotted: bool) -> Option<()> {
        loop {
            if dotted {
                self.dotted()?;
            } else {
                self.name()?;
            }
            if self.take("as") {
                self.name()?;
            }
            if !self.take(",") {
                self.take(";");
                return Some(());
            }
        }
    }

    /// Takes a bracket with what is in it.
    fn brackets(&mut self) -> Option<()> {
        let mut depth = 0usize;
        while let Some(token) = self.list.get(self.at) {
            self.at += 1;
            if token.kind == TokenKind::Operator {
                match token.text {
                    "(" | "[" | "{" => depth += 1,
                    ")" | "]" | "}" => depth = depth.checked_sub(1)?,
                    _ => {}
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
        None
    }

    /// Takes an expression, or with `statement` everything of a simple statement: assignments and one annotation too.
    /// It ends where an operand follows an operand.
    fn expression(&mut self, statement: bool) -> Option<()> {
        let mut ternaries = 0usize;
        let mut annotated = false;
        loop {
            self.operand()?;
            let Some(token) = self.list.get(self.at) else { return Some(()) };
            match token.text {
                "and" | "or" | "in" => self.at += 1,
                "is" => {
                    self.at += 1;
                    self.take("not");
                }
                "not" if self.list.get(self.at + 1).is_some_and(|next| next.text == "in") => self.at += 2,
                "if" => {
                    // A colon before an `else` makes it a statement, whose block has no end to be seen.
                    if !self.ternary_ahead() {
                        return None;
                    }
                    ternaries += 1;
                    self.at += 1;
                }
                "else" if ternaries > 0 => {
                    ternaries -= 1;
                    self.at += 1;
                }
                ":" if statement && !annotated => {
                    annotated = true;
                    self.at += 1;
                }
                "@" | ":" | "else" => return if statement { None } else { Some(()) },
                text if token.kind == TokenKind::Operator && BINARY.contains(&text) => self.at += 1,
                text if statement && token.kind == TokenKind::Operator && ASSIGNING.contains(&text) => self.at += 1,
                ";" => return (ternaries == 0).then_some(()),
                text if token.kind == TokenKind::Operator && !matches!(text, "{" | "...") => return None,
                _ => return (ternaries == 0).then_some(()),
            }
        }
    }

    fn ternary_ahead(&self) -> bool {
        let mut depth = 0i32;
        let mut lambdas = 0;
        for token in &self.list[self.at + 1..] {
            match token.text {
                "(" | "[" | "{" if token.kind == TokenKind::Operator => depth += 1,
                ")" | "]" | "}" if token.kind == TokenKind::Operator => depth -= 1,
                "lambda" if depth == 0 => lambdas += 1,
                ":" if depth == 0 && lambdas > 0 => lambdas -= 1,
                ":" if depth == 0 => return false,
                "else" if depth == 0 => return true,
                text if depth == 0 && STARTERS.contains(&text) => return false,
                _ => {}
            }
        }
        false
    }

    /// Takes an operand with what stands before it (signs, `not`, `lambda x:`) and behind it (calls, attributes).
    fn operand(&mut self) -> Option<()> {
        loop {
            match self.peek()? {
                "+" | "-" | "~" | "*" | "**" | "not" | "await" => self.at += 1,
                "yield" => {
                    self.at += 1;
                    self.take("from");
                }
                "lambda" => {
                    self.at += 1;
                    let mut depth = 0i32;
                    loop {
                        match self.peek()? {
                            "(" | "[" | "{" => depth += 1,
                            ")" | "]" | "}" => depth -= 1,
                            ":" if depth == 0 => break,
                            _ => {}
                        }
                        self.at += 1;
                    }
                    self.at += 1;
                }
                _ => break,
            }
        }
        let token = self.list.get(self.at)?;
        match token.kind {
            TokenKind::Name if self.is_name() => self.at += 1,
            TokenKind::Number => self.at += 1,
            TokenKind::String => {
                while self.list.get(self.at).is_some_and(|token| token.kind == TokenKind::String) {
                    self.at += 1;
                }
            }
            TokenKind::Operator if token.text == "..." => self.at += 1,
            TokenKind::Operator if matches!(token.text, "(" | "[" | "{") => self.brackets()?,
            _ => return None,
        }
        loop {
            match self.peek() {
                Some("(" | "[") => self.brackets()?,
                Some(".") => {
                    self.at += 1;
                    // After a dot a keyword cannot stand, and a name is an attribute whatever it is called.
                    self.name()?;
                }
                _ => return Some(()),
            }
        }
    }
}

const BINARY: &[&str] =
    &["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "<", ">", "<=", ">=", "==", "!=", ",", ":="];

const ASSIGNING: &[&str] = &["=", "+=", "-=", "*=", "/=", "//=", "%=", "**=", "<<=", ">>=", "&=", "|=", "^=", "@="];
