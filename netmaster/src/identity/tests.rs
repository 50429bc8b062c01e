use super::*;

#[test]
fn a_certificate_names_a_role_and_a_name() {
    let node = Identity::of_certificate("node:n17").unwrap();
    assert_eq!(
        (node.role(), node.node()),
        (Role::Node, Some(&"n17".parse().unwrap()))
    );
    let alice = Identity::of_certificate("operator:alice").unwrap();
    assert_eq!((alice.role(), alice.node()), (Role::Operator, None));
    let replica = Identity::of_certificate("replica:netmaster-1").unwrap();
    assert_eq!((replica.role(), replica.node()), (Role::Cluster, None));
    assert!(replica.is_replica() && replica.is_unlimited());
}

#[test]
fn what_is_no_role_and_name_is_nobody() {
    for text in [
        "",
        "n17",
        "node",
        "node:",
        ":n17",
        "root:n17",
        "replica:",
        "replica:a:b",
        "Node:n17",
        "node:n17:n18",
        "node:../n18",
        "node:n17\0",
        "node: n17",
        "token:ci",
        "local",
        "anonymous",
    ] {
        let error = Identity::of_certificate(text).unwrap_err();
        assert!(!error.to_string().contains('\0'), "{error}");
    }
}

#[test]
fn names_are_read_as_they_are_written() {
    for name in [
        IdentityName::Certificate(Role::Node, "n17".parse().unwrap()),
        IdentityName::Replica("m1".parse().unwrap()),
        IdentityName::Token("ci".parse().unwrap()),
        IdentityName::Local,
        IdentityName::Anonymous,
    ] {
        assert_eq!(name.to_string().parse(), Ok(name));
    }
}

#[test]
fn only_the_certificate_of_a_replica_is_one() {
    let token = IdentityName::Token("netmaster-1".parse().unwrap());
    assert!(!Identity::new(token, Role::Cluster, Scope::Everything).is_replica());
    assert!(!Identity::local().is_replica());
    for role in Role::ALL {
        let other = Identity::of_certificate(&format!("{role}:netmaster-1")).unwrap();
        assert!(!other.is_replica() && !other.is_unlimited(), "{role}");
    }
}

#[test]
fn an_assertion_is_read_as_it_is_written() {
    let networks = ["blue", "green"].map(|name| name.parse().unwrap());
    let scoped = Scope::Networks(Arc::new(networks.into()));
    let token = IdentityName::Token("ci".parse().unwrap());
    for identity in [
        Identity::local(),
        Identity::of_certificate("node:n17").unwrap(),
        Identity::of_certificate("node:n17")
            .unwrap()
            .valid_from(Timestamp::from_unix_seconds(1_700_000_000)),
        Identity::new(token, Role::Operator, scoped),
    ] {
        let assertion = Assertion {
            identity: Some(identity),
            address: "fd00::7".parse().unwrap(),
        };
        let text = assertion.write();
        assert!(text.is_ascii(), "{text}");
        assert_eq!(Assertion::read(&text).unwrap(), assertion);
    }
    let nobody = Assertion {
        identity: None,
        address: "10.0.0.7".parse().unwrap(),
    };
    assert_eq!(nobody.write(), r#"{"address":"10.0.0.7"}"#);
    assert_eq!(Assertion::read(&nobody.write()).unwrap(), nobody);
}

#[test]
fn an_assertion_of_another_form_is_refused() {
    for text in [
        "",
        "node:n17",
        r#"{"name":"node:n17","role":"node"}"#,
        r#"{"name":"node:n17","address":"10.0.0.1"}"#,
        r#"{"role":"admin","address":"10.0.0.1"}"#,
        r#"{"networks":["blue"],"address":"10.0.0.1"}"#,
        r#"{"name":"n17","role":"node","address":"10.0.0.1"}"#,
        r#"{"name":"node:n17","role":"root","address":"10.0.0.1"}"#,
        r#"{"name":"node:n17","role":"node","address":"10.0.0.1","as":"admin"}"#,
    ] {
        assert!(Assertion::read(text).is_err(), "{text}");
    }
}
