//! The sockets: one for each node.

use std::io;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use super::Options;
use super::answers::{Caller, answer};
use super::resp::{Read, read};
use super::text::{Scene, ids};
use super::world::World;

/// What all nodes share.
#[derive(Debug)]
pub struct Shared {
    pub options: Options,
    pub ids: Vec<String>,
    first_port: u16,
    began: Instant,
    scene: RwLock<Arc<Scene>>,
    asked: Vec<AtomicU64>,
    views: AtomicU64,
    received: AtomicI64,
    sent: AtomicI64,
    callers: AtomicI64,
}

impl Shared {
    pub fn port(&self, node: usize) -> u16 {
        self.first_port + node as u16
    }

    pub fn up_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// How many commands a node was asked.
    pub fn asked(&self, node: usize) -> u64 {
        self.asked[node].load(Ordering::Relaxed)
    }

    /// Bytes received and sent.
    pub fn traffic(&self) -> [i64; 2] {
        [&self.received, &self.sent].map(|bytes| bytes.load(Ordering::Relaxed))
    }

    fn scene(&self) -> Arc<Scene> {
        self.scene.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn advance(&self) {
        let mut world = self.scene().world.clone();
        world.advance();
        let scene = Arc::new(Scene::new(world, &self.ids, self.first_port));
        *self.scene.write().unwrap_or_else(PoisonError::into_inner) = scene;
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// Seconds since 1970.
pub fn now_secs() -> i64 {
    (now_ms() / 1000) as i64
}

/// A cluster that answers until it is dropped.
#[derive(Debug)]
pub struct Fake {
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

impl Fake {
    /// Begins to listen.
    pub fn start(options: Options) -> Result<Self, String> {
        allow_many_sockets(options.nodes);
        let threads = Builder::new_multi_thread().worker_threads(1).thread_name("fake-cluster").enable_all().build();
        let runtime = threads.map_err(|why| format!("no threads: {why}"))?;
        let (first_port, listeners) = runtime.block_on(listen(&options))?;
        let ids = ids(options.nodes, options.seed);
        let scene = Scene::new(World::new(&options), &ids, first_port);
        let shared = Arc::new(Shared {
            asked: ids.iter().map(|_| AtomicU64::default()).collect(),
            ids,
            first_port,
            began: Instant::now(),
            scene: RwLock::new(Arc::new(scene)),
            views: AtomicU64::default(),
            received: AtomicI64::default(),
            sent: AtomicI64::default(),
            callers: AtomicI64::new(10),
            options,
        });
        for (node, listener) in listeners.into_iter().enumerate() {
            runtime.spawn(accept(shared.clone(), node, listener));
        }
        if let Some(every) = shared.options.churn {
            runtime.spawn(churn(shared.clone(), every));
        }
        Ok(Self { shared, runtime: Some(runtime) })
    }

    pub fn nodes(&self) -> usize {
        self.shared.ids.len()
    }

    pub fn first_port(&self) -> u16 {
        self.shared.first_port
    }

    pub fn id(&self, node: usize) -> &str {
        &self.shared.ids[node]
    }

    /// How many answers of CLUSTER NODES were given so far.
    pub fn views_told(&self) -> u64 {
        self.shared.views.load(Ordering::Relaxed)
    }

    /// How the world stands.
    pub fn world(&self) -> World {
        self.shared.scene().world.clone()
    }

    /// One step further, whatever the pace.
    pub fn advance(&self) {
        self.shared.advance();
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

/// A listener for each node: where the options say, or at the first place where all fit.
async fn listen(options: &Options) -> Result<(u16, Vec<TcpListener>), String> {
    // Below the ephemeral ports, and with room for the bus ports that the addresses name.
    const PLACES: std::ops::Range<u16> = 10_240..32_768;
    let at = |first: u16| async move {
        let mut listeners = Vec::with_capacity(options.nodes);
        for node in 0..options.nodes {
            listeners.push(
                TcpListener::bind(("127.0.0.1", first + node as u16))
                    .await
                    .map_err(|why| (first + node as u16, why))?,
            );
        }
        Ok(listeners)
    };
    if options.port != 0 {
        let listeners =
            at(options.port).await.map_err(|(port, why): (u16, io::Error)| format!("port {port}: {why}"))?;
        return Ok((options.port, listeners));
    }
    let mut first = PLACES.start;
    while usize::from(first) + options.nodes <= usize::from(PLACES.end) {
        match at(first).await {
            Ok(listeners) => return Ok((first, listeners)),
            Err((taken, _)) => first = taken + 1,
        }
    }
    Err(format!("no {} ports in a row are free", options.nodes))
}

async fn churn(shared: Arc<Shared>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        shared.advance();
    }
}

async fn accept(shared: Arc<Shared>, node: usize, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve(shared.clone(), node, stream))),
            // Too many sockets: one is free again soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Answers one connection until it ends or the node does.
async fn serve(shared: Arc<Shared>, node: usize, mut stream: TcpStream) {
    stream.set_nodelay(true).ok();
    let mut caller = Caller { node, version: 2, id: shared.callers.fetch_add(1, Ordering::Relaxed) };
    let (mut bytes, mut out) = (Vec::new(), Vec::new());
    loop {
        let scene = shared.scene();
        if scene.world.is_down(node) {
            return;
        }
        let mut at = 0;
        loop {
            match read(&bytes[at..]) {
                Read::Command(words, length) => {
                    at += length;
                    if words.is_empty() {
                        continue;
                    }
                    shared.asked[node].fetch_add(1, Ordering::Relaxed);
                    if words.len() == 2 && words[1].eq_ignore_ascii_case(b"NODES") {
                        shared.views.fetch_add(1, Ordering::Relaxed);
                    }
                    answer(&shared, &scene, &mut caller, &words).write(caller.version, &mut out);
                }
                Read::More => break,
                Read::Garbage => return,
            }
        }
        bytes.drain(..at);
        shared.sent.fetch_add(out.len() as i64, Ordering::Relaxed);
        if stream.write_all(&out).await.is_err() {
            return;
        }
        // A thousand connections should not keep a thousand large answers.
        out = Vec::new();
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(length) => drop(shared.received.fetch_add(length as i64, Ordering::Relaxed)),
        }
    }
}

/// Two sockets for each node and some more.
#[cfg(unix)]
fn allow_many_sockets(nodes: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = nodes as u64 * 6 + 200;
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(limit.maximum.map_or(wanted, |most| most.min(wanted)));
        // What is not allowed is told by the first socket that can't be opened.
        setrlimit(Resource::Nofile, limit).ok();
    }
}

#[cfg(not(unix))]
fn allow_many_sockets(_nodes: usize) {}
