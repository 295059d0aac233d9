//! Commands that were typed into ESXi's shell.

use crate::event::{Activity, Event, Outcome};
use crate::normalise::Context;
use crate::normalise::syslog::Message;
use crate::normalise::text::{logsource, word};

/// Programs of the hypervisor, which the line is searched for if it begins with a word of the shell's own.
const TOOLS: [&str; 8] = [
    "esxcli",
    "vim-cmd",
    "vmware-vim-cmd",
    "localcli",
    "vmkfstools",
    "vmdumper",
    "chkconfig",
    "vsish",
];

/// Words that start no program.
const BUILTINS: [&str; 28] = [
    "cd", "echo", "for", "while", "if", "do", "done", "then", "fi", "exit", "export", "set", "unset", "alias",
    "source", "history", "read", "test", "ulimit", "umask", "wait", "jobs", "fg", "bg", "exec", "eval", "{", "(",
];

/// What a command does, by the words that must all be in it. The first that fits.
const MEANINGS: &[(&[&str], Activity)] = &[
    (&["vim-cmd", "vmsvc/power.off"], Activity::PowerOff),
    (&["vim-cmd", "vmsvc/power.shutdown"], Activity::PowerOff),
    (&["vim-cmd", "vmsvc/power.suspend"], Activity::PowerOff),
    (&["vim-cmd", "vmsvc/power.on"], Activity::PowerOn),
    (&["esxcli", "vm process", "kill"], Activity::PowerOff),
    (&["localcli", "vm process", "kill"], Activity::PowerOff),
    (&["vim-cmd", "vmsvc/snapshot.remove"], Activity::SnapshotDeletion),
    (&["vim-cmd", "vmsvc/snapshot.create"], Activity::SnapshotCreation),
    (&["vim-cmd", "vmsvc/unregister"], Activity::MachineDeletion),
    (&["vim-cmd", "vmsvc/destroy"], Activity::MachineDeletion),
    (&["vim-cmd", "vmsvc/reload"], Activity::MachineChange),
    (&["vim-cmd", "hostsvc/enable_ssh"], Activity::ServiceStart),
    (&["vim-cmd", "hostsvc/start_ssh"], Activity::ServiceStart),
    (&["vim-cmd", "hostsvc/enable_esx_shell"], Activity::ServiceStart),
    (&["vim-cmd", "hostsvc/start_esx_shell"], Activity::ServiceStart),
    (&["vim-cmd", "lockdown_mode_exit"], Activity::DefenceChange),
    (&["vim-cmd", "vimsvc/auth/entity_permission_add"], Activity::RoleGrant),
    (&["esxcli", "system", "account", "add"], Activity::AccountCreation),
    (&["esxcli", "system", "account", "remove"], Activity::AccountDeletion),
    (&["esxcli", "system", "account", "set", "-p"], Activity::PasswordReset),
    (&["esxcli", "system", "permission", " set"], Activity::RoleGrant),
    (&["esxcli", "encryption", " set"], Activity::DefenceChange),
    (&["esxcli", "execinstalledonly"], Activity::DefenceChange),
    (&["esxcfg-advcfg", "execinstalledonly"], Activity::DefenceChange),
    (&["esxcli", "software", "acceptance", " set"], Activity::DefenceChange),
    (&["esxcli", "software", "vib", "install"], Activity::Persistence),
    (&["esxcli", "system", "syslog", "config"], Activity::DefenceChange),
    (&["esxcli", "network", "firewall", "set"], Activity::DefenceChange),
    (&["esxcli", "network", "firewall", "unload"], Activity::DefenceChange),
    (
        &["esxcli", "system", "coredump", "file", "remove"],
        Activity::LogClearing,
    ),
    (&["esxcli", "system", "settings", " set"], Activity::HostSetting),
    (&["esxcfg-firewall"], Activity::DefenceChange),
    (&["local.sh"], Activity::Persistence),
    (&["/var/spool/cron"], Activity::Persistence),
    (&["rm ", "/var/log"], Activity::LogClearing),
    (&["rm ", ".vmdk"], Activity::FileDeletion),
    (&["rm ", ".vmsn"], Activity::SnapshotDeletion),
    (&["vmkfstools", "-u "], Activity::FileDeletion),
];

/// `[root]: esxcli vm process list`, or of ESXi 7 `[shell.cmd@6876 subject="root" object="shell" command="..." result="success" status="0"]`.
pub(super) fn read(message: &Message<'_>, context: &Context) -> Event {
    let mut draft = message.draft();
    let time = message.time.unwrap_or(context.received);
    let Some((user, command, outcome)) = audited(message).or_else(|| typed(message.text)) else {
        let source = logsource("esxi", Some("shell"), None);
        return draft.event(time, source, context);
    };
    draft.put("CommandLine", &command);
    draft.put("Image", &image(&command));
    draft.put("User", &user);
    draft.did(meaning(&command), outcome).by(&user).with(&command);
    draft.facts.device = Some("esxi shell".to_owned());
    let source = logsource("linux", Some("esxi"), Some("process_creation"));
    draft.event(time, source, context)
}

fn audited(message: &Message<'_>) -> Option<(String, String, Outcome)> {
    let parameter = |name| message.parameter("shell.cmd@6876", name);
    let command = parameter("command")?;
    let outcome = match parameter("result").as_deref() {
        Some("success") => Outcome::Success,
        Some(_) => Outcome::Failure,
        None => Outcome::Unknown,
    };
    Some((parameter("subject").unwrap_or_default(), command, outcome))
}

fn typed(text: &str) -> Option<(String, String, Outcome)> {
    let (user, command) = text.strip_prefix('[')?.split_once("]: ")?;
    let is_name = !user.is_empty() && user.len() <= 64 && !user.contains([' ', '"', '@']) || user.contains('\\');
    // Whether it succeeded isn't written.
    is_name.then(|| (user.to_owned(), command.trim().to_owned(), Outcome::Unknown))
}

/// Where ESXi has the program: a path of its own stays, a name of a tool is under `/bin`, `esxcfg-*` under `/sbin`.
fn image(command: &str) -> String {
    let first = word(command).0.trim_start_matches(['(', '{']);
    let name = if BUILTINS.contains(&first) || first.contains('=') {
        let tool = command
            .split(|letter: char| letter.is_whitespace() || "|;&$()`\"'".contains(letter))
            .find(|part| TOOLS.contains(part) || part.starts_with("esxcfg-"));
        match tool {
            Some(tool) => tool,
            None => return String::new(),
        }
    } else {
        first
    };
    match name {
        _ if name.contains('/') => name.to_owned(),
        _ if name.starts_with("esxcfg-") => format!("/sbin/{name}"),
        _ => format!("/bin/{name}"),
    }
}

fn meaning(command: &str) -> Activity {
    let command = command.to_ascii_lowercase();
    let found = MEANINGS
        .iter()
        .find(|(words, _)| words.iter().all(|word| command.contains(word)));
    found.map_or(Activity::Process, |(_, activity)| *activity)
}
