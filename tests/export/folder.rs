//! The folder of an export: whole or not there, and nothing of anybody else is touched.

use std::fs;

use scenery::export::{self, ExportError, Request};
use scenery::sample::Sample;

use super::{Folder, names, request, samples, sources, text, tree, write};

#[test]
fn an_export_that_fails_midway_leaves_nothing() {
    let folder = Folder::new();
    let request = request(folder.at("out"), "messages");
    let failing = || {
        let rows = samples().into_iter().map(Ok::<Sample, String>);
        rows.chain([Err("the store went away".to_owned())])
    };
    let mut seen = Vec::new();
    let watched = failing().inspect(|_| seen = folder.names());
    let error = export::write(&request, watched, &sources()).expect_err("the rows fail");
    assert!(matches!(&error, ExportError::Rows { source } if source.to_string() == "the store went away"));
    assert!(seen.len() == 1 && seen[0].starts_with(".out.partial-"), "{seen:?}");
    assert!(folder.names().is_empty(), "{:?}", folder.names());
    // An export that stands there is not touched either.
    write(&request, samples()).expect("an export");
    let before = tree(&request.out);
    let again = Request { overwrite: true, ..request.clone() };
    export::write(&again, failing(), &sources()).expect_err("the rows fail");
    assert_eq!(tree(&request.out), before);
    assert_eq!(folder.names(), ["out"]);
}

#[test]
fn a_folder_is_replaced_only_when_asked_and_only_when_it_is_an_export_and_nothing_more() {
    let folder = Folder::new();
    let mut request = request(folder.at("out"), "messages");
    fs::create_dir(folder.at("out")).expect("a folder");
    write(&request, samples()).expect("an empty folder is taken");
    assert!(matches!(write(&request, samples()), Err(ExportError::OutExists { .. })));
    request.overwrite = true;
    let report = write(&request, samples()[..2].to_vec()).expect("replaced");
    assert_eq!((report.selected, text(&folder.at("out/rows.jsonl")).lines().count()), (2, 2));
    assert_eq!(folder.names(), ["out"]);

    fs::write(folder.at("out/notes.txt"), "mine").expect("a file");
    let error = write(&request, samples()).expect_err("something else is in it");
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert_eq!(text(&folder.at("out/notes.txt")), "mine");

    fs::create_dir(folder.at("work")).expect("a folder");
    fs::write(folder.at("work/thesis.tex"), "mine").expect("a file");
    request.out = folder.at("work");
    assert!(matches!(write(&request, samples()), Err(ExportError::OutNotReplaceable { .. })));
    request.out = folder.at("work/thesis.tex");
    assert!(matches!(write(&request, samples()), Err(ExportError::OutNotReplaceable { .. })));
    request.out = folder.at("work/thesis.tex/out");
    let error = write(&request, samples()).expect_err("its parent is a file");
    assert!(matches!(&error, ExportError::File { path, .. } if path.ends_with("work/thesis.tex")), "{error}");
    assert_eq!(names(&folder.at("work")), ["thesis.tex"]);
}

#[test]
fn what_killed_exports_left_is_removed_or_put_back_and_a_running_one_is_respected() {
    let folder = Folder::new();
    let mut request = request(folder.at("out"), "messages");
    fs::create_dir(folder.at(".out.partial-1")).expect("a folder");
    fs::write(folder.at(".out.partial-1/train.jsonl"), "half").expect("a file");
    fs::create_dir(folder.at(".out.partial-mine")).expect("a folder of somebody else");
    fs::create_dir(folder.at(".other.partial-1")).expect("a folder of another export");
    write(&request, samples()).expect("an export");
    assert_eq!(folder.names(), [".other.partial-1", ".out.partial-mine", "out"]);

    // Killed between the two renames of a replacement: the old export is put back.
    let before = tree(&request.out);
    fs::rename(folder.at("out"), folder.at(".out.old-5")).expect("renamed");
    assert!(matches!(write(&request, samples()), Err(ExportError::OutExists { .. })));
    assert_eq!(tree(&request.out), before);
    assert_eq!(folder.names(), [".other.partial-1", ".out.partial-mine", "out"]);

    request.overwrite = true;
    let inner = request.clone();
    let mut busy = false;
    let rows = samples().into_iter().map(Ok::<Sample, String>).inspect(|_| {
        busy = matches!(write(&inner, samples()), Err(ExportError::Busy { .. }));
    });
    export::write(&request, rows, &sources()).expect("the first one ends well");
    assert!(busy);
    assert_eq!(tree(&request.out), before);
}
