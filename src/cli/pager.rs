//! Long output on a terminal goes through a pager: `PAGER`, else `less -FRX`.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use super::failure::Failure;
use super::session::{Session, output};

/// Prints text through the pager where stdout is a terminal and `paged`; else plainly.
///
/// # Errors
/// Where stdout is closed or full.
pub fn print(session: &Session, text: &str, paged: bool) -> Result<(), Failure> {
    if !paged || !std::io::stdout().is_terminal() {
        return session.print(text);
    }
    let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let mut words = pager.as_deref().unwrap_or("less -FRX").split_whitespace();
    let Some(program) = words.next() else { return session.print(text) };
    let Ok(mut child) = Command::new(program).args(words).stdin(Stdio::piped()).spawn() else {
        return session.print(text);
    };
    if let Some(mut input) = child.stdin.take()
        && let Err(error) = input.write_all(text.as_bytes())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return Err(output(error));
    }
    child.wait().map_err(output)?;
    Ok(())
}
