//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

/// Trunkline's control plane: owns networks, subnets and addresses
#[derive(Debug, Parser)]
#[command(name = "netmaster", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What netmaster can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API
    ///
    /// Works with no flag. Once requests are served, prints one line `listening on <URL>` per
    /// address on standard output. Logs to standard error what the environment variable
    /// TRUNKLINE_LOG asks for: a level, or one per module (default: info). Ends on SIGTERM and
    /// SIGINT, when the requests under way are answered.
    ///
    /// Everything that was acknowledged is on disk, and outlives a crash at any moment.
    #[command(after_help = "Examples:\n  netmaster serve\n  \
                            netmaster serve --listen 127.0.0.1:9630 --listen [::1]:9630\n  \
                            TRUNKLINE_LOG=debug netmaster serve --data-dir /srv/netmaster\n\n\
                            Exit codes: 0 ended by a signal, 1 failed, 2 wrong usage")]
    Serve(ServeArgs),
}

/// The flags of `netmaster serve`, as given.
#[derive(Debug, ClapArgs)]
pub struct ServeArgs {
    /// Address and port to serve on; may be repeated. Port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9630")]
    listen: Vec<SocketAddr>,
    /// Directory of the store; created if it is not there
    ///
    /// Default: `/var/lib/trunkline/netmaster` for root, else `trunkline/netmaster` in
    /// `$XDG_DATA_HOME` or `~/.local/share`. Only one netmaster can use it at a time.
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Serve on other than loopback addresses, though nothing is encrypted or authenticated
    ///
    /// There is no TLS yet: whoever can reach the address can do everything.
    #[arg(long)]
    allow_plaintext: bool,
}

/// What `netmaster serve` needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// Where to serve; at least one.
    pub listen: Vec<SocketAddr>,
    /// The store's directory.
    pub data_dir: PathBuf,
}

/// Flags that make no sense together or here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The API would be open to the network.
    #[error(
        "listen address `{address}` can be reached from other machines, and there is no TLS yet: \
         use a loopback address, or add `--allow-plaintext` if the network is trusted"
    )]
    Plaintext {
        /// The address.
        address: SocketAddr,
    },
    /// There is no place for data.
    #[error("neither XDG_DATA_HOME nor HOME is set: name the data directory with `--data-dir`")]
    NoHome,
}

impl ServeArgs {
    /// The flags with their defaults, checked.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if an address would be open to the network without leave, or there is no
    /// place for data.
    pub fn config(self) -> Result<ServeConfig, ConfigError> {
        let open = |address: &&SocketAddr| !address.ip().is_loopback();
        if let Some(&address) = self.listen.iter().find(open)
            && !self.allow_plaintext
        {
            return Err(ConfigError::Plaintext { address });
        }
        let data_dir = match self.data_dir {
            Some(directory) => directory,
            None => default_data_dir(
                nix::unistd::geteuid().is_root(),
                std::env::var_os("XDG_DATA_HOME").map(PathBuf::from),
                std::env::var_os("HOME").map(PathBuf::from),
            )?,
        };
        Ok(ServeConfig {
            listen: self.listen,
            data_dir,
        })
    }
}

fn default_data_dir(
    root: bool,
    xdg_data_home: Option<PathBuf>,
    home: Option<PathBuf>,
) -> Result<PathBuf, ConfigError> {
    if root {
        return Ok(PathBuf::from("/var/lib/trunkline/netmaster"));
    }
    // The XDG specification has relative paths ignored.
    xdg_data_home
        .filter(|path| path.is_absolute())
        .or_else(|| {
            home.filter(|path| path.is_absolute())
                .map(|home| home.join(".local/share"))
        })
        .map(|data| data.join("trunkline/netmaster"))
        .ok_or(ConfigError::NoHome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(flags: &[&str]) -> Result<ServeConfig, ConfigError> {
        let Command::Serve(args) = Args::try_parse_from(
            ["netmaster", "serve", "--data-dir", "/d"]
                .iter()
                .chain(flags),
        )
        .unwrap()
        .command;
        args.config()
    }

    #[test]
    fn without_flags_only_this_machine_is_served() {
        let config = config(&[]).unwrap();
        assert_eq!(config.listen, ["127.0.0.1:9630".parse().unwrap()]);
    }

    #[test]
    fn an_open_address_needs_leave() {
        let both = ["--listen", "127.0.0.1:1", "--listen", "10.0.0.1:9630"];
        let error = config(&both).unwrap_err().to_string();
        assert!(
            error.contains("`10.0.0.1:9630`")
                && error.contains("no TLS")
                && error.contains("--allow-plaintext"),
            "{error}"
        );
        let leave = [&both[..], &["--allow-plaintext"]].concat();
        assert_eq!(config(&leave).unwrap().listen.len(), 2);
        assert!(config(&["--listen", "[::]:9630"]).is_err());
        assert!(config(&["--listen", "[::1]:9630"]).is_ok());
    }

    #[test]
    fn data_goes_where_the_system_wants_it() {
        let path = |text: &str| Some(PathBuf::from(text));
        let dir = |root, xdg, home| default_data_dir(root, xdg, home);
        assert_eq!(
            dir(true, path("/x"), path("/h")),
            Ok("/var/lib/trunkline/netmaster".into())
        );
        assert_eq!(
            dir(false, path("/x"), path("/h")),
            Ok("/x/trunkline/netmaster".into())
        );
        assert_eq!(
            dir(false, path("relative"), path("/h")),
            Ok("/h/.local/share/trunkline/netmaster".into())
        );
        assert_eq!(dir(false, None, None), Err(ConfigError::NoHome));
    }
}
