//! A password that never prints itself.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A password or another secret. It is wiped from memory when dropped, and neither `Debug` nor any serialiser shows
/// it: there is no `Serialize`, so it can't reach a document or a journal by accident.
#[derive(Clone, PartialEq, Eq, Default, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes the text into keeping.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the few places that must send or write it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text itself, for a password field that edits it in place.
    pub fn expose_mut(&mut self) -> &mut String {
        &mut self.0
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(empty)" } else { "Secret(…)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_text() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }
}
