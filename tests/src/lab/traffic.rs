//! Packets from one namespace to another.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::Context;

use super::netns::Netns;
use super::wait::joined;

/// How long a connection or an answer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Sends 2 echo requests from `from` to `to`; all must be answered.
///
/// # Errors
///
/// What `ping` printed.
pub fn ping(from: &Netns, to: IpAddr) -> anyhow::Result<()> {
    from.command("ping")
        .args(["-c", "2", "-i", "0.1", "-W", "5", &to.to_string()])
        .succeed()
        .with_context(|| format!("{} can't ping {to}", from.name()))?;
    Ok(())
}

/// Whether `to` answers `from`: it refuses a connection to a port that nobody listens on. Without a
/// process, for when many are to be asked at once.
///
/// # Errors
///
/// There is no answer, or another one.
pub fn refused_by(from: &Netns, to: IpAddr) -> anyhow::Result<()> {
    /// `discard`, which nobody serves any more.
    const PORT: u16 = 9;
    let address = SocketAddr::new(to, PORT);
    from.run(|| match TcpStream::connect_timeout(&address, DEADLINE) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{address} does not answer")),
        Ok(_) => anyhow::bail!("somebody listens on {address}"),
    })
}

/// Connects from `from` to `to` at `address`, sends a line and gets it back. Returns the address
/// that the server saw the client under.
///
/// # Errors
///
/// The connection fails or the wrong line comes back.
pub fn tcp_echo(from: &Netns, to: &Netns, address: SocketAddr) -> anyhow::Result<IpAddr> {
    let listener = to.run(|| TcpListener::bind(address).context("can't listen"))?;
    std::thread::scope(|scope| {
        let server = scope.spawn(move || -> anyhow::Result<IpAddr> {
            let (mut stream, client) = listener.accept()?;
            let mut line = [0; 5];
            stream.read_exact(&mut line)?;
            stream.write_all(&line)?;
            Ok(client.ip())
        });
        let answer = from.run(|| {
            let mut stream = TcpStream::connect_timeout(&address, DEADLINE)?;
            stream.set_read_timeout(Some(DEADLINE))?;
            stream.write_all(b"hello")?;
            let mut line = [0; 5];
            stream.read_exact(&mut line)?;
            Ok(line)
        });
        if answer.is_err() {
            // Nobody came: wake the server so that the scope can end.
            to.run(|| Ok(TcpStream::connect_timeout(&address, DEADLINE).map(drop)?))
                .ok();
        }
        let seen = joined(server);
        let answer =
            answer.with_context(|| format!("{} can't reach {address} by TCP", from.name()))?;
        anyhow::ensure!(&answer == b"hello", "{address} echoed something else");
        seen
    })
}
