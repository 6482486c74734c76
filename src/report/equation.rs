//! One equation of an account, and the sentence that says how far it is from holding.

/// How many figures a sum may have to be written out.
const WRITTEN_OUT: usize = 8;

/// A figure and its name.
pub(super) type Term = (String, i128);

/// `from − minus − … = to + …`.
pub(super) struct Equation {
    pub from: Term,
    pub minus: Vec<Term>,
    pub to: Vec<Term>,
}

impl Equation {
    /// What the left side has more than the right one.
    pub fn unexplained(&self) -> i128 {
        self.left() - self.right()
    }

    fn left(&self) -> i128 {
        self.from.1 - self.minus.iter().map(|term| term.1).sum::<i128>()
    }

    fn right(&self) -> i128 {
        self.to.iter().map(|term| term.1).sum()
    }

    /// `1,303 rows unexplained: 7,434 read − 3,827 removed = 3,607, but train 1,272 + test 1,032 = 2,304`.
    pub fn sentence(&self) -> String {
        let mut left = format!("{} {}", thousands(self.from.1), self.from.0);
        for (name, value) in &self.minus {
            left.push_str(&format!(" − {} {name}", thousands(*value)));
        }
        if !self.minus.is_empty() {
            left.push_str(&format!(" = {}", thousands(self.left())));
        }
        let right = match self.to.as_slice() {
            [] => "nothing is left".to_owned(),
            [(name, value)] => format!("{name} {}", thousands(*value)),
            terms if terms.len() > WRITTEN_OUT => {
                format!("its {} parts add up to {}", terms.len(), thousands(self.right()))
            }
            terms => {
                let sum: Vec<String> =
                    terms.iter().map(|(name, value)| format!("{name} {}", thousands(*value))).collect();
                format!("{} = {}", sum.join(" + "), thousands(self.right()))
            }
        };
        format!("{}: {left}, but {right}", unexplained(self.unexplained()))
    }
}

/// `1,303 rows unexplained`, whichever side has more.
pub(super) fn unexplained(rows: i128) -> String {
    let many = rows.unsigned_abs();
    format!("{} {} unexplained", thousands(rows.abs()), if many == 1 { "row" } else { "rows" })
}

/// A number of rows in the width that findings have.
pub(super) fn narrow(rows: i128) -> i64 {
    i64::try_from(rows).unwrap_or(if rows < 0 { i64::MIN } else { i64::MAX })
}

/// Writes a count with commas: 12,345.
pub fn thousands(count: i128) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut out = String::from(if count < 0 { "−" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_marked() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(-1234), "−1,234");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }

    #[test]
    fn a_sentence_has_all_figures() {
        let term = |name: &str, value| (name.to_owned(), value);
        let mut equation = Equation {
            from: term("read", 7434),
            minus: vec![term("removed", 3827)],
            to: vec![term("train", 1272), term("test", 1032)],
        };
        assert_eq!(
            equation.sentence(),
            "1,303 rows unexplained: 7,434 read − 3,827 removed = 3,607, but train 1,272 + test 1,032 = 2,304"
        );
        equation.minus.clear();
        equation.to = vec![term("kept", 7435)];
        assert_eq!(equation.sentence(), "1 row unexplained: 7,434 read, but kept 7,435");
        equation.to = (0..9).map(|at| term("x", at)).collect();
        assert_eq!(equation.sentence(), "7,398 rows unexplained: 7,434 read, but its 9 parts add up to 36");
    }
}
