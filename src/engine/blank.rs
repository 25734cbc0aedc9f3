//! Why nothing can be shown of a cluster's slots, told from a snapshot alone.

use super::client::{LOGIN_REFUSED, TLS_FAILED};
use super::snapshot::{ClusterView, NO_OWNER, NodeView, Phase, ProcessState, Reach};
use super::tls::WANTS_TLS;

/// Why nothing is known of a cluster's slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blank {
    /// Its servers do not run.
    Stopped,
    /// Nobody has answered or failed yet.
    Asking,
    /// A server reads its data set from disk.
    Loading,
    /// Servers answer, and are no cluster yet.
    Unformed,
    /// The servers speak TLS, and we do not.
    WantsTls,
    /// The servers let nobody in: they want another password or certificate.
    LetsNobodyIn,
    /// No server answers.
    Silent,
}

impl ClusterView {
    /// Why nothing is known of its slots; `None` where something is.
    #[must_use]
    pub fn blank(&self) -> Option<Blank> {
        let owned = self.slot_owner.iter().any(|owner| *owner != NO_OWNER);
        if owned { None } else { why(self.phase, &self.nodes) }
    }
}

/// Why no slot of these nodes has an owner; `None` where that is what they say themselves.
fn why(phase: Phase, nodes: &[NodeView]) -> Option<Blank> {
    let any = |is: &dyn Fn(&NodeView) -> bool| nodes.iter().any(is);
    let says = |words: &str| any(&|node| node.reach.error().is_some_and(|error| error.contains(words)));
    let starts =
        |node: &NodeView| matches!(node.process.state, ProcessState::Starting { .. }) || node.reach == Reach::Unknown;
    let answers = any(&|node| node.reach == Reach::Live);
    Some(match phase {
        Phase::Stopped => Blank::Stopped,
        Phase::Formed if answers => return None,
        Phase::Unformed if answers => Blank::Unformed,
        _ if any(&|node| matches!(node.process.state, ProcessState::Loading { .. })) || says("LOADING") => {
            Blank::Loading
        }
        _ if says(WANTS_TLS) => Blank::WantsTls,
        _ if says(LOGIN_REFUSED) || says(TLS_FAILED) => Blank::LetsNobodyIn,
        _ if nodes.is_empty() || any(&starts) => Blank::Asking,
        _ => Blank::Silent,
    })
}

impl Reach {
    /// What happened when it was last asked, if it did not answer.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Live | Self::Unknown => None,
            Self::Stale { error, .. } | Self::Never { error } => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::topology::NodeAddr;
    use crate::engine::client::NodeErrorKind;

    fn node(reach: Reach) -> NodeView {
        NodeView { reach, ..NodeView::unknown(NodeAddr::new("127.0.0.1", 7000)) }
    }

    fn why(phase: Phase, reach: &[Reach]) -> Option<Blank> {
        super::why(phase, &reach.iter().cloned().map(node).collect::<Vec<_>>())
    }

    fn failed(kind: &NodeErrorKind) -> Reach {
        Reach::Never { error: kind.to_string() }
    }

    #[test]
    fn servers_that_never_answered_are_not_called_unformed() {
        let refused = failed(&NodeErrorKind::Connect("Connection refused (os error 111)".to_owned()));
        assert_eq!(why(Phase::Unformed, std::slice::from_ref(&refused)), Some(Blank::Silent));
        assert_eq!(why(Phase::Unformed, &[refused, Reach::Live]), Some(Blank::Unformed));
        assert_eq!(why(Phase::Unformed, &[Reach::Unknown]), Some(Blank::Asking));
        assert_eq!(why(Phase::Formed, &[Reach::Live]), None, "slots without owner are something to show");
    }

    #[test]
    fn what_is_asked_of_the_client_is_told_from_silence() {
        let tls = failed(&NodeErrorKind::Tls(WANTS_TLS.to_owned()));
        assert_eq!(why(Phase::Unformed, &[tls]), Some(Blank::WantsTls));
        let certificate = failed(&NodeErrorKind::Tls("the server's certificate has expired".to_owned()));
        assert_eq!(why(Phase::Unformed, &[certificate]), Some(Blank::LetsNobodyIn));
        let password = failed(&NodeErrorKind::Auth("NOAUTH Authentication required.".to_owned()));
        assert_eq!(why(Phase::Unformed, &[password]), Some(Blank::LetsNobodyIn));
        let loading = failed(&NodeErrorKind::Refused("LOADING Redis is loading the dataset in memory".to_owned()));
        assert_eq!(why(Phase::Formed, &[loading]), Some(Blank::Loading));
    }
}
