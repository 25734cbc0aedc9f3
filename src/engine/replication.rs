//! Waiting until replicas have what their masters have: a copy of a large data set takes as long as it takes, so only
//! standstill counts.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::client::{NodeClient, info_field};
use super::detail::Detail;

/// How long nothing may happen before the wait ends: the servers' own `repl-timeout` gives up after as long.
const STANDSTILL: Duration = Duration::from_mins(1);
/// How often to look.
const PAUSE: Duration = Duration::from_millis(50);
/// What grows or shrinks while a replica is filled (INFO).
const GAUGES: [&str; 4] = ["master_sync_read_bytes", "master_sync_left_bytes", "loading_loaded_bytes", "async_loading"];

/// A replica and its master.
#[derive(Debug, Clone)]
pub struct Couple {
    /// The replica.
    pub replica: NodeClient,
    /// Its master.
    pub master: NodeClient,
}

/// Waits until the link of each replica to its master is up, and says meanwhile what it waits for.
///
/// # Errors
/// Which replica has no link, and why, in words; also when asked to stop.
pub async fn await_links(
    couples: &[Couple],
    waiting: &(dyn Fn(Detail) + Sync),
    cancel: &CancellationToken,
) -> Result<(), String> {
    let mut seen: BTreeMap<usize, String> = BTreeMap::new();
    let mut deadline = Instant::now() + STANDSTILL;
    loop {
        let states = join_all(couples.iter().map(state)).await;
        let mut missing = None;
        for (i, state) in states.into_iter().enumerate() {
            let (couple, State { up, token, words }) = (&couples[i], state);
            if up {
                continue;
            }
            if seen.insert(i, token.clone()).is_some_and(|before| before != token) {
                deadline = Instant::now() + STANDSTILL;
            }
            missing.get_or_insert((couple, words));
        }
        let Some((couple, words)) = missing else { return Ok(()) };
        let (replica, master) = (couple.replica.addr(), couple.master.addr());
        if cancel.is_cancelled() {
            return Err(format!("stopped waiting for replica {replica}: it goes on copying {master} by itself"));
        }
        if Instant::now() > deadline {
            return Err(format!(
                "replica {replica} has no link to its master {master}: {words}. Its log says why; often its masterauth \
                 is not the master's password, or the port can't be reached from there"
            ));
        }
        waiting(Detail::Copies { replica: replica.clone(), master: master.clone(), words });
        sleep(PAUSE).await;
    }
}

struct State {
    up: bool,
    /// Changes while something goes on.
    token: String,
    words: String,
}

async fn state(couple: &Couple) -> State {
    let (replica, master) = tokio::join!(couple.replica.text(&["INFO"]), couple.master.text(&["INFO", "replication"]));
    let info = match replica {
        Ok(info) => info,
        // A server that loads a large data set may not answer for a while.
        Err(error) => return State { up: false, token: String::new(), words: error.kind.to_string() },
    };
    if info_field(&info, "master_link_status") == Some("up") {
        return State { up: true, token: String::new(), words: String::new() };
    }
    let gauges: Vec<&str> = GAUGES.iter().filter_map(|name| info_field(&info, name)).collect();
    let sends = sends_to(&master.unwrap_or_default(), couple.replica.addr().port);
    // A snapshot that is being written shows nowhere but in time.
    let clock = if sends.is_some() { format!("{:?}", Instant::now()) } else { String::new() };
    let left = info_field(&info, "master_sync_left_bytes").filter(|left| left.parse::<u64>().is_ok_and(|n| n > 0));
    let words = match (left, sends) {
        (Some(left), _) => format!("{left} bytes left"),
        (None, Some(state)) => state,
        (None, None) => "no link yet".to_owned(),
    };
    State { up: false, token: format!("{gauges:?}{clock}"), words }
}

/// What the master does for the replica of this port, where it prepares or sends data:
/// `slave0:ip=127.0.0.1,port=7001,state=wait_bgsave,…`.
fn sends_to(info: &str, port: u16) -> Option<String> {
    let lines = info.lines().filter(|line| line.starts_with("slave") && line.contains(":ip="));
    let mine = lines.filter(|line| line.contains(&format!(",port={port},")));
    let state = |line: &str| line.split(',').find_map(|field| field.strip_prefix("state=")).map(str::to_owned);
    mine.filter_map(state).find(|state| state == "wait_bgsave" || state == "send_bulk")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_that_prepares_or_sends_data_is_at_work() {
        let info = "role:master\r\nslave0:ip=127.0.0.1,port=7001,state=online,offset=1,lag=0\r\n\
                    slave1:ip=127.0.0.1,port=7002,state=wait_bgsave,offset=0,lag=0\r\n";
        assert_eq!(sends_to(info, 7001), None);
        assert_eq!(sends_to(info, 7002).as_deref(), Some("wait_bgsave"));
        assert_eq!(sends_to(info, 700), None);
    }
}
