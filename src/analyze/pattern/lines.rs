//! Looking for a pattern line by line: an expression, a simple statement or the head of a compound one lies within one
//! logical line, so only the lines that hold the names of the pattern need parsing.
//!
//! Whatever is not plain is left to the tree of the whole text: the answer is the same, only later.

use memchr::memmem::Finder;
use ruff_python_ast::Stmt;
use rustc_hash::FxHashMap;

use super::anatomy::Part;
use super::is_rest;
use crate::analyze::parse::with_piece;
use crate::similarity::lexer::string_end;

/// How a pattern is looked for in lines.
#[derive(Clone, Debug)]
pub(super) struct LineSearch {
    sort: Sort,
    /// The name that is looked for first.
    first: Finder<'static>,
    others: Vec<Finder<'static>>,
}

/// What a pattern is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Expression,
    /// A statement without statements in it.
    Simple,
    /// A compound statement whose body may be anything; its keyword.
    Head(&'static str),
}

/// What a look at the lines tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Found,
    Absent,
    /// Only the tree of the whole text tells.
    Unclear,
}

/// Words that stand in most texts: other names are looked for before them.
const COMMON: &[&str] =
    &["self", "in", "for", "if", "def", "class", "import", "from", "and", "or", "not", "lambda", "play"];

impl LineSearch {
    /// How a pattern is looked for; none where lines do not tell.
    pub(super) fn of(body: &[Stmt], names: &[String]) -> Option<LineSearch> {
        let [stmt] = body else { return None };
        let sort = sort_of(stmt)?;
        if names.iter().any(|name| !name.is_ascii()) {
            return None;
        }
        let mut order: Vec<&String> = names.iter().collect();
        order.sort_by_key(|name| (COMMON.contains(&name.as_str()), std::cmp::Reverse(name.len())));
        let mut finders = order.into_iter().map(|name| Finder::new(name.as_bytes()).into_owned());
        let first = finders.next()?;
        Some(LineSearch { sort, first, others: finders.collect() })
    }

    /// Looks through the lines of a text that parses in Python 3.11; `is_in` tells whether statements hold the pattern.
    pub(super) fn look(&self, code: &str, seen: &mut SeenLines, is_in: &(dyn Fn(&[Stmt]) -> bool + Sync)) -> Verdict {
        let code = code.strip_prefix('\u{feff}').unwrap_or(code);
        let bytes = code.as_bytes();
        let mut lines = Lines { bytes, at: 0 };
        // Where there is none, lines only tell whether a name is there that the parser reads as this one.
        let next_from = |at: usize| match word_from(&self.first, bytes, at) {
            None if bytes[at..].is_ascii() => None,
            found => Some(found.unwrap_or(bytes.len())),
        };
        let Some(mut next) = next_from(0) else { return Verdict::Absent };
        // The column of a head that fits, as long as a clause of it may follow.
        let mut head: Option<usize> = None;
        let mut decorated = false;
        loop {
            let line = match lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => return if head.is_some() { Verdict::Found } else { Verdict::Absent },
                Err(Unclear) => return Verdict::Unclear,
            };
            let text = &code[line.start..line.end];
            if let Some(column) = head {
                match line.column {
                    None => return Verdict::Unclear,
                    Some(here) if here > column => continue,
                    Some(_) if matches!(first_word(text), "else" | "elif") => return Verdict::Unclear,
                    Some(_) => return Verdict::Found,
                }
            }
            let was_decorated = std::mem::replace(&mut decorated, text.starts_with('@'));
            if next < line.start {
                match next_from(line.start) {
                    Some(at) => next = at,
                    None => return Verdict::Absent,
                }
            }
            if next >= line.end {
                continue;
            }
            if self.others.iter().all(|name| word_from(name, text.as_bytes(), 0).is_some()) {
                match self.in_line(text, was_decorated, seen, is_in) {
                    Verdict::Absent => {}
                    Verdict::Found => match self.sort {
                        Sort::Head("for" | "while" | "if") if line.column.is_none() => return Verdict::Unclear,
                        Sort::Head("for" | "while" | "if") => head = line.column,
                        _ => return Verdict::Found,
                    },
                    Verdict::Unclear => return Verdict::Unclear,
                }
            }
            match next_from(line.end) {
                Some(at) => next = at,
                None if head.is_some() => {}
                None => return Verdict::Absent,
            }
        }
    }

    fn in_line(
        &self,
        text: &str,
        decorated: bool,
        seen: &mut SeenLines,
        is_in: &(dyn Fn(&[Stmt]) -> bool + Sync),
    ) -> Verdict {
        let word = first_word(text);
        let is_head = text.ends_with(':');
        match self.sort {
            Sort::Expression => {}
            Sort::Simple if is_head || text.starts_with('@') => return Verdict::Absent,
            Sort::Simple => {}
            Sort::Head(keyword) if word != keyword => return Verdict::Absent,
            // What has decorators is another thing than what has none.
            Sort::Head("def" | "class") if decorated => return Verdict::Absent,
            Sort::Head(_) => {}
        }
        if let Some(known) = seen.told.get(text) {
            return *known;
        }
        let snippet = &mut seen.snippet;
        snippet.clear();
        match word {
            // Names in most places, keywords where a tree says so.
            "match" | "case" | "type" => return Verdict::Unclear,
            "elif" => snippet.push_str(&text[2..]),
            "else" | "try" | "finally" => {
                match text[word.len()..].trim_start().strip_prefix(':').map(str::trim_start) {
                    None => return Verdict::Unclear,
                    Some("") => return Verdict::Absent,
                    Some(rest) => snippet.push_str(rest),
                }
            }
            "except" => {
                snippet.push_str("try: pass\n");
                snippet.push_str(text);
            }
            _ => snippet.push_str(text),
        }
        if is_head {
            snippet.push_str(" pass");
        } else if text.starts_with('@') {
            snippet.push_str("\ndef _(): pass");
        }
        let verdict = match with_piece(snippet, is_in) {
            Some(true) => Verdict::Found,
            Some(false) => Verdict::Absent,
            None => Verdict::Unclear,
        };
        if text.len() <= SeenLines::LONGEST && seen.told.len() < SeenLines::MOST {
            seen.told.insert(text.into(), verdict);
        }
        verdict
    }
}

/// What the lines of texts told of one pattern: many lines stand in many texts.
#[derive(Debug, Default)]
pub struct SeenLines {
    told: FxHashMap<Box<str>, Verdict>,
    snippet: String,
}

impl SeenLines {
    /// Longest line that is kept, in bytes.
    const LONGEST: usize = 160;
    /// Most lines that are kept: some 3 MB.
    const MOST: usize = 1 << 15;
}

/// What a pattern of one statement is; none where lines do not tell whether it is there.
fn sort_of(stmt: &Stmt) -> Option<Sort> {
    let open = |body: &[Stmt]| matches!(body, [one] if is_rest(Part::Stmt(one)));
    match stmt {
        Stmt::Expr(_) => Some(Sort::Expression),
        // It is what is put behind heads that are parsed by themselves.
        Stmt::Pass(_) | Stmt::IpyEscapeCommand(_) | Stmt::Try(_) | Stmt::Match(_) => None,
        // Of `async` the first word does not say what it is of.
        Stmt::For(s) if s.is_async => None,
        Stmt::With(s) if s.is_async => None,
        Stmt::FunctionDef(s) if s.is_async => None,
        Stmt::For(s) if open(&s.body) && s.orelse.is_empty() => Some(Sort::Head("for")),
        Stmt::While(s) if open(&s.body) && s.orelse.is_empty() => Some(Sort::Head("while")),
        Stmt::If(s) if open(&s.body) && s.elif_else_clauses.is_empty() => Some(Sort::Head("if")),
        Stmt::With(s) if open(&s.body) => Some(Sort::Head("with")),
        Stmt::FunctionDef(s) if open(&s.body) && s.decorator_list.is_empty() => Some(Sort::Head("def")),
        Stmt::ClassDef(s) if open(&s.body) && s.decorator_list.is_empty() => Some(Sort::Head("class")),
        Stmt::For(_) | Stmt::While(_) | Stmt::If(_) | Stmt::With(_) | Stmt::FunctionDef(_) | Stmt::ClassDef(_) => None,
        // A type is one that a soft keyword makes.
        Stmt::TypeAlias(_) => None,
        _ => Some(Sort::Simple),
    }
}

fn first_word(text: &str) -> &str {
    let end = text.bytes().position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_').unwrap_or(text.len());
    &text[..end]
}

/// The first place from `from` on where a name stands as a word: not inside a longer one, though it may be glued to a
/// number (`0if x else y`). What is not ASCII parts words here, which finds more.
fn word_from(name: &Finder<'_>, bytes: &[u8], from: usize) -> Option<usize> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let length = name.needle().len();
    let mut at = from;
    while let Some(found) = name.find(&bytes[at..]) {
        let start = at + found;
        let before = bytes[..start].iter().rev().take_while(|byte| is_part(byte)).count();
        let inside = before > 0 && !bytes[start - before].is_ascii_digit();
        if !inside && !bytes.get(start + length).is_some_and(is_part) {
            return Some(start);
        }
        at = start + 1;
    }
    None
}

/// A logical line: from its first token to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    start: usize,
    end: usize,
    /// Blanks before it; none where they are not all blanks.
    column: Option<usize>,
}

/// Something that lines do not tell.
#[derive(Debug)]
struct Unclear;

/// The logical lines of a text.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

const PLAIN: u8 = 0;
const BLANK: u8 = 1;
const END: u8 = 2;
const QUOTE: u8 = 3;
const OPEN: u8 = 4;
const CLOSE: u8 = 5;
const HASH: u8 = 6;
const BACKSLASH: u8 = 7;
const HIGH: u8 = 8;

const CLASS: [u8; 256] = {
    let mut table = [PLAIN; 256];
    let mut byte = 0usize;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b' ' | b'\t' | 0x0c => BLANK,
            b'\n' | b'\r' => END,
            b'"' | b'\'' => QUOTE,
            b'(' | b'[' | b'{' => OPEN,
            b')' | b']' | b'}' => CLOSE,
            b'#' => HASH,
            b'\\' => BACKSLASH,
            0x80..=0xff => HIGH,
            _ => PLAIN,
        };
        byte += 1;
    }
    table
};

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Line>, Unclear> {
        let bytes = self.bytes;
        let mut at = self.at;
        // Blank lines, comments of their own, and the blanks before the first token.
        let mut physical = at;
        loop {
            match bytes.get(at).map(|byte| CLASS[*byte as usize]) {
                None => return Ok(None),
                Some(BLANK) => at += 1,
                Some(END) => {
                    at += 1;
                    physical = at;
                }
                Some(HASH) => at = comment_end(bytes, at),
                // A line that begins with a continuation has the column of that.
                Some(BACKSLASH | HIGH) => return Err(Unclear),
                Some(_) => break,
            }
        }
        let start = at;
        let column = bytes[physical..start].iter().all(|byte| *byte == b' ').then_some(start - physical);
        let (mut depth, mut end) = (0u32, start);
        while let Some(byte) = bytes.get(at) {
            match CLASS[*byte as usize] {
                PLAIN | BLANK => {
                    let from = at;
                    let rest = bytes[at..].iter().position(|byte| CLASS[*byte as usize] > BLANK);
                    at = rest.map_or(bytes.len(), |rest| at + rest);
                    let last = bytes[from..at].iter().rposition(|byte| CLASS[*byte as usize] == PLAIN);
                    end = last.map_or(end, |last| from + last + 1);
                }
                END if depth == 0 => break,
                END => at += 1,
                QUOTE => {
                    let closed = string_end(bytes, at).map_err(|_| Unclear)?;
                    // Names are normalised where they stand in the braces of an f-string.
                    let mut prefix =
                        bytes[start..at].iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).take(2);
                    if prefix.any(|byte| matches!(byte | 0x20, b'f' | b't')) && !bytes[at..closed].is_ascii() {
                        return Err(Unclear);
                    }
                    (at, end) = (closed, closed);
                }
                OPEN => {
                    depth += 1;
                    at += 1;
                    end = at;
                }
                CLOSE => {
                    depth = depth.checked_sub(1).ok_or(Unclear)?;
                    at += 1;
                    end = at;
                }
                HASH => at = comment_end(bytes, at),
                BACKSLASH => match (bytes.get(at + 1), bytes.get(at + 2)) {
                    (Some(b'\r'), Some(b'\n')) => at += 3,
                    (Some(b'\n' | b'\r'), _) => at += 2,
                    _ => return Err(Unclear),
                },
                // A name that may be another as the parser reads it.
                _ => return Err(Unclear),
            }
        }
        if depth > 0 {
            return Err(Unclear);
        }
        self.at = at;
        Ok(Some(Line { start, end, column }))
    }
}

fn comment_end(bytes: &[u8], at: usize) -> usize {
    memchr::memchr2(b'\n', b'\r', &bytes[at..]).map_or(bytes.len(), |found| at + found)
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;
    use super::*;
    use crate::analyze::facts::Syntax;
    use crate::analyze::parse::check;

    /// Codes with something in them that lines have to be careful about.
    const CODES: &[&str] = &[
        "self.play(Create(a))\n",
        "\u{feff}self.play(Create(a))",
        "class A(Scene):\n    def construct(self):\n        self.play(\n            Create(a),  # now\n        )\n        self.wait()\n",
        "if x: self.play(a); self.wait()\nelse: self.play(b)\n",
        "if x:\n    y\nelif self.play(a):\n    z\nelse:\n    self.wait()\n",
        "try:\n    a\nexcept self.play(a) as e:\n    b\nfinally: self.wait()\n",
        "try: self.play(a)\nexcept: pass\n",
        "text = f\"{self.x} é\"\n",
        "text = f\"{self.x}\"\n",
        "text = '''\nself.play(Create(a))\n'''\n",
        "text = f'''\n{self.play(Create(a))}\n'''\n",
        "x = 1 + \\\n    self.play(a)\n",
        "# self.play(Create(a))\nx = 1\n",
        "x = 1  # it's self.play(a)\nself.play(b)  # not Create(a)\n",
        "match self.play(a):\n    case Circle(x):\n        pass\n",
        "match x:\n    case Circle(): y\n",
        "case = Circle()\nmatch = case\n",
        "match x:\n    case {'a': self.x} if self.play(a): self.wait()\n",
        "@self.play(a)\n@b\ndef f(x=Circle()) -> self.x: return 1\n",
        "@a\nclass B(Scene): pass\n",
        "class B(Scene): pass\n",
        "for i in range(3):\n    a\nelse:\n    b\n",
        "for i in range(3):\n    a\n\n# else\nb\n",
        "def f():\n    for i in range(3):\n        a\n",
        "for i in range(3): a\nelse: b\n",
        "for i in range(3):\n    for j in range(4):\n        a\n    else:\n        b\nc\n",
        "for i in range(3):\n\ta\nelse:\n\tb\n",
        "if a:\n\tfor i in range(3):\n\t\ta\n\telse:\n\t\tb\n",
        "if a:\n    pass\nelif b:\n    x = 1\n",
        "while True:\n    x += 1\n",
        "with open(a) as b, c:\n    x = y\n",
        "async def f():\n    async with a as b:\n        await c\n    async for i in range(3): d\n",
        "x = 0if y else 2\nz = [i for i in range(3) if i]\n",
        "x = 0xfor 1\n",
        "ｓelf.play(a)  # self\n",
        "self.ｐlay(a)\nplay = 1\n",
        "play = 1\nself.ｐlay(a)\n",
        "replay = 1\nself.ｐlay(a)\n",
        "x = self.x  # é\ny = 'é'\n",
        "x = f'{ｓelf.play(a)}'\nself = play = 1\n",
        "Ж = self.play(a)\n",
        "x = lambda a, *b: a + a\n",
        "x: int = Circle()\nx = y = Circle()\ndel x, y\n",
        "global x\nimport numpy as np, os\nfrom a import (b,\n    c)\n",
        "return_ = 1\ndef f(): return self.x\n",
        "x = 1; pass; y = 2\n",
        "if passed: x\n",
        "passed = 1\n",
        "type X = int\n",
        "type(x).y = self.x\n",
        "\x0cself.play(a)\n",
        "x = (1,\n\n# comment\n'a' 'b', self.play(a))\rself.wait()\r\nx = 2",
        "print(\"é\", self.x)\n",
        "",
        "\\\nself.play(a)\n",
        "self.play(a) \\\n\n",
        "a = (self).play((Create(a)))\n",
    ];

    const PATTERNS: &[&str] = &[
        "self.play($$$)",
        "self.play(Create($A))",
        "Create($A)",
        "self.x",
        "self.wait()",
        "Circle($$$)",
        "$A = Circle($$$)",
        "$A = $F($$$)",
        "$A: int = $B",
        "$A += 1",
        "for $I in range($N): $$$",
        "for $I in range($N): a",
        "for $I in range($N):\n    $$$\nelse:\n    $$$",
        "while True: $$$",
        "if $A: $$$",
        "if $A: $$$\nelse: $$$",
        "with $A as $B, $C: $$$",
        "class $C(Scene): $$$",
        "@$D\nclass $C(Scene): $$$",
        "def construct(self): $$$",
        "def $F($$$): $$$",
        "async def $F($$$): $$$",
        "async with $A as $B: $$$",
        "lambda $$$: $E",
        "[$X for $X in $Y]",
        "[$X for $X in $Y if $X]",
        "$A if $B else $C",
        "$A or $B",
        "pass",
        "return $X",
        "return self.x",
        "import numpy as np, os",
        "from a import b, c",
        "del $A, $B",
        "global x",
        "$A = $B\n$C = $A",
        "f\"{self.x}\"",
        "$A + $A",
        "x",
        "int",
        "type($X)",
        "type X = int",
        "await $X",
        "case = Circle()",
        "match = $X",
        "try: $$$\nexcept: $$$",
    ];

    #[test]
    fn lines_tell_what_the_tree_of_the_whole_text_tells() {
        let (mut found, mut told, mut asked) = (0, 0, 0);
        for code in CODES {
            let syntax = check(code);
            assert!(syntax.is_valid(), "{code:?}: {syntax:?}");
            if syntax != Syntax::Valid {
                continue;
            }
            for text in PATTERNS {
                let pattern = Pattern::read(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
                let whole = pattern.is_in(code);
                let mut seen = SeenLines::default();
                assert_eq!(pattern.is_in_valid(code, &mut seen), whole, "{text} in {code:?}");
                assert_eq!(pattern.is_in_valid(code, &mut seen), whole, "{text} in {code:?}, seen before");
                found += usize::from(whole);
                asked += 1;
                let verdict =
                    pattern.lines.as_ref().map(|lines| lines.look(code, &mut seen, &|body| pattern.stands_in(body)));
                told += usize::from(matches!(verdict, Some(Verdict::Found | Verdict::Absent)));
            }
        }
        assert!(found > 100, "{found} are found");
        assert!(told * 2 > asked, "lines tell {told} of {asked} answers only");
    }

    #[test]
    fn everyday_patterns_are_looked_for_in_lines() {
        let sort = |text: &str| Pattern::read(text).expect("a pattern").lines.map(|lines| lines.sort);
        assert_eq!(sort("self.play(Create($A), $$$)"), Some(Sort::Expression));
        assert_eq!(sort("$A = Circle($$$)"), Some(Sort::Simple));
        assert_eq!(sort("for $I in range($N): $$$"), Some(Sort::Head("for")));
        assert_eq!(sort("class $C(ThreeDScene): $$$"), Some(Sort::Head("class")));
        assert_eq!(sort("$A + $A"), None);
        assert_eq!(sort("a\nb"), None);
        assert_eq!(sort("for $I in range($N): a"), None);
    }
}
