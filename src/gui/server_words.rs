//! What core says of builds of servers, in the current language.

use crate::core::build::Build;
use crate::core::limits::Limit;

use super::i18n::tr;

/// Whose build a server is; `None` for the makers' own.
#[must_use]
pub fn build(build: Build) -> Option<String> {
    match build {
        Build::Upstream => None,
        Build::MsOpenTech => Some(tr!("build.ms_open_tech")),
        Build::Tporadowski => Some(tr!("build.tporadowski")),
        Build::Cygwin => Some(tr!("build.cygwin")),
        Build::Zkteco => Some(tr!("build.zkteco")),
        Build::Memurai => Some(tr!("build.memurai")),
        Build::Garnet => Some(tr!("build.garnet")),
        Build::Unknown => Some(tr!("build.unknown")),
    }
}

/// What a server can't do.
#[must_use]
pub fn limit(limit: Limit) -> String {
    match limit {
        Limit::NoCluster => tr!("limit.no_cluster"),
        Limit::OwnOptions => tr!("limit.own_options"),
        Limit::NeverJoins => tr!("limit.never_joins"),
        Limit::NoAutomaticFailover => tr!("limit.no_automatic_failover"),
        Limit::UnreliableFailover => tr!("limit.unreliable_failover"),
        Limit::FullCopyStalls => tr!("limit.full_copy_stalls"),
        Limit::AppendOnlyHangs => tr!("limit.append_only_hangs"),
        Limit::NoDisklessCopy => tr!("limit.no_diskless_copy"),
        Limit::OneKeyAtATime => tr!("limit.one_key_at_a_time"),
        Limit::PageFile => tr!("limit.page_file"),
        Limit::UnixSocketHangs => tr!("limit.unix_socket_hangs"),
        Limit::NotTried => tr!("limit.not_tried"),
    }
}

/// What was seen of it, and what helps.
#[must_use]
pub fn limit_why(limit: Limit) -> String {
    match limit {
        Limit::NoCluster => tr!("limit_why.no_cluster"),
        Limit::OwnOptions => tr!("limit_why.own_options"),
        Limit::NeverJoins => tr!("limit_why.never_joins"),
        Limit::NoAutomaticFailover => tr!("limit_why.no_automatic_failover"),
        Limit::UnreliableFailover => tr!("limit_why.unreliable_failover"),
        Limit::FullCopyStalls => tr!("limit_why.full_copy_stalls"),
        Limit::AppendOnlyHangs => tr!("limit_why.append_only_hangs"),
        Limit::NoDisklessCopy => tr!("limit_why.no_diskless_copy"),
        Limit::OneKeyAtATime => tr!("limit_why.one_key_at_a_time"),
        Limit::PageFile => tr!("limit_why.page_file"),
        Limit::UnixSocketHangs => tr!("limit_why.unix_socket_hangs"),
        Limit::NotTried => tr!("limit_why.not_tried"),
    }
}
