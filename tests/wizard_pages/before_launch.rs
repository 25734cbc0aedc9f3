//! Server, shape and configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use egui::accesskit::Role as Ui;
use egui_kittest::kittest::{NodeT, Queryable};
use slotdeck::core::spec::{Field, Problem, ProblemKind};
use slotdeck::core::version::ServerVersion;
use slotdeck::engine::command::Command;
use slotdeck::engine::event::What;
use slotdeck::engine::snapshot::{FoundServer, Origin};
use slotdeck::gui::action::Action;

use crate::stage::*;

#[test]
fn the_best_server_is_chosen_already_and_unusable_ones_say_why() {
    let mut window = window(stage());
    settle(&mut window);
    let best = window.get_by_role_and_label(Ui::RadioButton, "Redis 7.0.15 — /usr/bin/redis-server");
    assert_eq!(best.accesskit_node().toggled(), Some(egui::accesskit::Toggled::True));
    window.get_by_label("Can't be used: Redis 2.8.19 is too old");
    assert!(enabled(&window, "Next"));
}

#[test]
fn without_a_server_the_page_tells_how_to_get_one_and_next_stays_shut() {
    let mut stage = stage();
    stage.snapshot.servers.found.clear();
    let mut window = window(stage);
    settle(&mut window);
    window.get_by_label("No usable redis-server was found on this machine");
    window.get_by_label("Choose a redis-server program.");
    assert!(!enabled(&window, "Next"));
    press(&mut window, "Look again");
    assert!(window.state().commands().iter().any(|command| matches!(command, Command::FindServers)));
    press(&mut window, "Choose a file…");
    assert!(window.state().actions.iter().any(|action| matches!(action, Action::ChooseServerFile)));
}

#[test]
fn without_a_server_each_way_has_a_line_to_copy_and_says_what_one_gets() {
    let mut stage = stage();
    stage.snapshot.servers.found.clear();
    let mut window = window(stage);
    settle(&mut window);
    press(&mut window, "Copy “winget install --id Memurai.MemuraiDeveloper --exact”");
    let copied = |action: &Action| matches!(action, Action::Copy(line) if line.starts_with("winget install"));
    assert!(window.state().actions.iter().any(copied));
    assert!(window.query_all_by_label_contains("tried, works").count() == 1);
    assert_eq!(window.query_all_by_label_contains("not tried with clusters").count(), 4);
}

#[test]
fn what_a_build_lacks_is_said_before_it_is_chosen() {
    let mut stage = stage();
    stage.snapshot.servers.found = windows_ports();
    let mut window = window(stage);
    settle(&mut window);
    let limits = |window: &Window, text: &str| window.query_all_by_label_contains(text).count();
    assert_eq!(limits(&window, "no automatic failover"), 1);
    assert_eq!(limits(&window, "its nodes do not join"), 1);
    assert_eq!(limits(&window, "slots stay down until"), 0, "the reasons are for the one that is chosen");
    window.get_by_role_and_label(Ui::RadioButton, "Redis 8.2.2 — C:\\Redis8\\redis-server.exe").click();
    settle(&mut window);
    assert_eq!(limits(&window, "slots stay down until"), 1);
    assert!(enabled(&window, "Next"));
}

#[test]
fn a_server_inside_wsl_says_what_is_special_and_stopped_distributions_are_looked_into_by_a_button() {
    let mut stage = stage();
    let path = r"\\wsl.localhost\Ubuntu\usr\bin\redis-server";
    let inside = FoundServer { origin: Origin::Wsl, ..server(path, Ok(ServerVersion::redis(7, 0, 15))) };
    stage.snapshot.servers.found = vec![inside];
    stage.snapshot.servers.asleep = vec!["Debian".to_owned(), "Arch".to_owned()];
    let mut window = window(stage);
    settle(&mut window);
    window.get_by_label("Found inside WSL");
    assert_eq!(window.query_all_by_label_contains("It runs inside WSL and is started there.").count(), 1);
    assert_eq!(window.query_all_by_label_contains("stopped: Debian, Arch.").count(), 1);
    press(&mut window, "Look inside WSL");
    assert!(window.state().commands().iter().any(|command| matches!(command, Command::FindServersInWsl)));
    window.state_mut().snapshot.servers.asleep.clear();
    settle(&mut window);
    assert!(window.query_by_label("Look inside WSL").is_none());
}

#[test]
fn a_file_chosen_in_the_dialog_becomes_the_server() {
    let mut window = window(stage());
    settle(&mut window);
    tell(&mut window, What::ServerRefused("/etc/passwd".to_owned(), "it is no program".to_owned()));
    window.get_by_label("/etc/passwd can't be used as a server: it is no program");
    tell(&mut window, What::ServerAccepted("/home/me/redis-server".to_owned(), "Redis 8.0.0".to_owned()));
    assert!(window.query_by_label_contains("/etc/passwd").is_none());
    let mut chosen = server("/home/me/redis-server", Ok(ServerVersion::redis(8, 0, 0)));
    chosen.origin = Origin::Chosen;
    window.state_mut().snapshot.servers.found.push(chosen);
    settle(&mut window);
    press(&mut window, "Next");
    assert_eq!(last_draft(&window).server.unwrap().path, PathBuf::from("/home/me/redis-server"));
}

#[test]
fn the_path_of_a_server_can_be_typed() {
    let mut window = window(stage());
    settle(&mut window);
    assert!(!enabled(&window, "Use this file"));
    type_into(&mut window, "or type its path", " /opt/redis/redis-server ");
    press(&mut window, "Use this file");
    let probed =
        |c: &&Command| matches!(c, Command::ProbeServer(path) if path.to_str() == Some("/opt/redis/redis-server"));
    assert!(window.state().commands().iter().any(probed));
}

#[test]
fn what_is_typed_is_checked_as_it_is_typed() {
    let mut window = at_shape(stage());
    type_into(&mut window, "Name", "shop");
    type_into(&mut window, "First port", "7100");
    let spec = last_draft(&window);
    assert_eq!(spec.name, "shop");
    assert_eq!(spec.dir, PathBuf::from("/data/clusters").join("shop"), "the folder follows the name");
    assert_eq!(spec.port_list(), [7100, 7101, 7102, 7103, 7104, 7105]);
    window.get_by_label("6 servers: ports 7100–7105, bus ports 17100–17105");
}

#[test]
fn a_problem_stands_beside_its_field_and_shuts_next() {
    let mut stage = stage();
    let kind = ProblemKind::PortInUse { port: 7000, reason: "it is in use".to_owned() };
    stage.problems = vec![Problem::error(Field::Ports, kind)];
    let mut window = at_shape(stage);
    assert_eq!(window.query_all_by_label("Port 7000 can't be used: it is in use.").count(), 2, "field and footer");
    assert!(!enabled(&window, "Next"));
    window.state_mut().problems.clear();
    type_into(&mut window, "First port", "7100");
    assert!(window.query_by_label("Port 7000 can't be used: it is in use.").is_none());
    assert!(enabled(&window, "Next"));
}

#[test]
fn many_ports_in_use_are_cut_short_and_free_ones_are_found_by_one_button() {
    let mut stage = stage();
    stage.taken = 7000..7205;
    let mut window = at_shape(stage);
    assert_eq!(window.query_all_by_label_contains("can't be used: it is in use.").count(), 4, "three and the footer");
    window.get_by_label("and 3 more");
    press(&mut window, "Use free ports");
    for _ in 0..4 {
        settle(&mut window);
    }
    assert_eq!(last_draft(&window).port_list()[0], 7300);
    assert!(window.query_by_label("Use free ports").is_none());
    assert!(enabled(&window, "Next"));
}

#[test]
fn a_warning_does_not_shut_next() {
    let mut stage = stage();
    stage.problems = vec![Problem::warning(Field::Replicas, ProblemKind::NoReplicas)];
    let window = at_shape(stage);
    window.get_by_label("Without replicas, the slots of a lost master are lost with it.");
    assert!(enabled(&window, "Next"));
}

#[test]
fn a_port_that_is_no_number_is_named_without_asking_the_engine() {
    let mut window = at_shape(stage());
    type_into(&mut window, "First port", "70000");
    assert!(window.query_all_by_label_contains("Port 70000 does not exist").count() > 0);
    assert!(!enabled(&window, "Next"));
}

#[test]
fn masters_and_replicas_have_buttons_that_say_what_they_do() {
    let mut window = at_shape(stage());
    press(&mut window, "More: Masters");
    press(&mut window, "Fewer: Replicas per master");
    let spec = last_draft(&window);
    assert_eq!((spec.masters, spec.replicas), (4, 0));
}

#[test]
fn ports_can_be_listed_one_by_one() {
    let mut window = at_shape(stage());
    window.get_by_label("List them one by one").click();
    settle(&mut window);
    type_into(&mut window, "Ports", "7001, 7003, 7005, 7007, 7009, 7011");
    assert_eq!(last_draft(&window).port_list(), [7001, 7003, 7005, 7007, 7009, 7011]);
}

#[test]
fn enter_in_a_field_goes_on() {
    let mut window = at_shape(stage());
    window.get_by_role_and_label(Ui::TextInput, "Name").focus();
    window.step();
    window.key_press(egui::Key::Enter);
    settle(&mut window);
    window.get_by_label_contains("Launch 6 servers");
}

#[test]
fn the_browse_button_asks_for_a_folder_and_the_answer_is_kept() {
    let mut window = at_shape(stage());
    press(&mut window, "Browse…");
    assert!(window.state().actions.iter().any(|action| matches!(action, Action::ChooseFolder)));
    window.state_mut().wizard.folder_chosen(&PathBuf::from("/mnt/big"));
    settle(&mut window);
    type_into(&mut window, "Name", "other");
    assert_eq!(last_draft(&window).dir, PathBuf::from("/mnt/big"));
}

#[test]
fn the_settings_reach_the_draft() {
    let mut window = at_configuration(stage());
    type_into(&mut window, "Node timeout (ms)", "5000");
    type_into(&mut window, "Memory limit per node", "256mb");
    window.get_by_label_contains("Append-only file").click();
    window.get_by_label("None").click();
    settle(&mut window);
    let config = last_draft(&window).config;
    assert_eq!((config.node_timeout_ms, config.maxmemory.as_str()), (5000, "256mb"));
    assert!(!config.append_only);
    assert_eq!(config.save, Some(Vec::new()));
}

#[test]
fn the_password_is_masked_until_it_is_shown() {
    let mut window = at_configuration(stage());
    window.get_by_role_and_label(Ui::PasswordInput, "Password").focus();
    window.step();
    window.get_by_role_and_label(Ui::PasswordInput, "Password").type_text("s3cret");
    settle(&mut window);
    assert_eq!(last_draft(&window).config.password.expose(), "s3cret");
    window.get_by_label("Show").click();
    settle(&mut window);
    assert_eq!(window.get_by_role_and_label(Ui::TextInput, "Password").value().as_deref(), Some("s3cret"));
}

#[test]
fn own_save_points_can_be_added_and_removed() {
    let mut window = at_configuration(stage());
    window.get_by_label("Own").click();
    settle(&mut window);
    press(&mut window, "Add a save point");
    type_into(&mut window, "Save point 2: seconds", "60");
    assert_eq!(last_draft(&window).config.save, Some(vec![(3600, 1), (60, 100)]));
    press(&mut window, "Remove save point 1");
    assert_eq!(last_draft(&window).config.save, Some(vec![(60, 100)]));
}

#[test]
fn an_edited_file_is_marked_and_can_go_back_to_the_generated_one() {
    let mut window = at_configuration(stage());
    press(&mut window, "File of 7002");
    window.get_by_role_and_label(Ui::MultilineTextInput, "redis.conf of 7002").focus();
    window.step();
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::End);
    window.step();
    window.get_by_role_and_label(Ui::MultilineTextInput, "redis.conf of 7002").type_text("hz 50");
    settle(&mut window);
    window.get_by_label("Edited by hand");
    let sent = |window: &Window| match window.state().commands().last() {
        Some(Command::CheckDraft { edited, .. }) => edited.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(sent(&window), BTreeMap::from([(7002, format!("port 7002\ncluster-enabled yes\n{LONG_LINE}\nhz 50"))]));
    press(&mut window, "Back to generated");
    assert!(sent(&window).is_empty());
    assert!(window.query_by_label("Edited by hand").is_none());
}

#[test]
fn findings_name_their_line_at_the_field_or_below_the_edited_file() {
    let mut stage = stage();
    let kind = ProblemKind::UnknownDirective { line: 3, name: "hzz".to_owned() };
    stage.problems = vec![Problem::error(Field::ExtraFor(7000), kind)];
    let mut window = at_configuration(stage);
    window.get_by_label("The file of 7000: Line 3: this server does not know 'hzz'.");
    assert_eq!(window.query_all_by_label("Line 3: this server does not know 'hzz'.").count(), 1, "at the field");
    window.get_by_role_and_label(Ui::MultilineTextInput, "redis.conf of 7000").focus();
    window.step();
    window.get_by_role_and_label(Ui::MultilineTextInput, "redis.conf of 7000").type_text("hzz 1\n");
    settle(&mut window);
    assert_eq!(window.query_all_by_label("Line 3: this server does not know 'hzz'.").count(), 1, "at the file");
    assert!(!enabled(&window, "Launch 6 servers"));
}

#[test]
fn escape_asks_before_leaving() {
    let mut window = at_shape(stage());
    window.key_press(egui::Key::Escape);
    settle(&mut window);
    window.get_by_label("Leave the wizard?");
    press(&mut window, "Stay here");
    assert!(window.query_by_label("Leave the wizard?").is_none());
    window.key_press(egui::Key::Escape);
    settle(&mut window);
    press(&mut window, "Leave");
    assert!(window.state().actions.iter().any(|action| matches!(action, Action::LeaveWizard)));
}
