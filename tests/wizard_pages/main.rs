//! Every page of the create wizard, pressed and typed into, with snapshots made by hand.
#![cfg(feature = "gui")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

mod after_launch;
mod before_launch;
mod looks;
mod stage;
#[path = "../../src/gui/testing.rs"]
mod testing;
