//! The one table that a run prints, as text or as JSON.

use serde_json::{Value, json};

/// What was measured, in one line.
#[derive(Debug)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// The median, in `unit`; `None` when it could not be measured.
    pub value: Option<f64>,
    /// The 95th percentile, where one number is not the story.
    pub p95: Option<f64>,
    /// `ms`, `MB`, `/s`.
    pub unit: &'static str,
    /// What PRODUCT.md asks for.
    pub goal: Option<Goal>,
    /// A plain reference from the same run, and its value; or why there is no value.
    pub beside: String,
}

/// A bound on a value.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Row {
    /// A row of a value alone.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value: Some(value), p95: None, unit, goal: None, beside: String::new() }
    }

    /// A row that says why there is no value.
    pub fn missing(name: impl Into<String>, unit: &'static str, why: &anyhow::Error) -> Self {
        let beside = format!("not measured: {why:#}").chars().take(160).collect();
        Self { name: name.into(), value: None, p95: None, unit, goal: None, beside }
    }

    /// With the 95th percentile.
    pub fn p95(self, value: f64) -> Self {
        Self { p95: Some(value), ..self }
    }

    /// With a goal.
    pub fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// With a reference.
    pub fn beside(self, text: impl Into<String>) -> Self {
        Self { beside: text.into(), ..self }
    }

    fn met(&self) -> Option<bool> {
        match (self.value?, self.goal?) {
            (value, Goal::AtMost(most)) => Some(value <= most),
            (value, Goal::AtLeast(least)) => Some(value >= least),
        }
    }
}

/// Columns for people.
pub fn as_text(rows: &[Row]) -> String {
    let head =
        ["what", "median", "p95", "unit", "goal", "met", "beside it, in the same run"].map(str::to_owned);
    let cells = rows.iter().map(|row| {
        let goal = row.goal.map(|goal| match goal {
            Goal::AtMost(most) => format!("<= {}", number(most)),
            Goal::AtLeast(least) => format!(">= {}", number(least)),
        });
        let met = row.met().map(|met| if met { "yes" } else { "NO" });
        [
            row.name.clone(),
            row.value.map_or("-".into(), number),
            row.p95.map_or(String::new(), number),
            row.unit.to_owned(),
            goal.unwrap_or_default(),
            met.unwrap_or_default().to_owned(),
            row.beside.clone(),
        ]
    });
    let lines: Vec<[String; 7]> = std::iter::once(head).chain(cells).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut text = String::new();
    for line in &lines {
        let mut shown = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = widths[column];
            // Numbers stand to the right.
            let cell = match column {
                1 | 2 => format!("{cell:>width$}  "),
                _ => format!("{cell:<width$}  "),
            };
            shown.push_str(&cell);
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

/// The same for programs.
pub fn as_json(rows: &[Row]) -> Value {
    let rows = rows.iter().map(|row| {
        let goal = row.goal.map(|goal| match goal {
            Goal::AtMost(most) => json!({"at_most": most}),
            Goal::AtLeast(least) => json!({"at_least": least}),
        });
        json!({
            "what": row.name, "value": row.value, "p95": row.p95, "unit": row.unit,
            "goal": goal, "met": row.met(), "beside": row.beside,
        })
    });
    Value::Array(rows.collect())
}

/// Three digits that matter.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if size < 1.0 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
