//! How to log in: `-a`, `--user`, `-u`, `--askpass` and the environment, with redis-cli's precedence.

use std::time::Duration;

use crate::core::secret::Secret;
use crate::core::tls::TlsOptions;
use crate::engine::command::Auth;
use crate::engine::tls::Tls;

use super::login_args::{LoginArgs, TlsArgs};

/// What redis-cli prints to standard error when a password stands on the command line; byte-equal.
pub const WARNING: &str =
    "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.";

/// Names of the environment variables that may hold the password, first one first.
const AUTH_VARIABLES: [&str; 2] = ["VALKEYCLI_AUTH", "REDISCLI_AUTH"];

/// What the arguments and the environment say about logging in.
#[derive(Debug, PartialEq, Eq)]
pub struct Login {
    /// User and password.
    pub auth: Auth,
    /// Whether [`WARNING`] is due.
    pub warn: bool,
    /// Whether the password is still to be asked for.
    pub ask: bool,
}

/// Why a login can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Not `redis://…`; redis-cli's text.
    #[error("Invalid URI scheme")]
    Scheme,
    /// TLS options that can't be.
    #[error("[ERR] {0}.")]
    Tls(String),
    /// Something of `%41` in the address is no such code.
    #[error("the -u address holds a '%' that is not followed by two hexadecimal digits")]
    Percent,
}

impl Login {
    /// Reads the arguments; `env` answers what an environment variable holds. The environment counts only where no
    /// password stands on the command line.
    ///
    /// # Errors
    /// [`LoginError`] for an address given with `-u` that can't be read.
    pub fn of(args: &LoginArgs, env: impl Fn(&str) -> Option<String>) -> Result<Self, LoginError> {
        let mut user = args.user.clone();
        let mut password = args.pass.clone();
        let mut tls = args.tls.tls;
        if let Some(uri) = &args.uri {
            let found = Uri::parse(uri.expose())?;
            user = user.or(found.user);
            password = password.or(found.password);
            tls |= found.tls;
        }
        let warn = password.is_some() && !args.no_auth_warning;
        let password =
            password.or_else(|| AUTH_VARIABLES.iter().find_map(|name| env(name)).map(Secret::new)).unwrap_or_default();
        let tls = tls.then(|| loaded(tls_options(&args.tls))).transpose()?;
        Ok(Self { auth: Auth { user: user.unwrap_or_default(), password, tls }, warn, ask: args.askpass })
    }
}

/// Whether the environment answers yes to questions: `REDISCLI_CLUSTER_YES=1` or `VALKEYCLI_CLUSTER_YES=1`.
pub fn env_says_yes(env: impl Fn(&str) -> Option<String>) -> bool {
    ["VALKEYCLI_CLUSTER_YES", "REDISCLI_CLUSTER_YES"].iter().any(|name| env(name).as_deref() == Some("1"))
}

/// The time a connection may take: `-t` in seconds; `None` for slotctl's own default.
#[must_use]
pub fn connect_timeout(args: &LoginArgs) -> Option<Duration> {
    args.connect_timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).filter(|time| !time.is_zero())
}

/// TLS as the arguments say it.
pub(super) fn tls_options(args: &TlsArgs) -> TlsOptions {
    TlsOptions {
        ca_file: args.cacert.clone(),
        ca_dir: args.cacertdir.clone(),
        cert: args.cert.clone(),
        key: args.key.clone(),
        server_name: args.sni.clone(),
        insecure: args.insecure,
        ciphers: args.tls_ciphers.clone(),
        cipher_suites: args.tls_ciphersuites.clone(),
    }
}

/// The same with its files read, so that a wrong one is told before anything else.
pub(super) fn loaded(options: TlsOptions) -> Result<Tls, LoginError> {
    let tls = Tls::new(options);
    tls.load().map_err(LoginError::Tls)?;
    Ok(tls)
}

/// What `redis[s]://[user:]password@host…` says (redis-cli's `parseRedisUri`; valkey:// is the same).
#[derive(Debug, Default)]
pub(super) struct Uri {
    pub(super) tls: bool,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    /// What follows: `host:port/db`.
    pub(super) rest: String,
}

impl Uri {
    pub(super) fn parse(uri: &str) -> Result<Self, LoginError> {
        let (scheme, rest) = uri.split_once("://").ok_or(LoginError::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(LoginError::Scheme),
        };
        let Some((userinfo, rest)) = rest.split_once('@') else {
            return Ok(Self { tls, rest: rest.to_owned(), ..Self::default() });
        };
        let (user, password) = match userinfo.split_once(':') {
            Some((user, password)) => (Some(percent_decode(user)?).filter(|user| !user.is_empty()), password),
            None => (None, userinfo),
        };
        Ok(Self { tls, user, password: Some(Secret::new(percent_decode(password)?)), rest: rest.to_owned() })
    }
}

fn percent_decode(text: &str) -> Result<String, LoginError> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (digit(), digit()) {
            (Some(high), Some(low)) => out.push(high * 16 + low),
            _ => return Err(LoginError::Percent),
        }
    }
    String::from_utf8(out).map_err(|_| LoginError::Percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_env(_: &str) -> Option<String> {
        None
    }

    fn auth(user: &str, password: &str) -> Auth {
        Auth { user: user.into(), password: Secret::new(password), tls: None }
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_warns() {
        let env = |name: &str| (name == "REDISCLI_AUTH").then(|| "env".to_owned());
        let args = LoginArgs { pass: Some(Secret::new("arg")), ..LoginArgs::default() };
        assert_eq!(Login::of(&args, env).unwrap(), Login { auth: auth("", "arg"), warn: true, ask: false });
        let quiet = LoginArgs { no_auth_warning: true, ..args };
        assert!(!Login::of(&quiet, env).unwrap().warn);
        let none = LoginArgs::default();
        assert_eq!(Login::of(&none, env).unwrap(), Login { auth: auth("", "env"), warn: false, ask: false });
    }

    #[test]
    fn an_address_brings_user_and_password() {
        let of = |uri: &str| {
            let args = LoginArgs { uri: Some(Secret::new(uri)), ..LoginArgs::default() };
            Login::of(&args, no_env).map(|login| login.auth)
        };
        assert_eq!(of("redis://me:p%40ss@host:7000/0"), Ok(auth("me", "p@ss")));
        assert_eq!(of("valkey://:pw@host"), Ok(auth("", "pw")));
        assert_eq!(of("REDIS://pw@host"), Ok(auth("", "pw")));
        assert_eq!(of("redis://host:7000"), Ok(auth("", "")));
        let secure = Auth { tls: Some(Tls::new(TlsOptions::default())), ..auth("", "pw") };
        assert_eq!(of("rediss://pw@host"), Ok(secure.clone()));
        assert_eq!(of("valkeys://pw@host"), Ok(secure));
        assert_eq!(of("http://pw@host"), Err(LoginError::Scheme));
        assert_eq!(of("redis://%zz@host"), Err(LoginError::Percent));
    }

    #[test]
    fn the_environment_can_answer_yes_with_1_only() {
        let says =
            |value: &'static str| env_says_yes(move |name| (name == "REDISCLI_CLUSTER_YES").then(|| value.into()));
        assert!(says("1") && !says("0") && !says("yes") && !env_says_yes(no_env));
    }
}
