//! Calls that took long.

use std::time::{Duration, SystemTime};

use egui::Ui;

use crate::core::answers::SlowCall;
use crate::engine::look::{Look, Seen, SlowFacts};
use crate::engine::snapshot::NodeView;
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button_enabled;
use crate::gui::widgets::sheet::{Cell, Head, Key, sheet_ui, to_tsv};

use super::{InspectUi, advice_ui, by_hand, nothing_yet};

/// Most characters of a command on its line.
const MOST: usize = 160;

pub(super) fn slow_log_ui(ui: &mut Ui, node: &NodeView, look: Option<&Look>, state: &mut InspectUi) -> Option<Action> {
    let Some(Seen::SlowLog(told)) = look.and_then(|look| look.seen.as_ref()) else {
        nothing_yet(ui, look);
        return None;
    };
    let needle = state.filter.trim().to_lowercase();
    let rows: Vec<Vec<Cell>> = told.calls.iter().map(row).filter(|row| passes(row, &needle)).collect();
    let rows = state.slow_log.sorted(rows);
    let heads = heads();
    let mut action = None;
    ui.horizontal(|ui| {
        bits::search_field(ui, &mut state.filter, tr!("inspect.filter_calls"), 200.0);
        bits::weak(ui, summary(told));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if icon_button_enabled(ui, !rows.is_empty(), Icon::Copy, tr!("log.copy")).clicked() {
                action = Some(Action::Copy(to_tsv(&heads, &rows)));
            }
        });
    });
    if told.slower_than_us.is_some_and(|micros| micros < 0) {
        let command = by_hand(node, "CONFIG SET slowlog-log-slower-than 10000");
        Action::note(&mut action, advice_ui(ui, tr!("inspect.slow_log_off"), &command));
    }
    ui.add_space(4.0);
    if rows.is_empty() {
        let text = if told.calls.is_empty() { tr!("inspect.no_slow_calls") } else { tr!("inspect.no_hit") };
        bits::nothing(ui, if told.calls.is_empty() { Icon::Ok } else { Icon::Search }, text);
        return action;
    }
    Action::note(&mut action, sheet_ui(ui, "slow-log", &heads, &rows, &mut state.slow_log));
    action
}

/// From when on a call is slow, and how many there are.
fn summary(told: &SlowFacts) -> String {
    let total = told.total.unwrap_or(told.calls.len() as u64);
    match told.slower_than_us.and_then(|micros| u64::try_from(micros).ok()) {
        Some(micros) => {
            tr!("inspect.slow_calls", shown = told.calls.len(), total = format::count(total), limit = duration(micros))
        }
        None => tr!("inspect.slow_calls_only", shown = told.calls.len(), total = format::count(total)),
    }
}

/// Microseconds as people read them.
fn duration(micros: u64) -> String {
    format::figure_total(crate::engine::slot_figures::Figure::Cpu, micros)
}

fn heads() -> [Head; 5] {
    [
        Head::text(tr!("events.time"), tr!("inspect.time_hint"), 150.0),
        Head::number(tr!("inspect.duration"), tr!("inspect.duration_hint"), 80.0),
        Head::text(tr!("inspect.client"), tr!("client.addr"), 140.0),
        Head::text(tr!("client.name_title"), tr!("client.name"), 80.0),
        Head::text(tr!("inspect.command"), tr!("inspect.command_hint"), 260.0),
    ]
}

fn row(call: &SlowCall) -> Vec<Cell> {
    let command: Vec<String> = call.words.iter().map(|word| quoted(word)).collect();
    let command = command.join(" ");
    let short = match command.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &command[..at]),
        None => command.clone(),
    };
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(call.at.min(1 << 40));
    let time = Cell { key: Key::of(Some(call.at)), ..Cell::text(format::date_clock(at)) };
    let command = Cell { raw: Some(command.clone()), ..Cell::text(short) }.hint(command);
    vec![
        time,
        Cell::number(Some(call.took_us), duration),
        Cell::text(call.client.as_deref().unwrap_or_default()),
        Cell::text(call.name.as_deref().unwrap_or_default()),
        command,
    ]
}

/// A word of a command: in quotes where it is empty or has blanks.
fn quoted(word: &[u8]) -> String {
    let text = format::printable(word);
    if text.is_empty() || text.contains(' ') { format!("\"{text}\"") } else { text }
}

fn passes(row: &[Cell], needle: &str) -> bool {
    let holds = |cell: &Cell| {
        cell.text.to_lowercase().contains(needle)
            || cell.raw.as_ref().is_some_and(|raw| raw.to_lowercase().contains(needle))
    };
    needle.is_empty() || row.iter().any(holds)
}
