//! AWS CloudTrail: calls of Amazon's interfaces and sign-ins to its console.

use serde_json::{Map, Value, json};

use super::document::{self, Activities, at, elements, first, text};
use super::{Context, DocumentSource, NotUnderstood};
use crate::event::{Activity, Event, Facts, Handle, HandleKind, Logsource, Outcome};

/// CloudTrail.
pub(super) const SOURCE: DocumentSource = DocumentSource { is, read };

const LOGSOURCE: Logsource = Logsource {
    product: "aws",
    service: Some("cloudtrail"),
    category: None,
};

/// By the names of calls; where two services have a call of the same name, it means the same.
const ACTIVITIES: Activities = &[
    (Activity::DirectoryRead, "list*, describe*"),
    (
        Activity::SignIn,
        "consolelogin, assumerole*, switchrole, userauthentication, authenticate, \
         federate, externalidpdirectorylogin, startsession",
    ),
    (
        Activity::FactorChallenge,
        "checkmfa, credentialchallenge, credentialverification",
    ),
    (
        Activity::PasswordReset,
        "createloginprofile, updateloginprofile, updatepassword, passwordupdated, \
         adminsetuserpassword, adminresetuserpassword",
    ),
    (Activity::PasswordChange, "changepassword, passwordrecovery*"),
    (
        Activity::FactorReset,
        "deactivatemfadevice, deletevirtualmfadevice, deletemfadevice*",
    ),
    (
        Activity::FactorEnrolment,
        "enablemfadevice, createvirtualmfadevice, createmfadevice*, \
         startvirtualmfadeviceregistration, completevirtualmfadeviceregistration, \
         startwebauthndeviceregistration, completewebauthndeviceregistration",
    ),
    (
        Activity::AccessGrant,
        "createaccesskey, uploadsshpublickey, createservicespecificcredential, \
         uploadsigningcertificate, importkeypair, createkeypair, sendsshpublickey, \
         sendserialconsolesshpublickey, getsignintoken, getfederationtoken, getsessiontoken, \
         createapikey, createtoken, creategrant, updateaccesskey, createserviceaccount*",
    ),
    (
        Activity::RoleGrant,
        "attach*policy, putuserpolicy, putrolepolicy, putgrouppolicy, \
         addroletoinstanceprofile, addroletodb*, createpolicyversion, setdefaultpolicyversion, \
         updateassumerolepolicy, createaccountassignment, \
         associateiaminstanceprofile, deleteuserpermissionsboundary, deleterolepermissionsboundary",
    ),
    (Activity::GroupMemberAddition, "addusertogroup, creategroupmembership"),
    (
        Activity::GroupMemberRemoval,
        "removeuserfromgroup, deletegroupmembership",
    ),
    (Activity::GroupChange, "creategroup, deletegroup, updategroup"),
    (
        Activity::AccountCreation,
        "createuser, createrole, createservicelinkedrole, createaccount",
    ),
    (
        Activity::AccountDeletion,
        "deleteuser, deleterole, deleteloginprofile, closeaccount",
    ),
    (
        Activity::TrustChange,
        "createsamlprovider, createtrustanchor, updatesamlprovider, deletesamlprovider, \
         *openidconnectprovider*, associatedirectory, disassociatedirectory, *externalidpconfiguration*, \
         leaveorganization, inviteaccounttoorganization, accepthandshake, transferdomain*, \
         disabledomaintransferlock",
    ),
    (
        Activity::LogClearing,
        "stoplogging, deletetrail, puteventselectors, deleteflowlogs, \
         deleteloggroup, deletelogstream, stopconfigurationrecorder, deleteconfigurationrecorder, \
         deletedeliverychannel, deletemodelinvocationlogging*, deletequeryloggingconfig, \
         deleteeventdatastore, disablelogtypes",
    ),
    (
        Activity::DefenceChange,
        "deletedetector, updatedetector, disassociatefrom*account, \
         disassociatemembers, deletemembers, stopmonitoringmembers, createipset, archivefindings, \
         createfilter, disablesecurityhub, batchdisablestandards, batchupdatefindings, updatefindings, \
         deleteinsight, updateinsight, disablemacie, updatemaciesession, deletewebacl, \
         disassociatewebacl, deleterulegroup, deleteguardrail, updateguardrail, \
         disableebsencryptionbydefault, deletebucketencryption, deletebucketpublicaccessblock, \
         deletepublicaccessblock, deleteconfigrule, deletealarms, disablealarmactions, \
         putbucketversioning, deleteaccountpasswordpolicy, disablekey, \
         deletebackupvaultlockconfiguration, disableserialconsoleaccess",
    ),
    (
        Activity::SnapshotDeletion,
        "deletesnapshot*, deletedbsnapshot, deletedbclustersnapshot, \
         deregisterimage, deletebackup*, deleterecoverypoint, deletedbinstanceautomatedbackup, \
         deleteclustersnapshot",
    ),
    (
        Activity::SnapshotCreation,
        "createsnapshot*, createdbsnapshot, createdbclustersnapshot, \
         startbackupjob",
    ),
    (
        Activity::MachineCopy,
        "modifysnapshotattribute, modifydbsnapshotattribute, \
         modifydbclustersnapshotattribute, modifyimageattribute, copysnapshot, copydbsnapshot, \
         createinstanceexporttask, startexporttask, createimage, sharedsnapshot*, exportimage, \
         createstoreimagetask, getsnapshotblock",
    ),
    (
        Activity::MachineCreation,
        "runinstances, createdbinstance, restoredbinstance*, \
         createelasticsearchdomain",
    ),
    (Activity::MachineDeletion, "terminateinstances"),
    (
        Activity::PowerOff,
        "stopinstances, stopdbinstance, rebootdb*, failoverdb*, \
         failoverglobal*",
    ),
    (Activity::PowerOn, "startinstances, startdbinstance"),
    (Activity::Script, "sendcommand, startautomationexecution"),
    (
        Activity::Persistence,
        "createfunction20*, updatefunctioncode*, updatefunctionconfiguration*, \
         createfunctionurlconfig*, addpermission20*, putrule, puttargets, createstatemachine, \
         registertaskdefinition, createdevendpoint, updatedevendpoint, publishlayerversion*",
    ),
    (
        Activity::MachineChange,
        "modifyinstanceattribute, rebootinstances, rebootdb*, failoverdb*, failoverglobal*, attachvolume, detachvolume, \
         replaceiaminstanceprofile*, modifydbinstance, modifydbcluster, associateaddress",
    ),
    (
        Activity::FileRead,
        "getobject, selectobjectcontent, getsecretvalue, batchgetsecretvalue, \
         getparameter*, downloaddblogfileportion, getpassworddata, \
         startqueryexecution, getexport",
    ),
    (
        Activity::FileWrite,
        "putobject, putparameter, createsecret, putsecretvalue, copyobject, uploadpart, createmultipartupload, replicateobject, \
         restoreobject, putobjectacl",
    ),
    (
        Activity::FileDeletion,
        "deleteobject*, deletebucket, deletedbinstance, deletedbcluster, \
         deletefilesystem, deletemounttarget, deletetable, deletefunction*, deletecluster, \
         schedulekeydeletion, deleteimportedkeymaterial, deletevolume, deletesecret, deleteparameter*, deletestack, \
         deleteidentity",
    ),
    (
        Activity::PolicyChange,
        "putbucket*, putencryption*, putlifecycle*, putreplication*, \
         deletebucket*, putkeypolicy, putresourcepolicy, setqueueattributes, setrepositorypolicy, \
         updateaccountpasswordpolicy, authorize*ingress*, authorize*egress*, revoke*ingress*, \
         revoke*egress*, *securitygroup*, *networkacl*, createroute, deleteroute, replaceroute, \
         attachinternetgateway, *trafficmirror*, updatetrail, createtrail, updateprojectvisibility, \
         enableregion, setsecuritygroups, deleteaccesskey, deletepolicy*, createpolicy, detach*policy, \
         delete*policy, removerolefrom*, modifysubnetattribute, updatefunctionurlconfig*",
    ),
    (
        Activity::DirectoryRead,
        "get*, lookup*, search*, batchget*, scan, query",
    ),
];

/// What CloudTrail writes for a name that may be a password typed in the wrong place.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

fn is(document: &Value) -> bool {
    document.get("eventName").is_some_and(Value::is_string)
        && (text(document, "eventSource").is_some_and(|source| source.ends_with(".amazonaws.com"))
            || document.get("userIdentity").is_some() && document.get("awsRegion").is_some())
}

fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let time = document::time(&document, &["eventTime", "p_event_time"], &context)?;
    let facts = facts(&document);
    Ok(context.event(time, LOGSOURCE, fields(document), facts))
}

fn facts(document: &Value) -> Facts {
    let name = text(document, "eventName").unwrap_or_default();
    let activity = activity(document, name);
    let instance = first(
        document,
        &["requestParameters.instanceId", "requestParameters.dBInstanceIdentifier"],
    )
    .or_else(|| {
        text(
            elements(document, "requestParameters.instancesSet.items").first()?,
            "instanceId",
        )
    });
    Facts {
        activity,
        outcome: outcome(document, name),
        actor: actor(at(document, "userIdentity").unwrap_or(&Value::Null)),
        target: target(document, activity),
        machine: document::handles(&[(HandleKind::VirtualMachine, instance)]),
        address: text(document, "sourceIPAddress").and_then(document::address),
        device: text(document, "userAgent").map(str::to_owned),
        object: object(document, activity).or_else(|| instance.map(str::to_owned)),
        ..Facts::default()
    }
}

fn activity(document: &Value, name: &str) -> Activity {
    let password = [
        "requestParameters.masterUserPassword",
        "responseElements.pendingModifiedValues.masterUserPassword",
    ];
    if name.starts_with("ModifyDB") && password.iter().any(|path| at(document, path).is_some()) {
        return Activity::PasswordReset;
    }
    // Amazon's own services take roles all day.
    if name == "AssumeRole" && text(document, "userIdentity.type") == Some("AWSService") {
        return Activity::Other;
    }
    if name == "PutBucketVersioning"
        && text(document, "requestParameters.VersioningConfiguration.Status") == Some("Enabled")
    {
        return Activity::PolicyChange;
    }
    document::activity(ACTIVITIES, name)
}

fn outcome(document: &Value, name: &str) -> Outcome {
    match at(document, "responseElements").and_then(|answer| text(answer, name)) {
        Some("Success") => return Outcome::Success,
        Some("Failure") => return Outcome::Failure,
        _ => {}
    }
    match first(document, &["errorCode", "errorMessage"]) {
        None | Some("Success") => Outcome::Success,
        Some(_) => Outcome::Failure,
    }
}

/// Names of who called. Of a role that somebody took, the session's name often is the person's.
fn actor(identity: &Value) -> Vec<Handle> {
    let arn = text(identity, "arn");
    let session = arn
        .filter(|arn| arn.contains(":assumed-role/"))
        .and_then(|arn| arn.rsplit('/').next());
    let user = text(identity, "userName").filter(|name| *name != HIDDEN);
    // Of a session that Amazon's sign-in portal made, it always is.
    let of_portal = arn.is_some_and(|arn| arn.contains(":assumed-role/AWSReservedSSO_"));
    let session = session.filter(|name| of_portal || name.contains('@'));
    let root = (text(identity, "type") == Some("Root")).then_some("root");
    document::handles(&[
        (user.map_or(HandleKind::User, document::kind_of_account), user.or(root)),
        document::by_form(session),
        (HandleKind::Arn, arn),
        (
            HandleKind::ProviderId,
            first(identity, &["principalId", "onBehalfOf.userId"]),
        ),
        (HandleKind::Group, text(identity, "invokedBy")),
    ])
}

fn target(document: &Value, activity: Activity) -> Vec<Handle> {
    if activity == Activity::SignIn {
        return document::handles(&[(HandleKind::Arn, text(document, "requestParameters.roleArn"))]);
    }
    let user = first(
        document,
        &["requestParameters.userName", "responseElements.accessKey.userName"],
    );
    document::handles(&[
        document::by_form(user),
        (
            HandleKind::ProviderId,
            first(document, &["requestParameters.principalId", "requestParameters.userId"]),
        ),
        (HandleKind::Group, text(document, "requestParameters.roleName")),
    ])
}

fn object(document: &Value, activity: Activity) -> Option<String> {
    let parameters = at(document, "requestParameters").unwrap_or(&Value::Null);
    if matches!(
        activity,
        Activity::FileRead | Activity::FileWrite | Activity::FileDeletion
    ) && let Some((bucket, key)) = text(parameters, "bucketName").zip(text(parameters, "key"))
    {
        return Some(format!("{bucket}/{key}"));
    }
    [
        "policyArn",
        "policyName",
        "groupName",
        "roleArn",
        "bucketName",
        "secretId",
        "name",
        "snapshotId",
        "dBSnapshotIdentifier",
        "imageId",
        "volumeId",
        "detectorId",
        "functionName",
        "keyId",
        "sAMLProviderArn",
        "roleName",
        "userName",
        "permissionSetArn",
        "groupId",
    ]
    .iter()
    .find_map(|name| text(parameters, name).filter(|value| *value != HIDDEN))
    .or_else(|| {
        first(
            document,
            &["responseElements.snapshotId", "additionalEventData.LoginTo"],
        )
    })
    .map(str::to_owned)
}

/// The record; its parameters and answers as text for rules that search them, and each leaf of them under its path.
fn fields(document: Value) -> Value {
    let failed = first(&document, &["errorCode", "errorMessage"]).is_some();
    let Value::Object(mut object) = document else {
        return document;
    };
    let pieces: Vec<(String, Value)> = ["requestParameters", "responseElements"]
        .into_iter()
        .filter_map(|name| object.remove_entry(name))
        .collect();
    let mut flat = Map::new();
    for (name, value) in pieces {
        document::flatten(&name, value, &mut flat);
    }
    object.extend(flat);
    object
        .entry("status")
        .or_insert_with(|| json!(if failed { "failure" } else { "success" }));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::document::tests::{names, read, read_all};

    fn call(source: &str, name: &str, parameters: &Value) -> Value {
        json!({"eventVersion": "1.08", "eventTime": "2025-05-01T10:00:00Z", "eventSource": source, "eventName": name, "awsRegion": "eu-west-1",
            "sourceIPAddress": "203.0.113.7", "userAgent": "aws-cli/2", "requestParameters": parameters, "responseElements": null, "eventType": "AwsApiCall",
            "userIdentity": {"type": "AssumedRole", "principalId": "AROAX:anna@acme.example", "accountId": "1", "arn": "arn:aws:sts::1:assumed-role/Admin/anna@acme.example",
                "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "Admin"}}}})
    }

    #[test]
    fn a_key_made_for_somebody_names_both() {
        let event = read(call(
            "iam.amazonaws.com",
            "CreateAccessKey",
            &json!({"userName": "backup"}),
        ));
        assert_eq!(event.logsource, LOGSOURCE);
        assert_eq!(
            (event.facts.activity, event.facts.outcome),
            (Activity::AccessGrant, Outcome::Success)
        );
        assert_eq!(
            names(&event.facts.actor),
            [
                "anna@acme.example",
                "arn:aws:sts::1:assumed-role/admin/anna@acme.example",
                "AROAX:anna@acme.example"
            ]
        );
        assert_eq!(names(&event.facts.target), ["backup"]);
        assert_eq!(event.fields["requestParameters.userName"], "backup");
        assert_eq!(event.fields["status"], "success");
    }

    #[test]
    fn a_session_of_the_sign_in_portal_is_the_person_and_one_of_a_program_is_not() {
        for (arn, expected) in [
            ("arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_12/anna", Some("anna")),
            ("arn:aws:sts::1:assumed-role/Backup/i-0123", None),
        ] {
            let mut document = call("iam.amazonaws.com", "CreateUser", &Value::Null);
            document["userIdentity"] = json!({"type": "AssumedRole", "arn": arn});
            let actor = read(document).facts.actor;
            let user = actor.iter().find(|handle| handle.kind == HandleKind::User);
            assert_eq!(user.map(|handle| handle.name.as_str()), expected, "{arn}");
        }
    }

    #[test]
    fn calls_are_told_apart() {
        for (name, activity) in [
            ("ConsoleLogin", Activity::SignIn),
            ("AttachUserPolicy", Activity::RoleGrant),
            ("PutUserPolicy", Activity::RoleGrant),
            ("StopLogging", Activity::LogClearing),
            ("DeleteTrail", Activity::LogClearing),
            ("DeleteSnapshot", Activity::SnapshotDeletion),
            ("DeleteDBSnapshot", Activity::SnapshotDeletion),
            ("DeleteDetector", Activity::DefenceChange),
            ("UpdateDetector", Activity::DefenceChange),
            ("UpdateLoginProfile", Activity::PasswordReset),
            ("DeactivateMFADevice", Activity::FactorReset),
            ("CreateSAMLProvider", Activity::TrustChange),
            ("CreateUser", Activity::AccountCreation),
            ("ModifySnapshotAttribute", Activity::MachineCopy),
            ("GetObject", Activity::FileRead),
            ("ListBuckets", Activity::DirectoryRead),
            ("DescribeSecurityGroups", Activity::DirectoryRead),
            ("AuthorizeSecurityGroupIngress", Activity::PolicyChange),
            ("DeleteBucketPolicy", Activity::PolicyChange),
            ("TagResource", Activity::Other),
        ] {
            assert_eq!(
                read(call("x.amazonaws.com", name, &Value::Null)).facts.activity,
                activity,
                "{name}"
            );
        }
    }

    #[test]
    fn a_sign_in_to_the_console_says_whether_it_worked() {
        let mut document = call("signin.amazonaws.com", "ConsoleLogin", &Value::Null);
        document["userIdentity"] =
            json!({"type": "IAMUser", "userName": "anna", "arn": "arn:aws:iam::1:user/anna", "principalId": "AIDAX"});
        document["responseElements"] = json!({"ConsoleLogin": "Failure"});
        let event = read(document.clone());
        assert_eq!(
            (event.facts.activity, event.facts.outcome),
            (Activity::SignIn, Outcome::Failure)
        );
        assert_eq!(names(&event.facts.actor), ["anna", "arn:aws:iam::1:user/anna", "AIDAX"]);
        assert_eq!(event.fields["responseElements.ConsoleLogin"], "Failure");
        document["responseElements"] = json!({"ConsoleLogin": "Success"});
        assert_eq!(read(document).facts.outcome, Outcome::Success);
    }

    #[test]
    fn refused_calls_failed_and_parameters_are_searched_as_text() {
        let mut document = call(
            "s3.amazonaws.com",
            "PutBucketVersioning",
            &json!({"bucketName": "b", "VersioningConfiguration": {"Status": "Suspended"}}),
        );
        document["errorCode"] = json!("AccessDenied");
        let event = read(document);
        assert_eq!(
            (event.facts.activity, event.facts.outcome),
            (Activity::DefenceChange, Outcome::Failure)
        );
        assert!(
            event.fields["requestParameters"]
                .as_str()
                .unwrap()
                .contains("Suspended")
        );
        assert_eq!(
            event.fields["requestParameters.VersioningConfiguration.Status"],
            "Suspended"
        );
        assert_eq!(event.fields["responseElements"], Value::Null);
        assert_eq!(event.fields["status"], "failure");
    }

    #[test]
    fn files_of_a_trail_and_events_of_a_bus_are_unwrapped() {
        let one = call("ec2.amazonaws.com", "DeleteSnapshot", &json!({"snapshotId": "snap-1"}));
        assert_eq!(read_all(json!({"Records": [one, one]})).len(), 2);
        let bus =
            json!({"version": "0", "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2", "detail": one});
        assert_eq!(read(bus).facts.object.as_deref(), Some("snap-1"));
    }
}
