use std::process::Command;
use std::time::Instant;

use super::*;
use crate::os::registry::Registry;

const SERVER: &str = "/usr/bin/redis-server";

/// Writes a program. By another process, because one that this process holds open for writing, however shortly, can't
/// be run by the test beside.
#[cfg(unix)]
fn script(path: &Path, text: &str) {
    let status = Command::new("sh")
        .args(["-c", r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1""#, "sh"])
        .arg(path)
        .arg(text)
        .status();
    assert!(status.unwrap().success());
}

fn places(os: Os, variables: &[(&str, &str)]) -> Places {
    Places {
        os,
        home: Some(PathBuf::from("/home/ann")),
        app_dir: None,
        path: Vec::new(),
        variables: variables.iter().map(|(name, folder)| ((*name).to_owned(), PathBuf::from(folder))).collect(),
        registry: Registry::default(),
    }
}

fn spelled(folders: &[PathBuf]) -> Vec<String> {
    folders.iter().map(|folder| folder.to_string_lossy().replace('\\', "/")).collect()
}

#[tokio::test]
async fn a_real_server_tells_its_version() {
    let version = probe(Path::new(SERVER)).await.unwrap();
    assert!(version.numbers() >= (3, 0, 0));
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_runs_from_any_folder_and_through_a_script() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("my \"servers\" 服务器's");
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(SERVER, folder.join("redis-server")).unwrap();
    script(&folder.join("wrapped"), "exec /usr/bin/redis-server \"$@\"");
    for name in ["redis-server", "wrapped"] {
        assert!(probe(&folder.join(name)).await.is_ok(), "{name}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_server_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("text"), "hello").unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    script(&at("old"), "echo 'Redis server v=2.8.19 sha=00000000:0 malloc=jemalloc bits=64 build=1'");
    script(&at("other"), "echo; echo '  frobnicator 1.2  '; echo more");
    script(&at("complains"), "echo 'unknown option' >&2; exit 2");
    script(&at("silent"), "exit 0");
    script(&at("fails"), "exit 7");
    script(&at("crashes"), "kill -SEGV $$");
    script(&at("chatty"), "yes 'blah blah blah blah blah blah blah blah blah blah blah blah blah blah blah blah blah'");
    script(&at("redis-sentinel"), "echo 'Redis server v=7.0.15 sha=0'");
    Command::new("sh")
        .args(["-c", "echo '#!/no/such' > \"$1\"; chmod 755 \"$1\"", "sh"])
        .arg(at("lost"))
        .status()
        .unwrap();
    let cases = [
        ("missing", "There is no such file."),
        ("folder", "This is a folder"),
        ("text", "not executable"),
        ("text/inside", "can't be opened"),
        ("old", "Redis 2.8.19 is too old: clusters need 3.0 or newer."),
        ("other", "it printed 'frobnicator 1.2'."),
        ("complains", "it printed 'unknown option'."),
        ("silent", "it printed nothing."),
        ("fails", "exit code 7"),
        ("crashes", "it crashed."),
        ("chatty", "blah…'."),
        ("redis-sentinel", "This is Sentinel"),
        ("lost", "the program that should run it is missing"),
    ];
    for (name, reason) in cases {
        let said = probe(&at(name)).await.unwrap_err();
        assert!(said.contains(reason), "{name}: {said}");
        assert!(said.ends_with('.') && said.chars().count() < 200, "{name}: {said}");
    }
    let said = probe(Path::new("/usr/bin/redis-cli")).await.unwrap_err();
    assert!(said.contains("it printed 'redis-cli "), "{said}");
    assert!(probe(Path::new("")).await.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_that_never_answers_is_ended_together_with_what_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hangs");
    script(&path, "sleep 600 & echo $! > \"$0.child\"; wait");
    let said = probe(&path).await.unwrap_err();
    assert_eq!(said, "It did not answer within 3 seconds.");
    let child = std::fs::read_to_string(dir.path().join("hangs.child")).unwrap();
    let begun = Instant::now();
    // A zombie (its own parent is gone too) counts as ended.
    let runs = || {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        state.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
    };
    while runs() {
        assert!(begun.elapsed() < Duration::from_secs(30), "its child still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn this_machine_s_server_is_found_and_a_lost_choice_is_listed_last() {
    let lost = PathBuf::from("/no/where/redis-server");
    let found = find(std::slice::from_ref(&lost)).await;
    let first = found.first().unwrap();
    assert!(first.version.is_ok() && first.origin != Origin::Chosen, "{found:?}");
    let gone = found.iter().find(|server| server.path == lost).unwrap();
    assert_eq!((gone.origin, gone.version.is_err()), (Origin::Chosen, true));
    let usable = found.iter().take_while(|server| server.version.is_ok()).count();
    assert!(found[usable..].iter().all(|server| server.version.is_err()));
}

#[cfg(unix)]
#[test]
fn a_program_reached_by_many_names_is_listed_once_as_it_was_found_first() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for folder in ["app/redis", "bin", "other"] {
        std::fs::create_dir_all(at(folder)).unwrap();
    }
    script(&at("bin/redis-server"), "true");
    script(&at("other/valkey-server"), "true");
    std::os::unix::fs::symlink(at("bin/redis-server"), at("app/redis/redis-server")).unwrap();
    let places = Places {
        app_dir: Some(at("app")),
        path: vec![at("bin"), at("other"), at("bin"), at("missing")],
        home: Some(dir.path().join("home")),
        ..places(Os::Windows, &[])
    };
    let linux = Places { os: Os::Linux, ..places.clone() };
    let found: Vec<_> = listed(&[], &linux).into_iter().filter(|(path, _)| path.starts_with(dir.path())).collect();
    assert_eq!(found, [(at("app/redis/redis-server"), Origin::BesideApp), (at("other/valkey-server"), Origin::Path)]);
    let found = listed(&[at("bin/redis-server")], &linux);
    assert_eq!(found[0], (at("bin/redis-server"), Origin::Chosen));
    assert!(!found.iter().any(|(path, _)| *path == at("app/redis/redis-server")));
    assert!(listed(&[], &places).is_empty(), "Windows programs end in .exe");
}

#[test]
fn windows_folders_are_where_its_installers_put_servers() {
    let folders = spelled(&known_folders(&places(
        Os::Windows,
        &[
            ("ProgramFiles", "C:/Program Files"),
            ("ProgramData", "C:/ProgramData"),
            ("LOCALAPPDATA", "C:/Users/ann/AppData/Local"),
            ("USERPROFILE", "C:/Users/ann"),
            ("SystemDrive", "C:"),
        ],
    )));
    for folder in [
        "C:/Program Files/Redis*",
        "C:/Program Files/Memurai*",
        "C:/Users/ann/scoop/apps/redis*/current",
        "C:/ProgramData/scoop/apps/redis*/current",
        "C:/ProgramData/chocolatey/lib/redis*",
        "C:/ProgramData/chocolatey/lib/memurai*/tools",
        "C:/Users/ann/AppData/Local/Microsoft/WinGet/Packages/Redis*",
        "C:/Users/ann/AppData/Local/Microsoft/WinGet/Links",
        "C:/Redis*",
    ] {
        assert!(folders.contains(&folder.to_owned()), "{folder} is not among {folders:#?}");
    }
}

#[test]
fn package_managers_moved_elsewhere_are_followed() {
    let variables = [("SCOOP", "D:/scoop"), ("SCOOP_GLOBAL", "E:/all"), ("ChocolateyInstall", "D:/choco")];
    let folders = spelled(&known_folders(&places(Os::Windows, &variables)));
    for folder in ["D:/scoop/apps/redis*/current", "E:/all/apps/redis*/current", "D:/choco/lib/redis*"] {
        assert!(folders.contains(&folder.to_owned()), "{folder} is not among {folders:#?}");
    }
    assert!(folders.iter().all(|folder| !folder.starts_with("/home/ann/scoop")));
}

#[test]
fn launchers_of_package_managers_are_not_taken_for_servers() {
    for shim in [
        "C:\\Users\\ann\\scoop\\shims",
        "C:/ProgramData/chocolatey/bin/",
        "c:\\programdata\\Chocolatey\\bin",
        "C:\\Users\\ann\\AppData\\Local\\Microsoft\\WinGet\\Links",
    ] {
        assert!(is_shim_folder(Path::new(shim)), "{shim}");
    }
    for real in ["C:\\Program Files\\Redis", "/usr/bin", "C:\\tools\\bin"] {
        assert!(!is_shim_folder(Path::new(real)), "{real}");
    }
}

/// A machine's disk as the installers leave it, below a temporary folder.
#[test]
fn on_windows_every_installer_s_server_is_found_once_in_the_order_of_trust() {
    let disk = tempfile::tempdir().unwrap();
    let at = |path: &str| disk.path().join(path);
    let servers = [
        "app/redis/redis-server.exe",
        "tools/redis-server.exe",
        "Program Files/Redis/redis-server.exe",
        "Program Files/Memurai/memurai.exe",
        "home/scoop/apps/redis/current/redis-server.exe",
        "ProgramData/chocolatey/lib/redis-64/redis-server.exe",
        "local/Microsoft/WinGet/Packages/taizod1024.redis-windows-fork_x/Redis-8.10.1-Windows-x64-msys2/redis-server.exe",
        "local/Microsoft/WinGet/Packages/Microsoft.Garnet.DN9_x/net9.0/GarnetServer.exe",
        "elsewhere/Redis/redis-server.exe",
        "elsewhere/Service/memurai.exe",
    ];
    let shims = ["home/scoop/shims/redis-server.exe", "ProgramData/chocolatey/bin/redis-server.exe"];
    for file in servers.iter().chain(&shims) {
        std::fs::create_dir_all(at(file).parent().unwrap()).unwrap();
        std::fs::write(at(file), "").unwrap();
    }
    let variables = [("ProgramFiles", "Program Files"), ("ProgramData", "ProgramData"), ("LOCALAPPDATA", "local")];
    let places = Places {
        os: Os::Windows,
        home: Some(at("home")),
        app_dir: Some(at("app")),
        path: ["home/scoop/shims", "ProgramData/chocolatey/bin", "tools"].map(at).to_vec(),
        variables: variables.map(|(name, folder)| (name.to_owned(), at(folder))).to_vec(),
        registry: Registry::default(),
    };
    let registered = vec![at("elsewhere/Redis"), at("tools"), at("elsewhere/Service")];
    let found = each_once(looks(&[at("mine.exe")], &places, registered).into_iter().flat_map(Look::hits).collect());
    let names: Vec<_> = found.iter().map(|(path, _)| path.strip_prefix(disk.path()).unwrap().to_path_buf()).collect();
    assert_eq!(names.first(), Some(&PathBuf::from("mine.exe")));
    assert_eq!(names.len(), servers.len() + 1, "{names:#?}");
    for server in servers {
        assert!(names.contains(&PathBuf::from(server)), "{server} is not among {names:#?}");
    }
    let origins: Vec<_> = found.iter().map(|(_, origin)| *origin).collect();
    assert_eq!(origins[..3], [Origin::Chosen, Origin::BesideApp, Origin::Path]);
}

#[test]
fn mac_and_linux_folders_hold_homebrew_snap_and_opt() {
    let mac = spelled(&known_folders(&places(Os::Mac, &[])));
    for folder in ["/opt/homebrew/bin", "/usr/local/bin", "/opt/homebrew/opt/redis@*/bin", "/opt/local/bin"] {
        assert!(mac.contains(&folder.to_owned()), "{folder}");
    }
    let linux = spelled(&known_folders(&places(Os::Linux, &[])));
    for folder in ["/usr/bin", "/usr/local/bin", "/opt/*/bin", "/snap/bin", "/home/ann/redis*/src"] {
        assert!(linux.contains(&folder.to_owned()), "{folder}");
    }
}

#[test]
fn a_star_stands_for_what_is_there_newest_name_first() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["redis@6.2/bin", "redis@7.2/bin", "Redis/bin", "other/bin"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    let found = expand(&dir.path().join("redis@*").join("bin"));
    assert_eq!(found, [dir.path().join("redis@7.2/bin"), dir.path().join("redis@6.2/bin")]);
    assert_eq!(expand(&dir.path().join("redis*")).len(), 3, "without regard to case");
    assert!(expand(&dir.path().join("missing/*/bin")).is_empty());
    assert_eq!(expand(Path::new("/usr/bin")), [PathBuf::from("/usr/bin")]);
}

#[test]
fn usable_servers_come_first_then_chosen_ones_then_the_newest() {
    let server = |name: &str, origin, version: Result<ServerVersion, &str>| FoundServer {
        path: PathBuf::from(name),
        origin,
        version: version.map_err(str::to_owned),
        build: Build::Upstream,
    };
    let mut found = vec![
        server("broken", Origin::Chosen, Err("no")),
        server("old", Origin::Path, Ok(ServerVersion::redis(5, 0, 0))),
        server("new", Origin::KnownFolder, Ok(ServerVersion::valkey(8, 1, 0))),
        server("second choice", Origin::Chosen, Ok(ServerVersion::redis(3, 0, 0))),
        server("third choice", Origin::Chosen, Ok(ServerVersion::redis(7, 0, 0))),
    ];
    sort_best_first(&mut found);
    let order: Vec<_> = found.iter().map(|server| server.path.to_str().unwrap()).collect();
    assert_eq!(order, ["second choice", "third choice", "new", "old", "broken"]);
}

#[test]
fn a_build_that_cannot_fail_over_comes_after_one_that_can_even_if_that_is_older() {
    let server = |patch: (u16, u16, u16)| FoundServer {
        path: PathBuf::from(format!("{patch:?}")),
        origin: Origin::Path,
        version: Ok(ServerVersion::redis(patch.0, patch.1, patch.2)),
        build: Build::Zkteco,
    };
    let mut found = vec![server((8, 8, 0)), server((7, 2, 5)), server((7, 4, 0)), server((8, 0, 2))];
    sort_best_first(&mut found);
    let order: Vec<_> = found.iter().map(|server| server.version.clone().unwrap().numbers()).collect();
    assert_eq!(order, [(7, 4, 0), (7, 2, 5), (8, 8, 0), (8, 0, 2)]);
}

#[test]
fn one_inside_wsl_comes_after_sound_ones_of_this_system_and_before_the_others() {
    let server = |patch: (u16, u16, u16), origin, build| FoundServer {
        path: PathBuf::from(format!("{patch:?}")),
        origin,
        version: Ok(ServerVersion::redis(patch.0, patch.1, patch.2)),
        build,
    };
    let mut found = vec![
        server((8, 8, 0), Origin::Path, Build::Zkteco),
        server((8, 0, 0), Origin::Wsl, Build::Upstream),
        server((7, 2, 5), Origin::Path, Build::Zkteco),
    ];
    sort_best_first(&mut found);
    let order: Vec<_> = found.iter().map(|server| server.version.clone().unwrap().numbers()).collect();
    assert_eq!(order, [(7, 2, 5), (8, 0, 0), (8, 8, 0)]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_s_build_is_read_from_its_file_and_its_neighbours() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("redis-server.exe");
    let line = "Redis server v=8.0.1 sha=00000000:1 malloc=libc bits=64 build=1";
    std::fs::write(&file, b"MZ....WinSock_IOCP....J:\\zkteco_redis\\src\\acl.c").unwrap();
    assert_eq!(Build::of_program(&gather(&file, line.to_owned())), Build::Zkteco);
    std::fs::write(&file, b"MZ").unwrap();
    assert_eq!(Build::of_program(&gather(&file, line.to_owned())), Build::Unknown);
    std::fs::write(dir.path().join("msys-2.0.dll"), "").unwrap();
    assert_eq!(Build::of_program(&gather(&file, line.to_owned())), Build::Cygwin);
    std::fs::write(&file, "").unwrap();
    assert_eq!(Build::of_program(&gather(&file, line.to_owned())), Build::Upstream);
    assert_eq!(examine(Path::new(SERVER)).await.unwrap().1, Build::Upstream);
}

#[cfg(unix)]
#[tokio::test]
async fn garnet_is_refused_with_what_to_do_instead() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("GarnetServer.exe");
    script(&file, "echo GarnetServer 1.0.83+2f3a");
    let asked = ask(&file).await;
    assert_eq!(asked.build, Build::Garnet);
    assert!(asked.verdict.unwrap_err().starts_with("This is Garnet 1.0.83, which reads no redis.conf"));
}

fn listed(chosen: &[PathBuf], places: &Places) -> Vec<(PathBuf, Origin)> {
    let registered = registered::folders(&places.registry, &places.variables);
    each_once(looks(chosen, places, registered).into_iter().flat_map(Look::hits).collect())
}

#[test]
fn a_chosen_program_stays_on_the_list_when_its_drive_does_not_answer() {
    let chosen = PathBuf::from("/gone/redis-server");
    assert_eq!(each_once(Look::File(chosen.clone()).unseen()), [(chosen, Origin::Chosen)]);
    assert_eq!(Look::Folder("/gone".into(), Origin::Path, Os::Linux).unseen(), []);
}
