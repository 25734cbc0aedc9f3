//! One plot: a title with the value under the cursor or the newest one, and the lines.

use std::ops::RangeInclusive;

use egui::{RichText, Ui};
use egui_plot::{GridInput, Line, LineStyle, Plot, PlotPoints};

use crate::core::history::Metric;
use crate::core::topology::{NodeAddr, Role};
use crate::engine::snapshot::ClusterView;
use crate::gui::format::{self, NONE};
use crate::gui::i18n::tr;
use crate::gui::theme::{Palette, Tone};
use crate::gui::widgets::bits;

use super::curves::{Curve, Series};

/// Height of the line above a plot, with the gap.
pub const TITLE_HEIGHT: f32 = 34.0;
/// Room for the numbers of the y axis: the same in all plots, so that their times stand below each other.
const AXIS_WIDTH: f32 = 52.0;
/// What a mark of the x axis and one of the y axis need, points.
const WIDEST_MARK: f32 = 72.0;
const LOWEST_MARK: f32 = 34.0;
/// How many lines a tooltip names.
const NAMED: usize = 12;

/// What all plots of a frame share.
pub struct Frame<'a> {
    /// The cluster, for roles and colours.
    pub cluster: &'a ClusterView,
    /// The time shown, seconds since 1970, while the plots follow the clock.
    pub follow: Option<RangeInclusive<f64>>,
    /// Where the pointer was in one of the plots, seconds since 1970.
    pub cursor: Option<f64>,
    /// Width and height of one plot with its title, points.
    pub size: egui::Vec2,
}

/// The name of a metric.
#[must_use]
pub fn title(metric: Metric) -> String {
    match metric {
        Metric::Ops => tr!("metrics.ops"),
        Metric::Memory => tr!("metrics.memory"),
        Metric::Keys => tr!("metrics.keys"),
        Metric::Clients => tr!("metrics.clients"),
        Metric::NetIn => tr!("metrics.net_in"),
        Metric::NetOut => tr!("metrics.net_out"),
        Metric::HitRate => tr!("metrics.hit_rate"),
        Metric::Lag => tr!("metrics.lag"),
        Metric::Cpu => tr!("metrics.cpu"),
    }
}

/// What the metric counts, in a sentence.
fn hint(metric: Metric) -> String {
    match metric {
        Metric::Ops => tr!("metrics.ops_hint"),
        Metric::Memory => tr!("metrics.memory_hint"),
        Metric::Keys => tr!("metrics.keys_hint"),
        Metric::Clients => tr!("metrics.clients_hint"),
        Metric::NetIn | Metric::NetOut => tr!("metrics.net_hint"),
        Metric::HitRate => tr!("metrics.hit_rate_hint"),
        Metric::Lag => tr!("metrics.lag_hint"),
        Metric::Cpu => tr!("metrics.cpu_hint"),
    }
}

/// A value with its unit.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "figures are never negative")]
pub fn value(metric: Metric, value: f64) -> String {
    let whole = value.max(0.0).round() as u64;
    match metric {
        Metric::Ops | Metric::Keys | Metric::Clients => format::count(whole),
        Metric::Memory | Metric::Lag => format::bytes(whole),
        Metric::NetIn | Metric::NetOut => tr!("metrics.per_second", amount = format::bytes(whole)),
        Metric::HitRate | Metric::Cpu => format!("{value:.1} %"),
    }
}

/// A number of the y axis: short.
fn mark(metric: Metric, value: f64) -> String {
    if value < 0.0 {
        return String::new();
    }
    let scaled = |value: f64, base: f64, units: [&str; 5]| {
        let (mut shown, mut unit) = (value, 0);
        while shown >= base && unit + 1 < units.len() {
            shown /= base;
            unit += 1;
        }
        let digits = usize::from(shown < 10.0 && shown.fract() > 0.04);
        format!("{shown:.digits$}{}", units[unit])
    };
    match metric {
        Metric::Ops | Metric::Keys | Metric::Clients => scaled(value, 1000.0, ["", "k", "M", "G", "T"]),
        Metric::Memory | Metric::Lag | Metric::NetIn | Metric::NetOut => {
            scaled(value, 1024.0, ["", " Ki", " Mi", " Gi", " Ti"])
        }
        Metric::HitRate | Metric::Cpu => {
            format!("{value:.*}%", usize::from(value > 0.0 && value < 10.0 && value.fract() > 0.04))
        }
    }
}

/// Marks of the y axis: of bytes in steps of powers of two.
fn y_steps(metric: Metric, input: &GridInput, height: f32) -> [f64; 3] {
    let bytes = matches!(metric, Metric::Memory | Metric::Lag | Metric::NetIn | Metric::NetOut);
    let span = (input.bounds.1 - input.bounds.0).max(1e-6);
    let least = span / f64::from(height / LOWEST_MARK).clamp(2.0, 7.0);
    let step = if bytes {
        least.max(1.0).log2().ceil().exp2()
    } else {
        let power = 10.0_f64.powf(least.log10().floor());
        let nice = [1.0, 2.0, 5.0, 10.0].into_iter().find(|nice| nice * power >= least).unwrap_or(10.0);
        let whole = matches!(metric, Metric::Keys | Metric::Clients | Metric::Ops);
        if whole { (nice * power).max(1.0) } else { nice * power }
    };
    [step, step * 5.0, step * 25.0]
}

/// Marks of the x axis: round times.
fn x_steps(input: &GridInput, width: f32) -> [f64; 3] {
    let span = input.bounds.1 - input.bounds.0;
    let most = f64::from(width / WIDEST_MARK).clamp(2.0, 9.0);
    let steps = [1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
    let step = steps.into_iter().find(|step| span / step <= most).unwrap_or(7200.0);
    [step, step * 6.0, step * 36.0]
}

/// The colour of a line: the cluster's own, else its shard's.
#[must_use]
pub fn color(colors: &Palette, cluster: &ClusterView, series: &Series) -> egui::Color32 {
    match series {
        Series::Cluster => colors.tone(Tone::Busy),
        Series::Node(addr) => {
            let node = cluster.nodes.iter().find(|node| node.addr == *addr);
            node.map_or(colors.weak, |node| bits::shard_color(colors, node))
        }
    }
}

/// The name of a line.
#[must_use]
pub fn name(series: &Series) -> String {
    match series {
        Series::Cluster => tr!("metrics.cluster"),
        Series::Node(addr) => addr.to_string(),
    }
}

fn style(cluster: &ClusterView, series: &Series) -> LineStyle {
    let is_replica = |addr: &NodeAddr| cluster.nodes.iter().any(|n| n.addr == *addr && n.role == Some(Role::Replica));
    match series {
        // Master and replica have one colour.
        Series::Node(addr) if is_replica(addr) => LineStyle::dashed_loose(),
        _ => LineStyle::Solid,
    }
}

/// Shows a plot; says where the pointer is in it, seconds since 1970.
pub fn plot_ui(ui: &mut Ui, frame: &Frame<'_>, metric: Metric, curves: &[Curve]) -> Option<f64> {
    ui.spacing_mut().item_spacing.y = 8.0;
    title_ui(ui, frame, metric, curves);
    let colors = Palette::of(ui);
    let shown = empty_plot(colors, frame, metric).show(ui, |plot| {
        if let Some(range) = frame.follow.clone() {
            plot.set_plot_bounds_x(range);
        }
        for curve in curves {
            for stretch in &curve.stretches {
                let points = PlotPoints::Borrowed(stretch);
                let line = Line::new(name(&curve.series), points)
                    .color(color(colors, frame.cluster, &curve.series))
                    .style(style(frame.cluster, &curve.series))
                    .width(1.6)
                    .allow_hover(false);
                plot.line(line);
            }
        }
        plot.pointer_coordinate().filter(|_| plot.response().hovered()).map(|at| at.x)
    });
    if curves.iter().all(|curve| curve.stretches.iter().all(|stretch| stretch.len() < 2)) {
        let why = if metric == Metric::HitRate { tr!("metrics.no_lookups") } else { tr!("metrics.no_values") };
        bits::painted_text(ui, shown.response.rect.center(), egui::Align2::CENTER_CENTER, &why, colors.weak);
    }
    let said = tr!("metrics.plot", metric = title(metric), value = headline(frame, metric, curves).unwrap_or_default());
    shown.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &said));
    if let Some(at) = shown.inner {
        shown.response.on_hover_ui_at_pointer(|ui| values_ui(ui, frame, metric, curves, at));
    }
    shown.inner
}

/// The axes: linked with those of the other plots, and held still while they follow the clock.
fn empty_plot(colors: &Palette, frame: &Frame<'_>, metric: Metric) -> Plot<'static> {
    let group = egui::Id::unique("metrics");
    let held = frame.follow.is_some();
    let (width, height) = (frame.size.x - AXIS_WIDTH, frame.size.y - TITLE_HEIGHT);
    Plot::new(metric.name())
        .width(frame.size.x)
        .height(height)
        .link_cursor(group, [true, false])
        .link_axis(group, [true, false])
        .allow_drag([!held, false])
        .allow_zoom([!held, false])
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(!held)
        .show_background(true)
        .set_margin_fraction(egui::vec2(0.0, 0.08))
        .cursor_color(colors.weak)
        .grid_color(colors.line)
        .include_y(0.0)
        .include_y(if metric == Metric::HitRate { 100.0 } else { 10.0 })
        .y_axis_min_width(AXIS_WIDTH)
        .x_grid_spacer(egui_plot::uniform_grid_spacer(move |input| x_steps(&input, width)))
        .y_grid_spacer(egui_plot::uniform_grid_spacer(move |input| y_steps(metric, &input, height)))
        .x_axis_formatter(|mark, _| time_mark(mark.value, mark.step_size))
        .y_axis_formatter(move |at, _| mark(metric, at.value))
        .label_formatter(|_| None)
        .show_crosshair(false)
}

/// A time on the x axis; with seconds where the marks are close.
fn time_mark(secs: f64, step: f64) -> String {
    let clock = format::clock(time(secs));
    if step < 60.0 { clock } else { clock[..clock.len() - 3].to_owned() }
}

/// A point in time from seconds since 1970.
#[must_use]
pub fn time(secs: f64) -> std::time::SystemTime {
    std::time::SystemTime::UNIX_EPOCH + std::time::Duration::try_from_secs_f64(secs).unwrap_or_default()
}

/// The value that the title shows: of the first line, under the cursor or the newest.
fn headline(frame: &Frame<'_>, metric: Metric, curves: &[Curve]) -> Option<String> {
    let curve = curves.first()?;
    let newest = || curve.stretches.last()?.last().map(|point| point.y);
    frame.cursor.map_or_else(newest, |at| curve.at(at)).map(|y| value(metric, y))
}

fn title_ui(ui: &mut Ui, frame: &Frame<'_>, metric: Metric, curves: &[Curve]) {
    let colors = Palette::of(ui);
    ui.horizontal(|ui| {
        let title = ui.label(RichText::new(title(metric)).color(colors.weak));
        title.on_hover_text(hint(metric));
        let shown = headline(frame, metric, curves).unwrap_or_else(|| NONE.to_owned());
        let layout = egui::Layout::right_to_left(egui::Align::Center);
        ui.with_layout(layout, |ui| ui.label(RichText::new(shown).strong().color(colors.strong)));
    });
}

/// All lines' values at a time, largest first.
fn values_ui(ui: &mut Ui, frame: &Frame<'_>, metric: Metric, curves: &[Curve], at: f64) {
    let colors = Palette::of(ui);
    bits::weak(ui, format::clock(time(at)));
    let mut values: Vec<_> = curves.iter().filter_map(|curve| Some((&curve.series, curve.at(at)?))).collect();
    values.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (series, y) in values.iter().take(NAMED) {
        ui.horizontal(|ui| {
            bits::swatch(ui, color(colors, frame.cluster, series));
            ui.label(format!("{}  {}", name(series), value(metric, *y)));
        });
    }
    if values.len() > NAMED {
        bits::weak(ui, tr!("metrics.more", count = values.len() - NAMED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_short() {
        let counts: Vec<_> = [0.0, 7.0, 950.0, 1500.0, 20_000.0, 3e6].iter().map(|v| mark(Metric::Ops, *v)).collect();
        assert_eq!(counts, ["0", "7", "950", "1.5k", "20k", "3M"]);
        let bytes: Vec<_> = [512.0, 1024.0, 1_572_864.0].iter().map(|v| mark(Metric::Memory, *v)).collect();
        assert_eq!(bytes, ["512", "1 Ki", "1.5 Mi"]);
        assert_eq!(mark(Metric::Cpu, 40.0), "40%");
    }

    #[test]
    fn axes_have_a_handful_of_round_marks() {
        for span in [30.0, 60.0, 300.0, 1800.0] {
            let [step, ..] = x_steps(&GridInput { bounds: (0.0, span), base_step_size: 1.0 }, 400.0);
            assert!((1.9..=6.0).contains(&(span / step)), "{span}: {step}");
        }
        for span in [1.0, 9.0, 130.0, 5e6] {
            let [step, ..] = y_steps(Metric::Cpu, &GridInput { bounds: (0.0, span), base_step_size: 1.0 }, 170.0);
            assert!((1.9..=6.0).contains(&(span / step)), "{span}: {step}");
        }
    }
}
