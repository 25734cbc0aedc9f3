//! The dialog that takes servers that run already under a name.

mod tls;

use std::path::Path;

use egui::{Key, Response, Sides, Ui};

use crate::core::secret::Secret;
use crate::core::tls::TlsOptions;
use crate::core::topology::{NodeAddr, ParseError};
use crate::engine::command::{Auth, Command};
use crate::engine::snapshot::{ClusterView, Snapshot};
use crate::engine::tls::Tls;
use crate::gui::action::{Action, TlsFile};
use crate::gui::i18n::tr;
use crate::gui::icons::Icon;
use crate::gui::theme::{self, Palette, Tone};
use crate::gui::widgets::bits;
use crate::gui::words;

use tls::{TlsFields, tls_ui, warning_ui};

/// The dialog's fields.
#[derive(Debug, Default)]
pub struct AttachUi {
    /// The nodes of a cluster that is attached already and only wants a login.
    known: Option<Vec<NodeAddr>>,
    name: String,
    addrs: String,
    user: String,
    password: Secret,
    tls: TlsFields,
    /// Whether connections to the attached cluster are secured already, and how.
    known_tls: Option<TlsOptions>,
}

impl AttachUi {
    /// The fields for a cluster that is attached already: only login and TLS are asked for.
    #[must_use]
    pub fn login(cluster: &ClusterView) -> Self {
        let known = cluster.nodes.iter().map(|node| node.addr.clone()).collect();
        let tls = cluster.tls.as_deref();
        let (known, name) = (Some(known), cluster.name.clone());
        Self { known, name, tls: TlsFields::of(tls), known_tls: tls.cloned(), ..Self::default() }
    }

    /// Takes a file that was chosen in a dialog.
    pub fn file_chosen(&mut self, which: TlsFile, file: &Path) {
        self.tls.chosen(which, file);
    }

    /// The addresses, parted by blanks, commas or lines; a port alone means this machine.
    fn parsed(&self) -> Result<Vec<NodeAddr>, ParseError> {
        let parts = self.addrs.split([',', ';', ' ', '\n', '\t']).map(str::trim).filter(|p| !p.is_empty());
        parts
            .map(|part| match part.parse::<u16>() {
                Ok(port) if port > 0 => Ok(NodeAddr::new("127.0.0.1", port)),
                _ => part.parse(),
            })
            .collect()
    }

    /// The name as typed, else one made of the first address that no cluster has yet.
    fn named(&self, snapshot: &Snapshot) -> String {
        let typed = self.name.trim();
        if !typed.is_empty() {
            return typed.to_owned();
        }
        let Some(first) = self.parsed().ok().and_then(|addrs| addrs.into_iter().next()) else { return String::new() };
        // Colons are for no file name on Windows.
        let plain = format!("{}-{}", first.host.replace([':', '%'], "-").trim_matches('-'), first.port);
        let numbered = (2..).map(|number| format!("{plain}-{number}"));
        let mut names = std::iter::once(plain.clone()).chain(numbered);
        names.find(|name| !snapshot.clusters.contains_key(name)).unwrap_or_default()
    }

    /// What is still wrong; `Ok` when it can be sent. An empty form is not scolded.
    fn check(&self, snapshot: &Snapshot) -> Result<Vec<NodeAddr>, Option<String>> {
        if let Some(problem) = self.tls.problem() {
            return Err(Some(problem));
        }
        if let Some(known) = &self.known {
            let nothing_new = self.password.is_empty() && self.tls.options() == self.known_tls;
            return if nothing_new { Err(None) } else { Ok(known.clone()) };
        }
        let addrs = self.parsed().map_err(|_| Some(tr!("attach.bad_address")))?;
        if snapshot.clusters.contains_key(self.name.trim()) {
            return Err(Some(tr!("problem.name_taken")));
        }
        if addrs.is_empty() { Err(None) } else { Ok(addrs) }
    }
}

/// Shows the dialog. [`Action::Withdraw`] closes it.
#[must_use]
pub fn attach_ui(ctx: &egui::Context, snapshot: &Snapshot, state: &mut AttachUi) -> Option<Action> {
    let modal = bits::modal(ctx, "attach", |ui| {
        if let Some(addrs) = &state.known {
            bits::subtitle(ui, tr!("attach.login_title", name = state.name));
            bits::weak(ui, words::addrs(addrs));
        } else {
            bits::subtitle(ui, tr!("attach.title"));
            bits::weak(ui, tr!("attach.text"));
        }
        ui.add_space(8.0);
        let name = state.named(snapshot);
        let (file, entered) = fields_ui(ui, state, &name);
        let checked = state.check(snapshot);
        if let Err(Some(problem)) = &checked {
            bits::state(ui, Tone::Bad, Icon::Error, problem);
        }
        ui.add_space(12.0);
        buttons_ui(ui, state, name, checked.ok(), entered).or(file)
    });
    modal.inner.clone().or_else(|| modal.should_close().then_some(Action::Withdraw))
}

/// The fields; what is to be done, and whether Enter was pressed in a field of one line.
fn fields_ui(ui: &mut Ui, state: &mut AttachUi, name: &str) -> (Option<Action>, bool) {
    let mut lines = Vec::new();
    let grid = egui::Grid::new("attach-fields").num_columns(2).spacing([12.0, 8.0]).show(ui, |ui| {
        if state.known.is_none() {
            lines.push(place_ui(ui, state, name));
        }
        let label = ui.label(tr!("attach.user"));
        let hint = tr!("attach.user_hint");
        let field = egui::TextEdit::singleline(&mut state.user).desired_width(300.0).hint_text(hint);
        lines.push(ui.add(field).labelled_by(label.id));
        ui.end_row();
        let label = ui.label(tr!("attach.password"));
        let field = egui::TextEdit::singleline(state.password.expose_mut()).desired_width(300.0).password(true);
        let password = ui.add(field).labelled_by(label.id);
        if state.known.is_some() && ui.memory(|m| m.focused().is_none()) {
            password.request_focus();
        }
        lines.push(password);
        ui.end_row();
        tls_ui(ui, &mut state.tls)
    });
    let entered = lines.iter().any(Response::lost_focus) && ui.input(|input| input.key_pressed(Key::Enter));
    bits::weak(ui, tr!("attach.password_note"));
    warning_ui(ui, &state.tls);
    (grid.inner, entered)
}

/// The rows that say which servers; the field of the name, which shows the one that is taken where none is typed.
fn place_ui(ui: &mut Ui, state: &mut AttachUi, name: &str) -> Response {
    let label = ui.label(tr!("attach.addrs"));
    let hint = "10.0.0.1:7000, 10.0.0.2:7000";
    let field = egui::TextEdit::multiline(&mut state.addrs).desired_rows(2).desired_width(300.0).hint_text(hint);
    let addrs = ui.add(field).labelled_by(label.id);
    if ui.memory(|m| m.focused().is_none()) {
        addrs.request_focus();
    }
    ui.end_row();
    let label = ui.label(tr!("attach.name"));
    let field = egui::TextEdit::singleline(&mut state.name).desired_width(300.0).hint_text(name);
    let field = ui.add(field).labelled_by(label.id);
    ui.end_row();
    field
}

fn buttons_ui(
    ui: &mut Ui,
    state: &AttachUi,
    name: String,
    addrs: Option<Vec<NodeAddr>>,
    entered: bool,
) -> Option<Action> {
    let colors = Palette::of(ui);
    let label = if state.known.is_some() { tr!("attach.login") } else { tr!("attach.attach") };
    let ((), action) = Sides::new().show(
        ui,
        |_| {},
        |ui| {
            // As in the other dialogs: what is done stands before what leaves it.
            let cancel = ui.button(tr!("confirm.cancel"));
            let attach = ui.add_enabled(addrs.is_some(), theme::primary(colors, label));
            if attach.clicked() || (entered && addrs.is_some()) {
                let (user, password) = (state.user.trim().to_owned(), state.password.clone());
                let auth = Auth { user, password, tls: state.tls.options().map(Tls::new) };
                let attach = Command::Attach { name: name.clone(), addrs: addrs.unwrap_or_default(), auth };
                Some(Action::All(vec![Action::Do(attach), Action::Withdraw, Action::OpenCluster(name)]))
            } else {
                cancel.clicked().then_some(Action::Withdraw)
            }
        },
    );
    action
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable as _;

    use super::*;
    use crate::gui::{samples, testing};

    fn filled(name: &str, addrs: &str) -> AttachUi {
        AttachUi { name: name.to_owned(), addrs: addrs.to_owned(), ..AttachUi::default() }
    }

    #[test]
    fn addresses_are_parted_by_commas_blanks_and_lines_and_a_port_means_this_machine() {
        let addrs = filled("a", "10.0.0.1:7000, 7001\n[::1]:7002").parsed().unwrap();
        let texts: Vec<_> = addrs.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["10.0.0.1:7000", "127.0.0.1:7001", "::1:7002"]);
    }

    #[test]
    fn a_taken_name_and_a_bad_address_are_named() {
        let snapshot = samples::snapshot(samples::healthy());
        assert!(matches!(filled("orders", "7000").check(&snapshot), Err(Some(_))));
        assert!(matches!(filled("x", "seven").check(&snapshot), Err(Some(_))));
        assert!(matches!(filled("", "").check(&snapshot), Err(None)));
    }

    #[test]
    fn a_known_cluster_is_only_asked_for_its_login_and_goes_by_its_own_addresses() {
        let cluster = samples::healthy();
        let snapshot = samples::snapshot(cluster.clone());
        let mut login = AttachUi::login(&cluster);
        assert!(matches!(login.check(&snapshot), Err(None)), "no password yet");
        login.password = Secret::new("s3cret");
        let addrs: Vec<_> = cluster.nodes.iter().map(|n| n.addr.clone()).collect();
        assert_eq!(login.check(&snapshot).ok(), Some(addrs));
        let mut harness = testing::harness((login, None), move |ui, (state, action): &mut (_, Option<Action>)| {
            *action = attach_ui(ui, &snapshot, state).or(action.take());
        });
        harness.run();
        harness.get_by_label("Log in to orders");
        assert!(harness.query_by_label("Addresses").is_none());
        harness.get_by_label("Log in").click();
        harness.run();
        let Some(Action::All(actions)) = &harness.state().1 else { panic!() };
        assert!(
            matches!(&actions[0], Action::Do(Command::Attach { name, auth, .. }) if name == "orders" && auth.password.expose() == "s3cret")
        );
    }

    #[test]
    fn attaching_sends_the_addresses_and_shows_the_cluster() {
        let snapshot = samples::snapshot(samples::healthy());
        let state = (filled("prod", "10.0.0.1:7000"), None);
        let mut harness = testing::harness(state, move |ui, (state, action): &mut (_, Option<Action>)| {
            *action = attach_ui(ui, &snapshot, state).or(action.take());
        });
        harness.run();
        harness.get_by_label("Attach").click();
        harness.run();
        let Some(Action::All(actions)) = &harness.state().1 else { panic!() };
        assert!(
            matches!(&actions[0], Action::Do(Command::Attach { name, addrs, .. }) if name == "prod" && addrs.len() == 1)
        );
    }

    #[test]
    fn who_types_no_name_gets_one_of_the_first_address_that_no_cluster_has() {
        let snapshot = samples::snapshot(samples::healthy());
        assert_eq!(filled("", "10.0.0.1:7000, 7001").named(&snapshot), "10.0.0.1-7000");
        assert_eq!(filled("", "[::1]:7002").named(&snapshot), "1-7002");
        assert_eq!(filled(" prod ", "7000").named(&snapshot), "prod");
        assert_eq!(filled("", "").named(&snapshot), "");
        let mut taken = Snapshot::clone(&snapshot);
        taken.clusters.insert("127.0.0.1-7000".to_owned(), samples::healthy().into());
        assert_eq!(filled("", "7000").named(&taken), "127.0.0.1-7000-2");
    }

    #[test]
    fn enter_in_a_field_of_one_line_attaches() {
        let snapshot = samples::snapshot(samples::healthy());
        let state = (filled("", "10.0.0.1:7000"), None);
        let mut harness = testing::harness(state, move |ui, (state, action): &mut (_, Option<Action>)| {
            *action = attach_ui(ui, &snapshot, state).or(action.take());
        });
        harness.run();
        harness.get_by_label("Name").focus();
        harness.run();
        harness.key_press(Key::Enter);
        harness.run();
        let Some(Action::All(actions)) = &harness.state().1 else { panic!() };
        assert!(matches!(&actions[0], Action::Do(Command::Attach { name, .. }) if name == "10.0.0.1-7000"));
    }

    #[test]
    fn tls_is_asked_for_with_a_ca_and_goes_with_the_servers() {
        let snapshot = samples::snapshot(samples::healthy());
        let state = (filled("prod", "10.0.0.1:7000"), None);
        let mut harness = testing::harness(state, move |ui, (state, action): &mut (_, Option<Action>)| {
            *action = attach_ui(ui, &snapshot, state).or(action.take());
        });
        harness.run();
        assert!(harness.query_by_label("CA file").is_none());
        harness.get_by_label("Secure the connections").click();
        harness.run();
        harness.get_by_label("Choose: CA file").click();
        harness.run();
        assert!(matches!(harness.state().1, Some(Action::ChooseTlsFile(TlsFile::Ca))));
        harness.state_mut().0.file_chosen(TlsFile::Ca, Path::new("/etc/redis/ca.crt"));
        harness.get_by_label("Accept any certificate").click();
        harness.run();
        harness.get_by_label_contains("read and change everything");
        harness.get_by_label("Accept any certificate").click();
        harness.run();
        harness.get_by_label("Attach").click();
        harness.run();
        let Some(Action::All(actions)) = &harness.state().1 else { panic!() };
        let Action::Do(Command::Attach { auth, .. }) = &actions[0] else { panic!("{:?}", actions[0]) };
        let options = auth.tls.as_ref().unwrap().options();
        assert_eq!(options.ca_file.as_deref(), Some(Path::new("/etc/redis/ca.crt")));
        assert!(!options.insecure);
    }

    #[test]
    fn the_tls_of_an_attached_cluster_can_be_put_right_without_a_password() {
        let mut cluster = samples::healthy();
        cluster.tls = Some(TlsOptions { ca_file: Some("old.crt".into()), ..TlsOptions::default() }.into());
        let snapshot = samples::snapshot(cluster.clone());
        let mut login = AttachUi::login(&cluster);
        assert!(matches!(login.check(&snapshot), Err(None)), "nothing new yet");
        login.file_chosen(TlsFile::Ca, Path::new("new.crt"));
        assert!(login.check(&snapshot).is_ok());
    }
}
