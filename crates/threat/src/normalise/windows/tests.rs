//! Shapes and names, on records as shippers deliver them. Those of EVTX are from EVTX-to-MITRE-Attack (CC0); the others have the layout of
//! NXLog's `to_json` as OTRF's captures show it, of Winlogbeat's and of Wazuh's documentation, with names of our own.

use serde_json::json;

use super::*;
use crate::event::{Activity, Origin};
use crate::input::{Body, Record};
use crate::normalise::normalise;

fn event(document: Value) -> Event {
    try_event(document).unwrap()
}

fn try_event(document: Value) -> Result<Event, NotUnderstood> {
    let origin = Origin {
        source: "log".into(),
        record: 1,
    };
    let record = Record {
        body: Body::Document(document),
        origin,
    };
    normalise(record, "2030-01-01T00:00:00Z".parse().unwrap())
}

fn evtx(provider: &str, channel: &str, id: u32, data: &Value) -> Event {
    event(json!({"Event": {
        "#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
        "System": {
            "Provider": {"#attributes": {"Name": provider, "Guid": "{54849625-5478-4994-a5ba-3e3b0328c30d}"}},
            "EventID": {"#attributes": {"Qualifiers": 0}, "#text": id},
            "Version": 0, "Level": 4, "Task": 1, "Opcode": 0, "Keywords": "0x8020000000000000",
            "TimeCreated": {"#attributes": {"SystemTime": "2021-06-05T19:36:55.7069608Z"}},
            "EventRecordID": 442150,
            "Correlation": null,
            "Execution": {"#attributes": {"ProcessID": 584, "ThreadID": 716}},
            "Channel": channel,
            "Computer": "rootdc1.offsec.lan",
            "Security": {"#attributes": {"UserID": "S-1-5-21-4230534742-2542757381-3142984815-1111"}},
        },
        "EventData": data,
    }}))
}

#[test]
fn the_parts_of_an_evtx_record_get_the_names_of_sigma() {
    let event = evtx(
        "Service Control Manager",
        "System",
        7045,
        &json!({"ServiceName": "PSEXESVC", "ImagePath": "%SystemRoot%\\PSEXESVC.exe", "Empty": null}),
    );
    assert_eq!(
        event.fields,
        json!({
            "EventID": 7045, "Provider_Name": "Service Control Manager", "Channel": "System", "Computer": "rootdc1.offsec.lan",
            "ServiceName": "PSEXESVC", "ImagePath": "%SystemRoot%\\PSEXESVC.exe",
            "UserID": "S-1-5-21-4230534742-2542757381-3142984815-1111", "ProcessId": 584,
            "Level": 4, "Keywords": "0x8020000000000000", "Task": 1, "EventRecordID": 442150,
        })
    );
    assert_eq!(event.time, "2021-06-05T19:36:55.7069608Z".parse().unwrap());
    assert_eq!(event.logsource.product, "windows");
    assert_eq!(event.logsource.service, Some("system"));
    assert_eq!(event.logsource.category, None);
}

#[test]
fn data_without_names_are_one_text_or_all_of_them() {
    let texts = json!({"Data": {"#text": ["NTDS", "7148", "c:\\hacker\\ntds.dit"]}, "Binary": "00"});
    let event = evtx("ESENT", "Application", 325, &texts);
    assert_eq!(event.fields["Data"], json!(["NTDS", "7148", "c:\\hacker\\ntds.dit"]));
    assert_eq!(event.fields["Binary"], "00");
    let event = evtx(
        "MSSQLSERVER",
        "Application",
        33205,
        &json!({"Data": {"#text": "action_id:AUSC"}}),
    );
    assert_eq!(event.fields["Data"], "action_id:AUSC");
    let event = evtx("x", "Application", 1, &json!("text alone"));
    assert_eq!(event.fields["Data"], "text alone");
}

#[test]
fn the_cleared_log_stands_before_the_one_that_tells_of_it() {
    let event = event(json!({"Event": {
        "System": {
            "Provider": {"#attributes": {"Name": "Microsoft-Windows-Eventlog"}}, "EventID": 104, "Channel": "System",
            "TimeCreated": {"#attributes": {"SystemTime": "2021-04-21T09:27:51.1817985Z"}}, "Computer": "jump01.offsec.lan",
        },
        "UserData": {"LogFileCleared": {
            "#attributes": {"xmlns": "http://manifests.microsoft.com/win/2004/08/windows/eventlog"},
            "SubjectUserName": "admmig", "SubjectDomainName": "OFFSEC", "Channel": "Windows PowerShell", "BackupPath": null,
        }},
    }}));
    assert_eq!(event.fields["Channel"], "Windows PowerShell");
    assert_eq!(event.fields["SubjectUserName"], "admmig");
    assert_eq!(event.logsource.service, Some("system"));
    assert!(event.fields.get("LogFileCleared").is_none());
    assert_eq!(event.facts.object.as_deref(), Some("Windows PowerShell"));
}

#[test]
fn xml_by_other_converters_is_the_same_event() {
    let event = event(json!({"Event": {
        "@xmlns": "http://schemas.microsoft.com/win/2004/08/events/event",
        "System": {
            "Provider": {"@Name": "Microsoft-Windows-Security-Auditing"}, "EventID": "4720", "Channel": "Security",
            "TimeCreated": {"@SystemTime": "2021-06-05T19:36:55Z"}, "Computer": "dc1", "Security": null,
        },
        "EventData": {"Data": [
            {"@Name": "TargetUserName", "#text": "eva"}, {"@Name": "SubjectUserName", "#text": "anna"}, {"@Name": "Empty"},
        ]},
    }}));
    assert_eq!(event.fields["EventID"], 4720);
    assert_eq!(event.fields["TargetUserName"], "eva");
    assert_eq!(event.fields["Empty"], "");
    assert_eq!(event.facts.activity, Activity::AccountCreation);
}

const XML: &str = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider \
    Name='Microsoft-Windows-Security-Auditing' Guid='{54849625-5478-4994-a5ba-3e3b0328c30d}'/><EventID>4688</EventID><Level>0</Level>\
    <Keywords>0x8020000000000000</Keywords><TimeCreated SystemTime='2021-06-05T19:36:55.7069608Z'/><Correlation/><Execution \
    ProcessID='4' ThreadID='256'/><Channel>Security</Channel><Computer>ws5</Computer><Security/></System><EventData>\
    <Data Name='SubjectUserName'>anna</Data><Data Name='SubjectDomainName'>ACME</Data>\
    <Data Name='NewProcessName'>C:\\a.exe</Data><Data Name='CommandLine'>a &quot;x &amp; y&quot; &gt; z &#228; <![CDATA[<1>]]></Data>\
    <Data Name='Empty'/></EventData></Event>";

#[test]
fn xml_is_read_as_a_line_and_in_json() {
    let origin = Origin {
        source: "log".into(),
        record: 1,
    };
    let line = Record {
        body: Body::Line(format!("<13>Jun  5 19:36:55 ws5 evt: {XML}")),
        origin,
    };
    let line = normalise(line, "2030-01-01T00:00:00Z".parse().unwrap()).unwrap();
    let splunk = event(json!({"preview": false, "result": {"_raw": XML, "host": "ws5"}}));
    for event in [&line, &splunk] {
        assert_eq!(event.fields["EventID"], 4688);
        assert_eq!(event.fields["Image"], "C:\\a.exe");
        assert_eq!(event.fields["CommandLine"], "a \"x & y\" > z \u{e4} <1>");
        assert_eq!(event.fields["User"], "ACME\\anna");
        assert_eq!(event.fields["ProcessId"], "4");
        assert_eq!(event.time, "2021-06-05T19:36:55.7069608Z".parse().unwrap());
        assert_eq!(event.logsource.category, Some("process_creation"));
    }
    assert_eq!(line.fields, splunk.fields);
}

#[test]
fn xml_that_is_no_whole_event_is_left_to_others() {
    let deep = format!("<Event>{}{}</Event>", "<a>".repeat(100_000), "</a>".repeat(100_000));
    let whole = "<Event><System><EventID>1</EventID></System></Event>";
    assert!(shape::markup::event(whole).is_some());
    for text in [
        "<Event><System><EventID>1</EventID></System>",
        "<Event><System></EventID></System></Event>",
        "<Events><System/></Events>",
        "<Event a=b><System/></Event>",
        "<Event><![CDATA[</Event>",
        "<Event",
        &deep,
    ] {
        assert!(
            shape::markup::event(text).is_none(),
            "{}",
            text.chars().take(60).collect::<String>()
        );
    }
    let one = shape::markup::event(
        "<Event><EventData><Data Name='a'>1</Data></EventData><b/><b>&x;&#0;&#xd800;&</b></Event>",
    );
    assert_eq!(
        one,
        Some(json!({"Event": {
            "EventData": {"Data": {"#attributes": {"Name": "a"}, "#text": "1"}}, "b": ["", "&x;\0&#xd800;&"],
        }}))
    );
}

#[test]
fn nxlog_and_captures_are_read() {
    let event = event(json!({
        "EventTime": "2020-09-20 13:31:14", "Hostname": "WS5.acme.example", "Keywords": -9_223_372_036_854_775_808_i64,
        "EventType": "INFO", "SeverityValue": 2, "Severity": "INFO", "EventID": 1, "SourceName": "Microsoft-Windows-Sysmon",
        "ProviderGuid": "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}", "Version": 5, "Task": 1, "OpcodeValue": 0, "RecordNumber": 1_122_334,
        "ExecutionProcessID": 3172, "ExecutionThreadID": 4416, "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Domain": "NT AUTHORITY", "AccountName": "SYSTEM", "UserID": "S-1-5-18", "AccountType": "User",
        "Message": "Process Create:", "Category": "Process Create (rule: ProcessCreate)", "Opcode": "Info",
        "UtcTime": "2020-09-20 17:31:13.920", "ProcessId": "6432", "Image": "C:\\Windows\\System32\\whoami.exe",
        "CommandLine": "whoami /all", "User": "ACME\\anna", "ParentImage": "C:\\Windows\\System32\\cmd.exe",
        "Hashes": "SHA1=AA,MD5=BB,SHA256=CC,IMPHASH=DD",
        "@timestamp": "2020-09-20T17:31:14.904Z", "@version": "1", "tags": ["mordorDataset"], "host": "wec.acme.example", "port": 60737,
        "SourceModuleName": "eventlog", "SourceModuleType": "im_msvistalog", "EventReceivedTime": "2020-09-20 13:31:15",
    }));
    assert_eq!(event.time, "2020-09-20T17:31:14.904Z".parse().unwrap());
    assert_eq!(event.logsource.service, Some("sysmon"));
    assert_eq!(event.logsource.category, Some("process_creation"));
    for (name, text) in [
        ("Provider_Name", "Microsoft-Windows-Sysmon"),
        ("Computer", "WS5.acme.example"),
        ("Image", "C:\\Windows\\System32\\whoami.exe"),
        ("ProcessId", "6432"),
        ("md5", "BB"),
        ("Imphash", "DD"),
    ] {
        assert_eq!(event.fields[name], text, "{name}");
    }
    for name in ["tags", "port", "host", "SourceName", "Hostname"] {
        assert!(event.fields.get(name).is_none(), "{name}");
    }
}

#[test]
fn evtxecmd_has_the_data_in_a_text() {
    let event = event(json!({
        "PayloadData1": "Target: ACME\\eva", "MapDescription": "Successful logon", "UserName": "-\\-", "ChunkNumber": 0,
        "Computer": "dc1.acme.example", "Payload": "{\"EventData\":{\"Data\":[{\"@Name\":\"TargetUserName\",\"#text\":\"eva\"},\
        {\"@Name\":\"LogonType\",\"#text\":\"3\"}]}}", "Channel": "Security", "Provider": "Microsoft-Windows-Security-Auditing",
        "EventId": 4624, "EventRecordId": "88", "TimeCreated": "2025-04-17T08:00:00.0000000+00:00", "Keywords": "Audit success",
    }));
    assert_eq!(event.fields["TargetUserName"], "eva");
    assert_eq!(event.fields["EventID"], 4624);
    assert!(event.fields.get("Payload").is_none() && event.fields.get("UserName").is_none());
    assert_eq!(event.time, "2025-04-17T08:00:00Z".parse().unwrap());
    assert_eq!(event.facts.activity, Activity::SignIn);
}

#[test]
fn sentinel_has_the_data_as_xml_in_a_text() {
    let event = event(json!({
        "TimeGenerated": "2025-04-17T08:00:00.1Z", "Source": "Microsoft-Windows-Sysmon", "EventID": 1, "Computer": "ws5",
        "EventLog": "Microsoft-Windows-Sysmon/Operational", "EventData": "<DataItem type=\"System.XmlData\" time=\"2025-04-17T08:00:00Z\">\
        <EventData xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><Data Name=\"Image\">C:\\a.exe</Data>\
        <Data Name=\"CommandLine\">a &lt;b&gt;</Data></EventData></DataItem>",
    }));
    assert_eq!(event.fields["CommandLine"], "a <b>");
    assert_eq!(event.fields["Image"], "C:\\a.exe");
    assert!(event.fields.get("EventData").is_none());
    assert_eq!(event.logsource.category, Some("process_creation"));
    assert_eq!(event.time, "2025-04-17T08:00:00.1Z".parse().unwrap());
}

#[test]
fn winlogbeat_is_read_in_both_of_its_layouts() {
    let new = event(json!({
        "@timestamp": "2025-04-17T08:00:00.123Z", "event": {"code": "4625", "outcome": "failure", "kind": "event"},
        "host": {"name": "dc1.acme.example"}, "message": "An account failed to log on.",
        "winlog": {
            "event_id": 4625, "channel": "Security", "provider_name": "Microsoft-Windows-Security-Auditing",
            "computer_name": "dc1.acme.example", "record_id": 987_654, "keywords": ["Audit Failure"], "task": "Logon",
            "event_data": {"TargetUserName": "anna", "TargetDomainName": "ACME", "LogonType": "10", "IpAddress": "203.0.113.9"},
        },
    }));
    let old = event(json!({
        "@timestamp": "2025-04-17T08:00:00.123Z", "log_name": "Security", "source_name": "Microsoft-Windows-Security-Auditing",
        "event_id": 4625, "computer_name": "dc1.acme.example", "record_number": "987654", "keywords": ["Audit Failure"],
        "event_data": {"TargetUserName": "anna", "TargetDomainName": "ACME", "LogonType": "10", "IpAddress": "203.0.113.9"},
    }));
    for event in [&new, &old] {
        assert_eq!(event.fields["EventID"], 4625);
        assert_eq!(event.fields["TargetUserName"], "anna");
        assert_eq!(event.fields["Provider_Name"], "Microsoft-Windows-Security-Auditing");
        assert_eq!(event.logsource.service, Some("security"));
        assert_eq!(event.facts.address, Some("203.0.113.9".parse().unwrap()));
    }
    assert_eq!((new.time, &new.facts), (old.time, &old.facts));
}

#[test]
fn what_elastic_moved_is_moved_back() {
    let process = event(json!({"_index": "winlogbeat", "_source": {
        "@timestamp": "2025-04-17T08:00:00Z",
        "winlog": {"event_id": "1", "channel": "Microsoft-Windows-Sysmon/Operational", "provider_name": "Microsoft-Windows-Sysmon",
            "computer_name": "ws5", "event_data": {"IntegrityLevel": "High"}},
        "process": {"executable": "C:\\a.exe", "command_line": "a -x", "pid": 12, "pe": {"original_file_name": "b.exe"},
            "parent": {"executable": "C:\\c.exe"}},
        "user": {"domain": "ACME", "name": "anna"},
    }}));
    for (name, value) in [
        ("Image", json!("C:\\a.exe")),
        ("CommandLine", json!("a -x")),
        ("ProcessId", json!(12)),
        ("OriginalFileName", json!("b.exe")),
        ("ParentImage", json!("C:\\c.exe")),
        ("IntegrityLevel", json!("High")),
        ("User", json!("ACME\\anna")),
    ] {
        assert_eq!(process.fields[name], value, "{name}");
    }
    let loaded = event(json!({
        "winlog": {"event_id": 7, "channel": "Microsoft-Windows-Sysmon/Operational", "event_data": {}},
        "file": {"path": "C:\\x.dll", "code_signature": {"status": "Valid"}}, "process": {"executable": "C:\\a.exe"},
    }));
    assert_eq!(loaded.fields["ImageLoaded"], "C:\\x.dll");
    assert_eq!(loaded.fields["SignatureStatus"], "Valid");
    assert_eq!(loaded.time, "2030-01-01T00:00:00Z".parse().unwrap());
}

#[test]
fn data_without_names_are_gathered_from_winlogbeat() {
    let event = event(
        json!({"winlog": {"event_id": 325, "channel": "Application", "provider_name": "ESENT",
        "event_data": {"param1": "NTDS", "param2": "7148", "param3": "c:\\x\\ntds.dit", "other": "1"}}}),
    );
    assert_eq!(event.fields["Data"], json!(["NTDS", "7148", "c:\\x\\ntds.dit"]));
}

#[test]
fn wazuh_is_read() {
    let event = event(json!({
        "timestamp": "2025-04-07T22:21:14.000+0000", "agent": {"id": "001", "name": "ws5"}, "rule": {"level": 3},
        "data": {"win": {
            "system": {"providerName": "Microsoft-Windows-Security-Auditing", "eventID": "4624", "channel": "Security",
                "computer": "WS5", "systemTime": "2025-04-07T22:21:13.0846337Z", "eventRecordID": "88863",
                "keywords": "0x8020000000000000", "severityValue": "AUDIT_SUCCESS"},
            "eventdata": {"targetUserName": "anna", "targetDomainName": "ACME", "logonType": "10", "ipAddress": "203.0.113.47"},
        }},
    }));
    assert_eq!(event.fields["TargetUserName"], "anna");
    assert_eq!(event.fields["EventID"], 4624);
    assert_eq!(event.time, "2025-04-07T22:21:13.0846337Z".parse().unwrap());
    assert_eq!(event.facts.activity, Activity::SignIn);
}

#[test]
fn other_documents_are_left_to_others() {
    for document in [
        json!({"eventVersion": "1.08", "eventID": "4f5a", "eventSource": "iam.amazonaws.com"}),
        json!({"EventID": 5, "what": "no channel"}),
        json!({"Id": "x", "Operation": "New-InboxRule", "Workload": "Exchange"}),
        json!({"Event": "text"}),
        json!([{"EventID": 1, "Channel": "Security"}]),
    ] {
        assert!(!(DOCUMENTS.is)(&document), "{document}");
    }
    let error = try_event(json!({"Event": {"System": {"Channel": "Security"}}})).unwrap_err();
    assert_eq!(error.reason, "an event of Windows without a number");
}

#[test]
fn processes_of_the_security_log_have_the_names_of_sysmon() {
    let data = json!({
        "SubjectUserSid": "S-1-5-21-4230534742-2542757381-3142984815-1111", "SubjectUserName": "admmig", "SubjectDomainName": "OFFSEC",
        "SubjectLogonId": "0x1375fbd", "NewProcessId": "0x1a2c", "NewProcessName": "C:\\Windows\\System32\\net1.exe",
        "TokenElevationType": "%%1936", "ProcessId": "0x238", "CommandLine": "net1 user eva /add", "TargetUserSid": "S-1-0-0",
        "TargetUserName": "-", "TargetDomainName": "-", "TargetLogonId": "0x0", "ParentProcessName": "C:\\Windows\\System32\\net.exe",
        "MandatoryLabel": "S-1-16-12288",
    });
    let event = evtx("Microsoft-Windows-Security-Auditing", "Security", 4688, &data);
    assert_eq!(event.logsource.category, Some("process_creation"));
    assert_eq!(event.logsource.service, Some("security"));
    for (name, text) in [
        ("Image", "C:\\Windows\\System32\\net1.exe"),
        ("NewProcessName", "C:\\Windows\\System32\\net1.exe"),
        ("ParentImage", "C:\\Windows\\System32\\net.exe"),
        ("CommandLine", "net1 user eva /add"),
        ("User", "OFFSEC\\admmig"),
        ("IntegrityLevel", "High"),
        ("LogonId", "0x1375fbd"),
    ] {
        assert_eq!(event.fields[name], text, "{name}");
    }
    let system = json!({"SubjectUserSid": "S-1-5-18", "SubjectUserName": "FS01$", "SubjectDomainName": "OFFSEC", "NewProcessName": "a"});
    let event = evtx("Microsoft-Windows-Security-Auditing", "Security", 4688, &system);
    assert_eq!(event.fields["User"], "NT AUTHORITY\\SYSTEM");
}

#[test]
fn registry_and_connections_of_the_security_log_have_the_names_of_sysmon() {
    let data = json!({
        "ObjectName": "\\REGISTRY\\MACHINE\\SOFTWARE\\Policies\\Microsoft\\Windows Defender", "ObjectValueName": "DisableAntiSpyware",
        "OperationType": "%%1905", "OldValue": "0", "NewValue": "1", "ProcessName": "C:\\Windows\\System32\\reg.exe",
    });
    let event = evtx("Microsoft-Windows-Security-Auditing", "Security", 4657, &data);
    assert_eq!(event.logsource.category, Some("registry_set"));
    assert_eq!(
        event.fields["TargetObject"],
        "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows Defender\\DisableAntiSpyware"
    );
    assert_eq!(event.fields["Details"], "1");
    let data = json!({
        "ProcessID": 4, "Application": "\\device\\harddiskvolume2\\a.exe", "Direction": "%%14593", "SourceAddress": "10.0.0.5",
        "SourcePort": "50000", "DestAddress": "203.0.113.9", "DestPort": 443, "Protocol": 6,
    });
    let event = evtx("Microsoft-Windows-Security-Auditing", "Security", 5156, &data);
    assert_eq!(event.logsource.category, Some("network_connection"));
    assert_eq!(event.fields["DestinationIp"], "203.0.113.9");
    assert_eq!(event.fields["DestinationPort"], 443);
    assert_eq!(event.fields["Initiated"], "true");
    assert_eq!(event.facts.object.as_deref(), Some("203.0.113.9:443"));
}

#[test]
fn names_of_defender_lose_their_spaces() {
    let data = json!({"Threat Name": "HackTool:Win64/Mikatz!dha", "Path": "file:_C:\\Users\\admmig\\mimidrv.sys", "Feature Name": "%%886"});
    let event = evtx(
        "Microsoft-Windows-Windows Defender",
        "Microsoft-Windows-Windows Defender/Operational",
        1116,
        &data,
    );
    assert_eq!(event.logsource.service, Some("windefend"));
    assert_eq!(event.logsource.category, Some("antivirus"));
    assert_eq!(event.fields["ThreatName"], "HackTool:Win64/Mikatz!dha");
    assert_eq!(event.fields["Signature"], "HackTool:Win64/Mikatz!dha");
    assert_eq!(event.fields["Feature_Name"], "%%886");
    assert_eq!(event.fields["Filename"], "C:\\Users\\admmig\\mimidrv.sys");
}

#[test]
fn every_change_of_the_registry_is_of_the_wide_category() {
    let of = |id: u32, kind: &str| {
        let data = json!({"EventType": kind, "TargetObject": "HKLM\\a"});
        evtx(
            "Microsoft-Windows-Sysmon",
            "Microsoft-Windows-Sysmon/Operational",
            id,
            &data,
        )
        .logsource
    };
    for (source, own) in [
        (of(12, "CreateKey"), "registry_add"),
        (of(12, "DeleteValue"), "registry_delete"),
        (of(13, "SetValue"), "registry_set"),
        (of(14, "RenameKey"), "registry_rename"),
    ] {
        assert_eq!(source.category, Some(own));
        assert!(source.is_of(own) && source.is_of("registry_event"));
        assert!(!source.is_of("file_event"));
    }
    assert!(!of(11, "").is_of("registry_event"));
}

#[test]
fn services_are_known_by_channel_or_else_by_provider() {
    for (channel, provider, service) in [
        ("Security", "Microsoft-Windows-Eventlog", Some("security")),
        ("security", "", Some("security")),
        ("", "Microsoft-Windows-Sysmon", Some("sysmon")),
        ("PowerShellCore/Operational", "PowerShellCore", Some("powershell")),
        (
            "Microsoft-Windows-Security-Mitigations/KernelMode",
            "",
            Some("security-mitigations"),
        ),
        ("Setup", "Microsoft-Windows-Sysmon", None),
    ] {
        assert_eq!(logsource::service(channel, provider), service, "{channel} {provider}");
    }
    assert_eq!(logsource::product("Linux-Sysmon"), "linux");
    assert_eq!(
        logsource::service("Linux-Sysmon/Operational", "Linux-Sysmon"),
        Some("sysmon")
    );
}
