//! What only the operating system can say or do, as safe functions: the one place with unsafe code.
//!
//! Each module here has one face on every system; where a system has nothing of the kind, the answer says so (`None`, or
//! an [`std::io::ErrorKind::Unsupported`] error) instead of pretending. What follows from an answer is not decided here:
//! the rules are pure functions of `core`, tested on every system.
//!
//! `windows.rs` and its siblings named `windows_*.rs` hold the calls; nothing else in the sources may be unsafe.

pub mod ctrl_c;
pub mod job;
pub mod keys;
pub mod registry;
pub mod streams;
pub mod system;
pub mod window;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
mod windows_console;
#[cfg(windows)]
mod windows_job;
#[cfg(windows)]
mod windows_process;
#[cfg(windows)]
mod windows_registry;
#[cfg(windows)]
mod windows_streams;
#[cfg(windows)]
mod windows_system;
#[cfg(windows)]
mod windows_window;
