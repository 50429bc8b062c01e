//! What a scenario is given: a lab, and how to make choices.

use super::one_rack;
use crate::lab::{Lab, Topology};

/// What a scenario gets.
///
/// The lab of [`Context::one_rack`] is handed on from scenario to scenario as long as each leaves it
/// as it was: building it anew takes longer than most scenarios do, and a scenario that leaves
/// something behind has found a fault.
pub struct Context {
    lab: Option<Lab>,
    /// Whether `lab` is the one that is handed on.
    shared: bool,
    /// Seeded by the caller or anew for each run; the same seed gives the same choices.
    pub rng: fastrand::Rng,
    /// Whether to take longer than a default run has.
    pub long: bool,
}

impl Context {
    /// Without a lab yet.
    pub fn new(long: bool) -> Self {
        Self {
            lab: None,
            shared: false,
            rng: fastrand::Rng::with_seed(0),
            long,
        }
    }

    /// Builds the topology, for this scenario alone.
    ///
    /// # Errors
    ///
    /// A part would not come up.
    pub fn build(&mut self, topology: Topology) -> anyhow::Result<&mut Lab> {
        // First, for the names of namespaces are one of a kind in the machine.
        self.discard_lab();
        topology.build(&mut self.lab)
    }

    /// One rack, two nodes, a plain host on VLAN 100, and the networks `blue` (VLAN 100) and
    /// `green` (VLAN 200), with no pod: what most scenarios start from.
    ///
    /// # Errors
    ///
    /// A part would not come up.
    pub fn one_rack(&mut self) -> anyhow::Result<&mut Lab> {
        if !self.shared {
            let lab = self.build(one_rack::topology())?;
            lab.configure(&one_rack::COMMANDS)?;
            self.shared = true;
        }
        match &mut self.lab {
            Some(lab) => Ok(lab),
            None => anyhow::bail!("the shared lab is gone"),
        }
    }

    /// The lab as it is now.
    pub fn lab(&self) -> Option<&Lab> {
        self.lab.as_ref()
    }

    /// Makes the lab fit for the next scenario.
    ///
    /// # Errors
    ///
    /// The scenario left something behind beside the pods it started.
    pub(super) fn clean_up(&mut self) -> anyhow::Result<()> {
        match &mut self.lab {
            Some(lab) if self.shared => {
                lab.stop_pods()?;
                one_rack::expect_as_built(lab)
            }
            _ => {
                self.discard_lab();
                Ok(())
            }
        }
    }

    /// Ends the lab and all in it.
    pub(super) fn discard_lab(&mut self) {
        self.lab = None;
        self.shared = false;
    }
}
