//! Which netmaster is asked, and how: flags come before the environment, and that before the
//! context of the configuration file.

use std::path::PathBuf;

use clap::Args;
use trunkline_netmaster_api::{Client, Credentials, exposed};
use trunkline_types::Name;

use crate::config::{Config, ConfigError, Context, Place, Secret};
use crate::failure::Failure;
use crate::flag::parsed;

/// What the flags say; nothing of it comes from the environment. They come after a command's own in
/// its manual page.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Flags {
    /// URL of netmaster [env: NETMASTER] [default: http://127.0.0.1:9630]
    #[arg(long, value_name = "URL", global = true, display_order = 101)]
    pub(crate) server: Option<String>,
    /// Certificates that sign netmaster's own, PEM [env: NETMASTER_CA]
    #[arg(long, value_name = "FILE", global = true, display_order = 102)]
    pub(crate) ca: Option<PathBuf>,
    /// Client certificate, PEM [env: NETMASTER_CERT]
    #[arg(long, value_name = "FILE", global = true, display_order = 103)]
    pub(crate) cert: Option<PathBuf>,
    /// Key of the client certificate, PEM [env: NETMASTER_KEY]
    #[arg(long, value_name = "FILE", global = true, display_order = 104)]
    pub(crate) key: Option<PathBuf>,
    /// File with a bearer token [env: NETMASTER_TOKEN_FILE]
    #[arg(long, value_name = "FILE", global = true, display_order = 105)]
    pub(crate) token_file: Option<PathBuf>,
    /// Context of the configuration file [env: NETCTL_CONTEXT] [default: the current one]
    #[arg(long, value_name = "NAME", global = true, display_order = 106)]
    pub(crate) context: Option<Name>,
    /// Configuration file [env: NETCTL_CONFIG] [default: ~/.config/trunkline/netctl.yaml]
    #[arg(long, value_name = "FILE", global = true, display_order = 107)]
    pub(crate) config: Option<PathBuf>,
    /// How long an answer may take, in seconds: 1–3600 [default: 30; of `check` 150]
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=3600),
        global = true,
        display_order = 108
    )]
    pub(crate) timeout: Option<u64>,
}

/// The variables of the environment, as they are looked up.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) server: String,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) token: Option<Token>,
}

/// A bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// It is in a file.
    File(PathBuf),
    /// It is in the configuration file.
    Literal(Secret),
}

const SERVER: &str = "http://127.0.0.1:9630";

/// Where the configuration file is.
pub(crate) fn place(flags: &Flags, env: Environment<'_>) -> Place {
    let named = flags.config.clone();
    let named = named.or_else(|| set(env, "NETCTL_CONFIG").map(PathBuf::from));
    if let Some(path) = named {
        return Place::Named(path);
    }
    let home = || set(env, "HOME").map(|home| PathBuf::from(home).join(".config"));
    // As the specification says, a path that is not absolute is no path.
    let xdg = set(env, "XDG_CONFIG_HOME").map(PathBuf::from);
    let base = xdg.filter(|path| path.is_absolute()).or_else(home);
    base.map_or(Place::Nowhere, |base| {
        Place::Usual(base.join("trunkline/netctl.yaml"))
    })
}

/// A variable that is set to nothing is not set.
fn set(env: Environment<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

impl Settings {
    /// The client of that netmaster.
    ///
    /// # Errors
    ///
    /// [`Failure`] if they do not go together, or a file cannot be used.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let certificate = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
            (None, None) => None,
            (Some(_), None) => return Err(half("certificate", "--key", "NETMASTER_KEY")),
            (None, Some(_)) => return Err(half("key", "--cert", "NETMASTER_CERT")),
        };
        let (file, literal) = match &self.token {
            Some(Token::File(path)) => (Some(path.clone()), None),
            Some(Token::Literal(secret)) => (None, Some(secret)),
            None => (None, None),
        };
        let credentials = Credentials {
            ca: self.ca.clone(),
            certificate,
            token: file,
        };
        for path in credentials.secrets() {
            if let Some(mode) = exposed(path) {
                let path = path.to_owned();
                return Err(Failure::Exposed { path, mode });
            }
        }
        let client = Client::with(&self.server, credentials)?;
        Ok(match literal {
            Some(secret) => client.with_token(secret.reveal())?,
            None => client,
        })
    }

    /// # Errors
    ///
    /// [`Failure`] if a context is named that is not there, or by no name.
    pub(crate) fn resolve(
        flags: &Flags,
        env: Environment<'_>,
        config: &Config,
    ) -> Result<Self, Failure> {
        let context = context(flags, env, config)?;
        let file = |flag: &Option<PathBuf>, name: &str, of_context: Option<&PathBuf>| {
            let set = || set(env, name).map(PathBuf::from);
            flag.clone().or_else(set).or_else(|| of_context.cloned())
        };
        let server = flags.server.clone();
        let server = server.or_else(|| set(env, "NETMASTER"));
        let server = server.or_else(|| context.server.clone());
        let token_file = file(&flags.token_file, "NETMASTER_TOKEN_FILE", None);
        let of_context = || match (&context.token, &context.token_file) {
            (Some(token), _) => Some(Token::Literal(token.clone())),
            (None, file) => file.clone().map(Token::File),
        };
        Ok(Self {
            server: server.unwrap_or_else(|| SERVER.to_owned()),
            ca: file(&flags.ca, "NETMASTER_CA", context.ca.as_ref()),
            cert: file(&flags.cert, "NETMASTER_CERT", context.cert.as_ref()),
            key: file(&flags.key, "NETMASTER_KEY", context.key.as_ref()),
            token: token_file.map(Token::File).or_else(of_context),
        })
    }
}

fn half(has: &str, flag: &str, variable: &str) -> Failure {
    Failure::Usage(format!(
        "there is a client {has}, but not what belongs to it: name it with `{flag}`, in {variable}, \
         or with `netctl context set`"
    ))
}

/// The context that counts; an empty one if there is none.
fn context(flags: &Flags, env: Environment<'_>, config: &Config) -> Result<Context, Failure> {
    let named = match (&flags.context, set(env, "NETCTL_CONTEXT")) {
        (Some(name), _) => Some(name.clone()),
        (None, Some(text)) => {
            let name = parsed(&text);
            Some(name.map_err(|error| Failure::Usage(format!("NETCTL_CONTEXT: {error}")))?)
        }
        (None, None) => config.current.clone(),
    };
    let Some(name) = named else {
        return Ok(Context::default());
    };
    let context = config.contexts.get(&name).cloned();
    context.ok_or_else(|| ConfigError::UnknownContext { name }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
current: lab
contexts:
  lab: {server: 'http://lab:1', ca: /lab/ca, token_file: /lab/token}
  prod: {server: 'http://prod:1', cert: /prod/cert, key: /prod/key}
";

    fn resolved(flags: Flags, variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        let config = serde_norway::from_str(CONFIG).unwrap();
        let env = |name: &str| {
            let found = variables.iter().find(|(one, _)| *one == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::resolve(&flags, &env, &config)
    }

    #[test]
    fn flags_come_before_the_environment_and_that_before_the_context() {
        let flags = Flags {
            server: Some("http://flag:1".to_owned()),
            ..Flags::default()
        };
        let env = [("NETMASTER", "http://env:1"), ("NETMASTER_CA", "/env/ca")];
        let settings = resolved(flags, &env).unwrap();
        assert_eq!(settings.server, "http://flag:1");
        assert_eq!(settings.ca, Some("/env/ca".into()));
        assert_eq!(settings.token, Some(Token::File("/lab/token".into())));
        let settings = resolved(Flags::default(), &env).unwrap();
        assert_eq!(settings.server, "http://env:1");
        let settings = resolved(Flags::default(), &[("NETMASTER", "")]).unwrap();
        assert_eq!(settings.server, "http://lab:1");
        assert_eq!(settings.ca, Some("/lab/ca".into()));
    }

    #[test]
    fn the_context_is_that_of_the_flag_the_environment_or_the_file() {
        let prod = Some("prod".parse().unwrap());
        let flags = Flags {
            context: prod,
            ..Flags::default()
        };
        let env = [("NETCTL_CONTEXT", "lab")];
        assert_eq!(resolved(flags, &env).unwrap().key, Some("/prod/key".into()));
        let env = [("NETCTL_CONTEXT", "prod")];
        let settings = resolved(Flags::default(), &env).unwrap();
        assert_eq!(
            (settings.server.as_str(), settings.token),
            ("http://prod:1", None)
        );
        let env = [("NETCTL_CONTEXT", "nowhere")];
        let error = resolved(Flags::default(), &env).unwrap_err().to_string();
        assert!(
            error.contains("`nowhere`") && error.contains("context ls"),
            "{error}"
        );
    }

    #[test]
    fn the_file_is_where_it_is_said_to_be() {
        let place_of = |variables: &[(&str, &str)]| {
            let env = |name: &str| {
                let found = variables.iter().find(|(one, _)| *one == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            place(&Flags::default(), &env)
        };
        let usual = |path: &str| Place::Usual(path.into());
        let home = ("HOME", "/home/ada");
        assert_eq!(
            place_of(&[home]),
            usual("/home/ada/.config/trunkline/netctl.yaml")
        );
        let xdg = ("XDG_CONFIG_HOME", "/etc/xdg");
        assert_eq!(
            place_of(&[home, xdg]),
            usual("/etc/xdg/trunkline/netctl.yaml")
        );
        let odd = ("XDG_CONFIG_HOME", "relative");
        assert_eq!(
            place_of(&[home, odd]),
            usual("/home/ada/.config/trunkline/netctl.yaml")
        );
        let named = ("NETCTL_CONFIG", "/c");
        assert_eq!(place_of(&[home, xdg, named]), Place::Named("/c".into()));
        assert_eq!(place_of(&[]), Place::Nowhere);
    }
}
