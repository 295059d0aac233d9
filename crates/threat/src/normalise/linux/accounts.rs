//! Accounts and groups: what the shadow utilities write.

use crate::event::{Activity, Outcome};
use crate::normalise::text::{Draft, after, between, word};

/// Who ran the program isn't told.
pub(super) fn changed(draft: &mut Draft, program: &str, text: &str) {
    let quoted = |mark: &str| between(text, mark, "'");
    let named = || {
        between(text, "name=", ",")
            .or_else(|| after(text, "name="))
            .map(|name| word(name).0.trim_end_matches(','))
    };
    let done = |draft: &mut Draft, activity, target: &str, object: &str| {
        draft.did(activity, Outcome::Success).to(target).with(object);
        draft.put("user", target);
    };
    if text.starts_with("new user: ") {
        done(draft, Activity::AccountCreation, named().unwrap_or_default(), "");
        for name in ["UID", "GID", "home", "shell", "from"] {
            draft.put(name, between(text, &format!("{name}="), ",").unwrap_or_default());
        }
    } else if let Some(user) = quoted("delete user '") {
        done(draft, Activity::AccountDeletion, user, "");
    } else if let Some(user) = quoted("add '")
        && let Some(group) = quoted(" to group '")
    {
        done(draft, Activity::GroupMemberAddition, user, group);
    } else if let Some(user) = quoted("delete '")
        && let Some(group) = quoted(" from group '")
    {
        done(draft, Activity::GroupMemberRemoval, user, group);
    } else if program == "gpasswd" && text.starts_with("user ") {
        of_gpasswd(draft, text);
    } else if text.starts_with("new group: ") || text.starts_with("group added to ") {
        draft
            .did(Activity::GroupChange, Outcome::Success)
            .with(named().unwrap_or_default());
    } else if let Some(group) =
        quoted("removed group '").or_else(|| quoted("group '").filter(|_| text.ends_with("removed")))
    {
        draft.did(Activity::GroupChange, Outcome::Success).with(group);
    } else if let Some(user) = quoted("unlock user '").or_else(|| quoted("lock user '")) {
        done(draft, Activity::AccountState, user, "");
    } else if let Some(user) = quoted("change user '") {
        let activity = if text.ends_with(" password") {
            Activity::PasswordReset
        } else {
            Activity::AccountChange
        };
        done(draft, activity, user, "");
    }
}

/// `user anna added by root to group wheel`, `user anna removed by root from group wheel`.
fn of_gpasswd(draft: &mut Draft, text: &str) {
    let user = between(text, "user ", " ").unwrap_or_default();
    let actor = between(text, " by ", " ").unwrap_or_default();
    let group = after(text, " group ").unwrap_or_default();
    let activity = if text.contains(" added by ") {
        Activity::GroupMemberAddition
    } else {
        Activity::GroupMemberRemoval
    };
    draft.did(activity, Outcome::Success).by(actor).to(user).with(group);
}
