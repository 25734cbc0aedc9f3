//! The slot map with its modes and legend, the search, the selection, and everything about the pinned slot.

mod content;
mod find;
mod legend;
mod past;
mod selection;
mod slot_panel;

use std::sync::Arc;
use std::time::SystemTime;

use egui::{RichText, Ui, Vec2};

use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::NodeAddr;
use crate::engine::command::Command;
use crate::engine::snapshot::ClusterView;
use crate::gui::action::Action;
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::slot_words;
use crate::gui::theme::{GAP, Palette};
use crate::gui::widgets::bits;
use crate::gui::widgets::slot_map::{self, LastShades, MODES, MapState, Only, Shades, Shown, ZOOM_STEP, figure_of};
use crate::gui::words;
use crate::workspace::settings::{MapLayout, MapMode, Settings};

use past::{Past, Way};

/// Width of the panel at the right, points: at least, at most, and its part of the whole.
const PANEL: (f32, f32, f32) = (262.0, 400.0, 0.2);

/// Width of the names of values in the panel, points.
const NAMES: f32 = 58.0;

/// The screen's state.
#[derive(Debug, Default)]
pub struct SlotsUi {
    /// The slot that the panel is about.
    pub pinned: Option<Slot>,
    /// The slots that were selected, for whatever is done with several.
    pub selection: SlotSet,
    mode: MapMode,
    layout: MapLayout,
    map: MapState,
    shades: LastShades,
    /// What is searched for: a key, a slot or ranges.
    find: String,
    /// The legend entry under the pointer.
    only: Option<Only>,
    /// The key whose value is shown.
    opened: Option<Arc<[u8]>>,
    /// The moment that is shown instead of now.
    past: Option<Past>,
    /// What is known of the pinned slot's past.
    hands: Option<Hands>,
}

/// When the pinned slot changed hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hands {
    /// When it was last seen to, and whose it was before.
    pub last: Option<(SystemTime, Option<NodeAddr>)>,
    /// Since when anybody watches.
    pub since: SystemTime,
}

impl SlotsUi {
    /// A fresh screen with the mode and layout that were chosen last.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self { mode: settings.map_mode, layout: settings.map_layout, ..Self::default() }
    }

    /// Shows this mode.
    pub fn show(&mut self, mode: MapMode, layout: MapLayout) {
        (self.mode, self.layout) = (mode, layout);
    }

    /// Whether the slots are to be measured for what is shown.
    #[must_use]
    pub fn needs_figures(&self) -> bool {
        self.past.is_none() && (figure_of(self.mode).is_some() || !self.selection.is_empty())
    }

    /// Pins a slot, and lets the map go there.
    pub fn go_to(&mut self, slot: Slot) {
        self.pinned = Some(slot);
        self.map.go_to(slot);
    }

    /// Shows the owners of a moment, with these slots selected; `false` where nothing of that time is remembered.
    pub fn go_back(&mut self, cluster: &ClusterView, at: SystemTime, slots: Option<&SlotSet>) -> bool {
        self.past = Past::of(cluster, past::moment(at));
        if let Some(slots) = slots.filter(|_| self.past.is_some()) {
            self.selection = slots.clone();
        }
        self.past.is_some()
    }

    /// Takes in what is known of the pinned slot's past.
    pub fn note_hands(&mut self, hands: Option<Hands>) {
        self.hands = hands;
    }

    /// Selects just these slots.
    pub fn select(&mut self, slots: SlotSet) {
        self.selection = slots;
    }
}

/// Shows the map and the panel beside it, as they are or as they were.
#[must_use]
pub fn slots_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut SlotsUi) -> Option<Action> {
    let Some(past) = state.past.clone() else {
        let Some(why) = cluster.blank() else { return screen_ui(ui, cluster, state) };
        bits::title(ui, tr!("slots.title"));
        let (text, icon) = words::blank(why);
        bits::nothing(ui, icon, text);
        return None;
    };
    match past::banner_ui(ui, cluster, &past) {
        Way::Stay => {}
        Way::To(at_ms) => state.past = Past::of(cluster, at_ms),
        Way::Now => state.past = None,
    }
    // Only owners are remembered, and nothing can be asked of a moment that is over.
    let mode = std::mem::replace(&mut state.mode, MapMode::Owner);
    let said = screen_ui(ui, &past.view, state);
    state.mode = mode;
    said.filter(|action| matches!(action, Action::Copy(_)))
}

fn screen_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut SlotsUi) -> Option<Action> {
    let shades = state.shades.of(cluster, state.mode, Palette::of(ui), state.only, &state.selection);
    let width = (ui.available_width() * PANEL.2).clamp(PANEL.0, PANEL.1);
    let mut action = bits::beside(ui, "slot-panel", width, |ui| panel_ui(ui, cluster, state, &shades));
    let chosen = toolbar_ui(ui, state);
    ui.add_space(2.0);
    let shown = Shown {
        cluster,
        mode: state.mode,
        layout: state.layout,
        pinned: state.pinned,
        selection: &state.selection,
        shades: &shades,
    };
    let said = slot_map::slot_map(ui, &shown, &mut state.map, ui.available_size());
    if said.picked.is_some() {
        state.pinned = said.picked;
    }
    if let Some(selected) = said.selected {
        state.selection = selected;
    } else if said.escaped {
        state.selection = SlotSet::new();
    }
    if said.clicked {
        action = action.or_else(|| count_keys(cluster, said.picked));
    }
    let flipped = if state.layout == MapLayout::Square { MapLayout::Bands } else { MapLayout::Square };
    let by_key = said.mode.map(|mode| (mode, state.layout)).or(said.flip.then_some((state.mode, flipped)));
    if let Some((mode, layout)) = chosen.or(by_key) {
        state.show(mode, layout);
        Action::note(&mut action, Some(Action::SetSlotMap(mode, layout)));
    }
    action
}

/// The search, the selection, the pinned slot and the legend; a long legend comes last, a short one first.
fn panel_ui(ui: &mut Ui, cluster: &ClusterView, state: &mut SlotsUi, shades: &Shades) -> Option<Action> {
    let mut action = find::find_ui(ui, state);
    let legend = |ui: &mut Ui, state: &mut SlotsUi| {
        ui.add_space(GAP);
        legend::legend_ui(ui, cluster, state.mode, shades, &mut state.only)
    };
    let is_short = state.mode != MapMode::Owner;
    if is_short {
        Action::note(&mut action, legend(ui, state));
    }
    ui.add_space(GAP);
    Action::note(&mut action, selection::selection_ui(ui, cluster, state));
    if !state.selection.is_empty() {
        ui.add_space(GAP);
    }
    Action::note(&mut action, slot_panel::slot_ui(ui, cluster, state));
    if !is_short {
        Action::note(&mut action, legend(ui, state));
    }
    action
}

/// The title, the layouts, the zoom; below them the modes.
fn toolbar_ui(ui: &mut Ui, state: &mut SlotsUi) -> Option<(MapMode, MapLayout)> {
    let mut chosen = None;
    ui.horizontal(|ui| {
        bits::title(ui, tr!("slots.title"));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 3.0;
            if bits::icon_button(ui, Icon::ZoomIn, tr!("map.zoom_in")).clicked() {
                state.map.zoom(ZOOM_STEP);
            }
            if bits::icon_button(ui, Icon::ZoomOut, tr!("map.zoom_out")).clicked() {
                state.map.zoom(1.0 / ZOOM_STEP);
            }
            if bits::icon_button(ui, Icon::Fit, tr!("map.fit")).clicked() {
                state.map.zoom(0.0);
            }
            bits::weak(ui, format!("{:.0} %", state.map.shown_zoom() * 100.0));
            ui.add_space(GAP);
            for (layout, name) in [(MapLayout::Bands, tr!("map.bands")), (MapLayout::Square, tr!("map.square"))] {
                if ui.selectable_label(state.layout == layout, name).on_hover_text(tr!("map.layout_hint")).clicked() {
                    chosen = Some((state.mode, layout));
                }
            }
        });
    });
    if state.past.is_some() {
        return chosen;
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 3.0;
        ui.spacing_mut().button_padding.x = 8.0;
        for (i, mode) in MODES.into_iter().enumerate() {
            let button = egui::Button::selectable(state.mode == mode, slot_words::map_mode(mode));
            if ui.add(button).on_hover_text(tr!("map.mode_hint", key = i + 1)).clicked() {
                chosen = Some((mode, state.layout));
            }
        }
    });
    chosen
}

/// Asks for the number of keys where somebody can answer.
fn count_keys(cluster: &ClusterView, slot: Option<Slot>) -> Option<Action> {
    let slot = slot?;
    cluster.owner_of(slot)?;
    Some(Action::Do(Command::CountKeys { cluster: cluster.name.clone(), slot }))
}

/// A named value on one line.
fn row<R>(ui: &mut Ui, name: String, value: impl FnOnce(&mut Ui) -> R) -> R {
    let colors = Palette::of(ui);
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::new(NAMES, ui.spacing().interact_size.y), egui::Sense::hover());
        let text = RichText::new(name).small().color(colors.weak);
        ui.put(rect, egui::Label::new(text).halign(egui::Align::LEFT).truncate());
        value(ui)
    })
    .inner
}

/// A named text with a copy button at the right end; a long one is cut and shown whole on hover.
fn copy_row(
    ui: &mut Ui,
    name: String,
    color: Option<egui::Color32>,
    shown: &str,
    copy: String,
    full: &str,
) -> Option<Action> {
    row(ui, name, |ui| {
        if let Some(color) = color {
            bits::swatch(ui, color);
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let action = bits::copy_button(ui, copy, full);
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let label = ui.add(egui::Label::new(shown).truncate());
                if shown != full {
                    label.on_hover_text(full);
                }
            });
            action
        })
        .inner
    })
}

#[cfg(test)]
#[path = "slots/tests.rs"]
mod tests;
