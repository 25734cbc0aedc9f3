//! A proxy that makes every round trip longer, as a network between two places does.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Chunks on their way in one direction; a sender waits where there are more.
const ON_THE_WAY: usize = 1024;

/// Listens until the program ends.
pub struct Proxy {
    port: u16,
}

impl Proxy {
    /// Hands on what comes to one port to another, each way late by this much.
    pub fn start(port: u16, to: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the proxy's port is free");
        spawn("proxy", move || {
            for client in listener.incoming().map_while(Result::ok) {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", to)) {
                    carry(&client, &server, delay);
                    carry(&server, &client, delay);
                }
            }
        });
        Self { port }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// What one side sends reaches the other side later.
fn carry(from: &TcpStream, to: &TcpStream, delay: Duration) {
    let mut from = from.try_clone().expect("a handle");
    let to = to.try_clone().expect("a handle");
    to.set_nodelay(true).expect("no delay but ours");
    let (sender, chunks) = sync_channel(ON_THE_WAY);
    spawn("proxy-in", move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if sender.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    spawn("proxy-out", move || hand_on(&chunks, to));
}

fn hand_on(chunks: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
    for (due, bytes) in chunks {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    // The other side has ended its connection; it may be gone already.
    let _ = to.shutdown(Shutdown::Both);
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().name(name.to_owned()).stack_size(128 * 1024).spawn(work).expect("a thread");
}
