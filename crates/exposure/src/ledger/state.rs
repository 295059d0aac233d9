//! By what it shows that somebody was added or taken away.

use super::Ledger;
use crate::Error;

impl Ledger {
    /// Numbers that differ as soon as a breach was loaded, loaded again or taken away, or somebody was erased.
    pub(crate) fn state_of_accounts(&self) -> Result<Vec<i64>, Error> {
        let query = "select id, breach from load union all select count(*), coalesce(max(at), 0) from erasure";
        self.tried((|| {
            let mut statement = self.connection.prepare(query)?;
            let rows = statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?]))?;
            let pairs: Vec<[i64; 2]> = rows.collect::<rusqlite::Result<_>>()?;
            Ok(pairs.concat())
        })())
    }
}
