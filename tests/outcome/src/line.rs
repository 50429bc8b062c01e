//! One line of a bench's output, and the statistics behind it.
//!
//! Every bench has one output contract: a table for people, or one JSON object a line, see
//! [`Line`]. A figure is the median of at least [`MIN_PAIRS`] pairs; the two of a pair are
//! measured one right after the other, taking turns at going first, so that what slows the
//! machine down slows both.

use std::fmt::Write;

use serde::Serialize;

/// The fewest pairs a figure may come from.
pub const MIN_PAIRS: u32 = 9;

/// One figure of ours beside another's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The bench, as on the command line.
    pub bench: &'static str,
    /// What was measured.
    pub case: String,
    /// Our median, in `unit`.
    pub ours: f64,
    /// The other's median, in `unit`.
    pub other: f64,
    /// Who the other is.
    pub other_name: &'static str,
    /// The unit of `ours` and `other`.
    pub unit: &'static str,
    /// The median of the pairs' ratios, ours to the other's.
    pub ratio: f64,
    /// The first and third quartile of the pairs' ratios.
    pub iqr: [f64; 2],
    /// The goal for the ratio, like `<= 1.3`; `none` if the figure is for the reader alone.
    pub goal: String,
    /// Whether the goal is met by the whole of `iqr`: a range that straddles the goal meets it not.
    /// What has no goal always meets it.
    pub met: bool,
}

/// What the ratio should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// At most this: ours is a cost.
    AtMost(f64),
    /// At least this: ours is a gain.
    AtLeast(f64),
    /// Whatever it is: the figure is for the reader alone.
    None,
}

/// What a line is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The bench, as on the command line.
    pub bench: &'static str,
    /// What is measured.
    pub case: String,
    /// Who the other is.
    pub other_name: &'static str,
    /// The unit of every figure.
    pub unit: &'static str,
    /// What the ratio should be.
    pub goal: Goal,
}

impl Line {
    /// The line of pairs of figures, ours first.
    ///
    /// # Errors
    ///
    /// There are fewer than [`MIN_PAIRS`].
    pub fn of_pairs(subject: Subject, pairs: &[(f64, f64)]) -> anyhow::Result<Self> {
        anyhow::ensure!(
            pairs.len() >= MIN_PAIRS as usize,
            "{} pairs are too few: measure at least {MIN_PAIRS}",
            pairs.len()
        );
        let sorted = |figure: &dyn Fn(&(f64, f64)) -> f64| {
            let mut figures: Vec<_> = pairs.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures
        };
        let ratios = sorted(&|(ours, other)| ours / other);
        let iqr = [quantile(&ratios, 0.25), quantile(&ratios, 0.75)];
        let (goal, met) = match subject.goal {
            Goal::AtMost(most) => (format!("<= {most}"), iqr[1] <= most),
            Goal::AtLeast(least) => (format!(">= {least}"), iqr[0] >= least),
            Goal::None => ("none".to_owned(), true),
        };
        Ok(Self {
            bench: subject.bench,
            case: subject.case,
            ours: quantile(&sorted(&|pair| pair.0), 0.5),
            other: quantile(&sorted(&|pair| pair.1), 0.5),
            other_name: subject.other_name,
            unit: subject.unit,
            ratio: quantile(&ratios, 0.5),
            iqr,
            goal,
            met,
        })
    }
}

/// The `q`-quantile of sorted figures, between neighbours by linear interpolation (Hyndman and
/// Fan's type 7).
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into a few dozen figures"
)]
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = (sorted.len() - 1) as f64 * q;
    let (below, part) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * part
}

/// The lines as one JSON object each, or as a table.
///
/// # Errors
///
/// A figure is not a number JSON can write.
pub fn render(lines: &[Line], json: bool) -> anyhow::Result<String> {
    if !json {
        return Ok(table(lines));
    }
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{}", serde_json::to_string(line)?);
    }
    Ok(text)
}

fn table(lines: &[Line]) -> String {
    let mut text = String::new();
    let header = [
        "case", "ours", "other", "unit", "ratio", "iqr", "goal", "met",
    ];
    let rows = lines.iter().map(|line| {
        [
            line.case.clone(),
            format!("{:.1}", line.ours),
            format!("{:.1} ({})", line.other, line.other_name),
            line.unit.to_owned(),
            format!("{:.2}", line.ratio),
            format!("{:.2}–{:.2}", line.iqr[0], line.iqr[1]),
            line.goal.clone(),
            if line.met { "yes" } else { "no" }.to_owned(),
        ]
    });
    let rows: Vec<_> = std::iter::once(header.map(str::to_owned))
        .chain(rows)
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..header.len())
        .map(|column| width(column).unwrap_or(0))
        .collect();
    for row in &rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"));
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pairs: &[(f64, f64)]) -> anyhow::Result<Line> {
        line_with(Goal::AtMost(1.3), pairs)
    }

    fn line_with(goal: Goal, pairs: &[(f64, f64)]) -> anyhow::Result<Line> {
        let subject = Subject {
            bench: "add",
            case: "ADD".into(),
            other_name: "floor",
            unit: "ms",
            goal,
        };
        Line::of_pairs(subject, pairs)
    }

    #[test]
    fn medians_and_quartiles_are_of_the_pairs() {
        let pairs: Vec<_> = (1..=9).map(|n| (f64::from(n), 10.0)).collect();
        let line = line(&pairs).unwrap();
        assert_eq!((line.ours, line.other, line.ratio), (5.0, 10.0, 0.5));
        assert_eq!(line.iqr, [0.3, 0.7]);
        assert!(line.met);
    }

    #[test]
    fn a_range_that_straddles_the_goal_does_not_meet_it() {
        let pairs: Vec<_> = (0..9)
            .map(|n| (if n < 6 { 10.0 } else { 20.0 }, 10.0))
            .collect();
        let line = line(&pairs).unwrap();
        assert_eq!(line.ratio, 1.0);
        assert!(!line.met, "{line:?}");
    }

    #[test]
    fn a_gain_is_held_to_its_lower_quartile() {
        let pairs: Vec<_> = (1..=9).map(|n| (f64::from(n), 1.0)).collect();
        for (least, met) in [(3.0, true), (3.5, false)] {
            let line = line_with(Goal::AtLeast(least), &pairs).unwrap();
            assert_eq!(line.met, met, "{line:?}");
        }
    }

    #[test]
    fn json_is_one_object_a_line() {
        let line = line_with(Goal::None, &[(1.0, 2.0); 9]).unwrap();
        let text = render(&[line.clone(), line], true).unwrap();
        let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!((text.lines().count(), &first["goal"]), (2, &"none".into()));
    }

    #[test]
    fn too_few_pairs_make_no_figure() {
        assert!(
            line(&[(1.0, 1.0); 8])
                .unwrap_err()
                .to_string()
                .contains("at least 9")
        );
    }

    #[test]
    fn the_table_is_aligned() {
        let text = table(&[line(&[(1.0, 2.0); 9]).unwrap()]);
        assert_eq!(
            text,
            "case  ours  other        unit  ratio  iqr        goal    met\n\
             ADD   1.0   2.0 (floor)  ms    0.50   0.50–0.50  <= 1.3  yes\n"
        );
    }
}
