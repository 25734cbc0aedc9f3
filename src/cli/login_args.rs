//! How to log in and connect: options of every command that speaks with servers.

use std::path::PathBuf;

use clap::Args;

use crate::core::secret::Secret;

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

#[expect(clippy::unnecessary_wraps, reason = "clap's value parsers return a Result")]
pub(super) fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}
