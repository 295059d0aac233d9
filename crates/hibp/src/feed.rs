//! The feed of a domain's notices: RSS 2.0, for whoever looks after the domain. It has numbers, and no address.

use exposure::Error;
use exposure::ledger::{Breach, BreachId, Ledger};

use crate::rss::{CONTENT_TYPE, date, escape};
use crate::watch::Page;

/// Notices in a feed, at most.
const ITEMS_MAX: u32 = 100;

/// The feed of the domain with a number; `None` if it is gone, or wasn't shown to be ours.
pub(crate) fn of_domain(ledger: &Ledger, id: i64) -> Result<Option<Page>, Error> {
    let Some(domain) = ledger.domain_numbered(id)?.filter(|domain| domain.verified.is_some()) else {
        return Ok(None);
    };
    let breaches = ledger.breaches()?;
    let mut items = String::new();
    for (breach, at, detail) in ledger.notices_of_domain(&domain.name, ITEMS_MAX)? {
        if let Some((_, found)) = breaches.iter().find(|(id, _)| *id == breach) {
            items += &item(breach, found, at, &detail);
        }
    }
    let name = escape(&domain.name);
    Ok(Some(Page {
        status: 200,
        content_type: CONTENT_TYPE,
        body: format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\"><channel><title>Breaches that concern {name}</title>\
             <link>https://{name}/</link><description>Breaches in which addresses of {name} were found</description>{items}</channel></rss>\n"
        ),
    }))
}

fn item(id: BreachId, breach: &Breach, at: i64, detail: &str) -> String {
    let count = serde_json::from_str::<serde_json::Value>(detail)
        .ok()
        .and_then(|detail| detail.get("aliases")?.as_u64())
        .unwrap_or_default();
    format!(
        "<item><title>{}</title><guid isPermaLink=\"false\">{}-{at}</guid>{}<description>{}</description></item>",
        escape(&breach.title),
        id.0,
        date(at)
            .map(|date| format!("<pubDate>{date}</pubDate>"))
            .unwrap_or_default(),
        escape(&format!(
            "{count} addresses of the domain are in it. What was taken: {}.",
            breach.data_classes.join(", ")
        )),
    )
}
