//! How results leave the program: text for people, or one JSON object.

use std::io::{self, Write};

use serde::Serialize;

use crate::control::{Response, VolumeReport};
use crate::failure::{EXIT_OK, Failure, FailureCode};

/// Prints a response and chooses the exit code.
pub(super) fn response(response: &Response, json: bool) -> u8 {
    if json {
        self::json(&response_json(response));
    } else {
        print(super::show::text(response).as_bytes());
    }
    match response {
        Response::Verified(report) if !(report.damage.is_empty() && report.chain_intact) => {
            FailureCode::Damage.exit_code()
        }
        Response::Drilled(result) if result.verdict == drill::Verdict::Failed => FailureCode::Drill.exit_code(),
        Response::Volume(report) => of_volume(report),
        Response::Repaired(report) => of_volume(&report.volume),
        _ => EXIT_OK,
    }
}

/// The exit code of a command that shows one volume.
fn of_volume(report: &VolumeReport) -> u8 {
    report
        .problem
        .as_ref()
        .map_or(EXIT_OK, |problem| problem.code.exit_code())
}

/// Prints a failure and chooses the exit code.
pub(super) fn failure(failure: &Failure, json: bool) -> u8 {
    if json {
        self::json(&serde_json::json!({ "error": failure }));
    } else {
        let hint = failure
            .hint
            .as_ref()
            .map_or_else(String::new, |hint| format!("hint: {hint}\n"));
        // Nothing is left to be done where even the error can't be shown.
        let _ = io::stderr()
            .lock()
            .write_all(format!("error: {failure}\n{hint}").as_bytes());
    }
    failure.code.exit_code()
}

/// Prints one JSON object in a line.
pub(super) fn json(object: &impl Serialize) -> u8 {
    // A `Value` first: its fields are in the order of their names, whatever the order in the code.
    let line = serde_json::json!(object).to_string() + "\n";
    print(line.as_bytes());
    EXIT_OK
}

/// Prints bytes. A reader that went away (`| head`) is no failure.
pub(super) fn print(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// The object inside a response: its kind follows from the command.
fn response_json(response: &Response) -> serde_json::Value {
    match serde_json::to_value(response) {
        Ok(serde_json::Value::Object(object)) => object.into_iter().next().map(|(_, value)| value).unwrap_or_default(),
        Ok(other) => other,
        Err(error) => serde_json::json!({ "error": error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_object_inside_the_response() {
        let response = Response::Deleted {
            deleted: "disk".to_owned(),
        };
        assert_eq!(response_json(&response).to_string(), r#"{"deleted":"disk"}"#);
    }
}
