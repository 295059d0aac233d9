//! What an index is made from, in short: by it a server finds out whether the index is still that of its data.

use ring::digest::{Context, SHA256};

use crate::Error;
use crate::hexadecimal;
use crate::ledger::Ledger;

/// A name for the present state of everything that an index depends on: which imports count, what the catalogue says of the breaches,
/// and who was erased. Equal exactly if nothing of this changed.
///
/// # Errors
/// When the ledger can't be read.
pub fn source_of(ledger: &Ledger) -> Result<String, Error> {
    let mut context = Context::new(&SHA256);
    for (id, breach) in ledger.breaches()? {
        context.update(&id.0.to_le_bytes());
        context.update(&serde_json::to_vec(&breach).expect("a breach is JSON"));
    }
    for number in ledger.state_of_accounts()? {
        context.update(&number.to_le_bytes());
    }
    Ok(hexadecimal::lower(context.finish().as_ref()))
}
