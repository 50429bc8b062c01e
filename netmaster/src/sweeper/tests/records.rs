//! What becomes of the audit, and of tokens.

use axum::http::Method;
use trunkline_ipam::{
    Audit, AuditResult, Digest, Grant, Object, Revision, TokenRole, TokenSpec, create_token,
};
use trunkline_netmaster_api::ErrorCode;

use super::*;
use crate::audit::Trail;
use crate::records::after;
use crate::store::AUDIT;

/// What the audit has of somebody, oldest first.
async fn audit(scene: &Scene) -> Vec<Audit> {
    let reader = scene.sweeper.allocator.records();
    let found = after(reader, AUDIT, Revision::ZERO, 1000).await.unwrap();
    let records = found.into_iter().filter_map(|object| match object {
        Object::Audit(record) => Some(record.as_ref().clone()),
        _ => None,
    });
    records.collect()
}

/// Gives the pruner its turns. The store is read while the clock goes on, so one may take more than
/// its hour.
async fn comes_to(scene: &Scene, expected: &[Audit]) {
    for _ in 0..20 {
        if audit(scene).await == expected {
            break;
        }
        scene.pass(3600).await;
    }
    assert_eq!(audit(scene).await, expected);
}

fn trail() -> Trail {
    let who = Some("operator:olga".to_owned());
    Trail::new(who, None, &Method::PUT, "/v1/networks/blue", true)
}

#[tokio::test(start_paused = true)]
async fn records_of_the_audit_go_when_they_are_too_old_or_too_many() {
    let config = SweeperConfig {
        audit_max: 10,
        audit_retention: Duration::from_secs(10 * 24 * 3600),
        ..SweeperConfig::default()
    };
    let scene = Scene::with(config).await;
    for _ in 0..30 {
        let record = trail().audit(scene.sweeper.now());
        crate::audit::write(&scene.sweeper.allocator, record).await;
    }
    let before = audit(&scene).await;
    assert_eq!(before.len(), 30);
    // The newest stay.
    comes_to(&scene, &before[20..]).await;
    scene.pass(8 * 24 * 3600).await;
    assert_eq!(audit(&scene).await.len(), 10);
    scene.pass(2 * 24 * 3600).await;
    comes_to(&scene, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn however_much_is_refused_what_was_done_stays_in_the_audit() {
    let config = SweeperConfig {
        audit_max: 5,
        audit_refused_max: 3,
        ..SweeperConfig::default()
    };
    let scene = Scene::with(config).await;
    let allocator = &scene.sweeper.allocator;
    for _ in 0..5 {
        crate::audit::write(allocator, trail().audit(scene.sweeper.now())).await;
    }
    for result in [AuditResult::Denied, AuditResult::Refused].repeat(10) {
        let mut record = trail().audit(scene.sweeper.now());
        record.result = result;
        crate::audit::write(allocator, record).await;
    }
    let before = audit(&scene).await;
    assert_eq!(before.len(), 25);
    // Both the oldest, which were done, and the newest, which were not.
    let expected = [&before[..5], &before[22..]].concat();
    comes_to(&scene, &expected).await;
}

#[tokio::test(start_paused = true)]
async fn how_many_refusals_were_left_out_is_told_when_no_more_come() {
    let scene = Scene::new().await;
    let sweeper = &scene.sweeper;
    for _ in 0..25 {
        let now = sweeper.now();
        sweeper
            .auditor
            .not_done(&sweeper.allocator, &trail(), ErrorCode::Forbidden, now)
            .await;
    }
    assert_eq!(audit(&scene).await.len(), 20);
    scene.pass(130).await;
    let records = audit(&scene).await;
    let last = records.last().unwrap();
    assert_eq!((records.len(), last.omitted), (21, 5));
    assert_eq!(last.identity.as_deref(), Some("operator:olga"));
    assert_eq!(
        (last.method.as_str(), last.result),
        ("", AuditResult::Denied)
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expired_long_ago_goes() {
    let scene = Scene::new().await;
    scene
        .write(|ledger, now| {
            let spec = TokenSpec {
                name: parse("ci"),
                digest: Digest::new([7; 32]),
                grant: Grant::Role {
                    role: TokenRole::Viewer,
                    networks: Default::default(),
                },
                expires: now.after(3600),
            };
            create_token(ledger.catalog(), &spec, now).unwrap().change
        })
        .await;
    let there = || scene.read(|catalog| catalog.tokens().count());
    scene.pass(30 * 24 * 3600).await;
    assert_eq!(there(), 1);
    for _ in 0..20 {
        if there() == 0 {
            break;
        }
        scene.pass(3600).await;
    }
    assert_eq!(there(), 0);
}
