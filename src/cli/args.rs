//! The commands and options of slotctl, as clap reads them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::core::rate::Rate;
use crate::core::secret::Secret;
use crate::core::spec::ProblemKind;

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
    Backup(super::data_args::BackupArgs),
    /// Put a backup into a cluster of any size.
    #[command(disable_help_flag = true)]
    Restore(super::data_args::RestoreArgs),
    /// Take the keys of a server that is no cluster into one (as redis-cli --cluster import).
    #[command(disable_help_flag = true)]
    Import(super::data_args::ImportArgs),
    /// Add empty nodes to a cluster, as masters or replicas (as redis-cli --cluster add-node).
    #[command(disable_help_flag = true)]
    AddNode(super::node_args::AddNodeArgs),
    /// Take nodes out of a cluster, also dead ones (as redis-cli --cluster del-node).
    #[command(disable_help_flag = true)]
    DelNode(super::node_args::DelNodeArgs),
    /// Send one command to every node (as redis-cli --cluster call).
    #[command(disable_help_flag = true)]
    Call(super::node_args::CallArgs),
    /// Set cluster-node-timeout on every node (as redis-cli --cluster set-timeout).
    #[command(disable_help_flag = true)]
    SetTimeout(super::node_args::SetTimeoutArgs),
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
    Restore(super::data_args::RestoreArgs),
    /// Of an import.
    #[command(disable_help_flag = true)]
    Import(super::data_args::ImportArgs),
    /// Of an addition of nodes.
    #[command(disable_help_flag = true)]
    AddNode(super::node_args::AddNodeArgs),
    /// Of a removal of nodes.
    #[command(disable_help_flag = true)]
    DelNode(super::node_args::DelNodeArgs),
    /// Of a drain.
    #[command(disable_help_flag = true)]
    Drain(DrainArgs),
}

/// `up` and `config`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// The cluster's name; may be left out with --cluster-file.
    pub name: Option<String>,
    /// Take everything that is not given here from this cluster definition (a .slotdeck file).
    #[arg(long, value_name = "FILE")]
    pub cluster_file: Option<PathBuf>,
    /// How many masters [default: 3].
    #[arg(long, value_name = "N")]
    pub masters: Option<u16>,
    /// How many replicas each master gets [default: 1].
    #[arg(long, value_name = "N", visible_alias = "cluster-replicas")]
    pub replicas: Option<u16>,
    /// The first port; the others follow it.
    #[arg(long, value_name = "P", conflicts_with = "ports", value_parser = port)]
    pub port: Option<u16>,
    /// Exactly these ports, one a node, masters first.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', value_parser = port)]
    pub ports: Option<Vec<u16>>,
    /// The address that the servers bind to [default: 127.0.0.1].
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<String>,
    /// The folder that gets a folder for each node [default: one of the cluster's name among Slotdeck's clusters].
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The redis-server program [default: the best one found].
    #[arg(long, value_name = "FILE")]
    pub server: Option<PathBuf>,
    /// Read the servers' password from the first line of standard input.
    #[arg(long)]
    pub password_stdin: bool,
    /// cluster-node-timeout in milliseconds [default: 15000].
    #[arg(long, value_name = "MS")]
    pub node_timeout: Option<u32>,
    /// A further redis.conf line for every node, like "maxmemory 256mb". May be repeated.
    #[arg(long, value_name = "DIRECTIVE VALUE")]
    pub set: Vec<String>,
    /// Do not ask.
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
}

/// `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The cluster's name.
    pub name: String,
    /// The file [default: NAME.slotdeck in this folder].
    pub file: Option<PathBuf>,
    /// Do not ask before a file is replaced.
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
}

/// A command on one cluster.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// The cluster's name.
    pub name: String,
}

/// `start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The cluster's name.
    pub name: String,
    /// Do not ask (servers that are no cluster yet are made one).
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
}

/// `down`.
#[derive(Debug, Args)]
pub struct DownArgs {
    /// The cluster's name.
    pub name: String,
    /// Also remove the files that were made for it, data included.
    #[arg(long)]
    pub wipe: bool,
    /// Do not ask.
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
}

/// `servers`.
#[derive(Debug, Args)]
pub struct ServersArgs {
    /// Windows: look into the stopped distributions of WSL as well, which starts them.
    #[arg(long)]
    pub wsl: bool,
}

/// How to log in and connect, in redis-cli's words.
#[derive(Debug, Default, Args)]
pub struct LoginArgs {
    /// Password. Other programs can see it: the variable `REDISCLI_AUTH` and --askpass are safer.
    #[arg(long, short = 'a', value_parser = secret, value_name = "PASSWORD")]
    pub pass: Option<Secret>,
    /// ACL user.
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// redis://user:password@host:port, or rediss:// for TLS; only that, user and password count.
    #[arg(long, short = 'u', value_parser = secret, value_name = "URI")]
    pub uri: Option<Secret>,
    /// Ask for the password.
    #[arg(long)]
    pub askpass: bool,
    /// Do not warn of a password on the command line.
    #[arg(long)]
    pub no_auth_warning: bool,
    /// Take names as IPv4 addresses.
    #[arg(long, short = '4', conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// Take names as IPv6 addresses.
    #[arg(long, short = '6')]
    pub ipv6: bool,
    /// How long a connection may take.
    #[arg(long, short = 't', value_name = "SECONDS")]
    pub connect_timeout: Option<f64>,
    /// How to secure the connections.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// Print this help.
    #[arg(long, action = clap::ArgAction::Help)]
    pub help: Option<bool>,
}

/// TLS, in redis-cli's words.
#[derive(Debug, Default, Args)]
pub struct TlsArgs {
    /// Speak TLS with every node.
    #[arg(long, help_heading = "TLS")]
    pub tls: bool,
    /// The name to ask servers by; where no CA is given, their certificates must bear it [default: the host].
    #[arg(long, help_heading = "TLS", value_name = "NAME")]
    pub sni: Option<String>,
    /// Trust servers whose certificate a CA of this file signed [default: the system's CAs].
    #[arg(long, help_heading = "TLS", value_name = "FILE")]
    pub cacert: Option<PathBuf>,
    /// The same, with a CA of any file in this folder.
    #[arg(long, help_heading = "TLS", value_name = "DIR")]
    pub cacertdir: Option<PathBuf>,
    /// The client certificate, for servers that ask for one.
    #[arg(long, help_heading = "TLS", value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// The client certificate's private key.
    #[arg(long, help_heading = "TLS", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Trust whoever answers: then somebody between can read and change everything.
    #[arg(long, help_heading = "TLS")]
    pub insecure: bool,
    /// The ciphers of TLS 1.2 to offer, as OpenSSL lists them.
    #[arg(long, help_heading = "TLS", value_name = "LIST")]
    pub tls_ciphers: Option<String>,
    /// The cipher suites of TLS 1.3 to offer.
    #[arg(long, help_heading = "TLS", value_name = "LIST")]
    pub tls_ciphersuites: Option<String>,
}

impl TlsArgs {
    /// The first option beside --tls itself that was given.
    #[must_use]
    pub fn first_given(&self) -> Option<&'static str> {
        let given = [
            (self.sni.is_some(), "--sni"),
            (self.cacert.is_some(), "--cacert"),
            (self.cacertdir.is_some(), "--cacertdir"),
            (self.cert.is_some(), "--cert"),
            (self.key.is_some(), "--key"),
            (self.insecure, "--insecure"),
            (self.tls_ciphers.is_some(), "--tls-ciphers"),
            (self.tls_ciphersuites.is_some(), "--tls-ciphersuites"),
        ];
        given.into_iter().find_map(|(is, name)| is.then_some(name))
    }
}

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
    /// Any node of the cluster: host:port, or host port.
    #[arg(required = true, num_args = 1..=2, value_names = ["HOST:PORT", "PORT"])]
    pub node: Vec<String>,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}

/// How slots are moved; the same for all commands that do.
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// Any node of the cluster: host:port, or host port.
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

/// A port, or why it is none.
fn port(text: &str) -> Result<u16, String> {
    match text.trim().parse::<u64>() {
        Ok(number) => match u16::try_from(number) {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(ProblemKind::PortOutOfRange(u32::try_from(number).unwrap_or(u32::MAX)).to_string()),
        },
        Err(_) => Err(ProblemKind::NotANumber(text.to_owned()).to_string()),
    }
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

#[expect(clippy::unnecessary_wraps, reason = "clap's value parsers return a Result")]
pub(super) fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn a_port_that_is_none_is_told_in_plain_words() {
        assert_eq!(port("7000"), Ok(7000));
        assert_eq!(port("99999"), Err("Port 99999 does not exist: ports go from 1 to 65535.".to_owned()));
        assert!(port("0").is_err() && port("x").unwrap_err().contains("'x'"));
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
