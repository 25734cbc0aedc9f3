//! slotctl: the terminal twin.
