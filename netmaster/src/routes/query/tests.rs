use super::super::audit::Audits;
use super::super::field::Form;
use super::*;

struct View(&'static str, &'static str);

const FIELDS: &[Field<View>] = &[
    Field {
        name: "network",
        form: Form::Name,
        values: |view| vec![view.0.to_owned()],
    },
    Field {
        name: "state",
        form: Form::State,
        values: |view| vec![view.1.to_owned()],
    },
];

fn matches(text: &str, view: &View) -> bool {
    let selection = Selection {
        labels: Selector::default(),
        fields: conditions(text, FIELDS).unwrap(),
        networks: None,
    };
    selection.matches_fields(|place| (FIELDS[place].values)(view))
}

#[test]
fn every_condition_must_hold() {
    let view = View("blue", "bound");
    for text in [
        "",
        "network=blue",
        "network==blue",
        "network = blue,state!=free",
    ] {
        assert!(matches(text, &view), "{text}");
    }
    for text in ["network=red", "network!=blue", "network=blue,state=free"] {
        assert!(!matches(text, &view), "{text}");
    }
}

#[test]
fn the_audit_is_searched_for_objects_of_every_kind() {
    for condition in [
        "kind=network",
        "name=blue-r1/web",
        "name=10.1.0.7",
        "identity=token:ci",
        "result=denied",
    ] {
        let read = conditions(condition, Audits::FIELDS).unwrap();
        let (_, value) = condition.split_once('=').unwrap();
        assert_eq!(read[0].value, value);
    }
}

#[test]
fn a_selector_that_is_none_is_quoted_and_the_choices_named() {
    for (bad, says) in [
        (
            "colour=red",
            "`colour` cannot be selected by: use network, state",
        ),
        ("network", "`network` is no condition"),
        (",", "`` is no condition"),
        ("=", "field `` cannot"),
    ] {
        let error = conditions(bad, FIELDS).unwrap_err();
        assert!(error.contains(says), "{bad}: {error}");
    }
    let many = vec!["state!=free"; 17].join(",");
    assert!(
        conditions(&many, FIELDS)
            .unwrap_err()
            .contains("more than 16")
    );
}
