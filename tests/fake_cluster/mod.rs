//! A program that answers like a Redis Cluster of up to a thousand nodes, without a server: for tests, benches and for
//! looking at Slotdeck with a cluster larger than a machine can run.
//!
//! Every node has a listening socket of its own on 127.0.0.1. What the nodes say follows from the seed and the number of
//! steps alone ([`world`]), so two runs tell the same story. Nothing here is shared with Slotdeck: what one side
//! writes wrongly the other does not read wrongly to match.
//!
//! As a program it is `examples/fake_cluster.rs`; tests and benches include this module and call [`Fake::start`].

#![allow(dead_code, reason = "each program that includes this uses a part of it")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "numbers of nodes, ports and milliseconds, all of them small"
)]

mod answers;
mod info;
mod keys;
mod options;
mod resp;
mod serve;
mod text;
mod world;

pub use options::Options;
pub use serve::Fake;

use std::io::Write as _;
use std::process::ExitCode;

/// The program: reads its arguments, serves until it is ended (Ctrl-C) or its standard input is closed by a bench.
pub fn main(args: &[String], until: impl FnOnce()) -> ExitCode {
    let options = match Options::parse(args) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("fake_cluster: {why}\n\n{}", options::HELP);
            return ExitCode::from(2);
        }
    };
    match Fake::start(options) {
        Ok(fake) => {
            println!("{} nodes, the first at 127.0.0.1:{}", fake.nodes(), fake.first_port());
            std::io::stdout().flush().ok();
            until();
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("fake_cluster: {why}");
            ExitCode::FAILURE
        }
    }
}
