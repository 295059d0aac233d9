//! `holdfast console certificate`

use serde_json::json;

use super::Scene;
use crate::cli::output;
use crate::console_site::certificate::{names, own};
use crate::failure::{EXIT_OK, Failure, FailureCode};

pub(super) fn run(scene: &Scene<'_>) -> Result<u8, Failure> {
    let settings = scene.place.config()?.console;
    if let Some((certificate, _)) = &settings.certificate_and_key {
        return Err(Failure::refused(format!(
            "the console uses the certificate `{}`, not one of its own",
            certificate.display()
        ))
        .hint("import the authority that signed it"));
    }
    scene.place.prepare()?;
    let own = own(&scene.place.data);
    own.prepare(&names(&settings), scene.now)
        .map_err(|error| Failure::new(FailureCode::Failure, error.to_string()))?;
    let file = own.authority();
    let text =
        std::fs::read_to_string(&file).map_err(|error| Failure::io(format!("read `{}`", file.display()), &error))?;
    if scene.is_json {
        return Ok(output::json(
            &json!({ "file": file, "authority": text, "names": names(&settings) }),
        ));
    }
    output::print(text.as_bytes());
    Ok(EXIT_OK)
}
