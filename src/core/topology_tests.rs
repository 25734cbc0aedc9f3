//! Formats of CLUSTER NODES, one by one.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;

const A: &str = "07c37dfeb235213a872192d90877d0cd55635b91";
const B: &str = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";
const C: &str = "292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f";

fn one(line: &str) -> Node {
    let view = View::parse(line).unwrap();
    view.me().unwrap().clone()
}

#[test]
fn a_line_of_redis_3_has_no_bus_port() {
    let node = one(&format!("{A} 127.0.0.1:30004 myself,master - 0 1426238317239 4 connected 0-5460 7000"));
    assert_eq!(node.addr, Some(NodeAddr::new("127.0.0.1", 30004)));
    assert_eq!(node.slots.to_string(), "0-5460,7000");
    assert_eq!((node.role, node.epoch, node.linked), (Role::Master, 4, true));
}

#[test]
fn a_fresh_node_knows_no_host_of_its_own() {
    let node = one(&format!("{A} :7000@17000 myself,master - 0 0 0 connected"));
    assert_eq!(node.addr, Some(NodeAddr::new("", 7000)));
}

#[test]
fn a_bus_port_of_its_own_is_kept_and_the_default_one_is_not() {
    let node = one(&format!("{A} 10.0.0.1:7000@27000 myself,master - 0 0 0 connected"));
    assert_eq!(node.addr.unwrap().bus_port, Some(27000));
    let node = one(&format!("{A} 10.0.0.1:7000@17000 myself,master - 0 0 0 connected"));
    assert_eq!(node.addr.unwrap().bus_port, None);
}

#[test]
fn hostnames_and_the_extra_fields_of_nodes_conf_are_read() {
    let node = one(&format!("{A} 10.0.0.1:7000@17000,db1.example myself,master - 0 0 0 connected"));
    assert_eq!(node.hostname.as_deref(), Some("db1.example"));
    let text = format!(
        "{A} 10.0.0.1:7000@17000,,tls-port=0,shard-id={B} myself,master - 0 0 0 connected\nvars currentEpoch 6 lastVoteEpoch 0\n"
    );
    assert_eq!(one(&text).hostname, None);
}

#[test]
fn ipv6_is_parted_at_the_last_colon() {
    let node = one(&format!("{A} ::1:7000@17000 myself,master - 0 0 0 connected"));
    assert_eq!(node.addr, Some(NodeAddr::new("::1", 7000)));
}

#[test]
fn open_slots_name_their_partner() {
    let node = one(&format!("{A} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-99 [93->-{B}] [94-<-{C}]"));
    assert_eq!(node.migrating, vec![(Slot::new(93).unwrap(), B.parse().unwrap())]);
    assert_eq!(node.importing, vec![(Slot::new(94).unwrap(), C.parse().unwrap())]);
    assert_eq!(node.slots.len(), 100);
}

#[test]
fn failing_handshaking_and_addressless_nodes_are_told_apart() {
    let text = format!(
        "{A} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected\n\
         {B} 127.0.0.1:7001@17001 master,fail? - 1 1 2 disconnected\n\
         {C} :0@0 slave,fail,noaddr {A} 1 1 2 disconnected\n\
         1111111111111111111111111111111111111111 127.0.0.1:7003@17003 handshake - 0 0 0 disconnected\n"
    );
    let view = View::parse(&text).unwrap();
    let get = |id: &str| view.nodes[&id.parse::<NodeId>().unwrap()].clone();
    assert!(get(B).flags.pfail && !get(B).flags.fail && !get(B).is_settled());
    assert!(get(C).flags.fail && get(C).flags.noaddr && get(C).addr.is_none());
    assert_eq!(get(C).master, Some(A.parse().unwrap()));
    assert!(get("1111111111111111111111111111111111111111").flags.handshake);
}

#[test]
fn a_broken_answer_says_which_line_and_what() {
    assert_eq!(View::parse("").unwrap_err(), ParseError::NoMyself);
    let error = View::parse(&format!("{A} 127.0.0.1:7000 myself,master -")).unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
    let error = View::parse(&format!("{A} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 20000")).unwrap_err();
    assert!(error.to_string().contains("'20000'"), "{error}");
}

#[test]
fn addresses_are_read_as_redis_cli_reads_them() {
    assert_eq!("h:7000@17000".parse::<NodeAddr>().unwrap(), NodeAddr::new("h", 7000));
    assert_eq!("::1:7000".parse::<NodeAddr>().unwrap().host, "::1");
    assert_eq!("[::1]:7000".parse::<NodeAddr>().unwrap().host, "::1");
    assert_eq!("h:7000@9000".parse::<NodeAddr>().unwrap().bus_port(), Some(9000));
    for bad in ["h", "h:", ":7000", "h:99999", "h:0", "h:7000@x", "a b:7000"] {
        assert!(bad.parse::<NodeAddr>().is_err(), "{bad}");
    }
    assert_eq!(NodeAddr::new("h", 60000).bus_port(), None);
}

/// Who writes the lines. Each leaves out what came later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Redis 3.x: no bus port.
    V3,
    /// Redis 4.0 to 6.2: `@cport`.
    V4,
    /// Redis 7.0 and Valkey: `,hostname` where there is one.
    V7,
    /// The file nodes.conf since 7.2: always `,hostname`, then further fields, and the `vars` line.
    NodesConf,
}

const FORMATS: [Format; 4] = [Format::V3, Format::V4, Format::V7, Format::NodesConf];

/// The answer that a server of this format gives for a view.
fn render(view: &View, format: Format) -> String {
    let line = |node: &Node| render_node(node, node.id == view.myself, format) + "\n";
    let mut text: String = view.nodes.values().map(line).collect();
    if format == Format::NodesConf {
        text.push_str("vars currentEpoch 6 lastVoteEpoch 0\n");
    }
    text
}

fn render_node(node: &Node, is_me: bool, format: Format) -> String {
    let mut addr = match &node.addr {
        Some(addr) if format == Format::V3 => format!("{}:{}", addr.host, addr.port),
        Some(addr) => format!("{}:{}@{}", addr.host, addr.port, addr.bus_port().unwrap()),
        None if format == Format::V3 => ":0".to_owned(),
        None => ":0@0".to_owned(),
    };
    match (format, &node.hostname) {
        (Format::V7, Some(name)) => addr = format!("{addr},{name}"),
        (Format::NodesConf, name) => addr = format!("{addr},{},tls-port=0,shard-id={A}", name.as_deref().unwrap_or("")),
        _ => {}
    }
    let flags = node.flags;
    let words = [
        (is_me, "myself"),
        (!flags.handshake && node.role == Role::Master, "master"),
        (node.role == Role::Replica, "slave"),
        (flags.pfail, "fail?"),
        (flags.fail, "fail"),
        (flags.handshake, "handshake"),
        (flags.noaddr, "noaddr"),
        (flags.nofailover, "nofailover"),
    ];
    let words: Vec<&str> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    let master = node.master.as_ref().map_or("-", NodeId::as_str);
    let link = if node.linked { "connected" } else { "disconnected" };
    let line = format!("{} {addr} {} {master} 0 1426238317239 {} {link}", node.id, words.join(","), node.epoch);
    let slots = node.slots.ranges().into_iter().map(|range| range.to_string());
    let migrating = node.migrating.iter().map(|(slot, id)| format!("[{slot}->-{id}]"));
    let importing = node.importing.iter().map(|(slot, id)| format!("[{slot}-<-{id}]"));
    [line].into_iter().chain(slots).chain(migrating).chain(importing).collect::<Vec<_>>().join(" ")
}

/// The view without what the format can't tell.
fn as_told_by(view: &View, format: Format) -> View {
    let told = |node: &Node| {
        let mut node = node.clone();
        if matches!(format, Format::V3 | Format::V4) {
            node.hostname = None;
        }
        if let (Format::V3, Some(addr)) = (format, &mut node.addr) {
            addr.bus_port = None;
        }
        node
    };
    View { myself: view.myself.clone(), nodes: view.nodes.values().map(told).collect() }
}

prop_compose! {
    fn an_addr()(
        host in prop_oneof![
            any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).to_string()),
            any::<u128>().prop_map(|bits| Ipv6Addr::from(bits).to_string()),
            Just("::1".to_owned()),
            "[a-z][a-z0-9.-]{0,20}",
            Just(String::new()),
        ],
        port in 1..=u16::MAX,
        bus in option::of(1..=u16::MAX),
    ) -> NodeAddr {
        // Without a bus port of its own it must have the default one, and there is none above 55535.
        let default = port.checked_add(BUS_PORT_OFFSET);
        let bus_port = bus.filter(|bus| Some(*bus) != default).or(if default.is_none() { Some(port - 1) } else { None });
        NodeAddr { host, port, bus_port }
    }
}

prop_compose! {
    fn some_slots()(ranges in vec((0..SLOTS, 0..600_u16), 0..5)) -> SlotSet {
        ranges.into_iter().flat_map(|(first, more)| first..=(first + more).min(SLOTS - 1)).map(slot).collect()
    }
}

const SLOTS: u16 = crate::core::slot::SLOT_COUNT;

fn slot(number: u16) -> Slot {
    Slot::new(number).unwrap()
}

prop_compose! {
    /// A node that is nobody's replica yet and not the one that answers.
    fn a_node(id: NodeId)(
        addr in option::weighted(0.9, an_addr()),
        hostname in option::of("[a-z][a-z0-9-]{0,10}(\\.[a-z]{1,5})?"),
        (pfail, fail, handshake, nofailover) in (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        epoch in any::<u64>(),
        linked in any::<bool>(),
        slots in some_slots(),
    ) -> Node {
        let flags = NodeFlags { pfail, fail, handshake, nofailover, noaddr: addr.is_none() };
        let slots = if handshake { SlotSet::new() } else { slots };
        Node {
            id: id.clone(), addr, hostname, role: Role::Master, flags, master: None, epoch, linked, slots,
            migrating: Vec::new(), importing: Vec::new(),
        }
    }
}

/// Up to eight nodes; some copy another one; the one that answers may have open slots.
fn a_view() -> impl Strategy<Value = View> {
    let ids = btree_set("[0-9a-f]{40}", 1..8)
        .prop_map(|ids| ids.into_iter().map(|id| id.parse().unwrap()).collect::<Vec<NodeId>>());
    let open = || vec((0..SLOTS, any::<prop::sample::Index>()), 0..4);
    ids.prop_flat_map(move |ids| {
        let nodes: Vec<_> = ids.iter().cloned().map(a_node).collect();
        let masters = vec(option::of(any::<prop::sample::Index>()), ids.len());
        (nodes, masters, any::<prop::sample::Index>(), open(), open())
    })
    .prop_map(|(mut nodes, masters, me, migrating, importing)| {
        let ids: Vec<NodeId> = nodes.iter().map(|node| node.id.clone()).collect();
        for (node, master) in nodes.iter_mut().zip(masters) {
            if let Some(master) = master.filter(|_| !node.flags.handshake) {
                node.role = Role::Replica;
                node.master = Some(master.get(&ids).clone());
            }
        }
        let me = me.index(nodes.len());
        let pairs = |open: Vec<(u16, prop::sample::Index)>| {
            open.into_iter().map(|(number, id)| (slot(number), id.get(&ids).clone())).collect()
        };
        nodes[me].migrating = pairs(migrating);
        nodes[me].importing = pairs(importing);
        View { myself: ids[me].clone(), nodes: nodes.into_iter().collect() }
    })
}

proptest! {
    #[test]
    fn what_a_server_of_any_format_writes_is_read_back(view in a_view()) {
        for format in FORMATS {
            let text = render(&view, format);
            prop_assert_eq!(View::parse(&text), Ok(as_told_by(&view, format)), "{:?}:\n{}", format, text);
        }
    }

    #[test]
    fn windows_line_ends_and_a_missing_last_one_change_nothing(view in a_view()) {
        let text = render(&view, Format::V7);
        prop_assert_eq!(View::parse(&text.replace('\n', "\r\n")), Ok(view.clone()));
        prop_assert_eq!(View::parse(text.trim_end()), Ok(view));
    }

    #[test]
    fn garbage_is_refused_without_a_panic(text in "(?s).{0,300}") {
        prop_assert!(View::parse(&text).is_err());
    }

    #[test]
    fn a_damaged_answer_never_panics_and_names_a_line_that_is_there(
        view in a_view(), format in prop::sample::select(FORMATS.to_vec()),
        at in any::<prop::sample::Index>(), to in any::<char>(), cut in any::<bool>(),
    ) {
        let mut chars: Vec<char> = render(&view, format).chars().collect();
        let at = at.index(chars.len());
        if cut { chars.truncate(at) } else { chars[at] = to }
        let text: String = chars.into_iter().collect();
        if let Err(ParseError::ShortLine { line, .. } | ParseError::BadField { line, .. }) = View::parse(&text) {
            prop_assert!((1..=text.lines().count()).contains(&line));
        }
    }
}
