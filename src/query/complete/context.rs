//! Where a cursor stands: reads a query up to there as the grammar does, but goes on over what is wrong or unclosed.
//!
//! One pass from left to right without going back, so it is linear in the length of the text, nesting included.

use super::super::ast::Span;
use super::super::parse::{Grammar, closes, is_blank, keyword};

/// What may come at the cursor.
#[derive(Debug, PartialEq)]
pub(super) enum Context<'t> {
    /// Nothing that can be told: inside a string, an expression, a comment, a number.
    Nothing,
    /// A test or a word: its first part, up to the operator.
    Test(Begun<'t>),
    /// The value of a test.
    Value { field: &'t str, sign: &'t str, word: Span, test: usize, negated: bool, list: Option<Joints> },
    /// The name after `is:`.
    Is { word: Span },
    /// The name after `has:`.
    Has { word: Span },
    /// The beginning of an id after `near:`.
    Near { word: Span },
    /// The moment after `at:`.
    Moment { word: Span },
    /// A saved query, its `@` included.
    Saved { word: Span },
    /// The number of a pin after `@name#`.
    Pin { name: &'t str, word: Span },
    /// The name of a stage.
    Stage { word: Span },
    /// A field that has one value per row, where a stage wants one; those that stand there already are `used`.
    Column { word: Span, used: Vec<&'t str>, goes_on: bool },
    /// Some keywords inside a stage.
    Words { word: Span, words: Vec<&'static str> },
    /// A value with its share after `balance FIELD`.
    Share { field: &'t str, word: Span, used: Vec<&'t str> },
}

/// A test of which the cursor touches the first part, or a word, or an empty place.
#[derive(Debug, PartialEq)]
pub(super) struct Begun<'t> {
    /// The name with the signs after it, or the whole word.
    pub(super) name: Span,
    /// The whole, where nothing of it must stay: no list, string or expression is its value.
    pub(super) whole: Option<Span>,
    /// What stands before the cursor.
    pub(super) typed: &'t str,
    /// Whether nothing stands before it in the query.
    pub(super) first: bool,
    /// Which keywords fit.
    pub(super) joints: Joints,
}

/// Which keywords fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Joints {
    /// `and` and `or`: something stands before.
    pub(super) joins: bool,
    /// `not`: there is none before.
    pub(super) negates: bool,
}

/// Finds the context of a cursor, which stands on a character's boundary.
pub(super) fn at<'t>(text: &'t str, cursor: usize) -> Context<'t> {
    let grammar = Grammar::new(text);
    Reader { grammar: &grammar, text, cursor, at: 0, groups: Vec::new(), before: false, last: Last::Other, first: true }
        .filter()
}

/// Whether a text is the name of a field as the grammar knows them.
pub(super) fn is_field(text: &str) -> bool {
    let grammar = Grammar::new(text);
    matches!(grammar.field(text), Ok(("", Some(_))))
}

/// What was read last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Join,
    Negation,
    Other,
}

struct Reader<'g, 't> {
    grammar: &'g Grammar<'t>,
    text: &'t str,
    cursor: usize,
    at: usize,
    /// Open parentheses; those of values have their field.
    groups: Vec<Option<&'t str>>,
    /// Whether something complete stands before in the same parentheses.
    before: bool,
    last: Last,
    first: bool,
}

impl<'t> Reader<'_, 't> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn touches(&self, from: usize, to: usize) -> bool {
        (from..=to).contains(&self.cursor)
    }

    /// Skips blanks and comments; the cursor's place where it stands in them.
    fn blank(&mut self) -> Option<Gap> {
        let from = self.at;
        self.at = self.grammar.at(self.grammar.blank(self.rest()));
        if !self.touches(from, self.at) {
            return None;
        }
        let line = self.text[from..self.cursor].rsplit('\n').next().unwrap_or_default();
        // In what was skipped a `#` begins a comment.
        if line.trim_start().starts_with('#') || self.text[self.cursor..self.at].starts_with('#') {
            return Some(Gap::Comment);
        }
        (self.cursor < self.at || self.at == self.text.len()).then_some(Gap::Blank)
    }

    fn joints(&self) -> Joints {
        Joints { joins: self.before && self.last == Last::Other, negates: self.last != Last::Negation }
    }

    /// An empty place at the cursor.
    fn empty(&self) -> Context<'t> {
        let word = Span::new(self.cursor, self.cursor);
        match self.groups.last() {
            Some(Some(field)) => self.value(field, ":", word, self.cursor, true),
            _ => self.begun(word, Some(word)),
        }
    }

    fn begun(&self, name: Span, whole: Option<Span>) -> Context<'t> {
        let typed = &self.text[name.from..self.cursor];
        Context::Test(Begun { name, whole, typed, first: self.first, joints: self.joints() })
    }

    fn value(&self, field: &'t str, sign: &'t str, word: Span, test: usize, in_list: bool) -> Context<'t> {
        let negated = self.last == Last::Negation;
        Context::Value { field, sign, word, test, negated, list: in_list.then(|| self.joints()) }
    }

    /// Something complete was read.
    fn member(&mut self, to: usize) {
        self.at = to;
        self.before = true;
        self.last = Last::Other;
        self.first = false;
    }

    /// `[ "at:" when ] [ expr ]`, and what follows it
    fn filter(mut self) -> Context<'t> {
        loop {
            match self.blank() {
                Some(Gap::Comment) => return Context::Nothing,
                Some(Gap::Blank) => return self.empty(),
                None => {}
            }
            let (from, rest) = (self.at, self.rest());
            let values = self.groups.last().copied().flatten();
            let found = match rest.chars().next() {
                None => return Context::Nothing,
                Some('|') if self.cursor == from => return self.empty(),
                Some('|') => return self.stages(),
                Some(')') => {
                    if self.cursor == from {
                        return self.empty();
                    }
                    self.groups.pop();
                    self.member(from + 1);
                    (self.cursor == self.at).then_some(Context::Nothing)
                }
                Some('(') => {
                    self.open(values, from + 1);
                    (self.cursor == from).then_some(Context::Nothing)
                }
                Some('-') if values.is_none() || !rest[1..].starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                    self.at += 1;
                    self.last = Last::Negation;
                    self.first = false;
                    if self.cursor == from {
                        Some(Context::Nothing)
                    } else if self.cursor == self.at && (closes(self.rest()) || self.rest().starts_with(is_blank)) {
                        // A `-` is glued to what it negates.
                        Some(self.empty())
                    } else {
                        None
                    }
                }
                Some(mark @ ('"' | '\'' | '/')) => self.string(mark),
                Some('@') if values.is_none() => self.saved(),
                _ => match (self.keyword(rest), values) {
                    (Some(found), _) => found,
                    (None, Some(field)) => {
                        let word = self.word(&[]);
                        let found = self.touches(from, word.to).then(|| self.value(field, ":", word, from, true));
                        self.member(word.to);
                        found
                    }
                    (None, None) => self.test(),
                },
            };
            if let Some(found) = found {
                return found;
            }
        }
    }

    fn open(&mut self, values: Option<&'t str>, to: usize) {
        self.groups.push(values);
        self.at = to;
        self.before = false;
        self.last = Last::Other;
        self.first = false;
    }

    /// A bare word from here on, at least a character long so that reading always goes on.
    fn word(&self, stops: &[char]) -> Span {
        let rest = self.rest();
        let end = match self.grammar.word(rest, stops) {
            Ok((after, _)) => self.grammar.at(after),
            Err(_) => self.at + rest.chars().next().map_or(0, char::len_utf8),
        };
        Span::new(self.at, end)
    }

    /// `and`, `or`, `not`: outer `None` where none stands here.
    fn keyword(&mut self, rest: &'t str) -> Option<Option<Context<'t>>> {
        let word = ["and", "or", "not"].into_iter().find(|word| keyword(rest, word).is_some())?;
        let (from, to) = (self.at, self.at + word.len());
        if self.touches(from, to) {
            let span = Span::new(from, to);
            return Some(Some(match self.groups.last() {
                Some(Some(field)) => self.value(field, ":", span, from, true),
                _ => self.begun(span, Some(span)),
            }));
        }
        self.at = to;
        self.first = false;
        self.last = if word == "not" { Last::Negation } else { Last::Join };
        Some(None)
    }

    /// A string or an expression, which may be unclosed.
    fn string(&mut self, mark: char) -> Option<Context<'t>> {
        let from = self.at;
        let to = after_string(self.text, from, mark);
        self.member(to);
        self.touches(from, to).then_some(Context::Nothing)
    }

    /// `"@" name [ "(" args ")" ] [ "#" int ]`
    fn saved(&mut self) -> Option<Context<'t>> {
        let from = self.at;
        let named = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        let end = |at: usize, text: &str, of: &dyn Fn(char) -> bool| {
            at + text[at..].find(|c: char| !of(c)).unwrap_or(text.len() - at)
        };
        let name = Span::new(from + 1, end(from + 1, self.text, &named));
        if self.touches(from, name.to) {
            return Some(Context::Saved { word: Span::new(from, name.to) });
        }
        self.at = name.to;
        if self.rest().starts_with('(') {
            let open = self.at;
            self.at += 1;
            self.args();
            if self.touches(open, self.at) {
                return Some(Context::Nothing);
            }
        }
        if self.rest().starts_with('#') {
            let word = Span::new(self.at + 1, end(self.at + 1, self.text, &|c| c.is_ascii_digit()));
            self.at = word.to;
            if self.touches(word.from, word.to) {
                return Some(Context::Pin { name: name.of(self.text), word });
            }
        }
        let to = self.at;
        self.member(to);
        None
    }

    /// `args := value { "," value } ")"`
    fn args(&mut self) {
        loop {
            self.at = self.grammar.at(self.grammar.blank(self.rest()));
            match self.rest().chars().next() {
                None | Some('|') => return,
                Some(')') => {
                    self.at += 1;
                    return;
                }
                Some(',') => self.at += 1,
                Some(mark @ ('"' | '\'' | '/')) => self.at = after_string(self.text, self.at, mark),
                Some(_) => self.at = self.word(&[',']).to,
            }
        }
    }

    /// A test, or a word of text.
    fn test(&mut self) -> Option<Context<'t>> {
        let (from, text) = (self.at, self.text);
        let name = match self.grammar.field(self.rest()) {
            Ok((after, Some(_))) => Span::new(from, self.grammar.at(after)),
            _ => return self.text_word(),
        };
        let signs = Span::new(
            name.to,
            name.to + text[name.to..].find(|c: char| !":=!<>~".contains(c)).unwrap_or(text.len() - name.to),
        );
        let sign = signs.of(text);
        if sign.is_empty() || (matches!(sign, "!" | "~" | "!!") && !text[signs.to..].starts_with('=')) {
            return self.text_word();
        }
        self.at = signs.to;
        let rest = self.rest();
        let head = Span::new(from, signs.to);
        let first = rest.chars().next();
        let (whole, list) = match first {
            Some('(') if sign == ":" => (None, true),
            Some(mark @ ('"' | '\'' | '/')) => (Some(Span::new(from, after_string(text, self.at, mark))), false),
            _ if closes(rest) || rest.starts_with(is_blank) => (Some(head), false),
            _ => (Some(Span::new(from, self.word(&[]).to)), false),
        };
        if self.touches(from, name.to) {
            let replaced = whole.filter(|_| !matches!(first, Some('"' | '\'' | '/')));
            return Some(self.begun(head, replaced));
        }
        if self.cursor < signs.to {
            return Some(Context::Nothing);
        }
        if list {
            self.open(Some(name.of(text)), signs.to + 1);
            return (self.cursor == signs.to).then_some(Context::Nothing);
        }
        let to = whole.map_or(signs.to, |whole| whole.to);
        let word = Span::new(signs.to, to);
        let found = self.touches(word.from, word.to).then(|| match name.of(text) {
            _ if matches!(first, Some('"' | '\'' | '/')) => Context::Nothing,
            "is" if sign == ":" => Context::Is { word },
            "has" if sign == ":" => Context::Has { word },
            "ast" if sign == ":" => Context::Nothing,
            "at" if sign == ":" => {
                if self.first {
                    Context::Moment { word }
                } else {
                    Context::Nothing
                }
            }
            "near" if sign == ":" => match word.of(text).find(">=") {
                Some(after) if self.cursor > word.from + after => Context::Nothing,
                Some(after) => Context::Near { word: Span::new(word.from, word.from + after) },
                None => Context::Near { word },
            },
            field => self.value(field, sign, word, from, false),
        });
        let moment = self.first && name.of(text) == "at";
        self.member(to);
        if moment {
            // What follows `at:` stands at the beginning of the filter, only not before a second `at:`.
            self.before = false;
        }
        found
    }

    fn text_word(&mut self) -> Option<Context<'t>> {
        let word = self.word(&[]);
        let found = self.touches(word.from, word.to).then(|| self.begun(word, Some(word)));
        self.member(word.to);
        found
    }

    /// `{ "|" stage }`, at the first `|`
    fn stages(mut self) -> Context<'t> {
        loop {
            // At a `|`, or at the end.
            if self.at == self.text.len() {
                return Context::Nothing;
            }
            self.at += 1;
            match self.blank() {
                Some(Gap::Comment) => return Context::Nothing,
                Some(Gap::Blank) => return Context::Stage { word: Span::new(self.cursor, self.cursor) },
                None => {}
            }
            let rest = self.rest();
            let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let name = Span::new(self.at, self.at + length);
            if self.touches(name.from, name.to) {
                return Context::Stage { word: name };
            }
            self.at = name.to;
            if let Some(found) = self.stage(name.of(self.text)) {
                return found;
            }
        }
    }

    /// The words of a stage, up to the next `|`.
    fn stage(&mut self, name: &str) -> Option<Context<'t>> {
        let stops: &[char] = match name {
            "sort" => &[','],
            "balance" => &[':', ','],
            _ => &[],
        };
        let mut words: Vec<&'t str> = Vec::new();
        loop {
            match self.blank() {
                Some(Gap::Comment) => return Some(Context::Nothing),
                Some(Gap::Blank) => return Some(self.stage_word(name, words, Span::new(self.cursor, self.cursor))),
                None => {}
            }
            match self.rest().chars().next() {
                None => return Some(Context::Nothing),
                Some('|') if self.cursor == self.at => {
                    return Some(self.stage_word(name, words, Span::new(self.cursor, self.cursor)));
                }
                Some('|') => return None,
                Some(',') if !stops.is_empty() => {
                    if self.cursor == self.at {
                        return Some(Context::Nothing);
                    }
                    self.at += 1;
                }
                Some(mark @ ('"' | '\'' | '/')) if name == "balance" => {
                    let from = self.at;
                    self.at = after_string(self.text, from, mark);
                    words.push(&self.text[from..self.at]);
                    self.share();
                    if self.touches(from, self.at) {
                        return Some(Context::Nothing);
                    }
                }
                Some(_) => {
                    let word = self.word(stops);
                    self.at = word.to;
                    if name == "balance" && !words.is_empty() {
                        self.share();
                    }
                    if self.touches(word.from, word.to) {
                        return Some(self.stage_word(name, words, Span::new(word.from, self.at)));
                    }
                    if self.touches(word.to, self.at) {
                        return Some(Context::Nothing);
                    }
                    words.push(word.of(self.text));
                }
            }
        }
    }

    /// Goes over `:1` after a value of `balance`, where it stands there.
    fn share(&mut self) {
        if self.rest().starts_with(':') {
            self.at += 1;
            if !(closes(self.rest()) || self.rest().starts_with(|c| is_blank(c) || c == ',')) {
                self.at = self.word(&[',']).to;
            }
        }
    }

    /// What a word of a stage may be after the words before it.
    fn stage_word(&self, name: &str, mut words: Vec<&'t str>, word: Span) -> Context<'t> {
        let column = |used, goes_on| Context::Column { word, used, goes_on };
        match (name, words.as_slice()) {
            ("sort", _) => {
                words.iter_mut().for_each(|word| *word = word.strip_prefix('-').unwrap_or(word));
                let minus = usize::from(word.of(self.text).starts_with('-') && self.cursor > word.from);
                let word = Span::new(word.from + minus, word.to);
                Context::Column { word, used: words, goes_on: false }
            }
            ("per" | "balance", []) => column(Vec::new(), true),
            ("balance", [_, used @ ..]) if used.iter().any(|word| word.eq_ignore_ascii_case("to")) => Context::Nothing,
            ("balance", [field, used @ ..]) => Context::Share { field, word, used: used.to_vec() },
            ("sample", [_, .., last]) if last.eq_ignore_ascii_case("by") => column(Vec::new(), false),
            ("sample", [_, rest @ ..]) => {
                let has = |word: &str| rest.iter().any(|known| known.eq_ignore_ascii_case(word));
                let after = rest.last().is_some_and(|last| last.eq_ignore_ascii_case("seed"));
                let words = ["seed ", "by "].into_iter().filter(|word| !has(word.trim_end()) && !after).collect();
                Context::Words { word, words }
            }
            ("split", [_]) => Context::Words { word, words: vec!["seed "] },
            _ => Context::Nothing,
        }
    }
}

/// Where a cursor stands that no word has.
enum Gap {
    Blank,
    Comment,
}

/// The end of a string or expression that begins at `from`, its flags included; the end of the text where it is unclosed.
fn after_string(text: &str, from: usize, mark: char) -> usize {
    let mut chars = text[from + 1..].char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            // A string has `\"` and `\\`; an expression may have any character after its `\`.
            let next = chars.clone().next().map(|(_, c)| c);
            if mark == '/' || next == Some(mark) || next == Some('\\') {
                chars.next();
            }
        } else if c == mark {
            let end = from + 1 + at + 1;
            let flags = text[end..].find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len() - end);
            return if mark == '/' { end + flags } else { end };
        }
    }
    text.len()
}
