//! What events tell of.

use serde::{Deserialize, Serialize};

/// What was done, in words common to all sources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activity {
    /// Somebody signed in, or was refused (see the outcome). Of a machine, a service, a VPN or an identity provider.
    SignIn,
    /// A ticket for a service was asked for: the object is the service.
    TicketRequest,
    /// A second factor was asked for, answered or refused.
    FactorChallenge,
    /// An account's password was set by somebody else.
    PasswordReset,
    /// Somebody changed their own password.
    PasswordChange,
    /// A second factor of an account was removed or reset.
    FactorReset,
    /// A second factor was added to an account, temporary access passes among them.
    FactorEnrolment,
    /// A device was joined or registered.
    DeviceEnrolment,
    /// An account was made.
    AccountCreation,
    /// An account was deleted.
    AccountDeletion,
    /// An account was enabled, disabled, locked or unlocked.
    AccountState,
    /// Another property of an account was changed.
    AccountChange,
    /// A group was made, renamed or deleted.
    GroupChange,
    /// A member was added to a group: the target is the member, the object the group.
    GroupMemberAddition,
    /// A member was removed from a group.
    GroupMemberRemoval,
    /// A role or privilege was granted: the target has it, the object is the role.
    RoleGrant,
    /// An application was given access, a key or a secret.
    AccessGrant,
    /// Whom the organisation trusts to sign people in was changed: federation, identity providers, domains.
    TrustChange,
    /// A policy or security setting was changed.
    PolicyChange,
    /// A mailbox's rule or forwarding was changed.
    MailRule,
    /// Documents or messages were searched.
    Search,
    /// A file or object was read or downloaded.
    FileRead,
    /// A file was written, shared or renamed.
    FileWrite,
    /// A file or object was deleted.
    FileDeletion,
    /// A program was started: the object is its command line.
    Process,
    /// A script was run: the object is its text.
    Script,
    /// A service, unit, scheduled task or driver was installed: the object names it.
    Persistence,
    /// A registry value was written.
    RegistryChange,
    /// A connection was made.
    Connection,
    /// A name was looked up.
    NameLookup,
    /// The directory or a share was read.
    DirectoryRead,
    /// A log was cleared, or recording stopped.
    LogClearing,
    /// A protection was switched off or has failed.
    DefenceChange,
    /// Malware was found.
    MalwareFound,
    /// A product's own detection warned of something, or a person did.
    Warning,
    /// A machine was started.
    PowerOn,
    /// A machine was stopped.
    PowerOff,
    /// A virtual machine's hardware was changed: disks attached and detached among it.
    MachineChange,
    /// A virtual machine was cloned, exported or moved.
    MachineCopy,
    /// A virtual machine was made.
    MachineCreation,
    /// A virtual machine was deleted.
    MachineDeletion,
    /// A snapshot was taken.
    SnapshotCreation,
    /// A snapshot, shadow copy or backup was deleted.
    SnapshotDeletion,
    /// A service of a hypervisor or appliance was started, SSH among them.
    ServiceStart,
    /// A setting of a hypervisor or appliance was changed.
    HostSetting,
    /// Anything else.
    #[default]
    Other,
}
