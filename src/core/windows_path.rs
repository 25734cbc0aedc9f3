//! What servers on Windows make of a path: most of them know no Unicode, and open their files by names in the system's
//! code page. Everything is judged from text and arguments, so that the rules can be tried on every system.

use encoding_rs::Encoding;

/// What Windows says that matters to its servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowsFacts {
    /// The system's code page for programs without Unicode (not our own process's).
    pub code_page: u32,
    /// Folders that are kept the same in a cloud (`OneDrive…` of the environment).
    pub synced: Vec<String>,
    /// Whether the folder lies on a drive of another machine.
    pub network: bool,
    /// The folder's old short form (`C:\PROGRA~1`), where the disk keeps one.
    pub short: Option<String>,
    /// Memory of the machine, in bytes.
    pub physical: Option<u64>,
    /// How much more memory programs may reserve (free memory and page file), in bytes.
    pub commit_free: Option<u64>,
}

/// What is the matter with a path on Windows. `Display` says it in English; the window translates by variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// A character that is not in the code page.
    #[error(
        "servers on Windows can't find it, because this system's code page {code_page} has no '{character}'; a folder \
         that works: {instead}"
    )]
    Unspellable {
        /// The first such character.
        character: char,
        /// The system's code page.
        code_page: u32,
        /// A folder that works.
        instead: String,
    },
    /// A `%NAME%` that stands for nothing.
    #[error("there is no variable %{0}%: write the folder out")]
    Variable(String),
    /// `\folder`.
    #[error("it names no drive: begin it with C:\\ or another drive")]
    NoDrive,
    /// `C:folder`.
    #[error("after the drive's colon a \\ is missing: C:folder means another folder each time")]
    DriveRelative,
    /// `\\?\…`, `\\.\…`.
    #[error("servers don't know paths that begin with \\\\?\\ or \\\\.\\: write it without")]
    Device,
    /// A name that Windows keeps for a device.
    #[error("Windows keeps the name '{0}' for a device")]
    Reserved(String),
    /// A name that ends with a dot or a blank, which Windows drops.
    #[error("'{0}' ends with a dot or a blank, which Windows leaves out")]
    EndsBadly(String),
    /// A character that no name can have.
    #[error("a name on Windows can't contain {0}")]
    BadCharacter(char),
    /// Too long for programs that know 260 characters.
    #[error("it is {length} characters long; servers on Windows need it to have at most {most}")]
    TooLong {
        /// How long it is.
        length: usize,
        /// How long it may be.
        most: usize,
    },
    /// Worth knowing: a cloud copies it.
    #[error(
        "it is kept in step with a cloud (OneDrive), which copies and locks the files of running servers; a folder \
         outside is better, such as {0}"
    )]
    Synced(String),
    /// Worth knowing: it is on another machine.
    #[error("it is on another machine: when the connection breaks, every node loses its files; a local disk is better")]
    Network,
    /// Worth knowing: it has the rights of its drive, which let every account of the machine in.
    #[error(
        "every account of this computer may read and change what is in it, the password in redis.conf included, as long \
         as nobody narrows its rights: a folder below C:\\Users is your own"
    )]
    Shared,
}

impl PathProblem {
    /// Whether the path can be used all the same.
    #[must_use]
    pub fn is_only_worth_knowing(&self) -> bool {
        matches!(self, PathProblem::Synced(_) | PathProblem::Network | PathProblem::Shared)
    }
}

/// The longest folder of a cluster, in UTF-16 units: 260 are a path's limit for the ports, and a node's files (`55535\
/// appendonlydir\appendonly.55535.aof.1234567890.incr.aof`) need the rest.
pub const LONGEST_DIR: usize = 180;

/// What is wrong with the folder of a cluster called `name`. What is worth knowing comes only where nothing is wrong.
#[must_use]
pub fn judge_dir(dir: &str, name: &str, facts: &WindowsFacts) -> Vec<PathProblem> {
    let dir = dir.replace('/', "\\");
    let mut found: Vec<PathProblem> = form(&dir).into_iter().chain(names(&dir)).collect();
    let length = dir.encode_utf16().count();
    if length > LONGEST_DIR {
        found.push(PathProblem::TooLong { length, most: LONGEST_DIR });
    }
    if let Some(character) = unspellable(&dir, facts.code_page) {
        let short = facts.short.as_ref().filter(|short| unspellable(short, facts.code_page).is_none());
        let instead = short.cloned().unwrap_or_else(|| plain_dir(name, facts.code_page));
        found.push(PathProblem::Unspellable { character, code_page: facts.code_page, instead });
    }
    if found.is_empty() {
        if is_synced(&dir, &facts.synced) {
            found.push(PathProblem::Synced(plain_dir(name, facts.code_page)));
        }
        if facts.network || is_unc(&dir) {
            found.push(PathProblem::Network);
        }
    }
    found
}

/// Whether a new folder there lets every account of the machine in. A drive gives that right to all that is made on it;
/// only below `Users`, each account's folder has rights of its own.
#[must_use]
pub fn is_shared(dir: &str) -> bool {
    let dir = dir.replace('/', "\\").to_ascii_lowercase();
    let below = dir.split_once(":\\").filter(|(drive, _)| drive.len() == 1).map(|(_, below)| below);
    below.is_some_and(|below| !below.starts_with("users\\") || below.starts_with("users\\public"))
}

/// What is wrong with the path of a server program: it starts itself again by that path when it saves, and fails then
/// where it can't spell it.
#[must_use]
pub fn judge_exe(exe: &str, facts: &WindowsFacts) -> Option<PathProblem> {
    let character = unspellable(exe, facts.code_page)?;
    let instead = r"C:\Redis\redis-server.exe".to_owned();
    Some(PathProblem::Unspellable { character, code_page: facts.code_page, instead })
}

/// The folder around those that are proposed where another can't be used.
pub const PLAIN_TOP: &str = r"C:\Slotdeck";

/// A folder that any system can spell, on the disk that every Windows has.
fn plain_dir(name: &str, code_page: u32) -> String {
    let name = if unspellable(name, code_page).is_none() { name } else { "cluster" };
    format!("{PLAIN_TOP}\\{name}")
}

/// The first character that a code page does not have. Windows would take a similar one, and so another path. Of a code
/// page that is not known here, only ASCII is taken for granted.
#[must_use]
pub fn unspellable(text: &str, code_page: u32) -> Option<char> {
    if code_page == 65001 {
        return None;
    }
    let encoding = encoding_of(code_page);
    text.chars().find(|c| {
        let mut buffer = [0u8; 4];
        !c.is_ascii() && encoding.is_none_or(|encoding| encoding.encode(c.encode_utf8(&mut buffer)).2)
    })
}

/// The code pages that a Windows can have as its own.
fn encoding_of(code_page: u32) -> Option<&'static Encoding> {
    Some(match code_page {
        874 => encoding_rs::WINDOWS_874,
        932 => encoding_rs::SHIFT_JIS,
        936 => encoding_rs::GBK,
        949 => encoding_rs::EUC_KR,
        950 => encoding_rs::BIG5,
        1250 => encoding_rs::WINDOWS_1250,
        1251 => encoding_rs::WINDOWS_1251,
        1252 => encoding_rs::WINDOWS_1252,
        1253 => encoding_rs::WINDOWS_1253,
        1254 => encoding_rs::WINDOWS_1254,
        1255 => encoding_rs::WINDOWS_1255,
        1256 => encoding_rs::WINDOWS_1256,
        1257 => encoding_rs::WINDOWS_1257,
        1258 => encoding_rs::WINDOWS_1258,
        54936 => encoding_rs::GB18030,
        _ => return None,
    })
}

/// How the path begins.
fn form(dir: &str) -> Option<PathProblem> {
    if let Some(name) = variables(dir).into_iter().next() {
        return Some(PathProblem::Variable(name));
    }
    if dir.starts_with(r"\\?\") || dir.starts_with(r"\\.\") {
        return Some(PathProblem::Device);
    }
    if dir.starts_with('\\') && !is_unc(dir) {
        return Some(PathProblem::NoDrive);
    }
    let drive = drive_of(dir)?;
    (!drive.starts_with('\\')).then_some(PathProblem::DriveRelative)
}

/// Whether a path, its separators backslashes, begins with another machine and a share: `\\\\server\\share`.
#[must_use]
pub fn is_unc(dir: &str) -> bool {
    dir.strip_prefix(r"\\").is_some_and(|rest| !rest.starts_with(['?', '.', '\\']) && rest.contains('\\'))
}

/// What follows `C:`.
fn drive_of(dir: &str) -> Option<&str> {
    dir.strip_prefix(|c: char| c.is_ascii_alphabetic())?.strip_prefix(':')
}

/// What is wrong with the names in the path.
fn names(dir: &str) -> Vec<PathProblem> {
    let rest = drive_of(dir).unwrap_or(dir);
    if rest.starts_with(r"\\?\") || rest.starts_with(r"\\.\") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for name in rest.split('\\').filter(|name| !name.is_empty() && !matches!(*name, "." | "..")) {
        if let Some(c) = name.chars().find(|c| "<>:\"|?*".contains(*c)) {
            found.push(PathProblem::BadCharacter(c));
        } else if is_reserved(name) {
            found.push(PathProblem::Reserved(name.to_owned()));
        } else if name.ends_with(['.', ' ']) {
            found.push(PathProblem::EndsBadly(name.to_owned()));
        }
    }
    found
}

/// Whether Windows takes the name for a device, with whatever ending.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |device: &str| {
        stem.strip_prefix(device).is_some_and(|number| {
            matches!(number, "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
        })
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$") || numbered("com") || numbered("lpt")
}

/// Whether a cloud keeps the folder: it lies in one of these folders, or in one that is named as they are.
fn is_synced(dir: &str, synced: &[String]) -> bool {
    let parts = |path: &str| -> Vec<String> {
        path.split(['\\', '/']).filter(|part| !part.is_empty()).map(str::to_lowercase).collect()
    };
    let dir = parts(dir);
    let named = |part: &String| part == "onedrive" || part.starts_with("onedrive - ");
    dir.iter().any(named)
        || synced.iter().map(|root| parts(root)).any(|root| !root.is_empty() && dir.starts_with(root.as_slice()))
}

/// The names between two `%` in a path.
fn variables(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        match after.split_once('%') {
            Some((name, tail)) if is_variable(name) => {
                names.push(name.to_owned());
                rest = tail;
            }
            _ => rest = after,
        }
    }
    names
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_()-.".contains(c))
}

/// A path with its `%NAME%`s replaced by what the environment says; those that it does not know stay, to be named by
/// [`judge_dir`].
#[must_use]
pub fn expand(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    variables(text).into_iter().fold(text.to_owned(), |text, name| match value(&name) {
        Some(value) => text.replace(&format!("%{name}%"), &value),
        None => text,
    })
}

#[cfg(test)]
#[path = "windows_path_tests.rs"]
mod tests;
