//! `query`, `count`, `fields`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::analyze::features::Kind;
use crate::cli::args::{CountArgs, FieldsArgs, QueryArgs, QueryFormat};
use crate::cli::draw::{name, table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::{Session, output};
use crate::query::fields;
use crate::query::plan::{Field, Home, Plan};
use crate::sample::{FactValue, Sample};
use crate::slice;
use crate::slice::Slice;
use crate::store::index::rows::RowSet;
use crate::store::index::tally::Tally;
use crate::store::{Kin, Store};

/// Values of a field in the list of all fields: the commonest.
const FEW: usize = 8;

/// Rows of a table page.
const PAGE: usize = 20;

/// Prints the rows of a query.
///
/// # Errors
/// As the query and the store.
pub fn query(session: &Session, args: &QueryArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let text = session.query_text(&args.asked)?;
    let compiled = session.compile(&store, &text)?;
    let extra = args.fields.iter().map(|name| field_named(name)).collect::<Result<Vec<_>, _>>()?;
    let format = if session.json && args.format == QueryFormat::Table { QueryFormat::Json } else { args.format };
    let limit = args.limit.unwrap_or(if format == QueryFormat::Table { PAGE } else { usize::MAX });
    note_unfilled(session, &compiled.plan, &extra);
    let slice = session.select(&store, &compiled.plan, limit)?;
    let scores = match extra.iter().any(|field| field.home == Home::Relevance) {
        true => scores(&store, &compiled.plan, &slice, &text)?,
        false => BTreeMap::new(),
    };
    let beside = Beside::of(&store, &slice, &extra)?;
    let row_of = |sample: &Sample| {
        let mut row = row_json(sample, &extra, &beside);
        if let (Some(shown), Some(score)) = (row.get_mut("score"), scores.get(&sample.row)) {
            *shown = json!((score * 1000.0).round() / 1000.0);
        }
        row
    };
    match format {
        QueryFormat::Ids => {
            for (_, id) in &slice.rows {
                session.print(format!("{id}\n"))?;
            }
        }
        QueryFormat::Jsonl => {
            for sample in slice::samples(&store, &slice) {
                session.print_json(&row_of(&sample?))?;
            }
        }
        QueryFormat::Json => {
            session.print("[")?;
            for (at, sample) in slice::samples(&store, &slice).enumerate() {
                session.print(if at == 0 { "\n" } else { ",\n" })?;
                session.print(Value::Object(row_of(&sample?)).to_string())?;
            }
            session.print("\n]\n")?;
        }
        QueryFormat::Csv => {
            let mut out = csv::Writer::from_writer(std::io::stdout().lock());
            let failed = |error: csv::Error| match error.into_kind() {
                csv::ErrorKind::Io(error) => output(error),
                other => Failure::request(format!("{other:?}")),
            };
            for (at, sample) in slice::samples(&store, &slice).enumerate() {
                let row = row_of(&sample?);
                if at == 0 {
                    out.write_record(row.keys()).map_err(failed)?;
                }
                out.write_record(row.values().map(plain)).map_err(failed)?;
            }
            out.flush().map_err(output)?;
        }
        QueryFormat::Table => {
            let ids: Vec<_> = slice.rows.iter().map(|(_, id)| *id).collect();
            let digits = store.short_digits(&ids)?;
            let mut head = vec!["id", "source"];
            head.extend(extra.iter().map(|field| field.name.as_str()));
            if extra.is_empty() {
                head.extend(["complexity", "lines"]);
            }
            head.push("instruction");
            let mut rows = Vec::new();
            for sample in slice::samples(&store, &slice) {
                let sample = sample?;
                let mut cells = vec![sample.id.to_string()[..digits].to_owned(), sample.source.clone()];
                if extra.is_empty() {
                    cells.push(sample.facts.word("complexity").unwrap_or("-").to_owned());
                    cells.push(sample.facts.number("lines").map_or("-".to_owned(), |lines| lines.to_string()));
                } else {
                    cells.extend(extra.iter().map(|field| match scores.get(&sample.row) {
                        Some(score) if field.home == Home::Relevance => format!("{score:.3}"),
                        _ => plain(&value_of(&sample, field, &beside)),
                    }));
                }
                cells.push(sample.instruction.clone().unwrap_or_else(|| format!("({})", sample.locator)));
                rows.push(cells);
            }
            if !rows.is_empty() {
                session.print(table(&head, &rows, session.width))?;
            }
            let shown = rows.len() as u64;
            let more = if shown < slice.total {
                format!("; the first {} are shown (-n N shows more)", thousands(shown))
            } else {
                String::new()
            };
            session.say(format!("{} {}{more}", thousands(slice.total), if slice.total == 1 { "row" } else { "rows" }));
        }
    }
    Ok(())
}

/// How well the rows of a slice fit the words that they are ordered by.
fn scores(store: &Store, plan: &Plan, slice: &slice::Slice, text: &str) -> Result<BTreeMap<u32, f64>, Failure> {
    let rows: RowSet = slice.rows.iter().map(|(row, _)| *row).collect();
    slice::scores(store, plan, &rows)?.ok_or_else(|| {
        let filter = text.split('|').next().unwrap_or_default().trim();
        let message = "`score` is there for a query that is ordered by it: `… | sort -score`, right after the filter";
        let fixed = format!("{filter} | sort -score");
        let fits = crate::query::compile(&fixed, &crate::slice::vocabulary::StoreVocabulary::new(store)).is_ok();
        Failure::new(2, "field", message).suggesting(if fits { vec![fixed] } else { Vec::new() })
    })
}

/// Says of each field that nothing fills yet that it is null, where the query has not said so.
fn note_unfilled(session: &Session, plan: &Plan, shown: &[Field]) {
    let said = |sentence: &String| plan.notes.iter().any(|note| note.message == *sentence);
    for sentence in shown.iter().filter_map(fields::unfilled).filter(|sentence| !said(sentence)) {
        session.note(sentence);
    }
}

/// The field of a name.
///
/// # Errors
/// Where there is none.
pub fn field_named(name: &str) -> Result<Field, Failure> {
    let name = name.trim();
    if let Some(field) = fields::named(name) {
        return Ok(field);
    }
    let known: Vec<String> = fields::all().into_iter().map(|field| field.name.to_string()).collect();
    let near = crate::query::similar(name, known.iter().map(String::as_str));
    let hint = if near.is_empty() {
        "`scenery fields` lists them".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    Err(Failure::usage(format!("there is no field `{name}`: {hint}")).suggesting(near))
}

/// What fields show that a sample does not hold: its likes, and where they stem from.
#[derive(Default)]
pub struct Beside<'a> {
    kin: Cow<'a, Kin>,
    /// The origins of each row; its own alone where they are missing.
    origins: BTreeMap<u32, Vec<String>>,
}

impl<'a> Beside<'a> {
    /// What the fields need.
    fn of(store: &'a Store, slice: &Slice, fields: &[Field]) -> Result<Self, Failure> {
        let mut out = Beside::default();
        if fields.iter().any(|field| field.home == Home::Kin) {
            out.kin = store.kin_at(slice.at)?;
        }
        if let (Some(field), None) = (fields.iter().find(|field| field.name == "origin"), slice.at) {
            let rows = slice.rows.iter().map(|(row, _)| *row).collect();
            for (row, values) in slice::values_of(store, field, &rows)? {
                let texts = values.into_iter().filter_map(|value| value.json().as_str().map(str::to_owned));
                out.origins.insert(row, texts.collect());
            }
        }
        Ok(out)
    }
}

/// A row as `query --format jsonl` gives it.
pub fn row_json(sample: &Sample, extra: &[Field], beside: &Beside<'_>) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    put("id", json!(sample.id.to_string()));
    put("source", json!(sample.source));
    put("locator", json!(sample.locator));
    put("state", json!(sample.state));
    put("instruction", json!(sample.instruction));
    put("code", json!(sample.code));
    put("licence", json!(sample.licence));
    put("split", side(sample));
    put("split_given", json!(sample.split_given));
    put("tags", json!(sample.tags));
    for field in extra {
        out.insert(field.name.clone(), value_of(sample, field, beside));
    }
    out
}

/// The store's own side of a sample, or that it is held.
fn side(sample: &Sample) -> Value {
    if sample.held { json!("held") } else { json!(sample.split) }
}

/// A field of a sample as JSON; null where it has none.
pub fn value_of(sample: &Sample, field: &Field, beside: &Beside<'_>) -> Value {
    match (field.home, field.name.as_str()) {
        (Home::Unfilled | Home::Relevance, _) => Value::Null,
        (Home::Kin, name) => {
            let kinship = beside.kin.get(sample.row);
            match kinship.and_then(|kinship| kinship.word(name)) {
                Some(id) => json!(id),
                None => kinship
                    .and_then(|kinship| kinship.number(name))
                    .map_or(Value::Null, |number| slice::GroupKey::number(number).json()),
            }
        }
        (Home::Meta, name) => {
            sample.meta.get(name.strip_prefix("meta.").unwrap_or(name)).cloned().unwrap_or(Value::Null)
        }
        (_, "eval.run") => json!(sample.written.as_ref().map(|written| &written.run)),
        (_, "eval.stop") => json!(sample.written.as_ref().map(|written| &written.stop)),
        (_, "id") => json!(sample.id.to_string()),
        (_, "source") => json!(sample.source),
        (_, "locator") => json!(sample.locator),
        (_, "origin") => match beside.origins.get(&sample.row) {
            Some(origins) => json!(origins),
            None => json!([format!("{}:{}", sample.source, sample.locator)]),
        },
        (_, "licence") => json!(sample.licence),
        (_, "key") => json!(sample.key),
        (_, "instruction") => json!(sample.instruction),
        (_, "code") => json!(sample.code),
        (_, "tag") => json!(sample.tags),
        (_, "reason") => json!(sample.reason),
        (_, "added") => json!(sample.added),
        (_, "edited") => json!(sample.revision == crate::sample::RevisionKind::Edited),
        (_, "rank") => json!(sample.rank),
        (_, "description.kind") => json!(sample.description_kind),
        (_, "state") => json!(sample.state),
        (_, "split") => side(sample),
        (_, "split.given") => json!(sample.split_given),
        (_, "level") => json!(sample.level),
        (_, name) => match sample.facts.get(name) {
            FactValue::Set(names) if matches!(field.kind, Kind::Set) => json!(names.keys().collect::<Vec<_>>()),
            value => serde_json::to_value(value).unwrap_or(Value::Null),
        },
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Object(names) => names
            .iter()
            .map(|(name, count)| if count == &json!(1) { name.clone() } else { format!("{name}×{count}") })
            .collect::<Vec<_>>()
            .join(" "),
        other => other.to_string(),
    }
}

/// Counts rows.
///
/// # Errors
/// As the query and the store.
pub fn count(session: &Session, args: &CountArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let text = session.query_text(&args.asked)?;
    let compiled = session.compile(&store, &text)?;
    if args.by.is_empty() {
        let total = slice::count(&store, &compiled.plan)?;
        if session.json {
            return session.print_json(&json!({ "total": total, "groups": [] }));
        }
        return session.print(format!("{total}\n"));
    }
    let by = args.by.iter().map(|name| field_named(name)).collect::<Result<Vec<_>, _>>()?;
    if let Some(field) = by.iter().find(|field| matches!(field.home, Home::Text | Home::Relevance)) {
        let what = if field.home == Home::Text { "a text" } else { "of a query, not of a sample" };
        let message = format!("`{}` is {what}: there are no values to count by", field.name);
        return Err(Failure::new(2, "field", message));
    }
    note_unfilled(session, &compiled.plan, &by);
    let (total, mut groups) = slice::count_by(&store, &compiled.plan, &by)?;
    let all = groups.len();
    groups.truncate(args.limit.unwrap_or(usize::MAX));
    if session.json {
        return session.print_json(&json!({ "total": total, "groups": groups }));
    }
    let mut head: Vec<&str> = by.iter().map(|field| field.name.as_str()).collect();
    head.push("rows");
    let rows: Vec<Vec<String>> = groups
        .iter()
        .map(|group| {
            let mut cells: Vec<String> = group
                .key
                .values()
                .map(|value| if value.is_null() { "(none)".to_owned() } else { plain(value) })
                .collect();
            cells.push(group.count.to_string());
            cells
        })
        .collect();
    session.print(table(&head, &rows, session.width))?;
    let several = by.iter().any(|field| matches!(field.kind, Kind::Set | Kind::CountedSet));
    let cut = if groups.len() < all {
        format!("; the first {} of {all} groups are shown", groups.len())
    } else {
        String::new()
    };
    let more = if several { "; a row counts in the group of each of its values" } else { "" };
    session.say(format!("{} rows{more}{cut}", thousands(total)));
    Ok(())
}

/// Lists the fields.
///
/// # Errors
/// As the store.
pub fn fields(session: &Session, args: &FieldsArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let all = fields::all();
    let kept = store.columns()?.filter_words("state", &|state| state == "kept");
    let index = store.index();
    let counter = Counter { store: &store, tally: index.tally(&kept)?, kept };
    let mut shown = Vec::new();
    let meta: Vec<String> = {
        use crate::query::Vocabulary;
        crate::slice::vocabulary::StoreVocabulary::new(&store).meta_names()
    };
    for info in &all {
        if args.name.as_ref().is_some_and(|name| *name != info.name) {
            continue;
        }
        shown.push(counter.describe(&info.field(), info.unit, info.doc, args.name.is_some())?);
    }
    for name in &meta {
        let full = format!("meta.{name}");
        if args.name.as_ref().is_some_and(|wanted| wanted != &full) {
            continue;
        }
        let field = Field { name: full, kind: Kind::Text, home: Home::Meta };
        shown.push(counter.describe(&field, "", "a column of the source", args.name.is_some())?);
    }
    if let Some(name) = &args.name
        && shown.is_empty()
    {
        field_named(name)?;
    }
    if session.json {
        return session.print_json(&shown);
    }
    let text = |value: &Value| plain(value);
    if args.name.is_some() {
        for field in &shown {
            session.print(format!(
                "{} ({}{})\n{}\n",
                name(&text(&field["name"])),
                text(&field["type"]),
                unit(field),
                text(&field["about"])
            ))?;
            let rows: Vec<Vec<String>> = field["values"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|value| vec![text(&value["value"]), text(&value["count"])])
                .collect();
            if !rows.is_empty() {
                session.print("\n")?;
                session.print(table(&["value", "rows"], &rows, session.width))?;
            }
        }
        return Ok(());
    }
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|field| {
            let values = field["values"].as_array().map(|values| {
                values
                    .iter()
                    .take(4)
                    .map(|value| format!("{} {}", text(&value["value"]), text(&value["count"])))
                    .collect::<Vec<_>>()
                    .join(", ")
            });
            let range = match (&field["min"], &field["max"]) {
                (Value::Null, _) | (_, Value::Null) => String::new(),
                (low, high) => format!("{}..{}", text(low), text(high)),
            };
            vec![
                text(&field["name"]),
                format!("{}{}", text(&field["type"]), unit(field)),
                values.filter(|values| !values.is_empty()).unwrap_or(range),
                text(&field["about"]),
            ]
        })
        .collect();
    session.print(table(&["field", "type", "values here", "what it is"], &rows, session.width.max(140)))
}

fn unit(field: &Value) -> String {
    match field["unit"].as_str() {
        Some(unit) if !unit.is_empty() => format!(", {unit}"),
        _ => String::new(),
    }
}

/// Counts what the kept samples have in fields.
struct Counter<'a> {
    store: &'a Store,
    kept: RowSet,
    tally: Tally<'a>,
}

/// Values with their counts, or the ends of numbers.
enum Counted {
    Numbers { rows: u64, least: slice::GroupKey, greatest: slice::GroupKey },
    Values { rows: u64, values: Vec<(slice::GroupKey, u64)> },
    Nothing,
}

impl Counter<'_> {
    /// A field with its values and counts; all of them where `full`, else the commonest.
    fn describe(&self, field: &Field, unit: &str, about: &str, full: bool) -> Result<Value, Failure> {
        let mut out =
            json!({ "name": field.name, "type": fields::kind_name(field.kind), "unit": unit, "about": about });
        let listed = matches!(field.home, Home::Fact | Home::Row | Home::Column | Home::Kin)
            && !matches!(field.kind, Kind::Text)
            || matches!(field.home, Home::Meta) && full;
        if !listed {
            return Ok(out);
        }
        let fields = out.as_object_mut().expect("the object was just made");
        match self.count(field)? {
            Counted::Numbers { rows, least, greatest } => {
                fields.insert("rows".into(), json!(rows));
                fields.insert("min".into(), least.json());
                fields.insert("max".into(), greatest.json());
            }
            Counted::Values { rows, mut values } => {
                type Valued = (slice::GroupKey, u64);
                let commonest = |a: &Valued, b: &Valued| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0));
                fields.insert("rows".into(), json!(rows));
                fields.insert("distinct".into(), json!(values.len()));
                if !full && values.len() > FEW {
                    values.select_nth_unstable_by(FEW, commonest);
                    values.truncate(FEW);
                }
                values.sort_by(commonest);
                let values: Vec<Value> = values
                    .iter()
                    .map(|(value, count)| json!({ "value": value.json_of(field), "count": count }))
                    .collect();
                fields.insert("values".into(), json!(values));
            }
            Counted::Nothing => {
                fields.insert("rows".into(), json!(0));
                fields.insert("min".into(), Value::Null);
                fields.insert("max".into(), Value::Null);
            }
        }
        Ok(out)
    }

    fn count(&self, field: &Field) -> Result<Counted, Failure> {
        let words = |rows: u64, counts: Vec<(String, u64)>| Counted::Values {
            rows,
            values: counts.into_iter().map(|(word, count)| (slice::GroupKey::Word(word), count)).collect(),
        };
        Ok(match (field.home, field.kind) {
            (Home::Column, Kind::Int) => {
                let columns = self.store.columns()?;
                let ranks: Vec<u8> = self.kept.iter().filter_map(|row| columns.rank(row)).collect();
                match (ranks.iter().min(), ranks.iter().max()) {
                    (Some(least), Some(greatest)) => Counted::Numbers {
                        rows: ranks.len() as u64,
                        least: slice::GroupKey::number(f64::from(*least)),
                        greatest: slice::GroupKey::number(f64::from(*greatest)),
                    },
                    _ => Counted::Nothing,
                }
            }
            (Home::Column, _) => {
                let (rows, counts) = self.store.columns()?.counts_among(&field.name, &self.kept);
                words(rows, counts)
            }
            (Home::Fact | Home::Row, Kind::Int | Kind::Real | Kind::Date) => {
                let end = |number: f64| match field.kind {
                    Kind::Date => slice::GroupKey::Word(slice::date_of(number as i64)),
                    _ => slice::GroupKey::number(number),
                };
                match self.tally.numbers(&field.name)? {
                    Some(found) => {
                        Counted::Numbers { rows: found.rows, least: end(found.least), greatest: end(found.greatest) }
                    }
                    None => Counted::Nothing,
                }
            }
            (Home::Fact | Home::Row, _) => words(self.tally.given(&field.name)?, self.tally.words(&field.name)?),
            _ => {
                let mut rows = 0;
                let mut counts: BTreeMap<slice::GroupKey, u64> = BTreeMap::new();
                for found in slice::values_of(self.store, field, &self.kept)?.into_values() {
                    rows += 1;
                    found.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
                }
                Counted::Values { rows, values: counts.into_iter().collect() }
            }
        })
    }
}
