//! What happened, newest first: everything that the poller saw change and everything that a toast said stays here.
//! Failovers stand above as stories.

mod list;
mod story;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use egui::Ui;

use crate::core::slot::Slot;
use crate::core::timeline::{Change, Happening, Story, Topic, stories};
use crate::core::topology::NodeAddr;
use crate::engine::event::{Event, Level, What};
use crate::engine::figures::millis;
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::widgets::bits;
use crate::gui::widgets::icon_button::icon_button_enabled;
use crate::gui::words;

/// How many events are kept.
const KEPT: usize = 2_000;
/// Slots that go on moving between the same two within this time are one event, milliseconds.
const SAME_MOVE_MS: u64 = 10_000;

/// The events of this run, oldest first, bounded.
#[derive(Debug, Default)]
pub struct EventList {
    events: VecDeque<Event>,
    /// Grows with each change of the list.
    revision: u64,
}

impl EventList {
    /// Adds one, or lets an earlier one grow by it: slots that go on moving between the same two, while other pairs move
    /// theirs. The oldest goes when there are too many.
    pub fn push(&mut self, event: Event) {
        self.revision += 1;
        let recent = |known: &&mut Event| millis(event.at).saturating_sub(millis(known.at)) <= SAME_MOVE_MS;
        let moved = |known: &&mut Event| matches!(known.what, What::Changed(_, Change::Slots { .. }));
        let grown = self.events.iter_mut().rev().take_while(recent).take_while(moved).position(|known| {
            let (What::Changed(_, change), What::Changed(_, more)) = (&mut known.what, &event.what) else {
                return false;
            };
            known.cluster == event.cluster && change.absorb(more)
        });
        if let Some(place) = grown
            && let Some(mut known) = self.events.remove(self.events.len() - 1 - place)
        {
            known.at = event.at;
            self.events.push_back(known);
            return;
        }
        if self.events.len() == KEPT {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// When a slot of this cluster was last seen to change hands, and whose it was before.
    #[must_use]
    pub fn changed_hands(&self, cluster: &str, slot: Slot) -> Option<(SystemTime, Option<NodeAddr>)> {
        self.events.iter().rev().filter(|event| event.cluster.as_deref() == Some(cluster)).find_map(
            |event| match &event.what {
                What::Changed(_, Change::Slots { slots, before, .. }) if slots.contains(slot) => {
                    Some((event.at, before.clone()))
                }
                _ => None,
            },
        )
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// The screen's state.
#[derive(Debug, Default)]
pub struct EventsUi {
    filter: String,
    only_problems: bool,
    topic: Option<Topic>,
    all_stories: bool,
    told: Option<Told>,
}

/// The stories as they were found last, and in which events.
#[derive(Debug)]
struct Told {
    revision: u64,
    cluster: Option<String>,
    stories: Arc<[Story]>,
}

impl EventsUi {
    fn shown<'a>(&self, events: &'a EventList, cluster: Option<&str>) -> Vec<&'a Event> {
        let needle = self.filter.trim().to_lowercase();
        let keep = |event: &Event| {
            cluster.is_none_or(|name| event.cluster.as_deref() == Some(name))
                && (!self.only_problems || event.level >= Level::Warning)
                && self.topic.is_none_or(|topic| topic_of(&event.what) == Some(topic))
                && (needle.is_empty() || line(event).to_lowercase().contains(&needle))
        };
        events.events.iter().rev().filter(|e| keep(e)).collect()
    }

    /// The stories in the events of one cluster, newest first.
    fn stories(&mut self, events: &EventList, cluster: &str) -> Arc<[Story]> {
        let still = self
            .told
            .take()
            .filter(|told| told.revision == events.revision && told.cluster.as_deref() == Some(cluster));
        let told = still.unwrap_or_else(|| {
            let of_cluster = events.events.iter().filter(|event| event.cluster.as_deref() == Some(cluster));
            let happenings: Vec<Happening> = of_cluster.filter_map(happening).collect();
            let mut stories = stories(&happenings);
            stories.reverse();
            Told { revision: events.revision, cluster: Some(cluster.to_owned()), stories: stories.into() }
        });
        self.told.insert(told).stories.clone()
    }
}

/// What an event is about.
fn topic_of(what: &What) -> Option<Topic> {
    match what {
        What::Changed(_, change) => Some(change.topic()),
        What::ProcessDied(..) => Some(Topic::Process),
        _ => None,
    }
}

/// The node that an event is about.
fn node_of(what: &What) -> Option<String> {
    match what {
        What::Changed(node, _) => node.as_ref().map(ToString::to_string),
        What::ProcessDied(node, _) => Some(node.clone()),
        _ => None,
    }
}

/// An event as the stories read it.
fn happening(event: &Event) -> Option<Happening> {
    let at_ms = millis(event.at);
    match &event.what {
        What::Changed(node, change) => Some(Happening { at_ms, node: node.clone(), change: change.clone() }),
        What::ProcessDied(node, _) => {
            Some(Happening { at_ms, node: Some(node.parse::<NodeAddr>().ok()?), change: Change::Died })
        }
        _ => None,
    }
}

/// An event as one line of text, for the filter and the clipboard.
fn line(event: &Event) -> String {
    let cluster = event.cluster.as_deref().unwrap_or(format::NONE);
    let (time, level) = (format::date_clock(event.at), words::level(event.level).0);
    let node = node_of(&event.what).unwrap_or_else(|| format::NONE.to_owned());
    format!("{time}\t{level}\t{cluster}\t{node}\t{}", words::what(&event.what))
}

/// The name of a topic.
fn topic_name(topic: Topic) -> String {
    match topic {
        Topic::Role => tr!("events.topic_role"),
        Topic::State => tr!("events.topic_state"),
        Topic::Slots => tr!("events.topic_slots"),
        Topic::Epoch => tr!("events.topic_epoch"),
        Topic::Link => tr!("events.topic_link"),
        Topic::Process => tr!("events.topic_process"),
        Topic::Config => tr!("events.topic_config"),
    }
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
            topic_ui(ui, &mut state.topic);
            bits::search_field(ui, &mut state.filter, tr!("events.filter"), 180.0);
        });
    });
    ui.add_space(4.0);
    if let Some(name) = cluster {
        let stories = state.stories(events, name);
        Action::note(&mut action, story::stories_ui(ui, &stories, &mut state.all_stories));
    }
    if shown.is_empty() {
        bits::nothing(ui, Icon::Events, if events.is_empty() { tr!("events.none") } else { tr!("events.no_hit") });
    } else {
        Action::note(&mut action, list::table_ui(ui, &shown, cluster.is_none()));
    }
    action
}

/// Which topic is shown.
fn topic_ui(ui: &mut Ui, topic: &mut Option<Topic>) {
    let name = |topic: Option<Topic>| topic.map_or_else(|| tr!("events.topic_all"), topic_name);
    let shown = egui::ComboBox::from_id_salt("topic").selected_text(name(*topic)).show_ui(ui, |ui| {
        for choice in std::iter::once(None).chain(Topic::ALL.map(Some)) {
            ui.selectable_value(topic, choice, name(choice));
        }
    });
    shown.response.accessible_name(tr!("events.topic"));
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
