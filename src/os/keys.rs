//! Keys as they are pressed, not lines: for a program that draws on the whole terminal.

use std::io;

/// The terminal at standard input hands each key on at once and shows none; Ctrl-C stays a request to end. Until
/// [`KeyByKey::restore`], or until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the terminal back"]
pub struct KeyByKey {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
    #[cfg(windows)]
    before: Option<(u32, u32)>,
}

impl KeyByKey {
    /// Changes the terminal. On Windows its output understands escape sequences from then on.
    ///
    /// # Errors
    /// Standard input is no terminal, or the terminal can't do this.
    pub fn enter() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
            let before = tcgetattr(io::stdin())?;
            let mut now = before.clone();
            now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            tcsetattr(io::stdin(), OptionalActions::Now, &now)?;
            Ok(Self { before: Some(before) })
        }
        #[cfg(windows)]
        {
            super::windows_console::key_by_key().map(|before| Self { before: Some(before) })
        }
        #[cfg(not(any(unix, windows)))]
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives the terminal back as it was.
    pub fn restore(&mut self) {
        #[cfg(unix)]
        if let Some(before) = self.before.take() {
            // Nobody is left to be told of a failure.
            let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, &before);
        }
        #[cfg(windows)]
        if let Some(before) = self.before.take() {
            super::windows_console::restore(before);
        }
    }
}

impl Drop for KeyByKey {
    fn drop(&mut self) {
        self.restore();
    }
}
