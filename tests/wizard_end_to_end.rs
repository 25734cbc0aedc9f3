//! The main job through the window, with the real engine and six real servers: from the first click to a covered
//! cluster, and away again.
#![cfg(feature = "gui")]
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;
#[path = "../src/gui/testing.rs"]
#[expect(dead_code, reason = "this test needs the builder only")]
mod testing;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::accesskit::Role as Ui;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use slotdeck::engine::handle::Engine;
use slotdeck::gui::action::LanguageChoice;
use slotdeck::gui::app::{App, Link};
use slotdeck::workspace::settings::Settings;
use slotdeck::workspace::store::Workspace;

/// How long anything may take: it bounds a hang, it times nothing.
const PATIENCE: Duration = Duration::from_mins(1);
const PASSWORD: &str = "s3cret 密码";

type Window = Harness<'static, App>;

/// Shuts down whatever still listens on the test's own ports, also when the test fails half-way.
struct Cleaner(Vec<u16>);

impl Drop for Cleaner {
    fn drop(&mut self) {
        for port in &self.0 {
            ask(*port, &["SHUTDOWN", "NOSAVE"]);
        }
    }
}

/// Sends a command to a server, logged in; `None` where nobody answers.
fn ask(port: u16, words: &[&str]) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(500))).ok()?;
    let encode = |words: &[&str]| {
        let count = format!("*{}\r\n", words.len());
        words.iter().fold(count, |text, word| text + &format!("${}\r\n{word}\r\n", word.len()))
    };
    let request = encode(&["AUTH", PASSWORD]) + &encode(words);
    stream.write_all(request.as_bytes()).ok()?;
    let mut reply = String::new();
    // The reply has no end that would be worth parsing: what has come within the timeout is looked at.
    stream.read_to_string(&mut reply).ok();
    Some(reply)
}

fn open_window(root: &std::path::Path) -> Window {
    let workspace = Workspace::open(Some(root.to_owned())).unwrap();
    let engine = Engine::start(workspace.clone(), Arc::new(|| {})).unwrap();
    let settings = Settings { language: LanguageChoice::English, ..Settings::default() };
    testing::builder(testing::Look::default())
        .build_eframe(|cc| App::new(&cc.egui_ctx, Link::Engine(engine), Some(workspace), settings))
}

/// Lets the window run until there is an answer.
#[track_caller]
fn until<T>(window: &mut Window, what: &str, look: impl Fn(&Window) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        window.step();
        if let Some(answer) = look(window) {
            return answer;
        }
        let late = Instant::now() > deadline;
        assert!(!late, "waited in vain for {what}; the window shows:\n{}", texts(window).join("\n"));
        std::thread::sleep(Duration::from_millis(15));
    }
}

/// Everything readable in the window.
fn texts(window: &Window) -> Vec<String> {
    let nodes = window.root().children_recursive();
    nodes.filter_map(|node| node.accesskit_node().label().or_else(|| node.accesskit_node().value())).collect()
}

/// Presses a button as soon as it can be pressed.
#[track_caller]
fn press(window: &mut Window, label: &str) {
    until(window, &format!("the button '{label}'"), |window| {
        let button = window.query_all_by_role_and_label(Ui::Button, label).next()?;
        if button.accesskit_node().is_disabled() {
            return None;
        }
        button.click();
        Some(())
    });
    window.step();
    window.step();
}

#[track_caller]
fn see(window: &mut Window, text: &str) {
    until(window, &format!("'{text}'"), |window| window.query_all_by_label_contains(text).next().map(drop));
}

fn type_into(window: &mut Window, role: Ui, label: &str, text: &str) {
    until(window, label, |window| window.query_by_role_and_label(role, label).map(|field| field.focus()));
    window.step();
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    window.step();
    window.get_by_role_and_label(role, label).type_text(text);
    window.step();
}

#[test]
fn from_the_first_click_to_a_covered_cluster_and_away_again() {
    let home = tempfile::tempdir().unwrap();
    let first = common::free_port_run(6);
    let ports: Vec<u16> = (first..first + 6).collect();
    let _cleaner = Cleaner(ports.clone());
    let mut window = open_window(home.path());

    press(&mut window, "Create cluster");
    see(&mut window, "/redis-server");
    press(&mut window, "Next");
    type_into(&mut window, Ui::TextInput, "Name", "shop");
    type_into(&mut window, Ui::TextInput, "First port", &first.to_string());
    see(&mut window, &format!("6 servers: ports {first}–{}", first + 5));
    press(&mut window, "Next");
    type_into(&mut window, Ui::PasswordInput, "Password", PASSWORD);
    press(&mut window, "Launch 6 servers");
    see(&mut window, "Can I set the above configuration?");
    see(&mut window, "slots:[0-5460] (5461 slots) master");
    press(&mut window, "Yes");
    press(&mut window, "Open the cluster");

    for port in &ports {
        let info = ask(*port, &["CLUSTER", "INFO"]).unwrap();
        for line in ["cluster_state:ok", "cluster_slots_assigned:16384", "cluster_known_nodes:6", "cluster_size:3"] {
            assert!(info.contains(line), "{port} lacks {line}:\n{info}");
        }
    }
    see(&mut window, "Healthy");

    press(&mut window, "Overview");
    press(&mut window, "Delete…");
    see(&mut window, "Delete shop?");
    let tick = |window: &Window| window.query_by_label_contains("Also remove the files").map(|tick| tick.click());
    until(&mut window, "the box that removes the files", tick);
    window.step();
    press(&mut window, "Delete");
    see(&mut window, "Create cluster");
    until(&mut window, "the servers to be gone", |_| {
        ports.iter().all(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_err()).then_some(())
    });
    let folder = home.path().join("clusters").join("shop");
    until(&mut window, "the folder to be gone", |_| (!folder.exists()).then_some(()));
}

#[test]
fn a_port_taken_between_the_check_and_the_launch_is_explained_and_everything_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let first = common::free_port_run(6);
    let ports: Vec<u16> = (first..first + 6).collect();
    let _cleaner = Cleaner(ports.clone());
    let mut window = open_window(home.path());
    press(&mut window, "Create cluster");
    press(&mut window, "Next");
    type_into(&mut window, Ui::TextInput, "First port", &first.to_string());
    see(&mut window, &format!("6 servers: ports {first}–{}", first + 5));
    press(&mut window, "Next");
    until(&mut window, "the files", |window| window.query_by_label_contains("redis.conf of").map(drop));
    let thief = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, first + 2)).unwrap();
    press(&mut window, "Launch 6 servers");
    see(&mut window, "Start again");
    see(&mut window, "Likely cause");
    press(&mut window, "Back");
    press(&mut window, "Stop and remove");
    drop(thief);
    press(&mut window, "Launch 6 servers");
    see(&mut window, "Can I set the above configuration?");
    press(&mut window, "Cancel");
    see(&mut window, "Nothing was sent");
    press(&mut window, "Stop and remove");
    until(&mut window, "the servers to be gone", |_| {
        ports.iter().all(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_err()).then_some(())
    });
    let clusters = home.path().join("clusters");
    until(&mut window, "the folder to be gone", |_| (!clusters.join("demo").exists()).then_some(()));
}
