//! Hostile values over the whole API: whatever comes, netmaster answers with a problem document
//! that says what is wrong, changes nothing, and goes on.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use reqwest::Method;
use serde_json::{Map, Value, json};
use trunkline_netmaster_api::{ErrorCode, Problem};

use crate::netmaster::Netmaster;

/// Valid requests of every kind, to be spoiled: method, path and body.
fn templates() -> Vec<(Method, &'static str, Value)> {
    let lines = include_str!("hostile.txt").lines();
    let templates = lines.map(|line| {
        let mut parts = line.splitn(3, ' ');
        let method = parts.next().unwrap().parse().unwrap();
        let path = parts.next().unwrap();
        let body = parts.next().unwrap_or("null");
        (method, path, serde_json::from_str(body).unwrap())
    });
    templates.collect()
}

/// One request: a template, and what is done to it.
#[derive(Clone, Debug)]
struct Attack {
    template: prop::sample::Index,
    spoils: Vec<Spoil>,
    /// A segment of the path, and what takes its place.
    segment: Option<(prop::sample::Index, String)>,
    query: Vec<(String, String)>,
    headers: Vec<(&'static str, String)>,
}

/// What is done to a body.
#[derive(Clone, Debug)]
struct Spoil {
    /// Which of its values, counted through all of it.
    place: prop::sample::Index,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Replace(Value),
    Remove,
    Add(String, Value),
}

fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            " ",
            ".",
            "..",
            "/",
            "a/b",
            "../../etc/passwd",
            "%00",
            "\0",
            "\u{202e}",
            "é",
            "NULL",
            "-1",
            "0x10",
            "::",
            "::ffff:10.1.0.10",
            "fd00::1",
            "10.1.0.10",
            "10.1.0.256",
            "10.1.0.0/33",
            "10.1.0.7/24",
            "0.0.0.0/0",
            "::/0",
            "fd00::/129",
            "10.1.0.9-10.1.0.1",
            "10.1.0.1-fd00::1",
            "0.0.0.0-255.255.255.255",
            "a=b=c",
            "!",
            ",",
            "a in (",
            "a in ()",
            "app",
            "app!=web",
            "blue",
            "red",
            "n1",
            "p",
            "c1/eth0",
            "c1/",
            "/eth0",
            "ff:ff:ff:ff",
            "ff:ff:ff:ff:ff:ff",
            "00:00:00:00:00:00",
            "network=blue",
            "state=free",
            "colour=red",
            "forever",
            "18446744073709551616",
            "true",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,20}",
        "[a-z0-9.,=!()-]{0,30}",
        (60_usize..70_000).prop_map(|length| "a".repeat(length)),
    ]
}

fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::sample::select(vec![
            json!(0),
            json!(-1),
            json!(1.5),
            json!(1e300),
            json!(4095),
            json!(65_536),
            json!(4_294_967_296_u64),
            json!([]),
            json!({}),
            json!([[[[[[]]]]]]),
            json!([null]),
            json!({"": ""}),
            json!({"a": {"b": {"c": 1}}}),
        ]),
        odd_text().prop_map(Value::from),
        prop::collection::vec(odd_text().prop_map(Value::from), 0..4).prop_map(Value::from),
    ]
}

fn attack() -> impl Strategy<Value = Attack> {
    let how = prop_oneof![
        4 => odd_value().prop_map(How::Replace),
        1 => Just(How::Remove),
        1 => ("[a-z_]{0,12}", odd_value()).prop_map(|(key, value)| How::Add(key, value)),
    ];
    let spoil = (any::<prop::sample::Index>(), how).prop_map(|(place, how)| Spoil { place, how });
    let parameter = prop::sample::select(vec![
        "labelSelector",
        "fieldSelector",
        "limit",
        "continue",
        "revision",
        "powered_off",
        "at",
        "after",
        "namespace",
        "podLabels",
        "colour",
        "",
    ]);
    let query = (parameter.prop_map(str::to_owned), odd_text());
    let header = prop::sample::select(vec![
        "content-type",
        "accept",
        "trunkline-cluster",
        "trunkline-epoch",
        "trunkline-revision",
        "trunkline-forwarded",
        "x-forwarded-for",
        "if-match",
        "range",
    ]);
    let header = (header, "[ -~]{0,40}");
    (
        any::<prop::sample::Index>(),
        prop::collection::vec(spoil, 0..3),
        prop::option::weighted(0.2, (any::<prop::sample::Index>(), odd_text())),
        prop::collection::vec(query, 0..2),
        prop::collection::vec(header, 0..2),
    )
        .prop_map(|(template, spoils, segment, query, headers)| Attack {
            template,
            spoils,
            segment,
            query,
            headers,
        })
}

/// How many values `value` has, itself among them.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Spoils the value at `place`; true if it is to be removed from what it is in.
fn spoil(value: &mut Value, place: &mut usize, how: &How) -> bool {
    if *place == 0 {
        *place = usize::MAX;
        match how {
            How::Replace(other) => *value = other.clone(),
            How::Remove => return true,
            How::Add(key, other) => match value {
                Value::Object(fields) => {
                    fields.insert(key.clone(), other.clone());
                }
                Value::Array(values) => values.push(other.clone()),
                _ => *value = json!([value.clone(), other]),
            },
        }
        return false;
    }
    *place -= 1;
    match value {
        Value::Array(values) => {
            let found = values.iter_mut().position(|value| spoil(value, place, how));
            if let Some(found) = found {
                values.remove(found);
            }
        }
        Value::Object(fields) => {
            let found = fields
                .iter_mut()
                .find_map(|(key, value)| spoil(value, place, how).then(|| key.clone()));
            if let Some(key) = found {
                fields.remove(&key);
            }
        }
        _ => {}
    }
    false
}

impl Attack {
    fn request(&self, netmaster: &Netmaster) -> reqwest::RequestBuilder {
        let (method, path, mut body) = self.template.get(&templates()).clone();
        for Spoil { place, how } in &self.spoils {
            let mut place = place.index(count(&body));
            if spoil(&mut body, &mut place, how) {
                body = Value::Object(Map::new());
            }
        }
        let mut url: reqwest::Url = netmaster.url.parse().unwrap();
        let mut segments: Vec<_> = path.split('/').skip(1).map(str::to_owned).collect();
        if let Some((place, text)) = &self.segment {
            let place = place.index(segments.len());
            segments[place] = text.chars().take(2000).collect();
        }
        url.path_segments_mut().unwrap().clear().extend(&segments);
        let query = self.query.iter().map(|(name, value)| {
            let value: String = value.chars().take(2000).collect();
            (name.as_str(), value)
        });
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = netmaster.http.request(method, url);
        if !body.is_null() {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        for (name, value) in &self.headers {
            // In the place of the good one, if it is that.
            let mut headers = reqwest::header::HeaderMap::new();
            if let Ok(value) = value.parse() {
                headers.insert(*name, value);
            }
            request = request.headers(headers);
        }
        request
    }
}

/// All that requests change. Not the revision: that something was refused is written down.
async fn contents(netmaster: &Netmaster) -> [String; 4] {
    let read = async |path: &str| {
        let url = format!("{}/v1/{path}", netmaster.url);
        let ask = || netmaster.http.get(&url).send();
        // A refusal may have closed the connection that this is sent on.
        let answer = match ask().await {
            Ok(answer) => answer,
            Err(_) => ask().await.unwrap(),
        };
        let list: Value = answer.json().await.unwrap();
        list.get("objects")
            .or(list.get("items"))
            .unwrap()
            .to_string()
    };
    [
        read("export").await,
        read("nodes").await,
        read("endpoints").await,
        read("addresses").await,
    ]
}

/// `before` is what there is, and what there is afterwards.
async fn withstand(
    netmaster: &Netmaster,
    attack: &Attack,
    before: &mut [String; 4],
) -> Result<(), TestCaseError> {
    let answer = attack.request(netmaster).send().await;
    let answer = answer.map_err(|error| TestCaseError::fail(format!("no answer: {error:?}")))?;
    let status = answer.status();
    if status.is_success() {
        *before = contents(netmaster).await;
        return Ok(());
    }
    let kind = answer.headers().get("content-type").cloned();
    let text = answer.text().await.unwrap();
    prop_assert_eq!(
        kind.as_ref().map(|kind| kind.as_bytes()),
        Some(Problem::MEDIA_TYPE.as_bytes()),
        "{} {}",
        status,
        text
    );
    let problem: Problem = serde_json::from_str(&text).unwrap();
    prop_assert_eq!(problem.status, status.as_u16());
    prop_assert!(problem.code != ErrorCode::Unknown, "{}", text);
    prop_assert!(
        status.is_client_error() || problem.code.is_retryable(),
        "an error of netmaster's own: {}",
        text
    );
    prop_assert!(!problem.detail.is_empty());
    if matches!(
        problem.code,
        ErrorCode::InvalidField | ErrorCode::InvalidQuery
    ) {
        prop_assert!(problem.field.is_some(), "which field? {}", text);
    }
    let after = contents(netmaster).await;
    prop_assert_eq!(
        &after,
        before,
        "refused, and yet something changed: {}",
        text
    );
    Ok(())
}

#[test]
fn hostile_requests_are_refused_in_words_and_change_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config {
        cases: 64,
        max_shrink_iters: 200,
        // A failure is written down as a test of its own, not as a seed.
        failure_persistence: None,
        ..Config::default()
    };
    let attacks = prop::collection::vec(attack(), 1..40);
    let outcome = TestRunner::new(config).run(&attacks, |attacks| {
        runtime.block_on(async {
            let netmaster = Netmaster::with_blue().await;
            let mut contents = contents(&netmaster).await;
            for attack in &attacks {
                withstand(&netmaster, attack, &mut contents).await?;
            }
            // Whatever came, it goes on.
            netmaster.client.healthz().await.unwrap();
            netmaster.stop().await;
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
