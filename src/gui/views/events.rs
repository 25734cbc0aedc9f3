//! What happened, newest first: everything that a toast said stays here.

use std::collections::VecDeque;

use egui::{RichText, Ui};
use egui_extras::{Column, TableBuilder};

use crate::engine::event::{Event, Level};
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button_enabled;
use crate::gui::words;

/// How many events are kept.
const KEPT: usize = 2_000;

/// The events of this run, oldest first, bounded.
#[derive(Debug, Default)]
pub struct EventList(VecDeque<Event>);

impl EventList {
    /// Adds one; the oldest goes when there are too many.
    pub fn push(&mut self, event: Event) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The screen's state.
#[derive(Debug, Default)]
pub struct EventsUi {
    filter: String,
    only_problems: bool,
}

impl EventsUi {
    fn shown<'a>(&self, events: &'a EventList, cluster: Option<&str>) -> Vec<&'a Event> {
        let needle = self.filter.trim().to_lowercase();
        let keep = |event: &Event| {
            cluster.is_none_or(|name| event.cluster.as_deref() == Some(name))
                && (!self.only_problems || event.level >= Level::Warning)
                && (needle.is_empty() || line(event).to_lowercase().contains(&needle))
        };
        events.0.iter().rev().filter(|e| keep(e)).collect()
    }
}

/// An event as one line of text, for the filter and the clipboard.
fn line(event: &Event) -> String {
    let cluster = event.cluster.as_deref().unwrap_or(format::NONE);
    format!("{}\t{}\t{cluster}\t{}", format::clock(event.at), words::level(event.level).0, words::what(&event.what))
}

/// Shows the events of one cluster, or of all.
#[must_use]
pub fn events_ui(ui: &mut Ui, events: &EventList, cluster: Option<&str>, state: &mut EventsUi) -> Option<Action> {
    let mut action = None;
    let shown = state.shown(events, cluster);
    ui.horizontal(|ui| {
        bits::title(ui, tr!("events.title"));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let copy = icon_button_enabled(ui, !shown.is_empty(), Icon::Copy, tr!("events.copy"));
            if copy.clicked() {
                action = Some(Action::Copy(shown.iter().map(|e| line(e) + "\n").collect()));
            }
            ui.checkbox(&mut state.only_problems, tr!("events.only_problems"));
            bits::search_field(ui, &mut state.filter, tr!("events.filter"), 200.0);
        });
    });
    ui.add_space(4.0);
    if shown.is_empty() {
        bits::nothing(ui, Icon::Events, if events.is_empty() { tr!("events.none") } else { tr!("events.no_hit") });
    } else {
        table_ui(ui, &shown, cluster.is_none());
    }
    action
}

fn table_ui(ui: &mut Ui, shown: &[&Event], with_cluster: bool) {
    let mut table = TableBuilder::new(ui).striped(true).auto_shrink([false, false]);
    table = table.column(Column::exact(80.0)).column(Column::exact(110.0));
    if with_cluster {
        table = table.column(Column::initial(120.0).clip(true));
    }
    table
        .column(Column::remainder().clip(true))
        .header(theme::ROW_HEIGHT, |mut header| {
            let cluster = with_cluster.then(|| tr!("events.cluster"));
            let titles = [Some(tr!("events.time")), Some(tr!("events.level")), cluster, Some(tr!("events.what"))];
            for title in titles.into_iter().flatten() {
                header.col(|ui| {
                    bits::weak(ui, title);
                });
            }
        })
        .body(|body| {
            body.rows(theme::ROW_HEIGHT, shown.len(), |mut row| {
                let event = shown[row.index()];
                row.col(|ui| {
                    let colors = Palette::of(ui);
                    let clock = RichText::new(format::clock(event.at)).monospace().color(colors.weak);
                    ui.label(clock).on_hover_text(format::age(event.at));
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
                    let text = words::what(&event.what);
                    ui.add(egui::Label::new(&text).truncate()).on_hover_text(text);
                });
            });
        });
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::engine::event::What;
    use crate::gui::{samples, testing};

    fn some() -> EventList {
        let mut list = EventList::default();
        let event =
            |level, cluster: &str, what| Event { at: samples::now(), level, cluster: Some(cluster.to_owned()), what };
        list.push(event(Level::Info, "orders", What::NodeBack("127.0.0.1:7000".to_owned())));
        list.push(event(Level::Error, "orders", What::NodeFailed("127.0.0.1:7001".to_owned())));
        list.push(event(Level::Error, "sessions", What::NodeFailed("127.0.0.1:8001".to_owned())));
        list
    }

    #[test]
    fn a_cluster_sees_its_own_events_and_problems_can_be_singled_out() {
        let list = some();
        let mut state = EventsUi::default();
        assert_eq!(state.shown(&list, Some("orders")).len(), 2);
        assert_eq!(state.shown(&list, None).len(), 3);
        state.only_problems = true;
        assert_eq!(state.shown(&list, Some("orders")).len(), 1);
        state.filter = "8001".to_owned();
        assert_eq!(state.shown(&list, None).len(), 1);
    }

    #[test]
    fn the_list_is_bounded() {
        let mut list = EventList::default();
        for _ in 0..=KEPT {
            list.push(some().0[0].clone());
        }
        assert_eq!(list.len(), KEPT);
    }

    #[test]
    fn shown_events_are_copied_newest_first() {
        let mut harness =
            testing::harness((EventsUi::default(), None), |ui, (state, action): &mut (_, Option<Action>)| {
                *action = events_ui(ui, &some(), None, state).or(action.take());
            });
        harness.run();
        harness.get_by_label_contains("Copy").click();
        harness.run();
        let Some(Action::Copy(text)) = &harness.state().1 else { panic!() };
        assert!(text.lines().next().unwrap().contains("8001"), "{text}");
    }
}
