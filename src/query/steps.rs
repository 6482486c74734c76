//! Resolves the stages after `|`.

use crate::analyze::features::Kind;

use super::ast::{Span, Stated, StatedKind, Value, ValueKind, Word};
use super::error::QueryError;
use super::fields::kind_name;
use super::numbers::number;
use super::plan::{Amount, Field, Home, Share, SortKey, Step};
use super::resolve::{DEFAULT_SIMILARITY, Resolver, Subject, did_you_mean, similarity};
use super::suggest::{similar, typed};

impl Resolver<'_> {
    /// Resolves a stage.
    pub(super) fn step(&mut self, text: &str, stated: &Stated) -> Result<Step, QueryError> {
        match &stated.kind {
            StatedKind::Sort(keys) => {
                let mut resolved: Vec<SortKey> = Vec::new();
                for (descending, word) in keys {
                    let field = self.column(text, word, "sort")?;
                    if resolved.iter().any(|key| key.field == field) {
                        return Err(QueryError::new(
                            "stage",
                            word.span,
                            format!("`{}` stands twice among what is sorted by", word.text),
                        ));
                    }
                    resolved.push(SortKey { field, descending: *descending });
                }
                Ok(Step::Sort(resolved))
            }
            StatedKind::Take(word) => match whole(text, word, "take")? {
                0 => {
                    Err(QueryError::new("range", stated.span, "`take 0` selects nothing").suggest(text, word.span, "1"))
                }
                count => Ok(Step::Take(count)),
            },
            StatedKind::Skip(word) => whole(text, word, "skip").map(Step::Skip),
            StatedKind::Sample { amount, seed, by } => {
                let amount = share(text, amount)?;
                let seed = seed.as_ref().map_or(Ok(0), |word| whole(text, word, "seed"))?;
                if let (Amount::Share(_), Some(word)) = (&amount, by) {
                    self.note(format!("`by {}` changes nothing here: a share in percent is taken of every group alike; `sample N by FIELD` keeps proportions exactly", word.text));
                }
                let by = by.as_ref().map(|word| self.column(text, word, "sample … by")).transpose()?;
                Ok(Step::Sample { amount, seed, by })
            }
            StatedKind::Per { field, count } => {
                if number(&field.text).is_some() && number(&count.text).is_none() {
                    let both = field.span.to(count.span);
                    return Err(QueryError::new(
                        "stage",
                        both,
                        "`per` takes the field first, then how many rows of each",
                    )
                    .suggest(text, both, &format!("{} {}", count.text, field.text)));
                }
                let field = self.column(text, field, "per")?;
                match whole(text, count, "per")? {
                    0 => Err(QueryError::new("range", stated.span, "`per … 0` selects nothing")
                        .suggest(text, count.span, "1")),
                    count => Ok(Step::Per { field, count }),
                }
            }
            StatedKind::Balance { field, shares, to } => self.balance(text, stated.span, field, shares, to.as_ref()),
            StatedKind::Dedup(threshold) => {
                let threshold = threshold.as_ref().map_or(Ok(DEFAULT_SIMILARITY), |word| similarity(text, word))?;
                Ok(Step::Dedup { threshold })
            }
            StatedKind::Split { shares, seed } => {
                let shares = shares_of_sides(text, shares)?;
                let seed = seed.as_ref().map_or(Ok(0), |word| whole(text, word, "seed"))?;
                Ok(Step::Split { shares, seed })
            }
        }
    }

    /// `balance field a:1 b:2 [to n]`
    fn balance(
        &mut self,
        text: &str,
        whole_stage: Span,
        field: &Word,
        stated: &[(Value, Word)],
        to: Option<&Word>,
    ) -> Result<Step, QueryError> {
        let name = field;
        let field = self.column(text, name, "balance")?;
        if stated.is_empty() {
            let known = self.known(&field.name).map(|known| known.list.clone()).unwrap_or_default();
            let names: Vec<String> = known.iter().take(3).map(|(value, _)| format!(" {}:1", typed(value))).collect();
            let error =
                QueryError::new("stage", whole_stage, "`balance` does not say which values, and how much of each")
                    .expected(["balance FIELD VALUE:1 VALUE:2 [to N]"]);
            let end = Span::new(name.span.to, name.span.to);
            return Err(if names.is_empty() { error } else { error.suggest(text, end, &names.concat()) });
        }
        let mut shares: Vec<Share> = Vec::with_capacity(stated.len());
        for (value, word) in stated {
            let spelled = match &value.kind {
                ValueKind::Bare(text) | ValueKind::Quoted(text) => text.clone(),
                ValueKind::Regex { .. } => {
                    return Err(QueryError::new("type", value.span, "`balance` wants values, not expressions"));
                }
            };
            let spelled = self.balanced_value(text, &field, value, spelled)?;
            if shares.iter().any(|share| share.value == spelled) {
                return Err(QueryError::new("stage", value.span, format!("`{spelled}` stands twice in `balance`")));
            }
            match number(&word.text) {
                Some(share) if share > 0.0 && share.is_finite() => shares.push(Share { value: spelled, share }),
                _ => {
                    let message = format!("`{}` is no share: a number above 0, `{spelled}:2`", word.text);
                    return Err(QueryError::new("range", word.span, message).suggest(text, word.span, "1"));
                }
            }
        }
        let to = match to {
            None => None,
            Some(word) => match whole(text, word, "balance … to")? {
                0 => {
                    return Err(
                        QueryError::new("range", word.span, "`to 0` selects nothing").suggest(text, word.span, "100")
                    );
                }
                count => Some(count),
            },
        };
        Ok(Step::Balance { field, shares, to })
    }

    /// A value of the field that rows are balanced by, as rows have it.
    fn balanced_value(
        &mut self,
        text: &str,
        field: &Field,
        value: &Value,
        spelled: String,
    ) -> Result<String, QueryError> {
        match field.kind {
            Kind::Int | Kind::Real => match number(&spelled) {
                Some(number) => Ok(number.to_string()),
                None => Err(QueryError::new(
                    "type",
                    value.span,
                    format!("`{}` holds numbers, and `{spelled}` is none", field.name),
                )),
            },
            Kind::Bool if !matches!(spelled.as_str(), "true" | "false") => {
                Err(QueryError::new("value", value.span, format!("`{}` is true or false", field.name))
                    .suggest(text, value.span, "true")
                    .suggest(text, value.span, "false"))
            }
            Kind::Enum { words, .. } if !words.is_empty() && !words.contains(&spelled.as_str()) => {
                let error = QueryError::new("value", value.span, format!("`{}` is never `{spelled}`", field.name))
                    .expected(words.iter().copied());
                let near = similar(&spelled, words.iter().copied());
                Err(near.iter().fold(error, |error, word| error.suggest(text, value.span, &typed(word))))
            }
            _ => {
                if let Some(known) = self.known(&field.name)
                    && !known.has(&spelled)
                {
                    let near = similar(&spelled, known.names());
                    self.note(format!("no sample has `{}:{}`{}", field.name, typed(&spelled), did_you_mean(&near)));
                }
                Ok(spelled)
            }
        }
    }

    /// A field with one value per row.
    fn column(&mut self, text: &str, word: &Word, stage: &str) -> Result<Field, QueryError> {
        match self.subject(text, word, word.span) {
            Ok(Subject::Plain(field)) => match field.kind {
                // a column of a source's own has one value per row, whatever it is
                _ if field.home == Home::Meta => Ok(field),
                Kind::Set | Kind::CountedSet | Kind::Text => {
                    let noun = if field.kind == Kind::Text { "a text" } else { "a set" };
                    let message =
                        format!("`{stage}` wants a field with one value per row, and `{}` is {noun}", word.text);
                    let error = QueryError::new("type", word.span, message);
                    Err(match field.kind {
                        Kind::Text if field.name == "code" => error.suggest(text, word.span, "lines"),
                        Kind::Text => error.help("texts have no order and no groups"),
                        _ => error.help(format!("`count --by {}` counts how often each name occurs", word.text)),
                    })
                }
                _ => Ok(field),
            },
            Ok(Subject::Count { field, .. }) => {
                let message = format!(
                    "`{stage}` wants a field, and `{}` is a count in the {} `{}`",
                    word.text,
                    kind_name(field.kind),
                    field.name
                );
                Err(QueryError::new("type", word.span, message))
            }
            Err(mut error) => {
                // what would make a test of it makes no stage
                error.suggestions.retain(|fixed| !fixed[word.span.from.min(fixed.len())..].starts_with('"'));
                if error.kind == "field" {
                    error.help = error.help.filter(|help| help.starts_with("did you mean"));
                }
                Err(error)
            }
        }
    }
}

/// A whole number, from 0.
fn whole(text: &str, word: &Word, what: &str) -> Result<u64, QueryError> {
    if let Ok(count) = word.text.parse::<u64>()
        && !word.text.starts_with('+')
    {
        return Ok(count);
    }
    if !word.text.is_empty() && word.text.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("`{}` is more than `{what}` takes: at most {}", word.text, u64::MAX);
        return Err(QueryError::new("range", word.span, message).suggest(text, word.span, &u64::MAX.to_string()));
    }
    let error =
        QueryError::new("type", word.span, format!("`{what}` wants a whole number, and `{}` is not one", word.text))
            .expected(["a whole number"]);
    let plain: String = word.text.chars().filter(|c| !matches!(c, ',' | '_' | '\'' | '=' | '+' | '-')).collect();
    let thousands = plain.strip_suffix(['k', 'K']).and_then(|count| count.parse::<u64>().ok());
    Err(match (plain.parse::<u64>(), thousands, number(&word.text)) {
        (Ok(count), _, _) if plain != word.text => error.suggest(text, word.span, &count.to_string()),
        (_, Some(count), _) => error.suggest(text, word.span, &count.saturating_mul(1000).to_string()),
        (_, _, Some(count)) if count >= 0.0 => error.suggest(text, word.span, &count.ceil().to_string()),
        _ => error,
    })
}

/// The shares of train, validation and test in a text, as the stage `split` takes them.
///
/// # Errors
/// Where it is no list of two or three percentages that add up to 100.
pub fn side_shares(text: &str) -> Result<[f64; 3], QueryError> {
    shares_of_sides(text, &Word { text: text.to_owned(), span: Span { from: 0, to: text.len() } })
}

/// `90/5/5`, or `90/10` for train and test: percentages that add up to 100.
fn shares_of_sides(text: &str, word: &Word) -> Result<[f64; 3], QueryError> {
    let error = |kind, message: String| {
        QueryError::new(kind, word.span, message).expected(["split TRAIN/VALIDATION/TEST, as in `split 90/5/5`"])
    };
    let parts: Option<Vec<f64>> =
        word.text.split('/').map(|part| number(part.trim_end_matches('%')).filter(|share| *share >= 0.0)).collect();
    let Some(parts) = parts else {
        return Err(error("type", format!("`{}` is no list of shares", word.text)).suggest(text, word.span, "90/5/5"));
    };
    let shares = match parts.as_slice() {
        [train, test] => [*train, 0.0, *test],
        [train, validation, test] => [*train, *validation, *test],
        _ => {
            let message = format!("a split has two or three sides, and `{}` has {}", word.text, parts.len());
            return Err(error("stage", message).suggest(text, word.span, "90/5/5"));
        }
    };
    let sum: f64 = shares.iter().sum();
    if shares[0] <= 0.0 {
        return Err(error("range", "nothing is left to train on".to_owned()).suggest(text, word.span, "90/5/5"));
    }
    if (sum - 100.0).abs() > 1e-6 {
        let scaled: Vec<String> = parts.iter().map(|share| round(share / sum * 100.0).to_string()).collect();
        let message = format!("the shares of `{}` add up to {}, not to 100", word.text, round(sum));
        let error = error("range", message);
        let whole = parts.iter().all(|share| (share / sum * 100.0).fract().abs() < 1e-9);
        let fixed = if whole { scaled.join("/") } else { "90/5/5".to_owned() };
        return Err(error.suggest(text, word.span, &fixed));
    }
    Ok(shares.map(|share| share / 100.0))
}

/// `n` or `p%`
fn share(text: &str, word: &Word) -> Result<Amount, QueryError> {
    if let Some(percent) = word.text.strip_suffix('%') {
        return match number(percent) {
            Some(percent) if percent > 0.0 && percent <= 100.0 => Ok(Amount::Share(percent / 100.0)),
            _ => Err(QueryError::new("range", word.span, format!("`{}` is no share of the rows", word.text))
                .expected(["a number above 0 % and up to 100 %"])),
        };
    }
    if let Some(part) = number(&word.text)
        && part > 0.0
        && part < 1.0
    {
        let percent = format!("{}%", round(part * 100.0));
        return Err(QueryError::new("unit", word.span, "a share of the rows is written in percent")
            .suggest(text, word.span, &percent));
    }
    match whole(text, word, "sample")? {
        0 => Err(QueryError::new("range", Span::new(word.span.from, word.span.to), "`sample 0` selects nothing")
            .suggest(text, word.span, "1")),
        count => Ok(Amount::Rows(count)),
    }
}

/// Away with the dust of binary fractions.
fn round(percent: f64) -> f64 {
    (percent * 1e9).round() / 1e9
}
