//! slotctl: the terminal twin.

pub mod args;
pub mod argv;
pub mod login;
pub mod redis_lines;
pub mod text;
