//! Slotdeck: make, see and run Redis Clusters.

pub mod cli;
pub mod core;
pub mod engine;
#[cfg(feature = "gui")]
pub mod gui;
pub mod workspace;
