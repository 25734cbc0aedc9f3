//! One screen a file: `xxx_ui(ui, &Snapshot, &mut XxxUi) -> Option<Action>`. How to add one: see [`crate::gui`].

pub mod create;
