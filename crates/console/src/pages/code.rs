//! QR codes: a secret for an authenticator app, without typing it.

use maud::{Markup, html};
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code that readers need.
const QUIET_ZONE: usize = 4;

/// A text as a picture; nothing if it is too long for one.
pub(super) fn qr(text: &str) -> Markup {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else {
        return html! {};
    };
    let width = code.width();
    let side = width + 2 * QUIET_ZONE;
    html! {
        svg class="qr" role="img" aria-label="QR code for the authenticator app" viewBox={"0 0 " (side) " " (side)} shape-rendering="crispEdges" {
            path fill="#000" d=(path(&code.to_colors(), width)) {}
        }
    }
}

/// The dark modules, a square each.
fn path(modules: &[Color], width: usize) -> String {
    let dark = modules.iter().enumerate().filter(|(_, module)| **module == Color::Dark);
    let squares =
        dark.map(|(place, _)| format!("M{} {}h1v1h-1z", place % width + QUIET_ZONE, place / width + QUIET_ZONE));
    squares.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_and_what_is_too_long_is_left_out() {
        let drawn = qr("otpauth://totp/a").into_string();
        assert!(
            drawn.contains("viewBox=\"0 0 33 33\"") && drawn.contains("M4 4h1v1h-1z"),
            "{drawn}"
        );
        assert_eq!(qr(&"x".repeat(10_000)).into_string(), "");
    }
}
