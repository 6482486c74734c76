//! Resolves what a query says of the past: `at:` and the pins of saved queries.

use super::ast::{Check, Expr, Resolved, Span, Value, When, Word};
use super::error::QueryError;
use super::numbers;
use super::plan::Pin;
use super::resolve::{Resolver, Stacked};
use super::{Moment, parse};

impl Resolver<'_> {
    /// The op after which `at:` asks.
    pub(super) fn moment(&self, text: &str, when: &When) -> Result<i64, QueryError> {
        let (moment, word) = match when {
            When::Op(word) => match word.text[2..].parse() {
                Ok(op) => (Moment::Op(op), word),
                Err(_) => return Err(QueryError::new("moment", word.span, format!("there is no `{}`", word.text))),
            },
            When::Day(word) => match numbers::days(&word.text) {
                Some(_) => (Moment::Day(&word.text), word),
                None => return Err(no_day(text, word)),
            },
            When::Pin { name, pin } => return self.pin(text, name, pin, name.span.to(pin.span)).map(|pin| pin.op),
        };
        match self.vocabulary.moment(moment) {
            Ok(Some(op)) => Ok(op),
            // Where no store is asked any moment may be one.
            Ok(None) => Ok(if let Moment::Op(op) = moment { op } else { i64::MAX }),
            Err(none) => {
                let error = QueryError::new("moment", word.span, none.message).help("`scenery log` lists the ops");
                Err(match none.instead {
                    Some(instead) => error.suggest(text, word.span, &instead),
                    None => error,
                })
            }
        }
    }

    fn pin(&self, text: &str, name: &Word, number: &Word, whole: Span) -> Result<Pin, QueryError> {
        let wanted = number.text.parse::<u64>().ok();
        if let Some(pin) = wanted.and_then(|wanted| self.vocabulary.pin(&name.text, wanted)) {
            return Ok(pin);
        }
        let pins = self.vocabulary.pins(Some(&name.text));
        let message = format!("there is no pin `@{}#{}`", name.text, number.text);
        let error = QueryError::new("pin", whole, message);
        if let Some((_, newest)) = pins.last() {
            let all = pins.iter().map(|(name, number)| format!("@{name}#{number}"));
            return Err(error.expected(all).suggest(text, number.span, &newest.to_string()));
        }
        if self.vocabulary.saved(&name.text).is_some() {
            let help = format!("nothing of it was frozen yet; `scenery pin {}` does that", name.text);
            return Err(error.help(help));
        }
        let known = self.vocabulary.pins(None);
        Err(match known.is_empty() {
            true => error.help("no saved query was frozen yet; `scenery pin NAME` does that"),
            false => error.expected(known.iter().map(|(name, number)| format!("@{name}#{number}"))),
        })
    }

    /// `@name#3`, to the end of `out`. Where the store has no such pin but its text came along (a manifest holds it), that
    /// is asked anew.
    pub(super) fn pinned(
        &mut self,
        text: &str,
        (name, args, number): (&Word, &[Value], &Word),
        whole: Span,
        out: &mut Vec<Expr<Resolved>>,
    ) -> Stacked<()> {
        if !args.is_empty() {
            let message = format!("`@{}#{}` is frozen: it takes no arguments", name.text, number.text);
            let fixed = format!("@{}#{}", name.text, number.text);
            return Err(Box::new(QueryError::new("argument", whole, message).suggest(text, whole, &fixed)));
        }
        let error = match self.pin(text, name, number, whole) {
            Ok(pin) => {
                out.push(Expr::check(Check::Pin(pin)));
                return Ok(());
            }
            Err(error) => error,
        };
        let came_along = Word { text: format!("{}#{}", name.text, number.text), span: name.span };
        if self.vocabulary.saved(&came_along.text).is_none() {
            return Err(Box::new(error));
        }
        self.saved(text, &came_along, &[], whole, out)
    }
}

fn no_day(text: &str, word: &Word) -> QueryError {
    let error = QueryError::new("type", word.span, format!("`{}` is no day", word.text)).expected([
        "a day, as in `at:2026-01-31`",
        "an op, as in `at:op12`",
        "a pin, as in `at:@name#3`",
    ]);
    // Only the number of an op, or a day with an hour.
    if word.text.bytes().all(|byte| byte.is_ascii_digit()) && word.text.len() != 8 {
        return error.suggest(text, word.span, &format!("op{}", word.text));
    }
    match word.text.get(..10).filter(|day| numbers::days(day).is_some()) {
        Some(day) => error.help("`at:` asks for the end of a day (UTC)").suggest(text, word.span, day),
        None => error,
    }
}

/// The saved query and arguments that a pin is asked for: `core`, `@core` or `core(40)`.
///
/// # Errors
/// Where it is something else.
pub fn pinnable(text: &str) -> Result<(String, String), QueryError> {
    use super::ast::{Atom, Node};
    let call = if text.trim_start().starts_with('@') { text.trim().to_owned() } else { format!("@{}", text.trim()) };
    let parsed = parse::query(&call)?;
    match &parsed.filter.node {
        Node::Atom(Atom::Saved { name, pin: None, .. }) if parsed.steps.is_empty() && parsed.at.is_none() => {
            Ok((name.text.clone(), parsed.to_string()))
        }
        _ => Err(QueryError::new("saved", Span::new(0, call.len()), format!("`{call}` is no saved query"))
            .help("a pin freezes a saved query: `scenery save NAME QUERY` first, then `scenery pin NAME`")),
    }
}
