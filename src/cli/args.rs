//! The commands of slotctl, as clap reads them. Their options are in the modules beside this one, by what they are about.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::cluster_args::{CheckArgs, CreateArgs, FailoverArgs, FixArgs, SeedArgs, WatchArgs};
use super::data_args::{BackupArgs, ImportArgs, RestoreArgs};
use super::local_args::{DownArgs, ExportArgs, NameArgs, ServersArgs, StartArgs, UpArgs};
use super::move_args::{DrainArgs, MoveSlotsArgs, RebalanceArgs, ReshardArgs, ResumeArgs};
use super::node_args::{AddNodeArgs, CallArgs, DelNodeArgs, SetTimeoutArgs};

/// Make, see and run Redis Clusters in the terminal.
///
/// `slotctl up demo` makes a cluster of local servers. `slotctl --cluster create|check|reshard …` takes redis-cli's
/// arguments in any order; `slotctl --cluster help` lists them.
#[derive(Debug, Parser)]
#[command(name = "slotctl", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Cmd,
    /// Print one JSON object on standard output at the end, and nothing else.
    #[arg(long, global = true)]
    pub json: bool,
    /// Slotdeck's own folder, with its clusters and documents [default: `SLOTDECK_HOME`, else the system's place for it].
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Cmd {
    /// Write the files, start the servers and make them a cluster.
    Up(UpArgs),
    /// Write the configuration files only.
    Config(UpArgs),
    /// List the clusters and how they are.
    Ps,
    /// Stop a cluster's servers; everything stays on disk.
    Stop(NameArgs),
    /// Start a stopped cluster's servers again.
    Start(StartArgs),
    /// Stop a cluster's servers and forget the cluster.
    Down(DownArgs),
    /// List the server programs found on this machine.
    Servers(ServersArgs),
    /// Write a cluster's definition, which up --cluster-file and the window open; it holds no password.
    Export(ExportArgs),
    /// For the Windows installer.
    #[command(hide = true)]
    Setup(super::setup::SetupArgs),
    /// Make a cluster of empty servers that run already (as redis-cli --cluster create).
    #[command(disable_help_flag = true)]
    Create(CreateArgs),
    /// Is the cluster whole? Exit code 0 if so, else 1 (as redis-cli --cluster check).
    #[command(disable_help_flag = true)]
    Check(CheckArgs),
    /// Keys, slots and replicas of each master (as redis-cli --cluster info).
    #[command(disable_help_flag = true)]
    Info(SeedArgs),
    /// Repair slots: without an owner, open, claimed by several, with keys where none should be (as redis-cli --cluster fix).
    #[command(disable_help_flag = true)]
    Fix(FixArgs),
    /// Move so many slots with their keys from some masters to one (as redis-cli --cluster reshard).
    #[command(disable_help_flag = true)]
    Reshard(ReshardArgs),
    /// Give each master the share of the slots that its weight says (as redis-cli --cluster rebalance).
    #[command(disable_help_flag = true)]
    Rebalance(RebalanceArgs),
    /// Move exactly these slots with their keys to one master.
    #[command(disable_help_flag = true)]
    MoveSlots(MoveSlotsArgs),
    /// Move all slots of a master to others, and if wished take the node out of the cluster.
    #[command(disable_help_flag = true)]
    Drain(DrainArgs),
    /// Finish a move of slots that was left half-way.
    #[command(disable_help_flag = true)]
    Resume(ResumeArgs),
    /// Copy each master's keys into an RDB file, all at the same time (as redis-cli --cluster backup).
    #[command(disable_help_flag = true)]
    Backup(BackupArgs),
    /// Put a backup into a cluster of any size.
    #[command(disable_help_flag = true)]
    Restore(RestoreArgs),
    /// Take the keys of a server that is no cluster into one (as redis-cli --cluster import).
    #[command(disable_help_flag = true)]
    Import(ImportArgs),
    /// Add empty nodes to a cluster, as masters or replicas (as redis-cli --cluster add-node).
    #[command(disable_help_flag = true)]
    AddNode(AddNodeArgs),
    /// Take nodes out of a cluster, also dead ones (as redis-cli --cluster del-node).
    #[command(disable_help_flag = true)]
    DelNode(DelNodeArgs),
    /// Send one command to every node (as redis-cli --cluster call).
    #[command(disable_help_flag = true)]
    Call(CallArgs),
    /// Set cluster-node-timeout on every node (as redis-cli --cluster set-timeout).
    #[command(disable_help_flag = true)]
    SetTimeout(SetTimeoutArgs),
    /// Make a replica the master of its shard, as a plan that is shown first.
    #[command(disable_help_flag = true)]
    Failover(FailoverArgs),
    /// Watch a cluster while it lives: nodes, slots, keys, links and moves; q ends.
    #[command(disable_help_flag = true)]
    Watch(WatchArgs),
    /// Say what a command would do, and send nothing that changes anything.
    Plan(PlanArgs),
}

/// `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Print the redis commands that would be sent, one a line, and nothing else. No password is among them.
    #[arg(long)]
    pub commands: bool,
    /// Whose plan.
    #[command(subcommand)]
    pub of: PlannedCmd,
}

/// The commands that have a plan.
#[derive(Debug, Subcommand)]
pub enum PlannedCmd {
    /// Of the creation of a cluster.
    #[command(disable_help_flag = true)]
    Create(CreateArgs),
    /// Of repairs.
    #[command(disable_help_flag = true)]
    Fix(FixArgs),
    /// Of a reshard.
    #[command(disable_help_flag = true)]
    Reshard(ReshardArgs),
    /// Of a rebalance.
    #[command(disable_help_flag = true)]
    Rebalance(RebalanceArgs),
    /// Of a move of exactly these slots.
    #[command(disable_help_flag = true)]
    MoveSlots(MoveSlotsArgs),
    /// Of a failover.
    #[command(disable_help_flag = true)]
    Failover(FailoverArgs),
    /// Of a restore.
    #[command(disable_help_flag = true)]
    Restore(RestoreArgs),
    /// Of an import.
    #[command(disable_help_flag = true)]
    Import(ImportArgs),
    /// Of an addition of nodes.
    #[command(disable_help_flag = true)]
    AddNode(AddNodeArgs),
    /// Of a removal of nodes.
    #[command(disable_help_flag = true)]
    DelNode(DelNodeArgs),
    /// Of a drain.
    #[command(disable_help_flag = true)]
    Drain(DrainArgs),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::secret::Secret;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn up_reads_its_options() {
        let line = "slotctl up demo --masters 4 --replicas 2 --ports 7000,7002 --set=a --password-stdin -y --json";
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let Cmd::Up(up) = cli.command else { panic!("{:?}", cli.command) };
        assert!(cli.json && up.yes && up.password_stdin);
        assert_eq!((up.masters, up.replicas, up.ports), (Some(4), Some(2), Some(vec![7000, 7002])));
        assert!(
            Cli::try_parse_from(["slotctl", "up", "demo", "--password", "x"]).is_err(),
            "never on the command line"
        );
    }

    #[test]
    fn up_takes_a_name_or_a_definition() {
        let read = |line: &str| Cli::try_parse_from(line.split(' '));
        // Without either the command itself says what it can be given.
        assert!(read("slotctl up").is_ok());
        assert!(read("slotctl up --cluster-file x.slotdeck").is_ok());
        assert!(read("slotctl up demo --cluster-file x.slotdeck").is_ok());
    }

    #[test]
    fn create_reads_what_the_normalised_line_holds() {
        let line = "slotctl create --pass=-x --cluster-replicas=1 --yes --ipv4 --connect-timeout=1.5 --json -- a:1 b:2";
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let Cmd::Create(create) = cli.command else { panic!("{:?}", cli.command) };
        assert!(cli.json && create.yes && create.login.ipv4);
        assert_eq!(create.login.pass, Some(Secret::new("-x")));
        assert_eq!(create.nodes, ["a:1", "b:2"]);
        assert!(!format!("{create:?}").contains("-x"));
    }
}
