//! The lab's certificates, made as somebody makes them who has no authority of their own: with
//! `netmaster certs`.

use std::path::{Path, PathBuf};

use super::command::Invocation;

/// What signs the certificates of one lab.
#[derive(Debug)]
pub(super) struct Authority {
    /// netmaster's executable.
    program: String,
    dir: PathBuf,
}

/// The files with which somebody shows who they are, and that say whom they trust.
#[derive(Clone, Debug)]
pub struct Credentials {
    authority: PathBuf,
    /// The certificate and its private key; none for somebody who shows nothing.
    pair: Option<(PathBuf, PathBuf)>,
}

impl Authority {
    /// Makes one in a directory of its own below `dir`.
    pub(super) fn init(dir: &Path, executables: &Path) -> anyhow::Result<Self> {
        let program = executables.join("netmaster");
        let authority = Self {
            program: program.to_string_lossy().into_owned(),
            dir: dir.join("authority"),
        };
        authority.certs(&["init"])?;
        Ok(authority)
    }

    /// Makes a certificate for `identity`, which is `<role>:<name>`, in its owner's directory. Who
    /// serves with it is reached at `addresses`.
    pub(super) fn issue(
        &self,
        identity: &str,
        addresses: &[&str],
        owner: &Path,
    ) -> anyhow::Result<Credentials> {
        let out = owner.to_string_lossy().into_owned();
        let mut args = vec!["issue", identity, "--out", out.as_str()];
        for address in addresses {
            args.extend(["--san", *address]);
        }
        self.certs(&args)?;
        let name = identity.replace(':', "-");
        let pair = ["pem", "key"].map(|kind| owner.join(format!("{name}.{kind}")));
        Ok(Credentials {
            authority: self.certificate(),
            pair: Some(pair.into()),
        })
    }

    /// The authority's own certificate.
    pub(super) fn certificate(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// Its private key.
    pub(super) fn key(&self) -> PathBuf {
        self.dir.join("ca.key")
    }

    fn certs(&self, args: &[&str]) -> anyhow::Result<()> {
        let dir = self.dir.to_string_lossy().into_owned();
        Invocation::new(self.program.as_str())
            .args(["certs"])
            .args(args.iter().copied())
            .args(["--dir", dir.as_str()])
            .succeed()?;
        Ok(())
    }
}

impl Credentials {
    /// Whose certificates are believed.
    pub(super) fn authority(&self) -> &Path {
        &self.authority
    }

    /// The certificate, if one is shown.
    pub fn certificate(&self) -> Option<&Path> {
        self.pair
            .as_ref()
            .map(|(certificate, _)| certificate.as_path())
    }

    /// The certificate's private key, if one is shown.
    pub(super) fn key(&self) -> Option<&Path> {
        self.pair.as_ref().map(|(_, key)| key.as_path())
    }

    /// The same trust, and nothing to show.
    #[must_use]
    pub fn without_certificate(&self) -> Self {
        Self {
            authority: self.authority.clone(),
            pair: None,
        }
    }

    /// The same trust, and a certificate in `dir` that may not be there yet.
    pub(super) fn kept_in(&self, dir: &Path) -> Self {
        Self {
            authority: self.authority.clone(),
            pair: Some((dir.join("node.pem"), dir.join("node.key"))),
        }
    }

    /// What netctl finds them by, and netmaster at `url`.
    pub(super) fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        let mut variables = vec![("NETMASTER", url.to_owned())];
        let files = [
            ("NETMASTER_CA", Some(self.authority())),
            ("NETMASTER_CERT", self.certificate()),
            ("NETMASTER_KEY", self.key()),
        ];
        for (name, file) in files {
            variables.extend(file.map(|file| (name, file.to_string_lossy().into_owned())));
        }
        variables
    }
}
