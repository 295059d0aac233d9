//! What Sigma calls the kinds of Windows' events: services by channel, categories by service and number.

use serde_json::{Map, Value};

/// Channels and the services that rules name them by, the busiest first.
const CHANNELS: &[(&str, &str)] = &[
    ("Security", "security"),
    ("Microsoft-Windows-Sysmon/Operational", "sysmon"),
    ("System", "system"),
    ("Application", "application"),
    ("Microsoft-Windows-PowerShell/Operational", "powershell"),
    ("Windows PowerShell", "powershell-classic"),
    ("PowerShellCore/Operational", "powershell"),
    ("Microsoft-Windows-Windows Defender/Operational", "windefend"),
    ("Microsoft-Windows-WMI-Activity/Operational", "wmi"),
    ("Microsoft-Windows-TaskScheduler/Operational", "taskscheduler"),
    (
        "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall",
        "firewall-as",
    ),
    ("Microsoft-Windows-Bits-Client/Operational", "bits-client"),
    ("Microsoft-Windows-DNS Client Events/Operational", "dns-client"),
    ("Microsoft-Windows-DNS-Client/Operational", "dns-client"),
    ("DNS Server", "dns-server"),
    ("Microsoft-Windows-DNS-Server/Audit", "dns-server-audit"),
    ("Microsoft-Windows-DNS-Server/Analytical", "dns-server-analytic"),
    ("Microsoft-Windows-DHCP-Server/Operational", "dhcp"),
    ("Microsoft-Windows-NTLM/Operational", "ntlm"),
    ("Microsoft-Windows-LSA/Operational", "lsa-server"),
    (
        "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
        "terminalservices-localsessionmanager",
    ),
    (
        "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
        "terminalservices-remoteconnectionmanager",
    ),
    (
        "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational",
        "remotedesktopservices-rdpcorets",
    ),
    ("OpenSSH/Operational", "openssh"),
    (
        "Microsoft-Windows-CodeIntegrity/Operational",
        "codeintegrity-operational",
    ),
    ("Microsoft-Windows-AppLocker/EXE and DLL", "applocker"),
    ("Microsoft-Windows-AppLocker/MSI and Script", "applocker"),
    ("Microsoft-Windows-AppLocker/Packaged app-Deployment", "applocker"),
    ("Microsoft-Windows-AppLocker/Packaged app-Execution", "applocker"),
    (
        "Microsoft-Windows-AppXDeploymentServer/Operational",
        "appxdeployment-server",
    ),
    ("Microsoft-Windows-AppxPackaging/Operational", "appxpackaging-om"),
    ("Microsoft-Windows-AppModel-Runtime/Admin", "appmodel-runtime"),
    ("Microsoft-Windows-SmbClient/Security", "smbclient-security"),
    ("Microsoft-Windows-SmbClient/Connectivity", "smbclient-connectivity"),
    ("Microsoft-Windows-SMBServer/Connectivity", "smbserver-connectivity"),
    ("Microsoft-Windows-SMBServer/Security", "smbserver-security"),
    ("Microsoft-Windows-PrintService/Admin", "printservice-admin"),
    ("Microsoft-Windows-PrintService/Operational", "printservice-operational"),
    ("MSExchange Management", "msexchange-management"),
    (
        "Microsoft-Windows-Security-Mitigations/KernelMode",
        "security-mitigations",
    ),
    (
        "Microsoft-Windows-Security-Mitigations/UserMode",
        "security-mitigations",
    ),
    (
        "Microsoft-Windows-Security-Mitigations/Kernel Mode",
        "security-mitigations",
    ),
    (
        "Microsoft-Windows-Security-Mitigations/User Mode",
        "security-mitigations",
    ),
    ("Microsoft-Windows-Shell-Core/Operational", "shell-core"),
    (
        "Microsoft-Windows-DriverFrameworks-UserMode/Operational",
        "driver-framework",
    ),
    ("Microsoft-Windows-LDAP-Client/Debug", "ldap"),
    ("Microsoft-Windows-CAPI2/Operational", "capi2"),
    (
        "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational",
        "certificateservicesclient-lifecycle-system",
    ),
    ("Microsoft-Windows-Diagnosis-Scripted/Operational", "diagnosis-scripted"),
    ("Microsoft-IIS-Configuration/Operational", "iis-configuration"),
    ("Microsoft-ServiceBus-Client/Admin", "microsoft-servicebus-client"),
    ("Microsoft-ServiceBus-Client/Operational", "microsoft-servicebus-client"),
    ("Microsoft-Windows-VHDMP-Operational", "vhdmp"),
    ("Microsoft-Windows-VHDMP/Operational", "vhdmp"),
    ("Microsoft-Windows-Hyper-V-Worker-Admin", "hyper-v-worker"),
    ("Microsoft-Windows-Hyper-V-Worker/Admin", "hyper-v-worker"),
    ("Microsoft-Windows-Kernel-EventTracing/Admin", "kernel-event-tracing"),
    ("Microsoft-Windows-Kernel-ShimEngine/Operational", "kernel-shimengine"),
    ("Microsoft-Windows-SENSE/Operational", "sense"),
    ("Microsoft-Windows-WinRM/Operational", "winrm"),
    ("Microsoft-Windows-GroupPolicy/Operational", "grouppolicy"),
    ("Directory Service", "directory-service"),
    ("Active Directory Web Services", "active-directory-web-services"),
    ("AD FS/Admin", "adfs"),
];

/// For records without a channel.
const PROVIDERS: &[(&str, &str)] = &[
    ("Microsoft-Windows-Security-Auditing", "security"),
    ("Microsoft-Windows-Sysmon", "sysmon"),
    (ON_LINUX, "sysmon"),
    ("Service Control Manager", "system"),
    ("Microsoft-Windows-PowerShell", "powershell"),
    ("PowerShellCore", "powershell"),
    ("PowerShell", "powershell-classic"),
    ("Microsoft-Windows-Windows Defender", "windefend"),
    ("Microsoft-Windows-WMI-Activity", "wmi"),
    ("Microsoft-Windows-TaskScheduler", "taskscheduler"),
    ("Microsoft-Windows-Bits-Client", "bits-client"),
    ("Microsoft-Windows-NTLM", "ntlm"),
    ("Microsoft-Windows-CodeIntegrity", "codeintegrity-operational"),
    ("OpenSSH", "openssh"),
    ("ESENT", "application"),
];

/// Sysmon also runs on Linux, with the same events.
const ON_LINUX: &str = "Linux-Sysmon";

pub(super) fn product(provider: &str) -> &'static str {
    if provider == ON_LINUX { "linux" } else { "windows" }
}

pub(super) fn service(channel: &str, provider: &str) -> Option<&'static str> {
    let (table, name) = if channel.is_empty() {
        (PROVIDERS, provider)
    } else {
        (CHANNELS, channel)
    };
    let exact = table.iter().find(|(known, _)| *known == name);
    // Shippers that turn names into lower case are rare.
    exact
        .or_else(|| table.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)))
        .map(|(_, service)| *service)
        .or_else(|| (provider == ON_LINUX).then_some("sysmon"))
}

pub(super) fn category(service: Option<&str>, id: u32, data: &Map<String, Value>) -> Option<&'static str> {
    match service? {
        "sysmon" => sysmon(id, data),
        "security" => security(id, data),
        "powershell" => match id {
            4103 => Some("ps_module"),
            4104 => Some("ps_script"),
            _ => None,
        },
        "powershell-classic" => match id {
            400 => Some("ps_classic_start"),
            600 => Some("ps_classic_provider_start"),
            800 => Some("ps_classic_script"),
            _ => None,
        },
        "windefend" => matches!(id, 1006..=1008 | 1015 | 1116..=1119).then_some("antivirus"),
        _ => None,
    }
}

fn sysmon(id: u32, data: &Map<String, Value>) -> Option<&'static str> {
    Some(match id {
        1 => "process_creation",
        2 => "file_change",
        3 => "network_connection",
        4 | 16 => "sysmon_status",
        5 => "process_termination",
        6 => "driver_load",
        7 => "image_load",
        8 => "create_remote_thread",
        9 => "raw_access_thread",
        10 => "process_access",
        11 => "file_event",
        12 => match data.get("EventType").and_then(Value::as_str) {
            Some("CreateKey") => "registry_add",
            Some("DeleteKey" | "DeleteValue") => "registry_delete",
            _ => "registry_event",
        },
        13 => "registry_set",
        14 => "registry_rename",
        15 => "create_stream_hash",
        17 | 18 => "pipe_created",
        19..=21 => "wmi_event",
        22 => "dns_query",
        23 | 26 => "file_delete",
        24 => "clipboard_capture",
        25 => "process_tampering",
        27 => "file_block_executable",
        28 => "file_block_shredding",
        29 => "file_executable_detected",
        255 => "sysmon_error",
        _ => return None,
    })
}

/// What the security log has of the same kind as Sysmon; `adapt` has given it Sysmon's names.
fn security(id: u32, data: &Map<String, Value>) -> Option<&'static str> {
    match id {
        4688 => Some("process_creation"),
        4689 => Some("process_termination"),
        5156 => Some("network_connection"),
        4657 => Some(match data.get("EventType").and_then(Value::as_str) {
            Some("CreateKey") => "registry_add",
            Some("DeleteValue") => "registry_delete",
            _ => "registry_set",
        }),
        4663 if data.get("ObjectType").and_then(Value::as_str) == Some("File") => Some("file_access"),
        _ => None,
    }
}
