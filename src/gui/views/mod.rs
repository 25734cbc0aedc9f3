//! One screen a file: `xxx_ui(ui, &Snapshot, &mut XxxUi) -> Option<Action>`. How to add one: see [`crate::gui`].

pub mod attach;
pub mod crash;
pub mod create;
pub mod events;
pub mod inspect;
pub mod log;
pub mod metrics;
pub mod nodes;
pub mod overview;
pub mod palette;
pub mod plan;
pub mod settings;
pub mod slots;
pub mod topology;
pub mod welcome;
