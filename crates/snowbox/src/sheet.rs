//! What a scenario measured: a table for people and JSON for scripts. Each value of several runs is kept; the table has the
//! median and the worst of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stats::median;

/// Blanks between two columns.
const GAP: &str = "  ";

/// Everything that one scenario measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    /// Which one.
    pub scenario: String,
    /// One for each case.
    pub rows: Vec<Row>,
}

/// The figures of one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What differs from the other cases.
    pub label: String,
    /// Its figures, by their names in the order of measuring.
    pub figures: Vec<Figure>,
}

/// One figure, from every run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is, with its unit.
    pub name: String,
    /// Which end of the scale is bad.
    pub worse: Worse,
    /// The middle.
    pub median: f64,
    /// The worst.
    pub worst: f64,
    /// All, in the order of the runs.
    pub values: Vec<f64>,
}

/// Which end of a figure's scale is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Worse {
    /// Times.
    Higher,
    /// Rates.
    Lower,
}

impl Sheet {
    /// No rows yet.
    pub fn new(scenario: &str) -> Self {
        Self { scenario: scenario.to_owned(), rows: Vec::new() }
    }

    /// Adds one run's value to a figure of a case; both appear with their first value.
    pub fn add(&mut self, label: &str, name: &str, worse: Worse, value: f64) {
        let row = find_or_push(
            &mut self.rows,
            |row| row.label == label,
            || Row { label: label.to_owned(), figures: Vec::new() },
        );
        let figure = find_or_push(
            &mut row.figures,
            |figure| figure.name == name,
            || Figure {
                name: name.to_owned(),
                worse,
                median: 0.0,
                worst: value,
                values: Vec::new(),
            },
        );
        figure.values.push(round(value));
        figure.median = round(median(&figure.values).unwrap_or(value));
        figure.worst = figure.values.iter().copied().fold(
            round(value),
            match worse {
                Worse::Higher => f64::max,
                Worse::Lower => f64::min,
            },
        );
    }

    /// A figure of a case.
    pub fn figure(&self, label: &str, name: &str) -> Option<&Figure> {
        let row = self.rows.iter().find(|row| row.label == label)?;
        row.figures.iter().find(|figure| figure.name == name)
    }
}

fn find_or_push<T>(
    all: &mut Vec<T>,
    is_it: impl Fn(&T) -> bool,
    make: impl FnOnce() -> T,
) -> &mut T {
    let at = all.iter().position(is_it).unwrap_or_else(|| {
        all.push(make());
        all.len() - 1
    });
    &mut all[at]
}

/// Three digits behind the point are more than the measurements are good for.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Digits as many as say something; of several runs the median and the worst.
fn cell(figure: &Figure) -> String {
    let number = |value: f64| match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    match figure.values.len() {
        0 | 1 => number(figure.median),
        count => format!("{} / {} ({count})", number(figure.median), number(figure.worst)),
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<&str> = Vec::new();
        for figure in self.rows.iter().flat_map(|row| &row.figures) {
            if !names.contains(&figure.name.as_str()) {
                names.push(&figure.name);
            }
        }
        let head = std::iter::once(self.scenario.as_str()).chain(names.iter().copied());
        let mut lines = vec![head.map(str::to_owned).collect::<Vec<_>>()];
        lines.extend(self.rows.iter().map(|row| {
            let of = |name: &&str| row.figures.iter().find(|figure| figure.name == **name);
            let cells = names.iter().map(|name| of(name).map_or_else(|| "-".into(), cell));
            std::iter::once(row.label.clone()).chain(cells).collect()
        }));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
        let widths: Vec<usize> = (0..=names.len()).map(|at| width(at).unwrap_or(0)).collect();
        for line in &lines {
            write!(f, "{:<width$}", line[0], width = widths[0])?;
            for (cell, width) in line.iter().zip(&widths).skip(1) {
                write!(f, "{GAP}{cell:>width$}")?;
            }
            writeln!(f)?;
        }
        if self.rows.iter().flat_map(|row| &row.figures).any(|figure| figure.values.len() > 1) {
            writeln!(f, "median / worst (values)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Sheet {
        let mut sheet = Sheet::new("test");
        for (rate, stall) in [(7.5, 20.0), (5.25, 900.0), (8.0, 10.0)] {
            sheet.add("fast", "Mbit/s", Worse::Lower, rate);
            sheet.add("fast", "stall ms", Worse::Higher, stall);
        }
        sheet.add("slow", "Mbit/s", Worse::Lower, 0.5);
        sheet
    }

    #[test]
    fn the_worst_is_the_bad_end_of_the_scale() {
        let sheet = example();
        let rate = sheet.figure("fast", "Mbit/s").unwrap();
        assert_eq!((rate.median, rate.worst), (7.5, 5.25));
        let stall = sheet.figure("fast", "stall ms").unwrap();
        assert_eq!((stall.median, stall.worst), (20.0, 900.0));
    }

    #[test]
    fn the_table_has_a_column_for_each_figure() {
        let table = example().to_string();
        let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                "test           Mbit/s        stall ms",
                "fast  7.50 / 5.25 (3)  20.0 / 900 (3)",
                "slow             0.50               -",
                "median / worst (values)"
            ]
        );
    }

    #[test]
    fn json_gives_the_same_sheet_back() {
        let sheet = example();
        let text = serde_json::to_string(&sheet).unwrap();
        assert_eq!(serde_json::from_str::<Sheet>(&text).unwrap(), sheet);
    }
}
