//! How a command ends badly. Every one of them is exit code 1, as in redis-cli, but one that only
//! the installer meets.

use thiserror::Error;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// To be said on standard error.
    #[error("{0}")]
    Message(String),
    /// To be said on standard output, where redis-cli says it.
    #[error("{0}")]
    Aloud(String),
    /// Everything was said already, where redis-cli says it; the text is for `--json`.
    #[error("{0}")]
    Said(String),
    /// For the installer: nothing was to be done, which is [`UNNEEDED`] as an exit code. To be said on standard error.
    #[error("{0}")]
    Unneeded(String),
    /// Everything was shown already, the JSON object included.
    #[error("the result says what is wrong")]
    Shown,
}

/// The exit code of [`Failure::Unneeded`]. 2 is what clap ends with.
pub const UNNEEDED: u8 = 3;

impl Failure {
    /// A message for standard error.
    pub fn message(text: &(impl std::fmt::Display + ?Sized)) -> Self {
        Self::Message(text.to_string())
    }

    /// A question would have to be asked where only the result is printed.
    #[must_use]
    pub fn cant_ask() -> Self {
        Self::message("--json prints nothing but the result and can't ask: add --yes")
    }

    /// The same on standard output: what redis-cli says there, scripts look for there.
    #[must_use]
    pub fn aloud(self) -> Self {
        match self {
            Self::Message(text) => Self::Aloud(text),
            other => other,
        }
    }

    /// A failure whose words are out already.
    pub fn said(text: &(impl std::fmt::Display + ?Sized)) -> Self {
        Self::Said(text.to_string())
    }
}

impl From<crate::workspace::store::WorkspaceError> for Failure {
    fn from(error: crate::workspace::store::WorkspaceError) -> Self {
        Self::message(&error)
    }
}

impl From<super::login::LoginError> for Failure {
    fn from(error: super::login::LoginError) -> Self {
        Self::message(&error)
    }
}
