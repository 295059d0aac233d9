//! What password managers export: entries with a name, a user and a password.

mod csv;
mod json;
mod xml;

/// An entry of a password manager. Not printable as a whole: the password is never shown.
pub(super) struct Entry {
    /// Its title, or the site.
    pub(super) name: String,
    /// Who logs in with it.
    pub(super) user: String,
    /// The secret.
    pub(super) password: String,
}

/// What a file turned out to be.
pub(super) enum Export {
    /// An export, with the name of its form.
    Entries(&'static str, Vec<Entry>),
    /// Addresses, one a line.
    Addresses(Vec<String>),
}

/// Reads a file of any form that is known. An error is the rest of a sentence that begins with the file.
pub(super) fn read(bytes: &[u8]) -> Result<Export, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let start = text.trim_start();
    if start.starts_with('{') {
        return json::entries(start).map(|entries| Export::Entries("Bitwarden JSON", entries));
    }
    if start.starts_with('<') {
        return xml::entries(start).map(|entries| Export::Entries("KeePass XML", entries));
    }
    if let Some(entries) = csv::entries(text)? {
        return Ok(Export::Entries("CSV", entries));
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let addresses: Vec<String> = lines.map(str::to_owned).collect();
    if addresses.is_empty() {
        return Err("is empty".to_owned());
    }
    if addresses
        .iter()
        .all(|address| address.contains('@') && !address.contains(char::is_whitespace))
    {
        return Ok(Export::Addresses(addresses));
    }
    Err(
        "is neither an export (KeePass CSV or XML, Bitwarden JSON or CSV, a browser's CSV) nor a list of addresses"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, String, String)> {
        match read(text.as_bytes()) {
            Ok(Export::Entries(_, entries)) => {
                let entries = entries
                    .into_iter()
                    .map(|entry| (entry.name, entry.user, entry.password));
                entries.collect()
            }
            Ok(Export::Addresses(_)) => panic!("taken for addresses"),
            Err(error) => panic!("{error}"),
        }
    }

    fn entry(name: &str, user: &str, password: &str) -> (String, String, String) {
        (name.to_owned(), user.to_owned(), password.to_owned())
    }

    #[test]
    fn exports_of_every_manager_are_read() {
        let keepassxc = "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\"\n\"Root\",\"Mail, old\",\"eva\",\"a\"\"b\",\"\",\"two\nlines\"\n";
        assert_eq!(found(keepassxc), [entry("Mail, old", "eva", "a\"b")]);
        let keepass = "\"Account\",\"Login Name\",\"Password\",\"Web Site\",\"Comments\"\r\n\"Bank\",\"eva\",\"x\\y\",\"\",\"\"\r\n";
        assert_eq!(found(keepass), [entry("Bank", "eva", "x\\y")]);
        let bitwarden = "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\n,,login,Shop,,,0,https://s,eva,pw1,\n,,note,Note,text,,0,,,,\n";
        assert_eq!(found(bitwarden), [entry("Shop", "eva", "pw1")]);
        let chrome = "\u{feff}name,url,username,password,note\nshop.example,https://shop.example/,eva,pw2,\n";
        assert_eq!(found(chrome), [entry("shop.example", "eva", "pw2")]);
        let firefox = "\"url\",\"username\",\"password\",\"httpRealm\"\n\"https://a.example\",\"eva\",\"pw3\",\n";
        assert_eq!(found(firefox), [entry("https://a.example", "eva", "pw3")]);
        let json = r#"{"encrypted":false,"items":[{"name":"Shop","login":{"username":"eva","password":"pw4"}},{"name":"Note","login":null},{"name":"Card"}]}"#;
        assert_eq!(found(json), [entry("Shop", "eva", "pw4")]);
    }

    #[test]
    fn an_export_of_keepass_is_read_without_its_history() {
        let string = |key: &str, value: &str| format!("<String><Key>{key}</Key><Value>{value}</Value></String>");
        let old = format!("<History><Entry>{}</Entry></History>", string("Password", "old"));
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<KeePassFile><Root><Group><Name>g</Name><Entry><UUID>u</UUID>{}{}{}{old}</Entry><Entry>{}</Entry></Group></Root></KeePassFile>",
            string("Title", "A &amp; B"),
            string("UserName", "eva"),
            string("Password", "&lt;p&#228;&gt;"),
            string("Title", "without"),
        );
        assert_eq!(found(&text), [entry("A & B", "eva", "<p\u{e4}>")]);
    }

    #[test]
    fn addresses_are_told_from_exports_and_other_files_are_refused() {
        let read_addresses = |text: &str| match read(text.as_bytes()) {
            Ok(Export::Addresses(addresses)) => addresses,
            _ => panic!("not taken for addresses"),
        };
        assert_eq!(
            read_addresses("a@b.example\r\n\n c@d.example\n"),
            ["a@b.example", "c@d.example"]
        );
        for bad in [
            "",
            "hello\n",
            "a@b.example\nhello\n",
            "<a>",
            "{}",
            "{\"items\":3}",
            "{\"encrypted\":true,\"items\":[]}",
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(read(b"\xff\xfea").is_err());
    }
}
