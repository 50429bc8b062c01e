//! From a TCP connection to one where it is known who is at the other end.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};
use trunkline_netmaster_api::{ErrorCode, Problem};
use trunkline_types::chain;

use super::Loaded;
use super::certificate::{CertificateError, Holder};
use crate::connections::{Brisk, Deadlines};

/// How long somebody who does not speak TLS may take to close.
const LINGER: Duration = Duration::from_secs(1);

/// With what TLS begins: the record of a handshake (RFC 8446 §5.1).
const RECORD: u8 = 0x16;

/// Why a connection is not secured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// Nothing came, as from those who only look whether the port is open.
    #[error("it was closed before anything was said")]
    Silent,
    /// It was not TLS.
    #[error("it does not speak TLS: use an `https` URL")]
    NotTls,
    /// It took too long.
    #[error("the TLS handshake did not end within {} seconds", .0.as_secs())]
    Late(Duration),
    /// It did not work out.
    #[error("the TLS handshake failed")]
    Failed(#[from] io::Error),
    /// The client's certificate is valid, and names nobody. It may still have a token.
    #[error("the client's certificate names nobody")]
    Nobody(#[from] CertificateError),
}

/// A connection that is encrypted.
pub(crate) struct Secured {
    pub(crate) stream: TlsStream<Brisk<TcpStream>>,
    /// Whom the client's certificate names; none if it showed none.
    pub(crate) holder: Option<Result<Holder, CertificateError>>,
    pub(crate) trusted: Trusted,
}

/// Tells when a client is trusted no longer.
pub(crate) struct Trusted {
    /// What the client showed: its certificate, and those that lead to its authority.
    chain: Vec<CertificateDer<'static>>,
    until: Option<SystemTime>,
    loaded: watch::Receiver<Arc<Loaded>>,
}

/// Speaks TLS on `stream`, within a time.
///
/// # Errors
///
/// [`HandshakeError`] if that does not work out. Who does not speak TLS has been told so.
pub(crate) async fn secure(
    stream: TcpStream,
    mut loaded: watch::Receiver<Arc<Loaded>>,
    deadlines: Deadlines,
) -> Result<Secured, HandshakeError> {
    // What comes after this is looked at again.
    let server = loaded.borrow_and_update().server.clone();
    let shake = async {
        let mut stream = stream;
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Err(HandshakeError::Silent);
        }
        if first != [RECORD] {
            tell(&mut stream).await;
            return Err(HandshakeError::NotTls);
        }
        let stream = Brisk::new(stream, deadlines.reading);
        Ok(TlsAcceptor::from(server).accept(stream).await?)
    };
    let shaken = timeout(deadlines.handshake, shake).await;
    let stream = shaken.map_err(|_| HandshakeError::Late(deadlines.handshake))??;
    let (_, session) = stream.get_ref();
    let shown = session.peer_certificates().unwrap_or_default();
    let chain = shown.to_vec();
    let holder = chain.first().map(Holder::of);
    let until = match &holder {
        Some(Ok(holder)) => Some(holder.until),
        _ => None,
    };
    Ok(Secured {
        stream,
        holder,
        trusted: Trusted {
            chain,
            until,
            loaded,
        },
    })
}

/// Tells somebody who speaks plain HTTP what is wrong.
async fn tell(stream: &mut TcpStream) {
    let problem = Problem::new(
        ErrorCode::TlsRequired,
        "this port speaks TLS: use an `https` URL",
    );
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 {} Bad Request\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: \
         close\r\n\r\n{body}",
        problem.status,
        Problem::MEDIA_TYPE,
        body.len(),
    );
    // Whether it is read is not ours to care for.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    // What is closed while something is unread is reset, and the answer with it.
    let mut rest = [0; 4096];
    for _ in 0..16 {
        match timeout(LINGER, stream.read(&mut rest)).await {
            Ok(Ok(1..)) => {}
            _ => break,
        }
    }
}

impl Trusted {
    /// Returns when the client's certificate has ended, or is not believed any more. Cancel-safe.
    pub(crate) async fn lost(mut self) {
        let Some(certificate) = self.chain.first().cloned() else {
            // There is nothing that could end.
            return std::future::pending().await;
        };
        loop {
            let left = self
                .until
                .map(|until| until.duration_since(SystemTime::now()).unwrap_or_default());
            let ended = async {
                match left {
                    Some(left) => sleep(left).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = ended => {
                    info!("a client's certificate has ended: its connection is closed");
                    return;
                }
                changed = self.loaded.changed() => if changed.is_err() {
                    // netmaster ends.
                    return std::future::pending().await;
                }
            }
            let verifier = self.loaded.borrow_and_update().verifier.clone();
            let others = self.chain.get(1..).unwrap_or_default();
            let checked = verifier.verify_client_cert(&certificate, others, UnixTime::now());
            if let Err(error) = checked {
                warn!(
                    error = chain(&error),
                    "a client's certificate is not believed any more: its connection is closed"
                );
                return;
            }
        }
    }
}
