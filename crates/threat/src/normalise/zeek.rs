//! Zeek's logs, as JSON and as tables: connections, names looked up, web requests, TLS, Kerberos, files shared, remote desktops, SSH.
//!
//! The address is that of who asked, the machine the one that was asked; of a look-up it is the asker.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::text::{Draft, FIELDS_MAX, account, address, logsource, machine, some, text_at};
use super::{Context, NotUnderstood};
use crate::event::{Activity, Event, Outcome};
use crate::input::Source;

/// Logs by name, and a field that only that log has, by which it is known without a name.
const LOGS: &[(&str, &str)] = &[
    ("conn", "conn_state"),
    ("dns", "qtype_name"),
    ("http", "trans_depth"),
    ("ssl", "server_name"),
    ("kerberos", "request_type"),
    ("smb_files", "action"),
    ("smb_mapping", "share_type"),
    ("rdp", "security_protocol"),
    ("ssh", "auth_attempts"),
    ("dce_rpc", "operation"),
    ("ntlm", "domainname"),
    ("x509", "certificate.serial"),
    ("files", "fuid"),
    ("notice", "note"),
    ("weird", "weird"),
    ("software", "software_type"),
];

/// Whether a document is an entry of a log of Zeek.
pub(crate) fn is(document: &Value) -> bool {
    document.get("ts").is_some()
        && (document.get("id.orig_h").is_some() || document.get("_path").is_some() || document.get("uid").is_some())
}

pub(crate) fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let Some(time) = document.get("ts").and_then(time) else {
        return Err(NotUnderstood {
            reason: "`ts` is no time".to_owned(),
        });
    };
    let log = log(&document, &context.origin.source);
    let mut draft = Draft::default();
    if let Value::Object(fields) = document {
        draft.fields = fields;
    }
    let category = tell(&mut draft, log.unwrap_or_default());
    Ok(draft.event(time, logsource("zeek", log, category), &context))
}

/// Seconds with a fraction, or RFC 3339.
fn time(value: &Value) -> Option<Timestamp> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => match text.parse::<f64>() {
            Ok(seconds) => seconds,
            Err(_) => return text.parse().ok(),
        },
        _ => return None,
    };
    // Zeek has microseconds; `as` saturates, and what is out of range is no timestamp.
    if !seconds.is_finite() {
        return None;
    }
    Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()
}

fn log(document: &Value, source: &str) -> Option<&'static str> {
    let named = text_at(document, "_path");
    let file = source.rsplit(['/', '\\']).next().unwrap_or(source);
    let file = file.split('.').next().unwrap_or(file);
    let by_name = |name: &str| LOGS.iter().find(|(log, _)| *log == name).map(|(log, _)| *log);
    if !named.is_empty() {
        return by_name(named);
    }
    by_name(file).or_else(|| {
        LOGS.iter()
            .find(|(_, field)| document.get(field).is_some())
            .map(|(log, _)| *log)
    })
}

fn tell(draft: &mut Draft, log: &str) -> Option<&'static str> {
    let origin = draft.field("id.orig_h").to_owned();
    let asked = draft.field("id.resp_h").to_owned();
    let port = draft.fields.get("id.resp_p").map(plain).unwrap_or_default();
    draft.facts.address = address(&origin);
    draft.facts.machine = machine(&asked);
    let mut category = None;
    let (activity, outcome, object) = match log {
        "conn" => {
            category = Some("firewall");
            for (name, value) in [("src_ip", &origin), ("dst_ip", &asked), ("dst_port", &port)] {
                draft.put(name, value);
            }
            let refused = matches!(draft.field("conn_state"), "REJ" | "S0" | "RSTRH");
            let outcome = if refused { Outcome::Failure } else { Outcome::Success };
            (Activity::Connection, outcome, format!("{asked}:{port}"))
        }
        "dns" => {
            category = Some("dns");
            draft.facts.machine = machine(&origin);
            (Activity::NameLookup, Outcome::Unknown, draft.field("query").to_owned())
        }
        "http" => {
            category = Some("proxy");
            (Activity::Connection, Outcome::Unknown, web(draft))
        }
        "ssl" => (
            Activity::Connection,
            Outcome::Unknown,
            draft.field("server_name").to_owned(),
        ),
        "ssh" | "rdp" | "kerberos" | "ntlm" => signed_in(draft, log),
        "smb_files" => shared_file(draft),
        "smb_mapping" => (
            Activity::DirectoryRead,
            Outcome::Success,
            draft.field("path").to_owned(),
        ),
        "dce_rpc" => (Activity::Other, Outcome::Unknown, draft.field("operation").to_owned()),
        "notice" => (Activity::Warning, Outcome::Unknown, draft.field("note").to_owned()),
        _ => return None,
    };
    draft.did(activity, outcome).with(&object);
    category
}

fn signed_in(draft: &mut Draft, log: &str) -> (Activity, Outcome, String) {
    let (user, outcome, object) = match log {
        "ssh" => {
            draft.facts.device = some(draft.field("client"));
            ("", truth(draft, "auth_success"), "ssh")
        }
        "rdp" => (draft.field("cookie"), Outcome::Unknown, "rdp"),
        // `anna/ACME.EXAMPLE`.
        "kerberos" => {
            let client = draft.field("client");
            let user = client.split_once('/').map_or(client, |(user, _)| user);
            (user, truth(draft, "success"), draft.field("service"))
        }
        _ => (
            draft.field("username"),
            truth(draft, "success"),
            draft.field("domainname"),
        ),
    };
    let told = (Activity::SignIn, outcome, object.to_owned());
    draft.facts.actor = account(user);
    told
}

fn shared_file(draft: &Draft) -> (Activity, Outcome, String) {
    let activity = match draft.field("action") {
        "SMB::FILE_WRITE" | "SMB::FILE_RENAME" => Activity::FileWrite,
        "SMB::FILE_DELETE" => Activity::FileDeletion,
        _ => Activity::FileRead,
    };
    let path = format!("{}\\{}", draft.field("path"), draft.field("name"));
    (activity, Outcome::Success, path)
}

/// Names by which rules for proxies know a request.
fn web(draft: &mut Draft) -> String {
    let (host, uri) = (draft.field("host").to_owned(), draft.field("uri").to_owned());
    let aliases = [
        ("cs-method", "method"),
        ("c-useragent", "user_agent"),
        ("cs-host", "host"),
        ("c-uri", "uri"),
        ("cs-referrer", "referrer"),
    ];
    for (name, own) in aliases {
        let value = draft.field(own).to_owned();
        draft.put_new(name, &value);
    }
    if let Some(status) = draft.fields.get("status_code").cloned() {
        draft.fields.insert("sc-status".to_owned(), status);
    }
    draft.facts.device = some(draft.field("user_agent"));
    format!("{host}{uri}")
}

fn truth(draft: &Draft, name: &str) -> Outcome {
    match draft.fields.get(name).map(plain).as_deref() {
        Some("true" | "T") => Outcome::Success,
        Some("false" | "F") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The head of a table: which columns a log has, and what stands for nothing.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) source: Source,
    path: String,
    names: Vec<String>,
    unset: String,
    empty: String,
    separator: String,
    set_separator: String,
}

impl Table {
    /// A table of which nothing but its source is known.
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            path: String::new(),
            names: Vec::new(),
            unset: "-".to_owned(),
            empty: "(empty)".to_owned(),
            separator: "\t".to_owned(),
            set_separator: ",".to_owned(),
        }
    }

    /// Whether a line is of the head of a table.
    pub(crate) fn is_head(line: &str) -> bool {
        const NAMES: [&str; 9] = [
            "separator",
            "set_separator",
            "empty_field",
            "unset_field",
            "path",
            "open",
            "close",
            "fields",
            "types",
        ];
        line.strip_prefix('#')
            .is_some_and(|rest| NAMES.iter().any(|name| rest.starts_with(name)))
    }

    /// Learns a line of the head.
    pub(crate) fn learn(&mut self, line: &str) {
        let line = line.strip_prefix('#').unwrap_or(line);
        if let Some(separator) = line.strip_prefix("separator ") {
            self.separator = if separator.trim() == "\\x09" {
                "\t".to_owned()
            } else {
                separator.to_owned()
            };
            return;
        }
        let mut parts = line.split(self.separator.as_str());
        let name = parts.next().unwrap_or_default();
        let mut value = || parts.next().unwrap_or_default().to_owned();
        match name {
            "set_separator" => self.set_separator = value(),
            "empty_field" => self.empty = value(),
            "unset_field" => self.unset = value(),
            "path" => self.path = value(),
            "fields" => self.names = parts.take(FIELDS_MAX).map(str::to_owned).collect(),
            _ => {}
        }
    }

    /// A row as a document; none if it hasn't the columns that the head named.
    pub(crate) fn document(&self, line: &str) -> Option<Value> {
        if self.names.is_empty() || line.split(self.separator.as_str()).count() != self.names.len() {
            return None;
        }
        let mut document = Map::new();
        for (name, value) in self.names.iter().zip(line.split(self.separator.as_str())) {
            if value != self.unset {
                let value = if value == self.empty { "" } else { value };
                document.insert(name.clone(), Value::from(value));
            }
        }
        document.insert("_path".to_owned(), Value::from(self.path.as_str()));
        let document = Value::Object(document);
        is(&document).then_some(document)
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::{document, origin, source, told};
    use super::*;

    // Entries in the format of Zeek's documentation.
    #[test]
    fn entries_tell_who_asked_whom_for_what() {
        let entries = [
            (
                r#"{"_path":"conn","ts":1591367999.305988,"uid":"CMdzit","id.orig_h":"192.168.4.76","id.orig_p":36844,"id.resp_h":"192.168.4.1","id.resp_p":53,"proto":"udp","conn_state":"SF"}"#,
                "zeek/conn/firewall",
                "Connection Success by= to= on=192.168.4.1 from=192.168.4.76 with=192.168.4.1:53",
            ),
            (
                r#"{"ts":"2020-06-05T14:39:59.305988Z","uid":"C","id.orig_h":"192.168.4.76","id.resp_h":"192.168.4.1","id.resp_p":53,"query":"testmyids.com","qtype_name":"A"}"#,
                "zeek/dns/dns",
                "NameLookup Unknown by= to= on=192.168.4.76 from=192.168.4.76 with=testmyids.com",
            ),
            (
                r#"{"_path":"ssh","ts":1591367999.3,"uid":"C","id.orig_h":"192.168.4.1","id.resp_h":"192.168.4.142","id.resp_p":22,"auth_success":false,"auth_attempts":5,"client":"SSH-2.0-OpenSSH_7.9"}"#,
                "zeek/ssh/-",
                "SignIn Failure by= to= on=192.168.4.142 from=192.168.4.1 with=ssh",
            ),
            (
                r#"{"_path":"kerberos","ts":1507565599.6,"uid":"C","id.orig_h":"192.168.10.31","id.resp_h":"192.168.10.10","request_type":"TGS","client":"RonHD/CONTOSO.LOCAL","service":"HOST/admin-pc","success":true,"cipher":"rc4-hmac"}"#,
                "zeek/kerberos/-",
                "SignIn Success by=ronhd to= on=192.168.10.10 from=192.168.10.31 with=HOST/admin-pc",
            ),
            (
                r#"{"_path":"smb_files","ts":1507565599.6,"uid":"C","id.orig_h":"192.168.10.31","id.resp_h":"192.168.10.30","action":"SMB::FILE_DELETE","path":"\\\\admin-pc\\c$","name":"a.dll"}"#,
                "zeek/smb_files/-",
                r"FileDeletion Success by= to= on=192.168.10.30 from=192.168.10.31 with=\\admin-pc\c$\a.dll",
            ),
        ];
        for (text, expected, facts) in entries {
            let event = document(text);
            assert_eq!(source(&event), expected);
            assert_eq!(told(&event), facts);
        }
    }

    #[test]
    fn web_requests_have_the_names_that_rules_for_proxies_use() {
        let event = document(
            r#"{"_path":"http","ts":1,"uid":"C","id.orig_h":"10.0.0.1","id.resp_h":"31.3.245.133","method":"GET","host":"testmyids.com","uri":"/x","user_agent":"curl/7.47.0","status_code":200}"#,
        );
        assert_eq!(source(&event), "zeek/http/proxy");
        assert_eq!(event.fields["c-useragent"], "curl/7.47.0");
        assert_eq!(event.fields["sc-status"], 200);
        assert_eq!(event.facts.object.as_deref(), Some("testmyids.com/x"));
    }

    #[test]
    fn a_table_gives_the_same_event_as_json() {
        let mut table = Table::new("test".into());
        for line in [
            "#separator \\x09",
            "#set_separator\t,",
            "#empty_field\t(empty)",
            "#unset_field\t-",
            "#path\tconn",
            "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state",
            "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring",
        ] {
            assert!(Table::is_head(line), "{line}");
            table.learn(line);
        }
        let row = table
            .document("1591367999.305988\tCMdzit\t192.168.4.76\t-\t192.168.4.1\t53\tudp\tREJ")
            .unwrap();
        let context = Context {
            origin: origin(8),
            received: Timestamp::UNIX_EPOCH,
        };
        let event = read(row, context).unwrap();
        assert_eq!(source(&event), "zeek/conn/firewall");
        assert_eq!(
            told(&event),
            "Connection Failure by= to= on=192.168.4.1 from=192.168.4.76 with=192.168.4.1:53"
        );
        assert_eq!(event.time.to_string(), "2020-06-05T14:39:59.305988Z");
        assert_eq!(Table::new("x".into()).document("a\tb"), None);
    }
}
