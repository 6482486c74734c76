//! A filter over one sample at a time, for samples that the index does not hold as they were.

use std::collections::BTreeSet;
use std::sync::Arc;

use regex::Regex;

use super::Seen;
use super::moment::Moment;
use crate::query::plan::{Field, Filter, Home, Test, Within};
use crate::sample::{FactValue, RevisionKind, Sample};
use crate::similarity::shingles::{Shingles, Wanted};
use crate::store::StoreError;
use crate::store::index::rows::RowSet;
use crate::store::index::schema::{days, meta_number, meta_text};
use crate::store::index::search::expression;
use crate::text;

type Passes<'f> = Box<dyn Fn(&Sample) -> bool + 'f>;

/// A filter, ready to be asked of samples.
pub(super) enum Judge<'f> {
    All,
    And(Vec<Judge<'f>>),
    Or(Vec<Judge<'f>>),
    Not(Box<Judge<'f>>),
    Rows(Arc<RowSet>),
    Test(Passes<'f>),
}

impl<'f> Judge<'f> {
    /// Prepares a filter: sub-queries and what `near:` looks for are evaluated at the moment.
    pub(super) fn new(moment: &Moment<'_>, filter: &'f Filter) -> Result<Judge<'f>, StoreError> {
        let all =
            |parts: &'f [Filter]| parts.iter().map(|part| Judge::new(moment, part)).collect::<Result<Vec<_>, _>>();
        Ok(match filter {
            Filter::All => Judge::All,
            Filter::And(parts) => Judge::And(all(parts)?),
            Filter::Or(parts) => Judge::Or(all(parts)?),
            Filter::Not(inner) => Judge::Not(Box::new(Judge::new(moment, inner)?)),
            Filter::Rows(plan) => Judge::Rows(super::sub_query(moment, plan)?),
            Filter::Pin(pin) => Judge::Rows(Arc::new(moment.store.pin_rows(pin.key)?.into_iter().collect())),
            Filter::Test(test) => Judge::Test(prepared(moment, test)?),
        })
    }

    /// Whether a sample passes.
    pub(super) fn passes(&self, sample: &Sample) -> bool {
        match self {
            Judge::All => true,
            Judge::And(parts) => parts.iter().all(|part| part.passes(sample)),
            Judge::Or(parts) => parts.iter().any(|part| part.passes(sample)),
            Judge::Not(inner) => !inner.passes(sample),
            Judge::Rows(rows) => rows.contains(sample.row),
            Judge::Test(passes) => passes(sample),
        }
    }
}

/// A test, ready to be asked of samples.
fn prepared<'f>(moment: &Moment<'_>, test: &'f Test) -> Result<Passes<'f>, StoreError> {
    Ok(match test {
        Test::Phrase { within, terms, prefix } => {
            Box::new(move |sample| in_texts(sample, *within, &|text| text::contains_phrase(text, terms, *prefix)))
        }
        Test::Regex { within, pattern } => {
            let regex = expression(pattern)?;
            Box::new(move |sample| in_texts(sample, *within, &|text| regex.is_match(text)))
        }
        Test::Value { field, .. } | Test::Match { field, .. } | Test::Range { field, .. } | Test::Has { field }
            if field.home == Home::Kin =>
        {
            let rows = super::kin::matching(moment.kin()?, field, test)?;
            Box::new(move |sample| rows.contains(sample.row))
        }
        Test::Value { field, .. } | Test::Match { field, .. } if field.name == "origin" => {
            let passes: Box<dyn Fn(&Sample) -> bool> = match test {
                Test::Match { pattern, .. } => {
                    let regex = expression(pattern)?;
                    Box::new(move |sample| any_word(sample, field, &|word| regex.is_match(word)))
                }
                Test::Value { value, .. } => Box::new(move |sample| any_word(sample, field, &|word| word == value)),
                _ => Box::new(|_| false),
            };
            // A survivor has the origins of those that it stands for.
            let mut standing = BTreeSet::new();
            for (row, kinship) in moment.kin()?.iter().filter(|(_, kinship)| kinship.of.is_some()) {
                if let (Some(survivor), Some(sample)) = (kinship.of_row, moment.sample(row)?)
                    && passes(&sample)
                {
                    standing.insert(survivor);
                }
            }
            Box::new(move |sample| passes(sample) || standing.contains(&sample.row))
        }
        Test::Value { field, value } => Box::new(move |sample| any_word(sample, field, &|word| word == value)),
        Test::Match { field, pattern } => {
            let regex: Regex = expression(pattern)?;
            Box::new(move |sample| any_word(sample, field, &|word| regex.is_match(word)))
        }
        Test::Range { field, range } => {
            Box::new(move |sample| number_of_sample(sample, field).is_some_and(|number| range.holds(number)))
        }
        Test::Count { field, name, range } => Box::new(move |sample| match sample.facts.get(&field.name) {
            FactValue::Set(names) => range.holds(f64::from(names.get(name).copied().unwrap_or(0))),
            _ => false,
        }),
        Test::Has { field } => Box::new(move |sample| has(sample, field)),
        Test::Meta { name, terms, prefix } => Box::new(move |sample| {
            sample.meta.get(name).is_some_and(|value| text::contains_phrase(&meta_text(value), terms, *prefix))
        }),
        Test::Near { id, threshold } => {
            let code = super::alike::code_of_id(moment, id)?;
            let wanted = code.map(|code| Wanted::new(Shingles::of_code(&code), *threshold));
            Box::new(move |sample| wanted.as_ref().is_some_and(|wanted| wanted.is_like(&sample.code)))
        }
        Test::Ast { pattern } => Box::new(move |sample| pattern.is_in(&sample.code)),
        Test::Id { prefix } => Box::new(move |sample| sample.id.to_string().starts_with(prefix.as_str())),
    })
}

fn in_texts(sample: &Sample, within: Within, found: &dyn Fn(&str) -> bool) -> bool {
    let instruction = || sample.instruction.as_deref().is_some_and(found);
    match within {
        Within::Any => instruction() || found(&sample.code),
        Within::Instruction => instruction(),
        Within::Code => found(&sample.code),
    }
}

fn any_word(sample: &Sample, field: &Field, pass: &dyn Fn(&str) -> bool) -> bool {
    // A column of a source's own is compared by its text, numbers too.
    if let Some(name) = field.name.strip_prefix("meta.") {
        return sample.meta.get(name).is_some_and(|value| pass(&meta_text(value)));
    }
    let mut found = false;
    values_of_sample(sample, field, &mut |value| found |= matches!(value, Seen::Word(word) if pass(word)));
    found
}

/// The number of a sample in a field; days since 1970-01-01 for dates.
fn number_of_sample(sample: &Sample, field: &Field) -> Option<f64> {
    match (field.home, field.name.as_str()) {
        (_, "rank") => Some(f64::from(sample.rank)),
        (_, "added") => days(&sample.added).map(|day| day as f64),
        (Home::Meta, name) => meta_number(sample.meta.get(name.strip_prefix("meta.").unwrap_or(name))?),
        (_, name) => sample.facts.number(name),
    }
}

fn has(sample: &Sample, field: &Field) -> bool {
    match field.home {
        Home::Text => field.name == "code" || sample.instruction.is_some(),
        Home::Meta => sample.meta.contains_key(field.name.strip_prefix("meta.").unwrap_or(&field.name)),
        _ => {
            let mut found = false;
            values_of_sample(sample, field, &mut |_| found = true);
            found
        }
    }
}

/// Hands over each value that a sample has in a field: nothing for null, several for a set.
pub(super) fn values_of_sample(sample: &Sample, field: &Field, take: &mut dyn FnMut(Seen<'_>)) {
    let mut word = |word: &str| take(Seen::Word(word));
    match (field.home, field.name.as_str()) {
        (_, "id") => word(&sample.id.to_string()),
        (_, "source") => word(&sample.source),
        (_, "key") => word(&sample.key),
        (_, "locator") => word(&sample.locator),
        (_, "origin") => word(&format!("{}:{}", sample.source, sample.locator)),
        (_, "licence") => word(&sample.licence),
        (_, "rank") => take(Seen::Number(f64::from(sample.rank))),
        (_, "level") => sample.level.as_deref().into_iter().for_each(word),
        (_, "state") => word(sample.state.word()),
        (_, "reason") => sample.reason.as_deref().into_iter().for_each(word),
        (_, "split") if sample.held => word("held"),
        (_, "split") => sample.split.into_iter().for_each(|side| word(side.word())),
        (_, "split.given") => sample.split_given.into_iter().for_each(|side| word(side.word())),
        (_, "eval.run") => sample.written.iter().for_each(|written| word(&written.run)),
        (_, "eval.stop") => sample.written.iter().for_each(|written| word(&written.stop)),
        (_, "tag") => sample.tags.iter().for_each(|tag| word(tag)),
        (_, "edited") => word(if sample.revision == RevisionKind::Edited { "true" } else { "false" }),
        (_, "description.kind") => word(sample.description_kind.word()),
        (_, "added") => days(&sample.added).into_iter().for_each(|day| word(&super::date_of(day))),
        (Home::Meta, name) => {
            match sample.meta.get(name.strip_prefix("meta.").unwrap_or(name)) {
                None => {}
                Some(value) => match value.as_f64() {
                    Some(number) => take(Seen::Number(number)),
                    None => word(&meta_text(value)),
                },
            };
        }
        (Home::Fact, name) => match sample.facts.get(name) {
            FactValue::Null => {}
            FactValue::Bool(yes) => word(if *yes { "true" } else { "false" }),
            FactValue::Int(number) => take(Seen::Number(*number as f64)),
            FactValue::Real(number) => take(Seen::Number(*number)),
            FactValue::Word(found) => word(found),
            FactValue::Set(names) => names.keys().for_each(|name| word(name)),
        },
        _ => {}
    }
}
