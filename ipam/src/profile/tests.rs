use super::*;
use crate::fixture::{add_group, add_profile, add_subnet, bind, group, ledger, name, subnet};
use crate::{Change, Edit, Endpoint, Ledger, Object, Scope};

fn spec(dscp: i64) -> ProfileSpec {
    ProfileSpec {
        name: name("gold"),
        ingress: None,
        egress: None,
        dscp: Dscp::try_from(dscp).ok(),
        labels: Labels::default(),
    }
}

fn ledger_with_gold() -> Ledger {
    let mut ledger = ledger();
    add_profile(&mut ledger, "gold");
    ledger
}

#[test]
fn a_profile_is_created_once_and_changed_at_its_revision() {
    let mut ledger = ledger_with_gold();
    assert_eq!(
        create_profile(ledger.catalog(), &spec(0))
            .unwrap_err()
            .to_string(),
        "profile `gold` exists already: choose another name, or change that one with `netctl \
         profile set gold`"
    );
    let seen = ledger.catalog().profile(&name("gold")).unwrap().revision;
    let planned = update_profile(ledger.catalog(), &spec(46), seen).unwrap();
    ledger.apply(&planned.change);
    assert_eq!(planned.object.dscp, Dscp::try_from(46).ok());
    assert!(update_profile(ledger.catalog(), &spec(0), seen).is_err());
}

#[test]
fn a_profile_that_a_group_binds_is_not_deleted() {
    let mut ledger = ledger_with_gold();
    add_group(&mut ledger, &group("web", Scope::Cluster));
    let error = delete_profile(ledger.catalog(), &name("gold"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "profile `gold` is bound by 1 group(s), `web`: bind them to another one first with \
         `netctl group set`"
    );
}

#[test]
fn a_profile_that_an_endpoint_has_is_not_deleted() {
    let mut ledger = ledger_with_gold();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    bind(&mut ledger, "c1/eth0", None, "10.1.0.7");
    let endpoint = ledger.catalog().endpoints().next().unwrap();
    let endpoint = Endpoint {
        profile: Some(name("gold")),
        ..Endpoint::clone(endpoint)
    };
    let put = Edit::Put(Object::Endpoint(endpoint.into()));
    let change = Change::new(ledger.catalog().revision().next(), vec![put]);
    ledger.apply(&change);
    let error = delete_profile(ledger.catalog(), &name("gold"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "profile `gold` is that of 1 endpoint(s), `c1/eth0`: remove the pods first, see `netctl \
         endpoint ls`"
    );
    crate::fixture::give_back(&mut ledger, "c1/eth0");
    let change = delete_profile(ledger.catalog(), &name("gold"), None).unwrap();
    ledger.apply(&change);
    assert!(ledger.catalog().profile(&name("gold")).is_none());
}
