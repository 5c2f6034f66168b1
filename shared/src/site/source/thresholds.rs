//! `[threshold]`, `[matrix]` and `[recycle]` of `scoring.toml`: when a lead is ready for sales, and when again.

use crate::domain::score::{Dimension, Grade, Matrix, Recycle, ScoreModel, Thresholds};

use super::predicate::Vocabulary;
use super::reach::most_points;
use super::reader::{At, Table};

/// Largest threshold.
const MOST: i64 = 1_000_000;

/// Reads both ways of saying when a lead is ready; at least one is needed. Without a `model`, nothing is measured against its rules.
pub(super) fn thresholds(
    root: &Table<'_>,
    model: Option<&ScoreModel>,
    vocabulary: &Vocabulary<'_>,
) -> Option<Thresholds> {
    let matrix = root.table("matrix", "[matrix]").map(|table| {
        let read = matrix(&table, model, vocabulary);
        table.finish();
        read
    });
    let sums = if matrix.is_some() {
        root.table("threshold", "[threshold]")
    } else {
        root.required_table(
            "threshold",
            "[threshold]",
            "say when a lead is ready for sales: `total = 60`",
        )
    };
    let has_matrix = matrix.is_some();
    let sums = match sums {
        Some(table) => {
            let read = read_sums(&table, has_matrix, model, vocabulary);
            table.finish();
            read?
        }
        None if has_matrix => Thresholds::default(),
        None => return None,
    };
    let matrix = match matrix {
        Some(read) => Some(read?),
        None => None,
    };
    Some(Thresholds { matrix, ..sums })
}

fn read_sums(
    table: &Table<'_>,
    has_matrix: bool,
    model: Option<&ScoreModel>,
    vocabulary: &Vocabulary<'_>,
) -> Option<Thresholds> {
    if !table.has("total") && !has_matrix {
        table.spot.error_help(
            "[threshold] has no `total`",
            "the points at which a lead is handed to sales, such as `total = 60`",
        );
    }
    let read = |key: &'static str, dimension: Option<Dimension>| -> Option<i32> {
        let least = table.bounded::<i32>(key, 1, MOST)?;
        reachable(key, &least, dimension, model, vocabulary);
        Some(least.value)
    };
    let total = read("total", None);
    let fit = read("fit", Some(Dimension::Fit));
    let engagement = read("engagement", Some(Dimension::Engagement));
    let bant = read("bant", Some(Dimension::Bant));
    if !has_matrix {
        total?;
    }
    Some(Thresholds {
        total,
        fit,
        engagement,
        bant,
        matrix: None,
    })
}

/// Reports a number of points that all rules together cannot give.
fn reachable(
    key: &str,
    least: &At<'_, i32>,
    dimension: Option<Dimension>,
    model: Option<&ScoreModel>,
    vocabulary: &Vocabulary<'_>,
) {
    let Some(most) = model.and_then(|model| most_points(model, dimension, vocabulary.fields))
    else {
        return;
    };
    if i64::from(least.value) > most {
        let of = dimension.map_or("together", |d| match d {
            Dimension::Fit => "of dimension `fit`",
            Dimension::Engagement => "of dimension `engagement`",
            Dimension::Bant => "of dimension `bant`",
        });
        least.spot.error_help(
            format!(
                "no lead can reach `{key} = {}`: all rules {of} give at most {most} points",
                least.value
            ),
            "lower the threshold, or give more points",
        );
    }
}

/// `fit = [40, 20, 5]`, `engagement = [30, 10]`, `ready = ["A1", "A2", "B1"]`
fn matrix(
    table: &Table<'_>,
    model: Option<&ScoreModel>,
    vocabulary: &Vocabulary<'_>,
) -> Option<Matrix> {
    let fit = bounds::<3>(
        table,
        "fit",
        "the least fit points of A, B and C: `fit = [40, 20, 5]`; what is under them is D",
    );
    let engagement = bounds::<2>(
        table,
        "engagement",
        "the least engagement points of 1 and 2: `engagement = [30, 10]`; what is under them is 3",
    );
    let help = "the grades that go to sales: `ready = [\"A1\", \"A2\", \"B1\"]`";
    let mut ready: Vec<Grade> = Vec::new();
    let named = table.texts("ready");
    if named.as_ref().is_none_or(Vec::is_empty) {
        table
            .key_spot("ready")
            .error_help("no grade is ready for sales", help);
    }
    for name in named.unwrap_or_default() {
        match Grade::parse(&name.value) {
            None => name.spot.error_help(
                format!("`{}` is not a grade from A1 to D3", name.value),
                help,
            ),
            Some(grade) if ready.contains(&grade) => {
                name.spot
                    .warn_help(format!("{grade} is there twice"), "remove one");
            }
            Some(grade) => ready.push(grade),
        }
    }
    let (fit, engagement) = (fit?, engagement?);
    // The lowest ready grade in each part has to be within reach.
    let lowest_fit = ready.iter().map(|g| g.places().0).max();
    if let Some(least) = lowest_fit.and_then(|at| fit.get(at)) {
        reachable("fit", least, Some(Dimension::Fit), model, vocabulary);
    }
    let lowest_engagement = ready.iter().map(|g| g.places().1).max();
    if let Some(least) = lowest_engagement.and_then(|at| engagement.get(at)) {
        let part = Some(Dimension::Engagement);
        reachable("engagement", least, part, model, vocabulary);
    }
    for grade in &ready {
        let better = Grade::all().find(|g| grade.is_matched_by(*g) && !ready.contains(g));
        if let Some(better) = better {
            table.key_spot("ready").warn_help(
                format!("{grade} goes to sales and {better}, which is better, does not"),
                format!("add \"{better}\""),
            );
            break;
        }
    }
    let values = |of: &[At<'_, i32>]| of.iter().map(|at| at.value).collect::<Vec<_>>();
    Some(Matrix {
        fit: values(&fit).try_into().ok()?,
        engagement: values(&engagement).try_into().ok()?,
        ready,
    })
}

/// So many numbers, each under the one before.
fn bounds<'a, const N: usize>(
    table: &Table<'a>,
    key: &'static str,
    help: &str,
) -> Option<Vec<At<'a, i32>>> {
    let Some(numbers) = table.numbers(key) else {
        table.allow(&[key]);
        table
            .spot
            .error_help(format!("[matrix] has no `{key}`"), help);
        return None;
    };
    let read: Vec<At<'a, i32>> = numbers
        .into_iter()
        .filter_map(|n| {
            let value = i32::try_from(n.value).ok()?;
            (i64::from(value).abs() <= MOST).then_some(At {
                value,
                spot: n.spot,
            })
        })
        .collect();
    let falls = read.is_sorted_by(|a, b| a.value > b.value);
    if read.len() != N || !falls {
        table
            .key_spot(key)
            .error_help(format!("`{key}` should be {N} falling numbers"), help);
        return None;
    }
    Some(read)
}

/// `[recycle]`: what a lead that sales handed back needs to qualify again.
pub(super) fn recycle(root: &Table<'_>) -> Recycle {
    let Some(table) = root.table("recycle", "[recycle]") else {
        return Recycle::default();
    };
    let cool_down = table.bounded::<u32>("cool_down_days", 0, 3_650);
    let must_gain = table.bounded::<i32>("must_gain", 0, 1_000);
    table.finish();
    Recycle {
        cool_down_days: cool_down.map_or(0, |d| d.value),
        must_gain: must_gain.map_or(0, |p| p.value),
    }
}
