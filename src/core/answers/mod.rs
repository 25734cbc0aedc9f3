//! What servers answer when one of them is looked at closely: INFO, CLIENT LIST, SLOWLOG, LATENCY, CONFIG, CLUSTER SHARDS
//! and CLUSTER LINKS, read.
//!
//! Every reader takes whatever comes: what can't be read is passed over, never guessed, and nothing panics. All of them
//! are bounded, so that a server with a hundred thousand clients is not kept in memory. Formats are those of Redis 3.0 to
//! 8.6 and Valkey 8.0 to 9.1, from answers of real servers (`tests/fixtures/answers`).

mod clients;
mod config;
mod info;
mod latency;
mod links;
mod reply;
mod shards;
mod slow_log;

pub use clients::{Client, Clients, read_clients};
pub use config::{Setting, Shown, compare, read_config};
pub use info::{Section, Unit, read_info, unit_of};
pub use latency::{LatencyEvent, Spike, read_history, read_latest};
pub use links::{BusLink, Line, read_lines, read_links};
pub use reply::Reply;
pub use shards::read_own_shard;
pub use slow_log::{SlowCall, read_slow_log};

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
