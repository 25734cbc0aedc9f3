//! `servers`: the server programs of this machine.

use crate::core::build::Build;
use crate::core::getting::{How, System, ways};
use crate::core::limits::{Limit, Weight};
use crate::engine::discover::{Search, search};
use crate::engine::snapshot::FoundServer;
use crate::engine::wsl::Wake;
use crate::workspace::store::Workspace;

use super::failure::Failure;
use super::json::ServersJson;
use super::local_args::ServersArgs;
use super::terminal::Terminal;
use super::text::Text;

/// Lists what was found, best first.
///
/// # Errors
/// None of them can be used.
pub async fn servers(workspace: &Workspace, terminal: Terminal, args: &ServersArgs) -> Result<(), Failure> {
    let wake = if args.wsl { Wake::Yes } else { Wake::No };
    let Search { found, asleep } = search(&workspace.load_settings()?.chosen_servers, wake).await;
    let ok = found.iter().any(|server| server.version.is_ok());
    terminal.say(|text| {
        listed(text, &found);
        if !asleep.is_empty() {
            let names = asleep.join(", ");
            text.line(format_args!(
                "Not looked into, for they are stopped: {names} (WSL). 'servers --wsl' starts them."
            ));
        }
        if !ok {
            ways_to_get_one(text);
        }
    });
    terminal.object(&ServersJson { ok, servers: found.iter().map(Into::into).collect() });
    match (ok, terminal.is_json()) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::Shown),
        (false, false) => Err(Failure::message(NO_SERVER)),
    }
}

/// What to do where there is no server program.
pub const NO_SERVER: &str = "No usable redis-server was found: install one ('slotctl servers' lists ways), or give its file with --server FILE.";

fn listed(text: &mut Text, found: &[FoundServer]) {
    let row = |server: &FoundServer| match &server.version {
        Ok(version) => {
            vec![version.to_string(), format!("{}{}", server.path.display(), remarks(server))]
        }
        Err(why) => vec!["unusable".to_owned(), format!("{}  ({why})", server.path.display())],
    };
    text.table(&found.iter().map(row).collect::<Vec<_>>());
}

/// The lines that install a server on this system.
fn ways_to_get_one(text: &mut Text) {
    text.line("Ways to get one:");
    for way in ways(System::here()) {
        let limits = way.limits().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let remark = if limits.is_empty() { String::new() } else { format!("  ({limits})") };
        text.line(format_args!("  {}{remark}", way.name));
        match way.how {
            How::Lines(lines) => lines.iter().for_each(|line| text.line(format_args!("    {line}"))),
            How::Download => text.line(format_args!("    {}", way.link)),
        }
    }
}

/// Whose build it is and what it lacks; empty for the makers' own.
fn remarks(server: &FoundServer) -> String {
    if server.build == Build::Upstream {
        return String::new();
    }
    let limits = server.limits();
    let named = limits.iter().filter(|limit| limit.weight() > Weight::Note || **limit == Limit::NotTried);
    let words: Vec<String> = std::iter::once(server.build.to_string()).chain(named.map(ToString::to_string)).collect();
    format!("  ({})", words.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::version::ServerVersion;
    use crate::engine::snapshot::Origin;

    #[test]
    fn a_program_that_is_none_is_listed_with_the_reason() {
        let found = [
            FoundServer {
                path: "/usr/bin/redis-server".into(),
                origin: Origin::Path,
                version: Ok(ServerVersion::redis(7, 0, 15)),
                build: Build::Upstream,
            },
            FoundServer {
                path: "C:/8/redis-server.exe".into(),
                origin: Origin::Path,
                version: Ok(ServerVersion::redis(8, 0, 2)),
                build: Build::Zkteco,
            },
            FoundServer {
                path: "/opt/x".into(),
                origin: Origin::Chosen,
                version: Err("It says nothing.".into()),
                build: Build::Unknown,
            },
        ];
        let mut text = Text::default();
        listed(&mut text, &found);
        assert_eq!(
            text.into_string(),
            "Redis 7.0.15  /usr/bin/redis-server\n\
             Redis 8.0.2   C:/8/redis-server.exe  (zkteco-home port; no automatic failover; the append-only file can hang)\n\
             unusable      /opt/x  (It says nothing.)\n"
        );
    }
}
