//! Who looks at a page, how they want it, and what they have just done.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::parts::Tone;
use crate::auth::SignedIn;
use crate::auth::cookie::named;
use crate::base64;
use crate::state::Shared;

/// The cookie of the chosen colours.
const THEME_COOKIE: &str = "holdfast-theme";
/// The cookie with what came of the form that was sent last: shown once.
const FLASH_COOKIE: &str = "holdfast-said";
/// A year.
const THEME_SECONDS: u32 = 365 * 24 * 3600;
/// What is longer than this isn't one of our messages.
const FLASH_BYTES_MAX: usize = 3000;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the system has it.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// For the cookie and the root element; none for the system's.
    pub(super) const fn name(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    /// The one that the switch goes to.
    pub(super) const fn next(self) -> Self {
        match self {
            Self::System => Self::Dark,
            Self::Dark => Self::Light,
            Self::Light => Self::System,
        }
    }

    /// What the switch to this one says.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::System => "Use the system's colours",
            Self::Light => "Use light colours",
            Self::Dark => "Use dark colours",
        }
    }

    /// The theme of a name; the system's for any other.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// The one that a browser's cookie asks for.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        named(headers, THEME_COOKIE).map_or(Self::System, Self::named)
    }

    /// The cookie that keeps it.
    pub(super) fn cookie(self) -> HeaderValue {
        let lasting = self.name().map_or(0, |_| THEME_SECONDS);
        let name = self.name().unwrap_or_default();
        header_value(&format!(
            "{THEME_COOKIE}={name}; Path=/; Max-Age={lasting}; HttpOnly; SameSite=Lax"
        ))
    }
}

/// What came of a form, for the page that is shown next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flash {
    /// Whether it went well.
    pub(super) tone: Tone,
    /// What happened.
    pub(super) text: String,
}

#[derive(Serialize, Deserialize)]
struct FlashText(bool, String);

impl Flash {
    /// Something was done.
    pub(super) fn good(text: impl Into<String>) -> Self {
        Self {
            tone: Tone::Good,
            text: text.into(),
        }
    }

    /// Something has to be known.
    pub(super) fn warn(text: impl Into<String>) -> Self {
        Self {
            tone: Tone::Warn,
            text: text.into(),
        }
    }

    fn of(headers: &HeaderMap) -> Option<Self> {
        let text = named(headers, FLASH_COOKIE).filter(|text| text.len() <= FLASH_BYTES_MAX)?;
        let FlashText(is_good, text) = serde_json::from_slice(&base64::from_url(text)?).ok()?;
        Some(if is_good { Self::good(text) } else { Self::warn(text) })
    }

    /// The cookie that carries it to the next page.
    pub(super) fn cookie(&self) -> HeaderValue {
        let text: String = self.text.chars().take(FLASH_BYTES_MAX / 8).collect();
        let json = serde_json::to_vec(&FlashText(self.tone == Tone::Good, text)).unwrap_or_default();
        let text = base64::url(&json);
        header_value(&format!(
            "{FLASH_COOKIE}={text}; Path=/; Max-Age=60; HttpOnly; SameSite=Strict"
        ))
    }

    /// The cookie's end, once it was shown.
    pub(super) fn gone() -> HeaderValue {
        HeaderValue::from_static("holdfast-said=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
    }
}

/// Who looks at a page: as an extractor it sends whoever isn't signed in to the page for that.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// Who.
    pub(super) signed_in: SignedIn,
    /// Light or dark.
    pub(super) theme: Theme,
    /// What came of the form sent before.
    pub(super) flash: Option<Flash>,
    /// The path and query that were asked for.
    pub(super) path: String,
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Response> {
        let signed_in = SignedIn::from_request_parts(parts, state).await?;
        Ok(Self {
            signed_in,
            theme: Theme::of(&parts.headers),
            flash: Flash::of(&parts.headers),
            path: parts
                .uri
                .path_and_query()
                .map_or("/", |place| place.as_str())
                .to_owned(),
        })
    }
}

fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;

    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let text = cookie.to_str().unwrap();
        let pair = text.split(';').next().unwrap();
        HeaderMap::from_iter([(header::COOKIE, pair.parse().unwrap())])
    }

    #[test]
    fn what_came_of_a_form_is_told_on_the_next_page() {
        let flash = Flash::warn("nothing is pinned; \"x\" \u{e9}");
        assert_eq!(Flash::of(&sent(&flash.cookie())), Some(flash));
        assert_eq!(Flash::of(&sent(&HeaderValue::from_static("holdfast-said=%%%"))), None);
        assert_eq!(Flash::of(&HeaderMap::new()), None);
    }

    #[test]
    fn a_theme_is_remembered() {
        for theme in [Theme::Light, Theme::Dark, Theme::System] {
            assert_eq!(Theme::of(&sent(&theme.cookie())), theme);
        }
        assert_eq!(
            Theme::of(&sent(&HeaderValue::from_static("holdfast-theme=\"><b"))),
            Theme::System
        );
    }
}
