//! House widgets: drawn the same wherever they stand.

pub mod bits;
pub mod confirm;
#[cfg(test)]
mod dialog_testing;
pub mod failover_dialog;
pub mod fix_dialog;
pub mod half_moved;
pub mod icon_button;
pub mod job_strip;
pub mod long_list;
pub mod members_dialog;
pub mod move_dialog;
pub mod node_table;
pub mod offer;
pub mod plan_view;
pub mod problem_list;
pub mod safe_dialog;
pub mod sheet;
pub mod slot_bar;
pub mod slot_map;
