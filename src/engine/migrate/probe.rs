//! What two servers can do together, asked of them and not read off their version.

use redis::Value;

use crate::core::plan::moves::Master;
use crate::core::slot::key_slot;
use crate::engine::client::{NodeClient, NodeErrorKind, as_text};
use crate::engine::command::Auth;

use super::{Backend, Method, Why};

/// How many names are tried to find one of the source's slots: with one slot in 16384, a million miss once in e^61.
const NAMES: u32 = 1_000_000;

/// How slots get from one to the other.
pub(super) async fn backend(from: &NodeClient, to: &NodeClient, method: Method) -> Result<Backend, Why> {
    if method == Method::Classic {
        return Ok(Backend::Classic);
    }
    let (source, target) = tokio::join!(help(from), help(to));
    let both = |word: &str| [&source, &target].iter().all(|help| help.iter().any(|line| line.starts_with(word)));
    match method {
        _ if both("MIGRATION IMPORT") => Ok(Backend::RedisAtomic),
        _ if both("MIGRATESLOTS") => Ok(Backend::ValkeyAtomic),
        Method::Atomic => Err(format!("{} and {} can't migrate slots atomically", from.addr(), to.addr())),
        Method::Auto | Method::Classic => Ok(Backend::Classic),
    }
}

/// The lines of CLUSTER HELP (5.0); none where the server does not know it.
async fn help(client: &NodeClient) -> Vec<String> {
    match client.call(&["CLUSTER", "HELP"]).await {
        Ok(Value::Array(lines)) => lines.iter().filter_map(as_text).map(|line| line.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// Whether the source may move keys, and whether it takes many at a time: it is asked to move a key that nobody has, to
/// which it answers NOKEY without even connecting.
pub(super) async fn classic(from: &NodeClient, source: &Master, auth: &Auth) -> Result<bool, Why> {
    one_database(from).await?;
    let named = (0..NAMES).map(|i| format!("slotdeck:nobody-has-this-key:{i}"));
    let Some(key) = named.into_iter().find(|name| source.slots.contains(key_slot(name.as_bytes()))) else {
        return Ok(true);
    };
    let login = super::drain::login_words(auth);
    let port = from.addr().port.to_string();
    let host = from.addr().host.clone();
    let mut words: Vec<Vec<u8>> =
        ["MIGRATE", &host, &port, "", "0", "1000"].iter().map(|w| w.as_bytes().to_vec()).collect();
    words.extend(login.iter().cloned());
    words.push(b"KEYS".to_vec());
    words.push(key.into_bytes());
    match from.call(&words).await {
        Ok(_) => Ok(true),
        Err(error) => match error.kind {
            NodeErrorKind::Refused(reply) if reply.contains("syntax error") && login.is_empty() => Ok(false),
            NodeErrorKind::Refused(reply) if reply.contains("syntax error") => {
                Err(format!("{}: this server's MIGRATE can't log in at another server", from.addr()))
            }
            NodeErrorKind::Refused(reply) if reply.starts_with("NOPERM") => {
                Err(format!("{}: this user may not move keys: {reply}", from.addr()))
            }
            kind => Err(format!("{}: {kind}", from.addr())),
        },
    }
}

/// Valkey 9 can have several databases in a cluster; MIGRATE and COUNTKEYSINSLOT see one at a time.
async fn one_database(client: &NodeClient) -> Result<(), Why> {
    let answer = client.call(&["CONFIG", "GET", "cluster-databases"]).await;
    let Ok(Value::Array(items)) = answer else { return Ok(()) };
    match items.get(1).and_then(as_text).and_then(|text| text.parse::<u32>().ok()) {
        Some(databases) if databases > 1 => {
            Err(format!("{} has {databases} databases, which only an atomic migration moves as a whole", client.addr()))
        }
        _ => Ok(()),
    }
}
