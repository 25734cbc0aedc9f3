//! Words about single slots: modes of the map, states, figures.

use crate::engine::slot_figures::Figure;
use crate::workspace::settings::MapMode;

use super::i18n::tr;
use super::widgets::slot_map::SlotState;

/// What the map shows in a mode.
#[must_use]
pub fn map_mode(mode: MapMode) -> String {
    match mode {
        MapMode::Owner => tr!("map.owner"),
        MapMode::Keys => tr!("map.keys"),
        MapMode::Memory => tr!("map.memory"),
        MapMode::Cpu => tr!("map.cpu"),
        MapMode::NetIn => tr!("map.net_in"),
        MapMode::NetOut => tr!("map.net_out"),
        MapMode::State => tr!("map.state"),
    }
}

/// What is shown of every slot.
#[must_use]
pub fn figure(figure: Figure) -> String {
    match figure {
        Figure::Keys => tr!("map.keys"),
        Figure::Memory => tr!("map.memory"),
        Figure::Cpu => tr!("map.cpu"),
        Figure::NetIn => tr!("map.net_in"),
        Figure::NetOut => tr!("map.net_out"),
    }
}

/// How a slot stands.
#[must_use]
pub fn slot_state(state: SlotState) -> String {
    match state {
        SlotState::Stable => tr!("map.stable"),
        SlotState::Migrating => tr!("map.migrating"),
        SlotState::Importing => tr!("map.importing"),
        SlotState::Disagreed => tr!("map.disagreed"),
        SlotState::Unserved => tr!("map.unserved"),
        SlotState::Uncovered => tr!("map.uncovered"),
    }
}
