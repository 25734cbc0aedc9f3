//! The async shell: processes, sockets, time. It owns all state; frontends read `Snapshot`s and send `Command`s.

pub mod assemble;
pub mod client;
pub mod command;
pub mod create;
pub mod discover;
pub mod event;
pub mod files;
pub mod gather;
pub mod inspect;
pub mod job;
pub mod machine;
pub mod poll;
pub mod process;
pub mod snapshot;
pub mod steps;
pub mod supervise;
