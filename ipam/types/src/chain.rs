//! Printing an error with its causes.

use std::error::Error;

/// An error and its causes in one line, outermost first, joined by `: `.
///
/// The texts of our own errors do not repeat their cause, so the line says each thing once.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no tea")]
    struct NoTea(#[source] NoWater);

    #[derive(Debug, thiserror::Error)]
    #[error("no water")]
    struct NoWater;

    #[test]
    fn causes_follow_in_order() {
        assert_eq!(chain(&NoTea(NoWater)), "no tea: no water");
    }
}
