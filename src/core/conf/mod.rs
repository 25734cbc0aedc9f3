//! redis.conf text: quoting, generation, reading back, checking.
//!
//! * [`file::node_file`] writes a node's file from a [`ClusterSpec`](crate::core::spec::ClusterSpec);
//!   [`read::mask_password`] makes it fit to be shown, [`read::unmask_password`] fit to be written again.
//! * [`read::lines`] reads a file; [`quote`] holds the server's rules for both directions.
//! * [`mod@lint`] finds what a server, or Slotdeck, would stumble over; [`directives`] is what it knows.

mod directive_rows;
pub mod directives;
pub mod file;
pub mod lint;
pub mod quote;
pub mod read;

pub use file::{LOG_FILE, node_file};
pub use lint::{Node, Remark, line_of, lint, lint_file};
pub use quote::{QuoteError, split_args};
pub use read::{MASK, mask_password, password_of, unmask_password};

/// What goes wrong between a spec and its redis.conf text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfError {
    /// A value that a redis.conf can't hold.
    #[error("redis.conf can't hold the value of '{directive}': {source}; change it")]
    Value {
        /// The directive that it belongs to.
        directive: String,
        /// Why.
        source: QuoteError,
    },
    /// A line that the server could not read.
    #[error("line {line}: {reason}")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// A masked password is to be written and there is none.
    #[error("the file says '{MASK}' where the password goes, but no password is set: set one, or take the line out")]
    MaskWithoutPassword,
}
