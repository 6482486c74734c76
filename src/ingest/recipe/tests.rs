//! Recipes as people write them, right and wrong.

use super::*;

const HEAD: &str = "name = \"x\"\nlicence = \"MIT\"\nrank = 3\nreader = \"table\"\n";

fn read(rest: &str) -> Result<Recipe, String> {
    Recipe::from_toml(&format!("{HEAD}{rest}"), "sources/x.toml").map_err(|error| error.to_string())
}

#[test]
fn a_flat_recipe_has_one_variant() {
    let recipe = read("[fields]\ninstruction = \"question\"\ncode = \"answer\"\n").unwrap();
    assert_eq!(recipe.variants.len(), 1);
    assert_eq!(recipe.dedup, Dedup::Near);
    assert!(recipe.tried);
    let code = recipe.variants[0].fields.code.as_ref().unwrap();
    assert_eq!(code.path.as_ref().unwrap().text(), "answer");
}

#[test]
fn variants_take_what_they_do_not_say_from_the_top() {
    let recipe = read(
        "meta = [\"metadata.topic\"]\n[fields]\ncode = \"code\"\nlevel = \"level\"\n[[variant]]\nname = \"a\"\ninclude = [\"a.json\"]\n[[variant]]\nname = \"b\"\nmeta = { kind = \"Type\" }\n[variant.fields]\ncode = { path = \"text\", capture = \"<(.*)>\" }\n",
    )
    .unwrap();
    assert_eq!(recipe.variants[0].meta.keys().collect::<Vec<_>>(), ["topic"]);
    assert_eq!(recipe.variants[1].meta.keys().collect::<Vec<_>>(), ["kind"]);
    assert!(recipe.variants[1].fields.code.as_ref().unwrap().capture.is_some());
    assert!(recipe.variants[1].fields.level.is_some());
    assert!(recipe.variants[1].include.is_empty());
}

#[test]
fn a_template_names_its_columns() {
    let recipe = read("description = \"Show {metadata.topic} now.\"\nfields.code = \"c\"\n").unwrap();
    let Description::Template(pieces) = &recipe.variants[0].description else { panic!("{:?}", recipe.variants[0]) };
    assert_eq!(pieces.len(), 3);
}

#[test]
fn errors_name_file_place_key_and_what_is_possible() {
    let cases: &[(&str, &[&str])] = &[
        ("fields.code = \"c\"\nfrobnicate = 1\n", &["sources/x.toml:6:1", "unknown field `frobnicate`", "dedup"]),
        ("fields.kode = \"c\"\n", &["unknown field `kode`", "instruction", "code"]),
        ("fields.code = \"c\"\ndedup = \"fuzzy\"\n", &["unknown variant `fuzzy`", "near", "exact", "off"]),
        ("fields.instruction = \"c\"\n", &["no `fields.code`"]),
        (
            "fields.code = \"c\"\ninclude = [\"*.csv\",\n  \"{a\"]\n",
            &["sources/x.toml:6:11", "`{a` is no pattern", "not closed"],
        ),
        ("include = [\"[a.csv\"]\nfields.code = \"c\"\n", &["sources/x.toml:5:11", "`[` is not closed"]),
        ("fields.code = \"c[\"\n", &["`c[` is no path", "column[0]"]),
        ("fields.code = { path = \"c\", capture = \"a\" }\n", &["has 0 groups", "exactly one"]),
        ("fields.code = { path = \"c\", value = \"a\" }\n", &["either `path` or `value`"]),
        ("fields.code = 3\n", &["a column, or"]),
        ("fields.code = \"c\"\ndescription = \"Hello\"\n", &["names no column", "ignore"]),
        ("fields.code = \"c\"\nlevels = [\"a\", \"A\"]\n", &["stands there twice"]),
        ("fields.code = \"c\"\nfilter = [{ field = \"a\" }]\n", &["neither `equals` nor `not`"]),
        ("fields.code = \"c\"\njoin = { file = \"../b\", by = \"index\" }\n", &["plain name"]),
        ("fields.code = \"c\"\njoin = { file = \"b\", by = \"key\" }\n", &["needs `key`"]),
        ("fields.code = \"c\"\ninclude = [\"{a\"]\n", &["not closed"]),
        ("fields.code = \"c\"\n[[variant]]\nname = \"\"\n", &["needs a name"]),
        ("fields.code = \"c\"\nmeta = [\"a.x\", \"b.x\"]\n", &["one name"]),
    ];
    for (text, words) in cases {
        let error = read(text).expect_err(text);
        for word in *words {
            assert!(error.contains(word), "{text}\n  gives: {error}\n  lacks: {word}");
        }
    }
}

#[test]
fn the_head_of_a_recipe_is_checked() {
    let cases = [
        ("name = \"X y\"\nlicence = \"MIT\"\nrank = 3\nreader = \"table\"\nfields.code = \"c\"", "lower-case"),
        ("name = \"x\"\nlicence = \"MIT\"\nrank = 6\nreader = \"table\"\nfields.code = \"c\"", "1 to 5"),
        ("name = \"x\"\nlicence = \"\"\nrank = 3\nreader = \"table\"\nfields.code = \"c\"", "none-stated"),
        ("name = \"x\"\nlicence = \"MITT\"\nrank = 3\nreader = \"table\"\nfields.code = \"c\"", "x.toml:2:11"),
        ("name = \"x\"\nlicence = \"MIT\"\nrank = 3\nreader = \"tabel\"\nfields.code = \"c\"", "there are"),
        ("name = \"x\"\nrank = 3\nreader = \"table\"\nfields.code = \"c\"", "missing field `licence`"),
    ];
    for (text, word) in cases {
        let error = Recipe::from_toml(text, "x.toml").expect_err(text).to_string();
        assert!(error.contains(word), "{text}\n{error}");
    }
}

#[test]
fn the_command_line_makes_recipes_too() {
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let recipe = Recipe::adhoc(
        "mine",
        "table",
        &[pair("instruction", "question"), pair("code", "answer"), pair("key", "id"), pair("meta.topic", "Topic")],
    )
    .unwrap();
    assert_eq!(recipe.licence, "none-stated");
    assert_eq!(recipe.variants[0].key[0].text(), "id");
    assert_eq!(recipe.variants[0].meta["topic"].text(), "Topic");
    let error = Recipe::adhoc("mine", "table", &[pair("instruction", "q")]).unwrap_err().to_string();
    assert!(error.contains("no `fields.code`"), "{error}");
    let error = Recipe::adhoc("mine", "table", &[pair("answer", "q")]).unwrap_err().to_string();
    assert!(error.contains("there are instruction, code"), "{error}");
    let error = Recipe::adhoc("mine", "table", &[pair("cod", "q")]).unwrap_err().to_string();
    assert!(error.contains("did you mean code"), "{error}");
    let stated = recipe.stated(Some("mit"), Some(5)).unwrap();
    assert_eq!((stated.licence.as_str(), stated.rank), ("MIT", 5));
    assert_eq!(Recipe::from_toml(&stated.toml, "x").unwrap().licence, "MIT");
    let error = stated.stated(Some("MITT"), None).unwrap_err().to_string();
    assert!(error.contains("did you mean `MIT`"), "{error}");
}

#[test]
fn an_unknown_source_offers_those_that_sound_alike() {
    let error = Recipe::builtin("manim_bench").unwrap_err().to_string();
    assert!(error.contains("manimbench"), "{error}");
}
