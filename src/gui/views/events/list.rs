//! The events as a table.

use egui::{RichText, Ui};
use egui_extras::{Column, TableBuilder, TableRow};

use crate::core::timeline::Change;
use crate::engine::event::{Event, What};
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets::bits;
use crate::gui::words;

/// Shows the events that are given, a line each.
///
/// A button leads to the slot map as it was then.
#[must_use]
pub fn table_ui(ui: &mut Ui, shown: &[&Event], with_cluster: bool) -> Option<Action> {
    let mut action = None;
    let mut table = TableBuilder::new(ui).striped(true).auto_shrink([false, false]);
    table = table.cell_layout(egui::Layout::left_to_right(egui::Align::Center));
    table = table.column(Column::exact(80.0)).column(Column::exact(110.0));
    if with_cluster {
        table = table.column(Column::initial(120.0).clip(true));
    }
    table
        .column(Column::initial(130.0).clip(true))
        .column(Column::remainder().clip(true))
        .header(theme::ROW_HEIGHT, |mut header| {
            let cluster = with_cluster.then(|| tr!("events.cluster"));
            let titles = [
                Some(tr!("events.time")),
                Some(tr!("events.level")),
                cluster,
                Some(tr!("events.node")),
                Some(tr!("events.what")),
            ];
            for title in titles.into_iter().flatten() {
                header.col(|ui| {
                    bits::weak(ui, title);
                });
            }
        })
        .body(|body| {
            body.rows(theme::ROW_HEIGHT, shown.len(), |mut row| {
                let event = shown[row.index()];
                Action::note(&mut action, row_ui(&mut row, event, with_cluster));
            });
        });
    action
}

fn row_ui(row: &mut TableRow<'_, '_>, event: &Event, with_cluster: bool) -> Option<Action> {
    row.col(|ui| {
        let colors = Palette::of(ui);
        let clock = RichText::new(format::clock(event.at)).monospace().color(colors.weak);
        // No age in the text: it would have to be written anew each second.
        ui.label(clock).on_hover_ui(|ui| {
            ui.label(format!("{}  {}", format::date_clock(event.at), format::age(event.at)));
        });
    });
    row.col(|ui| {
        let (word, tone, icon) = words::level(event.level);
        bits::state(ui, tone, icon, word);
    });
    if with_cluster {
        row.col(|ui| {
            ui.label(event.cluster.as_deref().unwrap_or(format::NONE));
        });
    }
    row.col(|ui| {
        ui.label(super::node_of(&event.what).unwrap_or_else(|| format::NONE.to_owned()));
    });
    let mut action = None;
    row.col(|ui| {
        // The node stands in the column before.
        let text = match &event.what {
            What::Changed(_, change) => words::change(change),
            what => words::what(what),
        };
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            action = map_button(ui, event);
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.add(egui::Label::new(&text).truncate()).on_hover_text(text);
            });
        });
    });
    action
}

/// To the slot map as it was; only for what is of a cluster.
fn map_button(ui: &mut Ui, event: &Event) -> Option<Action> {
    let cluster = event.cluster.clone()?;
    let What::Changed(_, change) = &event.what else { return None };
    let slots = match change {
        Change::Slots { slots, .. } => Some(slots.clone()),
        _ => None,
    };
    let button = bits::icon_button(ui, Icon::History, tr!("past.show"));
    button.clicked().then_some(Action::ShowMapAt { cluster, at: event.at, slots })
}
