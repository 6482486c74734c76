use std::collections::BTreeMap;

use super::super::ledger::{Entry, Format, Ledger, Sides};
use super::*;

/// The sentence about a published table whose duplicates do not explain what is gone.
const SENTENCE: &str =
    "1,303 rows unexplained: 7,434 read − 3,827 removed = 3,607, but train 1,272 + test 1,032 = 2,304";

fn sentences(text: &str, name: Option<&str>) -> Vec<String> {
    let checked = check(text, name).unwrap_or_else(|error| panic!("{error}\n{text}"));
    checked.findings.into_iter().map(|finding| finding.message).collect()
}

fn holds(text: &str, laws: usize) {
    let checked = check(text, None).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!((checked.findings, checked.laws), (vec![], laws), "{text}");
}

fn refused(text: &str) -> String {
    match check(text, None) {
        Ok(checked) => panic!("{checked:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn rows_that_vanished_are_found_in_every_form() {
    let forms = [
        "| raw | duplicates removed | train | test |\n| ---: | ---: | ---: | ---: |\n\
         | 7,434 | 3,827 | 1,272 | 1,032 |\n",
        "# The dataset\n\nIt is *clean*, as this shows:\n\n\
         | Step | Rows | Share |\n|------|-----:|---|\n| **Raw samples** | 7,434 | 100 % |\n\
         | Duplicates removed | \u{2212}3,827 | 51 % |\n| `train` | 1 272 | |\n| test | **1,032** | 14 % |\n\n\
         And so on.\n",
        "raw,duplicates_removed,train,test\n7434,3827,1272,1032\n",
        "step,rows\nraw,7434\nduplicates removed,3827\ntrain,1272\ntest,1032\n",
        "raw;\"7,434\"\nduplicates removed;\"3,827\"\ntrain;\"1,272\"\ntest;\"1,032\"\n",
        "raw\tduplicates removed\ttrain\ttest\n7'434\t3'827\t1'272\t1'032\n",
        "raw    duplicates removed  train  test\n7,434  3,827               1,272  1,032\n",
        "Our data:\n\n- **Raw**: 7,434\n- Duplicates removed: 3,827\n- Train: 1,272\n- Test: **1,032**\n",
        r#"{"raw": 7434, "duplicates_removed": 3827, "train": 1272, "test": 1032}"#,
        r#"[{"name": "x", "raw": 7434, "duplicatesRemoved": 3827, "train": 1272, "test": 1032}]"#,
        r#"{"before": {"total": 7434}, "duplicates": {"removed": "3,827"}, "splits": {"train": 1272, "test": 1032}}"#,
        r#"{"stats": {"raw": {"count": 7434}, "removed": {"total": 3827, "by_reason": {"copy": 3827}}},
            "split": {"train": 1272, "test": 1032, "train_share": 0.55}}"#,
        "{\"raw\": 7434, \"removed\": 3827,\n \"train\": 1272, \"test\": 1032}\n\
         {\"raw\": 1, \"removed\": 0, \"train\": 1, \"test\": 0}",
    ];
    for form in forms {
        assert_eq!(sentences(form, None), [SENTENCE], "{form}");
    }
    let found = check(forms[0], Some("CARD.md")).expect("a table");
    assert_eq!(found.findings[0].place, "line 3");
    assert_eq!((found.findings[0].unexplained, found.laws), (1_303, 1));
    assert_eq!(check(forms[2], Some("x.CSV")).expect("a table").findings[0].place, "line 2");
    assert_eq!(check(forms[8], Some("x.json")).expect("a table").findings[0].place, "the object");
}

#[test]
fn right_tables_hold() {
    holds(
        "| source | raw | removed | kept |\n|---|---|---|---|\n| a | 10 | 4 | 6 |\n| b | 5 | – | 5 |\n\
         | **all** | 15 | 4 | 11 |",
        6,
    );
    holds("raw,exact,near,train,valid,test\n100,10,5,70,5,10\n", 1);
    holds("split,count\ntrain,80\ntest,20\ntotal,100\n", 1);
    holds("raw,filtered,train,test\n100,60,40,20\n", 1);
    holds("raw,filtered,train,test\n100,40,40,20\n", 1);
    holds("raw,removed,deduplicated\n100,40,60\n", 1);
    holds("collected,duplicates removed,exact,near,kept\n100,40,30,10,60\n", 2);
    holds("read,exact,near,total removed,kept\n100,30,10,40,60\n", 2);
    holds("raw,duplicates removed,after dedup,too short,final,train,test\n100,20,80,5,75,70,5\n", 3);
    holds(
        "| step | removed | remaining |\n|--|--|--|\n| raw | – | 100 |\n| exact dedup | 30 | 70 |\n\
         | near dedup | 10 | 60 |",
        2,
    );
    holds(
        "| | train | test | total |\n|--|--|--|--|\n| raw | 80 | 20 | 100 |\n| removed | 8 | 2 | 10 |\n\
         | kept | 72 | 18 | 90 |",
        6,
    );
    holds(
        r#"{"a": {"read": 10, "removed": 1, "kept": 9}, "b": {"read": 5, "removed": 0, "kept": 5},
            "total": {"read": 15, "removed": 1, "kept": 14}}"#,
        6,
    );
    holds(
        r#"{"before": {"train": 8, "test": 2}, "removed": {"train": 1, "test": 1}, "after": {"train": 7,
            "test": 1}}"#,
        2,
    );
    holds(r#"{"removed": {"exact": 3, "near": 4}, "raw": 10, "kept": {"total": 3, "train": 2, "test": 1}}"#, 2);
    holds("step,removed,remaining\nraw,-,100\nafter exact dedup,30,70\nafter near dedup,10,60\ninvalid,1,59\n", 3);
    holds(
        r#"{"data": {"v1": {"a": {"read": 10, "removed": 1, "kept": 9}, "b": {"read": 5, "removed": 0,
            "kept": 5}}}}"#,
        2,
    );
    holds(
        "| Stage | Count | Removed |\n|--|--|--|\n| Raw | 100 | - |\n| Exact duplicates removed | 70 | 30 |\n\
         | Final | 70 | 0 |\n| Total | | 30 |",
        3,
    );
    holds(
        "| Source | Samples | Share |\n|--|--|--|\n| a | 2,000 | 40% |\n| b | 3,000 | 60% |\n\
         | Total | 5,000 | 100% |",
        1,
    );
    holds("dataset,samples,train,test\nx,30,20,10\n", 1);
    holds(r#"{"read": 10, "rejected": 3, "by_reason": {"too long": 1, "no file": 2}, "kept": 7}"#, 2);
    holds(
        "| raw | rejected | kept |\n|-|-|-|\n| 9 | 3 | 6 |\n\n| reason | rows |\n|-|-|\n| too long | 1 |\n\
         | broken | 2 |\n| total | 3 |",
        3,
    );
}

#[test]
fn wrong_ones_are_told_with_their_figures() {
    let table = "| source | raw | removed | kept |\n|---|---|---|---|\n| a | 10 | 4 | 6 |\n| b | 5 | 1 | 5 |\n\
         | total | 15 | 5 | 12 |";
    let found = check(table, None).expect("a table");
    let told: Vec<String> = found.findings.iter().map(|each| format!("{}: {}", each.place, each.message)).collect();
    assert_eq!(
        told,
        [
            "line 4 (b): 1 row unexplained: 5 read − 1 removed = 4, but kept 5",
            "line 5 (total): 2 rows unexplained: 15 read − 5 removed = 10, but kept 12",
            "line 5 (total): 1 row unexplained: the total of kept is 12, but the 2 rows of it add up to 11",
        ]
    );
    assert_eq!(found.findings[0].unexplained, -1);
    assert_eq!(
        sentences("raw,exact,near,kept,train,test\n100,30,10,61,50,10\n", None),
        [
            "1 row unexplained: 100 read − 30 exact − 10 near = 60, but kept 61",
            "1 row unexplained: 61 kept, but train 50 + test 10 = 60",
        ]
    );
    assert_eq!(
        sentences("total,train,test\n100,50,40\n", None),
        ["10 rows unexplained: 100 read, but train 50 + test 40 = 90"]
    );
    assert_eq!(
        sentences("| step | removed | left |\n|--|--|--|\n| raw | - | 100 |\n| dedup | 30 | 71 |", None),
        ["1 row unexplained: 100 after raw − 30 removed = 70, but left 71"]
    );
    // A second meaning of a name is no way out of an equation.
    assert_eq!(sentences("raw,filtered,kept,train,test\n100,40,55,50,5\n", None).len(), 1);
}

#[test]
fn tables_of_other_things_are_left_alone() {
    let readme = "| Test | Result |\n|--|--|\n| unit | passed |\n\n\
         | Epoch | Train | Test |\n|--|--|--|\n| 1 | 0.52 | 0.61 |\n";
    assert!(matches!(check(readme, None), Err(CheckError::NotANumber { .. })));
    holds(&format!("{readme}\n| raw | removed | kept |\n|--|--|--|\n| 9 | 3 | 6 |\n"), 1);
}

#[test]
fn what_stands_in_no_equation_is_named() {
    let found = check("raw,kept,train,test\n100,60,40,20\n", None).expect("a table");
    assert_eq!((found.laws, found.unchecked), (1, vec!["raw".to_owned()]));
}

#[test]
fn bad_input_is_refused_with_a_way_on() {
    let cases: &[(&str, &[&str])] = &[
        (" \n", &["the text is empty", "give a file"]),
        ("We removed duplicates.\nThe rest is clean.\n", &["no table is found", "pipe table"]),
        ("We read all, and kept some.\nNothing else is said.\n", &["no table is found"]),
        ("{\"raw\": 1,\n \"kept\": }", &["no JSON, at line 2, column 10"]),
        ("[1, 2, 3]", &["no table is found"]),
        ("raw,removed,kept\n7,434,3827,3607\n", &["line 2 has 4 cells", "3 columns", "in quotes"]),
        ("| raw | kept |\n|-|-|\n| 1 | 2 | 3 |", &["line 3 has 3 cells"]),
        (
            "| model | colour |\n|-|-|\n| a | 3 |",
            &["no column or line is known among `model`, `colour`, `a`", "`train`"],
        ),
        ("| raw | removed | kept |\n|-|-|-|\n", &["line 1", "`raw`, `removed`, `kept`", "no rows"]),
        ("source,raw,removed,kept\na,7434,~3.8k,3607\n", &["line 2", "column `removed` holds `~3.8k`", "7,434"]),
        ("source,raw,removed,kept\na,7434,,3607\n", &["line 2", "column `removed` holds ``"]),
        (
            "| step | rows |\n|-|-|\n| raw | 10 |\n| removed | few |\n\
         | kept | 7 |",
            &["line 4", "`removed` holds `few`"],
        ),
        (r#"[{"raw": 10, "removed": 1.5, "kept": 8}]"#, &["`[0]`", "column `removed` holds `1.5`"]),
        (r#"[{"raw": 10, "removed": 99999999999999999999, "kept": 8}]"#, &["whole number"]),
        ("raw,kept\n10,7\n", &["nothing can be checked", "only `raw`, `kept`"]),
        ("train,test\n10,7\n", &["nothing can be checked", "only `train`, `test`"]),
        ("raw\u{1b}[31m,kept\n10,7\n", &["raw␛[31m"]),
    ];
    for (text, parts) in cases {
        let message = refused(text);
        assert!(parts.iter().all(|part| message.contains(part)), "{text}\n{message}");
        assert!(!message.ends_with('.') && !message.contains('\u{1b}'), "{message}");
    }
    assert!(matches!(check("raw,removed,kept\n1,2\n", Some("x.csv")), Err(CheckError::UnevenRow { line: 2, .. })));
    assert!(matches!(check("raw", Some("x.json")), Err(CheckError::Json { line: 1, .. })));
}

#[test]
fn no_text_brings_it_down() {
    let deep = "[".repeat(100_000);
    let objects = "{\"a\":".repeat(100_000);
    for text in [
        deep.as_str(),
        &objects,
        "|\n|-|\n|",
        "||\n||\n--",
        "| |\n|-|\n",
        "\\|\n-",
        "\u{feff}",
        ",\n,\n",
        "[]",
        "{}",
        "a: b",
        "{\"raw\":{}}",
        "raw\n1",
        "|raw|\n|-|\n|9223372036854775807|",
    ] {
        assert!(check(text, None).is_err(), "{text:.20}");
        for name in ["x.csv", "x.tsv", "x.json", "x.md"] {
            assert!(check(text, Some(name)).is_err(), "{text:.20} as {name}");
        }
    }
    holds("raw,removed,kept\n9223372036854775807,0,9223372036854775807\n", 1);
}

fn ledger(names: [&str; 3], reasons: [&str; 3]) -> Ledger {
    let entry = |source: &str, counts: [u64; 3], kept: u64, sides: Sides| {
        let by_reason: BTreeMap<String, u64> =
            reasons.iter().zip(counts).map(|(reason, count)| ((*reason).to_owned(), count)).collect();
        let (forgotten, exact, near_within, near_across) = (kept / 90, kept / 3, kept / 7, 2);
        let read = counts.iter().sum::<u64>() + forgotten + exact + near_within + near_across + kept;
        Entry { source: source.to_owned(), read, by_reason, forgotten, exact, near_within, near_across, kept, sides }
    };
    let sides = |train, validation, test, held, none| Sides { train, validation, test, held, none };
    Ledger {
        entries: vec![
            entry(names[0], [4, 1_000, 3], 3_607, sides(2_500, 75, 1_000, 2, 30)),
            entry(names[1], [0, 0, 0], 1, sides(0, 0, 1, 0, 0)),
            entry(names[2], [1, 0, 1], 999, sides(0, 0, 0, 0, 999)),
        ],
    }
}

#[test]
fn our_own_ledger_passes_in_every_form() {
    let plain = ledger(["bespoke", "manimbench", "thanks"], ["no code", "too long", "broken"]);
    assert_eq!(plain.balance(), Ok(()));
    let counted: Vec<usize> = Format::ALL
        .into_iter()
        .map(|format| {
            let text = plain.render(format);
            let checked = check(&text, None).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!((checked.findings, checked.unchecked), (vec![], vec![]), "{text}");
            checked.laws
        })
        .collect();
    // Three rows and their total by two equations, twelve columns, and reasons: by row, or by row and in total.
    assert_eq!(counted, [8 + 12 + 3, 8 + 12 + 3, 8 + 12 + 4 + 3, 8 + 12 + 4 + 3]);
    let mut unsplit = plain.clone();
    unsplit.entries.iter_mut().for_each(|entry| entry.sides = Sides { none: entry.kept, ..Sides::default() });
    for format in Format::ALL {
        let text = unsplit.render(format);
        assert_eq!(sentences(&text, None), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn names_from_datasets_do_not_mislead() {
    let sets = [
        (["raw", "clean", "filtered"], ["total", "train", "kept"]),
        (["total", "all", "read"], ["file", "too big: 100 %", "a / b"]),
        (["a|b", " a  b ", ""], ["*x*", "<b>", "\\"]),
        (["2024", "7,434", "-"], ["1", "2", "score"]),
        (["train\n| 1 |", "{\"raw\": 1}", "a,b;c\t\"d\""], ["reason", "", "sum"]),
    ];
    for (names, reasons) in sets {
        for format in Format::ALL {
            let text = ledger(names, reasons).render(format);
            let checked = check(&text, None).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(checked.findings, [], "{text}");
            assert!(checked.laws >= 23, "{} {text}", checked.laws);
        }
    }
}

#[test]
fn any_number_of_a_ledger_that_is_off_by_one_is_found() {
    let full = ledger(["bespoke", "manimbench", "thanks"], ["no code", "too long", "broken"]);
    let mut unsplit = full.clone();
    unsplit.entries.iter_mut().for_each(|entry| entry.sides = Sides { none: entry.kept, ..Sides::default() });
    let mut single = full.clone();
    single.entries.remove(0);
    single.entries.remove(0);
    for (ledger, cells) in [(full, 4 * 12), (unsplit, 4 * 7), (single, 2 * 7)] {
        for format in Format::ALL {
            let text = ledger.render(format);
            let mut numbers = 0;
            let mut at = 0;
            while let Some(from) = text[at..].find(|ch: char| ch.is_ascii_digit()).map(|from| at + from) {
                let marks = matches!(format, Format::Text | Format::Markdown);
                let inside = |ch: char| ch.is_ascii_digit() || (marks && ch == ',');
                let to = text[from..].find(|ch| !inside(ch)).map_or(text.len(), |to| from + to);
                let value: i128 = text[from..to].replace(',', "").parse().expect("a number");
                for other in [value + 1, value - 1].into_iter().filter(|other| *other >= 0) {
                    let shown = if marks { thousands(other) } else { other.to_string() };
                    let changed = format!("{}{shown}{}", &text[..from], &text[to..]);
                    assert!(!sentences(&changed, None).is_empty(), "{value} as {other} in\n{changed}");
                }
                (at, numbers) = (to, numbers + 1);
            }
            assert!(numbers > cells, "{numbers} of {cells} in {text}");
        }
    }
}
