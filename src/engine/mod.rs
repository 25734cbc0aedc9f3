//! The async shell: processes, sockets, time. It owns all state; frontends read `Snapshot`s and send `Command`s.

mod actor;

pub mod assemble;
pub mod backup;
pub mod children;
pub mod client;
pub mod command;
pub mod create;
pub mod creation;
pub mod diagnose;
pub mod discover;
pub mod draft;
mod ending;
pub mod event;
pub mod failover;
pub mod figures;
pub mod files;
pub mod folder_lock;
pub mod gather;
pub mod handle;
pub mod helpers;
pub mod inspect;
pub mod job;
pub mod lifecycle;
pub mod log_tail;
pub mod machine;
pub mod migrate;
pub mod move_tally;
pub mod moves;
pub mod poll;
pub mod process;
pub mod signal;
pub mod snapshot;
pub mod steps;
pub mod supervise;
pub mod wsl;
