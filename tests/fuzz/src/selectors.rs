//! Label selectors.

use trunkline_types::{LabelKey, LabelValue, Labels, Requirement, Selector};

/// Of two selectors, a line each: both print as text that reads the same, and if one is said to
/// exclude the other, no labels match both.
///
/// # Panics
///
/// If that is not so.
pub fn selectors(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (one, two) = text.split_once('\n').unwrap_or((text, ""));
    let (Ok(one), Ok(two)) = (one.parse::<Selector>(), two.parse::<Selector>()) else {
        return;
    };
    for selector in [&one, &two] {
        assert_eq!(
            selector.to_string().parse::<Selector>().ok().as_ref(),
            Some(selector)
        );
    }
    assert_eq!(one.excludes(&two), two.excludes(&one));
    if let Some(labels) =
        labels_for(&one).filter(|labels| one.matches(labels) && two.matches(labels))
    {
        assert!(
            !one.excludes(&two),
            "`{labels:?}` match both `{one}` and `{two}`"
        );
    }
}

/// Labels that are likely to match: the first value that each requirement wants.
fn labels_for(selector: &Selector) -> Option<Labels> {
    let some: LabelValue = "x".parse().ok()?;
    let wanted = selector
        .requirements()
        .iter()
        .filter_map(|requirement| match requirement {
            Requirement::In(key, values) => Some((key.clone(), values.first()?.clone())),
            Requirement::Exists(key) => Some((key.clone(), some.clone())),
            Requirement::NotIn(..) | Requirement::Absent(_) => None,
        });
    Some(
        wanted
            .collect::<Vec<(LabelKey, LabelValue)>>()
            .into_iter()
            .collect(),
    )
}
