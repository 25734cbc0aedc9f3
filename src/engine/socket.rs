//! A connection to a server: the one place that opens one, with or without TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::select_ok;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls;

use crate::core::tls::TlsOptions;
use crate::core::topology::NodeAddr;

use super::client::NodeErrorKind;
use super::tls::{NOT_TLS, Shaken, Tls};

/// A connection that is open, and secured where that was asked for.
#[derive(Debug)]
pub(super) enum Socket {
    /// As it is.
    Plain(TcpStream),
    /// In TLS.
    Secure {
        /// What is sent over it.
        stream: Box<TlsStream<TcpStream>>,
        /// Whether the server has asked for a certificate of ours.
        asked: bool,
    },
}

impl Socket {
    /// Whether the server has asked for a certificate of ours: it may still refuse what it got.
    pub(super) fn was_asked(&self) -> bool {
        matches!(self, Self::Secure { asked: true, .. })
    }
}

/// Opens a connection within a time, the TLS handshake included.
pub(super) async fn open(addr: &NodeAddr, tls: Option<&Tls>, deadline: Duration) -> Result<Socket, NodeErrorKind> {
    let begun = Instant::now();
    let late = |_| NodeErrorKind::Timeout(deadline);
    let stream = timeout(deadline, tcp(addr)).await.map_err(late)?;
    let stream = stream.map_err(|error| NodeErrorKind::Connect(error.to_string()))?;
    let Some(tls) = tls else { return Ok(Socket::Plain(stream)) };
    let shaking = tls.shake(&addr.host, stream).map_err(NodeErrorKind::Tls)?;
    match timeout(deadline.saturating_sub(begun.elapsed()), shaking).await {
        Ok(Shaken { made: Ok(stream), asked }) => Ok(Socket::Secure { stream: Box::new(stream), asked }),
        Ok(Shaken { made: Err(error), asked }) => Err(NodeErrorKind::Tls(tls.explain(asked, &error))),
        // A server that reads plain commands waits for the end of the first one.
        Err(_) => Err(NodeErrorKind::Tls(format!("no answer within {} s: {NOT_TLS}", deadline.as_secs_f32()))),
    }
}

/// Whether the server at this address wants TLS: it answers a handshake with one, whatever it thinks of ours. For a
/// server that hung up on a plain command.
pub(super) async fn wants_tls(addr: &NodeAddr, deadline: Duration) -> bool {
    let tls = Tls::new(TlsOptions::default());
    let shaking = async {
        let Ok(stream) = tcp(addr).await else { return false };
        let Ok(shaking) = tls.shake(&addr.host, stream) else { return false };
        shaking.await.made.map_or_else(|error| is_of_handshake(&error), |_| true)
    };
    timeout(deadline, shaking).await.unwrap_or(false)
}

/// Whether a handshake failed over what the other side said in TLS.
fn is_of_handshake(error: &io::Error) -> bool {
    let said = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    said.is_some_and(|said| !matches!(said, rustls::Error::InvalidMessage(_)))
}

/// To whichever of the host's addresses answers first: Windows takes seconds to find that nobody listens at one.
async fn tcp(addr: &NodeAddr) -> io::Result<TcpStream> {
    let found: Vec<_> = tokio::net::lookup_host((addr.host.as_str(), addr.port)).await?.collect();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    let (stream, _) = select_ok(found.into_iter().map(|at| Box::pin(TcpStream::connect(at)))).await?;
    // Else what is sent while an answer is due waits for it: a round trip more.
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Secure { stream, .. } => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Secure { stream, .. } => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Secure { stream, .. } => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Secure { stream, .. } => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure { stream, .. } => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure { stream, .. } => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
