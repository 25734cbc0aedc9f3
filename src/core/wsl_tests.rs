use super::*;

/// As `wsl.exe` writes: UTF-16, little endian, lines that end with CR LF.
fn utf16(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn args(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn ubuntu() -> Inside {
    Inside { distro: "Ubuntu-24.04".into(), program: "/usr/bin/redis-server".into() }
}

#[test]
fn a_path_into_wsl_is_taken_apart_and_put_together_again() {
    let path = Path::new(r"\\wsl.localhost\Ubuntu-24.04\usr\bin\redis-server");
    assert_eq!(Inside::of(path), Some(ubuntu()));
    assert_eq!(ubuntu().path(), path);
    assert_eq!(Inside::of(Path::new(r"\\wsl$\Ubuntu-24.04\usr\bin\redis-server")), Some(ubuntu()));
    assert_eq!(Inside::of(Path::new("//WSL.localhost/Ubuntu-24.04/usr/bin/redis-server")), Some(ubuntu()));
}

#[test]
fn every_other_path_is_an_ordinary_one() {
    for path in [
        r"C:\Redis\redis-server.exe",
        "/usr/bin/redis-server",
        r"\\server\share\redis-server.exe",
        r"\\wsl.localhost\Ubuntu",
        r"\\wsl.localhost\Ubuntu\",
        r"\\wsl.localhost\Ubuntu; rm\bin\x",
        r"\\wsl.localhost",
        "",
    ] {
        assert_eq!(Inside::of(Path::new(path)), None, "{path}");
    }
}

#[test]
fn a_list_names_distributions_one_a_line() {
    let listing = decode(&utf16("Ubuntu-24.04\ndocker-desktop\ndocker-desktop-data\nDebian\npodman-machine-default\n"));
    assert_eq!(distros(&listing), ["Ubuntu-24.04", "Debian"]);
    assert_eq!(distros(&decode(b"Ubuntu\r\nrancher-desktop\r\nrancher-desktop-data\r\n")), ["Ubuntu"]);
}

#[test]
fn where_there_are_none_it_prints_nothing_or_a_sentence() {
    let english = "Windows Subsystem for Linux has no installed distributions.\nUse 'wsl.exe --list --online' to list \
                   available distributions\nand 'wsl.exe --install <Distro>' to install.\n";
    let chinese = "适用于 Linux 的 Windows 子系统没有已安装的分发。\n没有正在运行的分发。\n";
    for text in ["", english, chinese, "Copyright (c) Microsoft Corporation. All rights reserved.\n"] {
        assert_eq!(distros(&decode(&utf16(text))), [""; 0], "{text}");
    }
}

#[test]
fn both_encodings_are_read_and_half_a_character_does_no_harm() {
    assert_eq!(decode(&utf16("没有\n")), "没有\r\n");
    assert_eq!(decode("没有\n".as_bytes()), "没有\n");
    assert_eq!(decode(&[0xff, 0xfe, b'A', 0, b'B', 0]), "AB");
    assert_eq!(decode(&[b'A', 0, b'B']), "A");
    assert_eq!(decode(&[]), "");
}

#[test]
fn the_programs_found_are_those_of_linux_each_once() {
    let found = "Welcome to Ubuntu!\n/usr/bin/redis-server\n/usr/bin/redis-server\n/mnt/c/tools/redis-server\n\
                 /opt/my valkey/bin/valkey-server\nalias redis-server='x'\n";
    let found: Vec<_> = programs("Ubuntu", found).into_iter().map(|inside| inside.program).collect();
    assert_eq!(found, ["/usr/bin/redis-server", "/opt/my valkey/bin/valkey-server"]);
    assert!(programs("Ubuntu", "").is_empty());
}

#[test]
fn a_program_is_run_without_a_shell() {
    let line = ubuntu().run(&["redis.conf"]).join(" ");
    assert_eq!(line, "-d Ubuntu-24.04 --exec /usr/bin/redis-server redis.conf");
    assert!(!LOOK.contains(['$', '"', '\'', '\\']), "{LOOK}");
}

#[test]
fn a_signal_goes_to_the_server_of_this_folder_only() {
    let told = ubuntu().signal("TERM", 314);
    assert_eq!(told[..5], ["-d", "Ubuntu-24.04", "--exec", "/bin/sh", "-c"]);
    assert_eq!(told[5..], ["[ /proc/314/cwd -ef . ] && kill -TERM 314"]);
}

#[test]
fn a_relay_is_a_wsl_that_runs_a_server_with_its_file() {
    assert!(is_relay_of(
        &args(r"C:\Windows\System32\wsl.exe -d U --exec /usr/bin/redis-server redis.conf"),
        "redis.conf"
    ));
    assert!(is_relay_of(&args("WSL.EXE -d U --exec /x/valkey-server redis.conf"), "redis.conf"));
    for other in [
        "wsl.exe -d U",
        "wsl.exe -d U --exec vi redis.conf.bak",
        "wslhost.exe --exec redis-server redis.conf",
        "wsl.exe redis.conf",
        "",
    ] {
        assert!(!is_relay_of(&args(other), "redis.conf"), "{other}");
    }
    assert!(!is_relay_of(&[], "redis.conf"));
}
