//! Our own Python lexer: it never fails, takes any text, and is made for speed.
//!
//! Tokens are names (keywords too), numbers, whole string literals (prefix and quotes included) and operators.
//! Comments, newlines, indentation and line continuations are none. What cannot be Python is a token all the same
//! ([`TokenKind::Other`], a character each), so that a broken sample has a full signature. A string that is not closed
//! ends at the end of its line, a triple-quoted one at the end of the text. An f-string is one literal, as it was
//! before Python 3.12: quotes of the same kind nested in it end it.
//!
//! The bytes between two tokens are blanks, line ends, comments and continuations only, which is what the guards of
//! the parser read logical lines from.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// An identifier or a keyword.
    Name,
    /// A number literal.
    Number,
    /// A whole string literal, with prefix and quotes.
    String,
    /// An operator, a bracket or another delimiter.
    Operator,
    /// A character that Python has no use for outside strings and comments.
    Other,
}

/// A lexical token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// Its text.
    pub text: &'a str,
    /// Where it starts, in bytes.
    pub start: usize,
}

impl Token<'_> {
    /// Where it ends, in bytes.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Splits any text into Python tokens, in order; linear in its length.
pub fn tokens(code: &str) -> Tokens<'_> {
    let start = if code.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    Tokens { code, at: start }
}

/// The iterator that [`tokens`] gives.
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    code: &'a str,
    at: usize,
}

const SPACE: u8 = 0;
const NAME: u8 = 1;
const DIGIT: u8 = 2;
const QUOTE: u8 = 3;
const HASH: u8 = 4;
const OPERATOR: u8 = 5;
const BACKSLASH: u8 = 6;
const HIGH: u8 = 7;
const OTHER: u8 = 8;

/// The class of each byte as the first of a token.
const CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [OTHER; 256];
    let mut byte = 0usize;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0c => SPACE,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => NAME,
            b'0'..=b'9' => DIGIT,
            b'"' | b'\'' => QUOTE,
            b'#' => HASH,
            b'\\' => BACKSLASH,
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'.' | b',' | b':' | b';' | b'=' | b'+' | b'-' | b'*' | b'/'
            | b'%' | b'@' | b'&' | b'|' | b'^' | b'~' | b'<' | b'>' | b'!' => OPERATOR,
            0x80..=0xff => HIGH,
            _ => OTHER,
        };
        byte += 1;
    }
    table
}

/// Whether a character beyond ASCII may stand in a name: letters, digits, and the marks that are written over them.
fn is_name_char(ch: char) -> bool {
    ch.is_alphanumeric()
        || matches!(ch, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{669}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' | '\u{203f}' | '\u{2040}'
            | '\u{20d0}'..='\u{20dc}' | '\u{fe00}'..='\u{fe0f}' | '\u{3099}' | '\u{309a}')
}

/// Whether a name may be the prefix of a string literal.
fn is_string_prefix(name: &[u8]) -> bool {
    let ok = |byte: u8| matches!(byte | 0x20, b'r' | b'b' | b'u' | b'f' | b't');
    match name {
        [one] => ok(*one),
        [one, two] => ok(*one) && ok(*two) && (one | 0x20 == b'r') != (two | 0x20 == b'r'),
        _ => false,
    }
}

/// End of the name that starts (or goes on) at `at`.
fn name_end(code: &str, mut at: usize) -> usize {
    let bytes = code.as_bytes();
    loop {
        while at < bytes.len() && matches!(CLASS[bytes[at] as usize], NAME | DIGIT) {
            at += 1;
        }
        if at < bytes.len() && bytes[at] >= 0x80 {
            // A byte of 0x80 or more at a token boundary starts a character.
            match code[at..].chars().next() {
                Some(ch) if is_name_char(ch) => at += ch.len_utf8(),
                _ => return at,
            }
        } else {
            return at;
        }
    }
}

fn digits_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && (bytes[at].is_ascii_digit() || bytes[at] == b'_') {
        at += 1;
    }
    at
}

fn number_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    if bytes[at] == b'0' && matches!(bytes.get(at + 1).map(|b| b | 0x20), Some(b'x' | b'o' | b'b')) {
        at += 2;
        while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
            at += 1;
        }
        return at;
    }
    at = digits_end(bytes, at);
    if bytes.get(at) == Some(&b'.') {
        at = digits_end(bytes, at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
            at = digits_end(bytes, at + 1 + sign);
        }
    }
    if matches!(bytes.get(at), Some(b'j' | b'J')) {
        at += 1;
    }
    at
}

/// End of the string literal whose opening quote is at `at`; in `Err` where it is not closed there.
pub(crate) fn string_end(bytes: &[u8], at: usize) -> Result<usize, usize> {
    let quote = bytes[at];
    if bytes.len() >= at + 3 && bytes[at + 1] == quote && bytes[at + 2] == quote {
        let mut i = at + 3;
        while i < bytes.len() {
            match bytes[i] {
                b'\\' => i += 2,
                byte if byte == quote && bytes.len() >= i + 3 && bytes[i + 1] == quote && bytes[i + 2] == quote => {
                    return Ok(i + 3);
                }
                _ => i += 1,
            }
        }
        return Err(bytes.len());
    }
    let mut i = at + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if bytes.get(i + 1) == Some(&b'\r') && bytes.get(i + 2) == Some(&b'\n') => i += 3,
            b'\\' => i += 2,
            b'\n' | b'\r' => return Err(i),
            byte if byte == quote => return Ok(i + 1),
            _ => i += 1,
        }
    }
    Err(bytes.len())
}

fn operator_len(bytes: &[u8], at: usize) -> usize {
    let first = bytes[at];
    let second = bytes.get(at + 1).copied().unwrap_or(0);
    let third = bytes.get(at + 2).copied().unwrap_or(0);
    match first {
        b'(' | b')' | b'[' | b']' | b'{' | b'}' | b',' | b';' | b'~' => 1,
        b'.' if second == b'.' && third == b'.' => 3,
        b'.' => 1,
        b'*' | b'/' | b'<' | b'>' if second == first => {
            if third == b'=' {
                3
            } else {
                2
            }
        }
        b'-' if second == b'>' => 2,
        _ if second == b'=' => 2,
        _ => 1,
    }
}

impl<'a> Tokens<'a> {
    fn token(&mut self, kind: TokenKind, start: usize, end: usize) -> Option<Token<'a>> {
        // An escape at the very end of a text may point past it, and one before a character of several bytes into it.
        let mut end = end.min(self.code.len());
        while !self.code.is_char_boundary(end) {
            end += 1;
        }
        self.at = end;
        Some(Token { kind, text: &self.code[start..end], start })
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let bytes = self.code.as_bytes();
        let mut at = self.at;
        loop {
            let &byte = bytes.get(at)?;
            match CLASS[byte as usize] {
                SPACE => at += 1,
                HASH => {
                    while at < bytes.len() && bytes[at] != b'\n' && bytes[at] != b'\r' {
                        at += 1;
                    }
                }
                BACKSLASH if matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) => at += 2,
                NAME => {
                    let end = name_end(self.code, at);
                    if end - at <= 2
                        && matches!(bytes.get(end), Some(b'"' | b'\''))
                        && is_string_prefix(&bytes[at..end])
                    {
                        let (Ok(end) | Err(end)) = string_end(bytes, end);
                        return self.token(TokenKind::String, at, end);
                    }
                    return self.token(TokenKind::Name, at, end);
                }
                DIGIT => return self.token(TokenKind::Number, at, number_end(bytes, at)),
                QUOTE => {
                    let (Ok(end) | Err(end)) = string_end(bytes, at);
                    return self.token(TokenKind::String, at, end);
                }
                OPERATOR => {
                    if byte == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
                        return self.token(TokenKind::Number, at, number_end(bytes, at));
                    }
                    return self.token(TokenKind::Operator, at, at + operator_len(bytes, at));
                }
                HIGH => {
                    let end = name_end(self.code, at);
                    if end > at {
                        return self.token(TokenKind::Name, at, end);
                    }
                    let width = self.code[at..].chars().next().map_or(1, char::len_utf8);
                    return self.token(TokenKind::Other, at, at + width);
                }
                _ => return self.token(TokenKind::Other, at, at + 1),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(code: &str) -> Vec<&str> {
        tokens(code).map(|token| token.text).collect()
    }

    #[test]
    fn comments_newlines_and_indentation_are_no_tokens() {
        assert_eq!(
            texts("\u{feff}def f(x):  # a 'comment'\n\treturn x \\\n  ** 2\r\n"),
            ["def", "f", "(", "x", ")", ":", "return", "x", "**", "2"]
        );
    }

    #[test]
    fn string_literals_are_whole() {
        assert_eq!(texts(r#"a = rb'x\'y' + f"{b}" 'c'"#), ["a", "=", r"rb'x\'y'", "+", r#"f"{b}""#, "'c'"]);
        assert_eq!(texts("'''a\n'b' \\''' c'''d"), ["'''a\n'b' \\''' c'''", "d"]);
        assert_eq!(texts("R\"\"\"x\"\"\" ur'y' rr'z'"), ["R\"\"\"x\"\"\"", "ur'y'", "rr", "'z'"]);
        assert_eq!(texts("'a\\\nb'"), ["'a\\\nb'"]);
    }

    #[test]
    fn unclosed_strings_end_at_the_line_or_the_text() {
        assert_eq!(texts("x = 'abc\ny"), ["x", "=", "'abc", "y"]);
        assert_eq!(texts("x = '''abc\ny"), ["x", "=", "'''abc\ny"]);
        assert_eq!(texts("'\\"), ["'\\"]);
        assert_eq!(texts("'\\é"), ["'\\é"]);
    }

    #[test]
    fn numbers_and_operators_are_the_longest_that_fit() {
        assert_eq!(
            texts("1_000.5e-3j+0xFFe+1 .5 1..real 1if 2e 3.e5"),
            ["1_000.5e-3j", "+", "0xFFe", "+", "1", ".5", "1.", ".", "real", "1", "if", "2", "e", "3.e5"]
        );
        assert_eq!(
            texts("a**=b//c...->x:=y!=z<<=1~2@=3"),
            ["a", "**=", "b", "//", "c", "...", "->", "x", ":=", "y", "!=", "z", "<<=", "1", "~", "2", "@=", "3"]
        );
    }

    #[test]
    fn any_text_has_tokens_that_lie_in_order_and_cover_all_but_blanks_and_comments() {
        for code in ["", "\\", "\\x", "😀 = $x ? `y`", "−x²", "имя = 'да", "a\u{a0}b", "\0", "'\\\u{1F600}", "\r\r\n"]
        {
            let mut end = 0;
            for token in tokens(code) {
                assert!(token.start >= end && !token.text.is_empty(), "{code:?}");
                assert_eq!(&code[token.start..token.end()], token.text);
                end = token.end();
            }
        }
        let kinds: Vec<TokenKind> = tokens("имя = ¿1 'a'").map(|token| token.kind).collect();
        assert_eq!(
            kinds,
            [TokenKind::Name, TokenKind::Operator, TokenKind::Other, TokenKind::Number, TokenKind::String]
        );
    }
}
