use std::path::Path;

use super::super::table::operations;
use super::*;

/// What stands above the table of `docs/roles.md`.
const HEAD: &str = "\
# Who may do what

Made from the table of operations: `TRUNKLINE_BLESS=1 cargo test -p trunkline-netmaster --lib roles`
writes it. [security.md](security.md) says what the roles are for.

`yes`: the role may. `own`: an agent may, for its own node. `-`: it is refused with 403. Without an
identity everything is refused with 401 but what says `open`, which everybody may. `replica`: another
netmaster by its certificate, as which it has the role `cluster`. `scoped`: what is
also for a token of some networks only, if its role may; it reaches what is of those networks, see
[security/tokens.md](security/tokens.md).

| operation | admin | operator | viewer | node | cluster | replica | scoped |
|---|---|---|---|---|---|---|---|
";

fn cell(operation: &Operation, role: Role) -> &'static str {
    match operation.access {
        Some(Access::Open) => "open",
        Some(Access::Roles(roles)) if roles.contains(&role) => match role {
            Role::Node if operation.own_node => "own",
            _ => "yes",
        },
        _ => "-",
    }
}

/// What a replica may by its certificate.
fn replica(operation: &Operation) -> &'static str {
    match operation.access {
        Some(Access::Replicas) => "yes",
        _ => cell(operation, Role::Cluster),
    }
}

/// Whether a token of some networks may be used for it.
fn scoped(operation: &Operation) -> &'static str {
    match operation.access {
        Some(Access::Open) => "open",
        _ if operation.of_networks => "yes",
        _ => "-",
    }
}

#[test]
fn the_page_of_roles_is_what_the_table_says() {
    let mut page = HEAD.to_owned();
    for operation in operations() {
        let cells = Role::ALL.map(|role| cell(&operation, role)).join(" | ");
        let (replica, scoped) = (replica(&operation), scoped(&operation));
        let Operation { method, path, .. } = operation;
        page += &format!("| `{method} {path}` | {cells} | {replica} | {scoped} |\n");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/roles.md");
    if std::env::var_os("TRUNKLINE_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == committed,
        "docs/roles.md differs; TRUNKLINE_BLESS=1 takes it over"
    );
}

#[test]
fn every_operation_says_who_may_call_it() {
    for operation in operations() {
        let Operation { method, path, .. } = &operation;
        assert!(operation.access.is_some(), "{method} {path}");
    }
}

#[test]
fn what_nothing_is_said_of_is_refused_to_everybody() {
    let mut operations = operations();
    for operation in &mut operations {
        operation.access = None;
    }
    let permissions = Permissions::of(&operations);
    let asking = Asking {
        identity: Some(Identity::local()),
        address: None,
    };
    let (method, path) = (Method::GET, Some("/v1/networks"));
    let refused = check(&permissions, &method, path, &asking, None).unwrap_err();
    assert_eq!(refused.problem().code, ErrorCode::Forbidden);
}

#[test]
fn agents_may_do_nothing_that_is_not_of_their_own_node_but_read_what_all_need() {
    for operation in operations() {
        let Operation { method, path, .. } = &operation;
        let may = cell(&operation, Role::Node) == "yes";
        assert!(!may || *method == Method::GET, "{method} {path}");
    }
}
