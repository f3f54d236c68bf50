//! Where texts lead.

use std::{collections::BTreeSet, ops::Range, sync::LazyLock};

use model::{
    brief::CampaignBrief,
    report::{Category, Severity},
};
use url::{Host, Url};

use crate::{
    piece::{Piece, Role, Text},
    prose,
    rule::{Brief, Hits, Rule},
};

/// Links lead to http and https only.
pub(crate) struct Scheme;

/// No name or password in an address.
pub(crate) struct Credentials;

/// No service that hides where an address leads.
pub(crate) struct Shortener;

/// Links lead to the call to action's own host, or to one that the brief names.
pub(crate) struct ForeignHost;

static SHORTENERS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    include_str!("shorteners.txt")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
});

impl Rule for Scheme {
    fn id(&self) -> &str {
        "links.scheme"
    }

    fn category(&self) -> Category {
        Category::Links
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "Other schemes run code, ask for programs or lead nowhere; networks and mail programs remove them."
    }

    fn source(&self) -> &str {
        "WHATWG URL Standard; OWASP, Cross Site Scripting Prevention Cheat Sheet"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for (text, range, url) in all(piece) {
            if !matches!(url.scheme(), "http" | "https") {
                let what = format!("The address has the scheme `{}`.", url.scheme());
                hits.at(text, range, what, "Link to an https address.");
            }
        }
    }
}

impl Rule for Credentials {
    fn id(&self) -> &str {
        "links.credentials"
    }

    fn category(&self) -> Category {
        Category::Links
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn rationale(&self) -> &str {
        "Everyone who reads the text can use them, and browsers warn of such addresses."
    }

    fn source(&self) -> &str {
        "RFC 3986, 3.2.1 and 7.5"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for (text, range, url) in all(piece) {
            if !url.username().is_empty() || url.password().is_some() {
                let what = "The address holds a user's name or password.";
                hits.at(text, range, what, "Take it out, and change the password.");
            }
        }
    }
}

impl Rule for Shortener {
    fn id(&self) -> &str {
        "links.shortener"
    }

    fn category(&self) -> Category {
        Category::Links
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn rationale(&self) -> &str {
        "Readers cannot see where it leads, networks distrust it, and it may lead elsewhere tomorrow."
    }

    fn source(&self) -> &str {
        "The list of services is our own, in `crates/audit/src/rules/shorteners.txt`"
    }

    fn check(&self, _brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        for (text, range, url) in all(piece) {
            if let Some(host) = host(&url).filter(|host| SHORTENERS.contains(host.as_str())) {
                let what = format!("`{host}` hides where the link leads.");
                hits.at(text, range, what, "Link to the page itself.");
            }
        }
    }
}

impl Rule for ForeignHost {
    fn id(&self) -> &str {
        "links.foreign_host"
    }

    fn category(&self) -> Category {
        Category::Links
    }

    fn severity(&self) -> Severity {
        Severity::Violation
    }

    fn rationale(&self) -> &str {
        "A campaign leads to its own call to action; a host that nobody named may be a slip or a trap."
    }

    fn source(&self) -> &str {
        "The brief's call to action, and the addresses in its texts and sources"
    }

    fn needs_brief(&self) -> bool {
        true
    }

    fn check(&self, brief: &Brief<'_>, piece: &Piece, hits: &mut Hits) {
        let own = own_hosts(brief.brief);
        if own.is_empty() {
            return;
        }
        for (text, range, url) in all(piece) {
            let Some(host) = host(&url).filter(|_| matches!(url.scheme(), "http" | "https")) else {
                continue;
            };
            let is_own = own.iter().any(|own| {
                host == *own
                    || host
                        .strip_suffix(own.as_str())
                        .is_some_and(|rest| rest.ends_with('.'))
            });
            if !is_own && !SHORTENERS.contains(host.as_str()) {
                let what = format!("The brief does not name `{host}`.");
                hits.at(
                    text,
                    range,
                    what,
                    "Link to the call to action's own host, or add the address to the brief.",
                );
            }
        }
    }
}

/// Every address of a piece that can be read as one, with its place.
fn all(piece: &Piece) -> Vec<(&Text, Range<usize>, Url)> {
    let mut found = Vec::new();
    for text in piece.texts(&[Role::Shown, Role::Button, Role::Search, Role::Address]) {
        let mut places: Vec<Range<usize>> = Vec::new();
        if text.role == Role::Address {
            places.push(0..text.text.len());
        } else {
            places.extend(
                prose::links(&text.text)
                    .into_iter()
                    .map(|link| link.address),
            );
            for plain in prose::addresses(&text.text) {
                if !places
                    .iter()
                    .any(|have| have.start < plain.end && plain.start < have.end)
                {
                    places.push(plain);
                }
            }
        }
        for place in places {
            if let Some(url) = read(&text.text[place.clone()]) {
                found.push((text, place, url));
            }
        }
    }
    found
}

/// An address as a browser reads it; one without a scheme as https. `None` for places within the site.
fn read(address: &str) -> Option<Url> {
    let address = address.trim();
    match Url::parse(address) {
        // `example.com:80/x` has no scheme, it has a port.
        Ok(url) if !url.scheme().contains('.') => Some(url),
        _ if address.starts_with(['#', '/', '.']) || !address.contains('.') => None,
        _ => Url::parse(&format!("https://{address}")).ok(),
    }
}

fn host(url: &Url) -> Option<String> {
    let host = url.host()?;
    let text = host.to_string().to_ascii_lowercase();
    Some(match host {
        Host::Domain(_) => text
            .trim_end_matches('.')
            .trim_start_matches("www.")
            .to_owned(),
        Host::Ipv4(_) | Host::Ipv6(_) => text,
    })
}

fn own_hosts(brief: &CampaignBrief) -> BTreeSet<String> {
    let call = read(&brief.call_to_action.url).as_ref().and_then(host);
    let mut texts: Vec<&String> = vec![&brief.objective, &brief.audience, &brief.offer];
    texts.extend(&brief.key_messages);
    texts.extend(&brief.must_include);
    texts.extend(&brief.disclaimers);
    texts.extend(&brief.brand.required_disclosures);
    for point in &brief.proof_points {
        texts.push(&point.claim);
        texts.extend(&point.source);
    }
    let named = texts.into_iter().flat_map(|text| {
        prose::addresses(text)
            .into_iter()
            .filter_map(|range| read(&text[range]).as_ref().and_then(host))
    });
    call.into_iter().chain(named).collect()
}
