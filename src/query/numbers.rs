//! Numbers, days and ranges of them, and what people write instead.

use std::ops::Bound;

use crate::analyze::features::Kind;

use super::ast::{Op, Span, Value, ValueKind};
use super::error::QueryError;
use super::fields;
use super::lower::{apart, typed_number};
use super::plan::{Field, Home, Range};
use super::resolve::{Ask, Resolver, Subject};
use super::values::ranged;

/// What a number measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// How often a name occurs.
    Count,
    /// A field of whole numbers, with its unit.
    Whole(&'static str),
    /// A field of measures, with its unit.
    Real(&'static str),
    /// Days.
    Day,
}

impl Measure {
    pub(super) fn of(field: &Field) -> Measure {
        let unit = fields::find(&field.name).map_or("", |info| info.unit);
        match field.kind {
            Kind::Date => Measure::Day,
            Kind::Real | Kind::Text => Measure::Real(unit),
            _ => Measure::Whole(unit),
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Measure::Count => "times",
            Measure::Whole(unit) | Measure::Real(unit) => unit,
            Measure::Day => "day (UTC)",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Measure::Count | Measure::Whole(_) => "a whole number",
            Measure::Real(_) => "a number",
            Measure::Day => "a day, as in 2026-01-31",
        }
    }
}

impl Resolver<'_> {
    /// Says that no number of a field, or none that this store has, lies in a range.
    pub(super) fn note_out_of_reach(&mut self, subject: &Subject, range: Range) {
        let (name, kind, (least, greatest)) = match subject {
            Subject::Plain(field) if field.home == Home::Unfilled => return,
            Subject::Plain(field) => (field.name.clone(), field.kind, fields::bounds(field)),
            Subject::Count { field, name } => (format!("{}.{name}", field.name), Kind::Int, (0.0, f64::INFINITY)),
        };
        let span = |least: f64, greatest: f64| Range { low: Bound::Included(least), high: Bound::Included(greatest) };
        let asked = ranged(subject, range);
        let shown = |number: f64| typed_number(kind, number);
        if apart(&range, &span(least, greatest)) {
            let reach = if greatest.is_finite() {
                format!("from {} to {}", shown(least), shown(greatest))
            } else {
                format!("at least {}", shown(least))
            };
            self.note(format!("no row can match `{asked}`: `{name}` is {reach}"));
        } else if let Subject::Plain(field) = subject
            && let Some((least, greatest)) = self.vocabulary.range(&field.name)
            && apart(&range, &span(least, greatest))
        {
            let (least, greatest) = (shown(least), shown(greatest));
            self.note(format!("no sample here matches `{asked}`: `{name}` goes from {least} to {greatest}"));
        }
    }
}

/// The two ends of a range as typed; either may be empty. `None` where it is none.
pub(super) fn ends(text: &str) -> Option<(&str, &str)> {
    text.split_once("..")
}

/// Whether a value of a test on a source's own column means numbers: a range of them, or a number to compare with.
pub(super) fn of_column(field: &Field, op: Op, value: &Value) -> bool {
    let ValueKind::Bare(text) = &value.kind else { return false };
    let side = |text: &str| text.is_empty() || number(text).is_some();
    field.home == Home::Meta
        && match op {
            Op::Has => ends(text).is_some_and(|(low, high)| low.len() + high.len() > 0 && side(low) && side(high)),
            _ => number(text).is_some(),
        }
}

/// The places of the two ends of a range: the whole value for both, where an argument was put in and the text is not what
/// was typed.
pub(super) fn sides(ask: &Ask<'_>, value: &Value, text: &str, low: &str, high: &str) -> (Span, Span) {
    let span = value.span;
    if span.of(ask.text) != text {
        return (span, span);
    }
    (Span::new(span.from, span.from + low.len()), Span::new(span.to - high.len(), span.to))
}

/// A number or a range of numbers.
pub(super) fn range(ask: &Ask<'_>, measure: Measure, value: &Value) -> Result<Range, QueryError> {
    let text = unquoted(ask, measure, value)?;
    let Some((low, high)) = ends(text) else {
        let number = point(ask, measure, text, value.span)?;
        return Ok(Range { low: Bound::Included(number), high: Bound::Included(number) });
    };
    if let Some(other) = high.strip_prefix(['.', '=', '<']) {
        let (before, after) = sides(ask, value, text, low, other);
        let typed = if before == after { value.span } else { Span::new(before.to, after.from) };
        let error = ask
            .error("foreign", typed, format!("`{}`: a range is `lo..hi`", typed.of(ask.text)))
            .help("both ends are in it; for others compare with `<` and `>`");
        return Err(error.suggest(ask.text, typed, ".."));
    }
    if low.is_empty() && high.is_empty() {
        let error = ask.error("range", value.span, "a range needs an end");
        return Err(ask.rewritten(error, &format!("has:{}", ask.name.text)));
    }
    let bound = |text: &str, span: Span| match text {
        "" => Ok(Bound::Unbounded),
        text => point(ask, measure, text, span).map(Bound::Included),
    };
    let (low_at, high_at) = sides(ask, value, text, low, high);
    let low_end = bound(low, low_at)?;
    let high_end = bound(high, high_at)?;
    if let (Bound::Included(from), Bound::Included(to)) = (low_end, high_end)
        && from > to
    {
        let word = if measure == Measure::Day { "after" } else { "above" };
        let message = format!("the range is empty: {low} is {word} {high}");
        return Err(ask.error("range", value.span, message).suggest(ask.text, value.span, &format!("{high}..{low}")));
    }
    Ok(Range { low: low_end, high: high_end })
}

/// A single number.
pub(super) fn single(ask: &Ask<'_>, measure: Measure, value: &Value) -> Result<f64, QueryError> {
    let text = unquoted(ask, measure, value)?;
    if ends(text).is_some_and(|(low, high)| !low.is_empty() || !high.is_empty()) {
        let error = ask.error("operator", value.span, format!("`{}` takes one number, not a range", ask.op.sign()));
        return Err(ask.rewritten(error.help("`:` takes a range"), &format!("{}:{text}", ask.name.text)));
    }
    point(ask, measure, text, value.span)
}

fn unquoted<'v>(ask: &Ask<'_>, measure: Measure, value: &'v Value) -> Result<&'v str, QueryError> {
    match &value.kind {
        ValueKind::Bare(text) => Ok(text),
        ValueKind::Quoted(text) => Err(ask
            .error("type", value.span, format!("`{}` wants {} without quotes", ask.name.text, measure.noun()))
            .suggest(ask.text, value.span, text)),
        ValueKind::Regex { .. } => Err(ask.error(
            "type",
            value.span,
            format!("`{}` wants {}, not a regular expression", ask.name.text, measure.noun()),
        )),
    }
}

/// A number as text; only what begins like one, so neither `nan` nor `inf`.
pub(super) fn number(text: &str) -> Option<f64> {
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse::<f64>().ok().filter(|number| begins && plain && number.is_finite())
}

fn point(ask: &Ask<'_>, measure: Measure, text: &str, span: Span) -> Result<f64, QueryError> {
    if measure == Measure::Day {
        return days(text).map(|days| days as f64).ok_or_else(|| no_day(ask, text, span));
    }
    let Some(number) = number(text) else { return Err(no_number(ask, measure, text, span)) };
    if number.fract() != 0.0 && !matches!(measure, Measure::Real(_)) {
        let (below, above) = (number.floor(), number.ceil());
        return Err(ask
            .error("type", span, format!("`{}` is a whole number, so never {text}", ask.name.text))
            .suggest(ask.text, span, &below.to_string())
            .suggest(ask.text, span, &above.to_string()));
    }
    Ok(number)
}

/// What is written instead of a number.
fn no_number(ask: &Ask<'_>, measure: Measure, text: &str, span: Span) -> QueryError {
    let unit = measure.unit();
    let name = &ask.name.text;
    let mut error = ask.error("type", span, format!("`{name}` wants {}, and `{text}` is not one", measure.noun()));
    if !unit.is_empty() {
        error = error.expected([format!("{} ({unit})", measure.noun())]);
    } else {
        error = error.expected([measure.noun()]);
    }
    if let Some((low, high)) = other_range(text) {
        return QueryError { kind: "foreign", ..error }.help("a range is `lo..hi`").suggest(
            ask.text,
            span,
            &format!("{low}..{high}"),
        );
    }
    let plain: String = text.chars().filter(|c| !matches!(c, ',' | '_' | '\'')).collect();
    if plain != text && number(&plain).is_some() {
        return error.help("a number is written without separators").suggest(ask.text, span, &plain);
    }
    if let Some(before) = text.strip_suffix(';')
        && number(before).is_some()
    {
        return error.help("nothing stands at the end of a query").suggest(ask.text, span, before);
    }
    if matches!(text, "null" | "none" | "None" | "unknown") {
        return ask.rewritten(error, &format!("-has:{name}"));
    }
    if text == "*" || text == "any" {
        return ask.rewritten(error, &format!("has:{name}"));
    }
    if let Some((amount, suffix)) = measured(text) {
        let factor = factor(&suffix, unit);
        let error = QueryError { kind: "unit", ..error };
        let error = error.help(match unit {
            "" => format!("`{name}` has no unit"),
            ends if ends.contains(" to ") => format!("`{name}` goes from {ends}"),
            unit => format!("the unit is {unit}, and it is not written"),
        });
        let amount = factor.map_or(amount, |factor| amount * factor);
        return error.suggest(ask.text, span, &amount.to_string());
    }
    error
}

/// `20-80`, `20:80`, `20~80`, `20to80`, with any dash
fn other_range(text: &str) -> Option<(&str, &str)> {
    ["-", "–", "—", ":", "~", "to", ",", "…"].iter().find_map(|sign| {
        let (low, high) = text.split_once(sign)?;
        let thousands = *sign == "," && high.len() == 3;
        let both = number(low).is_some() && number(high).is_some() && !thousands;
        both.then_some((low, high))
    })
}

/// A number with letters or `%` glued to it.
fn measured(text: &str) -> Option<(f64, String)> {
    let end = text.find(|c: char| c.is_alphabetic() || c == '%')?;
    let suffix = &text[end..];
    let letters = suffix.chars().all(|c| c.is_alphabetic() || c == '%');
    number(&text[..end]).filter(|_| letters).map(|amount| (amount, suffix.to_lowercase()))
}

/// By what a unit multiplies, in the unit of the field.
fn factor(suffix: &str, unit: &str) -> Option<f64> {
    let seconds = unit == "s";
    Some(match suffix {
        "s" | "sec" | "secs" | "seconds" if seconds => 1.0,
        "ms" if seconds => 0.001,
        "m" | "min" | "mins" | "minutes" if seconds => 60.0,
        "h" | "hours" if seconds => 3600.0,
        "k" | "kb" => 1e3,
        "mb" => 1e6,
        "%" if unit == "0 to 1" => 0.01,
        _ => return None,
    })
}

/// Days from 1970-01-01 to a day written `YYYY-MM-DD`.
pub(super) fn days(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() });
    if !shaped {
        return None;
    }
    let (year, month, day): (i64, i64, i64) =
        (text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?);
    if !(1..=12).contains(&month) || day < 1 || day > month_length(year, month) {
        return None;
    }
    // March-based years, as in "chrono-compatible low-level date algorithms"
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// The day that is so many days after 1970-01-01, as `YYYY-MM-DD`.
pub(super) fn day(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// What is written instead of a day.
fn no_day(ask: &Ask<'_>, text: &str, span: Span) -> QueryError {
    let error = ask
        .error("type", span, format!("`{}` wants a day, and `{text}` is not one", ask.name.text))
        .expected(["a day, as in 2026-01-31"]);
    let stamped = text.split(['T', ' ']).next().unwrap_or(text);
    let parts: Vec<Option<i64>> = stamped.split(['-', '/', '.']).map(|part| part.parse().ok()).collect();
    let ranged = matches!(ask.op, Op::Has) && span.of(ask.text) == text && ask.whole.to == span.to;
    match parts.as_slice() {
        [Some(year), Some(month), Some(day)] if (1000..=9999).contains(year) => {
            if (1..=12).contains(month) && *day >= 1 && *day > month_length(*year, *month) {
                let last = month_length(*year, *month);
                return error.help(format!("that month has {last} days")).suggest(
                    ask.text,
                    span,
                    &format!("{year:04}-{month:02}-{last:02}"),
                );
            }
            error.suggest(ask.text, span, &format!("{year:04}-{month:02}-{day:02}"))
        }
        [Some(year), Some(month)] if (1000..=9999).contains(year) && (1..=12).contains(month) && ranged => {
            let last = month_length(*year, *month);
            error.suggest(ask.text, span, &format!("{year:04}-{month:02}-01..{year:04}-{month:02}-{last:02}"))
        }
        [Some(year)] if (1000..=9999).contains(year) && ranged => {
            error.suggest(ask.text, span, &format!("{year:04}-01-01..{year:04}-12-31"))
        }
        _ => error.help("a query does not look at the clock, so there is no today and no `7d`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970_and_back() {
        assert_eq!(days("1970-01-01"), Some(0));
        assert_eq!(days("2000-03-01"), Some(11_017));
        assert_eq!(days("1969-12-31"), Some(-1));
        assert_eq!(days("2026-02-29"), None);
        assert_eq!(days("2026-1-05"), None);
        for days_since in (-200_000..200_000).step_by(97) {
            assert_eq!(days(&day(days_since)), Some(days_since));
        }
    }

    #[test]
    fn numbers_are_finite_and_begin_like_numbers() {
        assert_eq!(number("-2.5"), Some(-2.5));
        for text in ["nan", "inf", "-inf", "1e999", "", "e5", "1_000", "0x10"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
