//! One connection to one server, with a deadline on everything: the few commands that Slotdeck sends.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisConnectionInfo, Value};
use thiserror::Error;
use tokio_util::task::AbortOnDropHandle;

use crate::core::plan::NodeCommand;
use crate::core::topology::{NodeAddr, View};

use super::command::Auth;
use super::socket;
use super::tls::WANTS_TLS;

/// How long connecting and logging in may take.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// How long one command may take. Generous: a server that forks or loads can be silent for a while.
pub const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// What went wrong with a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeErrorKind {
    /// No connection: nobody listens, no route, no such host.
    Connect(String),
    /// A connection that can't be secured, or whose server can't be trusted or does not trust us: why, and what to do.
    Tls(String),
    /// The server wants a password, or another one.
    Auth(String),
    /// The server answered with an error.
    Refused(String),
    /// No answer in time.
    Timeout(Duration),
    /// The connection broke.
    Lost(String),
    /// The answer is not what the command answers.
    Unexpected(String),
}

/// How the text of a [`NodeErrorKind::Auth`] begins: snapshots carry errors as text.
pub const LOGIN_REFUSED: &str = "login refused";

/// How the text of a [`NodeErrorKind::Tls`] begins.
pub const TLS_FAILED: &str = "no TLS connection";

/// What went wrong, and at which node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{addr}: {kind}")]
pub struct NodeError {
    /// The node.
    pub addr: NodeAddr,
    /// What.
    pub kind: NodeErrorKind,
}

impl NodeError {
    /// What the end of a connection means: a server that awaits TLS takes the first plain words for a broken handshake, and
    /// hangs up. That is asked of it, where a plain connection broke.
    #[must_use]
    pub async fn explained(self, auth: &Auth) -> Self {
        let broke = matches!(self.kind, NodeErrorKind::Lost(_));
        if broke && auth.tls.is_none() && socket::wants_tls(&self.addr, CONNECT_DEADLINE).await {
            return Self { kind: NodeErrorKind::Tls(WANTS_TLS.to_owned()), ..self };
        }
        self
    }
}

impl fmt::Display for NodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeErrorKind::Connect(why) => write!(f, "can't connect ({why})"),
            NodeErrorKind::Tls(why) => write!(f, "{TLS_FAILED}: {why}"),
            NodeErrorKind::Auth(why) => write!(f, "{LOGIN_REFUSED} ({why})"),
            NodeErrorKind::Refused(reply) => write!(f, "the server refused: {reply}"),
            NodeErrorKind::Timeout(after) => write!(f, "no answer within {} s", after.as_secs_f32()),
            NodeErrorKind::Lost(why) => write!(f, "the connection broke ({why})"),
            NodeErrorKind::Unexpected(what) => write!(f, "unexpected answer: {what}"),
        }
    }
}

/// A connection to one node. Clones share it; concurrent calls are pipelined.
#[derive(Clone)]
pub struct NodeClient {
    addr: NodeAddr,
    connection: MultiplexedConnection,
    /// What writes and reads; it ends with the last clone, also where an answer is still due.
    _driver: Arc<AbortOnDropHandle<()>>,
    call_deadline: Duration,
    sent: Arc<AtomicU64>,
}

impl fmt::Debug for NodeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeClient({})", self.addr)
    }
}

impl NodeClient {
    /// Connects and logs in, within [`CONNECT_DEADLINE`].
    ///
    /// # Errors
    /// [`NodeErrorKind::Connect`], [`NodeErrorKind::Tls`], [`NodeErrorKind::Auth`] or [`NodeErrorKind::Timeout`].
    pub async fn connect(addr: &NodeAddr, auth: &Auth) -> Result<Self, NodeError> {
        Self::connect_within(addr, auth, CONNECT_DEADLINE).await
    }

    /// Connects and logs in, within the given time.
    ///
    /// # Errors
    /// As [`NodeClient::connect`].
    pub async fn connect_within(addr: &NodeAddr, auth: &Auth, deadline: Duration) -> Result<Self, NodeError> {
        Self::connect_with(addr, auth, deadline, CALL_DEADLINE).await
    }

    /// Connects within one deadline; each call may then take the other one.
    ///
    /// # Errors
    /// As [`NodeClient::connect`].
    pub async fn connect_with(
        addr: &NodeAddr,
        auth: &Auth,
        deadline: Duration,
        call_deadline: Duration,
    ) -> Result<Self, NodeError> {
        let fail = |kind| NodeError { addr: addr.clone(), kind };
        let plain = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(call_deadline));
        let tls = auth.tls.as_ref();
        // The outer deadline also covers the login.
        let connecting = async {
            let socket = socket::open(addr, tls, deadline).await.map_err(fail)?;
            let was_asked = socket.was_asked();
            let made = MultiplexedConnection::new_with_config(&plain, socket, config).await;
            let (connection, driver) = made.map_err(|error| fail(connect_error(&error, deadline)))?;
            let driver = Arc::new(AbortOnDropHandle::new(tokio::spawn(driver)));
            let (addr, sent) = (addr.clone(), Arc::default());
            let this = Self { addr, connection, _driver: driver, call_deadline, sent };
            if let Some(tls) = tls.filter(|_| was_asked) {
                // In TLS 1.3 the handshake is over for us before the server has looked at our certificate.
                let answer = this.call(&["PING"]).await;
                if matches!(answer, Err(NodeError { kind: NodeErrorKind::Lost(_) | NodeErrorKind::Connect(_), .. })) {
                    return Err(fail(NodeErrorKind::Tls(tls.refused())));
                }
            }
            this.log_in(auth).await?;
            Ok(this)
        };
        let late = || Err(fail(NodeErrorKind::Timeout(deadline)));
        tokio::time::timeout(deadline + Duration::from_millis(100), connecting).await.unwrap_or_else(|_| late())
    }

    /// AUTH, sent by ourselves: the crate would replace the server's words by its own. A server that has no password is
    /// content with any.
    async fn log_in(&self, auth: &Auth) -> Result<(), NodeError> {
        if auth.password.is_empty() {
            return Ok(());
        }
        let password = auth.password.expose();
        let words: &[&str] = if auth.user.is_empty() { &["AUTH", password] } else { &["AUTH", &auth.user, password] };
        match self.call(words).await {
            Ok(_) => Ok(()),
            Err(NodeError { kind: NodeErrorKind::Refused(reply), .. }) if needs_no_password(auth, &reply) => Ok(()),
            Err(NodeError { kind: NodeErrorKind::Refused(reply), addr }) => {
                Err(NodeError { addr, kind: NodeErrorKind::Auth(reply) })
            }
            Err(error) => Err(error),
        }
    }

    /// The node's address.
    #[must_use]
    pub fn addr(&self) -> &NodeAddr {
        &self.addr
    }

    /// How many commands this connection has sent: what a server counts of us.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    fn error(&self, kind: NodeErrorKind) -> NodeError {
        NodeError { addr: self.addr.clone(), kind }
    }

    /// Sends one command and waits for its answer.
    ///
    /// # Errors
    /// [`NodeErrorKind::Refused`] for an error reply (`-NOAUTH` and the like as [`NodeErrorKind::Auth`]), else
    /// [`NodeErrorKind::Timeout`] or [`NodeErrorKind::Lost`].
    pub async fn call<W: AsRef<[u8]>>(&self, words: &[W]) -> Result<Value, NodeError> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let mut connection = self.connection.clone();
        match tokio::time::timeout(self.call_deadline, connection.send_packed_command(&command(words))).await {
            Err(_) => Err(self.error(NodeErrorKind::Timeout(self.call_deadline))),
            Ok(Err(error)) => Err(self.error(call_error(&error, self.call_deadline))),
            Ok(Ok(value)) => self.answer(value),
        }
    }

    /// Sends several commands in one piece, which server and system handle in a few strokes; the answers come in the same
    /// order. Where the connection breaks or no answer comes in time, that is the answer to all of them, also to those
    /// that were carried out.
    pub async fn call_all<W: AsRef<[u8]>>(&self, commands: &[Vec<W>]) -> Vec<Result<Value, NodeError>> {
        if commands.is_empty() {
            return Vec::new();
        }
        let mut pipeline = redis::Pipeline::with_capacity(commands.len());
        for words in commands {
            pipeline.add_command(command(words));
        }
        self.sent.fetch_add(commands.len() as u64, Ordering::Relaxed);
        let mut connection = self.connection.clone();
        let sending = connection.send_packed_commands(&pipeline, 0, commands.len());
        let kind = match tokio::time::timeout(self.call_deadline, sending).await {
            Ok(Ok(values)) if values.len() == commands.len() => {
                return values.into_iter().map(|value| self.answer(value)).collect();
            }
            Ok(Ok(values)) => {
                NodeErrorKind::Unexpected(format!("{} answers to {} commands", values.len(), commands.len()))
            }
            Ok(Err(error)) => call_error(&error, self.call_deadline),
            Err(_) => NodeErrorKind::Timeout(self.call_deadline),
        };
        commands.iter().map(|_| Err(self.error(kind.clone()))).collect()
    }

    fn answer(&self, value: Value) -> Result<Value, NodeError> {
        match value {
            Value::ServerError(error) => {
                Err(self.error(reply_error(error.code(), error.details().unwrap_or_default())))
            }
            value => Ok(value),
        }
    }

    /// Sends one command and takes its answer as text.
    ///
    /// # Errors
    /// As [`NodeClient::call`]; [`NodeErrorKind::Unexpected`] where the answer is no text.
    pub async fn text(&self, words: &[&str]) -> Result<String, NodeError> {
        let value = self.call(words).await?;
        as_text(&value).ok_or_else(|| self.error(NodeErrorKind::Unexpected(format!("{} gave no text", words[0]))))
    }

    /// Sends one command and takes its answer as a number.
    ///
    /// # Errors
    /// As [`NodeClient::call`]; [`NodeErrorKind::Unexpected`] where the answer is no number.
    pub async fn number(&self, words: &[&str]) -> Result<u64, NodeError> {
        match self.call(words).await? {
            Value::Int(number) if number >= 0 => Ok(number.unsigned_abs()),
            other => Err(self.error(NodeErrorKind::Unexpected(format!("{} gave {other:?}", words.join(" "))))),
        }
    }

    /// `CLUSTER NODES`, read.
    ///
    /// # Errors
    /// As [`NodeClient::call`]; [`NodeErrorKind::Unexpected`] with the line that can't be read.
    pub async fn view(&self) -> Result<View, NodeError> {
        let text = self.text(&["CLUSTER", "NODES"]).await?;
        View::parse(&text).map_err(|error| self.error(NodeErrorKind::Unexpected(error.to_string())))
    }

    /// Sends a planned command.
    ///
    /// # Errors
    /// As [`NodeClient::call`].
    pub async fn run(&self, command: &NodeCommand) -> Result<Value, NodeError> {
        self.call(&command.words).await
    }
}

/// Whether a server refuses a password only because it has none.
pub(super) fn needs_no_password(auth: &Auth, reply: &str) -> bool {
    auth.user.is_empty() && (reply.contains("without any password") || reply.contains("no password is set"))
}

fn command<W: AsRef<[u8]>>(words: &[W]) -> redis::Cmd {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word.as_ref());
    }
    command
}

/// The text of a reply that is one (bulk, simple, verbatim or a number); bytes that are no UTF-8 are replaced.
#[must_use]
pub fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.clone()),
        Value::Okay => Some("OK".to_owned()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A line `name:value` of an INFO or CLUSTER INFO reply.
#[must_use]
pub fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

/// The process id that a server tells in its INFO reply: by its own count, which may not be the system's.
#[must_use]
pub fn process_id(info: &str) -> Option<u32> {
    info_field(info, "process_id")?.parse().ok()
}

fn connect_error(error: &redis::RedisError, deadline: Duration) -> NodeErrorKind {
    if error.is_timeout() {
        return NodeErrorKind::Timeout(deadline);
    }
    match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::Server(_) => NodeErrorKind::Auth(server_words(error)),
        ErrorKind::Extension => NodeErrorKind::Refused(server_words(error)),
        _ => NodeErrorKind::Connect(plain_io(error)),
    }
}

fn call_error(error: &redis::RedisError, deadline: Duration) -> NodeErrorKind {
    if error.is_timeout() {
        return NodeErrorKind::Timeout(deadline);
    }
    match error.code() {
        Some(code) => reply_error(code, error.detail().unwrap_or_default()),
        None => NodeErrorKind::Lost(plain_io(error)),
    }
}

fn reply_error(code: &str, details: &str) -> NodeErrorKind {
    let words = without_arguments(&format!("{code} {details}")).trim_end().to_owned();
    match code {
        "NOAUTH" | "WRONGPASS" => NodeErrorKind::Auth(words),
        _ => NodeErrorKind::Refused(words),
    }
}

/// A server's words without what it was sent: it answers a command that it does not know with the command's arguments,
/// and those of AUTH and MIGRATE hold the password. MIGRATE hands the words of its target on.
pub(super) fn without_arguments(reply: &str) -> &str {
    reply.split_once(", with args beginning with").map_or(reply, |(words, _)| words)
}

fn server_words(error: &redis::RedisError) -> String {
    let words = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (_, Some(detail)) => detail.to_owned(),
        _ => error.to_string(),
    };
    without_arguments(&words).to_owned()
}

/// The system's own words, without the crate's decoration where it is only an I/O error.
fn plain_io(error: &redis::RedisError) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_do_not_repeat_the_password_that_it_was_sent() {
        let told = |details: &str| match reply_error("ERR", details) {
            NodeErrorKind::Refused(words) => words,
            other => panic!("{other:?}"),
        };
        let new =
            "unknown command 'MIGRATE', with args beginning with: '10.0.0.5' '7001' '' '0' '60000' 'AUTH' 'hunter2' ";
        assert_eq!(told(new), "ERR unknown command 'MIGRATE'");
        let old = "unknown command `AUTH`, with args beginning with: `hunter2`, ";
        assert_eq!(told(old), "ERR unknown command `AUTH`");
        let nested =
            "Target instance replied with error: ERR unknown command 'AUTH', with args beginning with: 'hunter2' ";
        assert_eq!(told(nested), "ERR Target instance replied with error: ERR unknown command 'AUTH'");
        assert_eq!(
            told("wrong number of arguments for 'get' command"),
            "ERR wrong number of arguments for 'get' command"
        );
    }
}
