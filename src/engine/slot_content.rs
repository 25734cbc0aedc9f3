//! Looks into one slot, and at one key: on request, and never more than a bounded part of either.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use redis::Value;

use crate::core::slot::Slot;
use crate::core::topology::NodeAddr;

use super::client::{NodeClient, NodeError, as_text};
use super::command::Auth;

/// How many keys of a slot are listed at most.
pub const MOST_KEYS: u32 = 200;
/// How many bytes of a string are fetched.
pub const MOST_BYTES: u64 = 512;
/// How many elements of a collection are fetched.
const MOST_ELEMENTS: usize = 10;
/// How many bytes of one element are kept.
const MOST_OF_ELEMENT: usize = 256;
/// From this size on, bytes, a collection is previewed only if its elements are small on average,
const LARGE: u64 = 4 << 20;
/// that is, smaller than this.
const LARGE_ELEMENT: u64 = 64 << 10;

/// The encodings that servers give small collections of small elements only.
const COMPACT: [&str; 4] = ["intset", "listpack", "ziplist", "zipmap"];

/// The first keys of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotContent {
    /// The slot.
    pub slot: Slot,
    /// How many keys were asked for at most.
    pub limit: u32,
    /// The keys, or why there are none.
    pub keys: Result<Vec<KeyView>, String>,
    /// When.
    pub at: SystemTime,
}

/// One key, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyView {
    /// Its name, any bytes.
    pub name: Arc<[u8]>,
    /// What TYPE says; `none` if it went meanwhile.
    pub kind: String,
    /// How long it still lives; `None` for ever.
    pub ttl: Option<Duration>,
    /// What MEMORY USAGE says, bytes; `None` where the server or the login has no such command.
    pub memory: Option<u64>,
    /// Its length: bytes of a string, elements of a collection.
    pub length: Option<u64>,
}

/// The beginning of a key's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPreview {
    /// The key.
    pub key: Arc<[u8]>,
    /// What was found, or why nothing.
    pub value: Result<Preview, String>,
    /// When.
    pub at: SystemTime,
}

/// A bounded part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// What TYPE says.
    pub kind: String,
    /// What OBJECT ENCODING says.
    pub encoding: Option<String>,
    /// How long the key still lives; `None` for ever.
    pub ttl: Option<Duration>,
    /// Bytes of a string, elements of a collection.
    pub length: Option<u64>,
    /// What MEMORY USAGE says, bytes.
    pub memory: Option<u64>,
    /// The part.
    pub part: Part,
}

/// What of a value is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The first bytes of a string.
    Bytes(Vec<u8>),
    /// Elements: a field, score or id where the type has one, and the value.
    Elements(Vec<(Option<Vec<u8>>, Piece)>),
    /// Nothing: elements of this size would take too long to fetch.
    TooLarge,
    /// Nothing: a type that is not known here.
    Opaque,
}

/// The beginning of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The first bytes.
    pub bytes: Vec<u8>,
    /// How many there are.
    pub length: usize,
}

/// Lists the first keys of a slot with what can be had of them cheaply, in three pipelines.
pub async fn look_into(addr: Option<&NodeAddr>, auth: &Auth, slot: Slot, limit: u32) -> SlotContent {
    let limit = limit.clamp(1, MOST_KEYS);
    let keys = match addr {
        None => Err("nobody owns the slot".to_owned()),
        Some(addr) => list(addr, auth, slot, limit).await.map_err(|error| error.to_string()),
    };
    SlotContent { slot, limit, keys, at: SystemTime::now() }
}

async fn list(addr: &NodeAddr, auth: &Auth, slot: Slot, limit: u32) -> Result<Vec<KeyView>, NodeError> {
    let client = NodeClient::connect(addr, auth).await?;
    let (slot, limit) = (slot.to_string(), limit.to_string());
    let names = match client.call(&["CLUSTER", "GETKEYSINSLOT", &slot, &limit]).await? {
        Value::Array(names) => names.into_iter().filter_map(bytes).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let asked = names.iter().flat_map(|name| {
        [words(&["TYPE"], name, &[]), words(&["PTTL"], name, &[]), words(&["MEMORY", "USAGE"], name, &[])]
    });
    let answers = client.call_all(&asked.collect::<Vec<_>>()).await;
    let mut keys: Vec<KeyView> = names
        .into_iter()
        .zip(answers.chunks_exact(3))
        .map(|(name, answers)| KeyView {
            name: name.into(),
            kind: text_of(&answers[0]).unwrap_or_default(),
            ttl: number_of(&answers[1]).map(Duration::from_millis),
            memory: number_of(&answers[2]),
            length: None,
        })
        .collect();
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    let sized: Vec<usize> = (0..keys.len()).filter(|i| length_command(&keys[*i].kind).is_some()).collect();
    let asked = sized.iter().filter_map(|i| Some(words(&[length_command(&keys[*i].kind)?], &keys[*i].name, &[])));
    let lengths = client.call_all(&asked.collect::<Vec<_>>()).await;
    for (i, length) in sized.into_iter().zip(&lengths) {
        keys[i].length = number_of(length);
    }
    Ok(keys)
}

/// Fetches the beginning of a key's value.
pub async fn preview(addr: Option<&NodeAddr>, auth: &Auth, key: Arc<[u8]>) -> KeyPreview {
    let value = match addr {
        None => Err("nobody owns the key's slot".to_owned()),
        Some(addr) => read(addr, auth, &key).await.map_err(|error| error.to_string()),
    };
    KeyPreview { key, value, at: SystemTime::now() }
}

async fn read(addr: &NodeAddr, auth: &Auth, key: &[u8]) -> Result<Preview, NodeError> {
    let client = NodeClient::connect(addr, auth).await?;
    let asked = [
        words(&["TYPE"], key, &[]),
        words(&["PTTL"], key, &[]),
        words(&["MEMORY", "USAGE"], key, &[]),
        words(&["OBJECT", "ENCODING"], key, &[]),
    ];
    let answers = client.call_all(&asked).await;
    let kind = match &answers[0] {
        Ok(kind) => as_text(kind).unwrap_or_default(),
        Err(error) => return Err(error.clone()),
    };
    let (memory, encoding) = (number_of(&answers[2]), text_of(&answers[3]));
    let length = match length_command(&kind) {
        Some(command) => number_of(&client.call(&words(&[command], key, &[])).await),
        None => None,
    };
    let part = match part_command(&kind, key) {
        None => Part::Opaque,
        Some(_) if kind != "string" && may_be_huge(memory, length, encoding.as_deref()) => Part::TooLarge,
        Some(command) => part_of(&kind, client.call(&command).await?),
    };
    let ttl = number_of(&answers[1]).map(Duration::from_millis);
    Ok(Preview { kind, encoding, ttl, length, memory, part })
}

/// Whether a few elements of a collection may be many megabytes: by its size where that is told, else by its encoding.
fn may_be_huge(memory: Option<u64>, length: Option<u64>, encoding: Option<&str>) -> bool {
    match (memory, length) {
        (Some(memory), Some(length)) => memory > LARGE && memory / length.max(1) > LARGE_ELEMENT,
        _ => !encoding.is_some_and(|encoding| COMPACT.contains(&encoding)),
    }
}

/// The command that tells the length of a value of this type.
fn length_command(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "string" => "STRLEN",
        "list" => "LLEN",
        "set" => "SCARD",
        "hash" => "HLEN",
        "zset" => "ZCARD",
        "stream" => "XLEN",
        _ => return None,
    })
}

/// The command that fetches a bounded part of a value of this type.
fn part_command(kind: &str, key: &[u8]) -> Option<Vec<Vec<u8>>> {
    let last = (MOST_ELEMENTS - 1).to_string();
    let count = MOST_ELEMENTS.to_string();
    Some(match kind {
        "string" => words(&["GETRANGE"], key, &["0", &(MOST_BYTES - 1).to_string()]),
        "list" => words(&["LRANGE"], key, &["0", &last]),
        "set" => words(&["SSCAN"], key, &["0", "COUNT", &count]),
        "hash" => words(&["HSCAN"], key, &["0", "COUNT", &count]),
        "zset" => words(&["ZRANGE"], key, &["0", &last, "WITHSCORES"]),
        "stream" => words(&["XRANGE"], key, &["-", "+", "COUNT", &count]),
        _ => return None,
    })
}

fn part_of(kind: &str, reply: Value) -> Part {
    let alone = |list: Vec<Value>| list.into_iter().map(|v| (None, piece(v))).take(MOST_ELEMENTS).collect();
    match (kind, reply) {
        ("string", reply) => Part::Bytes(bytes(reply).unwrap_or_default()),
        ("set" | "hash", Value::Array(scan)) => match (kind, scan.into_iter().nth(1)) {
            ("set", Some(Value::Array(list))) => Part::Elements(alone(list)),
            (_, Some(Value::Array(list))) => Part::Elements(pairs(list, false)),
            _ => Part::Elements(Vec::new()),
        },
        ("zset", Value::Array(list)) => Part::Elements(pairs(list, true)),
        ("stream", Value::Array(list)) => Part::Elements(list.into_iter().filter_map(entry).collect()),
        (_, Value::Array(list)) => Part::Elements(alone(list)),
        _ => Part::Opaque,
    }
}

/// `[field, value, …]`, or `[value, score, …]`.
fn pairs(list: Vec<Value>, score_last: bool) -> Vec<(Option<Vec<u8>>, Piece)> {
    let mut list = list.into_iter();
    let mut found = Vec::new();
    while let (Some(a), Some(b)) = (list.next(), list.next()) {
        let (name, value) = if score_last { (b, a) } else { (a, b) };
        found.push((Some(piece(name).bytes), piece(value)));
        if found.len() == MOST_ELEMENTS {
            break;
        }
    }
    found
}

/// `[id, [field, value, …]]` of a stream: the fields on one line.
fn entry(value: Value) -> Option<(Option<Vec<u8>>, Piece)> {
    let Value::Array(pair) = value else { return None };
    let mut pair = pair.into_iter();
    let (id, fields) = (pair.next()?, pair.next()?);
    let Value::Array(fields) = fields else { return None };
    let line = fields.into_iter().filter_map(bytes).collect::<Vec<_>>().join(&b' ');
    Some((bytes(id), piece(Value::BulkString(line))))
}

fn piece(value: Value) -> Piece {
    let mut bytes = bytes(value).unwrap_or_default();
    let length = bytes.len();
    bytes.truncate(MOST_OF_ELEMENT);
    Piece { bytes, length }
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        other => as_text(&other).map(String::into_bytes),
    }
}

fn words(command: &[&str], key: &[u8], rest: &[&str]) -> Vec<Vec<u8>> {
    let before = command.iter().map(|word| word.as_bytes().to_vec());
    before.chain([key.to_vec()]).chain(rest.iter().map(|word| word.as_bytes().to_vec())).collect()
}

fn text_of(answer: &Result<Value, NodeError>) -> Option<String> {
    as_text(answer.as_ref().ok()?)
}

/// A number that is not negative: PTTL says -1 for ever and -2 for gone.
fn number_of(answer: &Result<Value, NodeError>) -> Option<u64> {
    match answer {
        Ok(Value::Int(number)) => u64::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn a_server_that_gives_more_than_was_asked_for_is_cut() {
        let all: Vec<Value> = (0..500).map(|n| bulk(&n.to_string())).collect();
        let Part::Elements(set) = part_of("set", Value::Array(vec![bulk("0"), Value::Array(all.clone())])) else {
            panic!()
        };
        assert_eq!(set.len(), MOST_ELEMENTS);
        let Part::Elements(hash) = part_of("hash", Value::Array(vec![bulk("0"), Value::Array(all)])) else { panic!() };
        assert_eq!(hash.len(), MOST_ELEMENTS);
        assert_eq!(hash[1], (Some(b"2".to_vec()), Piece { bytes: b"3".to_vec(), length: 1 }));
    }

    #[test]
    fn a_long_element_says_how_long_it_is() {
        let piece = piece(Value::BulkString(vec![0; 70_000]));
        assert_eq!((piece.bytes.len(), piece.length), (MOST_OF_ELEMENT, 70_000));
    }

    #[test]
    fn collections_of_huge_elements_are_left_alone() {
        assert!(may_be_huge(Some(100 << 20), Some(3), None));
        assert!(!may_be_huge(Some(100 << 20), Some(1_000_000), None));
        assert!(!may_be_huge(Some(1000), Some(1), None));
        // A login without MEMORY, or a server before 4.0.
        assert!(may_be_huge(None, Some(10), Some("quicklist")) && may_be_huge(None, Some(10), None));
        assert!(!may_be_huge(None, Some(10), Some("listpack")));
    }

    #[test]
    fn a_score_stands_before_its_member() {
        let list = vec![bulk("ada"), bulk("3.5")];
        assert_eq!(pairs(list, true), [(Some(b"3.5".to_vec()), Piece { bytes: b"ada".to_vec(), length: 3 })]);
    }

    #[test]
    fn a_type_of_a_module_is_named_and_not_read() {
        assert_eq!(part_command("ReJSON-RL", b"k"), None);
        assert_eq!(length_command("vectorset"), None);
    }
}
