//! slotdeck: the window.

fn main() {}
