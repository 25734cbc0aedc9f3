//! `import`: takes the keys of a server that is no cluster into one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::core::count::{counted, counted_are};
use crate::core::topology::NodeAddr;
use crate::engine::command::Auth;
use crate::engine::import::{Import, Imported, News, Options, Report, import as carry_out, plan};
use crate::engine::migrate::MIGRATE_TIMEOUT;
use crate::engine::tls::Tls;

use super::cluster::{look, named, resolved};
use super::data_args::ImportArgs;
use super::failure::Failure;
use super::form::Means;
use super::login::{self, Uri};
use super::progress::{ProgressLine, time_left};
use super::redis_lines;
use super::restore::names;
use super::terminal::{Terminal, ask_password, complain};
use super::until_cancelled;

/// `import` as JSON.
#[derive(Debug, Serialize)]
struct ImportJson {
    ok: bool,
    from: String,
    /// Keys that the cluster acknowledged.
    keys: u64,
    /// Keys that it had already, with the same value.
    same: u64,
    /// Keys that are in the way with another value.
    busy: u64,
    busy_keys: Vec<String>,
    /// Keys that are still at the source, where they were to leave it.
    left: u64,
    seconds: f64,
}

/// What would be imported, as JSON.
#[derive(Debug, Serialize)]
struct PlanJson {
    from: String,
    copy: bool,
    databases: Vec<DbJson>,
}

#[derive(Debug, Serialize)]
struct DbJson {
    from: u64,
    to: u64,
    keys: u64,
}

/// `import HOST:PORT --cluster-from HOST:PORT`.
///
/// # Errors
/// A side that can't be reached, databases that the cluster lacks, keys in the way, or a stop.
pub async fn import(means: &Means<'_>, args: &ImportArgs) -> Result<(), Failure> {
    let (from, uri) = source_of(args)?;
    let from = resolved(from, &args.login, false).await?;
    let (seed, access) = named(std::slice::from_ref(&args.node), &args.login, means.workspace).await?;
    let from_auth = from_auth(args, uri, &access.auth).await?;
    means.terminal.say(|text| text.info(format_args!(">>> Importing data from {from} to cluster {seed}")));
    let gathered = until_cancelled(look(&seed, &access, means.terminal), means.interrupt).await?;
    let findings = gathered.check();
    means.terminal.say(|text| {
        redis_lines::check(text, &gathered.topology, &seed, &findings);
    });
    let options = options(args);
    let planned = plan(&from, &from_auth, &gathered, &seed, &access.auth, options).await;
    let planned = planned.map_err(|why| Failure::message(&format!("[ERR] {why}.")))?;
    say_plan(means, &planned, options);
    if means.tell_plan(&plan_json(&planned, options), &[], &access.auth) {
        return Ok(());
    }
    means.ask_a_person("Do you want to import them (type 'yes' to accept): ", "nothing was imported").await?;
    let begun = Instant::now();
    let progress = Arc::new(Mutex::new(Progress {
        terminal: means.terminal,
        line: ProgressLine::new(means.terminal),
        begun,
        keys: 0,
        of: planned.keys(),
    }));
    let report: Report = {
        let progress = Arc::clone(&progress);
        Arc::new(move |news| progress.lock().unwrap_or_else(PoisonError::into_inner).take(news))
    };
    let cancel = means.interrupt.token();
    let done = carry_out(&planned, &from_auth, &access.auth, options, report, &cancel).await;
    progress.lock().unwrap_or_else(PoisonError::into_inner).line.end();
    let done = done.map_err(|stopped| {
        Failure::message(&format!("[ERR] {stopped}. No other key was deleted; the same command goes on."))
    })?;
    tell(means, &planned, options, &done, begun)
}

/// Where the source is, and what its address says of the login and of TLS. redis-cli's words for one that is missing,
/// or none; byte-equal.
fn source_of(args: &ImportArgs) -> Result<(NodeAddr, Option<Uri>), Failure> {
    let Some(from) = &args.cluster_from else {
        return Err(Failure::message("[ERR] Option '--cluster-from' is required for subcommand 'import'."));
    };
    let bad = |_| {
        Failure::message("[ERR] Invalid --cluster-from host. You need to pass a valid address (ie. 120.0.0.1:7000).")
    };
    if !from.contains("://") {
        return Ok((from.parse().map_err(bad)?, None));
    }
    let uri = Uri::parse(from)?;
    let place = uri.rest.split('/').next().unwrap_or_default();
    let addr = place.parse().or_else(|_| format!("{place}:6379").parse()).map_err(bad)?;
    Ok((addr, Some(uri)))
}

/// The source's own login: the cluster's is not tried there, as in redis-cli.
async fn from_auth(args: &ImportArgs, uri: Option<Uri>, cluster: &Auth) -> Result<Auth, Failure> {
    let tls = from_tls(args, uri.as_ref().map(|uri| uri.tls), cluster)?;
    let uri = uri.unwrap_or_default();
    let password = if args.cluster_from_askpass {
        ask_password("Please input import source node password: ").await.map_err(|why| Failure::message(&why))?
    } else {
        args.cluster_from_pass.clone().or(uri.password).unwrap_or_default()
    };
    let user = args.cluster_from_user.clone().or(uri.user).unwrap_or_default();
    Ok(Auth { user, password, tls })
}

/// The source's TLS: the cluster's, as in redis-cli, but for what was given for the source alone. `scheme` is what the
/// source's address says.
fn from_tls(args: &ImportArgs, scheme: Option<bool>, cluster: &Auth) -> Result<Option<Tls>, Failure> {
    let given = &args.from_tls;
    if !(given.from_tls || scheme.unwrap_or(cluster.tls.is_some())) {
        return Ok(None);
    }
    let known = cluster.tls.as_ref().map(|tls| tls.options().clone());
    let mut options = known.unwrap_or_else(|| login::tls_options(&args.login.tls));
    if given.from_cacert.is_some() || given.from_cacertdir.is_some() {
        (options.ca_file, options.ca_dir) = (given.from_cacert.clone(), given.from_cacertdir.clone());
    }
    if given.from_cert.is_some() || given.from_key.is_some() {
        (options.cert, options.key) = (given.from_cert.clone(), given.from_key.clone());
    }
    if given.from_sni.is_some() {
        options.server_name.clone_from(&given.from_sni);
    }
    options.insecure |= given.from_insecure;
    Ok(Some(login::loaded(options)?))
}

fn options(args: &ImportArgs) -> Options {
    Options {
        copy: args.cluster_copy,
        replace: args.cluster_replace,
        timeout: args.cluster_timeout.filter(|ms| *ms > 0).map_or(MIGRATE_TIMEOUT, Duration::from_millis),
        pipeline: args.cluster_pipeline.filter(|keys| *keys > 0),
        from_db: args.from_db,
    }
}

fn say_plan(means: &Means<'_>, planned: &Import, options: Options) {
    means.terminal.say(|text| {
        if planned.dbs.is_empty() {
            text.warn("*** Importing 0 keys from DB 0");
        }
        for db in &planned.dbs {
            let into = if db.from == db.to { String::new() } else { format!(" into DB {}", db.to) };
            text.warn(format_args!("*** Importing {} keys from DB {}{into}", db.keys, db.from));
        }
        let stays = if options.copy { "stay at the source too" } else { "leave the source as they arrive" };
        text.line(format_args!("They go to {}, and {stays}.", counted(planned.masters.len(), "master")));
    });
}

fn plan_json(planned: &Import, options: Options) -> PlanJson {
    let databases = planned.dbs.iter().map(|db| DbJson { from: db.from, to: db.to, keys: db.keys }).collect();
    PlanJson { from: planned.from.to_string(), copy: options.copy, databases }
}

fn tell(means: &Means<'_>, planned: &Import, options: Options, done: &Imported, begun: Instant) -> Result<(), Failure> {
    let strangers = done.left.saturating_sub(done.busy);
    let ok = done.busy == 0 && strangers == 0;
    let seconds = begun.elapsed().as_secs_f64();
    means.terminal.say(|text| {
        let same = if done.same > 0 {
            format!(
                "; {} there already",
                if done.same == 1 { "1 was".to_owned() } else { format!("{} were", done.same) }
            )
        } else {
            String::new()
        };
        let how = if options.copy { "copied" } else { "moved" };
        let moved = counted_are(done.keys, "key", ["was", "were"]);
        let line = format!("{moved} {how} in {seconds:.2} s{same}.");
        if ok { text.ok(format_args!("[OK] {line}")) } else { text.line(line) }
    });
    if done.busy > 0 {
        complain(&format!(
            "[ERR] {} in the way with another value, and as before on both sides: {}. --cluster-replace overwrites the \
             cluster's.",
            counted_are(done.busy, "key", ["is", "are"]),
            names(&done.named).join(", ")
        ));
    }
    if strangers > 0 {
        complain(&format!(
            "[ERR] {} came up at {} meanwhile: stop who writes there, and run the same again.",
            counted(strangers, "key"),
            planned.from
        ));
    }
    means.terminal.object(&ImportJson {
        ok,
        from: planned.from.to_string(),
        keys: done.keys,
        same: done.same,
        busy: done.busy,
        busy_keys: names(&done.named),
        left: done.left,
        seconds,
    });
    if ok { Ok(()) } else { Err(Failure::Shown) }
}

/// How far it is.
struct Progress {
    terminal: Terminal,
    line: ProgressLine,
    begun: Instant,
    keys: u64,
    of: u64,
}

impl Progress {
    fn take(&mut self, news: News) {
        match news {
            News::Way(addr, way) => {
                self.line.end();
                self.terminal.say(|text| text.line(format_args!("Keys for {addr} are {way}.")));
            }
            News::Keys(count) => {
                self.keys += count;
                let (keys, of, elapsed) = (self.keys, self.of, self.begun.elapsed());
                self.line.show(|| {
                    let rate = keys as f64 / elapsed.as_secs_f64().max(0.001);
                    let left = time_left(keys, of, elapsed).map(|left| format!(", {left}")).unwrap_or_default();
                    format!("{keys} of {of} keys, {rate:.0} keys/s{left}")
                });
            }
        }
    }
}
