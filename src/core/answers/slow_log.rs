//! SLOWLOG GET: calls that took long.

use super::config::is_secret;
use super::reply::Reply;

/// How many bytes of a word are kept, and how many words of a call; the server itself cuts at 128 and 32.
const MOST_OF_WORD: usize = 128;
const MOST_WORDS: usize = 32;
/// What stands for a secret.
const HIDDEN: &[u8] = b"********";

/// A call that took long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowCall {
    /// Its number, counted by the server.
    pub id: i64,
    /// When it was carried out, seconds since 1970 by the server's clock.
    pub at: u64,
    /// How long it took, microseconds, without waiting and sending.
    pub took_us: u64,
    /// The command and its arguments, any bytes, shortened; secrets are hidden.
    pub words: Vec<Vec<u8>>,
    /// The client's address (Redis 4.0).
    pub client: Option<String>,
    /// The name that the client gave itself.
    pub name: Option<String>,
}

/// Reads a reply, in the server's order: newest first.
#[must_use]
pub fn read_slow_log(reply: &Reply) -> Vec<SlowCall> {
    reply.list().iter().filter_map(read_call).collect()
}

fn read_call(entry: &Reply) -> Option<SlowCall> {
    let [id, at, took, words, rest @ ..] = entry.list() else { return None };
    let text = |at: usize| rest.get(at).and_then(Reply::text).filter(|text| !text.is_empty());
    Some(SlowCall {
        id: id.number()?,
        at: at.count()?,
        took_us: took.count()?,
        words: hide_secrets(words.list().iter().take(MOST_WORDS).map(word).collect()),
        client: text(0).map(Into::into),
        name: text(1).map(Into::into),
    })
}

fn word(reply: &Reply) -> Vec<u8> {
    match reply {
        Reply::Text(bytes) => bytes[..bytes.len().min(MOST_OF_WORD)].to_vec(),
        other => other.text().map(|text| text.into_owned().into_bytes()).unwrap_or_default(),
    }
}

/// Newer servers hide passwords in their slow log themselves; older ones do not.
fn hide_secrets(mut words: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let small = |word: &[u8]| String::from_utf8_lossy(word).to_lowercase();
    let command = words.first().map(|word| small(word)).unwrap_or_default();
    let second = words.get(1).map(|word| small(word)).unwrap_or_default();
    let is_set = |at: usize| words.get(at).is_some_and(|word| is_secret(&small(word)));
    let hidden: Vec<usize> = match (command.as_str(), second.as_str()) {
        ("auth", _) => (1..words.len()).collect(),
        ("config", "set") => (3..words.len()).step_by(2).filter(|at| is_set(at - 1)).collect(),
        ("acl", "setuser") => {
            (3..words.len()).filter(|at| matches!(words[*at].first(), Some(b'>' | b'<' | b'#' | b'!'))).collect()
        }
        // HELLO 3 AUTH user password; MIGRATE host port key db timeout … AUTH password, AUTH2 user password. What stands
        // before may be called auth as well, and so may keys: all that could be a password is hidden.
        ("hello" | "migrate", _) => {
            let begin = if command == "hello" { 2 } else { 6 };
            let is_auth = |at: &usize| matches!(small(&words[*at]).as_str(), "auth" | "auth2");
            (begin..words.len()).filter(is_auth).flat_map(|at| at + 1..(at + 3).min(words.len())).collect()
        }
        _ => Vec::new(),
    };
    for at in hidden {
        words[at] = HIDDEN.to_vec();
    }
    words
}
