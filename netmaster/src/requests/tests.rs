use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::time::sleep;
use trunkline_netmaster_api::{AnswerErrorCode, NodeRequest, ToAgent};

use super::*;

fn relay() -> Relay {
    Relay::new(Metrics::new(Default::default()))
}

fn node(name: &str) -> Name {
    name.parse().unwrap()
}

fn status(deadline_seconds: u16) -> NodeRequestSpec {
    NodeRequestSpec {
        request: NodeRequest::Status,
        deadline_seconds,
    }
}

fn ask(relay: &Relay) -> Asked {
    relay.ask(&node("n1"), status(30), Asker::Leader).unwrap()
}

fn with(role: Role) -> Asker {
    Asker::Caller { role, name: None }
}

/// The id of the request that comes next.
async fn requested(watch: &mut AgentWatch) -> RequestId {
    match watch.next().await {
        Some(ToAgent::Request { id, .. }) => id.parse().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn body(lines: &[&str]) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let chunks: Vec<_> = lines
        .iter()
        .map(|line| Ok(Bytes::from(format!("{line}\n"))))
        .collect();
    stream::iter(chunks)
}

fn error_code(line: Option<AnswerLine>) -> AnswerErrorCode {
    match line {
        Some(AnswerLine::Error { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_reaches_the_one_who_asked_line_by_line() {
    let relay = relay();
    let mut watch = relay.watch(&node("n1"));
    let mut asked = ask(&relay);
    let id = requested(&mut watch).await;
    let lines = [
        r#"{"type":"item","item":{"flows":12}}"#,
        r#"{"type":"bytes","base64":"AAEC"}"#,
        r#"{"type":"end"}"#,
    ];
    let reader = tokio::spawn(async move {
        let mut lines = Vec::new();
        while let Some(line) = asked.next().await {
            lines.push(serde_json::to_string(&line).unwrap());
        }
        lines
    });
    relay.answer(&node("n1"), id, body(&lines)).await.unwrap();
    assert_eq!(reader.await.unwrap(), lines);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_an_agent_that_is_about_to_connect() {
    let relay = relay();
    let asked = tokio::spawn({
        let mut asked = ask(&relay);
        async move { asked.next().await }
    });
    sleep(GRACE / 2).await;
    let mut watch = relay.watch(&node("n1"));
    let id = requested(&mut watch).await;
    let end = body(&[r#"{"type":"end"}"#]);
    relay.answer(&node("n1"), id, end).await.unwrap();
    assert_eq!(asked.await.unwrap(), Some(AnswerLine::End));
}

#[tokio::test(start_paused = true)]
async fn without_an_agent_the_node_is_unreachable() {
    let relay = relay();
    let mut asked = ask(&relay);
    let begin = Instant::now();
    assert_eq!(
        error_code(asked.next().await),
        AnswerErrorCode::NodeUnreachable
    );
    assert_eq!(begin.elapsed(), GRACE);
    assert_eq!(asked.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn without_an_agent_a_request_of_a_moment_is_not_told_to_wait_longer() {
    let relay = relay();
    let mut asked = relay
        .ask(&node("n1"), status(1), with(Role::Admin))
        .unwrap();
    let begin = Instant::now();
    assert_eq!(
        error_code(asked.next().await),
        AnswerErrorCode::NodeUnreachable
    );
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_goes_away_before_it_answers_is_unreachable() {
    let relay = relay();
    let mut watch = relay.watch(&node("n1"));
    let mut asked = ask(&relay);
    requested(&mut watch).await;
    drop(watch);
    assert_eq!(
        error_code(asked.next().await),
        AnswerErrorCode::NodeUnreachable
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_not_taken_for_a_complete_one() {
    let relay = relay();
    let mut watch = relay.watch(&node("n1"));
    let mut asked = ask(&relay);
    let id = requested(&mut watch).await;
    let cut = body(&[r#"{"type":"item","item":1}"#]);
    let answer = relay.answer(&node("n1"), id, cut).await;
    assert_eq!(answer, Err(AnswerError::Cut));
    assert!(matches!(asked.next().await, Some(AnswerLine::Item { .. })));
    assert_eq!(
        error_code(asked.next().await),
        AnswerErrorCode::NodeUnreachable
    );
}

#[tokio::test(start_paused = true)]
async fn a_short_deadline_without_an_agent_is_not_called_too_short() {
    let relay = relay();
    let mut asked = relay.ask(&node("n1"), status(1), Asker::Leader).unwrap();
    assert_eq!(
        error_code(asked.next().await),
        AnswerErrorCode::NodeUnreachable
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_cut_off_at_the_deadline_and_cancelled() {
    let relay = relay();
    let mut watch = relay.watch(&node("n1"));
    let mut asked = relay.ask(&node("n1"), status(7), Asker::Leader).unwrap();
    let id = requested(&mut watch).await;
    let begin = Instant::now();
    assert_eq!(
        error_code(asked.next().await),
        AnswerErrorCode::DeadlineExceeded
    );
    assert_eq!(begin.elapsed(), Duration::from_secs(7));
    drop(asked);
    let id = id.to_string();
    assert_eq!(watch.next().await, Some(ToAgent::Cancel { id }));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stalls_is_cut_off_at_the_deadline_on_both_sides() {
    let relay = relay();
    let mut watch = relay.watch(&node("n1"));
    let mut asked = ask(&relay);
    let id = requested(&mut watch).await;
    let stalled = stream::pending::<Result<Bytes, Infallible>>();
    let name = node("n1");
    let (answer, line) = tokio::join!(relay.answer(&name, id, stalled), asked.next());
    assert!(matches!(
        answer,
        Err(AnswerError::Gone { .. } | AnswerError::Cut)
    ));
    assert_eq!(error_code(line), AnswerErrorCode::DeadlineExceeded);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_cancels_its_request() {
    let relay = relay();
    let mut watch = relay.watch(&node("n1"));
    let asked = ask(&relay);
    let id = requested(&mut watch).await;
    drop(asked);
    let cancelled = id.to_string();
    assert_eq!(watch.next().await, Some(ToAgent::Cancel { id: cancelled }));
    let answer = relay
        .answer(&node("n1"), id, body(&[r#"{"type":"end"}"#]))
        .await;
    assert_eq!(answer, Err(AnswerError::Gone { id }));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_ends_an_answer_under_way() {
    let relay = relay();
    let mut watch = relay.watch(&node("n1"));
    let asked = ask(&relay);
    let id = requested(&mut watch).await;
    let stalled = stream::pending::<Result<Bytes, Infallible>>();
    let begin = Instant::now();
    let name = node("n1");
    let gone = async {
        sleep(Duration::from_secs(1)).await;
        drop(asked);
    };
    let (answer, ()) = tokio::join!(relay.answer(&name, id, stalled), gone);
    assert_eq!(answer, Err(AnswerError::Cut));
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn of_two_agents_for_one_node_the_newer_one_gets_the_requests() {
    let relay = relay();
    let mut old = relay.watch(&node("n1"));
    let mut asked = ask(&relay);
    let id = requested(&mut old).await;
    let mut new = relay.watch(&node("n1"));
    assert_eq!(old.next().await, None);
    // What is not answered yet comes again, under the same name.
    assert_eq!(requested(&mut new).await, id);
    // The end of the old one is not the end of the new one.
    drop(old);
    assert!(relay.is_connected(&node("n1")));
    let end = body(&[r#"{"type":"end"}"#]);
    relay.answer(&node("n1"), id, end).await.unwrap();
    assert_eq!(asked.next().await, Some(AnswerLine::End));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_once() {
    let relay = relay();
    let mut watch = relay.watch(&node("n1"));
    let mut asked = ask(&relay);
    let id = requested(&mut watch).await;
    let end = || body(&[r#"{"type":"end"}"#]);
    relay.answer(&node("n1"), id, end()).await.unwrap();
    let again = relay.answer(&node("n1"), id, end()).await;
    assert_eq!(again, Err(AnswerError::Gone { id }));
    assert_eq!(asked.next().await, Some(AnswerLine::End));
    // Another node cannot answer in its name either.
    let mut asked = ask(&relay);
    let id = requested(&mut watch).await;
    let foreign = relay.answer(&node("n2"), id, end()).await;
    assert_eq!(foreign, Err(AnswerError::Gone { id }));
    relay.answer(&node("n1"), id, end()).await.unwrap();
    assert_eq!(asked.next().await, Some(AnswerLine::End));
}

#[tokio::test(start_paused = true)]
async fn a_node_has_a_bounded_number_of_requests() {
    let relay = relay();
    let mut all: Vec<_> = (0..PLACES).map(|_| ask(&relay)).collect();
    let busy = relay.ask(&node("n1"), status(30), Asker::Leader);
    assert!(matches!(busy, Err(AskError::Busy { .. })));
    // Other nodes have their own.
    let other = relay.ask(&node("n2"), status(30), Asker::Leader);
    assert!(other.is_ok());
    all.pop();
    ask(&relay);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_does_not_read_gives_its_place_up_at_the_deadline() {
    let relay = relay();
    let _all: Vec<_> = (0..PLACES).map(|_| ask(&relay)).collect();
    sleep(Duration::from_secs(31)).await;
    ask(&relay);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_read_is_cut_off_before_its_backlog_grows() {
    let relay = relay();
    let _watch = relay.watch(&node("n1"));
    for _ in 0..10 * PLACES {
        drop(ask(&relay));
    }
    assert!(!relay.is_connected(&node("n1")));
}

#[tokio::test(start_paused = true)]
async fn an_answer_beyond_its_kinds_limit_is_refused() {
    let relay = relay();
    let mut watch = relay.watch(&node("n1"));
    let mut asked = ask(&relay);
    let id = requested(&mut watch).await;
    let line = format!(r#"{{"type":"bytes","base64":"{}"}}"#, "A".repeat(200_000));
    let lines = [line.as_str(); 6];
    let name = node("n1");
    let read = async {
        loop {
            match asked.next().await {
                Some(AnswerLine::Bytes { .. }) => {}
                last => break error_code(last),
            }
        }
    };
    let (answer, code) = tokio::join!(relay.answer(&name, id, body(&lines)), read);
    assert_eq!(answer, Err(AnswerError::TooLarge { limit: 1 << 20 }));
    assert_eq!(code, AnswerErrorCode::AnswerTooLarge);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_answer_is_refused() {
    let long = "A".repeat(300_000);
    for hostile in ["not json", r#"{"type":"surprise"}"#, "", long.as_str()] {
        let relay = relay();
        let mut watch = relay.watch(&node("n1"));
        let mut asked = ask(&relay);
        let id = requested(&mut watch).await;
        let answer = relay.answer(&node("n1"), id, body(&[hostile])).await;
        assert!(
            matches!(answer, Err(AnswerError::Invalid { line: 1, .. })),
            "{hostile:.20}"
        );
        assert_eq!(
            error_code(asked.next().await),
            AnswerErrorCode::AnswerInvalid
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_asks_for_no_more_than_it_may() {
    let relay = relay();
    let capture: NodeRequestSpec = serde_json::from_str(r#"{"kind":"capture"}"#).unwrap();
    let refused = relay.ask(&node("n1"), capture.clone(), with(Role::Operator));
    assert!(matches!(
        refused,
        Err(AskError::Forbidden {
            kind: "capture",
            ..
        })
    ));
    assert!(relay.ask(&node("n1"), capture, with(Role::Admin)).is_ok());
    assert!(
        relay
            .ask(&node("n1"), status(30), with(Role::Viewer))
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn when_this_replica_no_longer_leads_both_sides_hear_of_it() {
    let relay = relay();
    let mut watch = relay.watch(&node("n1"));
    let mut asked = ask(&relay);
    requested(&mut watch).await;
    relay.close();
    assert_eq!(watch.next().await, None);
    assert_eq!(error_code(asked.next().await), AnswerErrorCode::Interrupted);
    // The next term begins with nothing.
    drop((watch, asked));
    assert!(!relay.is_connected(&node("n1")));
    let mut watch = relay.watch(&node("n1"));
    let mut asked = ask(&relay);
    let id = requested(&mut watch).await;
    let end = body(&[r#"{"type":"end"}"#]);
    relay.answer(&node("n1"), id, end).await.unwrap();
    assert_eq!(asked.next().await, Some(AnswerLine::End));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_shows_that_it_lives() {
    let relay = relay();
    let mut watch = relay.watch(&node("n1"));
    assert_eq!(watch.next().await, Some(ToAgent::Bookmark));
    assert_eq!(watch.next().await, Some(ToAgent::Bookmark));
}
