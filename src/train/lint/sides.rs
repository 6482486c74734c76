//! E06, W14 and W17: what the sides of a split have in common, and should or should not.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::rows::Subject;
use super::statistics::{chi_square, quantile};
use super::{Check, Found, Named, Outcome, Severity, Table, p_value, percent, rounded, rows_are};
use crate::sample::{Side, hash16};
use crate::similarity::NEAR;
use crate::similarity::shingles::{Shingles, sizes_allow};
use crate::train::data::Example;

/// p-value under which levels and sides are said to be tied.
const LEAST_P: f64 = 0.01;
/// Validation and test rows of a source that are compared with train; of more, those with the smallest hashes.
pub const MOST_COMPARED: usize = 2_000;

/// Why sides cannot be looked at.
fn no_sides() -> Outcome {
    Outcome::Untold("ids say nothing of sides".to_owned())
}

/// What tells a family: an id of the store's is one everywhere, a value of columns inside its source.
fn family(example: &Example) -> Option<(&str, &str)> {
    let family = example.family.as_deref()?;
    let is_id = family.len() == 32 && family.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((if is_id { "" } else { &example.source }, family))
}

/// What rows must share a side by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Tie<'a> {
    /// A family that is recorded.
    Family(&'a str, &'a str),
    /// The very same prompt and answer, of rows without one.
    Copies([u8; 16], [u8; 16]),
}

/// E06.
pub static FAMILIES: Check = Check {
    code: "E06",
    name: "family-on-several-sides",
    severity: Severity::Error,
    doc: "Rows that must share a side (near-duplicates, parts of one file, equal family columns; copies, where no families are recorded) stand on several.",
    remedy: "`scenery split` records sides by family; sides that a source gives may leak, and a test on them is no test.",
    run: |subject| {
        let Some(dataset) = subject.dataset else { return no_sides() };
        let mut ties: BTreeMap<Tie<'_>, Vec<usize>> = BTreeMap::new();
        let mut without = 0;
        for (at, (example, row)) in dataset.examples.iter().zip(&subject.rows).enumerate() {
            let tie = match family(example) {
                Some((source, family)) => Tie::Family(source, family),
                None => {
                    without += 1;
                    Tie::Copies(row.prompt_key, row.answer_key)
                }
            };
            ties.entry(tie).or_default().push(at);
        }
        let side = |at: &usize| dataset.examples[*at].side;
        ties.retain(|_, rows| rows.iter().map(side).collect::<BTreeSet<Side>>().len() > 1);
        let all: BTreeSet<Side> = dataset.examples.iter().map(|example| example.side).collect();
        if ties.is_empty() {
            if without == 0 || all.len() < 2 {
                return Outcome::Clean;
            }
            let why = "the sides are those that the source gives, and families are recorded by `scenery split` only; no row stands on two sides as a copy";
            return Outcome::Untold(match without == dataset.examples.len() {
                true => why.to_owned(),
                false => format!("of {}, {why}", rows_are(without)),
            });
        }
        let shown = |tie: &Tie<'_>, rows: &[usize]| match tie {
            Tie::Family(_, family) => family.replace('\u{1f}', ", "),
            Tie::Copies(..) => format!("copies of {}", dataset.examples[rows[0]].id),
        };
        let mut table = Table {
            title: "families on several sides".to_owned(),
            head: ["family"].into_iter().chain(Side::WORDS.iter().copied()).map(str::to_owned).collect(),
            rows: Vec::new(),
            notes: Vec::new(),
        };
        let mut rows: Vec<(usize, String)> = Vec::new();
        for (tie, members) in &ties {
            let count = |wanted: Side| members.iter().filter(|at| side(at) == wanted).count();
            let counts = Side::ALL.iter().map(|side| count(*side).into());
            let name = shown(tie, members);
            rows.extend(members.iter().map(|at| (*at, format!("family {name}"))));
            table.rows.push([name.into()].into_iter().chain(counts).collect());
        }
        if without > 0 {
            table.notes.push(format!(
                "{} without a recorded family: only copies are told of them (`scenery split` records families)",
                rows_are(without)
            ));
        }
        rows.sort();
        let named = rows.into_iter().map(|(at, detail)| {
            let example = &dataset.examples[at];
            Named { id: example.id.clone(), side: Some(example.side), detail }
        });
        let count = ties.len();
        let message =
            format!("{count} famil{} on more than one side", if count == 1 { "y stands" } else { "ies stand" });
        Outcome::Found(Found { message, rows: named.collect(), tables: vec![table] })
    },
};

/// W14.
pub static LEVELS: Check = Check {
    code: "W14",
    name: "levels-by-side",
    severity: Severity::Warning,
    doc: "Levels are not spread over the sides alike, or a level that is tested is not trained.",
    remedy: "Split anew (`scenery split` parts every source like the whole), or read the scores by level.",
    run: |subject| {
        let Some(dataset) = subject.dataset else { return no_sides() };
        let mut sources: BTreeMap<&str, BTreeMap<&str, Vec<u64>>> = BTreeMap::new();
        for example in &dataset.examples {
            let Some(level) = example.level.as_deref().or(example.complexity.as_deref()) else { continue };
            let levels = sources.entry(&example.source).or_default();
            let counts = levels.entry(level).or_insert_with(|| vec![0; Side::ALL.len()]);
            counts[example.side as usize] += 1;
        }
        if sources.is_empty() {
            return Outcome::Untold("no row has a level".to_owned());
        }
        if dataset.of_side(Side::Train).next().is_none() {
            return Outcome::Untold("no row is on the train side".to_owned());
        }
        let mut found = Found::default();
        let mut said = Vec::new();
        for (source, levels) in sources {
            let untrained: Vec<&str> = levels
                .iter()
                .filter(|(_, counts)| counts[Side::Train as usize] == 0)
                .map(|(level, _)| *level)
                .collect();
            let counts: Vec<Vec<u64>> = levels.values().cloned().collect();
            let test = chi_square(&counts);
            if untrained.is_empty() && test.is_none_or(|test| test.p >= LEAST_P) {
                continue;
            }
            let mut notes: Vec<String> = test
                .iter()
                .map(|test| {
                    format!(
                        "chi-square {:.2}, {} degrees of freedom, {}{}",
                        test.statistic,
                        test.freedom,
                        p_value(test.p),
                        if test.rough > 0 {
                            format!("; {} cells expect under 5 rows", test.rough)
                        } else {
                            String::new()
                        }
                    )
                })
                .collect();
            if !untrained.is_empty() {
                notes.push(format!("not trained at all: {}", untrained.join(", ")));
            }
            said.push(source);
            found.tables.push(Table {
                title: format!("levels of {source} by side"),
                head: ["level"].into_iter().chain(Side::WORDS.iter().copied()).map(str::to_owned).collect(),
                rows: levels
                    .iter()
                    .map(|(level, counts)| {
                        [(*level).into()].into_iter().chain(counts.iter().map(|count| (*count).into())).collect()
                    })
                    .collect(),
                notes,
            });
        }
        if found.tables.is_empty() {
            return Outcome::Clean;
        }
        found.message = format!("levels are spread otherwise from side to side in {}", said.join(", "));
        Outcome::Found(found)
    },
};

/// W17.
pub static NEAR_TRAIN: Check = Check {
    code: "W17",
    name: "near-train",
    severity: Severity::Warning,
    doc: "Where a source lets near-duplicates part, validation or test answers are nearly those of train rows.",
    remedy: "Read a score on such rows as one of memory and not of skill; a split of the template's slots is a harder test.",
    run: near_train,
};

/// The nearest train row of a row: how alike, and which.
type Nearest = Option<(f64, usize)>;

fn near_train(subject: &Subject<'_>) -> Outcome {
    let Some(dataset) = subject.dataset else { return no_sides() };
    let examples = &dataset.examples;
    let mut asked: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, example) in examples.iter().enumerate() {
        if example.side != Side::Train && example.near_duplicates_may_part {
            asked.entry(&example.source).or_default().push(at);
        }
    }
    if asked.is_empty() || examples.iter().all(|example| example.side != Side::Train) {
        return Outcome::Clean;
    }
    let shingles: Vec<Shingles> = examples
        .par_iter()
        .map(|example| {
            let wanted = example.side == Side::Train || example.near_duplicates_may_part;
            if wanted { Shingles::of_code(example.field(crate::train::data::RESPONSE)) } else { Shingles::default() }
        })
        .collect();
    let mut train: Vec<usize> = dataset.of_side(Side::Train).collect();
    train.sort_by_key(|at| (shingles[*at].len(), *at));
    let mut found = Found::default();
    let mut table = Table {
        title: "nearest train row (exact Jaccard of 5-shingles)".to_owned(),
        head: ["source", "side", "rows", "compared", "median", "90th", "max", "above 0.85", "%"]
            .map(str::to_owned)
            .to_vec(),
        rows: Vec::new(),
        notes: Vec::new(),
    };
    let mut near = 0;
    for (source, mut rows) in asked {
        rows.sort_by_key(|at| hash16(&[examples[*at].id.as_bytes()]));
        for side in [Side::Validation, Side::Test] {
            let all: Vec<usize> = rows.iter().copied().filter(|at| examples[*at].side == side).collect();
            if all.is_empty() {
                continue;
            }
            let compared = &all[..all.len().min(MOST_COMPARED)];
            let nearest: Vec<Nearest> =
                compared.par_iter().map(|at| nearest(&shingles, &shingles[*at], &train)).collect();
            let mut values: Vec<f64> =
                nearest.iter().map(|found| found.map_or(0.0, |(likeness, _)| likeness)).collect();
            values.sort_by(f64::total_cmp);
            let above = values.iter().filter(|value| **value > NEAR).count();
            near += above;
            table.rows.push(vec![
                source.into(),
                side.word().into(),
                all.len().into(),
                compared.len().into(),
                rounded(quantile(&values, 0.5), 3),
                rounded(quantile(&values, 0.9), 3),
                rounded(quantile(&values, 1.0), 3),
                above.into(),
                percent(above, compared.len()),
            ]);
            for (at, nearest) in compared.iter().zip(&nearest) {
                if let Some((likeness, other)) = nearest.filter(|(likeness, _)| *likeness > NEAR) {
                    let detail = format!("{likeness:.3} like {} of train", examples[other].id);
                    found.rows.push(Named { id: examples[*at].id.clone(), side: Some(side), detail });
                }
            }
        }
    }
    if near == 0 {
        return Outcome::Clean;
    }
    let place: BTreeMap<&str, usize> = examples.iter().enumerate().map(|(at, each)| (each.id.as_str(), at)).collect();
    found.rows.sort_by_key(|row| place[row.id.as_str()]);
    found.message = format!("validation and test answers more than {NEAR} like one of train: {}", rows_are(near));
    found.tables.push(table);
    Outcome::Found(found)
}

/// The most alike of the train rows, which are sorted by size: from those of the same size outward, as long as sizes allow.
fn nearest(shingles: &[Shingles], wanted: &Shingles, train: &[usize]) -> Nearest {
    let middle = train.partition_point(|at| shingles[*at].len() < wanted.len());
    let mut best: Nearest = None;
    let take = |at: usize, best: &mut Nearest| {
        let least = best.map_or(f64::MIN_POSITIVE, |(likeness, _)| likeness);
        if !sizes_allow(shingles[at].len(), wanted.len(), least) {
            return false;
        }
        if let Some(likeness) = wanted.at_least(&shingles[at], least) {
            // Of several as alike the first by place.
            let better =
                best.is_none_or(|(known, other)| (likeness, std::cmp::Reverse(at)) > (known, std::cmp::Reverse(other)));
            if better {
                *best = Some((likeness, at));
            }
        }
        true
    };
    for at in &train[middle..] {
        if !take(*at, &mut best) {
            break;
        }
    }
    for at in train[..middle].iter().rev() {
        if !take(*at, &mut best) {
            break;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::rows::for_tests::{clean, codes, lint};
    use super::*;

    #[test]
    fn a_family_on_two_sides_is_e06() {
        let families = |held: [usize; 2]| {
            let mut examples = clean();
            for (at, example) in examples.iter_mut().enumerate() {
                example.family = Some(if held.contains(&at) { "f".to_owned() } else { format!("{at:032x}") });
            }
            lint(examples)
        };
        assert!(codes(&families([1, 2])).is_empty());
        let report = families([1, 6]);
        assert_eq!(codes(&report), ["E06"], "{:#?}", report.findings);
        let finding = &report.findings[0];
        assert_eq!((finding.count, finding.message.as_str()), (2, "1 family stands on more than one side"));
        assert_eq!(finding.tables[0].rows, [vec![json!("f"), json!(1), json!(0), json!(1)]]);
        // Where no family is recorded, copies are one, and nothing else is told.
        let copied = |at: usize| {
            let mut examples = clean();
            examples[at].fields = examples[6].fields.clone();
            super::super::rows::for_tests::lint_without(examples, &["W11", "W12"])
        };
        let report = copied(2);
        assert_eq!(codes(&report), ["E06"], "{:#?}", report.findings);
        assert_eq!(
            report.findings[0].tables[0].rows,
            [vec![json!(format!("copies of {:032x}", 2)), json!(1), json!(0), json!(1)]]
        );
        assert!(
            report.findings[0].tables[0].notes[0].starts_with("14 rows without"),
            "{:?}",
            report.findings[0].tables
        );
        let untold = &lint(clean()).untold;
        let why = &untold.iter().find(|each| each.code == "E06").expect("it cannot be told").why;
        assert!(why.contains("those that the source gives"), "{why}");
        // The same value in another source is another family.
        let mut examples = clean();
        for (at, example) in examples.iter_mut().enumerate() {
            example.family = Some(if [1, 6].contains(&at) { "f".to_owned() } else { format!("{at:032x}") });
        }
        examples[6].source = "others".to_owned();
        assert!(codes(&lint(examples)).is_empty());
    }

    #[test]
    fn levels_that_sides_do_not_share_are_w14() {
        let levels = |level: &dyn Fn(usize, Side) -> &'static str| {
            let mut examples = clean();
            for (at, example) in examples.iter_mut().enumerate() {
                example.level = Some(level(at, example.side).to_owned());
            }
            lint(examples)
        };
        assert!(codes(&levels(&|at, _| if at % 2 == 0 { "basic" } else { "advanced" })).is_empty());
        let report = levels(&|_, side| if side == Side::Test { "advanced" } else { "basic" });
        assert_eq!(codes(&report), ["W14"], "{:#?}", report.findings);
        let notes = &report.findings[0].tables[0].notes;
        assert!(notes[0].contains("p = 0.0002") && notes[1] == "not trained at all: advanced", "{notes:?}");
    }

    #[test]
    fn test_rows_near_train_rows_are_w17_where_a_source_lets_them_part() {
        let long = |at: usize| {
            let mut text = super::super::rows::for_tests::scene(at);
            (0..30).for_each(|line| text.push_str(&format!("        self.wait({line})\n")));
            text
        };
        let near = |part: bool| {
            let mut examples = clean();
            for (at, example) in examples.iter_mut().enumerate() {
                example.near_duplicates_may_part = part;
                if at == 2 || at == 6 {
                    example.fields.insert("response".to_owned(), long(at));
                }
            }
            lint(examples)
        };
        assert!(codes(&near(false)).is_empty());
        let report = near(true);
        assert_eq!(codes(&report), ["W17"], "{:#?}", report.findings);
        assert_eq!(report.findings[0].count, 1);
        assert!(report.findings[0].rows[0].detail.ends_with(&format!("like {:032x} of train", 2)));
        assert_eq!(report.findings[0].tables[0].rows[0][1..4], [json!("test"), json!(2), json!(2)]);
    }

    #[test]
    fn the_nearest_is_that_of_a_whole_search() {
        let mut state = 5u64;
        let mut next = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let sets: Vec<Shingles> = (0..300)
            .map(|_| {
                let count = 1 + next(60);
                Shingles::of_hashes((0..count).map(|_| next(90)).collect())
            })
            .collect();
        let mut train: Vec<usize> = (0..250).collect();
        train.sort_by_key(|at| (sets[*at].len(), *at));
        for wanted in &sets[250..] {
            let whole = (0..250usize)
                .map(|at| (wanted.jaccard(&sets[at]), std::cmp::Reverse(at)))
                .max_by(|one, other| one.partial_cmp(other).expect("numbers"))
                .filter(|(likeness, _)| *likeness > 0.0)
                .map(|(likeness, at)| (likeness, at.0));
            assert_eq!(nearest(&sets, wanted, &train), whole);
        }
    }
}
