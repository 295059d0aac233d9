//! Microsoft 365's unified audit log: Exchange, SharePoint, Teams, Entra and the compliance centre, from the Management Activity API, and as
//! `Search-UnifiedAuditLog` and the Graph API wrap it.

use serde_json::{Map, Value, json};

use super::document::{self, Activities, at, elements, first, named, plain, text};
use super::{Context, DocumentSource, NotUnderstood, entra_audit};
use crate::event::{Activity, Event, Facts, Handle, HandleKind, Logsource, Outcome};

/// Microsoft 365's unified audit log.
pub(super) const SOURCE: DocumentSource = DocumentSource { is, read };

const ACTIVITIES: Activities = &[
    (Activity::DirectoryRead, "get-*"),
    (
        Activity::SignIn,
        "userloggedin, userloginfailed, mailboxlogin, teamssessionstarted, signinevent",
    ),
    (
        Activity::MailRule,
        "new-inboxrule, set-inboxrule, updateinboxrules, enable-inboxrule, \
         remove-inboxrule, *-transportrule, set-mailboxautoreplyconfiguration, new-journalrule",
    ),
    (
        Activity::AccessGrant,
        "add-mailboxpermission, add-recipientpermission, addfolderpermissions, \
         modifyfolderpermissions, add-mailboxfolderpermission, appinstalled, botaddedtoteam, \
         new-managementroleassignment*app*, set-casmailbox",
    ),
    (
        Activity::RoleGrant,
        "add-rolegroupmember, new-managementroleassignment, update-rolegroupmember, \
         sitecollectionadminadded",
    ),
    (
        Activity::LogClearing,
        "set-mailboxauditbypassassociation, \
         remove-unifiedauditlogretentionpolicy, remove-retentioncompliancepolicy",
    ),
    (
        Activity::DefenceChange,
        "disable-*, remove-antiphish*, remove-safelinks*, remove-safeattachment*, \
         remove-malwarefilter*, set-antiphish*, set-malwarefilter*, set-hostedcontentfilter*, \
         set-safelinks*, set-safeattachment*, set-atppolicy*, remove-dlp*, set-organizationconfig",
    ),
    (
        Activity::Search,
        "searchquery*, searchcreated, searchstarted, searchupdated, searchviewed, \
         searchpreviewed, *-compliancesearch*, searchexport*, searchresultspurged, hunting*",
    ),
    (
        Activity::FileRead,
        "filedownloaded, fileaccessed*, filepreviewed, filesyncdownloaded*, \
         mailitemsaccessed, messageread*, messageslisted, messagesexported, chatretrieved, \
         messagehostedcontent*, recordingexported, filevisited, messageupdated*read, pageviewed*, \
         transcriptsexported",
    ),
    (
        Activity::FileWrite,
        "fileuploaded, filemodified*, filerenamed, filecopied, filemoved, \
         filesyncuploaded*, sharingset, sharinginvitationcreated, anonymouslink*, companylinkcreated, \
         securelinkcreated, addedtosecurelink, sharedlinkcreated, filecheckedin",
    ),
    (
        Activity::FileDeletion,
        "filedeleted*, filerecycled, folderrecycled, folderdeleted*, \
         fileversionsalldeleted, harddelete, softdelete, movetodeleteditems",
    ),
    (Activity::GroupMemberAddition, "memberadded, addedtogroup"),
    (Activity::GroupMemberRemoval, "memberremoved, removedfromgroup"),
    (
        Activity::GroupChange,
        "team*, channel*, new-distributiongroup, set-distributiongroup, groupadded, \
         grouppdated, groupremoved",
    ),
    (Activity::Persistence, "createflow, putconnection, editflow"),
    (Activity::MalwareFound, "filemalwaredetected, malwaredetected"),
    (
        Activity::Warning,
        "alert*, timaildata*, tiurlclickdata, airinvestigation*, dlprulematch, \
         dlpruleundo, atpdetection",
    ),
    (Activity::AccountCreation, "new-mailbox, new-mailuser"),
    (Activity::AccountDeletion, "remove-mailbox"),
    (
        Activity::TrustChange,
        "*federateddomain*, *accepteddomain*, *-domain*, *-inboundconnector, \
         *-outboundconnector, *federationtrust*, new-partnerapplication",
    ),
    (
        Activity::PolicyChange,
        "set-*policy, new-*, set-*, remove-*, sharingpolicychanged, \
         deviceaccesspolicychanged, networkaccesspolicychanged",
    ),
];

const RECORD: [&str; 2] = ["Workload", "RecordType"];

fn is(document: &Value) -> bool {
    document.get("Operation").is_some_and(Value::is_string) && RECORD.iter().any(|name| document.get(name).is_some())
}

fn read(mut document: Value, context: Context) -> Result<Event, NotUnderstood> {
    if let Some(object) = document.as_object_mut() {
        document::unfold(
            object,
            &[
                "Parameters",
                "OperationProperties",
                "ModifiedProperties",
                "ExtendedProperties",
                "Data",
                "Target",
                "Actor",
            ],
        );
    }
    let time = document::time(&document, &["CreationTime", "CreationDate"], &context)?;
    let (facts, logsource) = (facts(&document), logsource(&document));
    Ok(context.event(time, logsource, fields(document), facts))
}

/// An event is of one service alone, so each goes where the rules about it look.
fn logsource(document: &Value) -> Logsource {
    let operation = text(document, "Operation").unwrap_or_default().to_lowercase();
    let service = match text(document, "Workload") {
        Some("SecurityComplianceCenter")
            if alert(document).is_some_and(|name| name == "Activity from suspicious IP addresses") =>
        {
            "threat_detection"
        }
        Some("SecurityComplianceCenter") => "threat_management",
        Some("Exchange") if operation.contains("federateddomain") => "exchange",
        _ => "audit",
    };
    Logsource {
        product: "m365",
        service: Some(service),
        category: None,
    }
}

/// The name of an alert.
fn alert(document: &Value) -> Option<&str> {
    let operation = text(document, "Operation")?;
    operation
        .starts_with("Alert")
        .then(|| first(document, &["Name", "AlertName"]))
        .flatten()
}

fn facts(document: &Value) -> Facts {
    let operation = text(document, "Operation").unwrap_or_default();
    let activity = activity(document, operation);
    let properties = elements(document, "ExtendedProperties");
    let target = target(document, activity);
    Facts {
        activity,
        outcome: outcome(document, operation),
        actor: actor(document, activity),
        target,
        machine: Vec::new(),
        address: first(document, &["ActorIpAddress", "ClientIP", "ClientIPAddress", "SenderIp"])
            .and_then(document::address),
        device: text(document, "UserAgent")
            .or_else(|| named(properties, "UserAgent")?.as_str())
            .or_else(|| text(document, "ClientInfoString"))
            .map(str::to_owned),
        object: object(document, activity),
        ..Facts::default()
    }
}

fn activity(document: &Value, operation: &str) -> Activity {
    match operation {
        "Set-Mailbox"
            if sets(document, |name, _| {
                name.starts_with("forward") || name == "delivertomailboxandforward"
            }) =>
        {
            Activity::MailRule
        }
        "Set-Mailbox" => Activity::AccountChange,
        // The service itself confirms the setting now and then.
        "Set-AdminAuditLogConfig" if sets(document, |name, value| name.ends_with("enabled") && value == "False") => {
            Activity::LogClearing
        }
        "Set-AdminAuditLogConfig" => Activity::PolicyChange,
        _ => match document::activity(ACTIVITIES, operation) {
            Activity::Other => of_entra(document, operation),
            known => known,
        },
    }
}

/// Whether one of a command's parameters, its name in lower case, is as asked for.
fn sets(document: &Value, wanted: fn(&str, &str) -> bool) -> bool {
    elements(document, "Parameters").iter().any(|parameter| {
        let name = text(parameter, "Name").unwrap_or_default().to_lowercase();
        wanted(&name, text(parameter, "Value").unwrap_or_default())
    })
}

/// What an operation of Entra's means.
fn of_entra(document: &Value, operation: &str) -> Activity {
    match entra_audit::activity_of(operation) {
        Activity::AccountChange => {
            entra_audit::of_changes(elements(document, "ModifiedProperties")).unwrap_or(Activity::AccountChange)
        }
        other => other,
    }
}

/// Who did it, or whom an alert is about: alerts are told by a service.
fn actor(document: &Value, activity: Activity) -> Vec<Handle> {
    let concerned = (activity == Activity::Warning)
        .then(|| first(document, &["Data.f3u", "AlertEntityId", "Data.eid", "ObjectId"]))
        .flatten()
        .filter(|name| name.contains('@'));
    let user = first(document, &["UserId", "MailboxOwnerUPN"]).filter(|name| *name != "Not Available");
    let name = concerned.or(user);
    let number = elements(document, "Actor")
        .iter()
        .filter_map(|actor| text(actor, "ID"))
        .find(|id| document::is_guid(id));
    // The owner of a mailbox signs in to it under a security identifier, too.
    let owner = text(document, "LogonUserSid").filter(|sid| text(document, "MailboxOwnerSid") == Some(sid));
    document::handles(&[
        document::by_form(name),
        (HandleKind::ProviderId, number.filter(|_| concerned.is_none())),
        (
            HandleKind::Sid,
            owner.filter(|_| name == text(document, "MailboxOwnerUPN")),
        ),
    ])
}

fn outcome(document: &Value, operation: &str) -> Outcome {
    match text(document, "ResultStatus") {
        _ if operation == "UserLoginFailed" => Outcome::Failure,
        Some("Succeeded" | "Success" | "True" | "PartiallySucceeded") => Outcome::Success,
        Some("Failed" | "False" | "Failure") => Outcome::Failure,
        // SharePoint and Teams record what was done, without a word about it.
        None => Outcome::Success,
        Some(_) => Outcome::Unknown,
    }
}

/// The account that it was done to: Entra lists its names by kind, Exchange has it as an object.
fn target(document: &Value, activity: Activity) -> Vec<Handle> {
    // Of a sign-in, it is the application.
    if activity == Activity::SignIn {
        return Vec::new();
    }
    let listed = elements(document, "Target");
    if !listed.is_empty() {
        let names: Vec<_> = listed
            .iter()
            .filter_map(|target| text(target, "ID"))
            .filter(|id| id.contains('@') || id.len() == 36)
            .map(|id| document::by_form(Some(id)))
            .collect();
        return document::handles(&names);
    }
    let about_account = matches!(
        activity,
        Activity::MailRule
            | Activity::AccessGrant
            | Activity::AccountChange
            | Activity::AccountCreation
            | Activity::RoleGrant
            | Activity::GroupMemberAddition
    );
    let member = elements(document, "Members")
        .first()
        .and_then(|member| text(member, "UPN"));
    let name = member
        .or_else(|| text(document, "MailboxOwnerUPN"))
        .or_else(|| parameter(document, &["Identity", "Mailbox", "Member", "User"]))
        .or_else(|| {
            let object = text(document, "ObjectId")?;
            // Of a mailbox's rule, whose it is stands before its own name.
            let owner = object.split('\\').next().filter(|_| activity == Activity::MailRule);
            owner.or(Some(object))
        });
    if about_account {
        document::account(name)
    } else {
        Vec::new()
    }
}

/// The first of a command's parameters.
fn parameter<'a>(document: &'a Value, names: &[&str]) -> Option<&'a str> {
    let list = elements(document, "Parameters");
    names.iter().find_map(|name| named(list, name)?.as_str())
}

fn object(document: &Value, activity: Activity) -> Option<String> {
    let changed = elements(document, "ModifiedProperties");
    let found = match activity {
        Activity::RoleGrant => named(changed, "Role.DisplayName")
            .and_then(Value::as_str)
            .or_else(|| parameter(document, &["Role", "Identity"])),
        Activity::GroupMemberAddition | Activity::GroupMemberRemoval => named(changed, "Group.DisplayName")
            .and_then(Value::as_str)
            .or_else(|| first(document, &["TeamName", "ChannelName"])),
        Activity::Search => first(
            document,
            &[
                "SearchQueryText",
                "QueryText",
                "Query",
                "SharepointQuery",
                "ExchangeLocations",
            ],
        ),
        Activity::MailRule => parameter(
            document,
            &[
                "Name",
                "ForwardingSmtpAddress",
                "ForwardingAddress",
                "ForwardTo",
                "RedirectTo",
                "Identity",
            ],
        ),
        Activity::Warning => alert(document),
        _ => None,
    };
    found
        .or_else(|| {
            first(
                document,
                &[
                    "ObjectId",
                    "SourceFileName",
                    "ApplicationDisplayName",
                    "ApplicationId",
                    "Item.Subject",
                ],
            )
        })
        .map(|object| object.trim_matches('"').to_owned())
}

/// The record, its lists as text for rules that search them, and each of their entries under a name of its own.
fn fields(document: Value) -> Value {
    let mut extra = Map::new();
    for name in [
        "Parameters",
        "OperationProperties",
        "ModifiedProperties",
        "ExtendedProperties",
        "Data",
    ] {
        if let Some(list) = at(&document, name) {
            document::spread(name, list.as_array().map_or(&[], Vec::as_slice), &mut extra);
            extra.insert(name.to_owned(), Value::String(document::written(list)));
        }
    }
    for name in ["RequestType", "UserAgent", "ResultStatusDetail"] {
        if let Some(value) = named(elements(&document, "ExtendedProperties"), name) {
            extra.insert(name.to_owned(), value.clone());
        }
    }
    let operation = text(&document, "Operation").unwrap_or_default();
    let status = if outcome(&document, operation) == Outcome::Failure {
        "failure"
    } else {
        "success"
    };
    let payload = ["Parameters", "Data", "Name"]
        .iter()
        .filter_map(|name| extra.get(*name).and_then(plain))
        .collect::<Vec<_>>()
        .join(" ");
    for (name, value) in [
        ("eventSource", text(&document, "Workload").unwrap_or_default()),
        ("eventName", alert(&document).unwrap_or(operation)),
        ("status", status),
        ("Payload", &format!("{operation} {payload}")),
    ] {
        extra.insert(name.to_owned(), json!(value));
    }
    document::with(document, extra)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::document::tests::{names, read, read_all};

    // Built from Microsoft's documentation of the Management Activity API's schemas.

    fn rule() -> Value {
        json!({"CreationTime": "2025-04-23T08:00:00", "Id": "x", "Operation": "New-InboxRule", "OrganizationId": "y", "RecordType": 1, "ResultStatus": "True",
            "UserKey": "anna@acme.example", "UserType": 2, "Version": 1, "Workload": "Exchange", "ClientIP": "203.0.113.7:52000",
            "ObjectId": "anna@acme.example\\rule", "UserId": "anna@acme.example",
            "Parameters": [{"Name": "Name", "Value": "."}, {"Name": "SubjectOrBodyContainsWords", "Value": "vcenter"}, {"Name": "DeleteMessage", "Value": "True"}]})
    }

    #[test]
    fn an_inbox_rule_is_searched_as_text_and_by_parameter() {
        let event = read(rule());
        assert_eq!(event.logsource.service, Some("audit"));
        assert_eq!(event.time.to_string(), "2025-04-23T08:00:00Z");
        assert_eq!(
            (event.facts.activity, event.facts.outcome),
            (Activity::MailRule, Outcome::Success)
        );
        assert_eq!(names(&event.facts.actor), ["anna@acme.example"]);
        assert_eq!(names(&event.facts.target), ["anna@acme.example"]);
        assert_eq!(event.facts.address.unwrap().to_string(), "203.0.113.7");
        assert_eq!(event.facts.object.as_deref(), Some("."));
        assert!(event.fields["Parameters"].as_str().unwrap().contains("DeleteMessage"));
        assert_eq!(event.fields["Parameters.SubjectOrBodyContainsWords"], "vcenter");
    }

    #[test]
    fn every_wrapping_gives_the_same_event() {
        let search = json!({"RecordType": "ExchangeAdmin", "CreationDate": "2025-04-23T08:00:00.0000000Z", "UserIds": "anna@acme.example",
            "Operations": "New-InboxRule", "AuditData": rule().to_string()});
        let graph = json!({"id": "x", "createdDateTime": "2025-04-23T08:00:00Z", "auditLogRecordType": "exchangeAdmin", "operation": "New-InboxRule", "auditData": rule()});
        let hunting =
            json!({"Timestamp": "2025-04-23T08:00:00Z", "ActionType": "New-InboxRule", "RawEventData": rule()});
        for document in [search, graph, hunting, json!([rule()])] {
            assert_eq!(read(document).facts, read(rule()).facts);
        }
        assert_eq!(read_all(json!([rule(), rule()])).len(), 2);
    }

    #[test]
    fn operations_are_told_apart() {
        for (operation, activity) in [
            ("UserLoggedIn", Activity::SignIn),
            ("FileDownloaded", Activity::FileRead),
            ("FileSyncDownloadedFull", Activity::FileRead),
            ("MailItemsAccessed", Activity::FileRead),
            ("SearchQueryInitiatedSharePoint", Activity::Search),
            ("New-ComplianceSearch", Activity::Search),
            ("AnonymousLinkCreated", Activity::FileWrite),
            ("FileRecycled", Activity::FileDeletion),
            ("Add member to role.", Activity::RoleGrant),
            ("Reset user password.", Activity::PasswordReset),
            ("Consent to application.", Activity::AccessGrant),
            ("Disable Strong Authentication.", Activity::FactorReset),
            ("Set federation settings on domain.", Activity::TrustChange),
            ("Add-FederatedDomain", Activity::TrustChange),
            ("Add-MailboxPermission", Activity::AccessGrant),
            ("Set-AdminAuditLogConfig", Activity::PolicyChange),
            ("Get-DlpCompliancePolicy", Activity::DirectoryRead),
            ("Disable-SafeLinksRule", Activity::DefenceChange),
            ("MemberAdded", Activity::GroupMemberAddition),
            ("AlertTriggered", Activity::Warning),
            ("Send", Activity::Other),
        ] {
            let mut document = rule();
            document["Operation"] = json!(operation);
            assert_eq!(read(document).facts.activity, activity, "{operation}");
        }
    }

    #[test]
    fn a_mailbox_that_forwards_is_a_rule_and_any_other_change_is_not() {
        let mut document = rule();
        document["Operation"] = json!("Set-Mailbox");
        assert_eq!(read(document.clone()).facts.activity, Activity::AccountChange);
        document["Parameters"] = json!([{"Name": "Identity", "Value": "bert@acme.example"}, {"Name": "ForwardingSmtpAddress", "Value": "smtp:x@evil.example"}]);
        document["MailboxOwnerUPN"] = Value::Null;
        let facts = read(document).facts;
        assert_eq!(facts.activity, Activity::MailRule);
        assert_eq!(names(&facts.target), ["bert@acme.example"]);
        assert_eq!(facts.object.as_deref(), Some("smtp:x@evil.example"));
    }

    #[test]
    fn recording_that_is_switched_off_is_told_from_a_setting_confirmed() {
        let mut document = rule();
        document["Operation"] = json!("Set-AdminAuditLogConfig");
        document["Parameters"] = json!([{"Name": "UnifiedAuditLogIngestionEnabled", "Value": "False"}]);
        assert_eq!(read(document).facts.activity, Activity::LogClearing);
    }

    #[test]
    fn an_update_of_a_user_has_all_names_and_is_told_by_what_it_changed() {
        let event = read(
            json!({"CreationTime": "2025-04-23T08:00:00", "Operation": "Update user.", "RecordType": 8, "ResultStatus": "Success",
            "Workload": "AzureActiveDirectory", "UserId": "agent@acme.example", "ObjectId": "anna@acme.example",
            "Actor": [{"ID": "agent@acme.example", "Type": 5}, {"ID": "9d8001cb-a159-4252-a3a1-c2dc689f322a", "Type": 2}, {"ID": "User", "Type": 2}],
            "Target": [{"ID": "User_189870dc-ab0a-49b0-9ff9-e30caa58ddb1", "Type": 2}, {"ID": "189870dc-ab0a-49b0-9ff9-e30caa58ddb1", "Type": 2},
                {"ID": "anna@acme.example", "Type": 5}],
            "ModifiedProperties": [{"Name": "StrongAuthenticationMethod", "NewValue": "[]", "OldValue": "[1]"}]}),
        );
        assert_eq!(event.facts.activity, Activity::FactorReset);
        assert_eq!(
            names(&event.facts.actor),
            ["agent@acme.example", "9d8001cb-a159-4252-a3a1-c2dc689f322a"]
        );
        assert_eq!(
            names(&event.facts.target),
            ["189870dc-ab0a-49b0-9ff9-e30caa58ddb1", "anna@acme.example"]
        );
    }

    #[test]
    fn the_owner_of_a_mailbox_is_joined_with_the_security_identifier() {
        let mut document = rule();
        for name in ["MailboxOwnerSid", "LogonUserSid"] {
            document[name] = json!("S-1-5-21-1-2-3-4");
        }
        document["MailboxOwnerUPN"] = json!("anna@acme.example");
        assert_eq!(
            names(&read(document.clone()).facts.actor),
            ["anna@acme.example", "s-1-5-21-1-2-3-4"]
        );
        document["LogonUserSid"] = json!("S-1-5-21-1-2-3-5");
        assert_eq!(names(&read(document).facts.actor), ["anna@acme.example"]);
    }

    #[test]
    fn alerts_go_where_the_rules_about_them_look() {
        let alert = |name: &str| {
            json!({"CreationTime": "2025-04-23T08:00:00", "Operation": "AlertTriggered", "RecordType": 40, "ResultStatus": "Succeeded",
            "Workload": "SecurityComplianceCenter", "UserId": "SecurityComplianceAlerts", "Name": name})
        };
        let mut about = alert("Impossible travel activity");
        about["Data"] = json!("{\"f3u\":\"anna@acme.example\"}");
        assert_eq!(names(&read(about).facts.actor), ["anna@acme.example"]);
        let event = read(alert("Impossible travel activity"));
        assert_eq!(event.logsource.service, Some("threat_management"));
        assert_eq!(event.fields["eventSource"], "SecurityComplianceCenter");
        assert_eq!(event.fields["eventName"], "Impossible travel activity");
        assert_eq!(event.fields["status"], "success");
        assert_eq!(
            read(alert("Activity from suspicious IP addresses")).logsource.service,
            Some("threat_detection")
        );
        let mut domain = rule();
        domain["Operation"] = json!("Add-FederatedDomain");
        assert_eq!(read(domain).logsource.service, Some("exchange"));
    }

    #[test]
    fn a_sign_in_has_its_request_and_a_failed_one_failed() {
        let event = read(
            json!({"CreationTime": "2025-04-23T08:00:00", "Operation": "UserLoginFailed", "RecordType": 15, "ResultStatus": "Success", "Workload": "AzureActiveDirectory",
            "ActorIpAddress": "203.0.113.7", "UserId": "anna@acme.example", "ApplicationId": "a", "Target": [{"ID": "00000002-0000-0000-c000-000000000000", "Type": 0}],
            "ExtendedProperties": [{"Name": "RequestType", "Value": "Cmsi:Cmsi"}, {"Name": "UserAgent", "Value": "axios/1.7"}]}),
        );
        assert_eq!(
            (event.facts.activity, event.facts.outcome),
            (Activity::SignIn, Outcome::Failure)
        );
        assert_eq!(event.fields["RequestType"], "Cmsi:Cmsi");
        assert_eq!(event.facts.device.as_deref(), Some("axios/1.7"));
    }
}
