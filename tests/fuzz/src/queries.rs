//! Parameters of URLs: selectors, pages, watches, times.

use trunkline_netmaster::reading::{self, Listed, Place};

/// Of a URL's parameters, which are the first line, and of a place in a list, which is the second,
/// like `17/blue`: the parameters of any list are refused with a reason, or select the same when
/// asked a second time; and the `continue` that says this place leads back to it, and does so in no
/// other list.
///
/// # Panics
///
/// If that is not so.
pub fn queries(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (query, place) = text.split_once('\n').unwrap_or((text, ""));
    let _ = reading::time(query);
    for list in reading::LISTS {
        match reading::list(list, query) {
            None => return,
            Some(Ok(listed)) => {
                assert_eq!(reading::list(list, query), Some(Ok(listed.clone())));
                if let Some(place) = read_place(place) {
                    goes_on(list, query, &listed, &place);
                }
            }
            Some(Err(problem)) => {
                assert!((400..500).contains(&problem.status), "{problem:?}");
                assert!(!problem.detail.is_empty(), "{problem:?}");
                assert!(problem.field.is_some(), "{problem:?}");
            }
        }
    }
}

fn read_place(text: &str) -> Option<Place> {
    let (revision, name) = text.split_once('/')?;
    Some(Place {
        revision: revision.parse().ok()?,
        name: name.to_owned(),
    })
}

fn goes_on(list: &str, query: &str, listed: &Listed, place: &Place) {
    let Some(token) = reading::continue_token(list, query, place) else {
        return;
    };
    let Listed::Page {
        selection,
        limit,
        from,
    } = listed
    else {
        panic!("a watch has a page that goes on: {query}");
    };
    // A name may be written in several ways; a place is the same when it has been told once.
    if from.is_some() {
        return;
    }
    let joint = if query.is_empty() { "" } else { "&" };
    let next = format!("{query}{joint}continue={token}");
    let Some(Ok(Listed::Page {
        from: Some(told), ..
    })) = reading::list(list, &next)
    else {
        panic!("`{token}` leads nowhere behind `{query}`");
    };
    assert_eq!(told.revision, place.revision);
    let again = Listed::Page {
        selection: selection.clone(),
        limit: *limit,
        from: Some(told.clone()),
    };
    assert_eq!(reading::list(list, &next), Some(Ok(again)));
    assert_eq!(
        reading::continue_token(list, query, &told),
        Some(token.clone())
    );
    for other in reading::LISTS.into_iter().filter(|other| *other != list) {
        let there = reading::list(other, &next);
        assert!(!matches!(there, Some(Ok(_))), "`{token}` is of {list}");
    }
}
