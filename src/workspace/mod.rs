//! Documents on disk: clusters, settings, the journal of a creation. Versioned JSON, written atomically, locked while
//! something works on them. No secret is ever among them.

pub mod atomic;
pub mod crashes;
pub mod definition_file;
pub mod document;
mod erase;
pub mod journal;
pub mod lock;
pub mod requests;
pub mod settings;
pub mod store;
pub mod trial;
