//! What this machine says about a spec: ports, bind address, folder, free space. Measured by trying, and nothing is left
//! behind.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::core::reserved_ports::{excluded_reason, read_excluded};
use crate::core::spec::{ClusterSpec, MachineFacts};
use crate::core::topology::BUS_PORT_OFFSET;
use crate::core::windows_path::{WindowsFacts, expand, is_unc};
use crate::engine::files::only_remnants;
use crate::os::system;

/// How long each measurement may take: a dead network drive must not hold up the wizard.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long the question for reserved ports may take.
const NETSH_DEADLINE: Duration = Duration::from_millis(1500);

/// Files that file managers put into any folder they show.
const IGNORED: [&str; 4] = [".ds_store", "desktop.ini", "thumbs.db", ".directory"];

/// Measures what a spec needs. `taken_names` are the names of the clusters that exist; they are passed on.
pub async fn facts(spec: &ClusterSpec, taken_names: Vec<String>) -> MachineFacts {
    let (bind, ports, dir) = (spec.bind.trim().to_owned(), needed_ports(spec), spec.dir.clone());
    let network = tokio::task::spawn_blocking(move || network_facts(&bind, &ports));
    let name = spec.name.clone();
    let folder = tokio::task::spawn_blocking(move || folder_facts(&dir, &name));
    let (network, folder) =
        tokio::join!(tokio::time::timeout(DEADLINE, network), tokio::time::timeout(DEADLINE, folder));
    let no_answer = || format!("the system gave no answer within {} seconds", DEADLINE.as_secs());
    let network = match network {
        Ok(Ok(network)) => network,
        Ok(Err(_)) | Err(_) => Network { bind_error: Some(no_answer()), ..Network::default() },
    };
    let folder = match folder {
        Ok(Ok(folder)) => folder,
        Ok(Err(_)) | Err(_) => Folder { error: Some(no_answer()), ..Folder::default() },
    };
    MachineFacts {
        busy_ports: network.busy_ports,
        bind_error: network.bind_error,
        dir_error: folder.error,
        dir_holds: folder.holds,
        disk_free: folder.free,
        taken_names,
        windows: folder.windows,
    }
}

/// Client ports and bus ports, those that exist.
fn needed_ports(spec: &ClusterSpec) -> BTreeSet<u16> {
    let clients: BTreeSet<_> = spec.port_list().into_iter().filter(|port| *port != 0).collect();
    let buses = clients.iter().filter_map(|port| port.checked_add(BUS_PORT_OFFSET));
    clients.iter().copied().chain(buses).collect()
}

#[derive(Debug, Default)]
struct Network {
    busy_ports: BTreeMap<u16, String>,
    bind_error: Option<String>,
}

fn network_facts(bind: &str, ports: &BTreeSet<u16>) -> Network {
    let addresses = match addresses(bind) {
        Ok(addresses) => addresses,
        Err(reason) => return Network { bind_error: Some(reason), ..Network::default() },
    };
    // Port 0 lets the system choose one: what fails then is the address.
    if let Some(error) = addresses.iter().find_map(|address| try_bind(*address, 0).err()) {
        return Network { bind_error: Some(explain_address(&error)), ..Network::default() };
    }
    let busy = |port: u16| addresses.iter().find_map(|address| try_port(*address, port).err());
    let refused: Vec<(u16, io::Error)> = ports.iter().filter_map(|port| Some((*port, busy(*port)?))).collect();
    // Only a refusal for lack of rights may come from a reservation: the question takes a moment.
    let denied = refused.iter().any(|(_, error)| error.kind() == io::ErrorKind::PermissionDenied);
    let excluded = if denied && cfg!(windows) { excluded_ports() } else { Vec::new() };
    let why = |port, error| excluded_reason(port, &excluded).unwrap_or_else(|| explain_port(error, port));
    let busy_ports = refused.iter().map(|(port, error)| (*port, why(*port, error))).collect();
    Network { busy_ports, bind_error: None }
}

/// The ports that Windows keeps for itself; none where it does not answer in time.
fn excluded_ports() -> Vec<(u16, u16)> {
    let ranges = ["ipv4", "ipv6"].map(|family| {
        let mut command = std::process::Command::new(netsh());
        command.args(["interface", family, "show", "excludedportrange", "protocol=tcp"]);
        read_excluded(&answer_of(command, NETSH_DEADLINE).unwrap_or_default())
    });
    ranges.concat()
}

/// Windows' own: a name alone would be looked up in the folder of the app and on the PATH, where anything may lie.
fn netsh() -> std::path::PathBuf {
    let windows = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    std::path::PathBuf::from(windows).join("System32").join("netsh.exe")
}

/// What a small program prints, if it ends in time.
fn answer_of(mut command: std::process::Command, within: Duration) -> Option<String> {
    use std::process::Stdio;
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(&mut command, super::process::CREATE_NO_WINDOW);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let deadline = std::time::Instant::now() + within;
    // Its few lines fit the pipe: it ends without being read.
    while child.try_wait().ok()?.is_none() {
        if std::time::Instant::now() > deadline {
            child.kill().ok();
            child.wait().ok();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A folder as it was typed, with `%NAME%` replaced on Windows, where people write paths so.
#[must_use]
pub fn typed_dir(text: &str) -> String {
    if cfg!(windows) { expand(text, |name| std::env::var(name).ok()) } else { text.to_owned() }
}

/// What Windows says of the folder and of itself; `None` elsewhere.
fn windows_facts(dir: &Path) -> Option<WindowsFacts> {
    let code_page = system::ansi_code_page()?;
    let memory = system::memory();
    let synced = ["OneDrive", "OneDriveConsumer", "OneDriveCommercial"];
    // The part that exists has a short form; what is going to be made in it keeps its name.
    let short = dir.ancestors().find_map(|path| Some(system::short_path(path)?.join(dir.strip_prefix(path).ok()?)));
    Some(WindowsFacts {
        code_page,
        synced: synced.iter().filter_map(|name| std::env::var(name).ok()).collect(),
        network: system::is_network_drive(dir),
        short: short.map(|short| short.to_string_lossy().into_owned()),
        physical: memory.map(|memory| memory.physical),
        commit_free: memory.map(|memory| memory.commit_free),
    })
}

/// The addresses that a `bind` value means: one, or several with blanks between them. One with a `-` before it may be
/// missing from this machine.
fn addresses(bind: &str) -> Result<Vec<IpAddr>, String> {
    if bind.trim().is_empty() {
        return Err("no address is given".to_owned());
    }
    let mut all = Vec::new();
    for written in bind.split_whitespace() {
        match written.strip_prefix('-') {
            Some(optional) => {
                all.extend(addresses_of(optional)?.into_iter().filter(|address| try_bind(*address, 0).is_ok()));
            }
            None => all.extend(addresses_of(written)?),
        }
    }
    Ok(all)
}

/// The addresses that one word of `bind` means. `*` means every IPv4 and, where there is any, every IPv6 address.
fn addresses_of(bind: &str) -> Result<Vec<IpAddr>, String> {
    if bind == "*" {
        let mut both = vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
        both.extend(Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)).filter(|v6| try_bind(*v6, 0).is_ok()));
        return Ok(both);
    }
    if let Ok(address) = bind.trim_start_matches('[').trim_end_matches(']').parse() {
        return Ok(vec![address]);
    }
    if bind == "::*" {
        return Ok(vec![IpAddr::V6(Ipv6Addr::UNSPECIFIED)]);
    }
    let found: BTreeSet<_> = (bind, 0)
        .to_socket_addrs()
        .map_err(|_| "it is neither an address nor a name that this machine knows".to_owned())?
        .map(|found| found.ip())
        .collect();
    Ok(found.into_iter().collect())
}

/// Whether nobody else listens on a port of this address.
fn try_port(address: IpAddr, port: u16) -> io::Result<()> {
    // Windows lets two programs have one port, the one for all addresses and the other for a single one.
    if cfg!(windows) {
        match address {
            IpAddr::V4(_) => try_bind(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)?,
            IpAddr::V6(_) => try_bind(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)?,
        }
    }
    try_bind(address, port)
}

/// Whether a server could listen here, found by doing so for an instant.
fn try_bind(address: IpAddr, port: u16) -> io::Result<()> {
    let address = SocketAddr::new(address, port);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?; // As redis-server does.
    }
    // On Linux, "reuse" still refuses a port that somebody listens on, and no longer takes the dying connections of a
    // server that has just ended for one (redis-server sets it too). Elsewhere it would hide a listener.
    #[cfg(target_os = "linux")]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    if port == 0 {
        return Ok(());
    }
    socket.listen(1)
}

fn explain_address(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => plain(error),
    }
}

fn explain_port(error: &io::Error, port: u16) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program uses it".to_owned(),
        io::ErrorKind::PermissionDenied if port < 1024 && !cfg!(windows) => {
            "ports below 1024 need administrator rights".to_owned()
        }
        io::ErrorKind::PermissionDenied => "the system keeps it, or another program uses it alone".to_owned(),
        _ => plain(error),
    }
}

/// A system's message without the number that Rust adds.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().trim().trim_end_matches('.');
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => "the system gives no reason".to_owned(),
    }
}

#[derive(Debug, Default)]
struct Folder {
    error: Option<String>,
    holds: Option<String>,
    free: Option<u64>,
    windows: Option<WindowsFacts>,
}

fn folder_facts(dir: &Path, name: &str) -> Folder {
    Folder { windows: windows_facts(dir), ..measured(dir, name) }
}

fn measured(dir: &Path, name: &str) -> Folder {
    if !dir.is_absolute() {
        return Folder::default(); // Not a place on this machine yet; the spec's own check says so.
    }
    let Some((nearest, found)) = dir.ancestors().find_map(|path| Some((path, existing(path)?))) else {
        let error = no_root(&dir.to_string_lossy()).to_owned();
        return Folder { error: Some(error), ..Folder::default() };
    };
    let refused = |reason: String| Folder { error: Some(reason), ..Folder::default() };
    match found {
        Err(error) => return refused(format!("{}: {}", nearest.display(), plain(&error))),
        Ok(facts) if !facts.is_dir() => return refused(format!("{} is a file", nearest.display())),
        Ok(_) => {}
    }
    let free = free_bytes(nearest);
    // A folder and a file in it, as a node would make them; both go with `probe`.
    let probe = tempfile::Builder::new()
        .prefix(".slotdeck-")
        .tempdir_in(nearest)
        .and_then(|probe| std::fs::write(probe.path().join("probe"), b"probe").and(probe.close()));
    let error = probe.err().map(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => format!("you are not allowed to write in {}", nearest.display()),
        _ => format!("{}: {}", nearest.display(), plain(&error)),
    });
    // What a launch of this very cluster left when it was cut off is no obstacle to the next one.
    let holds = if nearest == dir && !only_remnants(dir, name) { first_entry(dir) } else { None };
    Folder { error, holds, free, windows: None }
}

/// Why not even the root of a path is there.
fn no_root(dir: &str) -> &'static str {
    if is_unc(&dir.replace('/', "\\")) {
        "the other machine or its share is not there, or can't be reached"
    } else {
        "its drive does not exist"
    }
}

/// `None` where there is nothing, not even a link that leads nowhere.
fn existing(path: &Path) -> Option<io::Result<std::fs::Metadata>> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && std::fs::symlink_metadata(path).is_err() => None,
        // Below a file; the file itself is met further up.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => None,
        answer => Some(answer),
    }
}

fn first_entry(dir: &Path) -> Option<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| !IGNORED.contains(&name.to_ascii_lowercase().as_str())).min()
}

/// Bytes that this user may still write on the disk of an existing folder.
#[cfg(unix)]
fn free_bytes(dir: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(dir).ok()?;
    facts.f_bavail.checked_mul(facts.f_frsize)
}

/// Bytes that are still free on the disk of an existing folder: the one whose mount point is the longest beginning.
#[cfg(not(unix))]
fn free_bytes(dir: &Path) -> Option<u64> {
    use sysinfo::{DiskRefreshKind, Disks};
    let disks = Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage()).ok()?;
    let lower = |path: &Path| path.to_string_lossy().to_lowercase(); // Drive letters come in both cases.
    let dir = lower(dir);
    let here = disks.iter().filter(|disk| dir.starts_with(&lower(disk.mount_point())));
    here.max_by_key(|disk| disk.mount_point().as_os_str().len()).map(sysinfo::Disk::available_space)
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
