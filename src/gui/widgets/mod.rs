//! House widgets: what more than one screen shows.

pub mod icon_button;
pub mod plan_view;
pub mod problem_list;
pub mod slot_bar;
