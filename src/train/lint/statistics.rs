//! The few statistics that reports need: entropy, effective number, chi-square of a contingency table, quantiles.

/// Entropy in bits of counts (Shannon 1948); 0 of none.
pub fn entropy(counts: &[u64]) -> f64 {
    let total: u64 = counts.iter().sum();
    let share = |count: &u64| *count as f64 / total as f64;
    let bits: f64 = counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum();
    bits.max(0.0)
}

/// How many equally frequent kinds have the same entropy: 2^H.
pub fn effective_number(counts: &[u64]) -> f64 {
    entropy(counts).exp2()
}

/// A test of independence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquare {
    /// Pearson's statistic.
    pub statistic: f64,
    /// Degrees of freedom, at least 1.
    pub freedom: usize,
    /// Probability of a statistic as large where rows and columns are independent.
    pub p: f64,
    /// Cells whose expected count is under 5, of which the approximation is rough.
    pub rough: usize,
}

/// Pearson's chi-square test of a contingency table (rows of equal width). Rows and columns without counts are left out;
/// `None` where fewer than two of either are left.
pub fn chi_square(table: &[Vec<u64>]) -> Option<ChiSquare> {
    let rows: Vec<&Vec<u64>> = table.iter().filter(|row| row.iter().any(|count| *count > 0)).collect();
    let width = rows.first()?.len();
    let sums: Vec<u64> = (0..width).map(|at| rows.iter().map(|row| row[at]).sum()).collect();
    let columns: Vec<usize> = (0..width).filter(|at| sums[*at] > 0).collect();
    if rows.len() < 2 || columns.len() < 2 {
        return None;
    }
    let total: u64 = sums.iter().sum();
    let (mut statistic, mut rough) = (0.0, 0);
    for row in &rows {
        let sum: u64 = row.iter().sum();
        for at in &columns {
            let expected = sum as f64 * sums[*at] as f64 / total as f64;
            rough += usize::from(expected < 5.0);
            statistic += (row[*at] as f64 - expected).powi(2) / expected;
        }
    }
    let freedom = (rows.len() - 1) * (columns.len() - 1);
    Some(ChiSquare { statistic, freedom, p: upper_gamma(freedom as f64 / 2.0, statistic / 2.0), rough })
}

/// The value that a share of the values does not exceed; `sorted` ascending and not empty.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len()) - 1]
}

/// The regularised upper incomplete gamma function Q(a, x): a series below a + 1, a continued fraction above (Press et al.,
/// Numerical Recipes, 6.2; the fraction by Lentz's method).
fn upper_gamma(a: f64, x: f64) -> f64 {
    const TERMS: usize = 10_000;
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - log_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for at in 1..TERMS {
            term *= x / (a + at as f64);
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let tiny = f64::MIN_POSITIVE / f64::EPSILON;
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / tiny, 1.0 / b);
    let mut fraction = d;
    for at in 1..TERMS {
        let factor = -(at as f64) * (at as f64 - a);
        b += 2.0;
        d = factor * d + b;
        d = 1.0 / if d.abs() < tiny { tiny } else { d };
        c = b + factor / c;
        c = if c.abs() < tiny { tiny } else { c };
        fraction *= d * c;
        if (d * c - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

/// The logarithm of the gamma function, for arguments above 0 (Lanczos 1964, g = 7, nine coefficients).
fn log_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - log_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let t = x + 7.5;
    let sum = COEFFICIENTS[0] + (1..9).map(|at| COEFFICIENTS[at] / (x + at as f64)).sum::<f64>();
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_shannon() {
        assert_eq!(entropy(&[1, 1, 1, 1]), 2.0);
        assert_eq!(effective_number(&[5, 5, 0]), 2.0);
        assert_eq!((entropy(&[7]), entropy(&[])), (0.0, 0.0));
        // Seven instruction forms of 418 rows: -Σ p log2 p, worked out by hand.
        assert!((entropy(&[72, 67, 64, 62, 52, 51, 50]) - 2.794_124).abs() < 1e-6);
    }

    #[test]
    fn p_values_are_those_of_tables() {
        // Critical values of the chi-square distribution (NIST e-handbook 1.3.6.7.4).
        for (freedom, statistic, p) in [
            (1, 3.841, 0.05),
            (1, 6.635, 0.01),
            (2, 5.991, 0.05),
            (5, 15.086, 0.01),
            (10, 18.307, 0.05),
            (30, 43.773, 0.05),
            (100, 124.342, 0.05),
            (100, 77.929, 0.95),
        ] {
            let found = upper_gamma(freedom as f64 / 2.0, statistic / 2.0);
            assert!((found - p).abs() < 2e-4, "{freedom} {statistic}: {found}");
        }
        assert_eq!(upper_gamma(0.5, 0.0), 1.0);
        assert!(upper_gamma(1.0, 5_000.0) < 1e-300);
    }

    #[test]
    fn a_table_is_tested_by_what_it_holds() {
        // Expected: 12.5 in each cell of the first, so (2.5² / 12.5) × 4 = 2.
        let found = chi_square(&[vec![10, 15], vec![15, 10]]).expect("a table");
        assert!((found.statistic - 2.0).abs() < 1e-12 && found.freedom == 1 && found.rough == 0);
        assert!((found.p - 0.1573).abs() < 1e-4, "{}", found.p);
        let same = chi_square(&[vec![10, 0, 20], vec![5, 0, 10], vec![0, 0, 0]]).expect("a table");
        assert!(same.statistic < 1e-12 && same.freedom == 1 && (same.p - 1.0).abs() < 1e-9);
        assert_eq!(chi_square(&[vec![1, 2, 3]]), None);
        assert_eq!(chi_square(&[vec![1, 0], vec![3, 0]]), None);
    }

    #[test]
    fn quantiles_are_values_of_the_list() {
        let values = [0.1, 0.2, 0.3, 0.4];
        assert_eq!((quantile(&values, 0.5), quantile(&values, 0.9), quantile(&values, 1.0)), (0.2, 0.4, 0.4));
        assert_eq!(quantile(&[0.7], 0.5), 0.7);
    }
}
