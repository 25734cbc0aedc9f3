//! From two readings of a server's counters to figures a second.

use super::{Metric, Sample};

/// The counters of one server at one moment, from INFO.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Counters {
    /// When they were read, milliseconds since 1970.
    pub at_ms: u64,
    /// Which connection read them, and in which run of the server: rates are taken only between readings of one.
    pub source: u64,
    /// `total_commands_processed`.
    pub commands: u64,
    /// How many of those commands the reading connection itself had sent.
    pub own_commands: u64,
    /// `connected_slaves`. Each of them acknowledges once a second, which the server counts as a command too.
    pub replicas: u64,
    /// `keyspace_hits`.
    pub hits: u64,
    /// `keyspace_misses`.
    pub misses: u64,
    /// `total_net_input_bytes`.
    pub net_in: u64,
    /// `total_net_output_bytes`.
    pub net_out: u64,
    /// `used_cpu_sys` + `used_cpu_user`, microseconds.
    pub cpu_us: u64,
}

/// The figures between two readings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// [`Metric::Ops`], [`Metric::NetIn`], [`Metric::NetOut`], [`Metric::HitRate`] and [`Metric::Cpu`].
    pub sample: Sample,
    /// Look-ups that found their key, a second; for the sum over nodes.
    pub hits: f32,
    /// All look-ups a second.
    pub lookups: f32,
}

/// The figures between two readings. `None` for readings that do not belong together: of another connection or run of
/// the server, or in the wrong order.
#[must_use]
pub fn rates(before: &Counters, now: &Counters) -> Option<Rates> {
    let millis = now.at_ms.checked_sub(before.at_ms).filter(|millis| *millis > 0)?;
    if before.source != now.source || now.commands < before.commands {
        return None;
    }
    let secs = millis as f32 / 1000.0;
    // CONFIG RESETSTAT sets some counters back: then nothing is known of this moment.
    let grown = |before: u64, now: u64| now.checked_sub(before).map(|grown| grown as f32);
    let ours = grown(before.own_commands, now.own_commands).unwrap_or_default();
    let acknowledged = before.replicas.min(now.replicas) as f32 * secs;
    let commands = grown(before.commands, now.commands).map(|all| ((all - ours - acknowledged) / secs).max(0.0));
    let hits = grown(before.hits, now.hits);
    let looked_up = hits.zip(grown(before.misses, now.misses)).map(|(hits, misses)| (hits, hits + misses));
    let hit_rate = looked_up.filter(|(_, all)| *all > 0.0).map(|(hits, all)| hits * 100.0 / all);
    let cpu = grown(before.cpu_us, now.cpu_us).map(|micros| micros / (secs * 10_000.0));
    let sample = Sample::default()
        .with(Metric::Ops, commands)
        .with(Metric::NetIn, grown(before.net_in, now.net_in).map(|bytes| bytes / secs))
        .with(Metric::NetOut, grown(before.net_out, now.net_out).map(|bytes| bytes / secs))
        .with(Metric::HitRate, hit_rate)
        .with(Metric::Cpu, cpu);
    let (hits, lookups) = looked_up.unwrap_or_default();
    Some(Rates { sample, hits: hits / secs, lookups: lookups / secs })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Counters {
        Counters { at_ms: millis, source: 1, ..Counters::default() }
    }

    #[test]
    fn what_we_sent_ourselves_is_no_load() {
        let before = Counters { commands: 100, own_commands: 30, ..at(0) };
        let now = Counters { commands: 103, own_commands: 33, ..at(1000) };
        assert_eq!(rates(&before, &now).unwrap().sample.get(Metric::Ops), Some(0.0));
        let busy = Counters { commands: 1103, own_commands: 33, ..at(2000) };
        assert_eq!(rates(&before, &busy).unwrap().sample.get(Metric::Ops), Some(500.0));
    }

    #[test]
    fn acknowledgements_of_replicas_are_no_load() {
        let before = Counters { replicas: 2, ..at(0) };
        let now = Counters { replicas: 2, commands: 12, ..at(1000) };
        assert_eq!(rates(&before, &now).unwrap().sample.get(Metric::Ops), Some(10.0));
    }

    #[test]
    fn readings_of_two_runs_or_in_the_wrong_order_give_nothing() {
        let after_restart = Counters { source: 2, commands: 500, ..at(1000) };
        assert_eq!(rates(&at(0), &after_restart), None);
        assert_eq!(rates(&at(1000), &at(0)), None);
        assert_eq!(rates(&at(7), &at(7)), None);
    }

    #[test]
    fn the_hit_rate_is_known_only_where_keys_were_looked_up() {
        let quiet = rates(&at(0), &at(1000)).unwrap().sample;
        assert_eq!(quiet.get(Metric::HitRate), None);
        let busy = Counters { hits: 3, misses: 1, ..at(1000) };
        assert_eq!(rates(&at(0), &busy).unwrap().sample.get(Metric::HitRate), Some(75.0));
    }

    #[test]
    fn processor_time_is_in_percent_of_one_core_and_bytes_are_a_second() {
        let now = Counters { cpu_us: 250_000, net_in: 4096, ..at(500) };
        let sample = rates(&at(0), &now).unwrap().sample;
        assert_eq!((sample.get(Metric::Cpu), sample.get(Metric::NetIn)), (Some(50.0), Some(8192.0)));
    }

    #[test]
    fn counters_that_were_set_back_say_nothing_of_that_moment() {
        let before = Counters { hits: 9, net_in: 100, ..at(0) };
        let now = Counters { hits: 1, net_in: 50, ..at(1000) };
        let sample = rates(&before, &now).unwrap().sample;
        assert_eq!((sample.get(Metric::HitRate), sample.get(Metric::NetIn)), (None, None));
    }
}
