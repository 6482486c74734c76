//! JSON made into grids: a list of objects, an object of objects, or counts by name, nested or not.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::CheckError;
use super::names::{Meaning, Role, is_total, meaning, words};
use super::tables::{Cell, Grid};

/// The tables of a JSON text; several values in a row are a list.
pub(super) fn grids(text: &str) -> Result<Vec<Grid>, CheckError> {
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        values.push(value.map_err(|error| CheckError::Json {
            line: error.line(),
            column: error.column(),
            message: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
        })?);
    }
    let value = match values.pop() {
        Some(value) if values.is_empty() => value,
        last => values.into_iter().chain(last).collect(),
    };
    let mut grids = Vec::new();
    collect(&value, "", &mut grids);
    if grids.is_empty() { Err(CheckError::NoTable) } else { Ok(grids) }
}

fn collect(value: &Value, path: &str, grids: &mut Vec<Grid>) {
    match value {
        Value::Array(items) => {
            let rows =
                items.iter().enumerate().filter_map(|(at, item)| Some((format!("{path}[{at}]"), item.as_object()?)));
            let rows: Vec<Row<'_>> = rows.map(|(place, object)| Row { name: None, place, object }).collect();
            grids.extend(grid(&rows, path));
        }
        Value::Object(object) if of_rows(object) => grids.extend(grid(&named(object, path), path)),
        Value::Object(object) => {
            // A list of objects is a table, and an object `total` beside it is its last row; all else is one row.
            let mut rest = object.clone();
            rest.retain(|_, value| !is_list(value));
            for (key, value) in object.iter().filter(|(_, value)| is_list(value)) {
                let from = grids.len();
                collect(value, &join(path, key), grids);
                let sum = object.iter().find(|(key, value)| is_total(key) && value.is_object());
                if let (Some(grid), Some((name, Value::Object(sum)))) = (grids.get_mut(from), sum) {
                    let row = Row { name: Some(name), place: join(path, name), object: sum };
                    add(grid, &row);
                    rest.shift_remove(name);
                }
            }
            // Tables deeper down are tables of their own.
            for (key, value) in object.iter().filter(|(_, value)| has_tables(value)) {
                if rest.shift_remove(key).is_some() {
                    collect(value, &join(path, key), grids);
                }
            }
            grids.extend(grid(&[Row { name: None, place: path.to_owned(), object: &rest }], path));
        }
        _ => {}
    }
}

/// Whether a value is a list of objects.
fn is_list(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().any(Value::is_object))
}

/// Whether rows are somewhere inside an object.
fn has_tables(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|object| of_rows(object) || object.values().any(|value| is_list(value) || has_tables(value)))
}

struct Row<'a> {
    name: Option<&'a str>,
    place: String,
    object: &'a Map<String, Value>,
}

fn named<'a>(object: &'a Map<String, Value>, path: &str) -> Vec<Row<'a>> {
    let rows = object.iter().filter_map(|(key, value)| Some((key, value.as_object()?)));
    rows.map(|(key, object)| Row { name: Some(key), place: join(path, key), object }).collect()
}

/// Whether the members of an object are rows of one table: all are objects, and two have a known column in common, or
/// two columns of any kind.
fn of_rows(object: &Map<String, Value>) -> bool {
    let rows = named(object, "");
    if rows.len() < object.len() || rows.len() < 2 {
        return false;
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    for row in &rows {
        leaves(row.object, "").into_iter().for_each(|(name, _)| *seen.entry(name).or_default() += 1);
    }
    let common: Vec<&String> = seen.iter().filter(|(_, times)| **times > 1).map(|(name, _)| name).collect();
    let core = |name: &str| matches!(meaning(name), Meaning::One(Role::Read | Role::Removed | Role::Kept));
    common.len() > 1 || common.iter().any(|name| core(name))
}

fn grid(rows: &[Row<'_>], path: &str) -> Option<Grid> {
    let mut grid = Grid { header: vec![String::new()], at: place(path), ..Grid::default() };
    rows.iter().for_each(|row| add(&mut grid, row));
    (grid.header.len() > 1).then_some(grid)
}

/// Adds a row, and columns where it has new ones.
fn add(grid: &mut Grid, row: &Row<'_>) {
    let mut cells = vec![Cell { text: row.name.map(str::to_owned), place: place(&row.place) }];
    cells.resize_with(grid.header.len(), || Cell { text: None, place: place(&row.place) });
    for (name, text) in leaves(row.object, "") {
        let cell = Cell { text: Some(text), place: place(&row.place) };
        match grid.header.iter().skip(1).position(|title| *title == name) {
            Some(at) => cells[at + 1] = cell,
            None => {
                grid.header.push(name);
                cells.push(cell);
                for before in &mut grid.rows {
                    let place = before.first().map(|cell| cell.place.clone()).unwrap_or_default();
                    before.push(Cell { text: None, place });
                }
            }
        }
    }
    grid.places.push(place(&row.place));
    grid.rows.push(cells);
}

/// Numbers and words of an object with their paths; a member `total` stands for the object that it is in.
fn leaves(object: &Map<String, Value>, path: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (key, value) in object {
        let sum = !path.is_empty() && ["total", "sum", "count"].iter().any(|word| words(key) == [*word]);
        let of_known = !matches!(meaning(path), Meaning::Unknown | Meaning::Other);
        let name = match path {
            "" => key.clone(),
            path if sum && of_known => path.to_owned(),
            path => format!("{path} / {key}"),
        };
        match value {
            Value::Object(inner) => found.extend(leaves(inner, &name)),
            Value::Array(_) => {}
            Value::String(text) => found.push((name, text.clone())),
            other => found.push((name, other.to_string())),
        }
    }
    found
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn place(path: &str) -> String {
    if path.is_empty() { "the object".to_owned() } else { format!("`{}`", super::excerpt(path)) }
}
