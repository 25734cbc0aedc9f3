//! The async shell: processes, sockets, time. It owns all state; frontends read `Snapshot`s and send `Command`s.

pub mod command;
pub mod event;
pub mod job;
pub mod process;
pub mod snapshot;
