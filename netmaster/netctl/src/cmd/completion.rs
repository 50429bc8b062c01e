//! `netctl completion`

use clap::{Args as ClapArgs, CommandFactory as _, ValueEnum};

use crate::args::Args;
use crate::failure::Failure;
use crate::render::Output;

/// Print completions for a shell
#[derive(ClapArgs)]
#[command(after_help = "Examples:\n  \
    netctl completion bash > /etc/bash_completion.d/netctl\n  \
    netctl completion zsh > /usr/local/share/zsh/site-functions/_netctl\n  \
    netctl completion fish > ~/.config/fish/completions/netctl.fish")]
pub(crate) struct Completion {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completion {
    pub(crate) fn run(self, output: &Output) -> Result<(), Failure> {
        let shell = match self.shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Zsh => clap_complete::Shell::Zsh,
            Shell::Fish => clap_complete::Shell::Fish,
        };
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Args::command(), "netctl", &mut text);
        output.write(&text)
    }
}
