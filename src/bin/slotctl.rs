//! slotctl: the terminal twin of Slotdeck.

fn main() {}
