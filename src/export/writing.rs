//! The one pass over the rows: where each goes, what is counted of it, and what stops the export.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use serde_json::{Value, json};

use super::attribution::{self, Origins};
use super::licences::{self, LicenceSummary};
use super::manifest::{self, MANIFEST, Manifest};
use super::outputs::Outputs;
use super::target::{Partial, Target};
use super::{
    Encoding, ExportError, OnUnfit, Report, Request, Row, SideRule, SourceInfo, Style, Subject, Unfit, layouts,
};
use crate::prompt::{PromptError, canonical_json};
use crate::sample::{ContentDigest, Sample, SampleId, Side, hex};

/// Name of the file that says of each row where it comes from.
const ROWS: &str = "rows.jsonl";
/// Name of the file that names every source.
const ATTRIBUTION: &str = "ATTRIBUTION.md";
/// How many ids an error names.
const NAMED_IDS: usize = 5;

/// What is counted of the rows that are written.
#[derive(Default)]
pub(super) struct Tally {
    /// Rows by side; each side is there.
    pub(super) written: BTreeMap<String, u64>,
    /// Rows by reason for which they were left out.
    skipped: BTreeMap<String, u64>,
    /// Rows that stop the export, by reason.
    refused: BTreeMap<Unfit, (u64, Vec<SampleId>)>,
    /// Rows without a side of their own.
    without_side: u64,
    /// Whether a row has a side of its source.
    given: bool,
    /// Rows by licence.
    pub(super) licences: LicenceSummary,
    /// Rows by topic.
    pub(super) categories: BTreeMap<String, u64>,
    /// Rows by complexity.
    pub(super) complexity: BTreeMap<String, u64>,
    /// Rows by the source's level.
    pub(super) levels: BTreeMap<String, u64>,
    /// Rows by source.
    pub(super) sources: BTreeMap<String, u64>,
    origins: Origins,
}

impl Tally {
    fn new() -> Tally {
        let written = Side::ALL.iter().map(|side| (side.word().to_owned(), 0)).collect();
        Tally { written, ..Tally::default() }
    }

    /// The sides that have rows.
    pub(super) fn sides_with_rows(&self) -> impl Iterator<Item = Side> {
        Side::ALL.iter().copied().filter(|side| self.written[side.word()] > 0)
    }

    fn total_written(&self) -> u64 {
        self.written.values().sum()
    }

    fn count(&mut self, row: &Row, side: Side) {
        let sample = &row.sample;
        *self.written.entry(side.word().to_owned()).or_default() += 1;
        *self.sources.entry(sample.source.clone()).or_default() += 1;
        for topic in layouts::categories(sample) {
            *self.categories.entry(topic).or_default() += 1;
        }
        *self.complexity.entry(layouts::complexity_word(sample)).or_default() += 1;
        if let Some(level) = &sample.level {
            *self.levels.entry(level.clone()).or_default() += 1;
        }
        let origins: BTreeSet<(String, String)> =
            row.origins.iter().map(|origin| (origin.licence.clone(), origin.source.clone())).collect();
        // A row is under the licence of every place that it stems from.
        let mut counted: Option<String> = None;
        for (licence, source) in origins {
            let summary = self.licences.entry(licence.clone()).or_default();
            summary.1 += u64::from(counted.as_ref() != Some(&licence));
            summary.0.insert(source.clone());
            counted = Some(licence.clone());
            *self.origins.entry((licence, source)).or_default() += 1;
        }
    }
}

/// The digests of the slice, fed row by row.
#[derive(Default)]
struct Digests {
    content: ContentDigest,
    labels: ContentDigest,
    sides: ContentDigest,
}

impl Digests {
    fn add(&mut self, row: &Row) {
        let sample = &row.sample;
        self.content.add(sample);
        let origins: Vec<[&str; 2]> = row.origins.iter().map(|origin| [&*origin.source, &*origin.licence]).collect();
        let plain = |value: serde_json::Result<Vec<u8>>| value.expect("string keys and plain values always serialise");
        let (facts, origins) = (plain(serde_json::to_vec(&sample.facts)), plain(serde_json::to_vec(&origins)));
        // Facts are sorted already; a source's own columns come in whatever order it has them.
        let meta = (!sample.meta.is_empty()).then(|| canonical_json(&Value::Object(sample.meta.clone())));
        let (level, family) = (sample.level.as_deref(), row.family.as_deref());
        let texts = [level, family, meta.as_deref()].map(|text| text.map(str::as_bytes));
        self.labels.feed(&[Some(&facts), Some(&origins), texts[0], texts[1], texts[2]]);
        let word = |side: Option<Side>| side.map(|side| side.word().as_bytes());
        self.sides.feed(&[word(sample.split), word(sample.split_given)]);
    }

    fn finish(self, rows: u64) -> manifest::SliceInfo {
        let text = |digest: ContentDigest| hex(&digest.finish());
        manifest::SliceInfo { rows, content: text(self.content), labels: text(self.labels), sides: text(self.sides) }
    }
}

struct Writer<'a> {
    request: &'a Request,
    style: Style,
    sources: &'a BTreeMap<String, SourceInfo>,
    partial: Partial,
    outputs: Outputs,
    tally: Tally,
    selected: u64,
    /// Whether a row had a side of the store's own; rows without one are then left out.
    own_sides: bool,
    /// Whether the export is bound to fail: rows are counted for the message, and nothing is written any more.
    stopped: bool,
}

/// Writes an export; see [`super::write`].
pub(super) fn write<T, E>(
    request: &Request,
    rows: impl IntoIterator<Item = Result<T, E>>,
    sources: &BTreeMap<String, SourceInfo>,
) -> Result<Report, ExportError>
where
    T: Into<Row>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let style = request.style()?;
    request.layout.check(request.format, request.encoding)?;
    let partial = Target::open(&request.out, request.overwrite)?.begin()?;
    let outputs = Outputs::new(partial.dir());
    let mut writer = Writer {
        request,
        style,
        sources,
        partial,
        outputs,
        tally: Tally::new(),
        selected: 0,
        own_sides: false,
        stopped: false,
    };
    let mut digests = Digests::default();
    for row in rows {
        let row: Row = row.map_err(|error| ExportError::Rows { source: error.into() })?.into();
        digests.add(&row);
        writer.take(&row)?;
        writer.selected += 1;
    }
    writer.finish(digests)
}

impl Writer<'_> {
    fn take(&mut self, row: &Row) -> Result<(), ExportError> {
        let sample = &row.sample;
        if (sample.split.is_some() || sample.held) && !self.own_sides {
            self.own_sides = true;
            self.start_over()?;
        }
        let side = match (sample.split, self.own_sides) {
            (Some(side), _) => side,
            (None, true) => return self.skip(Unfit::NoSide),
            (None, false) => sample.split_given.unwrap_or(Side::Train),
        };
        let Some(instruction) = sample.instruction.as_deref().filter(|text| !text.trim().is_empty()) else {
            return self.unfit(Unfit::NoInstruction, self.request.missing_instruction, sample);
        };
        let holds = |special: &String| instruction.contains(special) || sample.code.contains(special);
        if self.request.special_texts.iter().any(holds) {
            return self.unfit(Unfit::SpecialText, self.request.special_text, sample);
        }
        let subject = Subject { sample, instruction, style: &self.style };
        let record = match (self.request.format.row)(&subject) {
            Ok(record) => record,
            Err(PromptError::SpecialText { .. }) => {
                return self.unfit(Unfit::SpecialText, self.request.special_text, sample);
            }
            Err(error) => return Err(error.into()),
        };
        if !self.own_sides && sample.split_given.is_none() {
            self.tally.without_side += 1;
        }
        self.tally.given |= sample.split_given.is_some();
        self.tally.count(row, side);
        let stops = |licence: &str| {
            licences::concern(licence, &self.request.deny_licences).is_some() && !self.request.allows(licence)
        };
        if row.origins.iter().any(|origin| stops(&origin.licence)) {
            self.stop()?;
        }
        if self.stopped {
            return Ok(());
        }
        let text = serde_json::to_vec(&record).expect("a JSON value always serialises");
        let encoding = self.request.encoding;
        for file in self.request.layout.files_of(side, encoding, sample) {
            self.outputs.row(&file, encoding, &text)?;
        }
        let about = self.about(row, side)?;
        self.outputs.row(ROWS, Encoding::Jsonl, about.to_string().as_bytes())
    }

    /// The line of `rows.jsonl`.
    fn about(&self, row: &Row, side: Side) -> Result<Value, ExportError> {
        let sample = &row.sample;
        let info = self.sources.get(&sample.source);
        let info = info.ok_or_else(|| ExportError::NoSourceInfo { source_name: sample.source.clone() })?;
        // Where in its source a row was last seen is left out: the same table as CSV and as Parquet gives the same bytes.
        let origins: Vec<Value> =
            row.origins.iter().map(|origin| json!({ "source": origin.source, "licence": origin.licence })).collect();
        Ok(json!({
            "id": sample.id.to_string(),
            "source": sample.source,
            "level": sample.level,
            "complexity": sample.facts.word("complexity"),
            "side": side.word(),
            "family": row.family,
            "origins": origins,
            "near_duplicates_may_part": info.near_duplicates_may_part,
        }))
    }

    /// The first side of the store's own: all rows before it had none, so they are left out after all.
    fn start_over(&mut self) -> Result<(), ExportError> {
        self.outputs.discard();
        self.partial.clear()?;
        self.tally = Tally::new();
        self.stopped = false;
        if self.selected > 0 {
            self.tally.skipped.insert(Unfit::NoSide.word().to_owned(), self.selected);
        }
        Ok(())
    }

    fn skip(&mut self, reason: Unfit) -> Result<(), ExportError> {
        *self.tally.skipped.entry(reason.word().to_owned()).or_default() += 1;
        Ok(())
    }

    fn unfit(&mut self, reason: Unfit, policy: OnUnfit, sample: &Sample) -> Result<(), ExportError> {
        if policy == OnUnfit::Skip {
            return self.skip(reason);
        }
        let (count, ids) = self.tally.refused.entry(reason).or_default();
        *count += 1;
        if ids.len() < NAMED_IDS {
            ids.push(sample.id);
        }
        self.stop()
    }

    fn stop(&mut self) -> Result<(), ExportError> {
        if !self.stopped {
            self.stopped = true;
            self.outputs.discard();
            self.partial.clear()?;
        }
        Ok(())
    }

    fn finish(mut self, digests: Digests) -> Result<Report, ExportError> {
        let request = self.request;
        let allowed = licences::gate(&request.allow_licences, &request.deny_licences, &self.tally.licences)
            .map_err(ExportError::Licences)?;
        if let Some((reason, (count, ids))) = self.tally.refused.pop_first() {
            return Err(ExportError::Unfit { reason, count, selected: self.selected, ids });
        }
        let written = self.tally.total_written();
        if written == 0 {
            return Err(ExportError::Empty { selected: self.selected, skipped: self.tally.skipped });
        }
        debug_assert_eq!(self.selected, written + self.tally.skipped.values().sum::<u64>());
        for (path, text) in request.layout.extras(request.format, &self.style, request.encoding, &self.tally) {
            self.outputs.whole(&path, text.as_bytes())?;
        }
        let attribution = attribution::text(&self.tally.origins, self.sources, written)?;
        self.outputs.whole(ATTRIBUTION, attribution.as_bytes())?;
        let files = self.outputs.finish()?;
        let rule = match (self.own_sides, self.tally.given) {
            (true, _) if self.request.sides_of_query => SideRule::Stage,
            (true, _) => SideRule::Split,
            (false, true) => SideRule::Given,
            (false, false) => SideRule::AllTrain,
        };
        let licence_info = |(licence, (sources, rows)): (&String, &(BTreeSet<String>, u64))| {
            (licence.clone(), manifest::LicenceInfo { rows: *rows, sources: sources.clone() })
        };
        let record = Manifest {
            format_version: manifest::FORMAT_VERSION,
            tool: manifest::ToolInfo { name: "scenery".to_owned(), version: request.tool_version.clone() },
            query: manifest::QueryInfo {
                typed: request.query_typed.clone(),
                expanded: request.query_expanded.clone(),
                saved: request.saved_queries.clone(),
            },
            slice: digests.finish(self.selected),
            options: request.options(),
            seeds: request.seeds.clone(),
            contract: self
                .style
                .template
                .as_ref()
                .map(|template| manifest::ContractInfo { id: template.id.clone(), sha256: template.digest() }),
            versions: manifest::Versions {
                analyser: request.analyser_version.clone(),
                dedup: request.dedup_version.clone(),
            },
            stages: request.stage_counts.clone(),
            counts: manifest::Counts {
                selected: self.selected,
                written: self.tally.written.clone(),
                skipped: self.tally.skipped.clone(),
            },
            sides: manifest::SidesInfo { rule, without: self.tally.without_side },
            licences: self.tally.licences.iter().map(licence_info).collect(),
            allowed_licences: allowed,
            files: files.clone(),
            digest: String::new(),
        }
        .sealed();
        if let Some(expected) = &request.expected {
            manifest::compare(&record, expected)?;
        }
        self.outputs.whole(MANIFEST, &record.to_bytes())?;
        self.outputs.finish()?;
        let out = self.partial.commit()?;
        Ok(Report {
            rows: self.tally.written,
            selected: self.selected,
            skipped: self.tally.skipped,
            sides: record.sides.clone(),
            files,
            manifest: out.join(MANIFEST).display().to_string(),
            record,
        })
    }
}

impl Request {
    /// Works out what is the same in every row, and refuses options without effect.
    pub(super) fn style(&self) -> Result<Style, ExportError> {
        let format = self.format;
        let refused = |message: String| Err(ExportError::Option { message });
        let with = |takes: fn(&super::Format) -> bool| {
            super::FORMATS
                .iter()
                .filter(|format| takes(format))
                .map(|format| format.name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        if let Some(preset) = self.preset
            && preset.format != format.name
        {
            return refused(format!("preset {} is for --format {}, not {}", preset.name, preset.format, format.name));
        }
        let system = self.system.clone().or_else(|| self.preset.map(|preset| preset.system.to_owned()));
        if system.is_some() && !format.takes_system {
            let known = with(|format| format.takes_system);
            return refused(format!("format {} has no place for a system sentence; these have: {known}", format.name));
        }
        if self.roles.is_some() && !format.takes_roles {
            let known = with(|format| format.takes_roles);
            return refused(format!("format {} has no role tags to choose; this has: {known}", format.name));
        }
        if self.template.is_some() && !format.takes_template {
            let known = with(|format| format.takes_template);
            return refused(format!("format {} is not rendered by a prompt template; this is: {known}", format.name));
        }
        let template = match (format.takes_template, self.template.as_deref(), &system) {
            (false, ..) => None,
            (true, name, None) => Some(crate::prompt::templates::template(name.unwrap_or(super::DEFAULT_TEMPLATE))?),
            (true, name, Some(system)) => {
                let template = crate::prompt::templates::template(name.unwrap_or(super::DEFAULT_TEMPLATE))?;
                Some(template.bind("system", system)?)
            }
        };
        let preset_roles = self.preset.map(super::presets::Preset::roles);
        let roles = self.roles.clone().or(preset_roles);
        Ok(Style {
            system,
            roles: roles.unwrap_or_else(|| super::Roles::new("system", "human", "gpt")),
            fence: self.fence.unwrap_or_else(|| self.preset.is_some_and(|preset| preset.fence)),
            template,
        })
    }

    fn allows(&self, licence: &str) -> bool {
        self.allow_licences.iter().any(|allowed| allowed.trim().eq_ignore_ascii_case(licence.trim()))
    }

    fn options(&self) -> manifest::Options {
        let mut deny_licences = self.deny_licences.clone();
        deny_licences.sort();
        deny_licences.dedup();
        manifest::Options {
            format: self.format.name.to_owned(),
            format_version: self.format.version,
            layout: self.layout,
            encoding: self.encoding,
            preset: self.preset.map(|preset| preset.name.to_owned()),
            system: self.system.clone(),
            roles: self.roles.clone(),
            fence: self.fence,
            template: self.template.clone(),
            missing_instruction: self.missing_instruction,
            special_text: self.special_text,
            special_texts: self.special_texts.clone(),
            deny_licences,
        }
    }
}
