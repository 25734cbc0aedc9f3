//! How a command ends badly. Every one of them is exit code 1, as in redis-cli.

use thiserror::Error;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// To be said on standard error.
    #[error("{0}")]
    Message(String),
    /// Everything was said already, where redis-cli says it; the text is for `--json`.
    #[error("{0}")]
    Said(String),
    /// Everything was shown already, the JSON object included.
    #[error("the result says what is wrong")]
    Shown,
}

impl Failure {
    /// A message for standard error.
    pub fn message(text: &(impl std::fmt::Display + ?Sized)) -> Self {
        Self::Message(text.to_string())
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
