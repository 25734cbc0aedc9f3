//! TLS with servers: whom to trust, what to show, and what went wrong, in words.
//!
//! Whoever names a CA trusts it with the whole cluster: whatever it signed is one of its servers, as in redis-cli, which
//! compares no names either (nodes are known by their numbers, certificates seldom are). The system's store vouches for
//! the whole world; there a certificate must bear the host's name, or the one that was given.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::core::tls::TlsOptions;

/// How connections are secured. The files are read when the first one is made, and anew after one failed. Clones share
/// what was read.
#[derive(Clone)]
pub struct Tls {
    options: Arc<TlsOptions>,
    read: Arc<Mutex<Option<Arc<ClientConfig>>>>,
}

tokio::task_local! {
    /// Whether the server of the connection that is being made has asked for a certificate of ours. All connections share one
    /// configuration.
    static ASKED: Cell<bool>;
}

/// A connection, or why there is none, with whether its server has asked for a certificate of ours: then it may still
/// refuse what it got, after the handshake.
pub(super) struct Shaken {
    pub(super) made: io::Result<TlsStream<TcpStream>>,
    pub(super) asked: bool,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.options.fmt(f)
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.options == other.options
    }
}

impl Eq for Tls {}

impl Tls {
    /// Connections as these options say; reads nothing yet.
    #[must_use]
    pub fn new(options: TlsOptions) -> Self {
        Self { options: Arc::new(options), read: Arc::default() }
    }

    /// What was asked for.
    #[must_use]
    pub fn options(&self) -> &TlsOptions {
        &self.options
    }

    /// Reads the files, where that has not been done.
    ///
    /// # Errors
    /// Which file can't be used, why, and what would do.
    pub fn load(&self) -> Result<(), String> {
        self.read().map(drop)
    }

    fn read(&self) -> Result<Arc<ClientConfig>, String> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = &*read {
            return Ok(Arc::clone(read));
        }
        Ok(Arc::clone(read.insert(Arc::new(client_config(&self.options)?))))
    }

    /// A handshake with the server of this name, to be awaited.
    ///
    /// # Errors
    /// Which file can't be used, or what is wrong with the name.
    pub(super) fn shake(&self, host: &str, stream: TcpStream) -> Result<impl Future<Output = Shaken> + Send, String> {
        let connector = TlsConnector::from(self.read()?);
        let connecting = connector.connect(self.server_name(host)?, stream);
        Ok(ASKED.scope(Cell::new(false), async {
            let made = connecting.await;
            Shaken { made, asked: ASKED.with(Cell::get) }
        }))
    }

    /// The name that a host's certificate must bear, and that it is asked for.
    fn server_name(&self, host: &str) -> Result<ServerName<'static>, String> {
        let name = self.options.server_name.as_deref().unwrap_or(host);
        // A zone ('fe80::1%eth0') is this machine's own affair.
        let name = name.split('%').next().unwrap_or(name).to_owned();
        ServerName::try_from(name.clone()).map_err(|_| format!("'{name}' can't be the name of a server (--sni)"))
    }

    /// What a server means that asked for a certificate and hung up after the handshake. Files are read anew next time.
    pub(super) fn refused(&self) -> String {
        self.forget();
        self.not_let_in()
    }

    fn forget(&self) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn not_let_in(&self) -> String {
        match &self.options.cert {
            None => {
                "the server lets in only clients with a certificate: give yours (--cert FILE --key FILE)".to_owned()
            }
            Some(cert) => format!(
                "the server did not accept the client certificate {}: it must be signed by a CA that the server trusts \
                 (its tls-ca-cert-file) and still be valid",
                cert.display()
            ),
        }
    }

    /// Why a handshake or a connection failed, and what to do. Files are read anew next time: they may have changed.
    pub(super) fn explain(&self, asked: bool, error: &io::Error) -> String {
        self.forget();
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(why)) => self.explain_certificate(why),
            Some(Error::AlertReceived(alert)) => self.explain_alert(asked, *alert),
            Some(Error::InvalidMessage(_)) => NOT_TLS.to_owned(),
            Some(other) => other.to_string(),
            None if asked => self.not_let_in(),
            None => format!("{NOT_TLS} ({error})"),
        }
    }

    fn explain_certificate(&self, why: &CertificateError) -> String {
        match why {
            CertificateError::UnknownIssuer => {
                let by = match (&self.options.ca_file, &self.options.ca_dir) {
                    (Some(file), _) => format!("a CA of {}", file.display()),
                    (None, Some(dir)) => format!("a CA in {}", dir.display()),
                    (None, None) => "a CA that this system knows".to_owned(),
                };
                format!("the server's certificate is not signed by {by}: give the CA that signed it (--cacert FILE)")
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server's certificate has expired: renew it, or set this machine's clock".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet: wait, or set this machine's clock".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
                "the server's certificate is for another name ({why}): give the name that it bears (--sni NAME), or its \
                 CA (--cacert FILE)"
            ),
            other if other.to_string().contains("UnsupportedCertVersion") => {
                "the server's certificate is of X.509 version 1, which can't be checked: make one of version 3 \
                 ('openssl x509 -req' with -extfile)"
                    .to_owned()
            }
            other => format!("the server's certificate can't be trusted ({other})"),
        }
    }

    fn explain_alert(&self, asked: bool, alert: AlertDescription) -> String {
        match alert {
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity if !asked => {
                "the server takes none of the ciphers offered (--tls-ciphers, --tls-ciphersuites; the server's \
                 tls-ciphers)"
                    .to_owned()
            }
            AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::AccessDenied => self.not_let_in(),
            AlertDescription::ProtocolVersion => {
                "the server speaks neither TLS 1.2 nor 1.3: see its tls-protocols".to_owned()
            }
            AlertDescription::UnrecognisedName => {
                "the server does not know the name it was asked by (--sni)".to_owned()
            }
            other => format!("the server ended the TLS handshake: {other:?}"),
        }
    }
}

/// What may be wrong where somebody answers, but not in TLS.
pub(super) const NOT_TLS: &str = "this port does not answer in TLS: name the server's tls-port, or leave TLS out";

/// What a server means that hangs up on plain commands and answers in TLS.
pub(super) const WANTS_TLS: &str =
    "this port speaks TLS: connect to it with TLS (--tls), or name the server's other port";

fn client_config(options: &TlsOptions) -> Result<ClientConfig, String> {
    let mut provider = ring::default_provider();
    if let Some(suites) = options.suites().map_err(|error| error.to_string())? {
        let spoken = std::mem::take(&mut provider.cipher_suites);
        let find = |id: u16| spoken.iter().find(|suite| u16::from(suite.suite()) == id).copied();
        provider.cipher_suites = suites.iter().filter_map(|suite| find(suite.id)).collect();
    }
    let provider = Arc::new(provider);
    let pair = pair(options, &provider)?;
    let verifier: Arc<dyn ServerCertVerifier> = if options.insecure {
        Arc::new(Anyone(Arc::clone(&provider)))
    } else {
        Arc::new(verifier(options, &provider)?)
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("TLS can't be set up: {error}"))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = builder.with_client_cert_resolver(Arc::new(Presented { pair }));
    // As in redis-cli. OpenSSL ends a handshake that resumes a session where the server asks for certificates and has
    // `tls-session-caching no`: it hands out tickets then, but knows no context for them.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// The client's certificate with its key.
fn pair(options: &TlsOptions, provider: &CryptoProvider) -> Result<Option<Arc<CertifiedKey>>, String> {
    let (Some(cert), Some(key)) = (&options.cert, &options.key) else { return Ok(None) };
    let chain = certificates(cert)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| match error {
        pem::Error::NoItemsFound => format!(
            "{} holds no private key that can be read: it must be PEM without a password ('openssl pkey -in FILE -out \
             NEW' takes one off)",
            key.display()
        ),
        other => cant_read(key, &other),
    })?;
    let pair = CertifiedKey::from_der(chain, secret, provider)
        .map_err(|error| format!("{} and {} do not make a pair: {error}", cert.display(), key.display()))?;
    Ok(Some(Arc::new(pair)))
}

/// All certificates of a file; there must be one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|error| cant_read(file, &error))?;
    if found.is_empty() {
        return Err(format!("{} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", file.display()));
    }
    Ok(found)
}

fn cant_read(file: &Path, error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => format!("{} can't be read: {error}", file.display()),
        other => format!("{} is no PEM file: {other}", file.display()),
    }
}

/// Those who may vouch for servers.
fn verifier(options: &TlsOptions, provider: &Arc<CryptoProvider>) -> Result<Verifier, String> {
    let mut given = Vec::new();
    if let Some(file) = &options.ca_file {
        given.extend(certificates(file)?);
    }
    if let Some(dir) = &options.ca_dir {
        given.extend(certificates_in(dir)?);
    }
    let names = options.ca_file.is_none() && options.ca_dir.is_none();
    let mut roots = RootCertStore::empty();
    if names {
        let system = rustls_native_certs::load_native_certs();
        if roots.add_parsable_certificates(system.certs).0 == 0 {
            let why = system.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
            return Err(format!("this system keeps no CA certificates{why}: give the CA's file (--cacert FILE)"));
        }
    } else {
        let sources = [&options.ca_file, &options.ca_dir].into_iter().flatten();
        let from = sources.map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        if roots.add_parsable_certificates(given.iter().cloned()).0 == 0 {
            return Err(format!("no certificate of {from} can be that of a CA"));
        }
    }
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    let inner = inner.map_err(|error| format!("the CA certificates can't be used: {error}"))?;
    Ok(Verifier { inner, given, names })
}

/// The certificates of all files in a folder that hold some; OpenSSL's own names for them are not needed.
fn certificates_in(dir: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let entries = std::fs::read_dir(dir).map_err(|error| format!("{} can't be read: {error}", dir.display()))?;
    let files = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file());
    let found: Vec<_> = files.filter_map(|file| certificates(&file).ok()).flatten().collect();
    if found.is_empty() {
        return Err(format!("no file in {} holds a certificate in PEM form", dir.display()));
    }
    Ok(found)
}

/// What we show when a server asks who we are.
#[derive(Debug)]
struct Presented {
    pair: Option<Arc<CertifiedKey>>,
}

impl ResolvesClientCert for Presented {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // It is called from within the handshake; outside of one there is nobody to tell.
        let _ = ASKED.try_with(|asked| asked.set(true));
        self.pair.clone()
    }

    fn has_certs(&self) -> bool {
        self.pair.is_some()
    }
}

/// Trusts what a given CA signed, or what the system's store vouches for by name.
#[derive(Debug)]
struct Verifier {
    inner: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
    names: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match &verified {
            // The name comes last: the chain has been found good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.names => Ok(ServerCertVerified::assertion()),
            // A certificate that signed itself, and that was given as the one to trust: `openssl req -x509` makes such
            // ones, OpenSSL takes them. Its dates were looked at before.
            Err(Error::InvalidCertificate(why))
                if why.to_string().contains("CaUsedAsEndEntity") && self.given.contains(end_entity) =>
            {
                Ok(ServerCertVerified::assertion())
            }
            _ => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// `--insecure`: whoever answers is believed.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
