//! Addresses of web servers in the configuration, and the webhooks of both tables that have one.

use std::path::Path;

use super::guard_table::WebhookSettings;

/// Checks that a setting is an address that a message can be sent to; `key` is how it is called (`[guard] webhook`). It may have a query.
pub(super) fn web_address(key: &str, url: &str) -> Result<String, String> {
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let is_plain = |rest: &str| {
        !rest.starts_with(['/', '?', '#', ':'])
            && !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"#<>\"".contains(&byte))
    };
    if !host.is_some_and(is_plain) {
        return Err(format!(
            "{key}: `{url}` is no address of a web server; write it like `https://alerts.example.org/holdfast`"
        ));
    }
    Ok(url.to_owned())
}

/// The webhook of a table (`[guard]`), if it has one.
pub(super) fn webhook(
    table: &str,
    url: Option<&str>,
    secret_file: Option<&Path>,
) -> Result<Option<WebhookSettings>, String> {
    match url {
        Some(url) => Ok(Some(WebhookSettings {
            url: web_address(&format!("{table} webhook"), url)?,
            secret_file: secret_file.map(Path::to_owned),
        })),
        None if secret_file.is_some() => Err(format!(
            "{table}: `webhook_secret_file` signs nothing without `webhook`"
        )),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_of_both_tables_are_checked_alike() {
        for url in [
            "https://a.example",
            "http://10.0.0.1:8080/x?token=abc&y=1",
            "https://user:secret@a.example/",
        ] {
            for table in ["[guard]", "[exposure]"] {
                assert_eq!(webhook(table, Some(url), None).unwrap().unwrap().url, url);
            }
        }
        for url in [
            "a.example",
            "ftp://a.example",
            "https://",
            "https:///x",
            "https://?x",
            "https://a b",
            "https://a\nb",
            "https://a#b",
        ] {
            let error = webhook("[exposure]", Some(url), None).unwrap_err();
            assert!(
                error.starts_with(&format!("[exposure] webhook: `{url}` is no address of a web server")),
                "{error}"
            );
        }
        assert_eq!(webhook("[guard]", None, None), Ok(None));
        assert!(
            webhook("[guard]", None, Some(Path::new("s")))
                .unwrap_err()
                .contains("signs nothing")
        );
    }
}
