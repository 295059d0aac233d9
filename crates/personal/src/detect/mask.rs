//! What is shown of a finding: enough to recognise it, too little to use it.

use crate::class::Class;
use crate::detect::number::network;

/// The value with nearly everything hidden.
pub(crate) fn masked(class: Class, text: &str) -> String {
    let compact: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    match class {
        Class::EmailAddress => masked_address(text),
        Class::PaymentCard => format!("{} **** **** **** {}", network(compact.as_bytes()), tail(&compact, 4)),
        Class::Iban => format!(
            "{}** **** **** {}",
            compact.get(..2).unwrap_or_default().to_uppercase(),
            tail(&compact, 4)
        ),
        Class::PhoneNumber => {
            let country = if text.starts_with('+') {
                compact.get(..2).unwrap_or_default()
            } else {
                ""
            };
            format!(
                "{}{country}*******{}",
                if country.is_empty() { "" } else { "+" },
                tail(&compact, 2)
            )
        }
        Class::DateOfBirth => "****-**-**".to_owned(),
        Class::Password | Class::PasswordHash | Class::WebToken => "********".to_owned(),
        Class::PrivateKey => "-----BEGIN ******** PRIVATE KEY-----".to_owned(),
        // The beginning names the service, not the key.
        Class::AccessKey => format!("{}********", service(text)),
        _ => format!(
            "{}{}",
            "*".repeat(compact.len().saturating_sub(2).min(16)),
            tail(&compact, 2)
        ),
    }
}

fn masked_address(text: &str) -> String {
    let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
    let first: String = local.chars().take(1).collect();
    // Of a name of one letter nothing is shown.
    format!(
        "{}***@{domain}",
        if local.chars().count() > 1 { first.as_str() } else { "" }
    )
}

fn tail(compact: &str, length: usize) -> &str {
    compact
        .len()
        .checked_sub(length)
        .and_then(|start| compact.get(start..))
        .unwrap_or_default()
}

fn service(text: &str) -> &'static str {
    const SERVICES: &[&str] = &[
        "AKIA",
        "ASIA",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "xoxa-",
        "xoxr-",
        "xoxs-",
        "sk_live_",
        "rk_live_",
        "AIza",
        "npm_",
        "pypi-",
        "hf_",
        "dop_v1_",
        "shpat_",
    ];
    SERVICES
        .iter()
        .find(|service| text.starts_with(*service))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::masked;
    use crate::class::Class;

    #[test]
    fn little_is_shown() {
        assert_eq!(masked(Class::EmailAddress, "jane.doe@example.com"), "j***@example.com");
        assert_eq!(
            masked(Class::PaymentCard, "4111-1111-1111-1111"),
            "Visa **** **** **** 1111"
        );
        assert_eq!(
            masked(Class::Iban, "GB82 WEST 1234 5698 7654 32"),
            "GB** **** **** 5432"
        );
        assert_eq!(masked(Class::PhoneNumber, "+44 20 7946 0958"), "+44*******58");
        assert_eq!(masked(Class::UsSsn, "123-45-6788"), "*******88");
        assert_eq!(masked(Class::Password, "hunter2"), "********");
    }
}
