//! Charts that stand in a page: no script, no font, no picture from anywhere, colours from the page's stylesheet.
//!
//! Drawn here and not by a plotting crate: two kinds of chart, text that stays text for screen readers and searching, colours that
//! follow light and dark, and every label escaped by the template engine. Geometry is in whole units of the view box.

use askama::Template;

/// Width of every chart, in units of its view box.
const WIDTH: i64 = 760;
/// Height of the columns.
const TALL: i64 = 200;
/// Room on the left for the scale.
const LEFT: i64 = 44;
/// Room at the top for the label of the mark.
const TOP: i64 = 22;

/// A column chart of two series side by side.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// What it shows, in one sentence: read out in place of the picture.
    pub describes: String,
    /// Labels and the two values of each.
    pub groups: Vec<(String, u64, u64)>,
    /// Names of the two series.
    pub series: [String; 2],
    /// A line before this group (counted from 0, in thousandths of a group), with its label.
    pub mark: Option<(i64, String)>,
}

#[derive(Template)]
#[template(path = "chart_columns.html")]
struct ColumnsView {
    describes: String,
    height: i64,
    width: i64,
    left: i64,
    lines: Vec<Line>,
    bars: Vec<Bar>,
    labels: Vec<Label>,
    mark: Option<(i64, String, &'static str, i64)>,
    top: i64,
    base: i64,
}

struct Line {
    y: i64,
    label: u64,
}

struct Bar {
    x: i64,
    y: i64,
    width: i64,
    height: i64,
    class: &'static str,
    title: String,
}

struct Label {
    x: i64,
    y: i64,
    text: String,
}

impl Columns {
    /// The chart; nothing where there is nothing to show.
    pub fn svg(&self) -> String {
        let count = i64::try_from(self.groups.len()).unwrap_or(0);
        let most = self.groups.iter().map(|(_, a, b)| *a.max(b)).max();
        let (Some(most @ 1..), 1..) = (most, count) else {
            return String::new();
        };
        let step = nice_step(most);
        let ceiling = most.div_ceil(step) * step;
        let base = TOP + TALL;
        let room = WIDTH - LEFT;
        let x_of = |group: i64| LEFT + room * group / count;
        let y_of = |value: u64| base - scaled(value, ceiling, TALL);
        let lines = (0..=ceiling / step)
            .map(|n| Line {
                y: y_of(n * step),
                label: n * step,
            })
            .collect();
        let mut bars = Vec::new();
        let mut labels = Vec::new();
        // Labels that would run into each other are left out evenly.
        let every = (count * 62 / room).max(0) + 1;
        for (at, (label, first, second)) in (0..).zip(&self.groups) {
            let (from, to) = (x_of(at), x_of(at + 1));
            let gap = ((to - from) / 8).max(1);
            let wide = ((to - from - 2 * gap) / 2).max(1);
            for (n, value, class) in [(0, *first, "one"), (1, *second, "two")] {
                if value == 0 {
                    continue;
                }
                let y = y_of(value).min(base - 1);
                bars.push(Bar {
                    x: from + gap + n * wide,
                    y,
                    width: (wide - 1).max(1),
                    height: base - y,
                    class,
                    title: format!("{label}, {}: {value}", self.series[usize::from(n == 1)]),
                });
            }
            if at % every == 0 {
                labels.push(Label {
                    x: i64::midpoint(from, to),
                    y: base + 16,
                    text: label.clone(),
                });
            }
        }
        let mark = self.mark.as_ref().map(|(at, text)| {
            let x = LEFT + room * at / (count * 1000);
            let (anchor, shift) = if x > WIDTH - 160 {
                ("end", -6)
            } else {
                ("start", 6)
            };
            (x, text.clone(), anchor, x + shift)
        });
        rendered(&ColumnsView {
            describes: self.describes.clone(),
            height: base + 26,
            width: WIDTH,
            left: LEFT,
            lines,
            bars,
            labels,
            mark,
            top: TOP,
            base,
        })
    }
}

/// A chart of bars that lie, one row or two for each label, in the order given. Not SVG: on a phone a label stands over its bars.
#[derive(Debug, Clone, Default)]
pub struct Bars {
    /// What it shows, in one sentence that stands over it.
    pub describes: String,
    /// The rows.
    pub rows: Vec<BarsRow>,
}

/// A label with its bars.
#[derive(Debug, Clone, Default)]
pub struct BarsRow {
    /// What people call it.
    pub label: String,
    /// Each bar's value, and what is written at its end; two where there are two series.
    pub bars: Vec<(u64, String)>,
}

#[derive(Template)]
#[template(path = "chart_bars.html")]
struct BarsView<'a> {
    describes: &'a str,
    rows: Vec<(&'a str, Vec<LyingBar<'a>>)>,
}

struct LyingBar<'a> {
    class: &'static str,
    /// Whole percents of the longest.
    width: i64,
    value: &'a str,
}

impl Bars {
    /// The chart; nothing where there is nothing to show.
    pub fn html(&self) -> String {
        let all = self.rows.iter().flat_map(|row| &row.bars);
        let Some(most @ 1..) = all.map(|(value, _)| *value).max() else {
            return String::new();
        };
        let row = |row: &'_ BarsRow| -> Vec<(i64, &'static str)> {
            let classes: &[&str] = if row.bars.len() > 1 {
                &["one", "two"]
            } else {
                &["two"]
            };
            let bars = row.bars.iter().zip(classes);
            bars.map(|((value, _), class)| {
                // What is there is seen.
                (scaled(*value, most, 100).max(i64::from(*value > 0)), *class)
            })
            .collect()
        };
        rendered(&BarsView {
            describes: &self.describes,
            rows: self
                .rows
                .iter()
                .map(|given| {
                    let drawn = row(given).into_iter().zip(&given.bars);
                    let bars = drawn.map(|((width, class), (_, value))| LyingBar {
                        class,
                        width,
                        value,
                    });
                    (given.label.as_str(), bars.collect())
                })
                .collect(),
        })
    }
}

fn scaled(value: u64, most: u64, length: i64) -> i64 {
    let length = u64::try_from(length).unwrap_or(0);
    i64::try_from(u128::from(value) * u128::from(length) / u128::from(most.max(1))).unwrap_or(0)
}

/// A step of 1, 2 or 5 times a power of ten that makes at most six lines.
fn nice_step(most: u64) -> u64 {
    let mut step = 1;
    loop {
        for factor in [1, 2, 5] {
            if most <= step * factor * 6 {
                return step * factor;
            }
        }
        step *= 10;
    }
}

fn rendered(chart: &impl Template) -> String {
    chart.render().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_has_at_most_six_steps_of_round_numbers() {
        let steps: Vec<u64> = [1, 6, 7, 13, 31, 61, 1_000, 1_201]
            .into_iter()
            .map(nice_step)
            .collect();
        assert_eq!(steps, [1, 1, 2, 5, 10, 20, 200, 500]);
    }

    #[test]
    fn a_label_is_escaped_and_an_empty_chart_is_nothing() {
        let mut bars = Bars {
            describes: "Leads by source".into(),
            rows: vec![BarsRow {
                label: "<script>".into(),
                bars: vec![(3, "3".into())],
            }],
        };
        let html = bars.html();
        assert!(
            html.contains("&#60;script&#62;") && !html.contains("<script"),
            "{html}"
        );
        bars.rows[0].bars[0].0 = 0;
        assert_eq!(bars.html(), "");
        assert_eq!(Columns::default().svg(), "");
    }
}
