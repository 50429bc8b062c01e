//! Requests that make no sense: each is answered with what is wrong and the way out, and changes
//! nothing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::netmaster::Netmaster;

/// Posts each body to `path`, and expects its status, code and part of the detail.
async fn refuses(path: &str, cases: &[(Value, u16, &str, &str)]) {
    let netmaster = Netmaster::with_blue().await;
    let before = netmaster.everything().await;
    for (body, status, code, detail) in cases {
        let answer = netmaster.ask(Method::POST, path, body).await;
        answer.is_problem(*status, code, detail);
    }
    assert_eq!(netmaster.everything().await, before);
}

/// `object` with some members replaced; those that become null are left out.
fn with(object: &Value, other: Value) -> Value {
    let mut object = object.clone();
    let members = object.as_object_mut().unwrap();
    for (key, value) in other.as_object().unwrap() {
        members.insert(key.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    object
}

#[tokio::test]
async fn networks_that_cannot_be() {
    let green = json!({"name": "green", "vlan": 200});
    let case = |change, status, code, detail| (with(&green, change), status, code, detail);
    let vlan = |vlan: Value, detail| case(json!({"vlan": vlan}), 422, "invalid_field", detail);
    refuses(
        "/v1/networks",
        &[
            vlan(
                json!(0),
                "field `vlan`: VLAN id `0` is not in 1–4094: choose a VLAN",
            ),
            vlan(json!(4095), "VLAN id `4095` is not in 1–4094"),
            vlan(json!(-1), "VLAN id `-1` is not in 1–4094"),
            vlan(json!("200"), "field `vlan`: invalid type: string \"200\""),
            vlan(
                json!(1.5),
                "field `vlan`: invalid type: floating point `1.5`",
            ),
            vlan(json!(u64::MAX), "field `vlan`"),
            vlan(Value::Null, "missing field `vlan`"),
            case(
                json!({"mtu": 64}),
                422,
                "invalid_field",
                "field `mtu`: MTU `64` is not in",
            ),
            case(
                json!({"colour": 1}),
                422,
                "invalid_field",
                "unknown field `colour`",
            ),
            case(
                json!({"name": "Green!"}),
                422,
                "invalid_field",
                "name `Green!` is not valid",
            ),
            case(
                json!({"name": "a/../b"}),
                422,
                "invalid_field",
                "name `a/../b` is not valid",
            ),
            case(
                json!({"name": ""}),
                422,
                "invalid_field",
                "name `` is not valid",
            ),
            case(
                json!({"name": "blue"}),
                409,
                "name_in_use",
                "network `blue` exists already",
            ),
            case(
                json!({"vlan": 100}),
                409,
                "vlan_in_use",
                "in use by network `blue`",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn subnets_that_cannot_be() {
    let subnet = json!({
        "name": "b", "network": "blue", "cidr": "10.2.0.0/24", "gateway": "10.2.0.1",
    });
    let case = |change, status, code, detail| (with(&subnet, change), status, code, detail);
    let range =
        |range: &str, detail| case(json!({"ranges": [range]}), 422, "invalid_range", detail);
    refuses(
        "/v1/subnets",
        &[
            case(
                json!({"cidr": "10.2.0.7/24"}),
                422,
                "invalid_field",
                "field `cidr`: CIDR `10.2.0.7/24` has host bits set: did you mean `10.2.0.0/24`?",
            ),
            case(
                json!({"cidr": "10.2.0.0"}),
                422,
                "invalid_field",
                "CIDR `10.2.0.0` is not valid",
            ),
            case(
                json!({"cidr": "fd00::/64"}),
                422,
                "invalid_cidr",
                "`fd00::/64` is IPv6",
            ),
            case(
                json!({"cidr": "127.0.0.0/24"}),
                422,
                "invalid_cidr",
                "`127.0.0.0/8`",
            ),
            case(
                json!({"gateway": "10.3.0.1"}),
                422,
                "invalid_gateway",
                "gateway `10.3.0.1` is not in CIDR `10.2.0.0/24`: use one of",
            ),
            case(
                json!({"gateway": "10.2.0.0"}),
                422,
                "invalid_gateway",
                "network or broadcast",
            ),
            case(
                json!({"gateway": "10.2.0.255"}),
                422,
                "invalid_gateway",
                "network or broadcast",
            ),
            case(
                json!({"gateway": "fd00::1"}),
                422,
                "invalid_gateway",
                "gateway `fd00::1`",
            ),
            case(
                json!({"gateway": "ten"}),
                422,
                "invalid_field",
                "field `gateway`",
            ),
            range(
                "10.2.0.10-10.2.1.10",
                "range `10.2.0.10-10.2.1.10` is not within",
            ),
            range("10.2.0.250-10.2.0.255", "stay within `10.2.0.1-10.2.0.254`"),
            case(
                json!({"ranges": ["10.2.0.1"]}),
                422,
                "invalid_cidr",
                "no address to hand out beside gateway `10.2.0.1`",
            ),
            case(
                json!({"ranges": ["10.2.0.9-10.2.0.1"]}),
                422,
                "invalid_field",
                "field `ranges[0]`: address range `10.2.0.9-10.2.0.1` is not valid",
            ),
            case(
                json!({"ranges": ["10.2.0.2-10.2.0.9", "10.2.0.9-10.2.0.12"]}),
                422,
                "invalid_range",
                "overlap",
            ),
            case(
                json!({"cidr": "10.0.0.0/8", "gateway": "10.0.0.1"}),
                409,
                "subnet_overlap",
                "CIDR `10.0.0.0/8` overlaps `10.1.0.0/24` of subnet `blue-r1`",
            ),
            case(
                json!({"name": "blue-r1"}),
                409,
                "name_in_use",
                "subnet `blue-r1` exists already",
            ),
            case(
                json!({"network": "red"}),
                404,
                "network_not_found",
                "network `red` does not exist: create it first with `netctl network create red",
            ),
            case(
                json!({"rack": "R 1"}),
                422,
                "invalid_field",
                "field `rack`: name `R 1`",
            ),
            case(
                json!({"pool": "x"}),
                422,
                "invalid_field",
                "unknown field `pool`",
            ),
            case(
                json!({"gateway": null}),
                422,
                "invalid_field",
                "missing field `gateway`",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn endpoints_that_cannot_be() {
    let endpoint = json!({"attachment": "c1/eth0", "network": "blue", "node": "n1"});
    let case = |change, status, code, detail| (with(&endpoint, change), status, code, detail);
    refuses(
        "/v1/endpoints",
        &[
            case(
                json!({"network": "red"}),
                404,
                "network_not_found",
                "network `red`",
            ),
            case(
                json!({"node": "n9"}),
                404,
                "node_not_found",
                "node `n9` is not registered",
            ),
            case(
                json!({"attachment": "c1"}),
                422,
                "invalid_field",
                "attachment `c1` is not valid",
            ),
            case(
                json!({"attachment": "../x/eth0"}),
                422,
                "invalid_field",
                "container id `..`",
            ),
            case(
                json!({"attachment": "c1/abcdefghijklmnop"}),
                422,
                "invalid_field",
                "interface name",
            ),
            case(
                json!({"pod": {"namespace": "a"}}),
                422,
                "invalid_field",
                "missing field `name`",
            ),
            case(
                json!({"pod": {"namespace": "a", "name": "b", "uid": 1}}),
                422,
                "invalid_field",
                "unknown field `uid`",
            ),
            case(
                json!({"ip": "10.1.0.11"}),
                422,
                "invalid_field",
                "unknown field `ip`",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_rack_without_subnet_is_told_which_have_one() {
    let netmaster = Netmaster::with_blue().await;
    let node = json!({"rack": "r9"});
    netmaster.ask(Method::PUT, "/v1/nodes/n9", &node).await;
    let body = json!({"attachment": "c1/eth0", "network": "blue", "node": "n9"});
    netmaster
        .ask(Method::POST, "/v1/endpoints", &body)
        .await
        .is_problem(409, "no_subnet_for_rack", "subnets for rack(s) `r1` only");
}

#[tokio::test]
async fn bodies_that_are_no_json() {
    let netmaster = Netmaster::with_blue().await;
    let before = netmaster.everything().await;
    let deep = "[".repeat(100_000);
    for (body, detail) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{", "EOF while parsing an object at line 1 column 1"),
        (
            "{\"name\": \"a\",\n \"vlan\" 1}",
            "expected `:` at line 2 column 9",
        ),
        (
            "{\"name\": \"a\", \"vlan\": 1} x",
            "trailing characters at line 1 column 26",
        ),
        (deep.as_str(), "the body is not valid JSON"),
        ("{\"name\": \"a\", \"vlan\": 1e999}", "number out of range"),
    ] {
        let kind = Some("application/json; charset=utf-8");
        let bytes = body.as_bytes().to_vec();
        let answer = netmaster
            .send(Method::POST, "/v1/networks", kind, bytes)
            .await;
        if deep == body {
            // An array is no network, which is seen before its depth.
            answer.is_problem(422, "invalid_field", "invalid type");
        } else {
            answer.is_problem(400, "malformed_json", detail);
        }
    }
    let bytes = b"{\"name\": \"\xff\"}".to_vec();
    netmaster
        .send(
            Method::POST,
            "/v1/networks",
            Some("application/json"),
            bytes,
        )
        .await
        .is_problem(400, "malformed_json", "the body is not valid JSON");
    assert_eq!(netmaster.everything().await, before);
}

#[tokio::test]
async fn bodies_that_are_too_large_or_of_another_kind() {
    let netmaster = Netmaster::start().await;
    let large = vec![b' '; (1 << 20) + 1];
    netmaster
        .send(
            Method::POST,
            "/v1/networks",
            Some("application/json"),
            large,
        )
        .await
        .is_problem(413, "body_too_large", "1048576 bytes");
    let body = b"{\"name\": \"a\", \"vlan\": 1}".to_vec();
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
    ] {
        netmaster
            .send(Method::POST, "/v1/networks", kind, body.clone())
            .await
            .is_problem(415, "unsupported_media_type", "`application/json`");
    }
}

#[tokio::test]
async fn urls_that_lead_nowhere() {
    let netmaster = Netmaster::with_blue().await;
    for path in [
        "/",
        "/v2/networks",
        "/v1/networks/",
        "/v1/pools",
        "/v1/networks/a/b",
    ] {
        netmaster
            .get(path)
            .await
            .is_problem(404, "route_not_found", &format!("`{path}`"));
    }
    for (path, detail) in [
        ("/v1/networks/Blue", "name `Blue` is not valid"),
        ("/v1/networks/a%2Fb", "name `a/b` is not valid"),
        ("/v1/nodes/%2e%2e%2f", "name `../` is not valid"),
        ("/v1/subnets/%FF", "UTF-8"),
        ("/v1/endpoints/-c/eth0", "container id `-c` is not valid"),
        (
            "/v1/endpoints/c1/eth%200",
            "interface name `eth 0` is not valid",
        ),
    ] {
        netmaster
            .get(path)
            .await
            .is_problem(422, "invalid_path", detail);
    }
    netmaster
        .ask_without_body(Method::PATCH, "/v1/networks/blue")
        .await
        .is_problem(405, "method_not_allowed", "`PATCH` is not possible");
    netmaster
        .ask(Method::PUT, "/v1/nodes/n1", &json!({}))
        .await
        .is_problem(422, "invalid_field", "missing field `rack`");
}
