//! A node's settings beside those of its peers.

use egui::Ui;

use crate::core::answers::{Setting, Shown};
use crate::core::topology::NodeAddr;
use crate::engine::look::{ConfigFacts, Look, Seen};
use crate::gui::action::Action;
use crate::gui::format::NONE;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::Tone;
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button_enabled;
use crate::gui::widgets::sheet::{Cell, Head, sheet_ui, to_tsv};
use crate::gui::words;

use super::{InspectUi, nothing_yet};

pub(super) fn config_ui(ui: &mut Ui, look: Option<&Look>, state: &mut InspectUi) -> Option<Action> {
    let Some(Seen::Config(told)) = look.and_then(|look| look.seen.as_ref()) else {
        nothing_yet(ui, look);
        return None;
    };
    let needle = state.filter.trim().to_lowercase();
    let passes = |setting: &&Setting<NodeAddr>| {
        (!state.only_differences || setting.differs())
            && (needle.is_empty()
                || setting.name.contains(&needle)
                || value(&setting.value).to_lowercase().contains(&needle))
    };
    let rows = state.config.sorted(told.settings.iter().filter(passes).map(row).collect());
    let heads = heads();
    let mut action = None;
    ui.horizontal(|ui| {
        bits::search_field(ui, &mut state.filter, tr!("inspect.filter_config"), 200.0);
        let differing = told.settings.iter().filter(|setting| setting.differs()).count();
        let only = tr!("inspect.only_differences", count = differing);
        ui.checkbox(&mut state.only_differences, only).on_hover_text(tr!("inspect.differences_hint"));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if icon_button_enabled(ui, !rows.is_empty(), Icon::Copy, tr!("log.copy")).clicked() {
                action = Some(Action::Copy(to_tsv(&heads, &rows)));
            }
            peers_ui(ui, told);
        });
    });
    ui.add_space(4.0);
    if rows.is_empty() {
        let text = if needle.is_empty() { tr!("inspect.no_differences") } else { tr!("inspect.no_hit") };
        bits::nothing(ui, if needle.is_empty() { Icon::Ok } else { Icon::Search }, text);
        return action;
    }
    Action::note(&mut action, sheet_ui(ui, "config", &heads, &rows, &mut state.config));
    action
}

/// With whom it was compared.
fn peers_ui(ui: &mut Ui, told: &ConfigFacts) {
    if !told.silent.is_empty() {
        let lines: Vec<String> = told.silent.iter().map(|(addr, why)| format!("{addr}: {why}")).collect();
        bits::state(ui, Tone::Warn, Icon::Warning, tr!("inspect.silent", count = told.silent.len()))
            .on_hover_text(lines.join("\n"));
    }
    let label = bits::weak(ui, tr!("inspect.compared", count = told.peers.len()));
    if !told.peers.is_empty() {
        label.on_hover_text(told.peers.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
}

fn heads() -> [Head; 3] {
    [
        Head::text(tr!("inspect.setting"), String::new(), 270.0),
        Head::text(tr!("inspect.value"), String::new(), 190.0),
        Head::text(tr!("inspect.elsewhere"), tr!("inspect.elsewhere_hint"), 240.0),
    ]
}

fn row(setting: &Setting<NodeAddr>) -> Vec<Cell> {
    let mark = |cell: Cell| if setting.differs() { cell.tone(Tone::Warn) } else { cell };
    vec![
        Cell::text(&setting.name).hint(&setting.name),
        mark(Cell::text(value(&setting.value)).hint(value(&setting.value))),
        mark(elsewhere(setting)),
    ]
}

fn value(shown: &Shown) -> String {
    match shown {
        Shown::Plain(text) if text.is_empty() => "\"\"".to_owned(),
        Shown::Plain(text) => text.clone(),
        Shown::Hidden => tr!("inspect.hidden"),
        Shown::Missing => tr!("inspect.no_such_setting"),
    }
}

/// The values of peers that have another one, each with who has it.
fn elsewhere(setting: &Setting<NodeAddr>) -> Cell {
    if setting.own {
        return Cell::text(tr!("inspect.own")).hint(tr!("inspect.own_hint"));
    }
    if setting.others.is_empty() {
        return Cell::text(NONE).hint(tr!("inspect.same"));
    }
    let mut values: Vec<(&Shown, Vec<NodeAddr>)> = Vec::new();
    for (peer, shown) in &setting.others {
        match values.iter_mut().find(|(value, _)| *value == shown) {
            Some((_, by)) => by.push(peer.clone()),
            None => values.push((shown, vec![peer.clone()])),
        }
    }
    let one = |(shown, by): &(&Shown, Vec<NodeAddr>)| {
        // A secret that is another one must not look like the same.
        let shown = if **shown == Shown::Hidden { tr!("inspect.other_secret") } else { value(shown) };
        tr!("inspect.value_on", value = shown, nodes = words::addrs(by))
    };
    let lines: Vec<String> = values.iter().map(one).collect();
    Cell::text(Icon::Warning.with(lines.join("; "))).hint(lines.join("\n"))
}
