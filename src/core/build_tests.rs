use super::*;

fn program(version_output: &str, content: &[u8], beside: &[&str]) -> Build {
    Build::of_program(&Evidence {
        version_output: version_output.to_owned(),
        marks: Marks::of(content),
        beside: beside.iter().map(|name| (*name).to_owned()).collect(),
    })
}

const ZKTECO: &[u8] = b"MZ....D:\\zkteco-git\\zkteco_redis\\src\\acl.c....WinSock_IOCP";
const PORT: &[u8] = b"MZ......WinSock_IOCP....";

#[test]
fn the_native_port_of_zkteco_is_known_by_its_sources_and_by_the_day_it_was_built() {
    let old = "Redis server v=6.2.6 sha=00000000:0 malloc=jemalloc-5.2.1-redis bits=64 build=164b73bbc4ccd2e9";
    let new = "Redis server v=7.4.2 sha=07/02/2025:0 malloc=jemalloc-5.3.0-redis bits=64 build=229aa28d";
    assert_eq!(program(old, ZKTECO, &["EventLog.dll"]), Build::Zkteco);
    assert_eq!(program(new, ZKTECO, &[]), Build::Zkteco);
    assert_eq!(program(new, PORT, &[]), Build::Zkteco, "the day alone");
    assert_eq!(program(old, PORT, &[]), Build::Unknown, "no sign but the event loop");
    let company: Vec<u8> = b"MZ".iter().copied().chain(wide("CompanyName ZKTeco India")).collect();
    assert_eq!(program(old, &company, &[]), Build::Zkteco);
}

#[test]
fn the_older_native_ports_are_told_by_their_versions() {
    let three = "Redis server v=3.0.504 sha=00000000:0 malloc=jemalloc-3.6.0 bits=64 build=a4f7a6e86f2d60b3";
    let five = "Redis server v=5.0.14.1 sha=ec77f72d:0 malloc=jemalloc-5.2.1-redis bits=64 build=5627b8177c9289c";
    assert_eq!(program(three, PORT, &["EventLog.dll"]), Build::MsOpenTech);
    assert_eq!(program(five, PORT, &["EventLog.dll"]), Build::Tporadowski);
}

#[test]
fn a_build_on_msys2_or_cygwin_is_known_by_the_library_it_needs() {
    let line = "Redis server v=8.0.1 sha=00000000:1 malloc=libc bits=64 build=8a5c2d3f3c1b4d2e";
    assert_eq!(program(line, b"MZ...msys-2.0.dll...", &[]), Build::Cygwin);
    assert_eq!(program(line, b"MZ...", &["redis-cli.exe", "MSYS-2.0.DLL"]), Build::Cygwin);
    assert_eq!(program(line, b"MZ...", &["cygwin1.dll"]), Build::Cygwin);
    assert_eq!(program(line, b"MZ...", &["redis-cli.exe"]), Build::Unknown);
}

#[test]
fn a_program_of_another_system_is_its_makers_whatever_lies_beside_it() {
    let line = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0";
    assert_eq!(program(line, b"\x7fELF...zkteco_redis", &["msys-2.0.dll"]), Build::Upstream);
    assert_eq!(program("frobnicator 1.2", b"MZ", &[]), Build::Unknown);
}

#[test]
fn memurai_and_garnet_say_their_names() {
    assert_eq!(program("Memurai server v=4.1.2 sha=0", PORT, &[]), Build::Memurai);
    assert_eq!(program("GarnetServer 1.0.83+2f3a", b"MZ", &[]), Build::Garnet);
    assert_eq!(garnet_version("garnetserver 1.0.83+2f3a\n"), Some("1.0.83"));
    assert_eq!(garnet_version("GarnetServer is here"), None);
}

/// Lines of the INFO replies of real servers.
#[test]
fn a_running_server_tells_its_build_too() {
    let zkteco = "# Server\r\nredis_version:8.8.0\r\nredis_git_sha1:27/05/2026\r\nos:Windows  \r\nmultiplexing_api:WinSock_IOCP\r\natomicvar_api:msvc-zkatomic\r\n";
    let old = "redis_version:6.2.6\r\nredis_git_sha1:00000000\r\nos:Windows  \r\nmultiplexing_api:WinSock_IOCP\r\n";
    let linux = "redis_version:7.0.15\r\nos:Linux 6.1.0 x86_64\r\nmultiplexing_api:epoll\r\n";
    let cases = [
        (zkteco, Build::Zkteco),
        (old, Build::Unknown),
        (linux, Build::Upstream),
        ("redis_version:5.0.14.1\r\nos:Windows  \r\nmultiplexing_api:WinSock_IOCP\r\n", Build::Tporadowski),
        ("redis_version:3.0.504\r\nos:Windows  \r\nmultiplexing_api:WinSock_IOCP\r\n", Build::MsOpenTech),
        ("redis_version:8.0.1\r\nos:MSYS_NT-10.0-19045 3.6.1 x86_64\r\nmultiplexing_api:select\r\n", Build::Cygwin),
        ("redis_version:7.0.5\r\nos:CYGWIN_NT-10.0 x86_64\r\n", Build::Cygwin),
        ("memurai_version:4.1.2\r\nredis_version:7.2.5\r\nos:Windows\r\n", Build::Memurai),
        ("garnet_version:1.0.83\r\nredis_version:7.4.3\r\nos:Microsoft Windows NT 10.0\r\n", Build::Garnet),
        ("", Build::Unknown),
    ];
    for (info, build) in cases {
        assert_eq!(Build::of_info(info), build, "{info}");
    }
}
