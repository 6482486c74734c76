//! What `decontaminate` compares with: a file or a source of the store, read and not kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::recipes;
use crate::analyze::parse;
use crate::cli::args::DecontaminateArgs;
use crate::cli::draw::thousands;
use crate::cli::failure::Failure;
use crate::cli::quoted;
use crate::cli::session::Session;
use crate::dedup::contamination::Item;
use crate::ingest::IngestError;
use crate::ingest::cleaners::{CleanContext, clean};
use crate::ingest::readers;
use crate::ingest::recipe::{Recipe, name_from};
use crate::ingest::row::{Met, ReadRequest};
use crate::store::Store;

/// Rows above this many bytes are left out.
const MAX_ROW_BYTES: u64 = 64 << 20;

/// What was read.
pub struct Read {
    /// The source of the store that it is, if it is one.
    pub source: Option<String>,
    /// Its items.
    pub items: Vec<Item>,
}

/// Reads what `--against` names: a source of the store, else a file or folder.
///
/// # Errors
/// Where there is neither; where nothing in it can be compared; as the reader and the store.
pub fn read(session: &Session, store: &Store, args: &DecontaminateArgs) -> Result<Read, Failure> {
    let path = Path::new(&args.against);
    let says_how = args.source_like.is_some() || !args.field.is_empty();
    let sources = store.sources()?;
    if let Some(source) = sources.iter().find(|source| source.name == args.against) {
        if says_how {
            return Err(Failure::usage(format!(
                "`{0}` is a source of this store, which is compared as it was read: leave --source-like and --field out, or write `./{0}` for a file of that name",
                source.name
            )));
        }
        return Ok(Read { items: of_source(store, &source.name)?, source: Some(source.name.clone()) });
    }
    if args.against.is_empty() || !path.exists() {
        let near = crate::query::similar(&args.against, sources.iter().map(|source| source.name.as_str()));
        let hint = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
        let known = crate::ingest::catalog::CATALOG.iter().any(|(name, _)| *name == args.against);
        let unread = if known {
            format!("; it is in the catalogue: ingest it first, or name its file with `--source-like {}`", args.against)
        } else {
            String::new()
        };
        let mut out = Failure::request(format!(
            "--against {}: there is no such file or folder, and no such source in this store{hint}{unread}",
            quoted(&args.against)
        ));
        out.path = Some(args.against.clone());
        return Err(out.suggesting(near.iter().map(|near| format!("--against {near}")).collect()));
    }
    let items = if says_how { of_table(session, store, args, path)? } else { of_files(session, store, args, path)? };
    let has = |text: &str| text.chars().any(char::is_alphanumeric);
    if !items.iter().any(|item| has(&item.code) || item.instruction.as_deref().is_some_and(has)) {
        let mut out = Failure::request(format!(
            "{}: there is neither code nor an instruction in it to compare with: `--field code=COLUMN` and `--field instruction=COLUMN` say where they are",
            path.display()
        ));
        out.path = Some(args.against.clone());
        return Err(out);
    }
    Ok(Read { source: None, items })
}

/// The kept and duplicate samples of a source.
fn of_source(store: &Store, name: &str) -> Result<Vec<Item>, Failure> {
    let sources = store.numbered_sources()?;
    let is_of = |number: i64| sources.get(&number).is_some_and(|source| source.name == name);
    let rows: Vec<u32> =
        store.participants()?.into_iter().filter(|each| is_of(each.source)).map(|each| each.row).collect();
    if rows.is_empty() {
        return Err(Failure::request(format!("{name} has no kept or duplicate sample to compare with")));
    }
    let mut items = store.each_text(parse::pool(), &rows, &|text, buffer: &mut Vec<u8>| {
        let code = text.code(buffer)?.to_owned();
        Ok(Item { place: String::new(), instruction: text.instruction.map(str::to_owned), code })
    })?;
    for (item, row) in items.iter_mut().zip(rows) {
        item.place = store.placed(row)?.locator;
    }
    Ok(items)
}

/// A file or folder that nothing is said about.
fn of_files(session: &Session, store: &Store, args: &DecontaminateArgs, path: &Path) -> Result<Vec<Item>, Failure> {
    let is_python = |path: &Path| path.extension().is_some_and(|ending| ending == "py");
    if !path.is_dir() {
        return if is_python(path) {
            of_python(&[path.to_owned()], path)
        } else {
            of_table(session, store, args, path)
        };
    }
    let mut found = Vec::new();
    walk(path, &mut found)?;
    let scripts: Vec<PathBuf> = found.iter().filter(|path| is_python(path)).cloned().collect();
    let kinds = readers::kinds(path).unwrap_or_default();
    let tables = kinds.iter().find(|(reader, _)| reader.name == "table").map_or(0, |(_, files)| *files);
    match (scripts.is_empty(), tables) {
        (false, 0) => of_python(&scripts, path),
        (true, 1..) => of_table(session, store, args, path),
        (true, 0) => Err(Failure::request(format!(
            "{}: there is no table and no .py file in it to compare with",
            path.display()
        ))),
        (false, _) => Err(Failure::usage(format!(
            "{}: it holds {} .py files and {} tables: name a file, or a folder with files of one kind",
            path.display(),
            thousands(scripts.len() as u64),
            thousands(tables)
        ))),
    }
}

/// All files below a folder, by name; hidden ones and links left out.
fn walk(folder: &Path, out: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file(folder, &error);
    let mut entries: Vec<std::fs::DirEntry> =
        std::fs::read_dir(folder).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if kind.is_symlink() || name.starts_with('.') || name == "__pycache__" {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), out)?;
        } else {
            out.push(entry.path());
        }
    }
    Ok(())
}

/// Files of Python, an item each.
fn of_python(files: &[PathBuf], root: &Path) -> Result<Vec<Item>, Failure> {
    let read = |file: &PathBuf| {
        let bytes = std::fs::read(file).map_err(|error| Failure::file(file, &error))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Failure::request(format!("{}: this is no text: it is not UTF-8", file.display())))?;
        let cleaned = parse::on_big_stack(|| clean(&text, None, &CleanContext { dialect: None }));
        Ok(Item { place: crate::ingest::row::relative(root, file), instruction: None, code: cleaned.code })
    };
    files.iter().map(read).collect()
}

/// What is compared of a table.
struct Columns {
    recipe: Recipe,
    /// Whether the code is none: the recipe must name a column for it.
    only_prompts: bool,
}

fn of_table(session: &Session, store: &Store, args: &DecontaminateArgs, path: &Path) -> Result<Vec<Item>, Failure> {
    let Columns { recipe, only_prompts } = columns(session, store, args, path)?;
    let reader = readers::find(&recipe.reader)
        .ok_or_else(|| Failure::request(format!("{}: there is no reader `{}`", recipe.name, recipe.reader)))?;
    let mut items = Vec::new();
    let mut left_out: BTreeMap<String, u64> = BTreeMap::new();
    let mut example = None;
    let paths = [path.to_owned()];
    let request = ReadRequest { recipe: &recipe, paths: &paths, max_row_bytes: MAX_ROW_BYTES, variant: None };
    parse::on_big_stack(|| {
        (reader.read)(&request, &mut |met| {
            match met {
                Met::Row(row) => {
                    // As a sample is cleaned on its way into the store.
                    let context = CleanContext { dialect: row.dialect.or(recipe.dialect) };
                    let cleaned = clean(&row.code, row.instruction.as_deref(), &context);
                    let code = if only_prompts { String::new() } else { cleaned.code };
                    items.push(Item { place: row.locator, instruction: cleaned.instruction, code });
                }
                Met::Rejected(row) => {
                    *left_out.entry(row.reason.clone()).or_default() += 1;
                    example.get_or_insert_with(|| format!("{}: {}", row.locator, row.detail));
                }
                Met::Progress(_) => {}
            }
            Ok(())
        })
    })?;
    let reasons: Vec<String> =
        left_out.iter().map(|(reason, count)| format!("{} {reason}", thousands(*count))).collect();
    let example = example.map(|example| format!(" (the first: {example})")).unwrap_or_default();
    if items.is_empty() {
        let what = if reasons.is_empty() {
            "there are no rows in it".to_owned()
        } else {
            format!("no row of it can be compared: {}{example}", reasons.join(", "))
        };
        let mut out = Failure::request(format!("{}: {what}", path.display()));
        out.path = Some(args.against.clone());
        return Err(out);
    }
    if !reasons.is_empty() {
        session.note(format!("rows of {} that are not compared: {}{example}", path.display(), reasons.join(", ")));
    }
    Ok(items)
}

/// How a table is read: by a source's recipe, by columns that are named, or by those that look like it.
fn columns(session: &Session, store: &Store, args: &DecontaminateArgs, path: &Path) -> Result<Columns, Failure> {
    if let Some(name) = &args.source_like {
        let recipe = match recipes::find_recipe(store.project(), name)? {
            Some(recipe) => recipe,
            None => recipes::stored(store.project(), name)?.map(|stored| stored.recipe).ok_or_else(|| {
                let mut known = recipes::own_names(store.project());
                known.extend(crate::ingest::catalog::CATALOG.iter().map(|(name, _)| (*name).to_owned()));
                let near = crate::query::similar(name, known.iter().map(String::as_str));
                let hint = if near.is_empty() {
                    "`scenery sources` lists those that there are".to_owned()
                } else {
                    format!("did you mean {}?", near.join(" or "))
                };
                Failure::usage(format!("--source-like {}: there is no source of this name; {hint}", quoted(name)))
                    .suggesting(near.iter().map(|near| format!("--source-like {near}")).collect())
            })?,
        };
        return Ok(Columns { recipe, only_prompts: false });
    }
    let mut fields = recipes::fields_of(&args.field)?;
    if let Some((field, _)) = fields.iter().find(|(field, _)| !matches!(field.as_str(), "instruction" | "code")) {
        return Err(Failure::usage(format!(
            "--field {field}=: only `instruction` and `code` are compared, so only these are read"
        )));
    }
    if fields.is_empty() {
        let preview = readers::table::preview(path)?;
        fields.extend(preview.instruction.iter().map(|column| ("instruction".to_owned(), column.clone())));
        fields.extend(preview.code.iter().map(|column| ("code".to_owned(), column.clone())));
        if fields.is_empty() {
            let names: Vec<&str> = preview.columns.iter().map(|column| column.name.as_str()).collect();
            let command = format!(
                "scenery decontaminate --against {} --field instruction=COLUMN --field code=COLUMN",
                quoted(&args.against)
            );
            return Err(Failure::new(
                2,
                "needs-fields",
                format!(
                    "{}: no column looks like code or like an instruction; the columns are {}; say which is which:\n  {command}",
                    path.display(),
                    names.join(", ")
                ),
            )
            .suggesting(vec![command]));
        }
        let taken: Vec<String> = fields.iter().map(|(field, column)| format!("{field}={column}")).collect();
        session.note(format!("{} is read by {} (`--field` says otherwise)", path.display(), taken.join(" and ")));
    }
    let only_prompts = !fields.iter().any(|(field, _)| field == "code");
    if only_prompts {
        let column = fields[0].1.clone();
        fields.push(("code".to_owned(), column));
    }
    let recipe = Recipe::adhoc(&name_from(&args.against), "table", &fields).map_err(|error| match error {
        IngestError::Recipe { message, .. } => Failure::usage(message),
        other => other.into(),
    })?;
    Ok(Columns { recipe, only_prompts })
}
