//! Asking whether something that cannot be undone is meant.

use super::output::{CliError, harmless};
use clap::Args;
use std::io::{IsTerminal, Write};

/// The flag of commands that ask.
#[derive(Args)]
pub struct Sure {
    /// Do not ask whether it is meant; needed where nobody can be asked, as in scripts
    #[arg(long)]
    yes: bool,
}

/// What a command deletes, and that it is meant.
#[derive(Args)]
pub struct Deletion<W: Args> {
    #[command(flatten)]
    pub which: W,
    #[command(flatten)]
    pub sure: Sure,
}

impl Sure {
    /// Refuses at once where nobody can be asked.
    ///
    /// # Errors
    ///
    /// Wrong usage without `--yes` when the standard input is no terminal.
    pub fn expect(&self) -> Result<(), CliError> {
        match self.yes || std::io::stdin().is_terminal() {
            true => Ok(()),
            false => Err(CliError::Usage(
                "--yes is missing: this cannot be undone, and there is no terminal to ask on"
                    .into(),
            )),
        }
    }

    /// Asks, unless told not to.
    ///
    /// # Errors
    ///
    /// As [`Sure::expect`], and `refused` when the answer is not yes.
    pub fn ask(&self, question: &str) -> Result<(), CliError> {
        self.expect()?;
        if self.yes {
            return Ok(());
        }
        let failed = |error| CliError::failed("failed", format!("the terminal: {error}"));
        let mut terminal = std::io::stderr();
        let question = harmless(question);
        write!(terminal, "{question} This cannot be undone. [y/N] ").map_err(failed)?;
        terminal.flush().map_err(failed)?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map_err(failed)?;
        match is_yes(&answer) {
            true => Ok(()),
            false => Err(CliError::failed("refused", "nothing was done")),
        }
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for yes in ["y\n", "Y\r\n", "yes", " Yes \n"] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "yess\n", "ja\n", "yes please\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
