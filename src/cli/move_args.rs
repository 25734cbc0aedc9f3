//! Arguments of the commands that move slots: `reshard`, `rebalance`, `move-slots`, `resume` and `drain`.

use std::path::PathBuf;

use clap::Args;

use crate::core::rate::Rate;

use super::login_args::LoginArgs;

/// How slots are moved; the same for all commands that do.
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// Any node of the cluster (host:port, or host port), or the name of one that is known here.
    #[arg(required = true, num_args = 1..=2, value_names = ["HOST:PORT", "PORT"])]
    pub node: Vec<String>,
    /// How long a server may wait for another one; for atomic migrations, how long one may take [default: 60000, an
    /// hour].
    #[arg(long, value_name = "MS", visible_alias = "timeout")]
    pub cluster_timeout: Option<u64>,
    /// At most so many keys at a time [default: as many as make 256 KiB].
    #[arg(long, value_name = "N", visible_alias = "pipeline")]
    pub cluster_pipeline: Option<usize>,
    /// Overwrite keys that the target holds already.
    #[arg(long, visible_alias = "replace")]
    pub cluster_replace: bool,
    /// auto: atomically where both servers can; classic: key by key; atomic: atomically or not at all.
    #[arg(long, value_enum, default_value_t)]
    pub method: MethodArg,
    /// At most so much a second: keys (5000), or memory that they take (512KB, 20MB). Slots move key by key then.
    #[arg(long, value_name = "RATE")]
    pub max_rate: Option<Rate>,
    /// While this file exists, the move waits between slots and batches of keys.
    #[arg(long, value_name = "FILE")]
    pub pause_file: Option<PathBuf>,
    /// Do not ask.
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}

/// `--method`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum MethodArg {
    /// Atomically where both servers can, else key by key.
    #[default]
    Auto,
    /// Key by key.
    Classic,
    /// Atomically or not at all.
    Atomic,
}

/// `--by`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ByArg {
    /// As many slots, as in redis-cli.
    #[default]
    Slots,
    /// As many keys.
    Keys,
    /// As much memory.
    Memory,
}

/// `reshard`.
#[derive(Debug, Args)]
pub struct ReshardArgs {
    /// The masters that give, by id, the beginning of one or address, parted by commas; or all.
    #[arg(long, value_name = "ID,…", visible_alias = "from")]
    pub cluster_from: Option<String>,
    /// The master that gets the slots.
    #[arg(long, value_name = "ID", visible_alias = "to")]
    pub cluster_to: Option<String>,
    /// How many slots.
    #[arg(long, value_name = "N", visible_alias = "slots", value_parser = clap::value_parser!(u16).range(1..=16384))]
    pub cluster_slots: Option<u16>,
    /// How.
    #[command(flatten)]
    pub how: MoveArgs,
}

/// `rebalance`.
#[derive(Debug, Args)]
pub struct RebalanceArgs {
    /// Weights of masters, by id or the beginning of one; 1 for the others. May be repeated.
    #[arg(long, value_name = "ID=WEIGHT")]
    pub cluster_weight: Vec<String>,
    /// Also give slots to masters that have none.
    #[arg(long, visible_alias = "use-empty-masters")]
    pub cluster_use_empty_masters: bool,
    /// Per cent that a master may be off before anything moves; 0: as even as can be.
    #[arg(long, value_name = "PERCENT", default_value_t = 2.0, visible_alias = "threshold")]
    pub cluster_threshold: f32,
    /// What is to be even: slots, keys, or the memory that keys take.
    #[arg(long, value_enum, default_value_t)]
    pub by: ByArg,
    /// Only say what would be moved.
    #[arg(long, visible_alias = "simulate")]
    pub cluster_simulate: bool,
    /// How.
    #[command(flatten)]
    pub how: MoveArgs,
}

/// `move-slots`.
#[derive(Debug, Args)]
pub struct MoveSlotsArgs {
    /// Which slots, as 0-99,512.
    #[arg(long, value_name = "SLOTS", visible_alias = "slots")]
    pub cluster_slots: String,
    /// The master that gets them, by id, the beginning of one or address.
    #[arg(long, value_name = "ID", visible_alias = "to")]
    pub cluster_to: String,
    /// How.
    #[command(flatten)]
    pub how: MoveArgs,
}

/// `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Forget the move instead: slots that it has not moved stay where they are.
    #[arg(long)]
    pub drop: bool,
    /// How.
    #[command(flatten)]
    pub how: MoveArgs,
}

/// `drain`.
#[derive(Debug, Args)]
#[command(mut_arg("node", |arg| arg.value_names(["HOST:PORT", "ID"]).help("Any node of the cluster, and the master to empty, by id, the beginning of one or address; one address alone names the master itself")))]
pub struct DrainArgs {
    /// The masters that get the slots, by id, the beginning of one or address, parted by commas [default: all others
    /// that own slots].
    #[arg(long, value_name = "ID,…", visible_alias = "to")]
    pub cluster_to: Option<String>,
    /// Then take the node out of the cluster.
    #[arg(long)]
    pub remove: bool,
    /// How.
    #[command(flatten)]
    pub how: MoveArgs,
}
