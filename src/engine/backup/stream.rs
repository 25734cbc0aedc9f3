//! A master's RDB file, asked for as a replica does: SYNC on a connection of its own, then the file behind its length
//! (`sendSync` and `getRDB` in redis-cli.c, `replication.c` of the servers).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::core::topology::NodeAddr;
use crate::core::version::ServerVersion;
use crate::engine::client::{NodeError, NodeErrorKind, needs_no_password, without_arguments};
use crate::engine::command::Auth;
use crate::engine::socket::{self, Socket};

/// How long a master may be silent. While it saves it sends a line break each second; 60 s is also its own patience with
/// replicas (`repl-timeout`).
const SILENCE: Duration = Duration::from_mins(1);
/// The mark that ends a file whose length was not known.
const MARK: usize = 40;
/// No line before the file is longer.
const LONGEST_LINE: usize = 4096;
const PIECE: usize = 1 << 18;

/// How the end of the file is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// So many bytes.
    Bytes(u64),
    /// These bytes come after it: the master sends while it saves.
    Mark([u8; MARK]),
}

/// A master that is about to send its file.
pub(super) struct RdbStream {
    wire: Wire,
    extent: Extent,
}

/// Why a file did not arrive.
#[derive(Debug)]
pub(super) enum StreamError {
    /// The master or the connection.
    Node(NodeError),
    /// Writing it failed.
    Write(std::io::Error),
}

impl From<NodeError> for StreamError {
    fn from(error: NodeError) -> Self {
        Self::Node(error)
    }
}

struct Wire {
    addr: NodeAddr,
    stream: BufReader<Socket>,
}

impl Wire {
    async fn connect(addr: &NodeAddr, auth: &Auth, deadline: Duration) -> Result<Self, NodeError> {
        match socket::open(addr, auth.tls.as_ref(), deadline).await {
            Ok(stream) => Ok(Self { addr: addr.clone(), stream: BufReader::with_capacity(PIECE, stream) }),
            Err(kind) => Err(NodeError { addr: addr.clone(), kind }),
        }
    }

    fn error(&self, kind: NodeErrorKind) -> NodeError {
        NodeError { addr: self.addr.clone(), kind }
    }

    async fn send(&mut self, words: &[&str]) -> Result<(), NodeError> {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        let stream = self.stream.get_mut();
        let sent = async {
            stream.write_all(&command.get_packed_command()).await?;
            stream.flush().await
        };
        sent.await.map_err(|error| self.error(NodeErrorKind::Lost(error.to_string())))
    }

    /// Reads some bytes; none at the end of the connection.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, NodeError> {
        match timeout(SILENCE, self.stream.read(buffer)).await {
            Err(_) => Err(self.error(NodeErrorKind::Timeout(SILENCE))),
            Ok(Err(error)) => Err(self.error(NodeErrorKind::Lost(error.to_string()))),
            Ok(Ok(0)) => Err(self.error(NodeErrorKind::Lost("the server closed it".to_owned()))),
            Ok(Ok(read)) => Ok(read),
        }
    }

    /// The next line that is not empty: a master that saves sends empty ones.
    async fn line(&mut self) -> Result<String, NodeError> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            self.read(&mut byte).await?;
            match byte[0] {
                b'\r' => {}
                b'\n' if line.is_empty() => {}
                b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
                other if line.len() < LONGEST_LINE => line.push(other),
                _ => return Err(self.error(NodeErrorKind::Unexpected("a line without an end".to_owned()))),
            }
        }
    }

    /// Sends a command and takes its one-line reply; an error is one.
    async fn call(&mut self, words: &[&str]) -> Result<Result<(), String>, NodeError> {
        self.send(words).await?;
        let line = self.line().await?;
        Ok(line.strip_prefix('-').map_or(Ok(()), |error| Err(without_arguments(error).to_owned())))
    }

    async fn log_in(&mut self, auth: &Auth) -> Result<(), NodeError> {
        if auth.password.is_empty() {
            return Ok(());
        }
        let password = auth.password.expose();
        let words: &[&str] = if auth.user.is_empty() { &["AUTH", password] } else { &["AUTH", &auth.user, password] };
        match self.call(words).await? {
            Err(reply) if !needs_no_password(auth, &reply) => Err(self.error(NodeErrorKind::Auth(reply))),
            _ => Ok(()),
        }
    }
}

impl RdbStream {
    /// Asks for the file and waits until the master begins to send it. `version` is the master's own, where it is known.
    pub(super) async fn request(
        addr: &NodeAddr,
        version: Option<ServerVersion>,
        auth: &Auth,
        deadline: Duration,
    ) -> Result<Self, NodeError> {
        let mut wire = Wire::connect(addr, auth, deadline).await?;
        wire.log_in(auth).await?;
        // Whether the file goes through the master's disk is its own setting. It must know that we understand the mark;
        // masters before 2.8.18, and without rdb-only (7.0), refuse these words, and are taken as they are.
        let _ = wire.call(&["REPLCONF", "capa", "eof"]).await?;
        let _ = wire.call(&["REPLCONF", "rdb-only", "1"]).await?;
        // Valkey 9.1 writes an older format, which can't hold fields that expire, for replicas that do not say this.
        if let Some(ServerVersion { major, minor, patch, .. }) = version {
            let _ = wire.call(&["REPLCONF", "version", &format!("{major}.{minor}.{patch}")]).await?;
        }
        wire.send(&["SYNC"]).await?;
        let line = wire.line().await?;
        if let Some(refusal) = line.strip_prefix('-') {
            let kind = if refusal.starts_with("NOAUTH") { NodeErrorKind::Auth } else { NodeErrorKind::Refused };
            return Err(wire.error(kind(without_arguments(refusal).to_owned())));
        }
        match extent(&line) {
            Some(extent) => Ok(Self { wire, extent }),
            None => Err(wire.error(NodeErrorKind::Unexpected(format!("SYNC gave {line:?}")))),
        }
    }

    /// How the file's end is known.
    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    /// Receives the whole file; `progress` gets the bytes written by and by. Says how many there were.
    pub(super) async fn receive(
        mut self,
        file: &mut (impl AsyncWrite + Unpin),
        mut progress: impl FnMut(u64),
    ) -> Result<u64, StreamError> {
        let mut buffer = vec![0; PIECE];
        // What may be the beginning of the mark, held back.
        let mut held: Vec<u8> = Vec::with_capacity(PIECE + MARK);
        let mut written = 0;
        loop {
            let wanted = match self.extent {
                Extent::Bytes(length) if written == length => break,
                Extent::Bytes(length) => usize::try_from(length - written).unwrap_or(PIECE).min(PIECE),
                Extent::Mark(_) => PIECE,
            };
            let read = self.wire.read(&mut buffer[..wanted]).await?;
            held.extend_from_slice(&buffer[..read]);
            let (sure, ended) = match &self.extent {
                Extent::Bytes(_) => (held.len(), false),
                Extent::Mark(mark) => (held.len().saturating_sub(MARK), held.ends_with(mark)),
            };
            file.write_all(&held[..sure]).await.map_err(StreamError::Write)?;
            held.drain(..sure);
            written += sure as u64;
            progress(sure as u64);
            if ended {
                break;
            }
        }
        file.flush().await.map_err(StreamError::Write)?;
        Ok(written)
    }
}

/// `$123` or `$EOF:` and the mark.
fn extent(line: &str) -> Option<Extent> {
    let length = line.strip_prefix('$')?;
    match length.strip_prefix("EOF:") {
        Some(mark) => Some(Extent::Mark(mark.as_bytes().try_into().ok()?)),
        None => length.parse().ok().map(Extent::Bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn both_forms_of_length_are_read() {
        assert_eq!(extent("$1234"), Some(Extent::Bytes(1234)));
        let mark = "0123456789012345678901234567890123456789";
        assert_eq!(extent(&format!("$EOF:{mark}")), Some(Extent::Mark(mark.as_bytes().try_into().unwrap())));
        assert_eq!(extent("$EOF:short"), None);
        assert_eq!(extent("+OK"), None);
    }

    /// A master that answers so, in pieces of this size, and then closes the connection.
    async fn master(words: Vec<u8>, piece: usize) -> NodeAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"SYNC\r\n") {
                let before = asked.len();
                assert!(stream.read_buf(&mut asked).await.unwrap() > 0, "{asked:?}");
                let replies = asked[before..].windows(8).filter(|w| w == b"REPLCONF").count();
                stream.write_all(&b"+OK\r\n".repeat(replies)).await.unwrap();
            }
            for piece in words.chunks(piece) {
                stream.write_all(piece).await.unwrap();
                stream.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        NodeAddr::new("127.0.0.1", port)
    }

    async fn received(words: &[u8], piece: usize) -> Result<Vec<u8>, String> {
        let addr = master(words.to_vec(), piece).await;
        let stream = RdbStream::request(&addr, None, &Auth::default(), SILENCE).await.map_err(|e| e.to_string())?;
        let mut file = Vec::new();
        stream.receive(&mut file, |_| ()).await.map_err(|e| format!("{e:?}"))?;
        Ok(file)
    }

    #[tokio::test]
    async fn a_file_of_known_length_ends_there() {
        assert_eq!(received(b"\n\n$5\r\nREDIS*1\r\n$4\r\nPING\r\n", 1).await.unwrap(), b"REDIS");
        assert_eq!(received(b"$5\r\nREDIS", 100).await.unwrap(), b"REDIS");
        assert!(received(b"$50\r\nREDIS", 100).await.is_err(), "cut off");
    }

    #[tokio::test]
    async fn a_file_of_unknown_length_ends_at_its_mark() {
        let mark = "abcdefghijabcdefghijabcdefghijabcdefghij";
        let words = format!("\n$EOF:{mark}\r\nREDIS0011{}{mark}", &mark[..25]);
        for piece in [1, 7, 39, 41, 500] {
            let file = received(words.as_bytes(), piece).await.unwrap();
            assert_eq!(file, format!("REDIS0011{}", &mark[..25]).as_bytes(), "in pieces of {piece}");
        }
        assert!(received(&words.as_bytes()[..words.len() - 1], 500).await.is_err(), "cut off");
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_the_servers_words() {
        let why =
            received(b"-NOPERM this user has no permissions to run the 'sync' command\r\n", 100).await.unwrap_err();
        assert!(why.contains("NOPERM"), "{why}");
    }
}
