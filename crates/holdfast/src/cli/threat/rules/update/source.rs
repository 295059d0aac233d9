//! Where new rules come from: a folder, an archive, or an address from which an archive is fetched.
//!
//! Nothing of an archive is unpacked to the disk: texts of rules are taken from it, bounded in number and size, and a name that leads out of it
//! has the whole refused.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use logs::open::{Found, Limits, Problem, Sink, read};

use crate::cli::progress::Shown;
use crate::control::Progress;
use crate::failure::{Failure, FailureCode};
use crate::rule_files;
use crate::scratch::ScratchFolder;
use crate::web;

/// The largest archive that is fetched.
const FETCHED_BYTES_MAX: u64 = 128 << 20;
/// How long fetching may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Redirections that are followed: releases lie behind one or two.
const REDIRECTS_MAX: u32 = 5;
/// Files of rules.
const FILES_MAX: usize = 50_000;
/// Bytes of one, and of all.
const FILE_BYTES_MAX: u64 = 4 << 20;
const ALL_BYTES_MAX: usize = 256 << 20;
/// What an archive may unpack to, and how many times its size: rules are packed to a tenth.
const UNPACKED_BYTES_MAX: u64 = 1 << 30;
const RATIO_MAX: u64 = 100;
const RATIO_FREE_BYTES: u64 = 32 << 20;
/// Characters of a name.
const NAME_MAX: usize = 255;
const PATH_MAX: usize = 1024;

/// Where rules are.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    /// Holds what was fetched.
    _fetched: Option<ScratchFolder>,
}

impl Source {
    /// A path, or what lies at an address.
    pub(super) fn of(from: &str, shown: &mut Shown) -> Result<Self, Failure> {
        if !from.contains("://") {
            return Ok(Self {
                path: PathBuf::from(from),
                _fetched: None,
            });
        }
        let folder = ScratchFolder::made("rules")?;
        let path = folder.path().join("fetched");
        fetch(from, &path, shown)?;
        Ok(Self {
            path,
            _fetched: Some(folder),
        })
    }

    /// Files of rules and of examples, by their names within it, in the order of those.
    pub(super) fn files(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut files = if self.path.is_dir() {
            self.of_folder()?
        } else {
            self.of_archive()?
        };
        files.sort();
        if files.is_empty() {
            return Err(
                Failure::not_found("there are no rules in it").hint("rules are files that end with `.yml` or `.yaml`")
            );
        }
        Ok(files)
    }

    fn of_folder(&self) -> Result<Vec<(String, String)>, Failure> {
        let texts = rule_files::texts(std::slice::from_ref(&self.path), is_text)?;
        let inner = |file: &str| {
            Path::new(file)
                .strip_prefix(&self.path)
                .ok()?
                .to_str()
                .map(str::to_owned)
        };
        let mut taking = Taking::default();
        for text in texts {
            if let Some(name) = inner(&text.file) {
                taking.add(&name, text.text).map_err(Failure::refused)?;
            }
        }
        Ok(taking.files)
    }

    fn of_archive(&self) -> Result<Vec<(String, String)>, Failure> {
        let bytes = std::fs::metadata(&self.path)
            .map_err(|error| Failure::io(format!("can't read `{}`", self.path.display()), &error))?
            .len();
        let found = Found {
            path: self.path.clone(),
            bytes,
        };
        let limits = Limits {
            members_max: FILES_MAX * 2,
            unpacked_bytes_max: UNPACKED_BYTES_MAX,
            ratio_max: RATIO_MAX,
            ratio_free_bytes: RATIO_FREE_BYTES,
            ..Limits::default()
        };
        let mut members = Members {
            prefix: format!("{} > ", self.path.display()),
            taking: Taking::default(),
            refused: None,
        };
        read(&found, &limits, &|_| true, &mut members);
        match members.refused {
            Some(why) => Err(Failure::refused(format!("the archive is refused: {why}"))
                .hint("the rules that are there stay; look at where it comes from")),
            None => Ok(members.taking.files),
        }
    }
}

/// Takes members of an archive.
struct Members {
    prefix: String,
    taking: Taking,
    refused: Option<String>,
}

impl Sink for Members {
    fn log(&mut self, name: threat::input::Source, content: &mut dyn Read) -> bool {
        let taken = match name.strip_prefix(&self.prefix) {
            Some(member) => self.taking.member(member, content),
            None => Err("it is neither a zip nor a tar archive".to_owned()),
        };
        if let Err(why) = taken {
            self.refused.get_or_insert(why);
        }
        self.refused.is_none()
    }

    fn problem(&mut self, problem: Problem) {
        let member = problem.name.strip_prefix(&self.prefix).unwrap_or_default();
        // What isn't a rule needn't be readable.
        if member.is_empty() || is_text(member) {
            self.refused.get_or_insert(format!("{member}: {}", problem.reason));
        }
    }
}

/// Files so far, bounded.
#[derive(Default)]
struct Taking {
    files: Vec<(String, String)>,
    names: BTreeSet<String>,
    bytes: usize,
}

impl Taking {
    fn member(&mut self, name: &str, content: &mut dyn Read) -> Result<(), String> {
        let clean = clean(name)?;
        if !is_text(&clean) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        content
            .take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("`{name}`: {error}"))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(format!("`{name}` has more than {FILE_BYTES_MAX} bytes"));
        }
        self.add(&clean, String::from_utf8_lossy(&bytes).into_owned())
    }

    fn add(&mut self, name: &str, text: String) -> Result<(), String> {
        let name = clean(name)?;
        self.bytes += text.len();
        if self.files.len() >= FILES_MAX || self.bytes > ALL_BYTES_MAX {
            return Err(format!(
                "it has more than {FILES_MAX} files or {ALL_BYTES_MAX} bytes of rules"
            ));
        }
        if !self.names.insert(name.clone()) {
            return Err(format!("`{name}` is in it twice"));
        }
        self.files.push((name, text));
        Ok(())
    }
}

/// Whether a file of this name is taken. Hidden ones are for other tools.
fn is_text(name: &str) -> bool {
    let is_hidden = name.split('/').any(|part| part.starts_with('.') && part != ".");
    (name.ends_with(".yml") || name.ends_with(".yaml")) && !is_hidden
}

/// A name within the archive; an error if it leads out of it, or could be taken for another.
fn clean(name: &str) -> Result<String, String> {
    let wrong = || format!("`{}` leads out of it, or is no ordinary name", name.escape_debug());
    if name.len() > PATH_MAX || name.contains('\\') || name.chars().any(char::is_control) {
        return Err(wrong());
    }
    let mut parts = Vec::new();
    for component in Path::new(name).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => {
                let part = part.to_str().filter(|part| part.len() <= NAME_MAX);
                parts.push(part.ok_or_else(wrong)?);
            }
            _ => return Err(wrong()),
        }
    }
    if parts.is_empty() {
        return Err(wrong());
    }
    Ok(parts.join("/"))
}

/// Fetches what lies at an address, bounded in time and size.
fn fetch(url: &str, path: &Path, shown: &mut Shown) -> Result<(), Failure> {
    if !(url.starts_with("https://") || is_local(url)) {
        return Err(Failure::refused(format!("`{url}`: rules are fetched by https only"))
            .hint("whoever can change what is sent decides what isn't found; download it by other means, and name the file"));
    }
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(FailureCode::Failure, format!("`{url}` can't be fetched: {why}"))
            .hint("the rules that are there stay; `--from` takes a file, too")
    };
    let agent = web::agent(url, "--from", PATIENCE, REDIRECTS_MAX)?;
    let mut answer = agent.get(url).call().map_err(|error| failed(&error))?;
    if answer.status() != 200 {
        return Err(failed(&format!("it answered `{}`", answer.status())));
    }
    let total = answer.body().content_length().unwrap_or(0);
    let mut reader = answer.body_mut().with_config().limit(FETCHED_BYTES_MAX).reader();
    let mut file = File::create_new(path).map_err(|error| Failure::io(format!("make `{}`", path.display()), &error))?;
    copy(&mut reader, &mut file, total, shown).map_err(|error| failed(&error))
}

fn copy(reader: &mut dyn Read, file: &mut File, total: u64, shown: &mut Shown) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut done = 0;
    loop {
        let length = reader.read(&mut buffer)?;
        let Some(part) = buffer.get(..length).filter(|part| !part.is_empty()) else {
            return Ok(());
        };
        file.write_all(part)?;
        done += length as u64;
        if shown.update(done, total.max(done)) == ControlFlow::Break(()) {
            return Err(io::Error::other("it was broken off"));
        }
    }
}

/// Whether an address is of this machine, where nobody else can change what is sent.
fn is_local(url: &str) -> bool {
    ["http://127.0.0.1:", "http://[::1]:"]
        .iter()
        .any(|local| url.strip_prefix(local).is_some_and(|rest| !rest.contains('@')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_refused() {
        for name in [
            "../a.yml",
            "a/../../b.yml",
            "/etc/a.yml",
            "a\\..\\b.yml",
            "",
            ".",
            "a\n.yml",
            "a\0.yml",
        ] {
            assert!(clean(name).is_err(), "{name:?}");
        }
        assert_eq!(clean("./a/./b.yml").unwrap(), "a/b.yml");
        assert!(clean(&"x".repeat(300)).is_err());
    }

    #[test]
    fn only_visible_files_of_rules_are_taken() {
        assert!(is_text("rules/a.yml") && is_text("a.yaml") && is_text("a.examples.yml"));
        assert!(!is_text(".github/workflows/a.yml") && !is_text("README.md"));
    }

    #[test]
    fn rules_are_fetched_by_https_or_from_this_machine() {
        assert!(is_local("http://127.0.0.1:8000/x.zip"));
        for url in [
            "http://example.org/",
            "http://127.0.0.1.example.org/",
            "http://127.0.0.1:1@example.org/",
        ] {
            assert!(!is_local(url), "{url}");
        }
    }

    #[test]
    fn a_name_that_comes_twice_is_refused() {
        let mut taking = Taking::default();
        taking.add("a.yml", String::new()).unwrap();
        assert!(taking.add("./a.yml", String::new()).unwrap_err().contains("twice"));
    }
}
