//! Addresses of pages.

/// A value as a query has it.
pub(super) use crate::auth::escape as escaped;

/// Where a form may lead back to: a path of this server, never another one's.
pub(super) use crate::auth::oidc::local as own;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_ways_back_stay_here() {
        assert_eq!(escaped("#17 a&b/\u{e9}"), "%2317%20a%26b/%C3%A9");
        assert_eq!(own("/disks?q=1"), "/disks?q=1");
        for path in [
            "//evil.example/",
            "https://evil.example",
            "/\\evil.example",
            "",
            "/a\r\nb",
            "/\t/evil.example",
        ] {
            assert_eq!(own(path), "/", "{path}");
        }
    }
}
