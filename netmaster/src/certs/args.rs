//! The command line of `netmaster certs`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::serial::Serial;
use crate::identity::IdentityName;

/// What to do with certificates.
#[derive(Clone, Debug, Args)]
pub struct CertsArgs {
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Make an authority: a certificate to trust, and the key that signs
    ///
    /// Writes `ca.pem` and `ca.key`. Keep the key off the machines that netmaster runs on.
    Init(Init),
    /// Make a certificate and its key for an identity
    ///
    /// Writes `<role>-<name>.pem` and `<role>-<name>.key`. A replica serves with its certificate as
    /// well, so its names and addresses have to be in it (`--san`).
    Issue(Issue),
    /// Renew the certificates that end soon
    ///
    /// Each gets a new key, and the same identity, names and duration. netmaster, netplugin and
    /// clients take what is new by themselves, without losing a connection.
    Rotate(Rotate),
    /// Revoke certificates before their end
    ///
    /// Writes `ca.crl`, for `netmaster serve --tls-crl`; whoever has such a certificate is cut off
    /// within seconds.
    Revoke(Revoke),
}

#[derive(Clone, Debug, Args)]
pub(super) struct Place {
    /// The authority's directory
    #[arg(long, value_name = "DIR", default_value = "certs")]
    pub(super) dir: PathBuf,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Init {
    #[command(flatten)]
    pub(super) place: Place,
    /// For how many days it can be trusted
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 3650,
        value_parser = clap::value_parser!(u16).range(1..=7300)
    )]
    pub(super) days: u16,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Issue {
    /// Whom it is for: `<role>:<name>`, like `node:n17`, `operator:alice` or
    /// `replica:netmaster-1`
    #[arg(value_name = "IDENTITY")]
    pub(super) identity: IdentityName,
    /// A host name or address at which a replica is reached; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(super) san: Vec<String>,
    /// For how many days it is valid, though not longer than the authority
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 90,
        value_parser = clap::value_parser!(u16).range(1..=3650)
    )]
    pub(super) days: u16,
    #[command(flatten)]
    pub(super) place: Place,
    /// Where to write it; if left out, to the authority's directory
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    pub(super) place: Place,
    /// Where the certificates are; if left out, in the authority's directory
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Renew those that end within so many days
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 30,
        value_parser = clap::value_parser!(u16).range(1..=3650)
    )]
    pub(super) within: u16,
    /// Renew all
    #[arg(long, conflicts_with = "within")]
    pub(super) all: bool,
    /// Make a new authority instead, and trust the one before as well
    ///
    /// `ca.pem` has to be everywhere before certificates are issued with the new key.
    #[arg(long, conflicts_with_all = ["within", "all", "out"])]
    pub(super) ca: bool,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Revoke {
    /// The certificates, in PEM
    #[arg(value_name = "FILE", required_unless_present = "serial")]
    pub(super) certificates: Vec<PathBuf>,
    /// The number of a certificate whose file is not at hand, in hexadecimal digits; may be repeated
    ///
    /// The audit has it of those that nodes got from netmaster; `openssl x509 -serial` tells it.
    #[arg(long, value_name = "NUMBER")]
    pub(super) serial: Vec<Serial>,
    #[command(flatten)]
    pub(super) place: Place,
}
