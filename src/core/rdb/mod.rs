//! RDB files, as servers write them to disk and send them to replicas: walked entry by entry, never decoded further than
//! is needed to know where an entry ends.
//!
//! [`Walker`] reads a file as a stream, counts its checksum on the way and gives each key with its value as the bytes
//! that `DUMP` would give, so that [`payload`] can be sent to `RESTORE`. Nothing is allocated on the word of the file:
//! memory grows with bytes that were really there, and no further than a limit.
//!
//! The format: `rdb.h` and `rdb.c` of Redis 2.8 to 8.6 and Valkey 7.2 to 9.1.

pub mod checksum;
mod digest;
pub mod lzf;
mod packed;
mod read;
mod value;
mod walk;

pub use checksum::{Checksum, payload, trailer};
pub use digest::{digest, dump_digest, same_value};
pub use walk::{Entry, Item, Keep, Walker};

use thiserror::Error;

/// Whose format it is: from Valkey 9 on (RDB version 80) types and opcodes part ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// `REDIS0011`: Redis, and Valkey up to 8.
    Redis,
    /// `VALKEY080`.
    Valkey,
}

/// What a file says of itself in its first nine bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whose format.
    pub flavour: Flavour,
    /// RDB version.
    pub version: u16,
}

/// Why a file can't be walked. Positions are bytes from its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RdbError {
    /// The system could not read it.
    #[error("it can't be read: {0}")]
    Read(String),
    /// It ends too early.
    #[error("it ends in the middle, after {0} bytes: it was cut off")]
    Truncated(u64),
    /// The first bytes are of something else.
    #[error("it is no RDB file: it does not begin with REDIS or VALKEY and a version")]
    NotRdb,
    /// A type of value that this version of Slotdeck does not know, or one that no server accepts any more.
    #[error("the value at byte {at} is of type {kind}, which this version does not know")]
    UnknownType {
        /// The type byte.
        kind: u8,
        /// Where.
        at: u64,
    },
    /// Bytes that can't stand there.
    #[error("it is damaged: byte {at} holds {what}")]
    Damaged {
        /// What was found.
        what: &'static str,
        /// Where.
        at: u64,
    },
    /// The checksum at the end is not that of the bytes before it.
    #[error("it is damaged: its checksum is {counted:016x}, and it says {written:016x}")]
    Checksum {
        /// What the file says.
        written: u64,
        /// What its bytes give.
        counted: u64,
    },
    /// One value is larger than what may be kept in memory at once.
    #[error("a value at byte {at} is larger than {limit} bytes")]
    TooLarge {
        /// Where it begins.
        at: u64,
        /// The limit.
        limit: usize,
    },
}

#[cfg(test)]
#[path = "rdb_tests.rs"]
mod tests;
