use axum::http::HeaderValue;
use trunkline_ipam::{Ledger, TokenSpec, create_token, delete_token};

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

fn with_token(grant: Grant) -> (Ledger, Secret) {
    let secret = draw().unwrap();
    let spec = TokenSpec {
        name: "ci".parse().unwrap(),
        digest: digest(secret.expose().as_bytes()),
        grant,
        expires: NOW.after(60),
    };
    let mut ledger = Ledger::default();
    let token = create_token(ledger.catalog(), &spec, NOW).unwrap();
    ledger.apply(&token.change);
    (ledger, secret)
}

fn operator() -> Grant {
    Grant::Role {
        role: TokenRole::Operator,
        networks: BTreeSet::new(),
    }
}

fn headers(values: &[String]) -> HeaderMap {
    let values = values.iter().map(|value| {
        let value = HeaderValue::from_str(value).unwrap();
        (header::AUTHORIZATION, value)
    });
    values.collect()
}

fn bearer(secret: &Secret) -> HeaderMap {
    headers(&[format!("Bearer {}", secret.expose())])
}

/// The text of the refusal, which must not tell the secret.
fn refusal(ledger: &Ledger, headers: &HeaderMap, now: Timestamp) -> String {
    let failure = authenticate(ledger.catalog(), headers, now).unwrap_err();
    let problem = failure.problem();
    assert_eq!(problem.code, ErrorCode::Unauthenticated);
    for value in headers.values() {
        let sent = value.to_str().unwrap_or_default();
        let secret = sent.rsplit(' ').next().unwrap_or_default();
        assert!(secret.is_empty() || !problem.detail.contains(secret));
    }
    problem.detail.clone()
}

#[test]
fn whoever_has_the_secret_is_known_by_the_tokens_name_until_it_expires_or_is_deleted() {
    let (mut ledger, secret) = with_token(operator());
    let identity = authenticate(ledger.catalog(), &bearer(&secret), NOW).unwrap();
    assert_eq!(identity.name().to_string(), "token:ci");
    assert_eq!(identity.role(), Role::Operator);
    assert_eq!(*identity.scope(), Scope::Everything);
    assert!(is_current(ledger.catalog(), &identity, NOW.after(59)));
    assert!(!is_current(ledger.catalog(), &identity, NOW.after(60)));
    let expired = refusal(&ledger, &bearer(&secret), NOW.after(60));
    assert!(expired.contains("`ci` has expired"), "{expired}");
    let change = delete_token(ledger.catalog(), &"ci".parse().unwrap(), None).unwrap();
    ledger.apply(&change);
    assert!(!is_current(ledger.catalog(), &identity, NOW));
    let gone = refusal(&ledger, &bearer(&secret), NOW);
    assert!(gone.contains("is not known"), "{gone}");
}

#[test]
fn a_token_of_the_same_name_with_another_grant_is_another_one() {
    let (ledger, secret) = with_token(operator());
    let identity = authenticate(ledger.catalog(), &bearer(&secret), NOW).unwrap();
    let (other, _) = with_token(Grant::Role {
        role: TokenRole::Viewer,
        networks: BTreeSet::new(),
    });
    assert!(!is_current(other.catalog(), &identity, NOW));
}

#[test]
fn a_token_to_join_by_is_good_for_nothing_else() {
    let (ledger, secret) = with_token(Grant::Join {
        nodes: ["n1".parse().unwrap()].into(),
        reusable: true,
        joined: Default::default(),
    });
    let text = refusal(&ledger, &bearer(&secret), NOW);
    assert!(text.contains("not for this"), "{text}");
}

#[test]
fn what_is_no_token_is_refused_and_not_repeated() {
    let (ledger, secret) = with_token(operator());
    let good = format!("Bearer {}", secret.expose());
    let digits = secret.expose().strip_prefix(PREFIX).unwrap();
    let bad = [
        vec!["Basic YWxpY2U6aHVudGVyMg==".to_owned()],
        vec![secret.expose().to_owned()],
        vec![format!("Bearer {digits}")],
        vec![format!("Bearer {}0", secret.expose())],
        vec!["Bearer ".to_owned()],
        vec!["Bearer hunter2".to_owned()],
        vec![good.clone(), good],
        vec![],
    ];
    for bad in bad {
        let text = refusal(&ledger, &headers(&bad), NOW);
        assert!(text.contains("has no token of netmaster"), "{text}");
    }
    let mut bytes = HeaderMap::new();
    let value = HeaderValue::from_bytes(b"Bearer \xff").unwrap();
    bytes.insert(header::AUTHORIZATION, value);
    refusal(&ledger, &bytes, NOW);
}

#[test]
fn no_secret_is_drawn_twice() {
    let (one, two) = (draw().unwrap(), draw().unwrap());
    assert_ne!(one, two);
    assert_ne!(
        digest(one.expose().as_bytes()),
        digest(two.expose().as_bytes())
    );
    // FIPS 180-2, B.1.
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest(b"abc"), known.parse().unwrap());
}
