//! `netctl profile …`

use clap::Args;
use trunkline_netmaster_api::{Profile, ProfileSpec, Rate};
use trunkline_types::{Bandwidth, Burst, Dscp, Name};

use crate::failure::Failure;
use crate::flag::{Clearable, Flag, Given, LabelsEdited, LabelsGiven, flags};
use crate::noun::{Managed, Noun};
use crate::quantity::{bandwidth, burst, decimal, dscp};
use crate::render::{Cell, Column, Shown, labels, or_absent, plain};

impl Noun for Profile {
    const NAME: &'static str = "profile";
    const PLURAL: &'static str = "profiles";
    const FIELDS: &'static [&'static str] = &["name"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", Shown::Always, |profile| plain(&profile.name)),
        Column::new("ingress", Shown::Always, |profile| rate(profile.ingress)),
        Column::new("egress", Shown::Always, |profile| rate(profile.egress)),
        Column::new("dscp", Shown::Always, |profile| {
            or_absent(profile.dscp.as_ref())
        }),
        Column::new("labels", Shown::Wide, |profile| labels(&profile.labels)),
        Column::new("revision", Shown::Wide, |profile| plain(profile.revision)),
    ];

    fn key(&self) -> Name {
        self.name.clone()
    }
}

/// Bits per second and, if it is said, bytes at once.
pub(super) fn rate(rate: Option<Rate>) -> Cell {
    let text = rate.map(|rate| {
        let bandwidth = decimal(rate.bandwidth.bits_per_second());
        match rate.burst {
            Some(burst) => format!("{bandwidth}bit/s, burst {} bytes", burst.bytes()),
            None => format!("{bandwidth}bit/s"),
        }
    });
    or_absent(text.as_ref())
}

flags! {
    Ingress: Bandwidth = "ingress", "BITS", bandwidth,
        "Limit of what a pod receives, in bits per second, like 50M: 1k–10T (default: none)";
    IngressBurst: Burst = "ingress-burst", "BYTES", burst,
        "How much it may receive at once beyond that, in bytes, like 64Ki: up to 4294967295";
    Egress: Bandwidth = "egress", "BITS", bandwidth,
        "Limit of what a pod sends, in bits per second, like 50M: 1k–10T (default: none)";
    EgressBurst: Burst = "egress-burst", "BYTES", burst,
        "How much it may send at once beyond that, in bytes, like 64Ki: up to 4294967295";
    Mark: Dscp = "dscp", "CODE", dscp,
        "What its packets are marked with, 0–63 (default: what the pod set)";
}

/// Create a profile
///
/// Groups bind pods to it.
#[derive(Args)]
#[command(after_help = "Example:\n  \
                        netctl profile create gold --egress 1G --egress-burst 64Ki --dscp 46")]
pub(crate) struct Create {
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    dscp: Given<Mark>,
    #[command(flatten)]
    labels: LabelsGiven,
}

#[derive(Args)]
struct Limits {
    #[command(flatten)]
    ingress: Given<Ingress>,
    #[arg(long, value_name = IngressBurst::VALUE, value_parser = IngressBurst::parse,
          help = IngressBurst::HELP, requires = "ingress")]
    ingress_burst: Option<Burst>,
    #[command(flatten)]
    egress: Given<Egress>,
    #[arg(long, value_name = EgressBurst::VALUE, value_parser = EgressBurst::parse,
          help = EgressBurst::HELP, requires = "egress")]
    egress_burst: Option<Burst>,
}

/// Change a profile
///
/// What is not given stays as it is.
#[derive(Args)]
#[command(after_help = "Example:\n  netctl profile set gold --egress 2G --no-dscp")]
pub(crate) struct Set {
    #[command(flatten)]
    ingress: Clearable<Ingress>,
    #[command(flatten)]
    ingress_burst: Clearable<IngressBurst>,
    #[command(flatten)]
    egress: Clearable<Egress>,
    #[command(flatten)]
    egress_burst: Clearable<EgressBurst>,
    #[command(flatten)]
    dscp: Clearable<Mark>,
    #[command(flatten)]
    labels: LabelsEdited,
}

fn limit(bandwidth: Option<Bandwidth>, burst: Option<Burst>) -> Option<Rate> {
    bandwidth.map(|bandwidth| Rate { bandwidth, burst })
}

/// Changes a limit by its two flags.
fn change<R, B>(
    rate: &mut Option<Rate>,
    bandwidth: &Clearable<R>,
    burst: &Clearable<B>,
) -> Result<(), Failure>
where
    R: Flag<Value = Bandwidth>,
    B: Flag<Value = Burst>,
{
    let mut bits = rate.map(|rate| rate.bandwidth);
    let mut bytes = rate.and_then(|rate| rate.burst);
    bandwidth.apply(&mut bits);
    burst.apply(&mut bytes);
    if bits.is_none() && matches!(burst, Clearable::To(_)) {
        return Err(Failure::Usage(format!(
            "`--{}` needs a limit that it is beyond: give `--{}` as well",
            B::LONG,
            R::LONG
        )));
    }
    *rate = limit(bits, bytes);
    Ok(())
}

impl Managed for Profile {
    type Create = Create;
    type Set = Set;
    const RM: &'static str = "No group may name it.";

    fn spec(name: Name, create: Create) -> ProfileSpec {
        let limits = create.limits;
        ProfileSpec {
            name,
            ingress: limit(limits.ingress.0, limits.ingress_burst),
            egress: limit(limits.egress.0, limits.egress_burst),
            dscp: create.dscp.0,
            labels: create.labels.0,
        }
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn current(&self) -> ProfileSpec {
        ProfileSpec {
            name: self.name.clone(),
            ingress: self.ingress,
            egress: self.egress,
            dscp: self.dscp,
            labels: self.labels.clone(),
        }
    }

    fn change(spec: &mut ProfileSpec, set: &Set) -> Result<(), Failure> {
        change(&mut spec.ingress, &set.ingress, &set.ingress_burst)?;
        change(&mut spec.egress, &set.egress, &set.egress_burst)?;
        set.dscp.apply(&mut spec.dscp);
        set.labels.apply(&mut spec.labels);
        Ok(())
    }
}
