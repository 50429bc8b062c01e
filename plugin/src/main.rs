//! `trunkline`, the CNI executable: called by a container runtime, plugs one interface of one
//! container into the node's bridge, or takes it out again. It keeps no state of its own.

mod agent;
mod attach;
mod cni;
mod conf;
mod error;
mod lock;
mod pod;

use std::process::ExitCode;

use rscni_plugin::async_cni::Plugin;
use rscni_plugin::version::SpecVersion;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        // Without a runtime there is no way to answer as the specification wants.
        Err(_) => return ExitCode::FAILURE,
    };
    let versions = vec![SpecVersion::new(1, 0, 0), SpecVersion::new(1, 1, 0)];
    let plugin = Plugin::new(SpecVersion::CURRENT, versions);
    // `run` has printed result or error by the time it returns.
    match runtime.block_on(plugin.run(&cni::Trunkline)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
