//! What the names of columns mean.

/// What a column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Rows at the beginning.
    Read,
    /// Rows that were taken out.
    Removed,
    /// Rows at the end, or at the end of a step.
    Kept,
    /// Rows of a side of a split, or of none.
    Side,
}

/// What a name can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing that is known.
    Unknown,
    /// Something that is no count of rows: a share, a size, a time.
    Other,
    /// A count of rows, of which the name does not say more: `rows`, `samples`.
    Rows,
    /// All there is, at the beginning or at the end: `total`.
    Total,
    /// The validation side, or what is valid.
    Valid,
    /// One thing.
    One(Role),
    /// Either of two things, the likelier first.
    Either(Role, Role),
}

const OTHER: &[&str] = &[
    "percent",
    "percentage",
    "pct",
    "share",
    "ratio",
    "rate",
    "fraction",
    "bytes",
    "kb",
    "mb",
    "gb",
    "kib",
    "mib",
    "gib",
    "chars",
    "characters",
    "tokens",
    "seconds",
    "minutes",
    "hours",
    "time",
    "loss",
    "accuracy",
    "score",
    "mean",
    "median",
    "avg",
    "average",
    "seed",
    "version",
    "file",
    "path",
    "sha256",
    "hash",
    "digest",
    "url",
    "licence",
    "license",
    "threshold",
    "epoch",
    "epochs",
    "date",
    "year",
    "id",
];
const BEFORE: &[&str] = &["before", "pre"];
const AFTER: &[&str] = &["after", "post", "without", "non", "not"];
const TAKEN_OUT: &[&str] = &[
    "removed",
    "dropped",
    "rejected",
    "discarded",
    "excluded",
    "deleted",
    "removal",
    "removals",
    "rejects",
    "rejections",
    "pruned",
    "purged",
];
const KEPT: &[&str] = &[
    "kept",
    "keep",
    "final",
    "remaining",
    "remain",
    "remains",
    "unique",
    "clean",
    "cleaned",
    "output",
    "retained",
    "survivors",
    "surviving",
    "survived",
    "accepted",
    "left",
    "result",
    "resulting",
    "selected",
    "used",
    "exported",
    "written",
    "saved",
    "processed",
    "usable",
    "good",
    "passed",
];
const REMOVED: &[&str] = &[
    "duplicate",
    "duplicates",
    "dup",
    "dups",
    "dupes",
    "exact",
    "near",
    "deduplication",
    "invalid",
    "forgotten",
    "failed",
    "failing",
    "failures",
    "skipped",
    "lost",
    "ignored",
    "malformed",
    "broken",
    "corrupt",
    "corrupted",
    "unparsable",
    "unparseable",
    "unparsed",
    "unreadable",
    "empty",
    "missing",
    "bad",
    "error",
    "errors",
    "contaminated",
    "decontaminated",
    "leaked",
    "overlong",
    "gone",
    "merged",
    "too",
    "filter",
    "filtering",
];
const SIDES: &[&str] = &[
    "train",
    "training",
    "validation",
    "val",
    "dev",
    "development",
    "test",
    "testing",
    "held",
    "heldout",
    "holdout",
    "eval",
    "evaluation",
    "unsplit",
    "unassigned",
    "none",
];
const READ: &[&str] = &[
    "read",
    "raw",
    "collected",
    "initial",
    "initially",
    "input",
    "original",
    "originally",
    "loaded",
    "ingested",
    "scraped",
    "crawled",
    "gathered",
    "downloaded",
    "found",
    "fetched",
    "started",
    "start",
    "source",
];
const TOTALS: &[&str] = &["total", "totals", "all", "sum", "overall"];
const ROWS: &[&str] = &[
    "rows", "row", "samples", "sample", "examples", "records", "count", "counts", "n", "number", "size", "entries",
    "items", "pairs", "num", "of",
];
const REASONS: &[&str] = &["reason", "reasons", "because", "cause", "why"];

/// The words of a name in small letters; signs, case and `camelCase` part them.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut small_before = false;
    for ch in name.chars() {
        if !ch.is_alphanumeric() || (ch.is_uppercase() && small_before) {
            words.push(std::mem::take(&mut word));
        }
        if ch.is_alphanumeric() {
            word.extend(ch.to_lowercase());
        }
        small_before = ch.is_lowercase();
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// The parts of a path like `removed / exact` or `rejected: no code`.
pub(super) fn segments(name: &str) -> Vec<&str> {
    name.split(" / ").flat_map(|part| part.split(": ")).map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// What a name means; of a path the last part that means something decides.
pub(super) fn meaning(name: &str) -> Meaning {
    // A text that is so long names nothing.
    const LONGEST_BYTES: usize = 400;
    if name.len() > LONGEST_BYTES {
        return Meaning::Unknown;
    }
    let parts = segments(name);
    let Some((last, above)) = parts.split_last() else { return Meaning::Unknown };
    if parts.iter().any(|part| of_words(part) == Meaning::Other) || above.iter().any(|part| words(part) == ["files"]) {
        return Meaning::Other;
    }
    let own = of_words(last);
    if !matches!(own, Meaning::Unknown | Meaning::Rows) {
        return own;
    }
    above.iter().rev().map(|part| of_words(part)).find(|meaning| *meaning != Meaning::Unknown).unwrap_or(own)
}

fn of_words(name: &str) -> Meaning {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let is = |list: &[&str]| !words.is_empty() && words.iter().all(|word| list.contains(&word.as_str()));
    let side = has(SIDES) || (has(&["valid"]) && !has(&["not"]));
    if name.contains('%') || has(OTHER) {
        return Meaning::Other;
    }
    if has(BEFORE) {
        return Meaning::One(Role::Read);
    }
    if has(AFTER) {
        return Meaning::One(match (side, has(&["not"])) {
            (true, _) => Role::Side,
            (_, true) if has(KEPT) || has(&["valid"]) => Role::Removed,
            _ => Role::Kept,
        });
    }
    if has(TAKEN_OUT) || (has(&["out"]) && has(&["filtered", "left"])) {
        return Meaning::One(Role::Removed);
    }
    if has(KEPT) {
        return Meaning::One(if side { Role::Side } else { Role::Kept });
    }
    if has(REMOVED) {
        return Meaning::One(Role::Removed);
    }
    if has(&["filtered", "dedup", "dedupe"]) {
        return Meaning::Either(Role::Removed, Role::Kept);
    }
    if has(&["deduplicated", "deduped"]) {
        return Meaning::Either(Role::Kept, Role::Removed);
    }
    if has(&["valid"]) {
        return Meaning::Valid;
    }
    if side || (has(&["no"]) && has(&["split", "side"])) {
        return Meaning::One(Role::Side);
    }
    // A column `source` holds names; `source rows` is a count.
    if has(READ) && words != ["source"] {
        return Meaning::One(Role::Read);
    }
    if is(&[TOTALS, ROWS].concat()) {
        return if has(TOTALS) { Meaning::Total } else { Meaning::Rows };
    }
    Meaning::Unknown
}

/// Whether a name of a row is that of the sum of all rows.
pub(super) fn is_total(name: &str) -> bool {
    let words = words(name);
    let rest: &[&str] = &["grand", "sources", "rows", "splits", "datasets", "the", "of"];
    words.iter().any(|word| TOTALS.contains(&word.as_str()))
        && words.iter().all(|word| TOTALS.contains(&word.as_str()) || rest.contains(&word.as_str()))
}

/// Whether a name says that it sums up: `total removed`.
pub(super) fn sums_up(name: &str) -> bool {
    words(name).iter().any(|word| TOTALS.contains(&word.as_str()))
}

/// Whether a name can stand for several ways of removal.
pub(super) fn is_general(name: &str) -> bool {
    let general = ["filtered", "dedup", "duplicates", "duplicate", "deduplication", "invalid", "failed", "merged"];
    words(name).iter().any(|word| TAKEN_OUT.contains(&word.as_str()) || general.contains(&word.as_str()))
}

/// Whether a column names reasons.
pub(super) fn is_reason(name: &str) -> bool {
    words(name).iter().any(|word| REASONS.contains(&word.as_str()))
}

/// The words of a name without those that say that it is broken down by reason.
pub(super) fn without_reason(name: &str) -> Vec<String> {
    let mut words = words(name);
    words.retain(|word| !REASONS.contains(&word.as_str()) && word != "by");
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_what_people_mean_by_them() {
        use Role::*;
        let cases: &[(&str, Meaning)] = &[
            ("read", Meaning::One(Read)),
            ("**Raw rows**", Meaning::One(Read)),
            ("source rows", Meaning::One(Read)),
            ("Before deduplication", Meaning::One(Read)),
            ("source", Meaning::Unknown),
            ("All samples", Meaning::Total),
            ("duplicates removed", Meaning::One(Removed)),
            ("near_within", Meaning::One(Removed)),
            ("numRejected", Meaning::One(Removed)),
            ("too long", Meaning::One(Removed)),
            ("not used", Meaning::One(Removed)),
            ("left out", Meaning::One(Removed)),
            ("filtered", Meaning::Either(Removed, Kept)),
            ("After removing duplicates", Meaning::One(Kept)),
            ("deduplicated", Meaning::Either(Kept, Removed)),
            ("final", Meaning::One(Kept)),
            ("train (after filtering)", Meaning::One(Side)),
            ("held-out", Meaning::One(Side)),
            ("none", Meaning::One(Side)),
            ("final train", Meaning::One(Side)),
            ("valid", Meaning::Valid),
            ("invalid", Meaning::One(Removed)),
            ("train %", Meaning::Other),
            ("train tokens", Meaning::Other),
            ("samples", Meaning::Rows),
            ("removed / exact", Meaning::One(Removed)),
            ("rejected / no code", Meaning::One(Removed)),
            ("files / train", Meaning::Other),
            ("manim", Meaning::Unknown),
            ("", Meaning::Unknown),
        ];
        for (name, expected) in cases {
            assert_eq!(meaning(name), *expected, "{name}");
        }
    }

    #[test]
    fn a_total_is_named_so() {
        assert!(["Total", "ALL", "all sources", "Grand total"].into_iter().all(is_total));
        assert!(!["totally", "all of manim", "small", "sources", ""].into_iter().any(is_total));
    }
}
