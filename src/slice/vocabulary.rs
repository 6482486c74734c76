//! What a store knows of words: the values that queries may name, for errors, notes and suggestions.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::query::plan::Home;
use crate::query::{self, Moment, NoMoment, Pin, Saved, Vocabulary, fields};
use crate::sample::SampleId;
use crate::store::Store;
use crate::store::index::schema::{HAS, meta_number, term_text};

/// Saved queries that every project has; a project's own of the same name go first.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("beginner-geometry", include_str!("../../queries/beginner-geometry.q")),
    ("broken", include_str!("../../queries/broken.q")),
    ("calculus", include_str!("../../queries/calculus.q")),
    ("curriculum", include_str!("../../queries/curriculum.q")),
    ("evaluation-pool", include_str!("../../queries/evaluation-pool.q")),
    ("formulas", include_str!("../../queries/formulas.q")),
    ("long-scenes", include_str!("../../queries/long-scenes.q")),
    ("manimgl", include_str!("../../queries/manimgl.q")),
    ("moving", include_str!("../../queries/moving.q")),
    ("needs-description", include_str!("../../queries/needs-description.q")),
    ("thanks-code", include_str!("../../queries/thanks-code.q")),
    ("three-d", include_str!("../../queries/three-d.q")),
    ("trainable", include_str!("../../queries/trainable.q")),
];

/// The words of a store and the saved queries of its project.
pub struct StoreVocabulary<'a> {
    store: &'a Store,
}

impl<'a> StoreVocabulary<'a> {
    /// Makes it for a store.
    pub fn new(store: &'a Store) -> Self {
        StoreVocabulary { store }
    }
}

impl Vocabulary for StoreVocabulary<'_> {
    fn values(&self, field: &str) -> Option<Vec<(String, u64)>> {
        match field {
            "state" | "reason" | "split" | "tag" | "licence" | "edited" => {
                Some(self.store.columns().ok()?.counts(field))
            }
            "source" => {
                // A source that was read and has no rows (all rejected later, or undone) is known all the same.
                let mut counts: Vec<(String, u64)> = self.store.columns().ok()?.counts("source");
                for source in self.store.sources().ok()? {
                    if !counts.iter().any(|(name, _)| *name == source.name) {
                        counts.push((source.name, 0));
                    }
                }
                counts.sort();
                Some(counts)
            }
            _ => {
                let found = self.store.index().dictionary(&term_text(field, "")).ok()?;
                (!found.is_empty()).then_some(found)
            }
        }
    }

    fn commonest(&self, field: &str, prefix: &str, limit: usize) -> Option<Vec<(String, u64)>> {
        match field {
            // These are small, and no terms of the index.
            "state" | "reason" | "split" | "tag" | "licence" | "edited" | "source" => {
                Some(query::complete::commonest(self.values(field)?, prefix, limit))
            }
            _ if limit == usize::MAX => Some(query::complete::commonest(self.values(field)?, prefix, limit)),
            _ => {
                let found = self.store.index().commonest(field, prefix, limit).ok()?;
                (!found.is_empty()).then_some(found)
            }
        }
    }

    fn has_value(&self, field: &str, value: &str) -> bool {
        if fields::named(field).is_some_and(|field| field.home == Home::Kin) {
            let begins = |id: SampleId| id.to_string().starts_with(value);
            return self.store.kin().is_ok_and(|kin| kin.iter().any(|(_, each)| each.word(field).is_some_and(begins)));
        }
        self.store.index().has_term(&term_text(field, value)).unwrap_or(false)
    }

    fn range(&self, field: &str) -> Option<(f64, f64)> {
        if fields::named(field).is_some_and(|field| field.home == Home::Kin) {
            let numbers = self.store.kin().ok()?.iter().filter_map(|(_, each)| each.number(field));
            return numbers.fold(None, |ends: Option<(f64, f64)>, number| {
                Some(ends.map_or((number, number), |(low, high)| (low.min(number), high.max(number))))
            });
        }
        let Some(column) = field.strip_prefix("meta.") else {
            return self.store.index().number_range(field).ok().flatten();
        };
        let mut ends: Option<(f64, f64)> = None;
        let mut take = |_: u32, value: &serde_json::Value| {
            if let Some(number) = meta_number(value) {
                ends = Some(ends.map_or((number, number), |(low, high)| (low.min(number), high.max(number))));
            }
        };
        self.store.scan_meta(column, &mut take).ok()?;
        ends
    }

    fn is_filled(&self, field: &str) -> Option<bool> {
        match fields::named(field)?.home {
            Home::Column if field == "rank" => Some(true),
            Home::Column => Some(!self.store.columns().ok()?.counts(field).is_empty()),
            Home::Kin => Some(self.store.kin().ok()?.iter().any(|(_, each)| each.has(field))),
            Home::Unfilled | Home::Relevance => None,
            _ => self.store.index().has_term(&term_text(HAS, field)).ok(),
        }
    }

    fn ids(&self, digits: &str, limit: usize, gone: bool) -> Option<Vec<String>> {
        let rows = if gone { self.store.rows_by_id_ever(digits, limit) } else { self.store.rows_by_id(digits, limit) };
        Some(rows.ok()?.into_iter().map(|(_, id)| id.to_string()).collect())
    }

    fn meta_names(&self) -> Vec<String> {
        let found = self.store.index().dictionary(&term_text(HAS, "meta.")).unwrap_or_default();
        found.into_iter().map(|(name, _)| name).collect()
    }

    fn levels(&self, at: Option<i64>) -> Vec<(String, Vec<String>)> {
        if let Some(op) = at {
            return self.store.past(op).and_then(|past| past.levels()).unwrap_or_default();
        }
        let sources = self.store.sources().unwrap_or_default();
        sources
            .into_iter()
            .filter(|source| !source.levels.is_empty())
            .map(|source| (source.name, source.levels))
            .collect()
    }

    fn moment(&self, moment: Moment<'_>) -> Result<Option<i64>, NoMoment> {
        let none = |message: String, instead: Option<String>| Err(NoMoment { message, instead });
        let unread = |error: crate::store::StoreError| NoMoment { message: error.to_string(), instead: None };
        let Some((newest, _)) = self.store.newest_op().map_err(unread)? else {
            return none("nothing was ever done in this store".to_owned(), None);
        };
        match moment {
            Moment::Op(op) if (1..=newest).contains(&op) => Ok(Some(op)),
            Moment::Op(op) => {
                let what = if op > newest { "the newest that is closed" } else { "the first" };
                let known = if op > newest { newest } else { 1 };
                none(format!("there is no op {op} to look back to: {what} is {known}"), Some(format!("op{known}")))
            }
            Moment::Day(day) => match self.store.op_by_day(day).map_err(unread)? {
                Ok(op) => Ok(Some(op)),
                Err(first) => {
                    let first = first.as_deref().and_then(|first| first.get(..10)).unwrap_or_default().to_owned();
                    none(format!("the store was empty on {day}: its first op ended on {first}"), Some(first))
                }
            },
        }
    }

    fn pin(&self, name: &str, number: u64) -> Option<Pin> {
        let pin = self.store.pins(Some(name)).ok()?.into_iter().find(|pin| pin.number == number)?;
        Some(Pin { name: pin.name, number, key: pin.pin, op: pin.moment })
    }

    fn pin_texts(&self, pin: &Pin) -> Vec<(String, String)> {
        let pins = self.store.pins(Some(&pin.name)).unwrap_or_default();
        let found = pins.into_iter().find(|each| each.number == pin.number);
        let texts = found.into_iter().flat_map(|found| {
            let own = (format!("{}#{}", pin.name, pin.number), found.query);
            std::iter::once(own).chain(found.queries)
        });
        texts.collect()
    }

    fn pins(&self, name: Option<&str>) -> Vec<(String, u64)> {
        let pins = self.store.pins(name).unwrap_or_default();
        pins.into_iter().map(|pin| (pin.name, pin.number)).collect()
    }

    fn saved(&self, name: &str) -> Option<Saved> {
        let path = self.store.project().queries_dir().join(format!("{name}.q"));
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let text = crate::query::without_mark(&text).to_owned();
                return Some(Saved { text, path: format!("queries/{name}.q") });
            }
            // One that is there and cannot be read is not replaced by the one that is built in.
            Err(_) if path.exists() => return None,
            Err(_) => {}
        }
        let (_, text) = BUILT_IN.iter().find(|(each, _)| *each == name)?;
        Some(Saved { text: (*text).to_owned(), path: format!("{name}.q (built in)") })
    }

    fn saved_names(&self) -> Vec<String> {
        saved_names(self.store.project())
    }
}

/// Other words, with saved queries of fixed texts before theirs. It remembers which saved queries were asked for, so that
/// after a query has compiled it tells all that the query uses.
pub struct Frozen<'a> {
    words: &'a dyn Vocabulary,
    texts: &'a BTreeMap<String, String>,
    used: RefCell<BTreeMap<String, String>>,
}

impl<'a> Frozen<'a> {
    /// Makes it of other words and the texts of saved queries by name.
    pub fn new(words: &'a dyn Vocabulary, texts: &'a BTreeMap<String, String>) -> Self {
        Frozen { words, texts, used: RefCell::default() }
    }

    /// The texts of the saved queries that were asked for, by name.
    pub fn used(self) -> BTreeMap<String, String> {
        self.used.into_inner()
    }
}

impl Vocabulary for Frozen<'_> {
    fn values(&self, field: &str) -> Option<Vec<(String, u64)>> {
        self.words.values(field)
    }

    fn commonest(&self, field: &str, prefix: &str, limit: usize) -> Option<Vec<(String, u64)>> {
        self.words.commonest(field, prefix, limit)
    }

    fn has_value(&self, field: &str, value: &str) -> bool {
        self.words.has_value(field, value)
    }

    fn range(&self, field: &str) -> Option<(f64, f64)> {
        self.words.range(field)
    }

    fn is_filled(&self, field: &str) -> Option<bool> {
        self.words.is_filled(field)
    }

    fn ids(&self, digits: &str, limit: usize, gone: bool) -> Option<Vec<String>> {
        self.words.ids(digits, limit, gone)
    }

    fn meta_names(&self) -> Vec<String> {
        self.words.meta_names()
    }

    fn levels(&self, at: Option<i64>) -> Vec<(String, Vec<String>)> {
        self.words.levels(at)
    }

    fn moment(&self, moment: Moment<'_>) -> Result<Option<i64>, NoMoment> {
        self.words.moment(moment)
    }

    fn pin(&self, name: &str, number: u64) -> Option<Pin> {
        let pin = self.words.pin(name, number)?;
        self.words.pin_texts(&pin).into_iter().for_each(|(name, text)| {
            self.used.borrow_mut().entry(name).or_insert(text);
        });
        Some(pin)
    }

    fn pins(&self, name: Option<&str>) -> Vec<(String, u64)> {
        self.words.pins(name)
    }

    fn saved(&self, name: &str) -> Option<Saved> {
        let found = match self.texts.get(name) {
            Some(text) => Saved { text: text.clone(), path: format!("{name}.q (of the manifest)") },
            None => self.words.saved(name)?,
        };
        self.used.borrow_mut().insert(name.to_owned(), found.text.clone());
        Some(found)
    }

    fn saved_names(&self) -> Vec<String> {
        let mut names = self.words.saved_names();
        names.extend(self.texts.keys().cloned());
        names.sort();
        names.dedup();
        names
    }
}

/// A project's own saved queries that cannot be read, by name, each with why.
pub fn unreadable(project: &crate::store::Project) -> Vec<(String, String)> {
    let read = |name: String| {
        let why = match std::fs::read(project.queries_dir().join(format!("{name}.q"))) {
            Ok(bytes) => {
                let at = std::str::from_utf8(&bytes).err()?.valid_up_to();
                let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
                format!("byte {} (line {line}) is not UTF-8; a saved query is a text file in UTF-8", at + 1)
            }
            Err(error) => error.to_string(),
        };
        Some((name, why))
    };
    own_names(project).into_iter().filter_map(read).collect()
}

fn own_names(project: &crate::store::Project) -> Vec<String> {
    let entries = std::fs::read_dir(project.queries_dir()).into_iter().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(".q").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// Names of saved queries: the project's own and those built in, sorted.
pub fn saved_names(project: &crate::store::Project) -> Vec<String> {
    let mut names = own_names(project);
    names.extend(BUILT_IN.iter().map(|(name, _)| (*name).to_owned()));
    names.sort();
    names.dedup();
    names
}
