//! Completions of flags.

use clap_complete::{Generator, Shell};

use crate::Manual;

/// The shells that are served.
pub const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Fish, Shell::Zsh];

impl Manual {
    /// What a shell has to know to complete this program's flags. They are offered with two dashes.
    pub fn completions(&self, shell: Shell) -> Vec<u8> {
        let mut script = Vec::new();
        let mut command = self.command.clone();
        clap_complete::generate(shell, &mut command, self.program.name, &mut script);
        script
    }

    /// The name under which that shell looks for it.
    pub fn completions_file(&self, shell: Shell) -> String {
        shell.file_name(self.program.name)
    }
}
