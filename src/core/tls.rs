//! How a connection is secured, as it is asked for: redis-cli's TLS options as data, and OpenSSL's names of ciphers.
//!
//! Sources: `cliConnSSL` and `parseOptions` of redis-cli.c for the options, `ciphers(1)` of OpenSSL for the names and
//! the grammar of its lists, RFC 5289, 7905 and 8446 for the numbers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a person asks of a TLS connection. Paths only, never what the files hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsOptions {
    /// A file with the certificates (PEM) of those who may vouch for servers; with neither this nor [`ca_dir`], the
    /// system's own store counts.
    ///
    /// [`ca_dir`]: TlsOptions::ca_dir
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// A folder with such files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_dir: Option<PathBuf>,
    /// The file with the client's own certificate (PEM), for servers that ask for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<PathBuf>,
    /// The file with that certificate's private key (PEM, without a password).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The name that servers are asked by instead of the host's, and that their certificates must bear where the
    /// system's store vouches for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// Whether any certificate will do: then anybody between may read along.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
    /// OpenSSL's list of ciphers for TLS 1.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ciphers: Option<String>,
    /// The cipher suites of TLS 1.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher_suites: Option<String>,
}

/// What is wrong with [`TlsOptions`] before any file is read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsError {
    /// The one without the other; redis-cli's rule.
    #[error("a client certificate needs its private key, and a key its certificate: give both or neither")]
    HalfPair,
    /// No cipher is left.
    #[error("none of the {version} ciphers in '{list}' is available: {known} are")]
    NoCipher {
        /// `TLS 1.2` or `TLS 1.3`.
        version: &'static str,
        /// The list that was given.
        list: String,
        /// The names that could be.
        known: String,
    },
}

impl TlsOptions {
    /// The cipher suites that may be used; `None` for all of them.
    ///
    /// # Errors
    /// [`TlsError`], also for what is no matter of ciphers.
    pub fn suites(&self) -> Result<Option<Vec<Suite>>, TlsError> {
        if self.cert.is_some() != self.key.is_some() {
            return Err(TlsError::HalfPair);
        }
        if self.ciphers.is_none() && self.cipher_suites.is_none() {
            return Ok(None);
        }
        let of = |version: Version, list: &Option<String>| match list {
            Some(list) => chosen(version, list),
            None => Ok(SUITES.iter().filter(|suite| suite.version == version).copied().collect()),
        };
        let mut suites = of(Version::Tls13, &self.cipher_suites)?;
        suites.extend(of(Version::Tls12, &self.ciphers)?);
        Ok(Some(suites))
    }

    /// The options as redis-cli and slotctl spell them, each a word, a value being the next one.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let mut words = vec!["--tls".to_owned()];
        let mut valued = |name: &str, value: Option<String>| {
            words.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
        };
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        valued("--sni", self.server_name.clone());
        valued("--cacert", path(&self.ca_file));
        valued("--cacertdir", path(&self.ca_dir));
        valued("--cert", path(&self.cert));
        valued("--key", path(&self.key));
        valued("--tls-ciphers", self.ciphers.clone());
        valued("--tls-ciphersuites", self.cipher_suites.clone());
        if self.insecure {
            words.push("--insecure".to_owned());
        }
        words
    }
}

/// The versions of TLS that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Tls12,
    Tls13,
}

impl Version {
    const fn name(self) -> &'static str {
        match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        }
    }
}

/// A cipher suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// Its number on the wire (IANA).
    pub id: u16,
    version: Version,
    openssl: &'static str,
    iana: &'static str,
    /// The words of OpenSSL's lists that mean this one among others.
    groups: &'static [&'static str],
}

const fn tls13(id: u16, name: &'static str) -> Suite {
    Suite { id, version: Version::Tls13, openssl: name, iana: name, groups: &[] }
}

const fn tls12(id: u16, openssl: &'static str, iana: &'static str, groups: &'static [&'static str]) -> Suite {
    Suite { id, version: Version::Tls12, openssl, iana, groups }
}

const ECDSA_AES128: &[&str] = &["AESGCM", "AES128", "AES", "SHA256", "ECDSA", "aECDSA"];
const ECDSA_AES256: &[&str] = &["AESGCM", "AES256", "AES", "SHA384", "ECDSA", "aECDSA"];
const ECDSA_CHACHA: &[&str] = &["CHACHA20", "ECDSA", "aECDSA"];
const RSA_AES128: &[&str] = &["AESGCM", "AES128", "AES", "SHA256", "RSA", "aRSA"];
const RSA_AES256: &[&str] = &["AESGCM", "AES256", "AES", "SHA384", "RSA", "aRSA"];
const RSA_CHACHA: &[&str] = &["CHACHA20", "RSA", "aRSA"];
/// The words that mean every suite of TLS 1.2 that is spoken here.
const ALL: &[&str] = &["ALL", "DEFAULT", "HIGH", "TLSv1.2", "ECDHE", "EECDH", "kECDHE", "kEECDH"];

/// The suites that are spoken, in order of preference: those with forward secrecy and authenticated encryption. OpenSSL
/// knows others, which are weaker.
#[rustfmt::skip]
const SUITES: &[Suite] = &[
    tls13(0x1302, "TLS_AES_256_GCM_SHA384"),
    tls13(0x1301, "TLS_AES_128_GCM_SHA256"),
    tls13(0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    tls12(0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", ECDSA_AES256),
    tls12(0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", ECDSA_AES128),
    tls12(0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", ECDSA_CHACHA),
    tls12(0xc030, "ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", RSA_AES256),
    tls12(0xc02f, "ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", RSA_AES128),
    tls12(0xcca8, "ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", RSA_CHACHA),
];

impl Suite {
    /// Whether a word of a list means this suite; `A+B` means what is both.
    fn is_meant_by(&self, word: &str) -> bool {
        let one = |word: &str| {
            word == self.openssl
                || word == self.iana
                || self.groups.contains(&word)
                || (self.version == Version::Tls12 && ALL.contains(&word))
        };
        word.split('+').all(one)
    }
}

/// The suites of a list of OpenSSL: names and groups, parted by `:`, `,` or blanks; `!X` and `-X` leave out. As in
/// OpenSSL, words that mean nothing here are passed over as long as something is left.
fn chosen(version: Version, list: &str) -> Result<Vec<Suite>, TlsError> {
    let known: Vec<Suite> = SUITES.iter().filter(|suite| suite.version == version).copied().collect();
    let mut taken: Vec<Suite> = Vec::new();
    let mut banned: Vec<u16> = Vec::new();
    for word in list.split([':', ',', ' ']).filter(|word| !word.is_empty()) {
        let (sign, word) = match word.as_bytes()[0] {
            sign @ (b'!' | b'-' | b'+') => (sign, &word[1..]),
            _ => (b' ', word),
        };
        let meant: Vec<Suite> = known.iter().filter(|suite| suite.is_meant_by(word)).copied().collect();
        match sign {
            b'!' => banned.extend(meant.iter().map(|suite| suite.id)),
            b'-' => taken.retain(|suite| !meant.contains(suite)),
            // To the end of the list.
            b'+' => taken.sort_by_key(|suite| meant.contains(suite)),
            _ => taken.extend(meant.into_iter().filter(|suite| !taken.contains(suite)).collect::<Vec<_>>()),
        }
    }
    taken.retain(|suite| !banned.contains(&suite.id));
    if taken.is_empty() {
        let known = known.iter().map(|suite| suite.openssl).collect::<Vec<_>>().join(", ");
        return Err(TlsError::NoCipher { version: version.name(), list: list.to_owned(), known });
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(options: &TlsOptions) -> Vec<&'static str> {
        options.suites().unwrap().unwrap().iter().map(|suite| suite.openssl).collect()
    }

    fn ciphers(list: &str) -> TlsOptions {
        TlsOptions { ciphers: Some(list.to_owned()), ..TlsOptions::default() }
    }

    #[test]
    fn without_a_list_everything_is_allowed() {
        assert_eq!(TlsOptions::default().suites(), Ok(None));
    }

    #[test]
    fn a_list_for_tls_1_2_leaves_tls_1_3_alone_and_keeps_its_order() {
        let found = names(&ciphers("ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256"));
        assert_eq!(found[..3], ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"]);
        assert_eq!(found[3..], ["ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256"]);
    }

    #[test]
    fn the_suites_of_tls_1_3_are_chosen_by_name() {
        let only = "TLS_AES_128_GCM_SHA256".to_owned();
        let options = TlsOptions { cipher_suites: Some(only), ..TlsOptions::default() };
        let found = names(&options);
        assert_eq!(
            found.iter().filter(|name| name.starts_with("TLS_")).collect::<Vec<_>>(),
            [&"TLS_AES_128_GCM_SHA256"]
        );
        assert_eq!(found.len(), 7, "all six of TLS 1.2 stay");
    }

    #[test]
    fn groups_and_exclusions_are_understood() {
        assert_eq!(names(&ciphers("HIGH:!aNULL:!MD5")).len(), 9);
        assert!(!names(&ciphers("DEFAULT:!CHACHA20"))[3..].iter().any(|name| name.contains("CHACHA20")));
        assert_eq!(names(&ciphers("aRSA+AES256"))[3..], ["ECDHE-RSA-AES256-GCM-SHA384"]);
        assert_eq!(names(&ciphers("AES256-SHA:ECDHE-RSA-AES256-GCM-SHA384"))[3..], ["ECDHE-RSA-AES256-GCM-SHA384"]);
        assert_eq!(names(&ciphers("RSA:-AES:+CHACHA20"))[3..], ["ECDHE-RSA-CHACHA20-POLY1305"]);
    }

    #[test]
    fn a_list_of_nothing_that_is_available_says_what_is() {
        let why = ciphers("AES256-SHA:RC4-MD5").suites().unwrap_err().to_string();
        assert!(why.contains("AES256-SHA:RC4-MD5") && why.contains("ECDHE-RSA-AES128-GCM-SHA256"), "{why}");
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let half = TlsOptions { cert: Some("a.crt".into()), ..TlsOptions::default() };
        assert_eq!(half.suites(), Err(TlsError::HalfPair));
    }

    #[test]
    fn the_words_are_redis_clis() {
        let options = TlsOptions {
            ca_file: Some("ca.crt".into()),
            server_name: Some("redis.example".into()),
            insecure: true,
            ..TlsOptions::default()
        };
        assert_eq!(options.words(), ["--tls", "--sni", "redis.example", "--cacert", "ca.crt", "--insecure"]);
    }
}
