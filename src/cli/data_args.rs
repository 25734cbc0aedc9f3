//! The options of `backup`, `restore` and `import`.

use std::path::PathBuf;

use clap::Args;

use crate::core::secret::Secret;

use super::login_args::{LoginArgs, secret};

/// `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Any node of the cluster, or its name here.
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
    /// Nodes of the cluster; one suffices. Or three and more empty servers, which are made a cluster first.
    #[arg(required = true, value_name = "HOST:PORT")]
    pub nodes: Vec<String>,
    /// How many replicas each master of a new cluster gets.
    #[arg(long, default_value_t = 0, value_name = "N", visible_alias = "replicas")]
    pub cluster_replicas: u16,
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

/// `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Any node of the cluster, or its name here.
    #[arg(value_name = "HOST:PORT")]
    pub node: String,
    /// The server whose keys are imported: host:port, reached as the cluster is, or rediss://… in TLS, redis://… without.
    #[arg(long, value_name = "HOST:PORT", visible_alias = "from")]
    pub cluster_from: Option<String>,
    /// The source's ACL user.
    #[arg(long, value_name = "USER", visible_alias = "from-user")]
    pub cluster_from_user: Option<String>,
    /// The source's password. Other programs can see it: --cluster-from-askpass is safer.
    #[arg(long, value_name = "PASSWORD", value_parser = secret, visible_alias = "from-pass")]
    pub cluster_from_pass: Option<Secret>,
    /// Ask for the source's password.
    #[arg(long, visible_alias = "from-askpass")]
    pub cluster_from_askpass: bool,
    /// How the source's connections differ from the cluster's.
    #[command(flatten)]
    pub from_tls: FromTlsArgs,
    /// The source keeps its keys [default: they move].
    #[arg(long, visible_alias = "copy")]
    pub cluster_copy: bool,
    /// Overwrite keys that the cluster holds already.
    #[arg(long, visible_alias = "replace")]
    pub cluster_replace: bool,
    /// How long one server may wait for the other [default: 60000].
    #[arg(long, value_name = "MS", visible_alias = "timeout")]
    pub cluster_timeout: Option<u64>,
    /// At most so many keys at a time [default: as many as make 256 KiB].
    #[arg(long, value_name = "N", visible_alias = "pipeline")]
    pub cluster_pipeline: Option<usize>,
    /// Import only this database; into database 0 where the cluster has no other.
    #[arg(long, value_name = "N")]
    pub from_db: Option<u64>,
    /// Do not ask.
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
    /// How to log in at the cluster.
    #[command(flatten)]
    pub login: LoginArgs,
}

/// A source whose TLS is not the cluster's. What is not given is as at the cluster.
#[derive(Debug, Default, Args)]
pub struct FromTlsArgs {
    /// Speak TLS with the source.
    #[arg(long, help_heading = "TLS of the source")]
    pub from_tls: bool,
    /// The source's --sni.
    #[arg(long, help_heading = "TLS of the source", value_name = "NAME")]
    pub from_sni: Option<String>,
    /// The source's --cacert.
    #[arg(long, help_heading = "TLS of the source", value_name = "FILE")]
    pub from_cacert: Option<PathBuf>,
    /// The source's --cacertdir.
    #[arg(long, help_heading = "TLS of the source", value_name = "DIR")]
    pub from_cacertdir: Option<PathBuf>,
    /// The source's --cert.
    #[arg(long, help_heading = "TLS of the source", value_name = "FILE")]
    pub from_cert: Option<PathBuf>,
    /// The source's --key.
    #[arg(long, help_heading = "TLS of the source", value_name = "FILE")]
    pub from_key: Option<PathBuf>,
    /// The source's --insecure.
    #[arg(long, help_heading = "TLS of the source")]
    pub from_insecure: bool,
}
