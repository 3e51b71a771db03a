//! The command line as an operator has it: the built program, run to its end.

use super::TestServer;
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// It did what it was asked; gives the document it wrote.
    #[track_caller]
    pub fn expect_json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// It did what it was asked.
    #[track_caller]
    pub fn expect_done(&self) {
        assert_eq!(self.code, 0, "{self:?}");
    }

    /// It was refused with this exit code; gives what it said, on one line.
    #[track_caller]
    pub fn expect_refusal(&self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        self.stderr.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The program with no settings but these variables.
pub fn program(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().envs(variables.iter().copied()).current_dir("/");
    command
}

/// As [`program`], run by another command, of which these are the words.
pub fn program_below(prefix: &[String], variables: &[(&str, &str)]) -> Command {
    let Some((first, words)) = prefix.split_first() else { return program(variables) };
    let mut command = Command::new(first);
    command.args(words).arg(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().envs(variables.iter().copied()).current_dir("/");
    command
}

/// Runs a command on a terminal of its own, at which somebody types a line.
pub async fn run_on_terminal(
    variables: &[(&str, &str)],
    arguments: &[&str],
    line: &'static str,
) -> Ran {
    let program = env!("CARGO_BIN_EXE_countersign");
    let words = [&[program], arguments].concat();
    assert!(words.iter().all(|word| !word.contains(['\'', ' '])), "{words:?}");
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
    command.env_clear().envs(variables.iter().copied()).current_dir("/");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    ended(command, format!("{line}\n")).await
}

/// Runs a command to its end.
pub async fn run(variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    run_with(variables, arguments, "").await
}

/// As [`run`], with something on its standard input.
pub async fn run_with(variables: &[(&str, &str)], arguments: &[&str], input: &str) -> Ran {
    let mut command = program(variables);
    command.args(arguments);
    ended(command, input.to_owned()).await
}

async fn ended(mut command: Command, input: String) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        // A command that reads no input may have ended by now.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        Ran::of(child.wait_with_output().expect("it ends"))
    });
    ran.await.expect("the program ends")
}

impl TestServer {
    /// Runs a command beside this server, on its database and under its master key.
    pub async fn command(&self, arguments: &[&str]) -> Ran {
        self.command_with(arguments, "").await
    }

    /// As [`TestServer::command`], with something on its standard input.
    pub async fn command_with(&self, arguments: &[&str], input: &str) -> Ran {
        run_with(&self.variables(), arguments, input).await
    }

    /// As [`TestServer::command`], on a terminal where somebody types a line.
    pub async fn command_on_terminal(&self, arguments: &[&str], line: &'static str) -> Ran {
        run_on_terminal(&self.variables(), arguments, line).await
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        let key = self.master_key();
        let mut variables = vec![("COUNTERSIGN_DATABASE_URL", self.database_url())];
        variables.extend(key.map(|key| ("COUNTERSIGN_MASTER_KEY", key)));
        variables
    }
}
