//! INFO and CLUSTER INFO: sections of named values, and what the values are.

/// How many fields of a reply are kept: a server with all its statistics tells some hundreds.
const MOST_FIELDS: usize = 4000;

/// Fields under one heading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// The heading as the server writes it; empty for what stands before the first.
    pub name: String,
    /// Names and values, in the server's order.
    pub fields: Vec<(String, String)>,
}

impl Section {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

/// The sections of a reply, those without a field left out.
#[must_use]
pub fn read_info(text: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    let mut kept = 0;
    for line in text.lines().map(str::trim_end) {
        if let Some(name) = line.strip_prefix('#') {
            sections.push(Section { name: name.trim().to_owned(), fields: Vec::new() });
        } else if let (Some((name, value)), Some(section)) = (line.split_once(':'), sections.last_mut())
            && kept < MOST_FIELDS
        {
            kept += 1;
            section.fields.push((name.to_owned(), value.to_owned()));
        }
    }
    sections.retain(|section| !section.fields.is_empty());
    sections
}

/// What the number in a field counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Seconds since 1970.
    Time,
    /// Things.
    Count,
    /// No number, or one that is better left as it is.
    Plain,
}

/// What the value of an INFO field is, by its name.
#[must_use]
pub fn unit_of(name: &str) -> Unit {
    const BYTES: [&str; 22] = [
        "maxmemory",
        "total_system_memory",
        "allocator_active",
        "allocator_allocated",
        "allocator_resident",
        "allocator_muzzy",
        "rss_overhead_bytes",
        "repl_backlog_size",
        "repl_backlog_histlen",
        "aof_current_size",
        "aof_base_size",
        "aof_buffer_length",
        "rdb_last_cow_size",
        "aof_last_cow_size",
        "current_cow_size",
        "current_cow_peak",
        "module_fork_last_cow_size",
        "mem_not_counted_for_evict",
        "client_recent_max_input_buffer",
        "client_recent_max_output_buffer",
        "client_longest_output_list",
        "client_biggest_input_buf",
    ];
    const TIMES: [&str; 1] = ["rdb_last_save_time"];
    const PLAIN: [&str; 12] = [
        "process_id",
        "tcp_port",
        "arch_bits",
        "hz",
        "configured_hz",
        "lru_clock",
        "master_port",
        "cluster_current_epoch",
        "cluster_my_epoch",
        "slave_priority",
        "redis_git_sha1",
        "redis_git_dirty",
    ];
    if PLAIN.contains(&name) || name.ends_with("_human") || name.ends_with("_perc") || name.ends_with("_ratio") {
        return Unit::Plain;
    }
    if TIMES.contains(&name) {
        return Unit::Time;
    }
    let memory = name.starts_with("used_memory") || name.starts_with("mem_") || name.starts_with("lazyfree_memory");
    if memory || name.ends_with("_bytes") || BYTES.contains(&name) {
        return Unit::Bytes;
    }
    if name.ends_with("_usec") {
        return Unit::Micros;
    }
    if name.ends_with("_ms") || name.ends_with("_msec") {
        return Unit::Millis;
    }
    if name.ends_with("_seconds")
        || name.ends_with("_sec") && !name.contains("per_sec")
        || name.ends_with("_seconds_ago")
    {
        return Unit::Seconds;
    }
    Unit::Count
}
