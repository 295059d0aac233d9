//! The page that asks in the browser: a few small files, all of them part of this program.

use super::reply::{self, Keep, Reply};

/// A file of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: [Asset; 6] = [
    Asset {
        name: "",
        content_type: "text/html; charset=utf-8",
        content: include_str!("page/index.html"),
    },
    Asset {
        name: "page.css",
        content_type: "text/css; charset=utf-8",
        content: include_str!("page/page.css"),
    },
    Asset {
        name: "page.js",
        content_type: SCRIPT,
        content: include_str!("page/page.js"),
    },
    Asset {
        name: "asking.js",
        content_type: SCRIPT,
        content: include_str!("page/asking.js"),
    },
    Asset {
        name: "oblivious.js",
        content_type: SCRIPT,
        content: include_str!("page/oblivious.js"),
    },
    Asset {
        name: "ristretto.js",
        content_type: SCRIPT,
        content: include_str!("page/ristretto.js"),
    },
];

impl Asset {
    /// The file at a path below `/private/`.
    pub(super) fn at(path: &str) -> Option<Self> {
        ASSETS.into_iter().find(|asset| asset.name == path)
    }

    pub(super) fn reply(self) -> Reply {
        reply::body(self.content_type, Keep::Hour, self.content)
    }
}
