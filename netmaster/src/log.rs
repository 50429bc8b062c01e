//! The log, on standard error.

use tracing_subscriber::EnvFilter;

const VARIABLE: &str = "TRUNKLINE_LOG";

/// A log filter that is none.
#[derive(Debug, thiserror::Error)]
#[error(
    "{VARIABLE} `{filter}` is not valid: use a level (`error`, `warn`, `info`, `debug`, `trace`), \
     or one per module, like `info,trunkline_netmaster=debug`"
)]
pub struct LogFilterError {
    filter: String,
    source: tracing_subscriber::filter::ParseError,
}

/// Starts logging to standard error what `TRUNKLINE_LOG` asks for; level `info` without it.
///
/// # Errors
///
/// [`LogFilterError`] if the variable's value is no filter.
pub fn start_log() -> Result<(), LogFilterError> {
    let filter = std::env::var(VARIABLE).unwrap_or_default();
    let filter = if filter.trim().is_empty() {
        EnvFilter::new("info")
    } else {
        EnvFilter::try_new(&filter).map_err(|source| LogFilterError { filter, source })?
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}
