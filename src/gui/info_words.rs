//! What the names in INFO, CLUSTER INFO, CLUSTER NODES and LATENCY mean, for tooltips.

use super::i18n::tr;

/// What a field means; `None` for fields whose names say all, and for those that later servers add.
#[must_use]
pub fn meaning(name: &str) -> Option<String> {
    of_server(name).or_else(|| of_traffic(name)).or_else(|| of_cluster(name))
}

/// Server, clients, memory, persistence.
fn of_server(name: &str) -> Option<String> {
    Some(match name {
        "redis_version" => tr!("info.redis_version"),
        "redis_mode" => tr!("info.redis_mode"),
        "os" => tr!("info.os"),
        "process_id" => tr!("info.process_id"),
        "run_id" => tr!("info.run_id"),
        "tcp_port" => tr!("info.tcp_port"),
        "uptime_in_seconds" => tr!("info.uptime_in_seconds"),
        "hz" => tr!("info.hz"),
        "executable" => tr!("info.executable"),
        "config_file" => tr!("info.config_file"),
        "connected_clients" => tr!("info.connected_clients"),
        "cluster_connections" => tr!("info.cluster_connections"),
        "maxclients" => tr!("info.maxclients"),
        "blocked_clients" => tr!("info.blocked_clients"),
        "tracking_clients" => tr!("info.tracking_clients"),
        "used_memory" => tr!("info.used_memory"),
        "used_memory_rss" => tr!("info.used_memory_rss"),
        "used_memory_peak" => tr!("info.used_memory_peak"),
        "used_memory_dataset" => tr!("info.used_memory_dataset"),
        "used_memory_overhead" => tr!("info.used_memory_overhead"),
        "used_memory_lua" => tr!("info.used_memory_lua"),
        "total_system_memory" => tr!("info.total_system_memory"),
        "maxmemory" => tr!("info.maxmemory"),
        "maxmemory_policy" => tr!("info.maxmemory_policy"),
        "mem_fragmentation_ratio" => tr!("info.mem_fragmentation_ratio"),
        "mem_clients_normal" => tr!("info.mem_clients_normal"),
        "mem_clients_slaves" => tr!("info.mem_clients_slaves"),
        "mem_replication_backlog" => tr!("info.mem_replication_backlog"),
        "mem_cluster_links" => tr!("info.mem_cluster_links"),
        "mem_allocator" => tr!("info.mem_allocator"),
        "active_defrag_running" => tr!("info.active_defrag_running"),
        "lazyfree_pending_objects" => tr!("info.lazyfree_pending_objects"),
        "loading" => tr!("info.loading"),
        "async_loading" => tr!("info.async_loading"),
        "rdb_changes_since_last_save" => tr!("info.rdb_changes_since_last_save"),
        "rdb_bgsave_in_progress" => tr!("info.rdb_bgsave_in_progress"),
        "rdb_last_save_time" => tr!("info.rdb_last_save_time"),
        "rdb_last_bgsave_status" => tr!("info.rdb_last_bgsave_status"),
        "rdb_last_bgsave_time_sec" => tr!("info.rdb_last_bgsave_time_sec"),
        "rdb_last_cow_size" => tr!("info.rdb_last_cow_size"),
        "aof_enabled" => tr!("info.aof_enabled"),
        "aof_rewrite_in_progress" => tr!("info.aof_rewrite_in_progress"),
        "aof_last_write_status" => tr!("info.aof_last_write_status"),
        "aof_last_bgrewrite_status" => tr!("info.aof_last_bgrewrite_status"),
        "aof_current_size" => tr!("info.aof_current_size"),
        "aof_base_size" => tr!("info.aof_base_size"),
        "aof_delayed_fsync" => tr!("info.aof_delayed_fsync"),
        _ => return None,
    })
}

/// Statistics, replication, CPU.
fn of_traffic(name: &str) -> Option<String> {
    Some(match name {
        "total_connections_received" => tr!("info.total_connections_received"),
        "total_commands_processed" => tr!("info.total_commands_processed"),
        "instantaneous_ops_per_sec" => tr!("info.instantaneous_ops_per_sec"),
        "total_net_input_bytes" => tr!("info.total_net_input_bytes"),
        "total_net_output_bytes" => tr!("info.total_net_output_bytes"),
        "instantaneous_input_kbps" => tr!("info.instantaneous_input_kbps"),
        "instantaneous_output_kbps" => tr!("info.instantaneous_output_kbps"),
        "rejected_connections" => tr!("info.rejected_connections"),
        "sync_full" => tr!("info.sync_full"),
        "sync_partial_ok" => tr!("info.sync_partial_ok"),
        "sync_partial_err" => tr!("info.sync_partial_err"),
        "expired_keys" => tr!("info.expired_keys"),
        "evicted_keys" => tr!("info.evicted_keys"),
        "keyspace_hits" => tr!("info.keyspace_hits"),
        "keyspace_misses" => tr!("info.keyspace_misses"),
        "pubsub_channels" => tr!("info.pubsub_channels"),
        "latest_fork_usec" => tr!("info.latest_fork_usec"),
        "migrate_cached_sockets" => tr!("info.migrate_cached_sockets"),
        "total_error_replies" => tr!("info.total_error_replies"),
        "total_reads_processed" => tr!("info.total_reads_processed"),
        "total_writes_processed" => tr!("info.total_writes_processed"),
        "unexpected_error_replies" => tr!("info.unexpected_error_replies"),
        "acl_access_denied_auth" => tr!("info.acl_access_denied_auth"),
        "acl_access_denied_cmd" => tr!("info.acl_access_denied_cmd"),
        "role" => tr!("info.role"),
        "connected_slaves" => tr!("info.connected_slaves"),
        "master_host" => tr!("info.master_host"),
        "master_link_status" => tr!("info.master_link_status"),
        "master_last_io_seconds_ago" => tr!("info.master_last_io_seconds_ago"),
        "master_link_down_since_seconds" => tr!("info.master_link_down_since_seconds"),
        "master_sync_in_progress" => tr!("info.master_sync_in_progress"),
        "slave_repl_offset" => tr!("info.slave_repl_offset"),
        "slave_priority" => tr!("info.slave_priority"),
        "slave_read_only" => tr!("info.slave_read_only"),
        "master_failover_state" => tr!("info.master_failover_state"),
        "master_replid" => tr!("info.master_replid"),
        "master_repl_offset" => tr!("info.master_repl_offset"),
        "repl_backlog_active" => tr!("info.repl_backlog_active"),
        "repl_backlog_size" => tr!("info.repl_backlog_size"),
        "repl_backlog_histlen" => tr!("info.repl_backlog_histlen"),
        "used_cpu_sys" => tr!("info.used_cpu_sys"),
        "used_cpu_user" => tr!("info.used_cpu_user"),
        "used_cpu_sys_children" => tr!("info.used_cpu_sys_children"),
        "used_cpu_user_children" => tr!("info.used_cpu_user_children"),
        _ => return None,
    })
}

/// CLUSTER INFO, NODES and SHARDS.
fn of_cluster(name: &str) -> Option<String> {
    Some(match name {
        "cluster_enabled" => tr!("info.cluster_enabled"),
        "cluster_state" => tr!("info.cluster_state"),
        "cluster_slots_assigned" => tr!("info.cluster_slots_assigned"),
        "cluster_slots_ok" => tr!("info.cluster_slots_ok"),
        "cluster_slots_pfail" => tr!("info.cluster_slots_pfail"),
        "cluster_slots_fail" => tr!("info.cluster_slots_fail"),
        "cluster_known_nodes" => tr!("info.cluster_known_nodes"),
        "cluster_size" => tr!("info.cluster_size"),
        "cluster_current_epoch" => tr!("info.cluster_current_epoch"),
        "cluster_my_epoch" => tr!("info.cluster_my_epoch"),
        "cluster_stats_messages_sent" => tr!("info.cluster_stats_messages_sent"),
        "cluster_stats_messages_received" => tr!("info.cluster_stats_messages_received"),
        "total_cluster_links_buffer_limit_exceeded" => tr!("info.total_cluster_links_buffer_limit_exceeded"),
        "flags" => tr!("info.flags"),
        "ping-sent" => tr!("info.ping_sent"),
        "pong-received" => tr!("info.pong_received"),
        "config-epoch" => tr!("info.config_epoch"),
        "link-state" => tr!("info.link_state"),
        "health" => tr!("info.health"),
        "replication-offset" => tr!("info.replication_offset"),
        _ => return None,
    })
}

/// The heading of a section of INFO.
#[must_use]
pub fn section(name: &str) -> String {
    match name {
        "Server" => tr!("info_section.server"),
        "Clients" => tr!("info_section.clients"),
        "Memory" => tr!("info_section.memory"),
        "Persistence" => tr!("info_section.persistence"),
        "Stats" => tr!("info_section.stats"),
        "Replication" => tr!("info_section.replication"),
        "CPU" => tr!("info_section.cpu"),
        "Modules" => tr!("info_section.modules"),
        "Commandstats" => tr!("info_section.commandstats"),
        "Errorstats" => tr!("info_section.errorstats"),
        "Latencystats" => tr!("info_section.latencystats"),
        "Cluster" => tr!("info_section.cluster"),
        "Keyspace" => tr!("info_section.keyspace"),
        "" => tr!("info_section.other"),
        other => other.to_owned(),
    }
}

/// What an event of the latency monitor is.
#[must_use]
pub fn latency(event: &str) -> Option<String> {
    Some(match event {
        "command" => tr!("latency_event.command"),
        "fast-command" => tr!("latency_event.fast_command"),
        "fork" => tr!("latency_event.fork"),
        "aof-write" => tr!("latency_event.aof_write"),
        "aof-fsync-always" => tr!("latency_event.aof_fsync_always"),
        "aof-write-pending-fsync" => tr!("latency_event.aof_write_pending_fsync"),
        "expire-cycle" => tr!("latency_event.expire_cycle"),
        "eviction-cycle" => tr!("latency_event.eviction_cycle"),
        "eviction-del" => tr!("latency_event.eviction_del"),
        "rdb-unlink-temp-file" => tr!("latency_event.rdb_unlink_temp_file"),
        "active-defrag-cycle" => tr!("latency_event.active_defrag_cycle"),
        "cluster-config-fsync" => tr!("latency_event.cluster_config_fsync"),
        "cluster-config-write" => tr!("latency_event.cluster_config_write"),
        "while-blocked-cron" => tr!("latency_event.while_blocked_cron"),
        _ => return None,
    })
}
