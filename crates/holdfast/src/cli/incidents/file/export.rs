//! `holdfast incidents file N export`: all of it in one folder, with a list of hashes that tells whether it is whole.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::Args;
use respond::case_file::DraftKind;
use respond::case_file::drafts::{Draft, DraftState, drafts};
use respond::case_file::timeline::{as_csv, as_html, as_text};
use serde_json::json;

use super::material::Gathered;
use super::resets::{Whose, write_list};
use super::scene::{Scene, write_file};
use super::{clocks, facts, paper};
use crate::cli::show::count;
use crate::failure::Failure;
use crate::hex::hex;

/// The list of hashes, in the form that `sha256sum --check` reads. It is written last: a folder without it isn't whole.
const MANIFEST: &str = "SHA256SUMS";
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 1 << 16;

/// `holdfast incidents file N export`
#[derive(Debug, PartialEq, Eq, Args)]
pub(super) struct ExportArguments {
    /// The folder to be made
    folder: PathBuf,
    /// A list of the affected accounts: adds the list of resets
    #[arg(long, value_name = "FILE")]
    addresses: Option<PathBuf>,
    /// The breach of the breach monitor that holds the affected list: adds the list of resets
    #[arg(long, value_name = "NAME")]
    breach: Option<String>,
}

pub(super) fn run(scene: &Scene<'_>, task: &ExportArguments) -> Result<u8, Failure> {
    let gathered = Gathered::of(scene)?;
    // Personal data is in it: nobody else looks into the folder.
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&task.folder)
        .map_err(|error| Failure::io(format!("make `{}`", task.folder.display()), &error))?;
    let mut files = Files {
        folder: &task.folder,
        names: Vec::new(),
    };
    write_all(scene, &gathered, &mut files)?;
    if task.addresses.is_some() || task.breach.is_some() {
        let whose = Whose {
            addresses: task.addresses.clone(),
            breach: task.breach.clone(),
        };
        let name = "resets.csv";
        write_list(scene, &whose, &task.folder.join(name), false)?;
        files.names.push(name.to_owned());
    }
    let written = files.names.len() as u64;
    files.finish()?;
    let mut text = format!(
        "wrote {} into `{}`; `sha256sum --check {MANIFEST}` in it tells whether they are as they were\n",
        count(written, "file"),
        task.folder.display()
    );
    for remark in &gathered.remarks {
        text += &format!("note: {remark}\n");
    }
    Ok(scene.tell(
        &json!({ "folder": task.folder, "files": written, "remarks": gathered.remarks }),
        &text,
    ))
}

fn write_all(scene: &Scene<'_>, gathered: &Gathered, files: &mut Files<'_>) -> Result<(), Failure> {
    files.add("timeline.txt", as_text(&gathered.timeline, &scene.zone).as_bytes())?;
    files.add("timeline.csv", as_csv(&gathered.timeline).as_bytes())?;
    files.add("timeline.html", as_html(&gathered.timeline, &scene.zone).as_bytes())?;
    files.add("timeline.json", json!(gathered.timeline).to_string().as_bytes())?;
    files.add("facts.txt", facts::as_table(&gathered.facts).as_bytes())?;
    files.add("facts.csv", facts::as_csv(&gathered.facts).as_bytes())?;
    files.add("facts.json", json!({ "facts": gathered.facts }).to_string().as_bytes())?;
    files.add("clocks.txt", clocks::as_text(&gathered.clocks).as_bytes())?;
    files.add(
        "clocks.json",
        json!({ "clocks": gathered.clocks }).to_string().as_bytes(),
    )?;
    let kept = scene.ask(|ledger| drafts(ledger, scene.id))?;
    for kind in DraftKind::ALL {
        let is_newest = |draft: &&Draft| draft.kind == kind && draft.state != DraftState::Replaced;
        let (state, text) = match kept.iter().find(is_newest) {
            Some(draft) if draft.state != DraftState::Made => (draft.state.name(), draft.text.clone()),
            Some(draft) => ("draft", draft.text.clone()),
            None => ("draft", gathered.render(scene, kind)?.text),
        };
        files.add(&format!("{}.{state}.txt", kind.name()), text.as_bytes())?;
    }
    files.add("paper-pack.pdf", &paper::of_incident(scene, gathered)?)
}

/// Files that were written, and where.
struct Files<'a> {
    folder: &'a Path,
    names: Vec<String>,
}

impl Files<'_> {
    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        write_file(&self.folder.join(name), bytes, false)?;
        self.names.push(name.to_owned());
        Ok(())
    }

    /// Writes the list of hashes, of the files as they are on the disk.
    fn finish(mut self) -> Result<(), Failure> {
        self.names.sort();
        let mut list = String::new();
        for name in &self.names {
            list += &format!("{}  {name}\n", sha256(&self.folder.join(name))?);
        }
        write_file(&self.folder.join(MANIFEST), list.as_bytes(), false)
    }
}

fn sha256(path: &Path) -> Result<String, Failure> {
    let unreadable = |error| Failure::io(format!("read `{}`", path.display()), &error);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk).map_err(unreadable)?;
        if read == 0 {
            return Ok(hex(context.finish().as_ref()));
        }
        context.update(chunk.get(..read).unwrap_or_default());
    }
}
