//! A second table that breaks down another one by reason.

use std::collections::BTreeMap;

use super::super::equation::{Equation, Term};
use super::names::{Meaning, Role, is_reason, is_total, meaning, words};
use super::sheet::{Record, Sheet, note};
use super::tables::{Cell, Grid, Number, number, unmarked};
use super::{CheckError, Checked};

/// A table that breaks down another one by reason.
pub(super) struct Block {
    place: String,
    /// Whether it says to which row of the other table a reason belongs.
    by_row: bool,
    /// Reasons and counts by row.
    reasons: BTreeMap<String, Vec<Term>>,
    /// Where it has a total, and what that says.
    total: Option<(String, i128)>,
}

impl Block {
    /// Understands a table of reasons; none where it is another table.
    pub fn read(grid: &Grid) -> Result<Option<Block>, CheckError> {
        let Some(reason) = grid.header.iter().position(|title| is_reason(title)) else { return Ok(None) };
        let ends = |title: &String| matches!(meaning(title), Meaning::One(Role::Read | Role::Kept));
        let whole = |row: &Vec<Cell>, at: usize| match row[at].text.as_deref().map(number) {
            Some(Number::Whole(value)) => Some(i128::from(value)),
            _ => None,
        };
        let counts = (0..grid.header.len()).filter(|at| *at != reason && meaning(&grid.header[*at]) != Meaning::Other);
        let Some(count) = counts.rev().find(|at| grid.rows.iter().any(|row| whole(row, *at).is_some())) else {
            return Ok(None);
        };
        if grid.header.iter().any(ends) {
            return Ok(None);
        }
        let row_name = (0..grid.header.len()).find(|at| *at != reason && *at != count);
        let mut block =
            Block { place: grid.at.clone(), by_row: row_name.is_some(), reasons: BTreeMap::new(), total: None };
        for (at, row) in grid.rows.iter().enumerate() {
            let text = |at: usize| row[at].text.as_deref().map(unmarked).unwrap_or_default();
            let Some(value) = whole(row, count) else {
                let (place, column) = (grid.places[at].clone(), unmarked(&grid.header[count]));
                return Err(CheckError::NotANumber { place, column, cell: text(count) });
            };
            let why = text(reason);
            let name = row_name.map(text).unwrap_or_default();
            let last = at + 1 == grid.rows.len();
            if last && (is_total(&name) && why.is_empty() || row_name.is_none() && is_total(&why)) {
                block.total = Some((grid.places[at].clone(), value));
            } else {
                block.reasons.entry(name).or_default().push((why, value));
            }
        }
        Ok(Some(block))
    }
}

impl Sheet {
    /// Tests a table of reasons against what it breaks down.
    pub fn check_reasons(&self, block: &Block, checked: &mut Checked) {
        let removed = self.of(Role::Removed);
        let rejected: Vec<usize> = removed
            .iter()
            .copied()
            .filter(|at| words(&self.columns[*at].name).iter().any(|word| word == "rejected"))
            .collect();
        let targets = if rejected.is_empty() { removed } else { rejected };
        if targets.is_empty() {
            return;
        }
        let said = |records: &[&Record]| -> i128 {
            records.iter().flat_map(|record| targets.iter().filter_map(|at| record.values[*at])).map(i128::abs).sum()
        };
        let name = match targets.as_slice() {
            [at] => self.columns[*at].name.clone(),
            _ => "removed".to_owned(),
        };
        let mut test = |place: String, said: i128, reasons: &[Term]| {
            let equation = Equation { from: (name.clone(), said), minus: Vec::new(), to: reasons.to_vec() };
            note(checked, place, &equation);
        };
        if !block.by_row {
            let all: Vec<Term> = block.reasons.values().flatten().cloned().collect();
            let records: Vec<&Record> = match self.total() {
                Some(total) => vec![total],
                None => self.records.iter().collect(),
            };
            test(block.place.clone(), said(&records), &all);
        } else {
            let mut left = block.reasons.clone();
            let mut rows: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
            for record in self.records.iter().filter(|record| !record.total) {
                rows.entry(&record.name).or_default().push(record);
            }
            for (row, records) in rows {
                let place = records.first().map(|record| record.at()).unwrap_or_default();
                test(place, said(&records), &left.remove(row).unwrap_or_default());
            }
            for (row, reasons) in left {
                test(format!("{}, reasons of {row}, which is no row of the table", block.place), 0, &reasons);
            }
        }
        if let Some((place, total)) = &block.total {
            let all = block.reasons.values().flatten().cloned().collect();
            let equation = Equation { from: ("in total".to_owned(), *total), minus: Vec::new(), to: all };
            note(checked, place.clone(), &equation);
        }
    }
}
