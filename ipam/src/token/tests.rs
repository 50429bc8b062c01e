use super::*;
use crate::fixture::{NOW, add_token, digest, join_token, ledger, name, token};
use crate::{Ledger, Reason, Refusal, lock_out};

fn ledger_with_tokens() -> Ledger {
    let mut ledger = ledger();
    add_token(&mut ledger, token("ci", 1, &["blue"]));
    add_token(&mut ledger, join_token("rack", 2, &["n1", "n2"], false));
    add_token(&mut ledger, join_token("lab", 3, &["n1"], true));
    ledger
}

fn join(ledger: &mut Ledger, secret: u8, node: &str, key: u8) -> Result<bool, JoinError> {
    let catalog = ledger.catalog();
    let joined = use_to_join(catalog, &digest(secret), &name(node), digest(key), NOW)?;
    ledger.apply(&joined.change);
    Ok(!joined.change.is_empty())
}

#[test]
fn a_token_is_found_by_its_name_and_by_its_secret_until_it_is_deleted() {
    let mut ledger = ledger_with_tokens();
    let catalog = ledger.catalog();
    let by_secret = catalog.token_with(&digest(1)).unwrap();
    assert_eq!(catalog.token(&name("ci")), Some(by_secret));
    let change = delete_token(catalog, &name("ci"), None).unwrap();
    ledger.apply(&change);
    assert_eq!(ledger.catalog().token_with(&digest(1)), None);
    let gone = delete_token(ledger.catalog(), &name("ci"), None).unwrap_err();
    assert_eq!(gone.reason(), Reason::NotFound(crate::Kind::Token));
}

#[test]
fn name_and_secret_are_a_tokens_own_and_its_networks_are_there() {
    let ledger = ledger_with_tokens();
    let create = |spec| create_token(ledger.catalog(), &spec, NOW).unwrap_err();
    assert_eq!(
        create(token("ci", 9, &[])).to_string(),
        "token `ci` exists already: choose another name, or delete that one with `netctl token rm \
         ci`"
    );
    assert_eq!(
        create(token("cd", 1, &[])).to_string(),
        "token `ci` has the same secret: try again"
    );
    let error = create(token("cd", 9, &["blue", "violet"]));
    assert_eq!(
        error.to_string(),
        "network `violet` does not exist: see `netctl network ls`"
    );
    assert_eq!(error.reason(), Reason::NotFound(crate::Kind::Network));
}

#[test]
fn a_token_ends_at_its_time_and_is_kept_for_another_month() {
    let ledger = ledger_with_tokens();
    let ci = ledger.catalog().token(&name("ci")).unwrap();
    assert!(!ci.is_expired(NOW.after(3599)) && ci.is_expired(NOW.after(3600)));
    let month = 30 * 24 * 3600;
    let overdue = |at| overdue_tokens(ledger.catalog(), NOW.after(at)).len();
    assert_eq!((overdue(3599 + month), overdue(3600 + month)), (0, 3));
}

#[test]
fn a_node_joins_by_a_token_that_is_for_it_as_often_as_its_key_is_the_same() {
    let mut ledger = ledger_with_tokens();
    assert_eq!(join(&mut ledger, 2, "n1", 1), Ok(true));
    // The answer was lost.
    assert_eq!(join(&mut ledger, 2, "n1", 1), Ok(false));
    assert_eq!(join(&mut ledger, 2, "n2", 2), Ok(true));
    let error = join(&mut ledger, 2, "n1", 3).unwrap_err();
    assert_eq!(error.reason(), Reason::Forbidden);
    assert_eq!(
        error.to_string(),
        "node `n1` has joined by token `rack` already, with another key: if that was not this \
         machine, find out who it was; make a new token with `netctl token create`"
    );
    let error = join(&mut ledger, 2, "n3", 3).unwrap_err();
    assert_eq!(error.reason(), Reason::Forbidden);
    assert_eq!(
        error.to_string(),
        "token `rack` is not for node `n3`: make one that is with `netctl token create`"
    );
}

#[test]
fn a_node_that_was_locked_out_joins_by_a_token_that_was_made_afterwards() {
    let mut ledger = ledger_with_tokens();
    assert_eq!(join(&mut ledger, 2, "n1", 1), Ok(true));
    let change = lock_out(ledger.catalog(), &name("n1"), NOW.after(1));
    ledger.apply(&change);
    for secret in [2, 3] {
        let error = join(&mut ledger, secret, "n1", 1).unwrap_err();
        assert_eq!(error.reason(), Reason::Forbidden);
        assert!(matches!(error, JoinError::Outdated { .. }), "{error}");
    }
    assert_eq!(join(&mut ledger, 2, "n2", 2), Ok(true));
    let spec = join_token("again", 4, &["n1"], false);
    let made = create_token(ledger.catalog(), &spec, NOW.after(1)).unwrap();
    ledger.apply(&made.change);
    assert_eq!(join(&mut ledger, 4, "n1", 3), Ok(true));
}

#[test]
fn a_reusable_token_is_good_for_any_number_of_keys() {
    let mut ledger = ledger_with_tokens();
    for key in 1..4 {
        assert_eq!(join(&mut ledger, 3, "n1", key), Ok(false));
    }
}

#[test]
fn nobody_joins_by_a_token_that_is_unknown_expired_or_for_something_else() {
    let ledger = ledger_with_tokens();
    for (secret, now) in [(9, NOW), (1, NOW), (2, NOW.after(3600))] {
        let joined = use_to_join(
            ledger.catalog(),
            &digest(secret),
            &name("n1"),
            digest(1),
            now,
        );
        let error = joined.unwrap_err();
        assert_eq!(error, JoinError::NoToken);
        assert_eq!(error.reason(), Reason::Unauthenticated);
    }
}

#[test]
fn a_digest_is_read_as_it_is_written_and_not_printed() {
    let digest: Digest = "0123456789abcdef".repeat(4).parse().unwrap();
    let written = serde_json::to_string(&digest).unwrap();
    assert_eq!(written, format!("\"{}\"", "0123456789abcdef".repeat(4)));
    assert_eq!(serde_json::from_str::<Digest>(&written).unwrap(), digest);
    assert_eq!(format!("{digest:?}"), "Digest(…)");
    for bad in ["", "ab", &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
        assert_eq!(bad.parse::<Digest>(), Err(DigestError), "{bad}");
    }
}
