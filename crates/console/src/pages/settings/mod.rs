//! Settings: one's own ways in, people, tokens, notices, and the configuration in force.

mod configuration;
mod notices;
mod own;
mod people;
mod routes;
mod tokens;

pub(super) use routes::router;

use maud::{Markup, html};
use respond::people::Role;

use super::layout::{Page, Section};
use super::visitor::Visitor;

/// The parts of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Own,
    People,
    Tokens,
    Notices,
    Configuration,
}

impl Tab {
    const ALL: [(Self, &'static str, &'static str, Role); 5] = [
        (Self::Own, "/settings", "Your account", Role::Viewer),
        (Self::People, "/settings/people", "People", Role::Admin),
        (Self::Tokens, "/settings/tokens", "Tokens", Role::Admin),
        (Self::Notices, "/settings/notices", "Notices", Role::Operator),
        (
            Self::Configuration,
            "/settings/configuration",
            "Configuration",
            Role::Auditor,
        ),
    ];
}

fn page(visitor: &Visitor, tab: Tab, body: &Markup) -> Page {
    let role = visitor.signed_in.role;
    let body = html! {
        nav class="tabs" aria-label="Parts of the settings" {
            ul {
                @for (entry, path, name, _) in Tab::ALL.into_iter().filter(|(.., needed)| role.may(*needed)) {
                    li { a href=(path) aria-current=[(entry == tab).then_some("page")] { (name) } }
                }
            }
        }
        (body)
    };
    Page::new(Section::Settings, "Settings", body)
}
