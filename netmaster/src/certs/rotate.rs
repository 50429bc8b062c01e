//! Doing what `netmaster certs` is told.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use time::{Duration, OffsetDateTime};

use super::args::{CertsArgs, Issue, Revoke, Rotate, Verb};
use super::authority::{Authority, AuthorityError};
use super::files::{FileError, Readers, make_directory, must_not_exist, read, replace};
use super::leaf::{Found, Leaf, LeafError};

/// Why certificates are not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertsError {
    /// The authority cannot do it.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A certificate is not as it should be.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Does what is asked, and answers what there is to say about it.
///
/// # Errors
///
/// [`CertsError`] if it cannot be done. Of several certificates those before the one that failed
/// have been dealt with.
pub fn certs(args: CertsArgs) -> Result<String, CertsError> {
    at(args, OffsetDateTime::now_utc())
}

pub(super) fn at(args: CertsArgs, now: OffsetDateTime) -> Result<String, CertsError> {
    match args.verb {
        Verb::Init(init) => {
            let directory = &init.place.dir;
            Authority::init(directory, now, init.days)?;
            Ok(format!(
                "`{}` is what to trust; keep `{}` to yourself",
                directory.join("ca.pem").display(),
                directory.join("ca.key").display(),
            ))
        }
        Verb::Issue(issue) => self::issue(&issue, now),
        Verb::Rotate(Rotate {
            ca: true, place, ..
        }) => {
            Authority::read(&place.dir)?.succeed(now)?;
            Ok(format!(
                "`{}` has a new authority beside the one before: bring it to everybody, and then \
                 renew all certificates with `netmaster certs rotate --all`",
                place.dir.join("ca.pem").display(),
            ))
        }
        Verb::Rotate(rotate) => self::rotate(&rotate, now),
        Verb::Revoke(revoke) => self::revoke(&revoke, now),
    }
}

fn issue(args: &Issue, now: OffsetDateTime) -> Result<String, CertsError> {
    let leaf = Leaf::new(args.identity.clone(), &args.san, args.days)?;
    let authority = Authority::read(&args.place.dir)?;
    let out = args.out.as_ref().unwrap_or(&args.place.dir);
    make_directory(out)?;
    let name = leaf.file_name();
    let certificate = out.join(format!("{name}.pem"));
    must_not_exist(&certificate)?;
    must_not_exist(&key_of(&certificate))?;
    write(&authority, &leaf, &certificate, now)
}

/// Issues a certificate, and says until when it is valid.
fn write(
    authority: &Authority,
    leaf: &Leaf,
    path: &Path,
    now: OffsetDateTime,
) -> Result<String, CertsError> {
    let issued = authority.issue(leaf, now)?;
    replace(&key_of(path), &issued.key, Readers::Owner)?;
    replace(path, &issued.certificate, Readers::Everybody)?;
    Ok(format!(
        "`{}`: valid until {}",
        path.display(),
        issued.until.date()
    ))
}

fn rotate(args: &Rotate, now: OffsetDateTime) -> Result<String, CertsError> {
    let authority = Authority::read(&args.place.dir)?;
    let directory = args.out.as_ref().unwrap_or(&args.place.dir);
    let within = Duration::days(args.within.into());
    let mut said = String::new();
    for path in certificates(directory)? {
        let found = Found::read(&path, &read(&path)?)?;
        if !args.all && found.until - now > within {
            let until = found.until.date();
            let _ = writeln!(said, "`{}`: valid until {until} as it is", path.display());
            continue;
        }
        let renewed = write(&authority, &found.leaf, &path, now)?;
        let _ = writeln!(said, "{renewed}, renewed");
    }
    if said.is_empty() {
        return Ok(format!("`{}` has no certificates", directory.display()));
    }
    Ok(said.trim_end().to_owned())
}

fn revoke(args: &Revoke, now: OffsetDateTime) -> Result<String, CertsError> {
    let authority = Authority::read(&args.place.dir)?;
    let mut found = Vec::new();
    for path in &args.certificates {
        found.push((path.clone(), Found::read(path, &read(path)?)?));
    }
    let count = authority.revoke(&found, &args.serial, now)?;
    Ok(format!(
        "`{}` has {count} revoked certificates: bring it to all replicas",
        args.place.dir.join("ca.crl").display(),
    ))
}

/// The certificates of a directory that have a key beside them, in the order of their names.
fn certificates(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    let failed = |source| FileError::Read {
        path: directory.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_certificate = path.extension().is_some_and(|kind| kind == "pem");
        // Others may keep theirs there, too.
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let is_ours = stem.is_some_and(|stem| {
            let (role, name) = stem.split_once('-').unwrap_or_default();
            crate::identity::IdentityName::from_str(&format!("{role}:{name}")).is_ok()
        });
        if is_certificate && is_ours && key_of(&path).exists() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn key_of(certificate: &Path) -> PathBuf {
    certificate.with_extension("key")
}
