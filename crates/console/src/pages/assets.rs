//! What pages load: style sheets, scripts and the icon. Everything is part of the program; nothing comes from elsewhere.

use crate::assets::{Asset, path};

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The files, by the name that pages ask for.
pub(crate) const ASSETS: &[Asset] = &[
    asset("console.css", STYLE, include_bytes!("../../assets/console.css")),
    asset("console.js", SCRIPT, include_bytes!("../../assets/console.js")),
    asset("chart.js", SCRIPT, include_bytes!("../../assets/chart.js")),
    asset("sign-in.js", SCRIPT, include_bytes!("../../assets/sign-in.js")),
    asset("icon.svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
    asset("htmx.js", SCRIPT, include_bytes!("../../assets/vendor/htmx.min.js")),
    asset("uplot.js", SCRIPT, include_bytes!("../../assets/vendor/uplot.min.js")),
    asset("uplot.css", STYLE, include_bytes!("../../assets/vendor/uplot.min.css")),
];

const fn asset(name: &'static str, content_type: &'static str, content: &'static [u8]) -> Asset {
    Asset {
        name,
        content_type,
        content,
    }
}

/// The address of one of the files.
pub(super) fn place(name: &str) -> &'static str {
    path(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VENDORED: [&str; 3] = ["htmx.js", "uplot.js", "uplot.css"];

    #[test]
    fn the_style_sheet_stays_small() {
        let style = ASSETS.iter().find(|asset| asset.name == "console.css").unwrap();
        assert!(style.content.len() < 25_000, "{} bytes", style.content.len());
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere_and_nothing_evaluates_text() {
        for asset in ASSETS.iter().filter(|asset| !VENDORED.contains(&asset.name)) {
            let text = std::str::from_utf8(asset.content).unwrap();
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for forbidden in [
                "http://",
                "https://",
                "eval(",
                "new Function",
                "innerHTML",
                "document.write",
                "@import",
            ] {
                assert!(!text.contains(forbidden), "{} has `{forbidden}`", asset.name);
            }
        }
    }
}
