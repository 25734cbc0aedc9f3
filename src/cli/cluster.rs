//! `check` and `info`, and how servers that run already are reached.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;

use crate::core::check::Finding;
use crate::core::plan::fix::{owners, stray_keys, suspects};
use crate::core::plan::{shell_word, shell_words};
use crate::core::topology::{NodeAddr, Role, View};
use crate::engine::client::{CONNECT_DEADLINE, NodeClient, NodeError, NodeErrorKind};
use crate::engine::command::Auth;
use crate::engine::fix;
use crate::engine::gather::{Gathered, gather};
use crate::engine::lifecycle::auth_of;
use crate::workspace::document::ClusterDoc;
use crate::workspace::store::Workspace;

use super::cluster_args::{CheckArgs, SeedArgs};
use super::failure::Failure;
use super::json::{CheckJson, findings_of, nodes_of};
use super::login::{self, Login};
use super::login_args::LoginArgs;
use super::moving::Earlier;
use super::redis_lines;
use super::terminal::{Terminal, ask_password, complain};

/// redis-cli's words for an address that is none; byte-equal.
const BAD_SEED: &str = "[ERR] Invalid arguments: you need to pass either a valid address (ie. 120.0.0.1:7000) or space separated IP and port (ie. 120.0.0.1 7000)";

/// User, password and deadline of the connections.
pub(super) struct Access {
    pub(super) auth: Auth,
    pub(super) connect: Duration,
    /// The cluster was named, not a node: the name is all that another command needs.
    name: Option<String>,
}

impl Access {
    /// For a cluster that is known by its name here: what was not given is as it is remembered.
    pub(super) fn complete(&mut self, doc: &ClusterDoc) {
        let known = auth_of(doc);
        let all_known = self.auth.tls.is_none() && self.auth.password.is_empty();
        let tls = self.auth.tls.take().or_else(|| known.tls.clone());
        if self.auth.password.is_empty() {
            self.auth = known;
        }
        self.auth.tls = tls;
        self.name = all_known.then(|| doc.name.clone());
    }

    /// How a command that a person is told to run names the cluster: as it was named, or by this node with what the
    /// connection takes.
    pub(super) fn place(&self, seed: &NodeAddr) -> String {
        if let Some(name) = &self.name {
            return shell_word(name);
        }
        let mut words = vec![seed.to_string()];
        words.extend(self.auth.tls.iter().map(|tls| shell_words(&tls.options().words())));
        if !self.auth.user.is_empty() {
            words.push(format!("--user {}", shell_word(&self.auth.user)));
        }
        // What it is stands in no hint.
        if !self.auth.password.is_empty() {
            words.push("--askpass".to_owned());
        }
        words.join(" ")
    }
}

pub(super) async fn access(args: &LoginArgs) -> Result<Access, Failure> {
    let login = Login::of(args, |name| std::env::var(name).ok())?;
    if login.warn {
        complain(login::WARNING);
    }
    let mut auth = login.auth;
    if auth.tls.is_none()
        && let Some(idle) = args.tls.first_given()
    {
        complain(&format!("Warning: {idle} has no effect without --tls."));
    }
    if login.ask {
        auth.password = ask_password("Please input password: ").await.map_err(|why| Failure::message(&why))?;
    }
    Ok(Access { auth, connect: login::connect_timeout(args).unwrap_or(CONNECT_DEADLINE), name: None })
}

/// The node that was named, and how to log in there: by its address, or the first one that answers of a cluster that is
/// known here by this name.
pub(super) async fn named(
    words: &[String],
    login: &LoginArgs,
    workspace: &Workspace,
) -> Result<(NodeAddr, Access), Failure> {
    let doc = match words {
        // No cluster's name holds a colon.
        [name] if !name.contains(':') => workspace.load(name).ok(),
        _ => None,
    };
    let Some(doc) = doc else {
        let seed = resolved(seed_of(words)?, login, false).await?;
        return Ok((seed, access(login).await?));
    };
    let mut access = access(login).await?;
    access.complete(&doc);
    if let Some(addr) = member(&doc.places(), &access).await {
        return Ok((addr, access));
    }
    let name = shell_word(&doc.name);
    if !doc.wanted {
        return Err(Failure::message(&format!("{name} is stopped: 'slotctl start {name}' starts it.")));
    }
    let first = doc.places().into_iter().next();
    first.map(|addr| (addr, access)).ok_or_else(|| Failure::message(&format!("No node of {name} is known.")))
}

/// The first of these places with a node that another one's view names: one that was removed, or that joined another cluster
/// since, answers there too. Where no view names one, the first that answers.
async fn member(places: &[NodeAddr], access: &Access) -> Option<NodeAddr> {
    let ask = |addr: NodeAddr| async move {
        let client = NodeClient::connect_within(&addr, &access.auth, access.connect).await.ok()?;
        // Who answers, but not this, is asked once more, and then says why.
        Some((addr, client.view().await.ok()))
    };
    let answers: Vec<_> = join_all(places.iter().cloned().map(ask)).await.into_iter().flatten().collect();
    let named = |(addr, view): &&(NodeAddr, Option<View>)| {
        let others = answers.iter().filter(|(other, _)| other != addr).filter_map(|(_, view)| view.as_ref());
        view.as_ref().is_some_and(|view| others.into_iter().any(|other| other.nodes.contains_key(&view.myself)))
    };
    answers.iter().find(named).or(answers.first()).map(|(addr, _)| addr.clone())
}

/// `host:port`, `host:port@busport` or `host port`.
pub(super) fn seed_of(words: &[String]) -> Result<NodeAddr, Failure> {
    if let Some((scheme, rest)) = words.iter().find_map(|word| word.split_once("://")) {
        // What stands before the @ is not repeated.
        let place = rest.rsplit('@').next().unwrap_or(rest).split('/').next().unwrap_or_default();
        // Without an @ it may be a password that was meant.
        let place = place.parse::<NodeAddr>().map(|addr| format!(", here '{addr}'")).unwrap_or_default();
        return Err(Failure::message(&format!(
            "{BAD_SEED}\nHost and port stand alone{place}; user, password and TLS are given with -u \
             {scheme}://user:password@host, or with --user, --askpass and --tls."
        )));
    }
    let seed = match words {
        [addr] => addr.parse().ok(),
        [host, port] => port.parse().ok().filter(|p| *p != 0).map(|port| NodeAddr::new(host.clone(), port)),
        _ => None,
    };
    seed.ok_or_else(|| match words {
        [name] if !name.contains(':') && name.parse::<IpAddr>().is_err() => Failure::message(&format!(
            "{BAD_SEED}\n'{name}' is no address, nor the name of a cluster that this command knows: 'slotctl ps' lists \
             clusters and where they are."
        )),
        _ => Failure::message(BAD_SEED),
    })
}

/// The address of the family that `-4` or `-6` asks for, where `host` is a name. CLUSTER MEET takes no names, so a
/// creation always needs the address (`must`).
pub(super) async fn resolved(addr: NodeAddr, login: &LoginArgs, must: bool) -> Result<NodeAddr, Failure> {
    if addr.host.parse::<IpAddr>().is_ok() || !(must || login.ipv4 || login.ipv6) {
        return Ok(addr);
    }
    let unknown = |why: &dyn std::fmt::Display| {
        Failure::message(&format!("Invalid IP address or hostname specified: {} ({why})", addr.host))
    };
    let deadline = login::connect_timeout(login).unwrap_or(CONNECT_DEADLINE);
    let look_up = tokio::net::lookup_host((addr.host.as_str(), addr.port));
    let found =
        tokio::time::timeout(deadline, look_up).await.map_err(|_| unknown(&"it could not be looked up in time"))?;
    let found: Vec<_> = found.map_err(|e| unknown(&e))?.collect();
    let first = |wanted: fn(&std::net::SocketAddr) -> bool| found.iter().find(|a| wanted(a));
    let chosen = match (login.ipv4, login.ipv6) {
        (true, _) => first(std::net::SocketAddr::is_ipv4),
        (_, true) => first(std::net::SocketAddr::is_ipv6),
        _ => first(std::net::SocketAddr::is_ipv4).or(found.first()),
    };
    let ip = chosen.ok_or_else(|| unknown(&"it has no address of this family"))?.ip();
    Ok(NodeAddr { host: ip.to_string(), ..addr })
}

/// The seed answers, or redis-cli's words where it says them: no connection on standard error, replies on standard
/// output.
fn explain(terminal: Terminal, error: &NodeError) -> Failure {
    let addr = &error.addr;
    match &error.kind {
        NodeErrorKind::Refused(reply) if reply.contains("cluster support disabled") => {
            terminal.say(|text| text.error(format_args!("[ERR] Node {addr} is not configured as a cluster node.")));
        }
        NodeErrorKind::Auth(reply) if reply.starts_with("NOAUTH") => {
            terminal.say(|text| text.error(format_args!("[ERR] Node {addr} {reply}")));
        }
        NodeErrorKind::Auth(reply) | NodeErrorKind::Refused(reply) => {
            terminal.say(|text| text.error(format_args!("Node {addr} replied with error:\n{reply}")));
        }
        NodeErrorKind::Connect(why) | NodeErrorKind::Lost(why) => {
            return Failure::message(&could_not_connect(addr, bare(why)));
        }
        NodeErrorKind::Tls(why) => return Failure::message(&could_not_connect(addr, why)),
        NodeErrorKind::Timeout(_) => return Failure::message(&could_not_connect(addr, "Connection timed out")),
        NodeErrorKind::Unexpected(_) => return Failure::message(error),
    }
    Failure::said(error)
}

pub(super) fn could_not_connect(addr: &NodeAddr, why: &str) -> String {
    format!("Could not connect to Redis at {addr}: {why}")
}

/// The system's bare words, as redis-cli has them: `can't connect (Connection refused (os error 111))`.
pub(super) fn bare(why: &str) -> &str {
    let why = why.strip_prefix("can't connect (").and_then(|why| why.strip_suffix(')')).unwrap_or(why);
    let why = why.strip_prefix("failed to lookup address information: ").unwrap_or(why);
    why.split(" (os error").next().unwrap_or(why)
}

/// Every node of the seed's cluster, asked at once.
pub(super) async fn look(seed: &NodeAddr, access: &Access, terminal: Terminal) -> Result<Gathered, Failure> {
    let viewed = async { NodeClient::connect_within(seed, &access.auth, access.connect).await?.view().await };
    if let Err(error) = viewed.await {
        return Err(explain(terminal, &error.explained(&access.auth).await));
    }
    let gathered = gather(std::slice::from_ref(seed), &access.auth, access.connect).await;
    if gathered.topology.views.is_empty() {
        let why = gathered.topology.unreachable.values().next().cloned().unwrap_or_default();
        return Err(Failure::message(&could_not_connect(seed, &why)));
    }
    Ok(gathered)
}

/// DBSIZE of every master, at once.
async fn key_counts(gathered: &Gathered, access: &Access) -> BTreeMap<NodeAddr, Result<u64, String>> {
    let masters = gathered.topology.views.iter().filter(|(_, v)| v.me().is_some_and(|me| me.role == Role::Master));
    let counts = masters.map(|(addr, _)| async move {
        let client = NodeClient::connect_within(addr, &access.auth, access.connect).await?;
        client.number(&["DBSIZE"]).await
    });
    let addrs = gathered.topology.views.iter().filter(|(_, v)| v.me().is_some_and(|me| me.role == Role::Master));
    addrs
        .map(|(addr, _)| addr.clone())
        .zip(join_all(counts).await)
        .map(|(addr, count)| (addr, count.map_err(|error: NodeError| error.kind.to_string())))
        .collect()
}

/// `check`: is the cluster whole?
///
/// # Errors
/// The cluster is not whole, or the node can't be asked.
pub async fn check(args: &CheckArgs, terminal: Terminal, workspace: &Workspace) -> Result<(), Failure> {
    let search = args.cluster_search_multiple_owners;
    look_and_tell(&args.seed, terminal, workspace, Some(Asked { search })).await
}

/// `info`: keys, slots and replicas of each master.
///
/// # Errors
/// A master does not tell its keys, or the node can't be asked.
pub async fn info(args: &SeedArgs, terminal: Terminal, workspace: &Workspace) -> Result<(), Failure> {
    look_and_tell(args, terminal, workspace, None).await
}

/// What a check is to look at beside what the nodes say of each other.
#[derive(Debug, Clone, Copy)]
struct Asked {
    /// Keys on masters that do not own their slots.
    search: bool,
}

async fn look_and_tell(
    args: &SeedArgs,
    terminal: Terminal,
    workspace: &Workspace,
    asked: Option<Asked>,
) -> Result<(), Failure> {
    let with_check = asked.is_some();
    let (seed, access) = named(&args.node, &args.login, workspace).await?;
    let gathered = look(&seed, &access, terminal).await?;
    for (addr, why) in &gathered.topology.unreachable {
        complain(&could_not_connect(addr, bare(why)));
    }
    let keys = key_counts(&gathered, &access).await;
    let mut findings = if with_check { gathered.check() } else { Vec::new() };
    let mut text = terminal.text();
    let counted = redis_lines::info(&mut text, &gathered.topology, &seed, &keys);
    let mut whole = !with_check || redis_lines::check(&mut text, &gathered.topology, &seed, &findings);
    let mut hint = None;
    if let Some(asked) = asked {
        if asked.search {
            let seen = fix::look(gathered.clone(), &access.auth, fix::Scope::All, false).await;
            let seen = seen.map_err(|why| Failure::message(&format!("[ERR] {why}")))?;
            whole &= redis_lines::multiple_owners(&mut text, &owners(&seen.damage()), &seen.hidden);
            findings.extend(stray_keys(&seen.damage(), &seen.hidden));
        }
        let strays = findings.iter().any(|finding| matches!(finding, Finding::Strays { .. }));
        let earlier = Earlier::find(workspace, &gathered, &seed, &access.place(&seed));
        let settled_by = match &earlier {
            Some(Earlier::Running(_)) => true,
            Some(Earlier::Left { command, .. }) => command.is_some(),
            None => false,
        };
        if let Some(Earlier::Left { command, .. }) = &earlier {
            hint.clone_from(command);
        }
        if let Some(earlier) = earlier {
            text.warn(format_args!("[WARNING] {}", earlier.words()));
        }
        if strays || (!settled_by && !suspects(&gathered.topology).is_empty()) {
            let option = if strays { " --cluster-search-multiple-owners" } else { "" };
            let command = format!("slotctl fix {}{option}", access.place(&seed));
            text.line(format_args!("'{command}' shows the repairs, and carries them out on a yes."));
            hint = hint.or(Some(command));
        }
    }
    terminal.print(&text.into_string());
    // redis-cli goes on to the check when a master does not tell its keys; its exit code is the check's.
    let ok = whole && (with_check || counted);
    let mut nodes = nodes_of(&gathered.topology);
    for node in &mut nodes {
        let count = keys.iter().find(|(addr, _)| addr.to_string() == node.addr);
        node.keys = count.and_then(|(_, count)| count.as_ref().ok().copied());
    }
    let sum = keys.values().filter_map(|count| count.as_ref().ok()).sum();
    let findings = findings_of(&findings);
    terminal.object(&CheckJson { ok, nodes, findings, keys: Some(sum), steps: Vec::new(), hint });
    if ok { Ok(()) } else { Err(Failure::Shown) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::secret::Secret;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_seed_is_one_word_or_two() {
        assert_eq!(seed_of(&words("127.0.0.1:7000@17000")).unwrap(), NodeAddr::new("127.0.0.1", 7000));
        assert_eq!(seed_of(&words("localhost 7000")).unwrap(), NodeAddr::new("localhost", 7000));
        assert_eq!(seed_of(&words("::1:7000")).unwrap(), NodeAddr::new("::1", 7000));
        for bad in ["7000", "10.0.0.1", "localhost x", "localhost 0", "localhost"] {
            let said = seed_of(&words(bad)).unwrap_err().to_string();
            assert_eq!(said.lines().next(), Some(BAD_SEED), "{bad}");
        }
    }

    #[test]
    fn a_command_to_run_names_the_cluster_as_it_was_named_where_that_is_enough() {
        let place = |password: &str, doc: Option<ClusterDoc>| {
            let auth = Auth { password: Secret::new(password), ..Auth::default() };
            let mut access = Access { auth, connect: CONNECT_DEADLINE, name: None };
            if let Some(doc) = doc {
                access.complete(&doc);
            }
            access.place(&NodeAddr::new("127.0.0.1", 7000))
        };
        let named = || serde_json::from_str(r#"{"version":1,"name":"my cluster","spec":null}"#).unwrap();
        assert_eq!(place("", None), "127.0.0.1:7000");
        assert_eq!(place("", Some(named())), shell_word("my cluster"));
        assert_eq!(
            place("its own", Some(named())),
            "127.0.0.1:7000 --askpass",
            "the remembered password may be another one"
        );
    }

    #[test]
    fn a_uri_in_the_place_of_an_address_is_told_without_its_password() {
        for uri in ["redis://:geheim", "redis://me:geheim", "rediss://geheim"] {
            let said = seed_of(&words(uri)).unwrap_err().to_string();
            assert!(!said.contains("geheim"), "{said}");
        }
        let said = seed_of(&words("rediss://me:geheim@10.0.0.1:7000/0")).unwrap_err().to_string();
        assert!(said.contains("here '10.0.0.1:7000'") && said.contains("-u rediss://"), "{said}");
        assert!(!said.contains("geheim"), "{said}");
    }

    #[test]
    fn the_systems_words_are_bared() {
        assert_eq!(bare("can't connect (Connection refused (os error 111))"), "Connection refused");
        assert_eq!(bare("Connection refused (os error 111)"), "Connection refused");
        assert_eq!(
            bare("failed to lookup address information: Name or service not known"),
            "Name or service not known"
        );
        assert_eq!(bare("timed out"), "timed out");
    }
}
