//! `netmaster backup`: fetch a back-up, check it, and only then give it its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use trunkline_netmaster_api::{Client, ClientError};

use super::read::{ReadError, verify};
use crate::args::CredentialArgs;

/// How long all of it may take: with a million addresses it is some hundred megabytes.
const DEADLINE: Duration = Duration::from_secs(3600);

/// The flags of `netmaster backup`.
#[derive(Clone, Debug, Args)]
pub struct BackupArgs {
    /// The netmaster to ask
    #[arg(
        long,
        value_name = "URL",
        env = "NETMASTER",
        default_value = "http://127.0.0.1:9630"
    )]
    server: String,
    #[command(flatten)]
    credentials: CredentialArgs,
    /// The file to write; one of that name is replaced when the back-up is complete
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Why there is no back-up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// netmaster does not give one.
    #[error("the back-up cannot be fetched")]
    Fetch(#[from] ClientError),
    /// The file cannot be written.
    #[error("`{}` cannot be written: name another file", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What came is not whole.
    #[error("what netmaster sent cannot be used: repeat it; if that does not help, see its log")]
    Unusable(#[from] ReadError),
}

/// Fetches a back-up and writes it to a file that only its owner can read. Answers in a line what
/// is in it.
///
/// # Errors
///
/// [`BackupError`] if that cannot be done; then a file that was there before is as it was.
pub async fn backup(args: BackupArgs) -> Result<String, BackupError> {
    let client =
        Client::with(&args.server, args.credentials.credentials())?.with_deadline(DEADLINE);
    let path = args.file;
    let unwritable = |source| BackupError::Write {
        path: path.clone(),
        source,
    };
    let partial = Partial::beside(&path).map_err(unwritable)?;
    let mut file = &partial.file;
    let mut failure = None;
    client
        .backup(&mut |chunk| {
            let written = file.write_all(chunk);
            let go_on = written.is_ok();
            failure = written.err();
            go_on
        })
        .await?;
    if let Some(failure) = failure {
        return Err(unwritable(failure));
    }
    partial.file.sync_all().map_err(unwritable)?;
    let (verified, _) = verify(&partial.path)?;
    partial.name(&path).map_err(unwritable)?;
    Ok(format!(
        "{}: {} entries at revision {} of cluster {}, epoch {}",
        path.display(),
        verified.trailer.entries,
        verified.trailer.revision,
        verified.header.cluster,
        verified.header.epoch,
    ))
}

/// A file that goes away unless it is given its name.
struct Partial {
    file: File,
    path: PathBuf,
    named: bool,
}

impl Partial {
    fn beside(path: &Path) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let path = path.with_file_name(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok(Self {
            file,
            path,
            named: false,
        })
    }

    fn name(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.named = true;
        // The name has to be as durable as what is in the file.
        let directory = path.parent().filter(|parent| *parent != Path::new(""));
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.named {
            // Nothing can be done if it stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}
