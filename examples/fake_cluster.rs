//! `cargo run --release --example fake_cluster -- --nodes 1000 --churn 2`: a cluster of a thousand nodes to look at with
//! Slotdeck, without a server. `--help` tells the rest; docs/contributing.md tells what to look at.

#[path = "../tests/fake_cluster/mod.rs"]
mod fake_cluster;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    fake_cluster::main(&args, || {
        let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match waiting {
            Ok(runtime) => drop(runtime.block_on(tokio::signal::ctrl_c())),
            Err(why) => eprintln!("fake_cluster: {why}"),
        }
    })
}
