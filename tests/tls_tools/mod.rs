//! Certificates made on the spot, and servers that speak TLS with them.

#![allow(dead_code, reason = "each test program uses its own part of this module")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails must fail its test")]
#![allow(clippy::missing_panics_doc, reason = "test helpers panic to fail the test")]

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::common::{TestServer, cached_server, free_port, server_program};
use super::slotctl_tools::{Ran, slotctl_at};

/// A CA with a folder for what it signs.
pub struct Authority {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one.
    pub fn new(name: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("slotdeck-test-ca-").tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let cert = params.self_signed(&key).unwrap();
        std::fs::write(dir.path().join("ca.crt"), cert.pem()).unwrap();
        Self { dir, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate's file.
    pub fn file(&self) -> String {
        self.path("ca.crt")
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// A certificate for these names, signed, with its key: their files.
    pub fn sign(&self, name: &str, names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        let files = (self.path(&format!("{name}.crt")), self.path(&format!("{name}.key")));
        std::fs::write(&files.0, cert.pem()).unwrap();
        std::fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }

    /// The lines of a redis.conf that make a server speak TLS on this port.
    pub fn conf(&self, port: u16, more: &str) -> String {
        // No name in it: nodes are known by their addresses, as in most clusters.
        let (cert, key) = self.sign(&format!("server-{port}"), &[]);
        let ca = self.file();
        format!(
            "tls-port {port}\ntls-cert-file \"{cert}\"\ntls-key-file \"{key}\"\ntls-ca-cert-file \"{ca}\"\n\
             tls-auth-clients no\ntls-cluster yes\ntls-replication yes\n{more}\n"
        )
    }
}

/// The system's server and the newest ones that are installed.
pub fn servers() -> Vec<(&'static str, PathBuf)> {
    let newest = ["redis-newest", "valkey-newest"].into_iter().filter_map(|name| Some((name, cached_server(name)?)));
    std::iter::once(("default", server_program())).chain(newest).collect()
}

/// A server with a port for TLS beside the plain one.
pub struct TlsServer {
    /// The server; its port is the plain one.
    pub server: TestServer,
    /// The port for TLS.
    pub port: u16,
}

impl TlsServer {
    /// An empty cluster node.
    pub fn node(authority: &Authority, more: &str) -> Self {
        Self::node_of(&server_program(), authority, more)
    }

    /// The same of this server program.
    pub fn node_of(program: &Path, authority: &Authority, more: &str) -> Self {
        let port = free_port();
        let conf = authority.conf(port, more);
        Self { server: TestServer::start_cluster_node_of(program, &conf), port }
    }

    /// A server that is no cluster.
    pub fn alone(authority: &Authority, more: &str) -> Self {
        let port = free_port();
        let conf = authority.conf(port, more);
        Self { server: TestServer::start(&conf), port }
    }

    /// Where it speaks TLS.
    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Closes the plain port: what works from now on works in TLS.
    pub fn close_plain(&self) {
        redis::cmd("CONFIG").arg(&["SET", "port", "0"]).exec(&mut self.server.connect(None)).unwrap();
    }
}

/// Runs slotctl in TLS, trusting this CA file.
pub fn slotctl_tls(home: &Path, ca: &str, args: &[&str]) -> Ran {
    let args: Vec<&str> = args.iter().copied().chain(["--tls", "--cacert", ca]).collect();
    slotctl_at(home, &args, "")
}

/// A folder of its own for slotctl.
pub fn home() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    (dir, path)
}
