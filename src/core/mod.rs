//! The pure core: slots, topology, specs, plans, checks. No clock, no I/O, no async, no egui.
//!
//! Everything here is a value or a function from values to values. Time, randomness and ports arrive as
//! arguments, so every rule in this layer can be tested without a server.

pub mod answers;
pub mod backup;
pub mod build;
pub mod capability;
pub mod check;
pub mod conf;
pub mod count;
pub mod definition;
pub mod disagree;
pub mod filter;
pub mod fuzzy;
pub mod getting;
pub mod history;
pub mod limits;
pub mod nodes;
pub mod plan;
pub mod rate;
pub mod rdb;
pub mod regard;
pub mod reserved_ports;
pub mod secret;
pub mod slot;
pub mod spec;
pub mod tag;
pub mod timeline;
pub mod tls;
pub mod topology;
pub mod validate;
pub mod version;
pub mod windows_path;
pub mod wsl;
