//! Asks for what is looked at, over connections that are kept while it is.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream;
use redis::Value;

use crate::core::answers::{
    Reply, Section, compare, read_clients, read_config, read_history, read_info, read_latest, read_lines, read_links,
    read_own_shard, read_slow_log,
};
use crate::core::topology::NodeAddr;
use crate::engine::client::{NodeClient, NodeError, as_text};
use crate::engine::command::Auth;

use super::{
    ConfigFacts, LatencyFacts, MOST_CLIENTS, MOST_LINKED, MOST_PEERS, MOST_SLOW_CALLS, NodeFacts, NodeLinks, Part,
    Seen, SlowFacts, Subject,
};

/// How many nodes are asked at the same time.
const AT_ONCE: usize = 16;
/// How many histories of latency events are asked for.
const MOST_HISTORIES: usize = 16;

/// The connections of a look.
pub(super) type Lines = BTreeMap<NodeAddr, NodeClient>;

pub(super) async fn fetch(
    subject: &Subject,
    peers: &[NodeAddr],
    auth: &Auth,
    lines: &mut Lines,
) -> Result<Seen, NodeError> {
    match subject {
        Subject::Links(nodes) => Ok(Seen::Links(links_of(nodes, auth, lines).await)),
        Subject::Config(node) => config(node, peers, auth, lines).await,
        Subject::Facts(node) | Subject::Clients(node) | Subject::SlowLog(node) | Subject::Latency(node) => {
            let client = match lines.remove(node) {
                Some(client) => client,
                None => NodeClient::connect(node, auth).await?,
            };
            let seen = match subject {
                Subject::Clients(_) => {
                    Seen::Clients(read_clients(&client.text(&["CLIENT", "LIST"]).await?, MOST_CLIENTS))
                }
                Subject::SlowLog(_) => slow_log(&client).await?,
                Subject::Latency(_) => latency(&client).await?,
                _ => facts(&client).await?,
            };
            lines.insert(node.clone(), client);
            Ok(seen)
        }
    }
}

/// What of an answer is the server's refusal; what broke the connection is an error.
fn part(answer: Result<Value, NodeError>) -> Part<Value> {
    answer.map_err(|error| error.kind.to_string())
}

fn commands(list: &[&[&str]]) -> Vec<Vec<String>> {
    list.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect()
}

async fn facts(client: &NodeClient) -> Result<Seen, NodeError> {
    // Over one connection at once; the first says whether there is one at all.
    let asked = commands(&[
        &["INFO", "all"],
        &["CLUSTER", "INFO"],
        &["CLUSTER", "NODES"],
        &["CLUSTER", "SHARDS"],
        &["CLUSTER", "LINKS"],
    ]);
    let mut answers = client.call_all(&asked).await.into_iter();
    let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
    let info = read_info(&as_text(&next()?).unwrap_or_default());
    let named = |name: &str, fields| Section { name: name.to_owned(), fields };
    let cluster = part(next()).map(|value| {
        let told = read_info(&as_text(&value).unwrap_or_default());
        named("CLUSTER INFO", told.into_iter().flat_map(|section| section.fields).collect())
    });
    let lines = part(next()).map(|value| read_lines(&as_text(&value).unwrap_or_default()));
    let own = lines.as_ref().ok().and_then(|lines| lines.iter().find(|line| line.is_own()));
    let own_line = lines.as_ref().map_err(Clone::clone).map(|_| {
        let fields = own.map(|line| line.fields.clone()).unwrap_or_default();
        named("CLUSTER NODES", fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    });
    let shard =
        part(next()).map(|value| own.and_then(|line| read_own_shard(&reply_of(value), &line.node)).unwrap_or_default());
    let links = part(next()).map(|value| read_links(&reply_of(value)));
    Ok(Seen::Facts(Box::new(NodeFacts { info, cluster, own_line, shard, links })))
}

async fn slow_log(client: &NodeClient) -> Result<Seen, NodeError> {
    let most = MOST_SLOW_CALLS.to_string();
    let asked =
        commands(&[&["SLOWLOG", "GET", &most], &["SLOWLOG", "LEN"], &["CONFIG", "GET", "slowlog-log-slower-than"]]);
    let mut answers = client.call_all(&asked).await.into_iter();
    let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
    let calls = read_slow_log(&reply_of(next()?));
    let total = next().ok().and_then(|value| reply_of(value).count());
    let slower_than_us = next().ok().and_then(|value| reply_of(value).list().get(1)?.number());
    Ok(Seen::SlowLog(SlowFacts { calls, total, slower_than_us }))
}

async fn latency(client: &NodeClient) -> Result<Seen, NodeError> {
    let asked = commands(&[&["LATENCY", "LATEST"], &["CONFIG", "GET", "latency-monitor-threshold"]]);
    let mut answers = client.call_all(&asked).await.into_iter();
    let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
    let mut events = read_latest(&reply_of(next()?));
    let threshold_ms = next().ok().and_then(|value| reply_of(value).list().get(1)?.count());
    events.sort_by_key(|event| std::cmp::Reverse(event.worst_ms));
    let names: Vec<String> = events.iter().take(MOST_HISTORIES).map(|event| event.name.clone()).collect();
    let asked: Vec<Vec<&str>> = names.iter().map(|name| vec!["LATENCY", "HISTORY", name]).collect();
    for (event, history) in events.iter_mut().zip(client.call_all(&asked).await) {
        event.history = history.map(|value| read_history(&reply_of(value))).unwrap_or_default();
    }
    Ok(Seen::Latency(LatencyFacts { events, threshold_ms }))
}

async fn config(node: &NodeAddr, peers: &[NodeAddr], auth: &Auth, lines: &mut Lines) -> Result<Seen, NodeError> {
    let asked: Vec<NodeAddr> = std::iter::once(node).chain(peers.iter().take(MOST_PEERS)).cloned().collect();
    let told = ask_each(&asked, auth, lines, async |client| {
        Ok(read_config(&reply_of(client.call(&["CONFIG", "GET", "*"]).await?)))
    })
    .await;
    let (mut own, mut others, mut silent) = (None, Vec::new(), Vec::new());
    for (addr, told) in told {
        match told {
            told if addr == *node => own = Some(told?),
            Ok(told) => others.push((addr, told)),
            Err(error) => silent.push((addr, error.kind.to_string())),
        }
    }
    others.sort_by(|(a, _), (b, _)| a.cmp(b));
    silent.sort();
    let settings = compare(&own.unwrap_or_default(), &others);
    Ok(Seen::Config(ConfigFacts { settings, peers: others.into_iter().map(|(addr, _)| addr).collect(), silent }))
}

async fn links_of(nodes: &[NodeAddr], auth: &Auth, lines: &mut Lines) -> BTreeMap<NodeAddr, NodeLinks> {
    let nodes = &nodes[..nodes.len().min(MOST_LINKED)];
    let told = ask_each(nodes, auth, lines, async |client| {
        let asked = commands(&[&["CLUSTER", "LINKS"], &["CLUSTER", "NODES"], &["TIME"]]);
        let mut answers = client.call_all(&asked).await.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
        let links = part(next()).map(|value| read_links(&reply_of(value)));
        let lines = part(next()).map(|value| read_lines(&as_text(&value).unwrap_or_default()));
        let now_ms = next().ok().and_then(|value| millis(&reply_of(value))).unwrap_or_else(here_ms);
        Ok(NodeLinks { links, lines, now_ms })
    })
    .await;
    let silent = |error: NodeError| {
        let why = error.kind.to_string();
        NodeLinks { links: Err(why.clone()), lines: Err(why), now_ms: here_ms() }
    };
    told.into_iter().map(|(addr, links)| (addr, links.unwrap_or_else(silent))).collect()
}

/// TIME: seconds and microseconds.
fn millis(time: &Reply) -> Option<u64> {
    let [secs, micros] = time.list() else { return None };
    secs.count()?.checked_mul(1000)?.checked_add(micros.count()? / 1000)
}

fn here_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Asks several nodes at once, over connections that are kept where nothing went wrong.
async fn ask_each<T>(
    nodes: &[NodeAddr],
    auth: &Auth,
    lines: &mut Lines,
    ask: impl AsyncFn(&NodeClient) -> Result<T, NodeError>,
) -> Vec<(NodeAddr, Result<T, NodeError>)> {
    let work: Vec<_> = nodes.iter().map(|addr| (addr.clone(), lines.remove(addr))).collect();
    let asking = work.into_iter().map(|(addr, line)| {
        let ask = &ask;
        async move {
            let asked = async {
                let client = match line {
                    Some(client) => client,
                    None => NodeClient::connect(&addr, auth).await?,
                };
                let answer = ask(&client).await?;
                Ok((client, answer))
            };
            let answer = asked.await;
            (addr, answer)
        }
    });
    let asking: Vec<_> = asking.collect();
    let mut answers = stream::iter(asking).buffer_unordered(AT_ONCE);
    let mut told = Vec::with_capacity(nodes.len());
    while let Some((addr, answer)) = answers.next().await {
        told.push(match answer {
            Ok((client, answer)) => {
                lines.insert(addr.clone(), client);
                (addr, Ok(answer))
            }
            Err(error) => (addr, Err(error)),
        });
    }
    told
}

/// A reply as plain data.
#[must_use]
pub fn reply_of(value: Value) -> Reply {
    match value {
        Value::Int(number) => Reply::Int(number),
        Value::BulkString(bytes) => Reply::Text(bytes),
        Value::Array(list) | Value::Set(list) => Reply::List(list.into_iter().map(reply_of).collect()),
        Value::Map(pairs) => {
            Reply::List(pairs.into_iter().flat_map(|(name, value)| [reply_of(name), reply_of(value)]).collect())
        }
        Value::Double(number) => Reply::Text(number.to_string().into_bytes()),
        Value::Boolean(yes) => Reply::Int(yes.into()),
        other => as_text(&other).map_or(Reply::Nil, |text| Reply::Text(text.into_bytes())),
    }
}
