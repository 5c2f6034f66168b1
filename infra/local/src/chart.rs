//! Charts as SVG that stands in a page: no script, no font, no picture from anywhere, colours from the page's stylesheet.
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

/// A chart of bars that lie, one for each row, in the order given.
#[derive(Debug, Clone, Default)]
pub struct Bars {
    /// What it shows, in one sentence.
    pub describes: String,
    /// Label, value, and what is written at the end of the bar.
    pub rows: Vec<(String, u64, String)>,
}

#[derive(Template)]
#[template(path = "chart_bars.html")]
struct BarsView {
    describes: String,
    height: i64,
    width: i64,
    rows: Vec<BarRow>,
}

struct BarRow {
    y: i64,
    text_y: i64,
    label: String,
    width: i64,
    end: i64,
    value: String,
}

impl Bars {
    /// The chart; nothing where there is nothing to show.
    pub fn svg(&self) -> String {
        const ROW: i64 = 30;
        const LABELS: i64 = 200;
        const VALUES: i64 = 150;
        let Some(most @ 1..) = self.rows.iter().map(|(_, value, _)| *value).max() else {
            return String::new();
        };
        let rows: Vec<BarRow> = (0..)
            .zip(&self.rows)
            .map(|(n, (label, value, text))| {
                let long = scaled(*value, most, WIDTH - LABELS - VALUES);
                let width = if *value > 0 { long.max(2) } else { 0 };
                BarRow {
                    y: n * ROW + 5,
                    text_y: n * ROW + 20,
                    label: shortened(label),
                    width,
                    end: LABELS + width + 8,
                    value: text.clone(),
                }
            })
            .collect();
        rendered(&BarsView {
            describes: self.describes.clone(),
            height: i64::try_from(rows.len()).unwrap_or(0) * ROW,
            width: WIDTH,
            rows,
        })
    }
}

/// A label as long as the room on the left of the bars.
fn shortened(label: &str) -> String {
    const MOST: usize = 28;
    if label.chars().count() <= MOST {
        return label.to_owned();
    }
    let cut: String = label.chars().take(MOST - 1).collect();
    format!("{}…", cut.trim_end())
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
            rows: vec![("<script>".into(), 3, "3".into())],
        };
        let svg = bars.svg();
        assert!(
            svg.contains("&#60;script&#62;") && !svg.contains("<script"),
            "{svg}"
        );
        bars.rows[0].1 = 0;
        assert_eq!(bars.svg(), "");
        assert_eq!(Columns::default().svg(), "");
    }
}
