//! What a site has: names that policies may use, and how much of it policies may fence.

use std::collections::BTreeSet;

/// How many volumes policies may fence in ten minutes, whatever their number.
const FENCES_LEAST: usize = 3;
/// And how many of a hundred.
const FENCES_PERCENT: usize = 20;

/// What there is on a site. What isn't known isn't warned of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Volumes that are served.
    pub volumes: Vec<String>,
    /// Names of `[respond.commands]`.
    pub commands: BTreeSet<String>,
    /// Names of `[respond.webhooks]`.
    pub webhooks: BTreeSet<String>,
    /// Names of groups of `[notices]`.
    pub groups: BTreeSet<String>,
}

impl Known {
    /// How many volumes policies may fence in ten minutes without being approved: three, or a fifth if that is more, and never all
    /// of several. A false alarm cuts off a part of a site, never the whole.
    #[must_use]
    pub fn fences_most(&self) -> usize {
        let volumes = self.volumes.len();
        let share = volumes.saturating_mul(FENCES_PERCENT) / 100;
        share.max(FENCES_LEAST).min(volumes.saturating_sub(1)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_never_fence_a_whole_site() {
        for (volumes, most) in [
            (0, 1),
            (1, 1),
            (2, 1),
            (3, 2),
            (4, 3),
            (15, 3),
            (16, 3),
            (20, 4),
            (1000, 200),
        ] {
            let known = Known {
                volumes: (0..volumes).map(|number| number.to_string()).collect(),
                ..Known::default()
            };
            assert_eq!(known.fences_most(), most, "{volumes}");
        }
    }
}
