//! Scripts: PowerShell's two logs.

use super::{View, account, of, shortened};
use crate::event::{Activity, Facts};

pub(super) fn facts(view: &View<'_>) -> Facts {
    let (activity, object) = match (view.service, view.id) {
        (_, 4104) => (Activity::Script, view.text("ScriptBlockText").map(shortened)),
        (_, 4103) => (Activity::Script, view.text("Payload").map(shortened)),
        ("powershell-classic", 400 | 600 | 800) => (Activity::Script, context(view, "HostApplication=").map(shortened)),
        _ => (Activity::Other, None),
    };
    let user = context(view, "UserId=").or_else(|| {
        let context = view.text("ContextInfo")?;
        value_of(context, "User = ")
    });
    let mut actor = view
        .user
        .filter(|sid| !account::is_built_in(sid))
        .map_or_else(Vec::new, |sid| account::of(Some(sid), None, None));
    actor.extend(account::whole(user));
    Facts {
        actor,
        object,
        ..of(activity)
    }
}

/// A value of the older log, whose data are texts of many lines.
fn context<'a>(view: &View<'a>, name: &str) -> Option<&'a str> {
    (0..3).find_map(|at| value_of(view.unnamed(at)?, name))
}

fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(name))?;
    Some(line.trim()).filter(|value| !value.is_empty())
}
