//! Who gives a command: the holder of a token, or whoever uses the command line.

use std::io::Read;
use std::path::PathBuf;

use respond::people::{self, Role, Scope};
use respond::{Actor, Ledger};

use crate::cli::noted::{Noted, now};
use crate::failure::Failure;
use crate::user;

/// Names a file with a token of the console.
const TOKEN_VARIABLE: &str = "HOLDFAST_TOKEN_FILE";
/// The longest file, in bytes.
const TOKEN_BYTES_MAX: u64 = 4096;

/// Who gives this command.
pub(in crate::cli) fn actor(noted: &Noted<'_>) -> Result<Actor, Failure> {
    let Some(file) = std::env::var_os(TOKEN_VARIABLE).map(PathBuf::from) else {
        return Ok(user::this_one());
    };
    let shown = file.display();
    let mut text = String::new();
    std::fs::File::open(&file)
        .and_then(|file| file.take(TOKEN_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| Failure::io(format!("read the token in `{shown}`"), &error))?;
    let token = noted.ask_existing(|ledger: &Ledger| people::token(ledger, now(), text.trim()))?;
    let Some(token) = token else {
        return Err(
            Failure::refused(format!("what is in `{shown}` is no token that is valid"))
                .hint("make one in the console, under Settings"),
        );
    };
    if !token.made.scopes.contains(&Scope::Approvals) || !token.made.role.may(Role::Operator) {
        return Err(
            Failure::refused(format!("the token `{}` isn't for approvals", token.made.name))
                .hint("it needs the scope `approvals` and the role `operator` or `admin`"),
        );
    }
    Ok(Actor::Token(token.made.name))
}
