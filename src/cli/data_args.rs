//! The options of `backup`, `restore` and `import`.

use std::path::PathBuf;

use clap::Args;

use super::args::LoginArgs;

/// `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Any node of the cluster.
    #[arg(value_name = "HOST:PORT")]
    pub node: String,
    /// The folder for the files; made where it is missing.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Replace a backup that lies in the folder.
    #[arg(long, visible_alias = "replace")]
    pub cluster_replace: bool,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}

/// `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup's folder.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Nodes of the cluster; one suffices.
    #[arg(required = true, value_name = "HOST:PORT")]
    pub nodes: Vec<String>,
    /// Restore into a cluster that holds keys: those of the same names are overwritten, all others stay.
    #[arg(long, visible_alias = "replace")]
    pub cluster_replace: bool,
    /// Do not ask.
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}
