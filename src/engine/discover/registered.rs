//! The folders that Windows' registry names: where installers say they put a server, and where its services run. Pure:
//! what was read is an argument.

use std::path::PathBuf;

use crate::core::windows_path;
use crate::os::registry::Registry;

/// How the names of the programs and services that are worth a look begin.
pub(super) const WORDS: [&str; 4] = ["redis", "memurai", "valkey", "garnet"];

/// The folders to look into. `variables` stand for `%NAME%` in what was read.
pub(super) fn folders(registry: &Registry, variables: &[(String, PathBuf)]) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let mut add = |folder: Option<String>| {
        if let Some(folder) = folder.filter(|folder| is_full(folder)) {
            let folder = PathBuf::from(folder);
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
    };
    for program in &registry.installed {
        let location = expand(program.location.trim().trim_matches('"'), variables);
        add((!location.is_empty()).then(|| location.trim_end_matches('\\').to_owned()));
        add(parent(&program_of(&program.icon, variables)));
    }
    for service in &registry.services {
        add(parent(&program_of(&service.command, variables)));
    }
    folders
}

/// The program of a command line: what stands in quotes, else all up to `.exe`, for a path with blanks needs no quotes
/// in the registry.
fn program_of(command: &str, variables: &[(String, PathBuf)]) -> String {
    let command = expand(command.trim(), variables);
    if let Some(quoted) = command.strip_prefix('"') {
        return quoted.split('"').next().unwrap_or_default().to_owned();
    }
    match command.to_ascii_lowercase().find(".exe") {
        Some(at) => command.get(..at + 4).unwrap_or_default().to_owned(),
        None => String::new(),
    }
}

/// The folder of a Windows path, on any system.
fn parent(path: &str) -> Option<String> {
    let (folder, _) = path.rsplit_once(['\\', '/'])?;
    Some(folder.to_owned())
}

/// Whether a path begins at a drive. One on another machine is left out: looking there may take a minute, and a server
/// is not run from there unless somebody chooses it.
fn is_full(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.get(1) == Some(&b':')
        && matches!(bytes.get(2), Some(b'\\' | b'/'))
}

/// Puts values where `%NAME%` stands; an unknown name stays.
fn expand(text: &str, variables: &[(String, PathBuf)]) -> String {
    windows_path::expand(text, |name| {
        let (_, value) = variables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.to_string_lossy().into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::registry::{Installed, Service};

    fn found(installed: &[(&str, &str)], services: &[&str]) -> Vec<String> {
        let installed = installed.iter().map(|(location, icon)| Installed {
            name: "Redis".into(),
            location: (*location).into(),
            icon: (*icon).into(),
        });
        let services = services.iter().map(|command| Service { name: "Redis".into(), command: (*command).into() });
        let registry = Registry { installed: installed.collect(), services: services.collect() };
        let variables = [("ProgramFiles".to_owned(), PathBuf::from(r"C:\Program Files"))];
        folders(&registry, &variables).iter().map(|folder| folder.display().to_string()).collect()
    }

    #[test]
    fn an_installer_names_its_folder_or_at_least_its_icon() {
        assert_eq!(found(&[(r"C:\Program Files\Redis\", "")], &[]), [r"C:\Program Files\Redis"]);
        assert_eq!(found(&[(r#""D:\Memurai""#, r"D:\Memurai\memurai.exe,0")], &[]), [r"D:\Memurai"]);
        assert_eq!(found(&[("", r#""E:\a b\redis-server.exe",0"#)], &[]), [r"E:\a b"]);
        assert_eq!(found(&[("", r"C:\Windows\Installer\{6E927557}\icon.ico")], &[]), [""; 0]);
    }

    #[test]
    fn a_service_names_its_program_in_quotes_or_bare_and_with_variables() {
        let quoted = r#""C:\Program Files\Redis\redis-server.exe" --service-run "C:\Program Files\Redis\redis.conf""#;
        let bare = r"C:\Program Files\Memurai\memurai.exe --service-run";
        let variable = r"%ProgramFiles%\Valkey\valkey-server.EXE x.conf";
        assert_eq!(
            found(&[], &[quoted, bare, variable]),
            [r"C:\Program Files\Redis", r"C:\Program Files\Memurai", r"C:\Program Files\Valkey"]
        );
    }

    #[test]
    fn what_is_no_full_path_is_left_alone() {
        for command in ["", "redis-server.exe", r"\??\C:\x\redis.exe", r"\SystemRoot\x\redis.exe", r"%Nowhere%\a\b.exe"]
        {
            assert_eq!(found(&[], &[command]), [""; 0], "{command}");
        }
        assert_eq!(found(&[(r"\\server\share\Redis", "")], &[]), [""; 0]);
        assert_eq!(expand("100% of %ProgramFiles", &[]), "100% of %ProgramFiles");
    }
}
