//! The web pages: server-rendered, useful without scripts, live with them.
//!
//! A page's way: `visitor` says who asks -> a handler in `routes` or below asks the site and the ledger on a thread that may wait
//! (`frame::show`) -> a function of data makes the page (`layout::Page`) -> `layout::document` puts it into its frame. A form's way:
//! `frame::act` does what it asks for and leads on to a page that says what came of it (POST, redirect, GET).

mod alerts;
mod assets;
mod audit;
mod code;
mod disks;
mod drills;
mod exposure;
mod frame;
mod incidents;
mod investigation;
mod layout;
mod links;
mod next;
mod overview;
mod parts;
mod policies;
mod requests;
mod routes;
mod rules;
mod set_up;
mod settings;
mod sign_in;
mod visitor;
mod words;

use axum::Router;
use axum::response::{IntoResponse, Response};
use maud::html;

pub(crate) use assets::ASSETS;
pub(crate) use overview::{is_diverted, unwatched};
pub(crate) use routes::problems;

use crate::problem::Refusal;
use crate::state::Shared;
use visitor::Theme;

/// The pages' routes.
pub fn router() -> Router<Shared> {
    Router::new()
        .merge(sign_in::router())
        .merge(set_up::router())
        .merge(routes::router())
        .merge(disks::router())
        .merge(incidents::router())
        .merge(settings::router())
}

/// What went wrong, for whoever isn't signed in.
fn plain_problem(refusal: &Refusal, theme: Theme) -> Response {
    let body = html! {
        (sign_in::problem(refusal))
        p { a class="button" href="/" { "To the first page" } }
    };
    (refusal.status, layout::alone("That didn't work", theme, &[], &body)).into_response()
}
