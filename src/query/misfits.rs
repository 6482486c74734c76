//! The errors for values and operators that do not fit their field.

use crate::analyze::features::Kind;

use super::ast::{Op, Value, ValueKind};
use super::error::QueryError;
use super::fields::kind_name;
use super::plan::{Field, Home};
use super::resolve::{Ask, as_text};
use super::suggest::typed;

/// `source:a,b`
pub(super) fn comma(ask: &Ask<'_>, value: &Value, text: &str, has: impl Fn(&str) -> bool) -> Option<QueryError> {
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() < 2 || !matches!(value.kind, ValueKind::Bare(_)) || has(text) {
        return None;
    }
    let list = parts.iter().map(|part| typed(part)).collect::<Vec<_>>().join(" or ");
    let (minus, op) = if ask.op == Op::Differs { ("-", ":") } else { ("", ":") };
    Some(
        ask.error("operator", value.span, "a comma joins no values")
            .help("values are joined with `or`, `and`, `not` in parentheses; quote a value that has a comma in it")
            .suggest(ask.text, ask.whole, &format!("{minus}{}{op}({list})", ask.name.text)),
    )
}

/// A yes-or-no field with an operator.
pub(super) fn yes_or_no(ask: &Ask<'_>, field: &Field, value: &Value) -> QueryError {
    let text = value.span.of(ask.text).trim_matches(['"', '\'']).to_ascii_lowercase();
    let no = matches!(text.as_str(), "false" | "no" | "0" | "f" | "n") != (ask.op == Op::Differs);
    let ours = format!("{}is:{}", if no { "-" } else { "" }, field.name);
    let error = ask.error("type", ask.whole, format!("`{0}` is a yes or no, asked with `is:{0}`", field.name));
    ask.rewritten(error, &ours)
}

/// `=`, `!=` or `<` on a set or a text.
pub(super) fn no_whole_value(ask: &Ask<'_>, field: &Field, value: &Value) -> QueryError {
    let sign = ask.op.sign();
    let text = field.kind == Kind::Text;
    let shown = match &value.kind {
        ValueKind::Bare(word) | ValueKind::Quoted(word) if !text => typed(word),
        _ => as_text(value),
    };
    if let (Home::Meta, ValueKind::Bare(typed)) = (field.home, &value.kind) {
        let plain: String = typed.chars().filter(|c| !matches!(c, ',' | '_' | '\'')).collect();
        let message = format!("`{sign}` compares numbers in `{}`, and `{typed}` is none", ask.name.text);
        let error = ask.error("type", value.span, message);
        return match plain != *typed && super::numbers::number(&plain).is_some() {
            true => error.suggest(ask.text, value.span, &plain),
            false => ask.rewritten(
                error.help("`:` looks for words in a column"),
                &format!("{}:{}", ask.name.text, as_text(value)),
            ),
        };
    }
    let minus = if ask.op == Op::Differs { "-" } else { "" };
    let noun = if text { "text" } else { "set" };
    let error = ask
        .error(
            "operator",
            ask.name.span.to(value.span),
            format!("`{sign}` does not compare a {noun}, and `{}` is one", ask.name.text),
        )
        .expected([format!("`{}:`", ask.name.text), format!("`-{}:`", ask.name.text)]);
    if matches!(ask.op, Op::Equal | Op::Differs) {
        let verb = if text { "a text contains it" } else { "a set has it" };
        return ask
            .rewritten(error.help(format!("`:` is membership: {verb}")), &format!("{minus}{}:{shown}", ask.name.text));
    }
    match field.kind {
        Kind::CountedSet => error.help(format!("`{0}.NAME{sign}…` asks how often a name occurs in `{0}`", field.name)),
        Kind::Text => error.help("how long a code is stands in `lines`, `chars` and `tokens`"),
        _ => error.help(format!("`{}` is a set without counts", field.name)),
    }
}

/// `<` and its like on what has no order.
pub(super) fn no_order(ask: &Ask<'_>, field: &Field, value: &Value) -> QueryError {
    let shown = match &value.kind {
        ValueKind::Bare(word) | ValueKind::Quoted(word) => typed(word),
        ValueKind::Regex { .. } => as_text(value),
    };
    let error = ask
        .error("operator", ask.whole, format!("`{}` wants an order, and `{}` has none", ask.op.sign(), field.name))
        .expected(["`:`", "`=`", "`!=`"])
        .help(format!("`{}` is a {}", field.name, kind_name(field.kind)));
    ask.rewritten(error, &format!("{}:{shown}", field.name))
}
