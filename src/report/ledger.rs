//! The ledger of a store: what became of every row of every source.
//!
//! Two equations hold for each source and for all of them together: what was read is what was rejected, forgotten,
//! found to be a duplicate, or kept; and what is kept is on one side or on none. Generated samples stay out: nobody
//! read them.
//! [`Ledger::table`] and [`Ledger::reasons`] are what all forms are made from.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::equation::{Equation, Term, narrow};
use super::plain;

/// Name of the row that adds up all sources.
pub const TOTAL: &str = "total";

/// Kept samples by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// Samples to learn from.
    pub train: u64,
    /// Samples to choose by.
    pub validation: u64,
    /// Samples to judge by.
    pub test: u64,
    /// Samples that no side may have.
    pub held: u64,
    /// Samples that no split has met.
    pub none: u64,
}

impl Sides {
    /// Whether some sample has a side.
    pub fn any(&self) -> bool {
        self.train != 0 || self.validation != 0 || self.test != 0 || self.held != 0
    }

    /// Names and counts, in the order of the columns.
    pub fn named(&self) -> [(&'static str, u64); 5] {
        [
            ("train", self.train),
            ("validation", self.validation),
            ("test", self.test),
            ("held", self.held),
            ("none", self.none),
        ]
    }
}

/// What became of the rows of a source; every count is of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Name of the source.
    pub source: String,
    /// Rows that its reader met.
    pub read: u64,
    /// Rejected rows and rejected samples by reason.
    pub by_reason: BTreeMap<String, u64>,
    /// Rows whose content is gone for good.
    pub forgotten: u64,
    /// Exact copies of a survivor.
    pub exact: u64,
    /// Near-duplicates of a survivor from the same source.
    pub near_within: u64,
    /// Near-duplicates of a survivor from another source.
    pub near_across: u64,
    /// Samples that are kept.
    pub kept: u64,
    /// The kept ones by side.
    pub sides: Sides,
}

impl Entry {
    /// Rejected rows and samples, all reasons together.
    pub fn rejected(&self) -> u64 {
        self.by_reason.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Where rows go that are not kept, by the names of the columns.
    fn gone(&self) -> [(&'static str, u64); 5] {
        [
            ("rejected", self.rejected()),
            ("forgotten", self.forgotten),
            ("exact", self.exact),
            ("near within", self.near_within),
            ("near across", self.near_across),
        ]
    }

    /// Reasons as they are shown; two that look alike are one.
    fn shown_reasons(&self) -> BTreeMap<String, u64> {
        let mut shown = BTreeMap::new();
        for (reason, count) in self.by_reason.iter().filter(|(_, count)| **count > 0) {
            let sum: &mut u64 = shown.entry(reason_name(reason)).or_default();
            *sum = sum.saturating_add(*count);
        }
        shown
    }

    fn add(&mut self, other: &Entry) {
        let add = |sum: &mut u64, count: u64| *sum = sum.saturating_add(count);
        add(&mut self.read, other.read);
        for (reason, count) in &other.by_reason {
            add(self.by_reason.entry(reason.clone()).or_default(), *count);
        }
        add(&mut self.forgotten, other.forgotten);
        add(&mut self.exact, other.exact);
        add(&mut self.near_within, other.near_within);
        add(&mut self.near_across, other.near_across);
        add(&mut self.kept, other.kept);
        add(&mut self.sides.train, other.sides.train);
        add(&mut self.sides.validation, other.sides.validation);
        add(&mut self.sides.test, other.sides.test);
        add(&mut self.sides.held, other.sides.held);
        add(&mut self.sides.none, other.sides.none);
    }

    fn balance(&self, name: &str) -> Result<(), Imbalance> {
        let term = |(name, count): (&'static str, u64)| -> Term { (name.to_owned(), i128::from(count)) };
        let some = |terms: &[(&'static str, u64)]| -> Vec<Term> {
            terms.iter().filter(|(_, count)| *count > 0).map(|each| term(*each)).collect()
        };
        let kept = term(("kept", self.kept));
        let rows = Equation { from: term(("read", self.read)), minus: some(&self.gone()), to: vec![kept.clone()] };
        if rows.unexplained() != 0 {
            let (unexplained, sentence) = (narrow(rows.unexplained()), rows.sentence());
            return Err(Imbalance::Rows { name: name.to_owned(), unexplained, sentence });
        }
        let sides = Equation { from: kept, minus: Vec::new(), to: some(&self.sides.named()) };
        if sides.unexplained() != 0 {
            let (unexplained, sentence) = (narrow(sides.unexplained()), sides.sentence());
            return Err(Imbalance::Sides { name: name.to_owned(), unexplained, sentence });
        }
        Ok(())
    }
}

/// A ledger that does not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Imbalance {
    /// What was read is not what was rejected, forgotten, found to be a duplicate, or kept.
    #[error("{name}: {sentence}")]
    Rows {
        /// `source x`, or the total.
        name: String,
        /// How many rows more were read than are accounted for.
        unexplained: i64,
        /// The figures.
        sentence: String,
    },
    /// What is kept is not what the sides hold.
    #[error("{name}: {sentence}")]
    Sides {
        /// `source x`, or the total.
        name: String,
        /// How many rows more are kept than have a side or none.
        unexplained: i64,
        /// The figures.
        sentence: String,
    },
}

/// A form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns, for a terminal.
    Text,
    /// A pipe table.
    Markdown,
    /// Comma-separated values, one rectangle: each reason is a column `rejected: REASON`.
    Csv,
    /// `{"sources": [..], "total": {..}}`.
    Json,
}

impl Format {
    /// All forms.
    pub const ALL: [Format; 4] = [Format::Text, Format::Markdown, Format::Csv, Format::Json];
}

/// A table before it has a form: names as they are, numbers in plain digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Titles of the columns.
    pub header: Vec<String>,
    /// Cells, as many in each row as there are titles.
    pub rows: Vec<Vec<String>>,
    /// How many of the first columns are names; the others are numbers.
    pub names: usize,
}

/// What became of the rows of all sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The sources, in the order in which they are shown.
    pub entries: Vec<Entry>,
}

impl Ledger {
    /// Adds up all sources.
    pub fn total(&self) -> Entry {
        let mut total = Entry { source: TOTAL.to_owned(), ..Entry::default() };
        self.entries.iter().for_each(|entry| total.add(entry));
        total
    }

    /// Says whether every row is accounted for, in every source and in the total.
    ///
    /// # Errors
    ///
    /// The first equation that does not hold, with both sums.
    pub fn balance(&self) -> Result<(), Imbalance> {
        self.entries.iter().try_for_each(|entry| entry.balance(&format!("source {}", plain(&entry.source))))?;
        self.total().balance(TOTAL)
    }

    /// The table of counts, with the total as its last row. Sides have columns where some sample has one.
    pub fn table(&self) -> Table {
        let total = self.total();
        let split = total.sides.any();
        let cells = |entry: &Entry| -> Vec<(&'static str, u64)> {
            let mut cells = vec![("read", entry.read)];
            cells.extend(entry.gone());
            cells.push(("kept", entry.kept));
            if split {
                cells.extend(entry.sides.named());
            }
            cells
        };
        let header =
            std::iter::once("source").chain(cells(&total).iter().map(|cell| cell.0)).map(str::to_owned).collect();
        let row = |entry: &Entry| {
            let numbers = cells(entry).into_iter().map(|(_, count)| count.to_string());
            std::iter::once(entry.source.clone()).chain(numbers).collect()
        };
        let rows = self.entries.iter().chain(std::iter::once(&total)).map(row).collect();
        Table { header, rows, names: 1 }
    }

    /// The table of reasons: source, reason, and how many rows were rejected for it.
    pub fn reasons(&self) -> Table {
        let header = ["source", "reason", "rows"].map(str::to_owned).to_vec();
        let of = |entry: &Entry| -> Vec<Vec<String>> {
            let source = &entry.source;
            let reasons = entry.shown_reasons().into_iter();
            reasons.map(|(reason, count)| vec![source.clone(), reason, count.to_string()]).collect()
        };
        Table { header, rows: self.entries.iter().flat_map(of).collect(), names: 2 }
    }

    /// The ledger in a form; the text ends with a line end. In text and Markdown a second table lists the reasons.
    pub fn render(&self, format: Format) -> String {
        let (table, reasons) = (self.table(), self.reasons());
        match format {
            Format::Text | Format::Markdown => {
                let mut out = table.render(format);
                if !reasons.rows.is_empty() {
                    out.push('\n');
                    out.push_str(&reasons.render(format));
                }
                out
            }
            Format::Csv => self.with_reasons(table).render(format),
            Format::Json => format!("{:#}\n", self.json(&table)),
        }
    }

    /// The table with a column for each reason.
    fn with_reasons(&self, mut table: Table) -> Table {
        let total = self.total();
        let reasons = total.shown_reasons();
        table.header.extend(reasons.keys().map(|reason| format!("rejected: {reason}")));
        for (row, entry) in table.rows.iter_mut().zip(self.entries.iter().chain(std::iter::once(&total))) {
            let here = entry.shown_reasons();
            row.extend(reasons.keys().map(|reason| here.get(reason).copied().unwrap_or(0).to_string()));
        }
        table
    }

    fn json(&self, table: &Table) -> Value {
        let total = self.total();
        let mut sources = Vec::new();
        let mut sum = Value::Null;
        for (at, (row, entry)) in table.rows.iter().zip(self.entries.iter().chain(std::iter::once(&total))).enumerate()
        {
            let mut object = Map::new();
            for (title, cell) in table.header.iter().zip(row) {
                let value = match (title.as_str(), cell.parse::<u64>()) {
                    ("source", _) | (_, Err(_)) => Value::from(plain(cell)),
                    ("rejected", Ok(count)) => {
                        let reasons: Map<String, Value> =
                            entry.shown_reasons().into_iter().map(|(reason, count)| (reason, count.into())).collect();
                        Value::Object(Map::from_iter([
                            ("total".to_owned(), count.into()),
                            ("by_reason".to_owned(), reasons.into()),
                        ]))
                    }
                    (_, Ok(count)) => count.into(),
                };
                object.insert(title.replace(' ', "_"), value);
            }
            if at == self.entries.len() {
                object.shift_remove("source");
                sum = object.into();
            } else {
                sources.push(Value::Object(object));
            }
        }
        Value::Object(Map::from_iter([("sources".to_owned(), sources.into()), (TOTAL.to_owned(), sum)]))
    }
}

impl Table {
    /// The table in a form; names are made safe for it, and people get thousands with commas.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => self.text(),
            Format::Markdown => self.markdown(),
            Format::Csv => self.csv(),
            Format::Json => format!("{:#}\n", self.json()),
        }
    }

    /// Titles and rows with each cell in its form; `name` treats names and titles, numbers get commas.
    fn shown(&self, name: impl Fn(&str) -> String) -> Vec<Vec<String>> {
        let head = self.header.iter().map(|title| name(title)).collect();
        let rows = self.rows.iter().map(|row| {
            row.iter().enumerate().map(|(at, cell)| if at < self.names { name(cell) } else { grouped(cell) }).collect()
        });
        std::iter::once(head).chain(rows).collect()
    }

    fn text(&self) -> String {
        let lines = self.shown(one_column);
        let width = |at: usize| {
            lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let mut out = String::new();
        for line in &lines {
            let mut text = String::new();
            for (at, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let pad = " ".repeat(width - cell.chars().count());
                let parts = if at < self.names { [cell.as_str(), &pad] } else { [pad.as_str(), cell] };
                text.push_str(&parts.concat());
                text.push_str("  ");
            }
            out.push_str(text.trim_end());
            out.push('\n');
        }
        out
    }

    fn markdown(&self) -> String {
        let mut out = String::new();
        for (at, line) in self.shown(pipe_cell).iter().enumerate() {
            out.push_str(&format!("| {} |\n", line.join(" | ")));
            if at == 0 {
                let rule = |at: usize| if at < self.names { "---" } else { "---:" };
                let rules: Vec<&str> = (0..self.header.len()).map(rule).collect();
                out.push_str(&format!("| {} |\n", rules.join(" | ")));
            }
        }
        out
    }

    fn csv(&self) -> String {
        let mut out = String::new();
        for line in std::iter::once(&self.header).chain(&self.rows) {
            let cells: Vec<String> = line.iter().map(|cell| quoted(cell)).collect();
            out.push_str(&cells.join(","));
            out.push('\n');
        }
        out
    }

    fn json(&self) -> Value {
        let row = |row: &Vec<String>| -> Value {
            let cell = |(at, (title, cell)): (usize, (&String, &String))| {
                let number = if at < self.names { None } else { cell.parse::<u64>().ok() };
                (plain(title).replace(' ', "_"), number.map_or_else(|| Value::from(plain(cell)), Value::from))
            };
            Value::Object(self.header.iter().zip(row).enumerate().map(cell).collect())
        };
        self.rows.iter().map(row).collect()
    }
}

/// A reason as it is shown; an empty one would leave nothing to see.
fn reason_name(reason: &str) -> String {
    if reason.trim().is_empty() { "no reason".to_owned() } else { plain(reason) }
}

/// A number in digits with commas.
fn grouped(digits: &str) -> String {
    digits.parse::<u64>().map_or_else(|_| plain(digits), |count| super::thousands(i128::from(count)))
}

/// A name for an aligned column. Two blanks part columns, so all blanks in a row but the first are shown as `␠`.
fn one_column(name: &str) -> String {
    let name = plain(name);
    let inner = name.trim_matches(' ');
    let ends =
        |at: usize| at < name.len() - name.trim_start_matches(' ').len() || at >= name.trim_end_matches(' ').len();
    if inner.is_empty() {
        return "␠".repeat(name.len().max(1));
    }
    let mut after_blank = false;
    name.char_indices()
        .map(|(at, ch)| {
            let blank = ch.is_whitespace();
            let shown = if blank && (after_blank || ends(at)) { '␠' } else { ch };
            after_blank = blank;
            shown
        })
        .collect()
}

/// A name for a cell of a pipe table: what Markdown or HTML would take for a mark is escaped.
fn pipe_cell(name: &str) -> String {
    let mut out = String::new();
    for ch in plain(name).chars() {
        match ch {
            '|' | '\\' | '*' | '_' | '`' | '[' | ']' | '~' => out.extend(['\\', ch]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            other => out.push(other),
        }
    }
    out
}

/// A cell of comma-separated values (RFC 4180).
fn quoted(cell: &str) -> String {
    let cell = plain(cell);
    let bare = !cell.contains([',', ';', '"']) && cell.trim() == cell;
    if bare { cell } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(source: &str) -> Entry {
        Entry {
            source: source.to_owned(),
            read: 7_434,
            by_reason: BTreeMap::from([("no code".to_owned(), 4), ("too long".to_owned(), 1_003)]),
            forgotten: 1,
            exact: 2_800,
            near_within: 12,
            near_across: 7,
            kept: 3_607,
            sides: Sides { train: 2_500, validation: 75, test: 1_000, held: 2, none: 30 },
        }
    }

    #[test]
    fn a_ledger_balances_or_says_where_it_does_not() {
        let mut ledger = Ledger { entries: vec![entry("a"), entry("b")] };
        assert_eq!(ledger.balance(), Ok(()));
        assert_eq!(ledger.total().read, 14_868);
        ledger.entries[1].kept = 2_304;
        let error = ledger.balance().expect_err("1,303 are missing");
        assert_eq!(
            error.to_string(),
            "source b: 1,303 rows unexplained: 7,434 read − 1,007 rejected − 1 forgotten − 2,800 exact − 12 near \
             within − 7 near across = 3,607, but kept 2,304"
        );
        ledger.entries[1] = entry("b");
        ledger.entries[1].sides.held = 0;
        assert!(matches!(ledger.balance(), Err(Imbalance::Sides { unexplained: 2, .. })));
        ledger.entries[1].read = u64::MAX;
        assert!(matches!(ledger.balance(), Err(Imbalance::Rows { unexplained: i64::MAX, .. })));
        assert_eq!(Ledger::default().balance(), Ok(()));
    }

    #[test]
    fn text_is_aligned_and_lists_reasons_below() {
        let mut small = entry("b|c");
        small.by_reason.clear();
        small.sides = Sides { none: 3_607, ..Sides::default() };
        small.read -= 1_007;
        let ledger = Ledger { entries: vec![small] };
        assert_eq!(
            ledger.render(Format::Text),
            "source   read  rejected  forgotten  exact  near within  near across   kept\n\
             b|c     6,427         0          1  2,800           12            7  3,607\n\
             total   6,427         0          1  2,800           12            7  3,607\n"
        );
        assert_eq!(
            ledger.render(Format::Markdown).lines().nth(2),
            Some(r"| b\|c | 6,427 | 0 | 1 | 2,800 | 12 | 7 | 3,607 |")
        );
        let with_reasons = Ledger { entries: vec![entry("a")] }.render(Format::Text);
        assert!(
            with_reasons.ends_with("\n\nsource  reason     rows\na       no code       4\na       too long  1,003\n"),
            "{with_reasons}"
        );
        assert!(
            with_reasons
                .starts_with("source   read  rejected  forgotten  exact  near within  near across   kept  train")
        );
    }

    #[test]
    fn csv_is_one_rectangle() {
        let mut other = entry("b \"x\", y");
        other.by_reason = BTreeMap::from([("a\nb".to_owned(), 7), ("a\u{240a}b".to_owned(), 1_000)]);
        let csv = Ledger { entries: vec![entry("a"), other] }.render(Format::Csv);
        assert_eq!(
            csv,
            "source,read,rejected,forgotten,exact,near within,near across,kept,train,validation,test,held,none,\
             rejected: a␊b,rejected: no code,rejected: too long\n\
             a,7434,1007,1,2800,12,7,3607,2500,75,1000,2,30,0,4,1003\n\
             \"b \"\"x\"\", y\",7434,1007,1,2800,12,7,3607,2500,75,1000,2,30,1007,0,0\n\
             total,14868,2014,2,5600,24,14,7214,5000,150,2000,4,60,1007,4,1003\n"
        );
    }

    #[test]
    fn json_has_the_counts_by_name() {
        let value: Value =
            serde_json::from_str(&Ledger { entries: vec![entry("a\u{1b}")] }.render(Format::Json)).expect("JSON");
        assert_eq!(value["sources"][0]["source"], "a␛");
        assert_eq!(value["sources"][0]["rejected"]["total"], 1_007);
        assert_eq!(value["sources"][0]["rejected"]["by_reason"]["no code"], 4);
        assert_eq!(value["total"]["near_within"], 12);
        assert!(value["total"].get("source").is_none());
    }

    #[test]
    fn names_cannot_break_a_form() {
        assert_eq!(pipe_cell("a|b\n<b>*x*\u{202e}"), "a\\|b␊&lt;b&gt;\\*x\\*\u{FFFD}");
        assert_eq!(one_column(" a  b\tc "), "␠a ␠b␉c␠");
        assert_eq!(one_column(""), "␠");
        assert_eq!(quoted(" a\r"), "\" a␍\"");
    }
}
