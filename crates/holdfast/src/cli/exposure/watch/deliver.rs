//! `holdfast exposure watch deliver`

use serde_json::json;

use super::Scene;
use crate::cli::output;
use crate::exposure_delivery::{self, Delivered, Schedule};
use crate::failure::{EXIT_OK, Failure, FailureCode};

pub(super) fn run(scene: &Scene<'_>, digest: bool) -> Result<u8, Failure> {
    let settings = scene.place.config()?.exposure;
    scene.place.prepare()?;
    let schedule = if digest { Schedule::Now } else { Schedule::Daily };
    let delivered = exposure_delivery::deliver(&settings, &scene.folder, schedule)?;
    if scene.common.json {
        let object = json!({
            "mails": delivered.mails,
            "webhook": delivered.webhook,
            "later": delivered.later,
            "callbacks": delivered.callbacks,
            "refused": delivered.refused,
            "moot": delivered.moot,
            "problems": delivered.problems,
        });
        output::print((object.to_string() + "\n").as_bytes());
    } else {
        output::print(text(&delivered).as_bytes());
    }
    Ok(if delivered.problems.is_empty() {
        EXIT_OK
    } else {
        FailureCode::Failure.exit_code()
    })
}

fn text(delivered: &Delivered) -> String {
    let mut text = format!(
        "delivered: {} by mail, {} to the webhook\n",
        delivered.mails, delivered.webhook
    );
    if delivered.callbacks > 0 {
        text += &format!("{} calls about prefixes were taken\n", delivered.callbacks);
    }
    for (count, what) in [
        (delivered.later, "not taken now, and tried again later"),
        (delivered.refused, "refused for good, and given up"),
        (delivered.moot, "not needed any more"),
    ] {
        if count > 0 {
            text += &format!("{count} {what}\n");
        }
    }
    for problem in &delivered.problems {
        text += &format!("problem: {problem}\n");
    }
    text
}
