//! The flags about TLS, of the server and of those who ask one.

use std::path::PathBuf;

use clap::Args;
use trunkline_netmaster_api::Credentials;

use crate::tls::TlsFiles;

/// The flags of `netmaster serve` about TLS.
#[derive(Clone, Debug, Args)]
pub struct TlsArgs {
    /// The server's certificate in PEM, with those that lead to its authority
    ///
    /// All addresses are served with TLS then. Files are read again when they change, and no
    /// connection is lost by that. `netmaster certs` makes certificates for those who have no
    /// authority of their own.
    #[arg(
        long,
        value_name = "FILE",
        requires_all = ["tls_key", "tls_client_ca"],
        conflicts_with = "allow_plaintext"
    )]
    tls_cert: Option<PathBuf>,
    /// The private key of `--tls-cert`, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The authorities, in PEM, whose client certificates say who somebody is
    ///
    /// The common name of such a certificate is an identity: `<role>:<name>`, like `node:n17`.
    /// Whatever the authority signs is believed, so it should be one for Trunkline alone.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// What these authorities have revoked: their lists (CRL), in PEM
    #[arg(long, value_name = "FILE", requires = "tls_client_ca")]
    tls_crl: Option<PathBuf>,
    /// The certificate to show to other replicas, in PEM; its common name is `replica:<name>`
    ///
    /// If left out, it is that of `--tls-cert`.
    #[arg(long, value_name = "FILE", requires_all = ["cluster_key", "tls_cert"])]
    cluster_cert: Option<PathBuf>,
    /// The private key of `--cluster-cert`, in PEM
    #[arg(long, value_name = "FILE", requires = "cluster_cert")]
    cluster_key: Option<PathBuf>,
    /// The authorities of other replicas' server certificates, in PEM; if left out, those of
    /// `--tls-client-ca`
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    cluster_ca: Option<PathBuf>,
}

impl TlsArgs {
    /// What the server shows and believes; none without TLS.
    pub(super) fn files(&self) -> Option<TlsFiles> {
        Some(TlsFiles {
            certificate: self.tls_cert.clone()?,
            key: self.tls_key.clone()?,
            client_ca: self.tls_client_ca.clone()?,
            crl: self.tls_crl.clone(),
            look: TlsFiles::LOOK,
        })
    }

    /// What other replicas are asked with.
    pub(super) fn cluster(&self) -> Credentials {
        let own = self.tls_cert.clone().zip(self.tls_key.clone());
        let cluster = self.cluster_cert.clone().zip(self.cluster_key.clone());
        Credentials {
            ca: self.cluster_ca.clone().or(self.tls_client_ca.clone()),
            certificate: cluster.or(own),
            token: None,
        }
    }
}

/// The flags of those who ask a netmaster.
#[derive(Clone, Debug, Args)]
pub struct CredentialArgs {
    /// The authorities, in PEM, whose netmasters are trusted; needed with an `https` URL
    #[arg(long, value_name = "FILE", env = "NETMASTER_CA")]
    ca: Option<PathBuf>,
    /// The certificate that says who asks, in PEM
    #[arg(long, value_name = "FILE", env = "NETMASTER_CERT", requires = "key")]
    cert: Option<PathBuf>,
    /// The private key of `--cert`, in PEM
    #[arg(long, value_name = "FILE", env = "NETMASTER_KEY", requires = "cert")]
    key: Option<PathBuf>,
    /// A file with a token that says who asks
    #[arg(long, value_name = "FILE", env = "NETMASTER_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

impl CredentialArgs {
    /// The same, as a client takes it.
    pub(crate) fn credentials(self) -> Credentials {
        Credentials {
            ca: self.ca,
            certificate: self.cert.zip(self.key),
            token: self.token_file,
        }
    }
}
