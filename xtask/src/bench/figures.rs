//! The figures of a run, and the comparison of two builds that were measured in turn.

use super::BoxResult;

/// Which direction is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    /// Rates.
    More,
    /// Times, memory.
    Less,
}

/// The goal of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Goal {
    /// No goal.
    None,
    /// The ratio to the other build's figure: at least or at most, whichever is better.
    Ratio(f64),
    /// The figure itself.
    Value(f64),
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    pub name: String,
    /// Its unit, as printed after the number.
    pub unit: &'static str,
    pub value: f64,
    pub better: Better,
    pub goal: Goal,
}

impl Figure {
    /// A rate.
    pub(super) fn more(name: impl Into<String>, value: f64, unit: &'static str) -> Figure {
        Figure { name: name.into(), unit, value, better: Better::More, goal: Goal::None }
    }

    /// A time or a size.
    pub(super) fn less(name: impl Into<String>, value: f64, unit: &'static str) -> Figure {
        Figure { name: name.into(), unit, value, better: Better::Less, goal: Goal::None }
    }

    pub(super) fn goal(self, goal: Goal) -> Figure {
        Figure { goal, ..self }
    }
}

/// The same figure from several runs of this build, and from runs of the other build in turn with them.
struct Series {
    figure: Figure,
    own: Vec<f64>,
    other: Vec<f64>,
}

impl Series {
    fn ratios(&self) -> Vec<f64> {
        self.own.iter().zip(&self.other).map(|(own, other)| own / other).collect()
    }

    /// Whether the goal is missed by more than the runs differ: no run reaches it.
    fn misses(&self) -> bool {
        let (values, goal) = match self.figure.goal {
            Goal::None => return false,
            Goal::Ratio(_) if self.other.is_empty() => return false,
            Goal::Ratio(goal) => (self.ratios(), goal),
            Goal::Value(goal) => (self.own.clone(), goal),
        };
        match self.figure.better {
            Better::More => values.iter().all(|value| *value < goal),
            Better::Less => values.iter().all(|value| *value > goal),
        }
    }

    fn row(&self) -> String {
        let unit = self.figure.unit;
        let own =
            format!("{} ({}–{}) {unit}", short(middle(&self.own)), short(least(&self.own)), short(most(&self.own)));
        let compared = if self.other.is_empty() {
            "|".to_owned()
        } else {
            let ratios = self.ratios();
            let spread = format!("{} ({}–{})", short(middle(&ratios)), short(least(&ratios)), short(most(&ratios)));
            format!("{} {unit} | {spread}", short(middle(&self.other)))
        };
        let sign = if self.figure.better == Better::More { "≥" } else { "≤" };
        let goal = match self.figure.goal {
            Goal::None => String::new(),
            Goal::Ratio(goal) => format!("{sign} {}×", short(goal)),
            Goal::Value(goal) => format!("{sign} {} {unit}", short(goal)),
        };
        let verdict = if self.misses() { " **missed**" } else { "" };
        format!("| {} | {own} | {compared} | {goal}{verdict} |\n", self.figure.name)
    }
}

/// The table of one part on one database, and the goals that it misses.
pub(super) fn table(title: &str, own: Vec<Vec<Figure>>, other: Vec<Vec<Figure>>) -> BoxResult<(String, Vec<String>)> {
    let mut all: Vec<Series> = Vec::new();
    for run in own {
        for figure in run {
            match all.iter_mut().find(|series| series.figure.name == figure.name) {
                Some(series) => series.own.push(figure.value),
                None => all.push(Series { own: vec![figure.value], other: Vec::new(), figure }),
            }
        }
    }
    for figure in other.into_iter().flatten() {
        let series = all.iter_mut().find(|series| series.figure.name == figure.name);
        series.ok_or_else(|| format!("only the other build has {}", figure.name))?.other.push(figure.value);
    }
    let mut text = format!(
        "### {title}\n\n| | this build: median (least–most) | the other | this ÷ other | goal |\n|---|---|---|---|---|\n"
    );
    all.iter().for_each(|series| text.push_str(&series.row()));
    let missed = all.iter().filter(|series| series.misses());
    Ok((text, missed.map(|series| format!("{title}: {}", series.figure.name)).collect()))
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

fn middle(values: &[f64]) -> f64 {
    sorted(values).get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn least(values: &[f64]) -> f64 {
    sorted(values).first().copied().unwrap_or(f64::NAN)
}

fn most(values: &[f64]) -> f64 {
    sorted(values).last().copied().unwrap_or(f64::NAN)
}

/// Three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(values: &[f64], goal: Goal) -> Vec<Vec<Figure>> {
        values.iter().map(|value| vec![Figure::more("rate", *value, "/s").goal(goal)]).collect()
    }

    #[test]
    fn a_goal_is_missed_when_no_run_reaches_it() {
        let missed = |own: &[f64], other: &[f64], goal| {
            table("drain", runs(own, goal), runs(other, goal)).expect("the same figures").1.len()
        };
        assert_eq!(missed(&[29.0, 28.0], &[1.0, 1.0], Goal::Ratio(30.0)), 1);
        assert_eq!(missed(&[29.0, 31.0], &[1.0, 1.0], Goal::Ratio(30.0)), 0);
        assert_eq!(missed(&[29.0], &[], Goal::Ratio(30.0)), 0, "nothing to compare with");
        assert_eq!(missed(&[29.0], &[], Goal::Value(30.0)), 1);
        let slow = vec![vec![Figure::less("p99", 3.0, "ms").goal(Goal::Value(2.0))]];
        assert_eq!(table("burst", slow, Vec::new()).expect("figures").1, ["burst: p99"]);
    }
}
