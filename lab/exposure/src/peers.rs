//! The same hashes in stores of others: keys of 20 bytes, counts of 4, loaded in order, which is their best case.

use std::path::Path;

use serde_json::{Value, json};

use crate::Result;
use crate::cost::Cost;
use crate::hashes::{HASH_BYTES, hash, next, sorted};

const LOOKUPS: u64 = 200_000;
type Row = ([u8; HASH_BYTES], u32);

/// Loads and asks one store in `folder`, which must be empty.
pub(crate) fn measure(name: &str, count: u64, folder: &Path) -> Result<Value> {
    std::fs::create_dir_all(folder)?;
    let rows = sorted(count);
    match name {
        "redb" => redb_store(folder, &rows),
        "fjall" => fjall_store(folder, &rows),
        "sqlite" => sqlite_store(folder, &rows),
        _ => Err("there is no such peer".into()),
    }
}

/// Asks for hashes that are there.
fn asked(count: usize, mut get: impl FnMut(&[u8]) -> Result<Option<u32>>) -> Result<f64> {
    let mut state = 7;
    let wanted: Vec<Row> = (0..LOOKUPS).map(|_| hash(next(&mut state) % count as u64)).collect();
    let mut nanoseconds = 0.0;
    // Once to fill the caches.
    for _ in 0..2 {
        let cost = Cost::begin();
        for (hash, count) in &wanted {
            if get(hash)? != Some(*count) {
                return Err("a count is wrong".into());
            }
        }
        nanoseconds = cost.processor() * 1e9 / LOOKUPS as f64;
    }
    Ok(nanoseconds)
}

fn figures(folder: &Path, rows: &[Row], build: &Value, get_ns: f64) -> Result<Value> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += entry.metadata()?.len();
            }
        }
    }
    Ok(json!({ "bytes_per_hash": bytes as f64 / rows.len() as f64, "hit_ns": get_ns, "build": build }))
}

fn redb_store(folder: &Path, rows: &[Row]) -> Result<Value> {
    const TABLE: redb::TableDefinition<'_, &[u8; HASH_BYTES], u32> = redb::TableDefinition::new("counts");
    let cost = Cost::begin();
    let mut store = redb::Database::create(folder.join("redb"))?;
    let transaction = store.begin_write()?;
    {
        let mut table = transaction.open_table(TABLE)?;
        for (hash, count) in rows {
            table.insert(hash, count)?;
        }
    }
    transaction.commit()?;
    store.compact()?;
    let build = cost.end();
    let transaction = redb::ReadableDatabase::begin_read(&store)?;
    let table = transaction.open_table(TABLE)?;
    let get_ns = asked(rows.len(), |hash| {
        let key: &[u8; HASH_BYTES] = hash.try_into()?;
        Ok(table.get(key)?.map(|count| count.value()))
    })?;
    figures(folder, rows, &build, get_ns)
}

fn fjall_store(folder: &Path, rows: &[Row]) -> Result<Value> {
    let cost = Cost::begin();
    let store = fjall::Database::builder(folder.join("fjall")).open()?;
    let counts = store.keyspace("counts", fjall::KeyspaceCreateOptions::default)?;
    let mut ingestion = counts.start_ingestion()?;
    for (hash, count) in rows {
        ingestion.write(hash.as_slice(), count.to_le_bytes())?;
    }
    ingestion.finish()?;
    store.persist(fjall::PersistMode::SyncAll)?;
    let build = cost.end();
    let get_ns = asked(rows.len(), |hash| {
        let found = counts.get(hash)?;
        Ok(found.and_then(|count| Some(u32::from_le_bytes(count.as_ref().try_into().ok()?))))
    })?;
    figures(folder, rows, &build, get_ns)
}

fn sqlite_store(folder: &Path, rows: &[Row]) -> Result<Value> {
    let cost = Cost::begin();
    let mut store = rusqlite::Connection::open(folder.join("sqlite"))?;
    store.execute_batch("create table counts (hash blob primary key, count integer not null) strict, without rowid")?;
    let transaction = store.transaction()?;
    {
        let mut insert = transaction.prepare("insert into counts values (?1, ?2)")?;
        for (hash, count) in rows {
            insert.execute((hash, count))?;
        }
    }
    transaction.commit()?;
    let build = cost.end();
    let mut get = store.prepare("select count from counts where hash = ?1")?;
    let get_ns = asked(rows.len(), |hash| {
        let mut found = get.query([hash])?;
        Ok(found.next()?.map(|row| row.get(0)).transpose()?)
    })?;
    drop(get);
    figures(folder, rows, &build, get_ns)
}
