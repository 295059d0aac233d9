//! How fast breaches are taken in: made-up ones of several shapes, through the same code as `holdfast exposure import breach`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

use exposure::accounts::AccountsWriter;
use exposure::ingest::{About, Import, MEMORY_BYTES};
use serde_json::{Value, json};

use crate::Result;
use crate::cost::Cost;
use crate::hashes::next;

/// How a made-up breach is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `address:password`
    Credentials,
    /// `url:login:password`, as malware logs it
    Logs,
    /// A table with a heading.
    Table,
    /// `INSERT` with many rows in a line, as MySQL dumps them.
    Dump,
    /// Objects of JSON, one a line.
    Json,
}

impl Shape {
    pub(crate) const ALL: [(&'static str, Self); 5] = [
        ("credentials", Self::Credentials),
        ("logs", Self::Logs),
        ("table", Self::Table),
        ("dump", Self::Dump),
        ("json", Self::Json),
    ];

    pub(crate) fn named(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|(other, _)| *other == name);
        found.map(|(_, shape)| shape).ok_or_else(|| "no such shape".into())
    }
}

/// Writes a breach of so many people.
pub(crate) fn write(path: &Path, people: u64, shape: Shape) -> Result<Value> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    if shape == Shape::Table {
        writeln!(out, "id,email,name,password,joined")?;
    }
    let mut state = 1;
    for number in 0..people {
        let mixed = next(&mut state);
        let address = format!("{:x}.{number}@mail{}.example.com", mixed >> 52, (mixed >> 40) % 5000);
        let password = format!("Pass{}!", mixed % 3_000_000);
        match shape {
            Shape::Credentials => writeln!(out, "{address}:{password}")?,
            Shape::Logs => writeln!(
                out,
                "https://site{}.example.com/login:{address}:{password}",
                mixed % 997
            )?,
            Shape::Table => writeln!(out, "{number},{address},Some Body,{password},2024-05-06")?,
            Shape::Json => writeln!(
                out,
                r#"{{"id":{number},"email":"{address}","name":"Some Body","password":"{password}"}}"#
            )?,
            Shape::Dump => {
                if number % 100 == 0 {
                    let end = if number == 0 { "" } else { ";\n" };
                    write!(out, "{end}INSERT INTO `users` (`id`,`email`,`name`,`password`) VALUES ")?;
                } else {
                    write!(out, ",")?;
                }
                write!(out, "({number},'{address}','Some Body','{password}')")?;
            }
        }
    }
    if shape == Shape::Dump {
        writeln!(out, ";")?;
    }
    out.flush()?;
    Ok(json!({ "people": people, "bytes": std::fs::metadata(path)?.len() }))
}

/// Imports a breach into the monitor in `folder`: time, memory, records a second.
pub(crate) fn import(file: &Path, folder: &Path) -> Result<Value> {
    std::fs::create_dir_all(folder)?;
    let import = Import {
        paths: vec![file.to_owned()],
        about: About::parse("name = 'Synthetic'")?,
        memory_bytes: MEMORY_BYTES,
        now: 0,
    };
    let cost = Cost::begin();
    let mut writer = AccountsWriter::open(folder)?;
    let mut read = 0.0;
    let store = folder.join("passwords");
    let imported = import.run(&mut writer, &mut |_, _| ControlFlow::Continue(()), &mut |hashes| {
        read = cost.seconds();
        hashes.keep(&store, "Synthetic", 0)
    })?;
    let seconds = cost.seconds();
    Ok(json!({
        "records": imported.counts.records,
        "accounts": imported.loaded.accounts,
        "passwords": imported.counts.passwords,
        "records_per_second": (imported.counts.records as f64 / seconds).round(),
        "seconds_until_passwords": read,
        "cost": cost.end(),
    }))
}
