//! The likely cause of a server's end, from its last lines.

use std::fmt;

/// What probably ended a server. `Display` says it, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Somebody else listens on its port or bus port.
    AddressInUse(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::AddressInUse(what) => write!(f, "another program listens on its port ({what}): choose other ports"),
        }
    }
}

/// The likely cause, where the lines tell one.
#[must_use]
pub fn likely_cause(lines: &[String]) -> Option<Cause> {
    let line = lines.iter().rev().find(|line| line.contains("bind: Address already in use"))?;
    Some(Cause::AddressInUse(line.trim().to_owned()))
}
