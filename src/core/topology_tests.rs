//! Formats of CLUSTER NODES, one by one.

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
