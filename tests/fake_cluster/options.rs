//! What a fake cluster should be like.

use std::time::Duration;

/// What `--help` says.
pub const HELP: &str = "\
usage: fake_cluster [options]

Answers like a Redis Cluster on 127.0.0.1, one port for each node. Ends with Ctrl-C.

  --nodes N       how many nodes, half of them replicas (default 1000)
  --port P        the first port (default: the first place from 10240 on where all fit)
  --churn SECS    change something every SECS seconds: slots move, masters fail and come back, links drop, epochs rise
  --split N       N nodes are cut off from the others and see the cluster as it was
  --slot-stats    answer CLUSTER SLOT-STATS, as Redis 8.2 does
  --seed N        another story (default 1)";

/// What a fake cluster should be like.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many nodes; the first half are masters.
    pub nodes: usize,
    /// The first port; 0 for any place where all fit.
    pub port: u16,
    /// How often something changes.
    pub churn: Option<Duration>,
    /// How many nodes are cut off.
    pub split: usize,
    /// Whether CLUSTER SLOT-STATS is known.
    pub slot_stats: bool,
    /// Where the story begins.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { nodes: 1000, port: 0, churn: None, split: 0, slot_stats: false, seed: 1 }
    }
}

impl Options {
    /// Reads arguments; `None` when help was asked for.
    pub fn parse(args: &[String]) -> Result<Option<Self>, String> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut number = || -> Result<f64, String> {
                let text = args.next().ok_or_else(|| format!("{arg} wants a number"))?;
                text.parse().ok().filter(|n: &f64| *n >= 0.0).ok_or_else(|| format!("{arg}: '{text}' is no number"))
            };
            match arg.as_str() {
                "--nodes" => options.nodes = number()? as usize,
                "--port" => options.port = number()? as u16,
                "--churn" => options.churn = Some(Duration::from_secs_f64(number()?.max(0.01))),
                "--split" => options.split = number()? as usize,
                "--seed" => options.seed = number()? as u64,
                "--slot-stats" => options.slot_stats = true,
                "--help" | "-h" => return Ok(None),
                other => return Err(format!("'{other}' is no option")),
            }
        }
        options.check().map(Some)
    }

    fn check(self) -> Result<Self, String> {
        if self.nodes < 6 || self.nodes > 2000 || !self.nodes.is_multiple_of(2) {
            return Err("--nodes must be an even number from 6 to 2000".to_owned());
        }
        if self.split > self.nodes / 2 - 1 {
            return Err("--split must leave a majority".to_owned());
        }
        if self.port != 0 && usize::from(self.port) + self.nodes > 32_768 {
            return Err("--port: the last port must be below 32768".to_owned());
        }
        Ok(self)
    }
}
