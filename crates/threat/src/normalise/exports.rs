//! Tables that portals export: the same records as their interfaces give, in other names. They are given back the form that they have there,
//! and read as that. Microsoft 365's has the record itself in a column, which [`super::envelope`] opens.

use serde_json::{Map, Value, json};

use super::{Context, DocumentSource, NotUnderstood, entra_audit, entra_sign_in, okta};
use crate::event::Event;

/// Sign-ins as Entra's portal exports them: of people, interactive or not, of applications and of managed identities.
pub(super) const ENTRA_SIGN_INS: DocumentSource = DocumentSource {
    is: is_sign_in,
    read: read_sign_in,
};
/// Entra's audit log as its portal exports it.
pub(super) const ENTRA_AUDIT: DocumentSource = DocumentSource {
    is: is_audit,
    read: read_audit,
};
/// Okta's System Log as its console exports it.
pub(super) const OKTA: DocumentSource = DocumentSource {
    is: is_okta,
    read: read_okta,
};

/// Targets of a record, properties of a target, and details, at most: the portal has three, five and eight.
const LISTED_MAX: usize = 32;
/// Parts of a column's name at most.
const DEPTH_MAX: usize = 8;

/// Columns of sign-ins, and the paths under which the same is in the Graph API.
const SIGN_IN: [(&str, &str); 34] = [
    ("Request ID", "id"),
    ("User agent", "userAgent"),
    ("Correlation ID", "correlationId"),
    ("User ID", "userId"),
    ("User", "userDisplayName"),
    ("Username", "userPrincipalName"),
    ("User type", "userType"),
    ("Cross tenant access type", "crossTenantAccessType"),
    ("Incoming token type", "incomingTokenType"),
    ("Authentication Protocol", "authenticationProtocol"),
    ("Unique token identifier", "uniqueTokenIdentifier"),
    ("Original transfer method", "originalTransferMethod"),
    ("Application", "appDisplayName"),
    ("Application ID", "appId"),
    ("Resource", "resourceDisplayName"),
    ("Resource ID", "resourceId"),
    ("Service principal ID", "servicePrincipalId"),
    ("Service principal name", "servicePrincipalName"),
    ("IP address", "ipAddress"),
    ("Failure reason", "status.failureReason"),
    ("Multifactor authentication result", "status.additionalDetails"),
    ("Multifactor authentication auth method", "mfaDetail.authMethod"),
    ("Multifactor authentication auth detail", "mfaDetail.authDetail"),
    ("Client app", "clientAppUsed"),
    ("Device ID", "deviceDetail.deviceId"),
    ("Browser", "deviceDetail.browser"),
    ("Operating System", "deviceDetail.operatingSystem"),
    ("Compliant", "deviceDetail.isCompliant"),
    ("Managed", "deviceDetail.isManaged"),
    ("Join Type", "deviceDetail.trustType"),
    ("Authentication requirement", "authenticationRequirement"),
    ("Conditional Access", "conditionalAccessStatus"),
    ("Autonomous system  number", "autonomousSystemNumber"),
    ("Autonomous system number", "autonomousSystemNumber"),
];

/// Columns of the audit log, and the members of the Graph API.
const AUDIT: [(&str, &str); 8] = [
    ("CorrelationId", "correlationId"),
    ("Service", "loggedByService"),
    ("Category", "category"),
    ("Activity", "activityDisplayName"),
    ("Result", "result"),
    ("ResultReason", "resultReason"),
    ("UserAgent", "userAgent"),
    ("User Agent", "userAgent"),
];

/// Columns of Okta's export whose names aren't those of the interface in another spelling.
const OKTA_NAMES: [(&str, &str); 2] = [("timestamp", "published"), ("event_type", "eventType")];

fn has(document: &Value, names: &[&str]) -> bool {
    names.iter().all(|name| document.get(*name).is_some())
}

fn is_sign_in(document: &Value) -> bool {
    has(document, &["Date (UTC)", "Request ID"]) && (has(document, &["IP address"]) || has(document, &["Status"]))
}

fn is_audit(document: &Value) -> bool {
    has(document, &["Activity", "Category"]) && time_of(document).is_some() && has(document, &["ActorType"])
}

fn is_okta(document: &Value) -> bool {
    has(document, &["event_type", "timestamp"])
        && document.as_object().is_some_and(|row| {
            row.keys()
                .any(|name| name.starts_with("actor.") || name == "display_message")
        })
}

/// The portal writes the time in one of two columns.
fn time_of(document: &Value) -> Option<String> {
    let text = document.get("Date (UTC)").or_else(|| document.get("Date"))?;
    // `3/22/2026, 2:21:53 PM` where somebody saved it in a spreadsheet.
    Some(text.as_str()?.replace(", ", " "))
}

fn object(document: Value) -> Result<Map<String, Value>, NotUnderstood> {
    match document {
        Value::Object(row) => Ok(row),
        _ => Err(super::unknown()),
    }
}

fn read_sign_in(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let time = time_of(&document);
    let mut row = object(document)?;
    row.remove("Date (UTC)");
    let mut record = Map::new();
    record.insert("createdDateTime".to_owned(), json!(time));
    let status = taken(&mut row, "Status");
    let code = taken(&mut row, "Sign-in error code");
    let code = match (code, status.as_deref()) {
        (Some(code), _) => Some(code),
        (None, Some("Success")) => Some("0".to_owned()),
        (None, status) => status.map(str::to_owned),
    };
    if let Some(code) = code {
        put(&mut record, "status.errorCode", Value::String(code));
    }
    if let Some(place) = taken(&mut row, "Location") {
        put(&mut record, "location", location(&place));
    }
    for (column, path) in SIGN_IN {
        if let Some(value) = taken(&mut row, column) {
            put(&mut record, path, Value::String(value));
        }
    }
    rest(row, &mut record);
    (entra_sign_in::SOURCE.read)(Value::Object(record), context)
}

/// `Berlin, Berlin, DE`, any of which may be missing.
fn location(text: &str) -> Value {
    let mut parts = text.rsplit(',').map(str::trim);
    let country = parts.next().unwrap_or_default();
    let state = parts.next().unwrap_or_default();
    let city = parts.next().unwrap_or_default();
    json!({"countryOrRegion": country, "state": state, "city": city})
}

fn read_audit(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let time = time_of(&document);
    let mut row = object(document)?;
    row.remove("Date (UTC)");
    row.remove("Date");
    let mut record = Map::new();
    record.insert("activityDateTime".to_owned(), json!(time));
    for (column, name) in AUDIT {
        if let Some(value) = taken(&mut row, column) {
            record.insert(name.to_owned(), Value::String(value));
        }
    }
    let mut take = |column: &str| taken(&mut row, column);
    let is_application = take("ActorType").is_some_and(|kind| kind.starts_with("App"));
    let (name, id, address) = (take("ActorDisplayName"), take("ActorObjectId"), take("IPAddress"));
    let by = if is_application {
        json!({"app": {"displayName": name.or_else(|| take("ActorServicePrincipalName")), "servicePrincipalId": take("ActorServicePrincipalId").or(id)}})
    } else {
        json!({"user": {"displayName": name, "id": id, "userPrincipalName": take("ActorUserPrincipalName"), "ipAddress": address}})
    };
    record.insert("initiatedBy".to_owned(), by);
    let targets: Vec<Value> = (1..=LISTED_MAX).map_while(|number| target(number, &mut take)).collect();
    record.insert("targetResources".to_owned(), Value::Array(targets));
    let details: Vec<Value> = (1..=LISTED_MAX)
        .map_while(|number| {
            let key = take(&format!("AdditionalDetail{number}Key"))?;
            Some(json!({"key": key, "value": take(&format!("AdditionalDetail{number}Value"))}))
        })
        .collect();
    record.insert("additionalDetails".to_owned(), Value::Array(details));
    rest(row, &mut record);
    (entra_audit::SOURCE.read)(Value::Object(record), context)
}

/// One of the targets, which lie in columns beside each other.
fn target(number: usize, take: &mut dyn FnMut(&str) -> Option<String>) -> Option<Value> {
    let mut of = |part: &str| take(&format!("Target{number}{part}"));
    let (kind, name, id, principal) = (of("Type"), of("DisplayName"), of("ObjectId"), of("UserPrincipalName"));
    let changed: Vec<Value> = (1..=LISTED_MAX)
        .map_while(|property| {
            let mut of = |part: &str| of(&format!("ModifiedProperty{property}{part}"));
            let name = of("Name")?;
            Some(json!({"displayName": name, "oldValue": of("OldValue"), "newValue": of("NewValue")}))
        })
        .collect();
    if kind.is_none() && name.is_none() && id.is_none() && principal.is_none() && changed.is_empty() {
        return None;
    }
    Some(json!({
        "type": kind, "displayName": name, "id": id, "userPrincipalName": principal, "modifiedProperties": changed,
    }))
}

fn read_okta(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let row = object(document)?;
    let mut record = Map::new();
    let mut targets: Vec<Map<String, Value>> = Vec::new();
    for (column, value) in row {
        if let Some((number, part)) = target_column(&column) {
            if targets.len() <= number {
                targets.resize_with(number + 1, Map::new);
            }
            if let Some(target) = targets.get_mut(number) {
                target.insert(camel(part), value);
            }
            continue;
        }
        let known = OKTA_NAMES.iter().find(|(name, _)| *name == column);
        let path = known.map_or_else(|| camel(&column), |(_, name)| (*name).to_owned());
        // In the interface the chain is a list; a row has one link of it.
        if !path.starts_with("request.ipChain") {
            put(&mut record, &path, value);
        }
    }
    let targets = targets.into_iter().filter(|target| !target.is_empty());
    record.insert("target".to_owned(), targets.map(Value::Object).collect());
    (okta::SOURCE.read)(Value::Object(record), context)
}

/// `target2.display_name` is of the third target.
fn target_column(column: &str) -> Option<(usize, &str)> {
    let (number, part) = column.strip_prefix("target")?.split_once('.')?;
    let number = number.parse().ok().filter(|number| *number < LISTED_MAX)?;
    Some((number, part))
}

/// `client.user_agent.raw_user_agent` as `client.userAgent.rawUserAgent`.
fn camel(name: &str) -> String {
    let mut written = String::new();
    let mut is_upper = false;
    for letter in name.chars() {
        if letter == '_' {
            is_upper = true;
        } else if std::mem::take(&mut is_upper) {
            written.extend(letter.to_uppercase());
        } else {
            written.push(letter);
        }
    }
    written
}

fn taken(row: &mut Map<String, Value>, column: &str) -> Option<String> {
    match row.remove(column)? {
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// Puts a value at a path, unless something else is in the way.
fn put(record: &mut Map<String, Value>, path: &str, value: Value) {
    let mut parts: Vec<&str> = path.split('.').take(DEPTH_MAX).collect();
    let Some(last) = parts.pop() else { return };
    let mut at = record;
    for part in parts {
        let inner = at.entry(part).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(inner) = inner else { return };
        at = inner;
    }
    at.entry(last).or_insert(value);
}

/// Columns that have no other name stay as they are.
fn rest(row: Map<String, Value>, record: &mut Map<String, Value>) {
    for (name, value) in row {
        record.entry(name).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::{source, told};
    use super::super::{Normaliser, text::testing::received};
    use crate::event::Event;
    use crate::input::csv;

    fn events(table: &str) -> Vec<Event> {
        let (mut normaliser, mut events) = (Normaliser::new(), Vec::new());
        csv::read(table.as_bytes(), &"export.csv".into(), &mut |row| {
            normaliser.take(row.unwrap(), received(), &mut |event| events.push(event.unwrap()));
            true
        })
        .unwrap();
        events
    }

    // The columns are those of the portal in 2024; names, addresses and identifiers are replaced.
    #[test]
    fn sign_ins_of_entras_portal_are_sign_ins() {
        let found = events(concat!(
            "\u{feff}\"Date (UTC)\",\"Request ID\",\"User agent\",\"Correlation ID\",\"User ID\",\"User\",\"Username\",\"User type\",",
            "\"Application\",\"Application ID \",\"Resource\",\"IP address\",\"Location\",\"Status\",\"Sign-in error code\",\"Failure reason\",",
            "\"Client app\",\"Browser\",\"Multifactor authentication result\",\"Incoming token type\",\"Conditional Access\",\"Incoming token type\"\r\n",
            "\"2026-03-01T10:00:00Z\",\"a1\",\"Mozilla/5.0\",\"c1\",\"11111111-2222-3333-4444-555555555555\",\"Anna Berg\",\"anna@acme.example\",\"Member\",",
            "\"Azure Portal\",\"c44b4083\",\"Windows Azure\",\"198.51.100.7\",\"Berlin, Berlin, DE\",\"Failure\",\"50126\",\"Error validating credentials\",",
            "\"Browser\",\"Chrome\",\"\",\"None\",\"Not Applied\",\"None\"\r\n",
            "\"2026-03-01T10:01:00Z\",\"a2\",\"Mozilla/5.0\",\"c1\",\"11111111-2222-3333-4444-555555555555\",\"Anna Berg\",\"anna@acme.example\",\"Member\",",
            "\"Azure Portal\",\"c44b4083\",\"Windows Azure\",\"198.51.100.7\",\"Berlin, Berlin, DE\",\"Success\",\"\",\"\",",
            "\"Browser\",\"Chrome\",\"\",\"None\",\"Success\",\"None\"\r\n",
        ));
        assert_eq!(
            found.iter().map(told).collect::<Vec<_>>(),
            [
                "SignIn Failure by=anna@acme.example,11111111-2222-3333-4444-555555555555,anna berg to= on= from=198.51.100.7 with=Azure Portal",
                "SignIn Success by=anna@acme.example,11111111-2222-3333-4444-555555555555,anna berg to= on= from=198.51.100.7 with=Azure Portal",
            ]
        );
        assert_eq!(source(&found[0]), "azure/signinlogs/-");
        assert_eq!(found[0].time.to_string(), "2026-03-01T10:00:00Z");
        assert_eq!(found[0].fields["ResultType"], "50126");
        assert_eq!(found[0].fields["appId"], "c44b4083");
        assert_eq!(found[0].facts.place.city.as_deref(), Some("Berlin"));
        assert_eq!(found[0].facts.place.country.as_deref(), Some("DE"));
    }

    #[test]
    fn entras_audit_log_has_its_targets_and_what_was_changed() {
        let found = events(concat!(
            "Date (UTC),CorrelationId,Service,Category,Activity,Result,ResultReason,ActorType,ActorDisplayName,ActorObjectId,ActorUserPrincipalName,IPAddress,",
            "Target1Type,Target1DisplayName,Target1ObjectId,Target1UserPrincipalName,Target1ModifiedProperty1Name,Target1ModifiedProperty1OldValue,Target1ModifiedProperty1NewValue,",
            "Target2Type,Target2DisplayName,AdditionalDetail1Key,AdditionalDetail1Value\n",
            "2026-03-01T10:00:00.1234567Z,c1,Core Directory,RoleManagement,Add member to role,success,,User,,u1,admin@acme.example,198.51.100.7,",
            "User,Bob,u2,bob@acme.example,Role.DisplayName,,\"\"\"Global Administrator\"\"\",Role,Global Administrator,User-Agent,curl/8\n",
        ));
        let [event] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(source(event), "azure/auditlogs/-");
        assert_eq!(
            told(event),
            "RoleGrant Success by=admin@acme.example,u1 to=bob@acme.example,u2,bob on= from=198.51.100.7 with=Global Administrator"
        );
        assert_eq!(
            event.fields["targetResources"][0]["modifiedProperties"][0]["newValue"],
            "\"Global Administrator\""
        );
        assert_eq!(event.fields["additionalDetails"][0]["value"], "curl/8");
    }

    #[test]
    fn the_unified_audit_log_is_in_a_column() {
        let data = r#"{""CreationTime"":""2026-03-01T10:00:00"",""Operation"":""New-InboxRule"",""Workload"":""Exchange"",""UserId"":""anna@acme.example"",""RecordType"":1,""ResultStatus"":""True"",""ClientIP"":""198.51.100.7""}"#;
        let found = events(&format!(
            "RecordId,CreationDate,RecordType,Operation,UserId,AuditData,AssociatedAdminUnits,AssociatedAdminUnitsNames\n\
             r1,2026-03-01T10:00:00.0000000Z,1,New-InboxRule,anna@acme.example,\"{data}\",,\n"
        ));
        let [event] = found.as_slice() else { panic!("{found:?}") };
        assert!(source(event).starts_with("m365/"), "{}", source(event));
        assert!(
            told(event).starts_with("MailRule Success by=anna@acme.example"),
            "{}",
            told(event)
        );
    }

    #[test]
    fn oktas_export_is_the_system_log() {
        let found = events(concat!(
            "timestamp,severity,event_type,display_message,outcome.result,outcome.reason,actor.id,actor.type,actor.display_name,actor.alternate_id,",
            "client.ip_address,client.user_agent.raw_user_agent,client.geographical_context.country,client.geographical_context.city,",
            "target0.id,target0.type,target0.alternate_id,target0.display_name,request.ip_chain.ip,uuid\n",
            "2026-03-01T10:00:00.000Z,WARN,user.mfa.factor.reset_all,Reset all factors for user,SUCCESS,,00u1,User,Help Desk,desk@acme.example,",
            "198.51.100.7,Mozilla/5.0,Germany,Berlin,00u2,User,anna@acme.example,Anna Berg,198.51.100.7,9d8e\n",
        ));
        let [event] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(source(event), "okta/okta/-");
        assert!(
            told(event).starts_with("FactorReset Success by=desk@acme.example,00u1,help desk to=anna@acme.example,00u2,anna berg on= from=198.51.100.7"),
            "{}",
            told(event)
        );
        assert_eq!(event.fields["eventtype"], "user.mfa.factor.reset_all");
        assert_eq!(event.facts.place.city.as_deref(), Some("Berlin"));
    }

    #[test]
    fn columns_of_one_name_and_its_parts_do_not_break_each_other() {
        let found = events(
            "timestamp,event_type,display_message,actor,actor.id,target99999999999.id\n2026-03-01T10:00:00Z,user.session.start,x,y,z,q\n",
        );
        assert_eq!(source(&found[0]), "okta/okta/-");
    }
}
