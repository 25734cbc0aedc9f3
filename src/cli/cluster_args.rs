//! Arguments of the commands about a cluster as a whole: `create`, `check`, `info`, `fix`, `failover` and `watch`.

use std::time::Duration;

use clap::Args;

use super::login_args::LoginArgs;
use super::move_args::MoveArgs;

/// `create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The empty servers: host:port or host:port@busport.
    #[arg(required = true, value_name = "HOST:PORT")]
    pub nodes: Vec<String>,
    /// How many replicas each master gets.
    #[arg(long, default_value_t = 0, value_name = "N", visible_alias = "replicas")]
    pub cluster_replicas: u16,
    /// Do not ask.
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Also look for keys on masters that do not own their slots.
    #[arg(long, visible_alias = "search-multiple-owners")]
    pub cluster_search_multiple_owners: bool,
    /// Where.
    #[command(flatten)]
    pub seed: SeedArgs,
}

/// `fix`. Open slots go key by key: no server migrates them atomically.
#[derive(Debug, Args)]
#[command(mut_arg("method", |arg| arg.hide(true)))]
pub struct FixArgs {
    /// Also look for keys on masters that do not own their slots, and move them to the owners.
    #[arg(long, visible_alias = "search-multiple-owners")]
    pub cluster_search_multiple_owners: bool,
    /// Give slots of masters that do not answer to others: the keys of these masters are lost.
    #[arg(long, visible_aliases = ["fix-with-unreachable-masters", "cluster-fix-with-unreachable-primaries"])]
    pub cluster_fix_with_unreachable_masters: bool,
    /// Cancel the migrations that the servers carry out by themselves, before anything else.
    #[arg(long)]
    pub cancel_migrations: bool,
    /// How.
    #[command(flatten)]
    pub how: MoveArgs,
}

/// `info`, and where `check` looks.
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// Any node of the cluster (host:port, or host port), or the name of one that is known here.
    #[arg(required = true, num_args = 1..=2, value_names = ["HOST:PORT", "PORT"])]
    pub node: Vec<String>,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}

/// `failover`.
#[derive(Debug, Args)]
pub struct FailoverArgs {
    /// The cluster: its name here, or host:port of any of its nodes.
    #[arg(value_name = "NAME|HOST:PORT")]
    pub target: String,
    /// The replica that takes over, or the master that is replaced by its best replica: an id, the beginning of one, or
    /// host:port.
    #[arg(value_name = "NODE", conflicts_with = "lost")]
    pub node: Option<String>,
    /// Replace every master that is lost.
    #[arg(long)]
    pub lost: bool,
    /// Do not ask the master, only the other masters for their votes. Writes that did not reach the replica are lost.
    #[arg(long, conflicts_with = "takeover")]
    pub force: bool,
    /// Ask nobody: for when too few masters are left to vote. Writes that did not reach the replica are lost.
    #[arg(long)]
    pub takeover: bool,
    /// Do not ask.
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}

/// `watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The cluster: its name here, or host:port (or host port) of any of its nodes.
    #[arg(required = true, num_args = 1..=2, value_names = ["NAME|HOST:PORT", "PORT"])]
    pub target: Vec<String>,
    /// How often to look.
    #[arg(long, short = 'i', value_name = "SECONDS", default_value_t = 1.0)]
    pub interval: f64,
    /// End after so many looks; without a screen that is drawn anew.
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}

impl WatchArgs {
    /// Between a tenth of a second and an hour.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let seconds = if self.interval.is_finite() { self.interval } else { 1.0 };
        Duration::from_secs_f64(seconds.clamp(0.1, 3600.0))
    }
}
