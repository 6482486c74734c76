//! `export`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::analyze;
use crate::cli::args::ExportArgs;
use crate::cli::draw::{name, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::export::licences::concern;
use crate::export::{self, Encoding, Layout, OnUnfit, Origin, Request, Row, Seed, SourceInfo, StageCount};
use crate::ingest::recipe::licence;
use crate::query::plan::{Plan, Step};
use crate::sample::{Sample, SampleId};
use crate::slice::vocabulary::{Frozen, StoreVocabulary};
use crate::slice::{self, Slice};
use crate::store::{Kin, Past, Project, Store, StoreError};

/// Writes a slice as files.
///
/// # Errors
/// As the query, the store and [`export::write`].
pub fn export(session: &Session, args: &ExportArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let settings = Settings::read(store.project())?;
    check_out(store.project(), &args.out)?;
    let request = match &args.from {
        Some(manifest) => from_manifest(manifest, args)?,
        None => Request { deny_licences: settings.deny_licences.clone(), ..request_of(session, args)? },
    };
    let report = write(session, &store, request, &settings)?;
    if session.json {
        return session.print_json(&report);
    }
    for (reason, count) in &report.skipped {
        session.note(format!("{} rows were left out: {reason}", thousands(*count)));
    }
    for file in &report.files {
        session.print(format!(
            "{}  {:>7}  {}\n",
            &file.sha256[..12],
            file.rows.map_or("-".to_owned(), thousands),
            name(&args.out.join(&file.path).to_string_lossy())
        ))?;
    }
    let sides: Vec<String> = report
        .rows
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(side, count)| format!("{} {side}", thousands(*count)))
        .collect();
    session.say(format!(
        "{} rows selected = {} written{}; sides: {}",
        thousands(report.selected),
        sides.join(" + "),
        report.skipped.iter().map(|(reason, count)| format!(" + {} {reason}", thousands(*count))).collect::<String>(),
        report.sides.rule,
    ));
    Ok(())
}

/// Evaluates the query of a request and writes it.
///
/// # Errors
/// As [`export`].
pub fn write(
    session: &Session,
    store: &Store,
    mut request: Request,
    settings: &Settings,
) -> Result<export::Report, Failure> {
    request.check()?;
    let words = StoreVocabulary::new(store);
    let vocabulary = Frozen::new(&words, &request.saved_queries);
    let compiled = session.compile_with(store, &request.query_typed, &vocabulary)?;
    refuse_relevance(&compiled.plan, "export")?;
    let used = vocabulary.used();
    // A manifest that keeps no texts is repeated as it is.
    if request.expected.is_none() || !request.saved_queries.is_empty() {
        request.saved_queries = used;
    }
    request.query_expanded = compiled.resolved.to_string();
    let slice = session.select(store, &compiled.plan, usize::MAX)?;
    request.sides_of_query = slice.sides.is_some();
    if slice.sides.is_none() && slice.at.is_none() {
        let all = store.stale_sides()?;
        let stale = slice.rows.iter().filter(|(row, _)| all.contains(*row)).count() as u64;
        if stale > 0 {
            return Err(Failure::request(format!(
                "{} samples have other code than when their side was recorded, and may stand near another side now: `scenery split --extend` looks, and holds those that do",
                thousands(stale)
            )));
        }
    }
    let clusters = Clusters::of(store, &slice)?;
    let licences = licences_of(store, &slice, &clusters)?;
    deny_too(&mut request, settings, &licences);
    check_allowed(session, store, &request, &licences)?;
    request.seeds = seeds(&compiled.plan);
    // Where a pin of a manifest is asked anew, what it asks and its own stages are no part of the query as it was typed.
    let anew = request.saved_queries.keys().any(|name| name.contains('#')) && compiled.plan.order.is_none();
    request.stage_counts = compiled
        .plan
        .steps
        .iter()
        .zip(&slice.steps)
        .map(|(step, count)| StageCount { stage: count.step.clone(), asked: asked(step), got: count.rows_out })
        .collect();
    if let (true, Some(expected)) = (anew, &request.expected) {
        request.stage_counts.clone_from(&expected.stages);
        request.seeds.clone_from(&expected.seeds);
        request.query_expanded.clone_from(&expected.query.expanded);
    }
    request.analyser_version = analyze::analyser_version();
    request.tool_version = env!("CARGO_PKG_VERSION").to_owned();
    let sources: BTreeMap<String, SourceInfo> = store
        .sources()?
        .into_iter()
        .map(|source| {
            let some = |text: String| (!text.is_empty()).then_some(text);
            let info = SourceInfo {
                title: source.title,
                licence: source.licence,
                url: some(source.url),
                citation: some(source.citation),
                rank: source.rank,
                near_duplicates_may_part: source.dedup != "near",
            };
            (source.name, info)
        })
        .collect();
    let of_query = request.sides_of_query;
    let rows = slice::samples(store, &slice).map(|sample| sample.and_then(|sample| clusters.row(sample, of_query)));
    Ok(export::write(&request, rows, &sources)?)
}

/// What the samples of a slice stand for, as it was then.
struct Clusters<'a> {
    store: &'a Store,
    past: Option<Past<'a>>,
    kin: Cow<'a, Kin>,
    /// Rows of the duplicates of each survivor.
    members: BTreeMap<SampleId, Vec<u32>>,
}

impl<'a> Clusters<'a> {
    fn of(store: &'a Store, slice: &Slice) -> Result<Self, StoreError> {
        let past = slice.at.map(|op| store.past(op)).transpose()?;
        let kin = store.kin_at(slice.at)?;
        let mut members: BTreeMap<SampleId, Vec<u32>> = BTreeMap::new();
        for (row, kinship) in kin.iter() {
            if let Some(survivor) = kinship.of {
                members.entry(survivor).or_default().push(row);
            }
        }
        Ok(Clusters { store, past, kin, members })
    }

    /// A duplicate; `None` where its content has been forgotten since.
    fn member(&self, row: u32) -> Result<Option<Sample>, StoreError> {
        match &self.past {
            Some(past) if past.touched().contains(row) => past.sample(row),
            _ => self.store.sample_without_facts(row).map(Some),
        }
    }

    /// The row of a sample, with every place that it and its duplicates stem from, and the family that the store found.
    /// What a model wrote is on the side of its prompt, unless a stage of the query gave sides: that had to agree.
    fn row(&self, mut sample: Sample, of_query: bool) -> Result<Row, StoreError> {
        if !of_query {
            sample.inherit_side(&|row| self.member(row))?;
        }
        let mut others = Vec::new();
        for row in self.members.get(&sample.id).into_iter().flatten() {
            others.extend(self.member(*row)?.map(|member| (member.id, Origin::of(&member))));
        }
        others.sort_by(|(a, one), (b, two)| (&one.source, a).cmp(&(&two.source, b)));
        let family = self.kin.get(sample.row).and_then(|kinship| kinship.family).map(|id| id.to_string());
        let mut row = Row::from(sample);
        row.origins.extend(others.into_iter().map(|(_, origin)| origin));
        row.family = family.or(row.family);
        Ok(row)
    }
}

/// Refuses to keep an order that changes with every sample that is read.
///
/// # Errors
/// Where the plan orders by relevance anywhere.
pub(super) fn refuse_relevance(plan: &Plan, what: &str) -> Result<(), Failure> {
    if !plan.orders_by_score() {
        return Ok(());
    }
    let message = format!(
        "`sort -score` is for looking: relevance changes with every sample that is read, so this {what} could not be made again; sort by a field, or leave the stage out"
    );
    Err(Failure::new(2, "stage", message))
}

/// Refuses a folder inside those that the project itself lives in.
fn check_out(project: &Project, out: &Path) -> Result<(), Failure> {
    let place = settled(out);
    for own in [project.store_dir(), project.queries_dir()] {
        if place.starts_with(settled(&own)) {
            let message = format!(
                "--out {}: {} belongs to the project itself; name a folder outside it",
                out.display(),
                own.display()
            );
            let mut failure = Failure::usage(message);
            failure.path = Some(out.display().to_string());
            return Err(failure);
        }
    }
    Ok(())
}

/// A path as the file system has it, as far as it is there.
fn settled(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut out = PathBuf::new();
    for part in whole.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            part => out.push(part),
        }
        if let Ok(real) = std::fs::canonicalize(&out) {
            out = real;
        }
    }
    out
}

/// The licences of the rows of a slice.
fn licences_of(store: &Store, slice: &Slice, clusters: &Clusters<'_>) -> Result<BTreeSet<String>, Failure> {
    let mut found = BTreeSet::new();
    for row in slice.rows.iter().filter_map(|(_, id)| clusters.members.get(id)).flatten() {
        found.extend(clusters.member(*row)?.map(|member| member.licence));
    }
    if slice.at.is_some() {
        for sample in slice::samples(store, slice) {
            found.insert(sample?.licence);
        }
        return Ok(found);
    }
    let columns = store.columns()?;
    for (row, _) in &slice.rows {
        for licence in columns.words("licence", *row) {
            if !found.contains(licence) {
                found.insert(licence.to_owned());
            }
        }
    }
    Ok(found)
}

/// Adds the project's deny list to that of a manifest, where that denies a row more; else the manifest stays as it is.
fn deny_too(request: &mut Request, settings: &Settings, licences: &BTreeSet<String>) {
    let mut both = request.deny_licences.clone();
    both.extend(settings.deny_licences.iter().filter(|denied| !request.deny_licences.contains(denied)).cloned());
    if licences.iter().any(|licence| concern(licence, &both) != concern(licence, &request.deny_licences)) {
        request.deny_licences = both;
    }
}

/// Says which of the licences that were allowed no row has, and refuses those that are none.
fn check_allowed(
    session: &Session,
    store: &Store,
    request: &Request,
    licences: &BTreeSet<String>,
) -> Result<(), Failure> {
    let repeated = |allowed: &&String| {
        request.expected.as_ref().is_some_and(|expected| expected.allowed_licences.contains(*allowed))
    };
    for allowed in request.allow_licences.iter().filter(|allowed| !repeated(allowed)) {
        let is = |licence: &str| licence.trim().eq_ignore_ascii_case(allowed.trim());
        if licences.iter().any(|licence| is(licence)) {
            continue;
        }
        // A source may state a licence that is no SPDX expression; here it is a licence all the same.
        if let Err(message) = licence::read(allowed)
            && !store.columns()?.counts("licence").iter().any(|(licence, _)| is(licence))
        {
            return Err(Failure::usage(format!("--allow-licence {allowed}: {message}")));
        }
        session.note(format!("--allow-licence {allowed} allowed nothing: no row that is selected has that licence"));
    }
    Ok(())
}

fn request_of(session: &Session, args: &ExportArgs) -> Result<Request, Failure> {
    let names = |words: Vec<&str>| words.join(", ");
    let format = export::format(&args.format).ok_or_else(|| {
        let known: Vec<&str> = export::FORMATS.iter().map(|format| format.name).collect();
        let near = crate::query::similar(&args.format, known.iter().copied());
        Failure::usage(format!("there is no format `{}`; there are: {}", args.format, names(known))).suggesting(near)
    })?;
    let preset = match &args.preset {
        None => None,
        Some(name) => Some(export::preset(name).ok_or_else(|| {
            let known: Vec<&str> = export::PRESETS.iter().map(|preset| preset.name).collect();
            let near = crate::query::similar(name, known.iter().copied());
            Failure::usage(format!("there is no preset `{name}`; there are: {}", names(known))).suggesting(near)
        })?),
    };
    let mut request = Request::new(&args.out, format);
    request.layout = word::<Layout>("layout", &args.layout)?;
    request.encoding = match &args.encoding {
        Some(encoding) => word::<Encoding>("encoding", encoding)?,
        None => request.layout.default_encoding(),
    };
    request.preset = preset;
    request.system.clone_from(&args.system);
    request.template.clone_from(&args.template);
    request.fence = args.fence.then_some(true);
    request.missing_instruction = word::<OnUnfit>("missing-instruction", &args.missing_instruction)?;
    request.special_text = word::<OnUnfit>("special-text", &args.special_text)?;
    request.allow_licences.clone_from(&args.allow_licence);
    request.overwrite = args.overwrite;
    request.query_typed = session.query_text(&args.asked)?;
    Ok(request)
}

fn from_manifest(manifest: &Path, args: &ExportArgs) -> Result<Request, Failure> {
    let (mut request, _) = export::request_from_manifest(manifest, &args.out)?;
    request.overwrite = args.overwrite;
    request.allow_licences.extend(args.allow_licence.iter().cloned());
    Ok(request)
}

fn word<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|error| {
        Failure::usage(format!("--{what} {text}: {}", error.to_string().replace("unknown variant ", "")))
    })
}

fn seeds(plan: &Plan) -> Vec<Seed> {
    plan.steps
        .iter()
        .filter_map(|step| match step {
            Step::Sample { seed, .. } | Step::Split { seed, .. } => Some(Seed { stage: step.to_string(), seed: *seed }),
            _ => None,
        })
        .collect()
}

fn asked(step: &Step) -> Option<u64> {
    match step {
        Step::Take(count) | Step::Sample { amount: crate::query::plan::Amount::Rows(count), .. } => Some(*count),
        _ => None,
    }
}
