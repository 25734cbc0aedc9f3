//! Where server programs usually are, by system. Pure: what it needs to know of the machine is an argument, so that the
//! rules of each system are tested on every other.

use std::path::{Path, PathBuf};

use crate::os::registry::Registry;

/// Which system's habits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    /// Windows.
    Windows,
    /// macOS.
    Mac,
    /// Linux, and what resembles it.
    Linux,
}

/// What is known of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Which system it is.
    pub os: Os,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The folder of the running program.
    pub app_dir: Option<PathBuf>,
    /// The folders of the PATH.
    pub path: Vec<PathBuf>,
    /// The environment variables that name folders (Windows), those of [`VARIABLES`] that are set.
    pub variables: Vec<(String, PathBuf)>,
    /// What the registry says of servers (Windows).
    pub registry: Registry,
}

/// The environment variables that say where Windows and its package managers keep things.
pub const VARIABLES: [&str; 10] = [
    "ProgramFiles",
    "ProgramW6432",
    "ProgramFiles(x86)",
    "ProgramData",
    "LOCALAPPDATA",
    "SystemDrive",
    "SCOOP",
    "SCOOP_GLOBAL",
    "ChocolateyInstall",
    "USERPROFILE",
];

impl Places {
    /// What this machine's environment says.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let os = if cfg!(windows) {
            Os::Windows
        } else if cfg!(target_os = "macos") {
            Os::Mac
        } else {
            Os::Linux
        };
        let full = |path: &PathBuf| path.is_absolute();
        let app = std::env::current_exe().ok();
        let variable = |name: &str| Some((name.to_owned(), PathBuf::from(std::env::var_os(name)?)));
        Self {
            os,
            home: directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
            app_dir: app.as_deref().and_then(Path::parent).map(Path::to_owned),
            // A relative folder on the PATH means another place each time.
            path: std::env::var_os("PATH")
                .map(|path| std::env::split_paths(&path).filter(full).collect())
                .unwrap_or_default(),
            variables: VARIABLES.iter().filter_map(|name| variable(name)).collect(),
            registry: Registry::read(&super::registered::WORDS),
        }
    }

    fn variable(&self, name: &str) -> Option<PathBuf> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, folder)| folder.clone())
    }
}

/// What a server program is called. `redis6-server` is Amazon Linux's.
#[must_use]
pub fn program_names(os: Os) -> &'static [&'static str] {
    match os {
        Os::Windows => &["redis-server.exe", "valkey-server.exe", "memurai.exe", "GarnetServer.exe"],
        Os::Mac | Os::Linux => &["redis-server", "valkey-server", "redis6-server"],
    }
}

/// Whether a folder of the PATH holds only launchers of a package manager: small programs that start the real one as a
/// child. Ending a launcher leaves its server running, so the real program is taken from the manager's own folder.
#[must_use]
pub fn is_shim_folder(folder: &Path) -> bool {
    let text = folder.to_string_lossy().replace('\\', "/").to_ascii_lowercase();
    let text = text.trim_end_matches('/');
    // winget's are links, but a program started through one looks for its libraries beside the link.
    text.ends_with("scoop/shims") || text.ends_with("/chocolatey/bin") || text.ends_with("/winget/links")
}

/// The folders where installers and package managers put servers. A part may hold one `*`.
#[must_use]
pub fn known_folders(places: &Places) -> Vec<PathBuf> {
    match places.os {
        Os::Windows => windows_folders(places),
        Os::Mac => mac_folders(places),
        Os::Linux => linux_folders(places),
    }
}

fn join(base: &Path, parts: &[&str]) -> PathBuf {
    parts.iter().fold(base.to_owned(), |path, part| path.join(part))
}

fn windows_folders(places: &Places) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for name in ["ProgramFiles", "ProgramW6432", "ProgramFiles(x86)"] {
        if let Some(base) = places.variable(name) {
            folders.extend(["Redis*", "Memurai*", "Valkey*"].map(|part| base.join(part)));
        }
    }
    let home = places.variable("USERPROFILE").or_else(|| places.home.clone());
    let data = places.variable("ProgramData");
    let scoops = [
        places.variable("SCOOP").or_else(|| Some(home.as_ref()?.join("scoop"))),
        places.variable("SCOOP_GLOBAL").or_else(|| Some(data.as_ref()?.join("scoop"))),
    ];
    for scoop in scoops.into_iter().flatten() {
        for app in ["redis*", "memurai*", "valkey*"] {
            folders.push(join(&scoop, &["apps", app, "current"]));
            folders.push(join(&scoop, &["apps", app, "current", "bin"]));
        }
    }
    let chocolatey = places.variable("ChocolateyInstall").or_else(|| Some(data?.join("chocolatey")));
    if let Some(base) = chocolatey {
        for package in ["redis*", "memurai*", "valkey*"] {
            folders.push(join(&base, &["lib", package]));
            folders.push(join(&base, &["lib", package, "tools"]));
        }
    }
    if let Some(base) = places.variable("LOCALAPPDATA") {
        let winget = join(&base, &["Microsoft", "WinGet"]);
        for package in ["Redis*", "Memurai*", "Valkey*", "*.Redis", "taizod1024.redis*", "Microsoft.Garnet*"] {
            folders.push(join(&winget, &["Packages", package]));
            for inner in ["Redis*", "net*"] {
                folders.push(join(&winget, &["Packages", package, inner]));
            }
        }
        folders.push(winget.join("Links"));
        folders.push(join(&base, &["Programs", "Redis*"]));
    }
    if let Some(drive) = places.variable("SystemDrive") {
        // `C:` alone means the current folder of that drive.
        let mut root = drive.into_os_string();
        root.push(std::path::MAIN_SEPARATOR_STR);
        folders.extend(["Redis*", "Valkey*"].map(|part| Path::new(&root).join(part)));
    }
    folders
}

fn mac_folders(places: &Places) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for brew in ["/opt/homebrew", "/usr/local"] {
        let brew = Path::new(brew);
        folders.push(brew.join("bin"));
        for formula in ["redis", "valkey", "redis@*", "valkey@*"] {
            folders.push(join(brew, &["opt", formula, "bin"]));
        }
    }
    folders.push(PathBuf::from("/opt/local/bin")); // MacPorts
    folders.extend(nix_and_source(places));
    folders
}

fn linux_folders(places: &Places) -> Vec<PathBuf> {
    let fixed = [
        "/usr/bin",
        "/usr/local/bin",
        "/usr/sbin",
        "/usr/local/sbin",
        "/opt/*/bin",
        "/opt/*/src",
        "/opt/rh/*/root/usr/bin",
        "/usr/local/redis*/bin",
        "/usr/local/redis*/src",
        "/home/linuxbrew/.linuxbrew/bin",
        "/snap/bin",
    ];
    fixed.into_iter().map(PathBuf::from).chain(nix_and_source(places)).collect()
}

/// Nix profiles, and a server that the user compiled in the home folder.
fn nix_and_source(places: &Places) -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("/run/current-system/sw/bin")];
    if let Some(home) = &places.home {
        folders.push(join(home, &[".nix-profile", "bin"]));
        folders.push(join(home, &[".local", "bin"]));
        folders.extend(["redis*", "valkey*"].map(|name| join(home, &[name, "src"])));
    }
    folders
}
