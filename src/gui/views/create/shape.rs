//! The cluster's shape: name, masters, replicas, ports, address, folder.

use egui::{DragValue, TextEdit, Ui};

use crate::core::spec::{Field, Problem};
use crate::core::topology::BUS_PORT_OFFSET;
use crate::engine::snapshot::Snapshot;
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::Palette;
use crate::gui::widgets::icon_button::icon_button;
use crate::gui::widgets::problem_list::is_port_in_use;

use super::CreateUi;
use super::draft::{Draft, PortsBy};
use super::form::{Form, LABEL_WIDTH, enter_pressed};

/// After so many blocks of ports the search for free ones gives up.
const BLOCKS: u8 = 20;

/// The fields of this page.
pub(super) fn is_mine(field: Field) -> bool {
    matches!(field, Field::Name | Field::Masters | Field::Replicas | Field::Ports | Field::Bind | Field::Dir)
}

pub(super) fn shape_page(
    ui: &mut Ui,
    snapshot: &Snapshot,
    problems: &[Problem],
    state: &mut CreateUi,
) -> (Option<Action>, bool) {
    let mut form = Form::new(problems);
    let draft = &mut state.draft;
    let mut action = None;
    form.row(ui, &tr!("create.shape.name"), &[Field::Name], |ui, form| {
        let name = form.text(ui, &mut draft.name);
        if std::mem::take(&mut state.focus_first) {
            name.request_focus();
        }
        if name.changed() {
            draft.name_changed(&snapshot.clusters_dir);
        }
    });
    number_row(ui, &mut form, &tr!("create.shape.masters"), Field::Masters, &mut draft.masters, 1);
    number_row(ui, &mut form, &tr!("create.shape.replicas"), Field::Replicas, &mut draft.replicas, 0);
    ports_row(ui, &mut form, draft);
    if form.edited {
        // A hand on the fields ends the search.
        state.seek_ports = None;
    }
    if state.seek_ports.is_some() || problems.iter().any(is_port_in_use) {
        free_ports_button(ui, &mut state.seek_ports);
    }
    form.text_row(ui, &tr!("create.shape.bind"), &[Field::Bind], &mut draft.bind);
    form.row(ui, &tr!("create.shape.dir"), &[Field::Dir], |ui, form| {
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 130.0).clamp(160.0, 380.0);
            if form.line(ui, TextEdit::singleline(&mut draft.dir).desired_width(width)).changed() {
                draft.dir_follows_name = false;
            }
            if icon_button(ui, Icon::Folder, tr!("create.shape.browse")).clicked() {
                action = Some(Action::ChooseFolder);
            }
        });
    });
    summary(ui, draft);
    if form.edited {
        state.check.edited();
    }
    (action, form.submitted)
}

/// A small number: typed, dragged, or changed with the buttons beside it.
fn number_row(ui: &mut Ui, form: &mut Form<'_>, label: &str, field: Field, value: &mut u16, least: u16) {
    form.row(ui, label, &[field], |ui, form| {
        ui.horizontal(|ui| {
            let before = *value;
            let width = egui::vec2(64.0, ui.spacing().interact_size.y);
            let number = ui.add(DragValue::new(value).range(least..=999).speed(0.05).min_size(width));
            form.submitted |= number.lost_focus() && enter_pressed(ui);
            let fewer = ui.add_enabled(*value > least, egui::Button::new("-"));
            if fewer.accessible_name(tr!("create.shape.fewer", what = label)).clicked() {
                *value -= 1;
            }
            let more = ui.add_enabled(*value < 999, egui::Button::new("+"));
            if more.accessible_name(tr!("create.shape.more", what = label)).clicked() {
                *value += 1;
            }
            form.edited |= *value != before;
        });
    });
}

fn ports_row(ui: &mut Ui, form: &mut Form<'_>, draft: &mut Draft) {
    let label = match draft.ports_by {
        PortsBy::First => tr!("create.shape.first_port"),
        PortsBy::List => tr!("create.shape.port_list"),
    };
    form.row(ui, &label, &[Field::Ports], |ui, form| {
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 190.0).clamp(80.0, 380.0);
            match draft.ports_by {
                PortsBy::First => form.line(ui, TextEdit::singleline(&mut draft.first_port).desired_width(90.0)),
                PortsBy::List => form.line(ui, TextEdit::singleline(&mut draft.port_list).desired_width(width)),
            };
            let mut list = draft.ports_by == PortsBy::List;
            if form.seen(ui.checkbox(&mut list, tr!("create.shape.by_list"))).changed() {
                switch_ports(draft, list);
            }
        });
    });
}

/// Looks for ports that are free: each block is judged by the live check, see [`seek`].
fn free_ports_button(ui: &mut Ui, seek_ports: &mut Option<u8>) {
    ui.horizontal(|ui| {
        ui.add_space(LABEL_WIDTH + ui.spacing().item_spacing.x);
        let button = ui.add_enabled(seek_ports.is_none(), egui::Button::new(tr!("create.shape.free_ports")));
        if button.clicked() {
            *seek_ports = Some(BLOCKS);
        }
    });
    ui.add_space(4.0);
}

/// Goes on to the next block of ports while the newest check finds that some are in use.
pub(super) fn seek(snapshot: &Snapshot, state: &mut CreateUi) {
    let Some(left) = state.seek_ports.filter(|_| state.check.is_fresh(snapshot)) else { return };
    let in_use = snapshot.draft.as_ref().is_some_and(|report| report.problems.iter().any(is_port_in_use));
    state.seek_ports = if in_use && left > 0 && state.draft.next_ports(snapshot) {
        state.check.edited();
        Some(left - 1)
    } else {
        None
    };
}

/// The list starts with what the first port meant.
fn switch_ports(draft: &mut Draft, list: bool) {
    if list && draft.port_list.trim().is_empty() {
        let ports: Vec<String> = draft.port_list().iter().map(ToString::to_string).collect();
        draft.port_list = ports.join(", ");
    }
    draft.ports_by = if list { PortsBy::List } else { PortsBy::First };
}

/// What it comes to: how many servers, on which ports.
fn summary(ui: &mut Ui, draft: &Draft) {
    let ports = draft.port_list();
    if ports.is_empty() {
        return;
    }
    let bus: Vec<u16> = ports.iter().filter_map(|port| port.checked_add(BUS_PORT_OFFSET)).collect();
    ui.add_space(4.0);
    Palette::of(ui).card_frame().show(ui, |ui| {
        ui.set_width(ui.available_width());
        let text = tr!("create.shape.summary", n = draft.node_count(), ports = ranges(&ports), bus = ranges(&bus));
        ui.label(text);
    });
}

/// Ports as text, runs joined: `7000–7005, 7010`.
pub(super) fn ranges(ports: &[u16]) -> String {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*port) => *last = *port,
            _ => runs.push((*port, *port)),
        }
    }
    let run = |(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}–{last}") };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_ports_are_joined() {
        assert_eq!(ranges(&[7000, 7001, 7002, 7010, 65535]), "7000–7002, 7010, 65535");
        assert_eq!(ranges(&[]), "");
    }
}
