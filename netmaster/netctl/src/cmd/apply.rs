//! `netctl apply`, `netctl diff` and `netctl export`

mod parts;

use std::path::PathBuf;

use clap::Args;
use trunkline_netmaster_api::{ApplyOptions, Changes, Manifest, Op};
use trunkline_types::Selector;

use crate::changes::{summary, text};
use crate::failure::Failure;
use crate::manifest::{Manifests, parsed_selector};
use crate::render::{Format, json, yaml};
use crate::session::Session;

/// Make objects what a file says, all of them or none
///
/// The file has one or more objects as YAML documents or JSON, in any order: specs as the API has
/// them, each with its `kind` (network, subnet, pool, group, profile, reservation). What is not
/// there is created, the rest changed; nothing is deleted unless --prune says so. `netctl export`
/// prints what is there in this form.
///
/// A file may have 5,000 objects. How many of them may change at once depends on netmaster's store:
/// 4,094 in a file, 126 in etcd. More of them are applied with --in-parts.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        netctl apply -f rack.yaml --dry-run\n  \
                        netctl apply -f rack.yaml --revision 17\n  \
                        netctl apply -f rack.yaml --prune rack=r1\n  \
                        netctl apply -f everything.yaml --in-parts\n  \
                        netctl export --selector rack=r1 | sed s/r1/r2/ | netctl apply -f -")]
pub(crate) struct Apply {
    #[command(flatten)]
    what: What,
    /// Only print what would change, and whom it would touch
    #[arg(long)]
    dry_run: bool,
    /// Do nothing if somebody has changed networks, subnets, pools, groups, profiles or reservations
    /// after this revision, which a dry run has told
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
    /// Apply more objects than fit into one transaction: part by part, each of them wholly or not at
    /// all, and what others refer to first. If it ends half-way, what was done stays: repeat it
    #[arg(long, conflicts_with_all = ["prune", "revision"])]
    in_parts: bool,
}

/// Print what `apply` would change, and whom it would touch
///
/// Ends with exit code 7 if anything would change.
#[derive(Args)]
#[command(after_help = "Example:\n  netctl diff -f rack.yaml")]
pub(crate) struct Diff {
    #[command(flatten)]
    what: What,
}

#[derive(Args)]
struct What {
    /// The file; - for standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Delete objects with such labels that are not in the file, like rack=r1
    #[arg(long, value_name = "SELECTOR", value_parser = parsed_selector)]
    prune: Option<Selector>,
}

/// Print all objects as `apply` takes them, as they are at one moment
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        netctl export > all.yaml\n  \
                        netctl export --selector team=web -o json")]
pub(crate) struct Export {
    /// Only objects with such labels, as in Kubernetes
    #[arg(long, value_name = "SELECTOR", value_parser = parsed_selector)]
    selector: Option<Selector>,
}

impl What {
    async fn applied(self, session: &Session, options: ApplyOptions) -> Result<Changes, Failure> {
        let manifests = Manifests::read(&self.file)?;
        let options = ApplyOptions {
            prune: self.prune,
            ..options
        };
        let objects = manifests.objects();
        let changes = session.wait(session.client.apply(objects, &options)).await;
        changes.map_err(|failure| manifests.placed(failure))
    }
}

/// What changed, one `<kind>/<name>` a line.
fn names(changes: &Changes) -> String {
    let objects = changes.objects.iter();
    let changed = objects.filter(|object| object.op != Op::Unchanged);
    changed
        .map(|object| format!("{}/{}\n", object.kind, object.name))
        .collect()
}

impl Apply {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let changes = match (self.in_parts, self.dry_run) {
            (false, dry_run) => {
                let options = ApplyOptions {
                    dry_run,
                    revision: self.revision,
                    ..ApplyOptions::default()
                };
                self.what.applied(session, options).await?
            }
            (true, true) => parts::rehearse(session, &Manifests::read(&self.what.file)?).await?,
            (true, false) => parts::make(session, &Manifests::read(&self.what.file)?).await?,
        };
        let people = || format!("{}{}", text(&changes), summary(&changes));
        session
            .output
            .value(&changes, people, || Ok(names(&changes)))
    }
}

impl Diff {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let options = ApplyOptions {
            dry_run: true,
            // Whether it fits into one change is for who makes it.
            in_parts: true,
            ..ApplyOptions::default()
        };
        let changes = self.what.applied(session, options).await?;
        session
            .output
            .value(&changes, || text(&changes), || Ok(names(&changes)))?;
        let same = changes
            .objects
            .iter()
            .all(|object| object.op == Op::Unchanged);
        match same {
            true => Ok(()),
            false => Err(Failure::Found),
        }
    }
}

impl Export {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let selector = self.selector.unwrap_or_default();
        let export = session.wait(session.client.export(&selector)).await?;
        let text = match session.output.format {
            // A table could not be applied.
            Format::Table | Format::Wide | Format::Yaml => documents(&export.objects)?,
            Format::Json => json(&export)?,
            Format::Name => {
                let names = export.objects.iter().map(name);
                names.map(|name| format!("{name}\n")).collect()
            }
        };
        session.output.print(&text)
    }
}

fn documents(objects: &[Manifest]) -> Result<String, Failure> {
    let documents = objects
        .iter()
        .map(|object| Ok(format!("---\n{}", yaml(object)?)));
    documents.collect()
}

fn name(manifest: &Manifest) -> String {
    match manifest {
        Manifest::Network(spec) => format!("network/{}", spec.name),
        Manifest::Subnet(spec) => format!("subnet/{}", spec.name),
        Manifest::Pool(spec) => format!("pool/{}/{}", spec.subnet, spec.name),
        Manifest::Group(spec) => format!("group/{}", spec.name),
        Manifest::Profile(spec) => format!("profile/{}", spec.name),
        Manifest::Reservation(spec) => format!("reservation/{}", spec.name),
    }
}
