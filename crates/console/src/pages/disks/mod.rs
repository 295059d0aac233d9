//! Disks: which there are, how one is, its history, its files, and everything that can be done with it.

mod files;
mod guard;
mod history;
mod list;
mod manage;
mod one;
mod restore;
mod routes;
mod timeline;

pub(super) use restore::path as restore_path;
pub(super) use routes::router;

use respond::people::Role;

use super::layout::{Page, Section};
use super::parts::Tone;
use crate::site::VolumeView;

/// The parts of a disk's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Now,
    History,
    Files,
    Guard,
    Manage,
}

impl Tab {
    const ALL: [(Self, &'static str, &'static str, Role); 5] = [
        (Self::Now, "", "Now", Role::Viewer),
        (Self::History, "/history", "History", Role::Viewer),
        (Self::Files, "/files", "Files", Role::Operator),
        (Self::Guard, "/guard", "Guard", Role::Viewer),
        (Self::Manage, "/manage", "Manage", Role::Viewer),
    ];
}

/// How a disk is, in a word.
fn state(volume: &VolumeView) -> (Tone, &'static str) {
    if volume.problem.is_some() {
        return (Tone::Bad, "can't be used");
    }
    if volume.no_space {
        return (Tone::Bad, "no space");
    }
    let guarded = volume.guard.as_ref().map_or("off", |guard| guard.state.as_str());
    match guarded {
        "fenced" => (Tone::Bad, "fenced"),
        "bookmarked" => (Tone::Warn, "suspicious"),
        _ if volume.damaged => (Tone::Warn, "damaged"),
        "calm" => (Tone::Good, "watched"),
        _ => (Tone::Quiet, "not watched"),
    }
}

/// A page of a disk, with the way to the others.
fn page(volume: &VolumeView, role: Role, tab: Tab, body: &maud::Markup) -> Page {
    let (tone, word) = state(volume);
    let title = volume.name.clone();
    let body = maud::html! {
        nav class="tabs" aria-label="Parts of this disk" {
            ul {
                @for (entry, path, name, _) in Tab::ALL.into_iter().filter(|(.., needed)| role.may(*needed)) {
                    li { a href={"/disks/" (volume.name) (path)} aria-current=[(entry == tab).then_some("page")] { (name) } }
                }
            }
        }
        (body)
    };
    Page::new(Section::Disks, title, body)
        .below("/disks", "Disks")
        .state(tone, word)
}

/// A page for one thing that is done with a disk.
fn below(volume: &str, title: impl Into<String>, body: maud::Markup) -> Page {
    Page::new(Section::Disks, title, body)
        .below("/disks", "Disks")
        .below(format!("/disks/{volume}"), volume)
}
