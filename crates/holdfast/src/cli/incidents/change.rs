//! `holdfast incidents acknowledge`, `assign`, `note`, `recovered`, `close` and `reopen`

use respond::incident::{self, Incident, IncidentId};
use respond::{Actor, Error, Writing};

use super::IncidentsCommand;
use crate::browse::text::printable;
use crate::cli::noted::{Noted, now};
use crate::cli::output::{self, print};
use crate::failure::{EXIT_OK, Failure};
use crate::user;

pub(super) fn run(noted: &Noted<'_>, command: IncidentsCommand) -> Result<u8, Failure> {
    let actor = user::this_one();
    let incident = noted.change(|w| change(w, &actor, command))?;
    if noted.common.json {
        return Ok(output::json(&incident));
    }
    print(text(&incident).as_bytes());
    Ok(EXIT_OK)
}

fn change(w: &mut Writing<'_>, actor: &Actor, command: IncidentsCommand) -> Result<Incident, Error> {
    use IncidentsCommand::{Acknowledge, Assign, Close, File, List, Note, Paper, Recovered, Reopen, Show};
    let now = now();
    match command {
        Acknowledge { incident } => incident::acknowledge(w, now, actor, IncidentId(incident)),
        Assign { incident, who } => {
            let who = who.map(Actor::Person);
            incident::assign(w, now, actor, IncidentId(incident), who.as_ref())
        }
        Note { incident, text } => incident::note(w, now, actor, IncidentId(incident), &text),
        Recovered { incident, how } => incident::recovered(w, now, actor, IncidentId(incident), &how),
        Close {
            incident,
            false_alarm,
            why,
        } => incident::close(w, now, actor, IncidentId(incident), false_alarm, &why),
        Reopen { incident, why } => incident::reopen(w, now, actor, IncidentId(incident), &why),
        File(_) | List(_) | Paper(_) | Show { .. } => Err(Error::Refused {
            what: "this changes nothing".to_owned(),
        }),
    }
}

fn text(incident: &Incident) -> String {
    let assigned = incident.assigned.as_ref();
    let assigned = assigned.map_or_else(|| "nobody".to_owned(), |who| printable(who.to_string().as_bytes()));
    format!(
        "incident {} is {}; {assigned} looks after it\n",
        incident.id, incident.state
    )
}
