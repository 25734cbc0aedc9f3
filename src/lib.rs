//! Slotdeck: make, see and run Redis Clusters.

#[cfg(test)]
extern crate self as slotdeck;

#[cfg(feature = "gui")]
rust_i18n::i18n!("assets/i18n", fallback = "en");

pub mod cli;
pub mod core;
pub mod engine;
#[cfg(feature = "gui")]
pub mod gui;
pub mod workspace;
