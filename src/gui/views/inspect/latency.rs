//! What a node's latency monitor saw.

use std::time::{Duration, SystemTime};

use egui::{Rect, Sense, Ui, Vec2, pos2};

use crate::core::answers::{LatencyEvent, Spike};
use crate::engine::look::{Look, Seen};
use crate::engine::snapshot::NodeView;
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::info_words;
use crate::gui::theme::{GAP, Palette};
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button_enabled;
use crate::gui::widgets::sheet::{Cell, Head, Key, sheet_ui, to_tsv};

use super::{InspectUi, advice_ui, by_hand, nothing_yet};

/// Height of the drawn history, points.
const HISTORY: f32 = 120.0;

pub(super) fn latency_ui(ui: &mut Ui, node: &NodeView, look: Option<&Look>, state: &mut InspectUi) -> Option<Action> {
    let Some(Seen::Latency(told)) = look.and_then(|look| look.seen.as_ref()) else {
        nothing_yet(ui, look);
        return None;
    };
    let rows = state.latency.sorted(told.events.iter().map(row).collect());
    let heads = heads();
    let mut action = None;
    ui.horizontal(|ui| {
        bits::weak(
            ui,
            match told.threshold_ms {
                Some(0) | None => String::new(),
                Some(ms) => tr!("inspect.latency_from", ms = ms),
            },
        );
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if icon_button_enabled(ui, !rows.is_empty(), Icon::Copy, tr!("log.copy")).clicked() {
                action = Some(Action::Copy(to_tsv(&heads, &rows)));
            }
        });
    });
    if told.threshold_ms == Some(0) {
        let command = by_hand(node, "CONFIG SET latency-monitor-threshold 100");
        Action::note(&mut action, advice_ui(ui, tr!("inspect.latency_off"), &command));
    }
    ui.add_space(4.0);
    if rows.is_empty() {
        if told.threshold_ms == Some(0) {
            bits::nothing(ui, Icon::Pause, tr!("inspect.not_watched"));
        } else {
            bits::nothing(ui, Icon::Ok, tr!("inspect.no_spikes"));
        }
        return action;
    }
    history_ui(ui, &told.events, state);
    ui.add_space(GAP);
    Action::note(&mut action, sheet_ui(ui, "latency", &heads, &rows, &mut state.latency));
    action
}

fn heads() -> [Head; 5] {
    [
        Head::text(tr!("inspect.event"), String::new(), 180.0),
        Head::number(tr!("inspect.last"), tr!("inspect.last_hint"), 90.0),
        Head::number(tr!("inspect.worst"), tr!("inspect.worst_hint"), 90.0),
        Head::number(tr!("inspect.spikes"), tr!("inspect.spikes_hint"), 80.0),
        Head::text(tr!("inspect.when"), tr!("inspect.time_hint"), 160.0),
    ]
}

fn row(event: &LatencyEvent) -> Vec<Cell> {
    let name = Cell::text(&event.name);
    let ms = |ms: u64| Cell::number(Some(ms), |ms| format!("{} ms", format::count(ms)));
    vec![
        match info_words::latency(&event.name) {
            Some(meaning) => name.hint(meaning),
            None => name,
        },
        ms(event.last_ms),
        ms(event.worst_ms),
        Cell::number(Some(event.history.len() as u64), format::count),
        Cell { key: Key::of(Some(event.at)), ..Cell::text(format::date_clock(time(event.at))) },
    ]
}

fn time(secs: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(secs.min(1 << 40))
}

/// The spikes of one event as bars, the newest at the right.
fn history_ui(ui: &mut Ui, events: &[LatencyEvent], state: &mut InspectUi) {
    let chosen = events.iter().find(|event| Some(&event.name) == state.event.as_ref()).or(events.first());
    let Some(chosen) = chosen else { return };
    ui.horizontal_wrapped(|ui| {
        for event in events {
            if ui.selectable_label(event.name == chosen.name, &event.name).clicked() {
                state.event = Some(event.name.clone());
            }
        }
    });
    let colors = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HISTORY), Sense::hover());
    let worst = chosen.history.iter().map(|spike| spike.ms).max().unwrap_or(0);
    let name = tr!("inspect.history_name", event = chosen.name, count = chosen.history.len(), worst = worst);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Canvas, true, &name));
    ui.painter().rect_filled(rect, 4.0, colors.side);
    let inner = rect.shrink(8.0);
    let width = (inner.width() / chosen.history.len().max(1) as f32).clamp(2.0, 14.0);
    let bar = |at: usize, spike: &Spike| {
        let right = inner.right() - (chosen.history.len() - 1 - at) as f32 * width;
        let height = (inner.height() * spike.ms as f32 / worst.max(1) as f32).max(1.0);
        Rect::from_min_max(pos2(right - width + 1.0, inner.bottom() - height), pos2(right, inner.bottom()))
    };
    let mut mesh = egui::Mesh::default();
    for (at, spike) in chosen.history.iter().enumerate() {
        mesh.add_colored_rect(bar(at, spike).intersect(inner), colors.accent);
    }
    ui.painter().add(mesh);
    bits::painted_text(ui, inner.left_top(), egui::Align2::LEFT_TOP, &format!("{worst} ms"), colors.weak);
    let pointed = response.hover_pos().and_then(|pos| {
        chosen.history.iter().enumerate().find(|(at, spike)| bar(*at, spike).x_range().contains(pos.x))
    });
    if let Some((_, spike)) = pointed {
        response.on_hover_text_at_pointer(format!("{}  {} ms", format::date_clock(time(spike.at)), spike.ms));
    }
}
