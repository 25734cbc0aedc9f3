//! Arguments of the commands about a cluster's nodes: `add-node`, `del-node`, `call` and `set-timeout`.

use clap::Args;

use super::login_args::LoginArgs;

/// `add-node`.
#[derive(Debug, Args)]
pub struct AddNodeArgs {
    /// The new, empty nodes, and at last any node of the cluster: host:port or host:port@busport.
    #[arg(required = true, num_args = 2.., value_names = ["NEW", "EXISTING"])]
    pub nodes: Vec<String>,
    /// Add them as replicas.
    #[arg(long, visible_alias = "cluster-slave", alias = "slave")]
    pub cluster_replica: bool,
    /// The master that they copy, by id, the beginning of one or address [default: the one with fewest replicas].
    #[arg(long, value_name = "ID", visible_alias = "cluster-primary-id")]
    pub cluster_master_id: Option<String>,
    /// Without effect: nothing is asked.
    #[arg(long, hide = true)]
    pub yes: bool,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}

/// `del-node`.
#[derive(Debug, Args)]
pub struct DelNodeArgs {
    /// Any node of the cluster, or its name here.
    #[arg(value_name = "HOST:PORT")]
    pub node: String,
    /// The nodes to remove, by id, the beginning of one or address.
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    /// Do not ask.
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}

/// `call`.
#[derive(Debug, Args)]
pub struct CallArgs {
    /// Any node of the cluster, or its name here.
    #[arg(value_name = "HOST:PORT")]
    pub node: String,
    /// The command and its arguments. After -- they may begin with a dash.
    #[arg(value_name = "COMMAND", required = true)]
    pub command: Vec<String>,
    /// Masters only.
    #[arg(long, visible_alias = "cluster-only-primaries", conflicts_with = "cluster_only_replicas")]
    pub cluster_only_masters: bool,
    /// Replicas only.
    #[arg(long)]
    pub cluster_only_replicas: bool,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}

/// `set-timeout`.
#[derive(Debug, Args)]
pub struct SetTimeoutArgs {
    /// Any node of the cluster, or its name here.
    #[arg(value_name = "HOST:PORT")]
    pub node: String,
    /// Milliseconds, at least 100.
    #[arg(value_name = "MILLISECONDS", allow_hyphen_values = true)]
    pub milliseconds: String,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}
