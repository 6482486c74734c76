//! Code with its names and literals taken out, so that a renamed copy of a text has the tokens of the text.
//!
//! One file because it is one automaton over tokens: what a token means is known only from all the others.
//!
//! A name that the text binds becomes a number, counted by first use; a literal becomes its kind; all else stays. What
//! is bound is told from the tokens of [`lexer`] alone: line ends, brackets, and a few keywords. So any text is taken,
//! one that does not parse too, in time linear in its length; where statements follow each other without a line end
//! between them, as in samples whose line ends were lost, a name directly after an operand starts a statement.
//!
//! | bound | not bound |
//! | --- | --- |
//! | names of classes and functions, parameters, also of `lambda` | `construct`, `setup`, `tear_down`, `__x__` |
//! | targets of `=`, `:=`, `for`, `as`; annotated names | the bases of `a.b = c` and `a[b] = c`; targets of `+=` |
//! | captures of `case`, unless a bracket starts the pattern | what is imported without `as` |
//! | attributes that are set on `self` or `cls`, names set in the body of a class | `self`, `cls`, other attributes |
//!
//! A bound name is numbered wherever it stands on its own. After a dot, a name is numbered only where it is that of a
//! function, or of an attribute that is bound. Before the `=` of an argument, it is numbered only where a function of
//! the text is called and some function of the text has such a parameter, or a class of the text is called and some
//! `__init__` has such a parameter or some class body sets the name. Names and attributes are counted apart, so that
//! `self.dot = dot` and `self.dot = point` are the same. A name is one name in the whole text: scopes are not told
//! apart. What a text only uses keeps its spelling, and with it all that Manim and Python offer.
//!
//! A name that only one of two texts binds shifts the numbers of all later ones, so a copy with a change at its start
//! is less like its original here than it is by plain tokens: this finds copies that plain tokens miss, not all that
//! they find.

use rustc_hash::FxHashMap;

use super::lexer::{self, TokenKind};
use super::shingles::Shingles;

/// Raised whenever the renamed tokens of some text may differ.
pub const VERSION: u32 = 1;

/// Fewest tokens of a sample that takes part.
///
/// Short scenes have few shapes. Among the samples of ManimBench, the longest two that are alike by their renamed
/// tokens (Jaccard of 0.85 or more) and yet show unlike things have 104 tokens each; of that length, one call more or
/// less does not tell them apart. This is the next round number, and ten more.
pub const FLOOR: usize = 120;

/// Fewest names that keep their spelling, each counted once, of a sample that takes part.
///
/// Length alone is no ground: scenes that write one formula and one line of text after another are alike however long
/// they are, for all that tells them apart is in their strings. They get by with few names of Manim. Among 5,409
/// samples of thirteen sets, no two unlike scenes of at least [`FLOOR`] tokens are alike where both have more than 14;
/// from there on all pairs are copies, share most of their text, or fill in one template.
pub const WORD_FLOOR: usize = 16;

/// What stands for a number literal.
const NUMBER: &str = "\u{1}number";
/// What stands for a string literal.
const STRING: &str = "\u{1}string";
/// What stands for a string literal with values in it.
const FORMATTED: &str = "\u{1}formatted";
/// What stands for a literal of bytes.
const BYTES: &str = "\u{1}bytes";

/// The shingles of code in its renamed form; none where it is too short, or uses too few names, to take part.
pub fn shingles(code: &str) -> Shingles {
    let renamed = Renamed::of(code);
    if renamed.takes_part() { Shingles::of_tokens(renamed.tokens()) } else { Shingles::default() }
}

/// The tokens of a text in their renamed form.
#[derive(Clone, Debug)]
pub struct Renamed<'a> {
    pieces: Vec<Piece<'a>>,
    /// The spellings of all numbered names, one after the other.
    spellings: String,
    /// Where each of them ends.
    ends: Vec<usize>,
    kept_words: usize,
}

impl<'a> Renamed<'a> {
    /// Renames code; linear in its length.
    pub fn of(code: &'a str) -> Self {
        let mut words = Words::default();
        let mut pieces = words.pieces(code);
        Binder { pieces: &mut pieces, words: &mut words.list, open: Vec::new(), brackets: 0 }.run();
        let mut renamed = Renamed { pieces, spellings: String::new(), ends: Vec::new(), kept_words: 0 };
        renamed.number(&mut words.list);
        renamed
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many names keep their spelling, each counted once, imports and keywords apart: what the text uses of Manim.
    pub fn kept_words(&self) -> usize {
        self.kept_words
    }

    /// Whether it reaches [`FLOOR`] and [`WORD_FLOOR`].
    pub fn takes_part(&self) -> bool {
        self.len() >= FLOOR && self.kept_words >= WORD_FLOOR
    }

    /// The renamed tokens, in order.
    ///
    /// A name that is bound is `n1`, `n2` ..., an attribute `a1`, `a2` ..., by first use; a literal is `number`,
    /// `string`, `formatted` (with values in it) or `bytes`. A character U+0001 comes before each of these; in code
    /// it is a token of its own, so that no token is spelled like them. All other tokens are as they are.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().map(|piece| match piece.shown {
            0 => piece.text,
            shown => {
                let at = shown as usize - 1;
                &self.spellings[at.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[at]]
            }
        })
    }

    /// Numbers what is bound, by first use.
    fn number(&mut self, words: &mut [Word]) {
        let (mut names, mut attributes) = (0u32, 0u32);
        for at in 0..self.pieces.len() {
            let piece = self.pieces[at];
            if piece.mark != NAME {
                continue;
            }
            let flags = words[piece.word as usize].flags;
            let (is_bound, is_attribute) = match piece.role {
                Role::Kept => (false, false),
                Role::Name => (flags & BOUND != 0, false),
                Role::Attribute => (flags & ATTRIBUTE != 0, true),
                Role::Argument(callee) => {
                    let callee = self.pieces[callee as usize];
                    let callee = if callee.mark == NAME { words[callee.word as usize].flags } else { 0 };
                    let is_own = callee & FUNCTION != 0 && flags & PARAMETER != 0;
                    (is_own || callee & CLASS != 0 && flags & FIELD != 0, false)
                }
            };
            let word = &mut words[piece.word as usize];
            if !is_bound {
                if word.flags & KEPT == 0 && word.kind == WordKind::Free && piece.role != Role::Kept {
                    word.flags |= KEPT;
                    self.kept_words += 1;
                }
                continue;
            }
            let (shown, count, letter) = if is_attribute {
                (&mut word.shown_attribute, &mut attributes, 'a')
            } else {
                (&mut word.shown_name, &mut names, 'n')
            };
            if *shown == 0 {
                *count += 1;
                self.spellings.extend(['\u{1}', letter]);
                push_number(&mut self.spellings, *count);
                self.ends.push(self.spellings.len());
                *shown = self.ends.len() as u32;
            }
            self.pieces[at].shown = *shown;
        }
    }
}

/// Writes a number in decimal digits.
fn push_number(to: &mut String, number: u32) {
    if number >= 10 {
        push_number(to, number / 10);
    }
    to.push(char::from(b'0' + (number % 10) as u8));
}

/// What a name token is in the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A part of an import, a keyword: never renamed.
    Kept,
    /// A name that stands on its own.
    Name,
    /// A name after a dot.
    Attribute,
    /// The name of an argument, with the place of the last token of what is called.
    Argument(u32),
}

/// A token, and what is found out about it.
#[derive(Clone, Copy, Debug)]
struct Piece<'a> {
    /// Its text; of a literal its kind.
    text: &'a str,
    /// The place of a name among the words.
    word: u32,
    /// How far its line is indented where it is the first of a line; else [`INSIDE`].
    column: u32,
    /// The place of the spelling of a numbered name, from 1; 0 for what keeps its text.
    shown: u32,
    /// What it is: an operator of one byte as that byte, or one of the marks below.
    mark: u8,
    /// What it is in the grammar, of a name.
    role: Role,
}

/// A column of a token that is not the first of its line.
const INSIDE: u32 = u32::MAX;
/// Mark of a name or a keyword.
const NAME: u8 = b'n';
/// Mark of a number or a string.
const LITERAL: u8 = b'l';
/// Mark of `**`.
const POWER: u8 = b'p';
/// Mark of `:=`.
const WALRUS: u8 = b'w';
/// Mark of all other tokens.
const ELSE: u8 = b'e';

/// A spelling of names, and how the text uses it.
#[derive(Clone, Copy, Debug)]
struct Word {
    kind: WordKind,
    /// A union of the flags below.
    flags: u8,
    shown_name: u32,
    shown_attribute: u32,
}

/// Flag of a word that is bound as a name.
const BOUND: u8 = 1;
/// Flag of a word that is bound as an attribute or a function.
const ATTRIBUTE: u8 = 2;
/// Flag of a word that is a parameter of a function, `__init__` apart.
const PARAMETER: u8 = 4;
/// Flag of a word that is a parameter of an `__init__`, or that a class body assigns.
const FIELD: u8 = 8;
/// Flag of a word that names a function.
const FUNCTION: u8 = 16;
/// Flag of a word that names a class.
const CLASS: u8 = 32;
/// Flag of a word that keeps its spelling somewhere.
const KEPT: u8 = 64;

/// The kinds of words that the grammar needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WordKind {
    /// A name that may be bound.
    Free,
    /// A name that Manim or Python calls: never bound.
    Fixed,
    /// `self` or `cls`: never bound, but has attributes.
    Receiver,
    /// `True`, `False`, `None`.
    Constant,
    /// A keyword within expressions: `and`, `or`, `not`, `is`, `await`, `yield`.
    Inner,
    /// A keyword that starts a statement without a block.
    Simple,
    /// `pass`, `break`, `continue`: the same, and nothing follows.
    Complete,
    /// A keyword that starts a statement with a block and is none of those below.
    Block,
    /// `def`.
    Def,
    /// `class`.
    Class,
    /// `async`.
    Async,
    /// `for`.
    For,
    /// `in`.
    In,
    /// `if`.
    If,
    /// `else`.
    Else,
    /// `as`.
    As,
    /// `lambda`.
    Lambda,
    /// `import`.
    Import,
    /// `from`.
    From,
    /// `raise`.
    Raise,
    /// `match`, a keyword where a statement starts with it and a subject follows.
    Match,
    /// `case`, likewise.
    Case,
}

impl WordKind {
    fn of(name: &str) -> WordKind {
        match name {
            "self" | "cls" => WordKind::Receiver,
            "construct" | "setup" | "tear_down" => WordKind::Fixed,
            "True" | "False" | "None" => WordKind::Constant,
            "and" | "or" | "not" | "is" | "await" | "yield" => WordKind::Inner,
            "return" | "del" | "global" | "nonlocal" | "assert" => WordKind::Simple,
            "pass" | "break" | "continue" => WordKind::Complete,
            "while" | "with" | "try" | "except" | "finally" | "elif" => WordKind::Block,
            "def" => WordKind::Def,
            "class" => WordKind::Class,
            "async" => WordKind::Async,
            "for" => WordKind::For,
            "in" => WordKind::In,
            "if" => WordKind::If,
            "else" => WordKind::Else,
            "as" => WordKind::As,
            "lambda" => WordKind::Lambda,
            "import" => WordKind::Import,
            "from" => WordKind::From,
            "raise" => WordKind::Raise,
            "match" => WordKind::Match,
            "case" => WordKind::Case,
            _ if name.len() > 4 && name.starts_with("__") && name.ends_with("__") => WordKind::Fixed,
            _ => WordKind::Free,
        }
    }

    /// Whether a word is a name, not a keyword.
    fn is_name(self) -> bool {
        matches!(self, WordKind::Free | WordKind::Fixed | WordKind::Receiver | WordKind::Match | WordKind::Case)
    }

    /// Whether an expression may end with it.
    fn is_operand(self) -> bool {
        self.is_name() || matches!(self, WordKind::Constant | WordKind::Complete)
    }

    /// Whether a statement starts with it wherever it stands, so that no bracket is open before it at a line's start.
    fn starts_statement(self) -> bool {
        matches!(
            self,
            WordKind::Simple
                | WordKind::Complete
                | WordKind::Block
                | WordKind::Def
                | WordKind::Class
                | WordKind::Raise
                | WordKind::Import
        )
    }

    /// Whether a statement that starts with it has a block after a colon.
    fn has_block(self) -> bool {
        matches!(
            self,
            WordKind::Block
                | WordKind::Def
                | WordKind::Class
                | WordKind::Async
                | WordKind::For
                | WordKind::If
                | WordKind::Else
        )
    }
}

/// The spellings of the names of a text.
#[derive(Default)]
struct Words<'a> {
    places: FxHashMap<&'a str, u32>,
    list: Vec<Word>,
}

impl<'a> Words<'a> {
    /// The tokens of a text, with literals as their kinds.
    fn pieces(&mut self, code: &'a str) -> Vec<Piece<'a>> {
        let mut pieces = Vec::with_capacity(code.len() / 4);
        let mut end = 0;
        for token in lexer::tokens(code) {
            let column = column(&code.as_bytes()[end..token.start], end == 0);
            end = token.end();
            let (mut text, mut word) = (token.text, 0);
            let mark = match token.kind {
                TokenKind::Name => {
                    let list = &mut self.list;
                    word = *self.places.entry(text).or_insert_with(|| {
                        list.push(Word { kind: WordKind::of(text), flags: 0, shown_name: 0, shown_attribute: 0 });
                        list.len() as u32 - 1
                    });
                    NAME
                }
                TokenKind::Number => {
                    text = NUMBER;
                    LITERAL
                }
                TokenKind::String => {
                    text = kind_of_string(text);
                    LITERAL
                }
                TokenKind::Operator => match text {
                    "**" => POWER,
                    ":=" => WALRUS,
                    _ if text.len() == 1 => text.as_bytes()[0],
                    _ => ELSE,
                },
                TokenKind::Other => ELSE,
            };
            pieces.push(Piece { text, word, column, shown: 0, mark, role: Role::Kept });
        }
        pieces
    }
}

/// The kind of a string literal, by its prefix.
fn kind_of_string(text: &str) -> &'static str {
    for byte in text.bytes().take(2) {
        match byte | 0x20 {
            b'f' | b't' => return FORMATTED,
            b'b' => return BYTES,
            b'r' | b'u' => {}
            _ => break,
        }
    }
    STRING
}

/// The column of a token after the bytes before it, where a line ends within them (or the text starts with them).
fn column(gap: &[u8], at_start: bool) -> u32 {
    let mut column = if at_start { 0 } else { INSIDE };
    if let [] | [b' '] = gap {
        return if at_start { gap.len() as u32 } else { INSIDE };
    }
    let mut at = 0;
    while at < gap.len() {
        match gap[at] {
            b'\n' | b'\r' => column = 0,
            b'#' => {
                while at + 1 < gap.len() && gap[at + 1] != b'\n' && gap[at + 1] != b'\r' {
                    at += 1;
                }
            }
            b'\\' => {
                at += if gap[at + 1..].starts_with(b"\r\n") { 2 } else { 1 };
            }
            _ if column != INSIDE => column = column.saturating_add(1).min(INSIDE - 1),
            _ => {}
        }
        at += 1;
    }
    column
}

/// What is open at a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    /// A bracket, with the place of the last token of what is called where it is that of a call.
    Bracket(Option<u32>),
    /// The parameters of a `def`, with what flags they get.
    Parameters(u8),
    /// Those of a `lambda`.
    Lambda,
}

/// The statement that a token belongs to.
#[derive(Clone, Copy, Debug)]
struct Statement {
    /// The kind of its first word; that of a free name where it starts with something else.
    kind: WordKind,
    /// The place of its first token that may be a target; none after an annotation.
    target: Option<usize>,
    /// The column of its line.
    column: u32,
    /// Whether it stands in the body of a class.
    is_of_class: bool,
    /// Whether the names of an import follow.
    is_importing: bool,
}

/// Finds what a text binds, and what each of its names is.
struct Binder<'t, 'a> {
    pieces: &'t mut [Piece<'a>],
    words: &'t mut [Word],
    open: Vec<Open>,
    /// How many of `open` are brackets.
    brackets: usize,
}

impl Binder<'_, '_> {
    fn mark(&self, at: usize) -> u8 {
        self.pieces.get(at).map_or(0, |piece| piece.mark)
    }

    /// The mark of the token before one.
    fn mark_before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |before| self.mark(before))
    }

    /// The kind of the word at a place; none where no word is.
    fn kind(&self, at: usize) -> Option<WordKind> {
        let piece = self.pieces.get(at).filter(|piece| piece.mark == NAME)?;
        Some(self.words[piece.word as usize].kind)
    }

    fn kind_before(&self, at: usize) -> Option<WordKind> {
        self.kind(at.checked_sub(1)?)
    }

    fn bind(&mut self, at: usize, flags: u8) {
        let word = &mut self.words[self.pieces[at].word as usize];
        if matches!(word.kind, WordKind::Free | WordKind::Match | WordKind::Case) {
            word.flags |= flags;
        }
    }

    fn run(mut self) {
        // Headers of the blocks that a line stands in: column, and whether it is a class.
        let mut blocks: Vec<(u32, bool)> = Vec::new();
        let mut statement =
            Statement { kind: WordKind::Free, target: None, column: 0, is_of_class: false, is_importing: false };
        let mut after_header = false;
        for at in 0..self.pieces.len() {
            let piece = self.pieces[at];
            let kind = self.kind(at);
            let starts_line = piece.column != INSIDE;
            if starts_line && (self.brackets == 0 || kind.is_some_and(WordKind::starts_statement)) {
                self.open.clear();
                self.brackets = 0;
            }
            if self.open.is_empty() && (starts_line || after_header || self.starts_statement(at, statement)) {
                if starts_line {
                    while blocks.last().is_some_and(|(column, _)| *column >= piece.column) {
                        blocks.pop();
                    }
                }
                statement = Statement {
                    kind: self.kind_of_statement(at),
                    target: Some(at),
                    column: if starts_line { piece.column } else { statement.column },
                    is_of_class: blocks.last().is_some_and(|(_, is_class)| *is_class),
                    is_importing: kind == Some(WordKind::Import),
                };
            }
            after_header = false;
            match piece.mark {
                NAME => self.name(at, &mut statement),
                b'(' | b'[' | b'{' => {
                    let follows_def = self.kind_before(at.saturating_sub(1)) == Some(WordKind::Def);
                    self.open.push(if piece.mark == b'(' && follows_def {
                        let is_init = self.pieces[at - 1].text == "__init__";
                        Open::Parameters(BOUND | if is_init { FIELD } else { PARAMETER })
                    } else {
                        let is_call = piece.mark == b'(' && self.mark_before(at) == NAME;
                        Open::Bracket(is_call.then(|| at as u32 - 1))
                    });
                    self.brackets += 1;
                }
                b')' | b']' | b'}' => {
                    while self.open.pop() == Some(Open::Lambda) {}
                    self.brackets = self.brackets.saturating_sub(1);
                }
                b':' if self.open.last() == Some(&Open::Lambda) => {
                    self.open.pop();
                }
                b':' if self.open.is_empty() => {
                    if statement.kind.has_block() || matches!(statement.kind, WordKind::Match | WordKind::Case) {
                        blocks.push((statement.column, statement.kind == WordKind::Class));
                        after_header = true;
                    } else if let Some(from) = statement.target.take() {
                        self.bind_targets(from, at, statement.is_of_class);
                    }
                }
                b'=' if self.open.is_empty() => {
                    if let Some(from) = statement.target {
                        self.bind_targets(from, at, statement.is_of_class);
                        statement.target = Some(at + 1);
                    }
                }
                b';' if self.open.is_empty() => after_header = true,
                WALRUS if self.mark_before(at) == NAME => self.bind(at - 1, BOUND),
                _ => {}
            }
        }
    }

    /// Whether a token outside brackets that no line end comes before starts a statement.
    fn starts_statement(&self, at: usize, statement: Statement) -> bool {
        let Some(kind) = self.kind(at) else { return false };
        let before = self.kind_before(at);
        let follows_operand = match self.mark_before(at) {
            NAME => before.is_some_and(WordKind::is_operand),
            LITERAL | b')' | b']' | b'}' => true,
            b'*' => statement.is_importing,
            _ => false,
        };
        match kind {
            WordKind::Def | WordKind::For | WordKind::Block if before == Some(WordKind::Async) => false,
            WordKind::Import => statement.kind != WordKind::From || statement.is_importing,
            WordKind::From => follows_operand && statement.kind != WordKind::Raise,
            WordKind::Inner | WordKind::In | WordKind::If | WordKind::As => false,
            WordKind::Else => self.mark(at + 1) == b':',
            _ if kind.starts_statement() => true,
            _ => {
                // `match subject` and `case pattern` are one statement.
                let is_soft =
                    matches!(statement.kind, WordKind::Match | WordKind::Case) && statement.target == Some(at - 1);
                follows_operand && !is_soft
            }
        }
    }

    /// The kind of a statement that starts at a place.
    fn kind_of_statement(&self, at: usize) -> WordKind {
        match self.kind(at) {
            Some(kind @ (WordKind::Match | WordKind::Case)) => match self.mark(at + 1) {
                NAME if self.kind(at + 1).is_some_and(|next| next.is_operand() || next == WordKind::Lambda) => kind,
                LITERAL | b'{' => kind,
                _ => WordKind::Free,
            },
            Some(kind) => kind,
            None => WordKind::Free,
        }
    }

    /// Finds out what a name is, and binds it where it alone tells.
    fn name(&mut self, at: usize, statement: &mut Statement) {
        let Some(kind) = self.kind(at) else { return };
        let before = self.mark_before(at);
        match kind {
            WordKind::Lambda => self.open.push(Open::Lambda),
            WordKind::For => {
                let end = self.target_end(at + 1);
                self.bind_targets(at + 1, end, false);
            }
            WordKind::As => self.bind_alias(at + 1),
            WordKind::Import => statement.is_importing = true,
            WordKind::If if statement.kind == WordKind::Case => statement.kind = WordKind::Block,
            _ => {}
        }
        if !kind.is_name() {
            return;
        }
        let is_import = matches!(statement.kind, WordKind::Import | WordKind::From);
        if is_import && self.kind_before(at) != Some(WordKind::As) {
            return;
        }
        self.pieces[at].role = Role::Name;
        if before == b'.' {
            self.pieces[at].role = Role::Attribute;
            return;
        }
        match self.kind_before(at) {
            Some(WordKind::Def) => return self.bind(at, BOUND | ATTRIBUTE | FUNCTION),
            Some(WordKind::Class) => return self.bind(at, BOUND | CLASS),
            _ => {}
        }
        match self.open.last() {
            Some(Open::Parameters(flags)) if self.starts_item(at) => self.bind(at, *flags),
            Some(Open::Lambda) if self.starts_item(at) => self.bind(at, BOUND),
            Some(Open::Bracket(callee)) if self.mark(at + 1) == b'=' && matches!(before, b'(' | b',') => {
                self.pieces[at].role = callee.map_or(Role::Kept, Role::Argument);
            }
            _ if statement.kind == WordKind::Case
                && statement.target != Some(at)
                && !matches!(self.mark(at + 1), b'.' | b'(' | b'=') =>
            {
                self.bind(at, BOUND);
            }
            _ => {}
        }
    }

    /// Whether a name is the first of an item of a list of parameters, stars apart.
    fn starts_item(&self, at: usize) -> bool {
        let at = if matches!(self.mark_before(at), b'*' | POWER) { at - 1 } else { at };
        matches!(self.mark_before(at), b'(' | b',') || self.kind_before(at) == Some(WordKind::Lambda)
    }

    /// Where the targets end that start at a place: before the next keyword, colon, or bracket that is not theirs.
    fn target_end(&self, mut at: usize) -> usize {
        let mut depth = 0usize;
        loop {
            match self.mark(at) {
                0 | b':' | b'=' | b';' => return at,
                NAME if !self.kind(at).is_some_and(WordKind::is_name) => return at,
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' if depth == 0 => return at,
                b')' | b']' | b'}' => depth -= 1,
                _ => {}
            }
            at += 1;
        }
    }

    /// Binds what follows `as`: a name, an attribute, or a list in brackets.
    fn bind_alias(&mut self, from: usize) {
        let end = if matches!(self.mark(from), b'(' | b'[') {
            self.target_end(from)
        } else {
            let mut end = from + 1;
            while self.mark(end) == b'.' && self.kind(end + 1).is_some_and(WordKind::is_name) {
                end += 2;
            }
            end
        };
        self.bind_targets(from, end.min(self.pieces.len()), false);
    }

    /// Binds the targets in a range of tokens: names on their own, and attributes of `self`. What is read to find the
    /// place of a target binds nothing: the base and the index of `a[b]`, the base of `a.b`.
    fn bind_targets(&mut self, from: usize, to: usize, is_of_class: bool) {
        let mut at = from;
        while at < to {
            let follows_operand = at > from
                && match self.mark_before(at) {
                    NAME => true,
                    before => matches!(before, b')' | b']' | LITERAL),
                };
            match self.mark(at) {
                b'(' | b'[' if follows_operand => {
                    let mut depth = 0usize;
                    while at < to {
                        match self.mark(at) {
                            b'(' | b'[' | b'{' => depth += 1,
                            b')' | b']' | b'}' => depth -= 1,
                            _ => {}
                        }
                        if depth == 0 {
                            break;
                        }
                        at += 1;
                    }
                }
                NAME if at + 1 < to && matches!(self.mark(at + 1), b'.' | b'(' | b'[') => {}
                NAME if at > from && self.mark_before(at) == b'.' => {
                    let is_own = at >= from + 2
                        && self.kind(at - 2) == Some(WordKind::Receiver)
                        && (at == from + 2 || self.mark(at - 3) != b'.');
                    if is_own {
                        self.bind(at, ATTRIBUTE);
                    }
                }
                NAME => self.bind(at, if is_of_class { BOUND | ATTRIBUTE | FIELD } else { BOUND }),
                _ => {}
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests;
