//! `servers`: the server programs of this machine.

use crate::engine::discover::find;
use crate::engine::snapshot::FoundServer;
use crate::workspace::store::Workspace;

use super::failure::Failure;
use super::json::ServersJson;
use super::terminal::Terminal;
use super::text::Text;

/// Lists what was found, best first.
///
/// # Errors
/// None of them can be used.
pub async fn servers(workspace: &Workspace, terminal: Terminal) -> Result<(), Failure> {
    let found = find(&workspace.load_settings()?.chosen_servers).await;
    let ok = found.iter().any(|server| server.version.is_ok());
    terminal.say(|text| listed(text, &found));
    terminal.object(&ServersJson { ok, servers: found.iter().map(Into::into).collect() });
    match (ok, terminal.is_json()) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::Shown),
        (false, false) => Err(Failure::message(NO_SERVER)),
    }
}

/// What to do where there is no server program.
pub const NO_SERVER: &str =
    "No usable redis-server was found: install one (apt install redis-server), or give its file with --server FILE.";

fn listed(text: &mut Text, found: &[FoundServer]) {
    let row = |server: &FoundServer| match &server.version {
        Ok(version) => vec![version.to_string(), server.path.display().to_string()],
        Err(why) => vec!["unusable".to_owned(), format!("{}  ({why})", server.path.display())],
    };
    text.table(&found.iter().map(row).collect::<Vec<_>>());
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
            },
            FoundServer { path: "/opt/x".into(), origin: Origin::Chosen, version: Err("It says nothing.".into()) },
        ];
        let mut text = Text::default();
        listed(&mut text, &found);
        assert_eq!(
            text.into_string(),
            "Redis 7.0.15  /usr/bin/redis-server\nunusable      /opt/x  (It says nothing.)\n"
        );
    }
}
