//! One name with what is known of it: a line of `ls` and `find`.

use files::{FileSystem, Found, Metadata, NodeId, NodeKind};
use serde::Serialize;

use super::text::{PathText, kind_name, local, permissions, printable, utc};
use crate::size::format_size;

/// A name with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The path.
    pub path: Vec<u8>,
    /// What it leads to.
    pub node: NodeId,
    /// What that is.
    pub kind: NodeKind,
    /// What is known of it; `None` if it can't be read, or wasn't asked for.
    pub metadata: Option<Box<Metadata>>,
    /// Where a link leads.
    pub target: Option<Vec<u8>>,
}

/// A [`Row`] in `--json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowObject {
    #[serde(flatten)]
    path: PathText,
    kind: &'static str,
    node: u64,
    #[serde(flatten)]
    metadata: Option<MetadataObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

/// Metadata in `--json`: what a file system doesn't have is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct MetadataObject {
    size_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<u32>,
    links: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accessed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
}

impl Row {
    /// A row with everything that is known.
    #[must_use]
    pub fn whole(fs: &dyn FileSystem, path: Vec<u8>, node: NodeId, kind: NodeKind) -> Self {
        let metadata = fs.metadata(node).ok().map(Box::new);
        let target = (kind == NodeKind::Symlink).then(|| fs.link_target(node).ok()).flatten();
        Self {
            path,
            node,
            kind,
            metadata,
            target,
        }
    }

    /// A row of what a walk found.
    #[must_use]
    pub fn of(fs: &dyn FileSystem, found: &Found<'_>, with_metadata: bool) -> Self {
        if with_metadata {
            return Self::whole(fs, found.path.to_vec(), found.node, found.kind);
        }
        Self {
            path: found.path.to_vec(),
            node: found.node,
            kind: found.kind,
            metadata: None,
            target: None,
        }
    }

    /// As `--json` has it.
    #[must_use]
    pub fn object(&self) -> RowObject {
        RowObject {
            path: PathText::new(&self.path),
            kind: kind_name(self.kind),
            node: self.node.0,
            metadata: self.metadata.as_deref().map(MetadataObject::new),
            target: self
                .target
                .as_ref()
                .map(|target| String::from_utf8_lossy(target).into_owned()),
        }
    }

    /// As a line of `ls -l` has it, with a name that may be the path's last component alone.
    #[must_use]
    pub fn long(&self, name: &[u8], exact: bool) -> String {
        let number = |number: Option<u32>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let metadata = self.metadata.as_deref();
        let size = metadata.map_or_else(
            || "?".to_owned(),
            |metadata| match metadata.device {
                Some((major, minor)) => format!("{major}, {minor}"),
                None if exact => metadata.size_bytes.to_string(),
                None => format_size(metadata.size_bytes),
            },
        );
        let target = self.target.as_ref().map(|target| format!(" -> {}", printable(target)));
        format!(
            "{} {:>3} {:>5} {:>5} {:>11} {:>19} {}{}\n",
            permissions(self.kind, metadata.and_then(|metadata| metadata.mode)),
            metadata.map_or_else(|| "?".to_owned(), |metadata| metadata.links.to_string()),
            number(metadata.and_then(|metadata| metadata.owner)),
            number(metadata.and_then(|metadata| metadata.group)),
            size,
            local(metadata.and_then(|metadata| metadata.modified)),
            printable(name),
            target.unwrap_or_default()
        )
    }

    /// As a line of plain `ls` has it: folders with a slash.
    #[must_use]
    pub fn short(&self, name: &[u8]) -> String {
        let slash = if self.kind == NodeKind::Folder && !name.ends_with(b"/") {
            "/"
        } else {
            ""
        };
        format!("{}{slash}\n", printable(name))
    }
}

impl MetadataObject {
    /// As `--json` has it.
    #[must_use]
    pub fn new(metadata: &Metadata) -> Self {
        let time = |time: Option<files::Time>| time.and_then(utc);
        Self {
            size_bytes: metadata.size_bytes,
            mode: metadata.mode.map(|mode| format!("{mode:04o}")),
            owner: metadata.owner,
            group: metadata.group,
            links: metadata.links,
            modified: time(metadata.modified),
            changed: time(metadata.changed),
            accessed: time(metadata.accessed),
            created: time(metadata.created),
        }
    }
}
