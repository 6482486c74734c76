//! Which recipe an `ingest` means: a file's, the catalogue's, the one that the store keeps, or one made of flags; and what
//! to type where none of them is meant.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::args::IngestArgs;
use crate::cli::draw::{self, line, table, thousands};
use crate::cli::failure::Failure;
use crate::cli::quoted;
use crate::cli::session::Session;
use crate::ingest::IngestError;
use crate::ingest::catalog::CATALOG;
use crate::ingest::readers;
use crate::ingest::recipe::{Recipe, check_name, field_targets, is_field_target, licence, name_from};
use crate::store::{Project, Store};

/// A source without a recipe file, as the store knows how it was read.
#[derive(Debug)]
pub struct Stored {
    /// How.
    pub recipe: Recipe,
    /// What was read last.
    pub paths: Vec<PathBuf>,
}

/// How a source without a recipe file was read before; `None` where it never was, or has such a file.
///
/// # Errors
/// As the store; where a recipe file is wrong.
pub fn stored(project: &Project, name: &str) -> Result<Option<Stored>, Failure> {
    if check_name(name).is_err() || find_recipe(project, name)?.is_some() {
        return Ok(None);
    }
    let store = Store::open(project)?;
    let Some(record) = store.source(name)? else { return Ok(None) };
    let recipe = Recipe::from_toml(&record.recipe, &format!("of {name}, as the store keeps it"))?
        .stated(Some(&record.licence), Some(record.rank))?;
    let paths = store.last_paths(name)?.into_iter().map(PathBuf::from).collect();
    Ok(Some(Stored { recipe, paths }))
}

/// Whether the command line says itself how to read.
pub fn has_flags(args: &IngestArgs) -> bool {
    args.reader.is_some() || !args.field.is_empty()
}

/// The recipe that a command line means.
///
/// # Errors
/// Where it means none, or contradicts the one that there is.
pub fn recipe_for(
    session: &Session,
    project: &Project,
    args: &IngestArgs,
    stored: Option<&Stored>,
) -> Result<Recipe, Failure> {
    check_name(&args.source).map_err(Failure::usage)?;
    if let Some(text) = &args.licence {
        licence::read(text).map_err(|message| Failure::usage(format!("--licence: {message}")))?;
    }
    let found = find_recipe(project, &args.source)?;
    let before = stored.map(|stored| &stored.recipe);
    if has_flags(args) {
        let made = recipe_of_flags(args)?;
        if found.is_some() {
            return Err(Failure::usage(format!(
                "`{0}` is a source with a recipe, which says how it is read and under which licence: read it with `scenery ingest {0} PATH`, or give these rows another name",
                args.source
            )));
        }
        let licence = args.licence.as_deref().or(before.map(|recipe| recipe.licence.as_str()));
        let rank = args.rank.or(before.map(|recipe| recipe.rank));
        if let Some(before) = before
            && !made.reads_as(before)
            && !args.replace_recipe
        {
            return Err(Failure::usage(format!(
                "`{0}` is read by `{1}`, and these flags say otherwise: leave them out (`scenery ingest {0} PATH`), give these rows another name, or type `--replace-recipe` to read it so from now on",
                args.source,
                flags_of(before)
            ))
            .suggesting(vec![format!("{} --replace-recipe", session.command)]));
        }
        return Ok(made.stated(licence, rank)?);
    }
    match (found, before) {
        (Some(_), _) if args.licence.is_some() || args.rank.is_some() => Err(Failure::usage(
            "--licence and --rank go with a source that has no recipe file; a recipe says both itself",
        )),
        (Some(recipe), _) => Ok(recipe),
        (None, Some(before)) => Ok(before.clone().stated(args.licence.as_deref(), args.rank)?),
        (None, None) => Err(unknown_source(session, project, &args.source, &args.paths)),
    }
}

fn recipe_of_flags(args: &IngestArgs) -> Result<Recipe, Failure> {
    let reader = args.reader.as_deref().unwrap_or("table");
    if readers::find(reader).is_none() {
        let near = crate::query::similar(reader, readers::names());
        let known = readers::names().join(", ");
        return Err(Failure::usage(format!("there is no reader `{reader}`; there are: {known}")).suggesting(near));
    }
    let fields = fields_of(&args.field)?;
    if reader == "table" && !fields.iter().any(|(field, _)| field == "code") {
        return Err(Failure::usage(
            "say which column holds the code: `--field code=COLUMN`; `scenery ingest FILE` shows the columns",
        ));
    }
    Recipe::adhoc(&args.source, reader, &fields).map_err(|error| match error {
        IngestError::Recipe { message, .. } => Failure::usage(message),
        other => other.into(),
    })
}

/// The pairs of `--field FIELD=COLUMN`, checked.
///
/// # Errors
/// Where one is no pair, names no field of a sample, or a field twice.
pub fn fields_of(pairs: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let fields = pairs
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((field, column)) if !field.is_empty() && !column.is_empty() => {
                Ok((field.to_owned(), column.to_owned()))
            }
            _ => Err(Failure::usage(format!(
                "`--field {pair}`: write `--field FIELD=COLUMN`, such as `--field instruction=question`"
            ))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    for (at, (field, column)) in fields.iter().enumerate() {
        if !is_field_target(field) {
            let near = crate::query::similar(field, field_targets());
            let hint = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
            return Err(Failure::usage(format!(
                "`--field {field}={column}`: `{field}` is no field of a sample{hint} (there are {})",
                field_targets().collect::<Vec<_>>().join(", ")
            ))
            .suggesting(near.iter().map(|near| format!("--field {near}={column}")).collect()));
        }
        if field != "key" && field != "family" && fields[..at].iter().any(|(before, _)| before == field) {
            return Err(Failure::usage(format!("`--field {field}=` stands there twice: a field has one column")));
        }
    }
    Ok(fields)
}

/// The flags that make a recipe of the command line.
pub fn flags_of(recipe: &Recipe) -> String {
    let mut out = format!("--reader {}", recipe.reader);
    let mut put = |field: &str, path: &str| out.push_str(&format!(" --field {}", quoted(&format!("{field}={path}"))));
    for variant in &recipe.variants {
        let fields = &variant.fields;
        let named = [
            ("instruction", &fields.instruction),
            ("code", &fields.code),
            ("split", &fields.split),
            ("level", &fields.level),
            ("licence", &fields.licence),
        ];
        for (name, field) in named {
            if let Some(path) = field.as_ref().and_then(|field| field.path.as_ref()) {
                put(name, path.text());
            }
        }
        variant.key.iter().for_each(|path| put("key", path.text()));
        variant.family.iter().for_each(|path| put("family", path.text()));
        variant.meta.iter().for_each(|(name, path)| put(&format!("meta.{name}"), path.text()));
    }
    out
}

/// The recipe of a name: the project's own first, then the catalogue's.
///
/// # Errors
/// Where a recipe file is wrong.
pub fn find_recipe(project: &Project, name: &str) -> Result<Option<Recipe>, Failure> {
    if name.contains(['/', '\\']) {
        return Ok(None);
    }
    let own = project.sources_dir().join(format!("{name}.toml"));
    match std::fs::read_to_string(&own) {
        Ok(text) => {
            let recipe = Recipe::from_toml(&text, &own.display().to_string())?;
            if recipe.name != name {
                return Err(Failure::request(format!(
                    "{}: its name is `{}`; a recipe's file is called as it is",
                    own.display(),
                    recipe.name
                )));
            }
            return Ok(Some(recipe));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::file(&own, &error)),
    }
    if CATALOG.iter().any(|(each, _)| *each == name) {
        return Ok(Some(Recipe::builtin(name)?));
    }
    Ok(None)
}

/// Names of the project's own recipes, sorted.
pub fn own_names(project: &Project) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(project.sources_dir())
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// A command as it is typed for the project that this one works on.
fn here(session: &Session, command: &str) -> String {
    if session.directory.as_os_str() == "." {
        return command.to_owned();
    }
    let directory = quoted(&session.directory.to_string_lossy());
    command.replacen("scenery", &format!("scenery -C {directory}"), 1)
}

/// Commands that read a path without a recipe, one per kind of files in it, with what they are of.
fn offers(session: &Session, name: &str, path: &Path) -> Vec<(String, String)> {
    let kinds = readers::kinds(path).unwrap_or_default();
    let offer = |(reader, files): &(&'static crate::ingest::row::Reader, u64)| {
        let shown = quoted(&path.to_string_lossy());
        let shown = if shown.starts_with('-') { format!("./{shown}") } else { shown };
        let command = if reader.name == "table" {
            readers::table::preview(path).and_then(|preview| preview.command(name, path)).unwrap_or_else(|_| {
                format!("scenery ingest --reader table --field instruction=COLUMN --field code=COLUMN {name} {shown}")
            })
        } else {
            format!("scenery ingest --reader {} {name} {shown}", reader.name)
        };
        let what = match (reader.name, files) {
            ("table", 1) => "1 table".to_owned(),
            ("table", n) => format!("{} tables", thousands(*n)),
            ("python", n) => format!("{} .py", thousands(*n)),
            ("notebook", n) => format!("{} .ipynb", thousands(*n)),
            (_, n) => format!("{} documents", thousands(*n)),
        };
        (here(session, &command), what)
    };
    kinds.iter().map(offer).collect()
}

/// A name for the rows of a path that no other source has.
fn free_name(project: Option<&Project>, path: &Path) -> String {
    let wanted = name_from(&path.to_string_lossy());
    let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let taken = |name: &str| {
        CATALOG.iter().any(|(known, _)| *known == name)
            || project.is_some_and(|project| {
                own_names(project).iter().any(|own| own == name)
                    || matches!(stored(project, name), Ok(Some(stored)) if !stored.paths.contains(&whole))
            })
    };
    let numbered = (2..100).map(|number| format!("{}_{number}", wanted.chars().take(60).collect::<String>()));
    std::iter::once(wanted.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(wanted)
}

fn unknown_source(session: &Session, project: &Project, name: &str, paths: &[PathBuf]) -> Failure {
    if let Some((path, error)) = paths.iter().find_map(|path| Some((path, std::fs::metadata(path).err()?))) {
        return Failure::file(path, &error);
    }
    let mut known = own_names(project);
    known.extend(CATALOG.iter().map(|(name, _)| (*name).to_owned()));
    if let Ok(sources) = Store::open(project).and_then(|store| store.sources()) {
        known.extend(sources.into_iter().map(|source| source.name));
    }
    let near = crate::query::similar(name, known.iter().map(String::as_str));
    let hint = if near.is_empty() {
        "`scenery sources` lists them".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    let offers: Vec<(String, String)> = paths.iter().flat_map(|path| offers(session, name, path)).collect();
    let how = if offers.is_empty() {
        format!(": `scenery ingest --reader table --field instruction=COLUMN --field code=COLUMN {name} PATH`")
    } else {
        format!(", type one of these:{}", listed(&offers))
    };
    Failure::usage(format!("there is no source `{name}`: {hint}; without a recipe{how}"))
        .suggesting(near.into_iter().chain(offers.into_iter().map(|(command, _)| command)).collect())
}

fn listed(offers: &[(String, String)]) -> String {
    offers.iter().map(|(command, what)| format!("\n  {command}    ({what})")).collect()
}

/// Says what is missing where a source or a file stands alone: how to get the source, or what is in the file.
///
/// # Errors
/// Always: nothing is read.
pub fn without_path(session: &Session, source: &str) -> Result<(), Failure> {
    let path = Path::new(source);
    let project = session.project().ok();
    let recipe = match &project {
        Some(project) => find_recipe(project, source)?,
        None if CATALOG.iter().any(|(name, _)| *name == source) => Some(Recipe::builtin(source)?),
        None => None,
    };
    if let Some(recipe) = recipe {
        let how = recipe.get.clone().unwrap_or_else(|| "its recipe does not say how".to_owned());
        let rows = recipe.expected_rows.map_or(String::new(), |rows| format!(", {} rows", thousands(rows)));
        return Err(Failure::usage(format!(
            "{} needs a path. How to get it (licence {}{rows}):\n  {}\nthen: scenery ingest {} PATH",
            recipe.name,
            recipe.licence,
            how.trim().replace('\n', "\n  "),
            recipe.name
        )));
    }
    if !path.exists() {
        if check_name(source).is_ok() {
            return Err(match session.project() {
                Ok(project) => unknown_source(session, &project, source, &[]),
                Err(failure) => failure,
            });
        }
        check_name(source).map_err(|message| {
            let missing = if source.is_empty() { String::new() } else { format!("; nor is there a file `{source}`") };
            if source.contains(['/', '.']) {
                Failure::file(path, &std::io::ErrorKind::NotFound.into())
            } else {
                Failure::usage(format!("{message}{missing}"))
            }
        })?;
    }
    let name = free_name(project.as_ref(), path);
    let offers = offers(session, &name, path);
    if path.is_dir() && !offers.iter().any(|(_, what)| what.contains("table")) {
        if offers.is_empty() {
            return Err(Failure::request(format!(
                "{}: there is nothing in it to read: no table, no .py, no .ipynb, no document",
                path.display()
            )));
        }
        return Err(needs_reader(path, offers));
    }
    if let [(_, what)] = offers.as_slice()
        && !what.contains("table")
    {
        return Err(needs_reader(path, offers));
    }
    show_table(session, &name, path)
}

fn needs_reader(path: &Path, offers: Vec<(String, String)>) -> Failure {
    let text = format!("nothing was read: {} needs to be told how; type:{}", path.display(), listed(&offers));
    Failure::new(2, "needs-reader", text).suggesting(offers.into_iter().map(|(command, _)| command).collect())
}

fn show_table(session: &Session, name: &str, path: &Path) -> Result<(), Failure> {
    let preview = readers::table::preview(path)?;
    let command = here(session, &preview.command(name, path)?);
    if session.json {
        session.print_json(&json!({
            "file": preview.file, "columns": preview.columns.iter().map(|column| json!({
                "name": column.name, "types": column.types, "null_share": column.null_share })).collect::<Vec<_>>(),
            "command": command,
        }))?;
    } else {
        let rows: Vec<Vec<String>> = preview
            .columns
            .iter()
            .map(|column| {
                let example = preview.rows.iter().find_map(|row| row.iter().find(|(name, _)| *name == column.name));
                vec![
                    column.name.clone(),
                    column.types.join("|"),
                    format!("{:.0}%", column.null_share * 100.0),
                    example.map(|(_, text)| line(text, 200)).unwrap_or_default(),
                ]
            })
            .collect();
        session.print(format!(
            "{}: {} rows looked at{}\n\n",
            draw::name(&path.to_string_lossy()),
            preview.rows_read,
            if preview.more { ", there are more" } else { "" }
        ))?;
        session.print(table(&["column", "type", "empty", "first value"], &rows, session.width))?;
        for (at, row) in preview.rows.iter().enumerate() {
            session.print(format!("\nrow {}\n", at + 1))?;
            for (name, text) in row {
                let name = draw::name(name);
                session.print(format!("  {name}: {}\n", line(text, session.width.saturating_sub(name.len() + 4))))?;
            }
        }
        session.print(format!("\nto read it, type:\n  {}\n", draw::name(&command)))?;
    }
    Err(Failure::new(
        2,
        "needs-fields",
        "nothing was read: a file without a recipe needs to be told what is what (the command above)",
    )
    .suggesting(vec![command]))
}
