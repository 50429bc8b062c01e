//! Certificates, made with `netmaster certs`.

use std::path::PathBuf;
use std::time::Duration;

use trunkline_netmaster_api::Credentials;

use super::Context;
use super::process::{Process, command};

/// Where everything is reached.
const LOOPBACK: &str = "127.0.0.1";

/// How long it may take to make a certificate.
const MADE: Duration = Duration::from_secs(20);

/// What signs the certificates of one scenario.
#[derive(Debug)]
pub struct Authority {
    executable: PathBuf,
    /// For its log.
    logs: PathBuf,
    /// For what signs, and what is signed.
    dir: PathBuf,
}

impl Authority {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// That fails; says how.
    pub async fn init(context: &Context) -> anyhow::Result<Self> {
        let authority = Self {
            executable: context.executable.clone(),
            logs: context.dir.clone(),
            dir: context.dir.join("authority"),
        };
        authority.certs(&["init"]).await?;
        Ok(authority)
    }

    /// A certificate to serve with, and to show to other replicas.
    ///
    /// # Errors
    ///
    /// It cannot be made; says why.
    pub async fn issue_replica(&self, name: &str) -> anyhow::Result<Credentials> {
        let identity = format!("replica:{name}");
        self.certs(&["issue", &identity, "--san", LOOPBACK]).await?;
        Ok(self.files(&identity))
    }

    /// A certificate for `identity`, which is `<role>:<name>`, to ask with.
    ///
    /// # Errors
    ///
    /// It cannot be made; says why.
    pub async fn issue(&self, identity: &str) -> anyhow::Result<Credentials> {
        self.certs(&["issue", identity]).await?;
        Ok(self.files(identity))
    }

    /// What somebody has who shows nothing.
    pub fn trust(&self) -> Credentials {
        Credentials {
            ca: Some(self.dir.join("ca.pem")),
            ..Credentials::default()
        }
    }

    fn files(&self, identity: &str) -> Credentials {
        let name = identity.replace(':', "-");
        let [certificate, key] = ["pem", "key"].map(|kind| self.dir.join(format!("{name}.{kind}")));
        Credentials {
            certificate: Some((certificate, key)),
            ..self.trust()
        }
    }

    async fn certs(&self, args: &[&str]) -> anyhow::Result<()> {
        let mut certs = command(&self.executable);
        certs.arg("certs").args(args).arg("--dir").arg(&self.dir);
        let mut process = Process::start("certs", &self.logs, certs)?;
        process.wait_done(MADE).await
    }
}
