//! The index by itself, with so many documents that several threads share the work and lists fill more than one piece.

use std::collections::BTreeMap;
use std::sync::Arc;

use scenery::sample::{DescriptionKind, FactValue, Facts, RevisionKind, Sample, SampleId, State};
use scenery::store::index::Index;
use scenery::store::index::clause::Clause;
use scenery::store::index::documents::First;
use scenery::store::index::rows::RowSet;
use scenery::store::index::search::{Hit, KeySource, number_key};

const ROWS: u32 = 70_000;

/// Null for every seventh row.
fn lines(row: u32) -> Option<i64> {
    (row % 7 != 3).then_some(i64::from(row.wrapping_mul(2_654_435_761) % 1000))
}

fn id(row: u32) -> SampleId {
    SampleId::new("s", &row.to_string())
}

fn sample(row: u32) -> Sample {
    let mut facts = Facts::default();
    facts.set("lines", lines(row).map_or(FactValue::Null, FactValue::Int));
    Sample {
        row,
        id: id(row),
        source: format!("s{}", row % 3),
        key: row.to_string(),
        locator: String::new(),
        state: State::Kept,
        reason: None,
        instruction: None,
        code: if row.is_multiple_of(11) { "red green blue".into() } else { "green red blue".into() },
        revision: RevisionKind::Read,
        cleaners: Vec::new(),
        licence: "MIT".into(),
        rank: 3,
        level: None,
        split: None,
        held: false,
        split_given: None,
        tags: Default::default(),
        description_kind: DescriptionKind::None,
        meta: Default::default(),
        family: None,
        content: [0; 16],
        added: "2026-01-01T00:00:00Z".into(),
        facts,
        written: None,
    }
}

#[test]
fn many_documents_are_found_ordered_and_chosen_as_one_by_one() {
    let dir = std::env::temp_dir().join(format!("scenery-many-documents-{}", std::process::id()));
    let mut index = Index::create(&dir).unwrap();
    let writer = index.writer().unwrap();
    (0..ROWS).for_each(|row| writer.add(&sample(row)).unwrap());
    index.commit(writer, 1).unwrap();
    // Some documents go again, so that segments have deleted ones.
    let writer = index.writer().unwrap();
    (0..ROWS).step_by(1000).for_each(|row| writer.delete(row));
    index.commit(writer, 2).unwrap();

    let there = |row: &u32| !row.is_multiple_of(1000);
    let of_source = |n: u32| Clause::AnyOf(index.fields.terms, vec![format!("source\u{1f}s{n}")]);
    let phrase = ["red", "green"].map(str::to_owned).to_vec();
    let some: Arc<RowSet> = Arc::new((0..ROWS).filter(|row| row % 5 == 2 || *row > 60_000).collect());
    let between = Clause::Between("lines", number_key(100.0, true), number_key(499.0, true));
    let not = |clause: Clause| Clause::Not(Box::new(clause));
    type Passes = Box<dyn Fn(u32) -> bool>;
    let held = some.clone();
    let in_range = |row: u32| lines(row).is_some_and(|lines| (100..500).contains(&lines));
    let cases: Vec<(Clause, Passes)> = vec![
        (Clause::All, Box::new(|_| true)),
        (of_source(1), Box::new(|row| row % 3 == 1)),
        (Clause::Phrase(index.fields.code, phrase.clone()), Box::new(|row| row % 11 == 0)),
        (between.clone(), Box::new(in_range)),
        (not(between.clone()), Box::new(move |row| !in_range(row))),
        (Clause::Rows(some.clone()), Box::new(move |row| row % 5 == 2 || row > 60_000)),
        (
            Clause::And(vec![Clause::Lasting(some.clone()), between.clone(), not(of_source(0))]),
            Box::new(move |row| held.contains(row) && in_range(row) && row % 3 != 0),
        ),
        (
            Clause::And(vec![not(Clause::Phrase(index.fields.code, phrase)), Clause::Or(vec![of_source(2), between])]),
            Box::new(move |row| row % 11 != 0 && (row % 3 == 2 || in_range(row))),
        ),
    ];
    for (clause, passes) in &cases {
        let wanted: Vec<u32> = (0..ROWS).filter(there).filter(|row| passes(*row)).collect();
        let documents = index.documents(clause).unwrap();
        assert_eq!(documents.len(), wanted.len() as u64, "{clause:?}");
        assert_eq!(documents.rows().unwrap().iter().collect::<Vec<_>>(), wanted, "{clause:?}");
        // Once more, from what is remembered.
        assert_eq!(index.count(clause).unwrap(), wanted.len() as u64, "{clause:?}");

        let rows = |hits: &[Hit]| hits.iter().map(|hit| hit.row).collect::<Vec<_>>();
        let mut by_id = wanted.clone();
        by_id.sort_by_key(|row| id(*row));
        for limit in [0, 20, usize::MAX] {
            let found = index.ordered(&documents, &[], limit).unwrap();
            assert_eq!(rows(&found.hits), by_id[..limit.min(by_id.len())], "{clause:?}");
        }
        let keys = [(KeySource::Number("lines".into()), true)];
        let mut by_lines = wanted.clone();
        // Nulls last both ways, then by id.
        by_lines.sort_by_key(|row| (lines(*row).map_or(i64::MAX, |lines| -lines), id(*row)));
        for limit in [1, 700, usize::MAX] {
            let found = index.ordered(&documents, &keys, limit).unwrap();
            assert_eq!(rows(&found.hits), by_lines[..limit.min(by_lines.len())], "{clause:?}");
        }

        let group = KeySource::Word { field: "source".into(), order: Vec::new() };
        let mut sizes = BTreeMap::new();
        wanted.iter().for_each(|row| *sizes.entry(u64::from(row % 3)).or_insert(0u64) += 1);
        assert_eq!(index.sizes(&documents, &group).unwrap(), sizes, "{clause:?}");
        let mut chosen = rows(&index.chosen(&documents, &First::Keys(&keys), Some(&group), &|_| 40).unwrap());
        chosen.sort_unstable();
        let first_of = |source: u32| by_lines.iter().copied().filter(move |row| row % 3 == source).take(40);
        let mut of_each: Vec<u32> = (0..3).flat_map(first_of).collect();
        of_each.sort_unstable();
        assert_eq!(chosen, of_each, "{clause:?}");

        let number = |id: (u64, u64)| id.1.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let number_of = |row: u32| number(id(row).halves());
        let mut by_number = wanted.clone();
        by_number.sort_by_key(|row| (number_of(*row), id(*row)));
        by_number.truncate(300);
        by_number.sort_unstable();
        let mut least = rows(&index.chosen(&documents, &First::Least(&number), None, &|_| 300).unwrap());
        least.sort_unstable();
        assert_eq!(least, by_number, "{clause:?}");
        let bound = 1u128 << 60;
        let mut under = rows(&index.under(&documents, &number, bound).unwrap());
        under.sort_unstable();
        let small: Vec<u32> = wanted.into_iter().filter(|row| u128::from(number_of(*row)) < bound).collect();
        assert_eq!(under, small, "{clause:?}");
    }
    drop(index);
    std::fs::remove_dir_all(&dir).unwrap();
}
