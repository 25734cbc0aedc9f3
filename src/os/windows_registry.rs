//! Reading the registry.

use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE};

use super::registry::{Installed, Registry, Service};

const UNINSTALL: &str = r"Software\Microsoft\Windows\CurrentVersion\Uninstall";
const UNINSTALL_32: &str = r"Software\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall";
const SERVICES: &str = r"System\CurrentControlSet\Services";

pub(super) fn read(words: &[&str]) -> Registry {
    let fits = |name: &str| {
        let name = name.to_lowercase();
        words.iter().any(|word| name.starts_with(&word.to_lowercase()))
    };
    let places = [(CURRENT_USER, UNINSTALL), (LOCAL_MACHINE, UNINSTALL), (LOCAL_MACHINE, UNINSTALL_32)];
    let installed = places.into_iter().flat_map(|(root, path)| {
        children(root, path).into_iter().map(|(_, key)| Installed {
            name: text(&key, "DisplayName"),
            location: text(&key, "InstallLocation"),
            icon: text(&key, "DisplayIcon"),
        })
    });
    let installed = installed.filter(|program| fits(&program.name)).collect();
    let services = children_named(LOCAL_MACHINE, SERVICES, fits);
    let services = services.into_iter().map(|(name, key)| Service { name, command: text(&key, "ImagePath") }).collect();
    Registry { installed, services }
}

/// One key for each distribution.
pub(super) fn has_wsl() -> bool {
    !children(CURRENT_USER, r"Software\Microsoft\Windows\CurrentVersion\Lxss").is_empty()
}

fn children(root: &Key, path: &str) -> Vec<(String, Key)> {
    children_named(root, path, |_| true)
}

/// The keys below a path whose names fit.
fn children_named(root: &Key, path: &str, fits: impl Fn(&str) -> bool) -> Vec<(String, Key)> {
    let Ok(parent) = root.open(path) else { return Vec::new() };
    let Ok(names) = parent.keys() else { return Vec::new() };
    names.filter(|name| fits(name)).filter_map(|name| parent.open(&name).ok().map(|key| (name, key))).collect()
}

fn text(key: &Key, name: &str) -> String {
    key.get_string(name).unwrap_or_default()
}
