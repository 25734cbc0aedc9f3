//! Finding the server programs of this machine, and asking a file whether it is one.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::process::Command;

use crate::core::build::{Build, Evidence, garnet_version};
use crate::core::capability::Capabilities;
use crate::core::limits::{Weight, worst};
use crate::core::version::ServerVersion;
use crate::core::wsl::Inside;

use super::ask_program::{Answer, NoAnswer, ask_program};
use super::snapshot::{FoundServer, Origin};
use super::wsl::{self, Wake};

mod evidence;
pub mod places;
mod registered;

use evidence::gather;
use places::{Os, Places, is_shim_folder, known_folders, program_names};

/// How long a program may take to tell its version. On Windows the first run of a program waits for the virus scanner,
/// and the ports set memory aside before they read their arguments.
const PROBE_DEADLINE: Duration = Duration::from_secs(if cfg!(windows) { 15 } else { 3 });

/// How much of its output is read, in bytes.
const PROBE_OUTPUT: u64 = 16 * 1024;

/// How many programs are asked at once.
const PROBES_AT_ONCE: usize = 4;

/// How long looking into one folder may take. A share that is not there keeps one waiting much longer.
const LOOK_DEADLINE: Duration = Duration::from_secs(10);

/// How many folders a pattern may stand for.
const MAX_EXPANDED: usize = 64;

/// Runs `PATH --version` and reads the answer.
///
/// # Errors
/// Why it can't be used, as a sentence for the user.
pub async fn probe(path: &Path) -> Result<ServerVersion, String> {
    examine(path).await.map(|(version, _)| version)
}

/// Like [`probe`], and tells whose build it is.
///
/// # Errors
/// Why it can't be used, as a sentence for the user.
pub async fn examine(path: &Path) -> Result<(ServerVersion, Build), String> {
    let asked = ask(path).await;
    asked.verdict.map(|version| (version, asked.build))
}

/// What a file answered.
struct Asked {
    verdict: Result<ServerVersion, String>,
    build: Build,
}

async fn ask(path: &Path) -> Asked {
    if let Some(inside) = Inside::of(path) {
        return ask_inside(&inside).await;
    }
    let (path, answer) = match run_version(path).await {
        Ok(answer) => answer,
        Err(why) => return Asked { verdict: Err(why), build: Build::Unknown },
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&answer.out), text(&answer.err));
    let verdict = judge(&out, &err, answer.code);
    let gathering = tokio::task::spawn_blocking(move || gather(&path, out));
    let evidence = tokio::time::timeout(PROBE_DEADLINE, gathering).await;
    let build = evidence.ok().and_then(Result::ok).map_or(Build::Unknown, |evidence| Build::of_program(&evidence));
    Asked { verdict, build }
}

/// Asks a program inside WSL.
async fn ask_inside(inside: &Inside) -> Asked {
    let ran = match wsl::version(inside).await {
        Ok(ran) => ran,
        Err(why) => return Asked { verdict: Err(why), build: Build::Unknown },
    };
    let verdict = judge(&ran.out, &ran.err, ran.code);
    let build = Build::of_program(&Evidence { version_output: ran.out, ..Evidence::default() });
    Asked { verdict, build }
}

async fn run_version(path: &Path) -> Result<(PathBuf, Answer), String> {
    // Absolute, because a bare name would be looked up on the PATH.
    let path = std::path::absolute(path).map_err(|_| "No file is given.".to_owned())?;
    let too_slow = || format!("It did not answer within {} seconds.", PROBE_DEADLINE.as_secs());
    let file = path.clone();
    let look = tokio::task::spawn_blocking(move || check_file(&file));
    match tokio::time::timeout(PROBE_DEADLINE, look).await {
        Ok(Ok(checked)) => checked?,
        Ok(Err(_)) => return Err("The check of this file was cut short.".to_owned()),
        Err(_) => return Err(too_slow()),
    }
    let mut command = Command::new(&path);
    command.arg("--version");
    match ask_program(command, PROBE_OUTPUT, PROBE_DEADLINE).await {
        Ok(answer) => Ok((path, answer)),
        Err(NoAnswer::NotRun(error)) => Err(explain_run_error(&error)),
        Err(NoAnswer::TooSlow) => Err(too_slow()),
    }
}

/// Says yes to a version line of a server that can have clusters.
fn judge(out: &str, err: &str, code: Option<i32>) -> Result<ServerVersion, String> {
    if let Some(version) = ServerVersion::parse_version_output(out) {
        return if Capabilities::supports_cluster(version) {
            Ok(version)
        } else {
            Err(format!("{version} is too old: clusters need 3.0 or newer."))
        };
    }
    let first_line = |text: &str| text.lines().map(str::trim).find(|line| !line.is_empty()).map(shorten);
    if let Some(version) = garnet_version(out) {
        return Err(format!(
            "This is Garnet {version}, which reads no redis.conf: start it yourself with --cluster, then attach the cluster."
        ));
    }
    Err(match (first_line(out).or_else(|| first_line(err)), code) {
        (Some(line), _) => format!("This is no Redis server. Asked for its version, it printed '{line}'."),
        (None, Some(0)) => "This is no Redis server. Asked for its version, it printed nothing.".to_owned(),
        (None, Some(code)) => format!("It does not run: asked for its version, it ended with exit code {code}."),
        (None, None) => "It does not run: asked for its version, it crashed.".to_owned(),
    })
}

fn shorten(line: &str) -> String {
    const LONGEST: usize = 80;
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = line.chars().take(LONGEST).map(shown).collect();
    if line.chars().nth(LONGEST).is_some() {
        short.truncate(short.trim_end().len());
        short.push('…');
    }
    short
}

/// What can be told without running it.
fn check_file(path: &Path) -> Result<(), String> {
    let facts = match std::fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err("There is no such file.".to_owned()),
        Err(error) => return Err(format!("It can't be opened: {error}.")),
    };
    if facts.is_dir() {
        return Err("This is a folder: choose the server program in it.".to_owned());
    }
    if !facts.is_file() {
        return Err("This is no file.".to_owned());
    }
    if path.file_stem().is_some_and(|stem| stem.to_string_lossy().to_ascii_lowercase().contains("sentinel")) {
        return Err("This is Sentinel, which watches servers: choose the redis-server beside it.".to_owned());
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&facts.permissions()) & 0o111 == 0 {
        return Err("This file is not executable: choose a program, or allow it to run (chmod +x).".to_owned());
    }
    Ok(())
}

fn explain_run_error(error: &io::Error) -> String {
    /// `ENOEXEC` of Unix and `ERROR_BAD_EXE_FORMAT` of Windows.
    const NO_PROGRAM: i32 = if cfg!(windows) { 193 } else { 8 };
    match (error.kind(), error.raw_os_error()) {
        (_, Some(NO_PROGRAM)) => "This is no program that this system can run.".to_owned(),
        (io::ErrorKind::PermissionDenied, _) => "You are not allowed to run this file.".to_owned(),
        (io::ErrorKind::NotFound, _) => "It can't be run: the program that should run it is missing.".to_owned(),
        _ => format!("It can't be run: {error}."),
    }
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// The programs, best first.
    pub found: Vec<FoundServer>,
    /// The distributions of WSL that were not looked into because they are stopped.
    pub asleep: Vec<String>,
}

/// Looks for server programs as [`search`] does, without starting anything but them.
pub async fn find(chosen: &[PathBuf]) -> Vec<FoundServer> {
    search(chosen, Wake::No).await.found
}

/// Looks for server programs: the chosen ones, beside the app, on the PATH, where installers put them and inside WSL. Each
/// program is listed once, as it was found first. Best first: usable ones; of these the chosen ones in their order, then
/// those whose clusters lack nothing serious, of these the ones outside WSL, then the newest.
pub async fn search(chosen: &[PathBuf], wake: Wake) -> Search {
    let (mut candidates, inside) = tokio::join!(candidates(chosen), wsl::find(wake));
    for path in inside.programs {
        if !candidates.iter().any(|(known, _)| Inside::of(known) == Inside::of(&path)) {
            candidates.push((path, Origin::Wsl));
        }
    }
    let probes = candidates.into_iter().map(|(path, origin)| async move {
        let asked = ask(&path).await;
        FoundServer { path, origin, version: asked.verdict, build: asked.build }
    });
    let mut found: Vec<_> = futures_util::stream::iter(probes).buffered(PROBES_AT_ONCE).collect().await;
    sort_best_first(&mut found);
    Search { found, asleep: inside.asleep }
}

fn sort_best_first(found: &mut [FoundServer]) {
    found.sort_by_key(|server| {
        let newest = (server.origin != Origin::Chosen).then(|| server.version.as_ref().ok().map(|v| v.numbers()));
        let unsound = worst(&server.limits()) == Some(Weight::Serious);
        // A server of this system needs no other system to run.
        let inside = server.origin == Origin::Wsl;
        (server.version.is_err(), server.origin != Origin::Chosen, unsound, inside, Reverse(newest), server.origin)
    });
}

/// A program, where it was found, and what its name leads to.
type Hit = (PathBuf, Origin, PathBuf);

/// One place to look at, by itself: a dead drive or share answers nobody, and must not hide what lies elsewhere.
#[derive(Debug, Clone)]
enum Look {
    /// A file that was chosen, whatever is there.
    File(PathBuf),
    /// The programs in a folder, which may be a pattern.
    Folder(PathBuf, Origin, Os),
}

impl Look {
    /// Looks. May hang.
    fn hits(self) -> Vec<Hit> {
        // Not asked of a path into WSL, for that would start it.
        let real = |path: &PathBuf| if Inside::of(path).is_some() { None } else { std::fs::canonicalize(path).ok() };
        let hit = |path: PathBuf, origin| {
            let leads_to = real(&path).unwrap_or_else(|| path.clone());
            (path, origin, leads_to)
        };
        match self {
            Look::File(path) => vec![hit(path, Origin::Chosen)],
            Look::Folder(pattern, origin, os) => {
                let folders = if origin == Origin::KnownFolder { expand(&pattern) } else { vec![pattern] };
                let file =
                    |folder: &PathBuf| program_names(os).iter().map(|name| folder.join(name)).collect::<Vec<_>>();
                let files = folders.iter().flat_map(file).filter(|file| file.is_file());
                files.map(|file| hit(file, origin)).collect()
            }
        }
    }

    /// What is known without looking.
    fn unseen(&self) -> Vec<Hit> {
        match self {
            Look::File(path) => vec![(path.clone(), Origin::Chosen, path.clone())],
            Look::Folder(..) => Vec::new(),
        }
    }
}

/// The files to ask, each program once; chosen ones even where nothing is.
async fn candidates(chosen: &[PathBuf]) -> Vec<(PathBuf, Origin)> {
    let places = tokio::task::spawn_blocking(|| {
        let places = Places::of_this_machine();
        let registered = registered::folders(&places.registry, &places.variables);
        (places, registered)
    });
    let looks = match tokio::time::timeout(LOOK_DEADLINE, places).await {
        Ok(Ok((places, registered))) => looks(chosen, &places, registered),
        _ => chosen.iter().cloned().map(Look::File).collect(),
    };
    let hits = looks.into_iter().map(|look| async move {
        let unseen = look.unseen();
        let seen = tokio::time::timeout(LOOK_DEADLINE, tokio::task::spawn_blocking(move || look.hits())).await;
        seen.ok().and_then(Result::ok).unwrap_or(unseen)
    });
    each_once(futures_util::future::join_all(hits).await.concat())
}

fn looks(chosen: &[PathBuf], places: &Places, registered: Vec<PathBuf>) -> Vec<Look> {
    let beside = places.app_dir.iter().flat_map(|dir| [dir.clone(), dir.join("redis"), dir.join("redis").join("bin")]);
    let path = places.path.iter().filter(|dir| places.os != Os::Windows || !is_shim_folder(dir)).cloned();
    let folders = beside
        .map(|dir| (dir, Origin::BesideApp))
        .chain(path.map(|dir| (dir, Origin::Path)))
        .chain(known_folders(places).into_iter().map(|dir| (dir, Origin::KnownFolder)))
        .chain(registered.into_iter().map(|dir| (dir, Origin::KnownFolder)));
    let folders = folders.map(|(dir, origin)| Look::Folder(dir, origin, places.os));
    chosen.iter().cloned().map(Look::File).chain(folders).collect()
}

/// Compared by what the names lead to, but kept as found: a server goes by the name that it is called with, and on
/// Debian redis-server is a link to redis-check-rdb.
fn each_once(hits: Vec<Hit>) -> Vec<(PathBuf, Origin)> {
    let mut seen = HashSet::new();
    let first = hits.into_iter().filter(|(.., leads_to)| seen.insert(leads_to.clone()));
    first.map(|(path, origin, _)| (path, origin)).collect()
}

/// The folders that a pattern stands for: each part with a `*` (at most one) is matched against what is there, in
/// reverse order, so that newer versions tend to come first.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::new()];
    for part in pattern.components() {
        let text = part.as_os_str().to_string_lossy();
        if let Some((start, end)) = text.split_once('*') {
            folders = folders.iter().flat_map(|folder| matching(folder, start, end)).take(MAX_EXPANDED).collect();
        } else {
            for folder in &mut folders {
                folder.push(part);
            }
        }
    }
    folders
}

fn matching(folder: &Path, start: &str, end: &str) -> Vec<PathBuf> {
    let fits = |name: &OsString| {
        let name = name.to_string_lossy().to_ascii_lowercase();
        name.len() >= start.len() + end.len()
            && name.starts_with(&start.to_ascii_lowercase())
            && name.ends_with(&end.to_ascii_lowercase())
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).filter(fits).collect();
    names.sort();
    names.into_iter().rev().map(|name| folder.join(name)).collect()
}

#[cfg(test)]
#[path = "discover_tests.rs"]
mod tests;
