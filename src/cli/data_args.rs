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
