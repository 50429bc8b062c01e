use std::time::Duration;

use trunkline_ipam::{Catalog, Edit, create_network};

use super::*;
use crate::store::conformance::network;
use crate::store::{Batch, Embedded, Store as _};

const SOON: Duration = Duration::from_secs(10);

fn revision(number: u64) -> Revision {
    Revision::new(number)
}

fn put(number: u64) -> Happening {
    let spec = network(&format!("net{number}"), "1");
    let planned = create_network(&Catalog::default(), &spec).unwrap();
    Happening::Put {
        object: Object::Network(planned.object),
        before: None,
    }
}

/// Publishes one edit for each revision after `from`, up to `to`.
fn publish(feed: &Feed, from: u64, to: u64) {
    feed.push(Publication {
        from: revision(from),
        to: revision(to),
        happenings: (from + 1..=to).map(put).collect(),
    });
    feed.wake(revision(to));
}

async fn next(subscription: &mut Subscription) -> Result<(u64, u64), Compacted> {
    let next = tokio::time::timeout(SOON, subscription.next())
        .await
        .unwrap()?;
    Ok((next.from.number(), next.to.number()))
}

#[tokio::test]
async fn a_subscription_gets_what_was_and_what_comes_in_order() {
    let feed = Feed::after(revision(5));
    publish(&feed, 5, 6);
    let mut subscription = feed.subscribe(revision(5)).unwrap();
    assert_eq!(next(&mut subscription).await, Ok((5, 6)));
    let waiting = tokio::spawn(async move { next(&mut subscription).await });
    tokio::task::yield_now().await;
    publish(&feed, 6, 9);
    assert_eq!(waiting.await.unwrap(), Ok((6, 9)));
}

#[tokio::test]
async fn resuming_in_the_middle_of_a_batch_brings_all_of_it() {
    let feed = Feed::after(revision(0));
    publish(&feed, 0, 3);
    publish(&feed, 3, 6);
    let mut subscription = feed.subscribe(revision(4)).unwrap();
    assert_eq!(next(&mut subscription).await, Ok((3, 6)));
}

#[tokio::test]
async fn a_revision_of_the_future_is_waited_for() {
    let feed = Feed::after(revision(0));
    let mut ahead = feed.subscribe(revision(2)).unwrap();
    publish(&feed, 0, 1);
    publish(&feed, 1, 2);
    publish(&feed, 2, 3);
    assert_eq!(next(&mut ahead).await, Ok((2, 3)));
}

#[tokio::test]
async fn what_no_longer_fits_is_compacted() {
    let feed = Feed::keeping(4, revision(0));
    let mut slow = feed.subscribe(revision(0)).unwrap();
    publish(&feed, 0, 3);
    publish(&feed, 3, 6);
    let oldest = revision(3);
    assert_eq!(next(&mut slow).await, Err(Compacted { oldest }));
    assert_eq!(
        feed.subscribe(revision(2)).unwrap_err(),
        Compacted { oldest }
    );
    let mut again = feed.subscribe(oldest).unwrap();
    assert_eq!(next(&mut again).await, Ok((3, 6)));
}

#[tokio::test]
async fn after_a_gap_everybody_has_to_list_again() {
    let feed = Feed::after(revision(0));
    publish(&feed, 0, 3);
    let mut subscription = feed.subscribe(revision(3)).unwrap();
    feed.reset(revision(7));
    feed.wake(revision(7));
    let oldest = revision(7);
    assert_eq!(next(&mut subscription).await, Err(Compacted { oldest }));
}

#[tokio::test]
async fn ten_thousand_subscriptions_see_one_publication() {
    let feed = Feed::after(revision(0));
    let waiting: Vec<_> = (0..10_000)
        .map(|_| {
            let mut subscription = feed.subscribe(revision(0)).unwrap();
            tokio::spawn(async move { next(&mut subscription).await })
        })
        .collect();
    tokio::task::yield_now().await;
    publish(&feed, 0, 1);
    for watcher in waiting {
        assert_eq!(watcher.await.unwrap(), Ok((0, 1)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sees_a_revision_in_the_feed_sees_it_in_the_catalog() {
    let mut store = Embedded::in_memory().unwrap();
    let start = store.resume().unwrap();
    let published = Arc::new(Published::new(Catalog::default(), start));
    let mut subscription = published.feed().subscribe(Revision::ZERO).unwrap();
    let readers = published.clone();
    let watcher = tokio::spawn(async move {
        for _ in 0..100 {
            let (_, to) = next(&mut subscription).await.unwrap();
            assert!(readers.read(|catalog| catalog.revision().number()) >= to);
        }
    });
    for vlan in 1..=100 {
        let spec = network(&format!("net{vlan}"), &vlan.to_string());
        let change = published.read(|catalog| create_network(catalog, &spec).unwrap().change);
        let mut batch = Batch::on(published.position().revision());
        batch.add(&change).unwrap();
        let position = store.commit(&batch).unwrap();
        published.publish(batch.from(), position, batch.edits().cloned().collect());
        tokio::task::yield_now().await;
    }
    watcher.await.unwrap();
}

#[test]
fn deletes_and_puts_tell_what_was_before() {
    let mut store = Embedded::in_memory().unwrap();
    let published = Published::new(Catalog::default(), store.resume().unwrap());
    let planned = create_network(&Catalog::default(), &network("blue", "1")).unwrap();
    let blue = Object::Network(planned.object);
    let edits = [
        vec![Edit::Put(blue.clone())],
        vec![Edit::Put(blue.clone())],
        vec![Edit::Delete(blue.key())],
        // It was never seen, so that it went is not told.
        vec![Edit::Delete(blue.key())],
    ];
    let mut told = Vec::new();
    for (edits, from) in edits.into_iter().zip(0..) {
        let at = store
            .replace(revision(from + 1), &mut std::iter::empty())
            .unwrap();
        published.publish(revision(from), at, edits);
        let log = published.feed().shared.log.read().unwrap();
        told.push(log.publications.back().unwrap().happenings.clone());
    }
    let put = |before| Happening::Put {
        object: blue.clone(),
        before,
    };
    assert_eq!(told[0], [put(None)]);
    assert_eq!(told[1], [put(Some(blue.clone()))]);
    assert_eq!(told[2], [Happening::Deleted(blue.clone())]);
    assert_eq!(told[3], []);
}
