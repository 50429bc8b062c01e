//! A few of many things, for a message.

use std::fmt;

/// Up to five of the things that a message is about, and how many there are in all; printed
/// "`a`, `b` and 12 more".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    shown: Vec<String>,
    total: usize,
}

impl Listing {
    /// What fits a terminal's line.
    const SHOWN: usize = 5;

    /// The listing of `things`, of which the first few are shown.
    pub fn of<T: fmt::Display>(things: impl IntoIterator<Item = T>) -> Self {
        let mut things = things.into_iter();
        let shown: Vec<_> = things
            .by_ref()
            .take(Self::SHOWN)
            .map(|thing| thing.to_string())
            .collect();
        let total = shown.len() + things.count();
        Self { shown, total }
    }

    /// How many there are, shown or not.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = self.total - self.shown.len();
        for (index, thing) in self.shown.iter().enumerate() {
            let joint = match index {
                0 => "",
                _ if more == 0 && index + 1 == self.shown.len() => " and ",
                _ => ", ",
            };
            write!(f, "{joint}`{thing}`")?;
        }
        if more > 0 {
            write!(f, " and {more} more")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_are_shown_and_the_rest_counted() {
        assert_eq!(Listing::of(["a"]).to_string(), "`a`");
        assert_eq!(Listing::of(["a", "b", "c"]).to_string(), "`a`, `b` and `c`");
        assert_eq!(
            Listing::of(1..=9).to_string(),
            "`1`, `2`, `3`, `4`, `5` and 4 more"
        );
        assert_eq!(Listing::of(1..=9).total(), 9);
    }
}
