//! The loss curve of a run as SVG: loss of each step, smoothed loss, validation loss, and the learning rate below.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::metrics::{self, Line};
use super::run_error::RunError;
use crate::nn::weights::write_whole;

/// Name of the picture.
pub const CURVE: &str = "loss.svg";

/// Weight of the past in the smoothed loss at most, and share of the run that it looks back over.
const SMOOTHING: f64 = 0.98;
const LOOKS_BACK: f64 = 20.0;
const WIDTH: u32 = 900;
const HEIGHT: u32 = 600;
const FONT: &str = "sans-serif";
const PALE: RGBColor = RGBColor(176, 196, 222);
const DARK: RGBColor = RGBColor(31, 78, 140);
const RED: RGBColor = RGBColor(190, 60, 40);
const GREY: RGBColor = RGBColor(90, 90, 90);

/// Draws the curve of a run from its `metrics.csv`, and writes it beside. The same numbers give the same bytes.
///
/// # Errors
/// As [`metrics::read`]; [`RunError::Nn`] where the picture cannot be written.
pub fn write(folder: &Path) -> Result<(), RunError> {
    let lines = metrics::read(folder)?;
    if lines.iter().any(|line| !line.validation) {
        write_whole(&folder.join(CURVE), svg(&lines).as_bytes())?;
    }
    Ok(())
}

/// Draws lines of metrics; at least one must be a step.
pub fn svg(lines: &[Line]) -> String {
    let mut out = String::new();
    {
        let root = SVGBackend::with_string(&mut out, (WIDTH, HEIGHT)).into_drawing_area();
        draw(&root, lines).expect("a picture in memory takes what is drawn");
    }
    out
}

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw(root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>, lines: &[Line]) -> Drawn {
    root.fill(&WHITE)?;
    let steps: Vec<(f64, f64)> =
        lines.iter().filter(|line| !line.validation).map(|line| (line.step as f64, line.means.loss)).collect();
    let validation: Vec<(f64, f64)> =
        lines.iter().filter(|line| line.validation).map(|line| (line.step as f64, line.means.loss)).collect();
    let rates: Vec<(f64, f64)> =
        lines.iter().filter_map(|line| line.step_only.map(|only| (line.step as f64, only.learning_rate))).collect();
    let last = steps.last().map_or(1.0, |(step, _)| *step).max(2.0);
    let top = |points: &[(f64, f64)]| points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let highest = top(&steps).max(top(&validation));
    let highest = if highest > 0.0 { highest * 1.05 } else { 1.0 };
    let (upper, lower) = root.split_vertically(HEIGHT * 7 / 10);
    let small = (FONT, 13).into_font().color(&GREY);
    let mut chart = ChartBuilder::on(&upper)
        .margin(14)
        .x_label_area_size(34)
        .y_label_area_size(64)
        .build_cartesian_2d(1.0..last, 0.0..highest)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(RGBColor(228, 228, 228))
        .axis_style(GREY)
        .label_style(small.clone())
        .x_label_formatter(&|step| format!("{step:.0}"))
        .x_desc("step")
        .y_desc("loss, nats per trained token")
        .draw()?;
    let mark = |colour: RGBColor| {
        move |(x, y): (i32, i32)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2))
    };
    chart.draw_series(LineSeries::new(steps.iter().copied(), PALE.stroke_width(1)))?.label("train").legend(mark(PALE));
    chart
        .draw_series(LineSeries::new(smoothed(&steps), DARK.stroke_width(2)))?
        .label("train, smoothed")
        .legend(mark(DARK));
    if !validation.is_empty() {
        chart
            .draw_series(LineSeries::new(validation.iter().copied(), RED.stroke_width(2)))?
            .label("validation")
            .legend(mark(RED));
        chart.draw_series(validation.iter().map(|point| Circle::new(*point, 3, RED.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(228, 228, 228))
        .label_font(small.clone())
        .draw()?;
    let peak = top(&rates);
    let peak = if peak > 0.0 { peak * 1.1 } else { 1.0 };
    let mut chart = ChartBuilder::on(&lower)
        .margin(14)
        .x_label_area_size(24)
        .y_label_area_size(64)
        .build_cartesian_2d(1.0..last, 0.0..peak)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(RGBColor(228, 228, 228))
        .axis_style(GREY)
        .label_style(small.clone())
        .x_label_formatter(&|step| format!("{step:.0}"))
        .y_label_formatter(&|rate| format!("{rate:.1e}"))
        .y_labels(4)
        .draw()?;
    chart.draw_series(LineSeries::new(rates, GREY.stroke_width(2)))?;
    let corner = small.pos(Pos::new(HPos::Right, VPos::Top));
    lower.draw(&Text::new("learning rate", (WIDTH as i32 - 24, 18), corner))?;
    root.present()
}

/// Exponential mean of a curve, corrected for its beginning (Kingma and Ba 2015, section 3).
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let past = (1.0 - 1.0 / (1.0 + points.len() as f64 / LOOKS_BACK)).min(SMOOTHING);
    let (mut mean, mut weight) = (0.0, 0.0);
    points
        .iter()
        .map(|(step, value)| {
            mean = past * mean + (1.0 - past) * value;
            weight = past * weight + (1.0 - past);
            (*step, mean / weight)
        })
        .collect()
}
