//! Exports, read back as training data: every form of them, and everything that is not as the manifest says.

use std::path::{Path, PathBuf};

use scenery::export::{self, Encoding, Layout, Request, Roles};
use scenery::sample::{Sample, Side};
use scenery::train::TrainError;
use scenery::train::data::{self, Dataset};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::corpus::{Scratch, all_samples, random_store};
use crate::query_gen::Rng;

/// Samples of random stores that have an instruction, with sides, the first of them on none.
fn samples(folder: &Scratch) -> (Vec<Sample>, std::collections::BTreeMap<String, export::SourceInfo>) {
    let store = random_store(folder, &mut Rng::new(91), 60);
    let mut all: Vec<Sample> = all_samples(&store)
        .into_iter()
        .filter(|sample| sample.instruction.as_deref().is_some_and(|text| !text.trim().is_empty()))
        .collect();
    for (at, sample) in all.iter_mut().enumerate() {
        sample.split = Some(Side::ALL[[0, 0, 1, 0, 2][at % 5]]);
        sample.family = (at % 3 == 0).then(|| format!("f{}", at % 4));
        sample.licence = "MIT".to_owned();
    }
    let info = |name: &str| {
        let info = export::SourceInfo {
            licence: "MIT".to_owned(),
            near_duplicates_may_part: name == "gamma",
            ..export::SourceInfo::default()
        };
        (name.to_owned(), info)
    };
    (all, ["alpha", "beta_two", "gamma"].map(info).into_iter().collect())
}

/// Writes an export and reads it back.
fn there_and_back(
    out: &Path,
    format: &str,
    samples: &[Sample],
    sources: &std::collections::BTreeMap<String, export::SourceInfo>,
    change: impl FnOnce(&mut Request),
) -> Result<Dataset, TrainError> {
    let mut request = Request::new(out, export::format(format).expect("a format"));
    request.query_typed = "as typed".to_owned();
    change(&mut request);
    export::write(&request, samples.iter().cloned().map(Ok::<Sample, std::io::Error>), sources).expect("an export");
    data::read(out)
}

#[test]
fn every_form_of_an_export_gives_the_rows_that_went_in() {
    let folder = Scratch::new("forms");
    let (samples, sources) = samples(&folder);
    let plain = |_: &mut Request| {};
    let with_roles = |request: &mut Request| {
        request.roles = Roles::parse("rules,asks,answers");
        request.system = Some("Be brief.".to_owned());
    };
    type Change = Box<dyn Fn(&mut Request)>;
    let system = |request: &mut Request| request.system = Some("Be „brief“.\n".to_owned());
    let cases: Vec<(&str, Option<&str>, Change)> = vec![
        ("alpaca", None, Box::new(plain)),
        ("alpaca", Some("Be „brief“.\n"), Box::new(system)),
        ("messages", None, Box::new(plain)),
        ("messages", Some("Be „brief“.\n"), Box::new(system)),
        ("prompt-completion", None, Box::new(plain)),
        ("sharegpt", None, Box::new(plain)),
        ("sharegpt", Some("Be brief."), Box::new(with_roles)),
    ];
    let mut at = 0;
    for (format, system, change) in &cases {
        for layout in Layout::ALL {
            for encoding in [Encoding::Jsonl, Encoding::Json] {
                let mut request = Request::new("x", export::format(format).expect("a format"));
                (request.layout, request.encoding) = (*layout, encoding);
                if request.check().is_err() {
                    continue;
                }
                at += 1;
                let out = folder.join(&format!("out{at}"));
                let set = |request: &mut Request| {
                    change(request);
                    (request.layout, request.encoding) = (*layout, encoding);
                };
                let read = there_and_back(&out, format, &samples, &sources, set)
                    .unwrap_or_else(|error| panic!("{format} {layout:?} {encoding:?}: {error}"));
                assert_eq!(read.examples.len(), samples.len());
                for (example, sample) in read.examples.iter().zip(&samples) {
                    assert_eq!(example.id, sample.id.to_string());
                    assert_eq!((example.source.as_str(), Some(example.side)), (sample.source.as_str(), sample.split));
                    assert_eq!((&example.level, &example.family), (&sample.level, &sample.family));
                    assert_eq!(example.complexity.as_deref(), sample.facts.word("complexity"));
                    assert_eq!(example.near_duplicates_may_part, sample.source == "gamma");
                    assert_eq!(Some(example.field("instruction")), sample.instruction.as_deref());
                    assert_eq!(example.field("response"), sample.code);
                    assert_eq!(example.fields.get("system").map(String::as_str), *system);
                }
                assert_eq!((read.query.as_str(), read.notes.len()), ("as typed", 0));
                let manifest = std::fs::read(out.join("manifest.json")).expect("a manifest");
                assert_eq!(read.manifest_sha256, scenery::sample::hex(&Sha256::digest(&manifest)));
                let value: Value = serde_json::from_slice(&manifest).expect("JSON");
                assert_eq!(Value::from(read.manifest_digest), value["digest"]);
            }
        }
    }
    assert!(at > 50, "{at} forms");
}

#[test]
fn presets_are_read_and_a_fence_is_said_and_kept() {
    let folder = Scratch::new("presets");
    let (samples, sources) = samples(&folder);
    for preset in export::PRESETS {
        let read = there_and_back(&folder.join(preset.name), preset.format, &samples, &sources, |request| {
            request.preset = Some(preset);
        })
        .unwrap_or_else(|error| panic!("preset {}: {error}", preset.name));
        assert_eq!(read.examples[0].field("system"), preset.system);
        assert_eq!(read.examples[0].field("response").starts_with("```python\n"), preset.fence, "{}", preset.name);
        assert_eq!(read.notes.len(), usize::from(preset.fence));
    }
    let fenced = there_and_back(&folder.join("fenced"), "alpaca", &samples, &sources, |request| {
        request.fence = Some(true);
    })
    .expect("it is read");
    assert!(fenced.notes[0].contains("part of the response"), "{:?}", fenced.notes);
    let text = there_and_back(&folder.join("text"), "text", &samples, &sources, |request| {
        request.special_text = export::OnUnfit::Skip;
    });
    let error = text.expect_err("a text cannot be taken apart").to_string();
    assert!(error.contains("--format prompt-completion"), "{error}");
}

/// Writes the manifest anew so that it agrees with itself and, but for what `change` does, with its files.
fn seal(folder: &Path, change: impl FnOnce(&mut Value)) {
    let path = folder.join("manifest.json");
    let mut value: Value = serde_json::from_slice(&std::fs::read(&path).expect("a manifest")).expect("JSON");
    for file in value["files"].as_array_mut().expect("a list") {
        let Ok(bytes) = std::fs::read(folder.join(file["path"].as_str().expect("a path"))) else { continue };
        file["bytes"] = json!(bytes.len());
        file["sha256"] = json!(scenery::sample::hex(&Sha256::digest(&bytes)));
        if !file["rows"].is_null() {
            file["rows"] = json!(bytes.iter().filter(|byte| **byte == b'\n').count());
        }
    }
    change(&mut value);
    value["digest"] = json!("");
    let text = |value: &Value| serde_json::to_string_pretty(value).expect("JSON") + "\n";
    value["digest"] = json!(scenery::sample::hex(&Sha256::digest(text(&value))));
    std::fs::write(&path, text(&value)).expect("written");
}

fn rewrite(path: &Path, change: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(path).expect("a file");
    std::fs::write(path, change(text)).expect("written");
}

/// An export to be spoiled.
fn export_of(folder: &Scratch, name: &str) -> PathBuf {
    let (samples, sources) = samples(folder);
    let out = folder.join(name);
    there_and_back(&out, "messages", &samples, &sources, |_| {}).expect("it is read");
    out
}

fn without_line(text: &str, at: usize) -> String {
    text.lines().enumerate().filter(|(line, _)| *line != at).map(|(_, line)| format!("{line}\n")).collect()
}

#[test]
fn an_export_that_is_not_as_its_manifest_says_is_refused_with_the_place() {
    let folder = Scratch::new("spoiled");
    let whole = export_of(&folder, "whole");
    type Spoil = Box<dyn Fn(&Path)>;
    let cases: Vec<(&str, Spoil, &str)> = vec![
        (
            "a changed letter",
            Box::new(|out| rewrite(&out.join("train.jsonl"), |text| text.replacen("manim", "manin", 1))),
            "train.jsonl: its SHA-256 is",
        ),
        (
            "a line less",
            Box::new(|out| rewrite(&out.join("test.jsonl"), |text| without_line(&text, 1))),
            "test.jsonl: it has",
        ),
        (
            "an attribution that was edited",
            Box::new(|out| rewrite(&out.join("ATTRIBUTION.md"), |text| text + "x")),
            "ATTRIBUTION.md: it has",
        ),
        (
            "no file",
            Box::new(|out| std::fs::remove_file(out.join("validation.jsonl")).expect("removed")),
            "cannot read",
        ),
        (
            "no manifest",
            Box::new(|out| std::fs::remove_file(out.join("manifest.json")).expect("removed")),
            "is no export",
        ),
        (
            "an edited manifest",
            Box::new(|out| rewrite(&out.join("manifest.json"), |text| text.replacen("as typed", "as edited", 1))),
            "it was edited",
        ),
        (
            "a manifest that is none",
            Box::new(|out| std::fs::write(out.join("manifest.json"), "{}").expect("written")),
            "manifest.json:1: it is no manifest",
        ),
        ("a newer form", Box::new(|out| seal(out, |value| value["format_version"] = json!(9))), "has version 9"),
        (
            "rows by the thousand",
            Box::new(|out| seal(out, |value| value["files"][1]["rows"] = json!(1_000))),
            "the manifest says 1000",
        ),
        (
            "counts that do not add up",
            Box::new(|out| seal(out, |value| value["counts"]["written"]["test"] = json!(1))),
            "the manifest counts 1 of side test",
        ),
        (
            "a side without its file",
            Box::new(|out| {
                seal(out, |value| {
                    value["files"].as_array_mut().expect("a list").retain(|file| file["path"] != "test.jsonl");
                })
            }),
            "lists no test.jsonl",
        ),
        (
            "no rows.jsonl",
            Box::new(|out| {
                seal(out, |value| {
                    value["files"].as_array_mut().expect("a list").retain(|file| file["path"] != "rows.jsonl");
                })
            }),
            "lists no rows.jsonl",
        ),
        (
            "a path that leaves",
            Box::new(|out| seal(out, |value| value["files"][0]["path"] = json!("../ATTRIBUTION.md"))),
            "no path inside the export",
        ),
        (
            "another format",
            Box::new(|out| seal(out, |value| value["options"]["format"] = json!("csv"))),
            "its format `csv`",
        ),
        (
            "an unknown preset",
            Box::new(|out| seal(out, |value| value["options"]["preset"] = json!("mine"))),
            "its preset `mine`",
        ),
        (
            "no rows",
            Box::new(|out| seal(out, |value| value["counts"]["written"] = json!({ "train": 0 }))),
            "nothing to train on",
        ),
        (
            "a line of rows.jsonl less",
            Box::new(|out| {
                rewrite(&out.join("rows.jsonl"), |text| without_line(&text, 0));
                seal(out, |_| {});
            }),
            "has no line for this row",
        ),
        (
            "the same row twice",
            Box::new(|out| {
                rewrite(&out.join("rows.jsonl"), |text| {
                    let first = text.lines().next().expect("a line").to_owned();
                    text.replacen(text.lines().nth(1).expect("a line"), &first, 1)
                });
                seal(out, |_| {});
            }),
            "rows.jsonl:2: ",
        ),
        (
            "a row more than its side has",
            Box::new(|out| {
                rewrite(&out.join("rows.jsonl"), |text| {
                    text.replacen("\"side\":\"validation\"", "\"side\":\"test\"", 1)
                });
                seal(out, |_| {});
            }),
            "has no row for it",
        ),
        (
            "a line that is no JSON",
            Box::new(|out| {
                rewrite(&out.join("train.jsonl"), |text| text.replacen("{\"messages\"", "{messages", 1));
                seal(out, |_| {});
            }),
            "train.jsonl:1: ",
        ),
        (
            "a role that is none",
            Box::new(|out| {
                rewrite(&out.join("train.jsonl"), |text| text.replacen("\"role\":\"user\"", "\"role\":\"human\"", 1));
                seal(out, |_| {});
            }),
            "its turns are human, assistant",
        ),
        (
            "a turn more",
            Box::new(|out| {
                rewrite(&out.join("train.jsonl"), |text| {
                    text.replacen("]}", ",{\"role\":\"user\",\"content\":\"more\"}]}", 1)
                });
                seal(out, |_| {});
            }),
            "one exchange is read",
        ),
        (
            "a turn without text",
            Box::new(|out| {
                rewrite(&out.join("train.jsonl"), |text| text.replacen("\"content\"", "\"words\"", 1));
                seal(out, |_| {});
            }),
            "turn 1 of `messages` has no text `content`",
        ),
        (
            "a level that is a number",
            Box::new(|out| {
                rewrite(&out.join("rows.jsonl"), |text| text.replacen("\"level\":\"basic\"", "\"level\":7", 1));
                seal(out, |_| {});
            }),
            "invalid type",
        ),
    ];
    for (what, spoil, says) in cases {
        let out = folder.join("spoiled");
        let _ = std::fs::remove_dir_all(&out);
        crate::corpus::copy(&whole, &out);
        data::read(&out).expect("a copy is as good");
        spoil(&out);
        let error = match data::read(&out) {
            Ok(_) => panic!("{what} was not noticed"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(says), "{what}: {error}");
    }
}
