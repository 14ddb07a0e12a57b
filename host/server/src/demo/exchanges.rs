//! What the gate did, seen from the host: each request as the connector made it beside the request as it
//! went out.

use std::sync::{Mutex, PoisonError};

use comfy_table::{Cell, Table, presets};
use toolkeep_host::{Exchange, ExchangeObserver, RequestView};

use crate::output::{self, printable};

/// Exchanges kept at most. A demo makes some tens; a client pointed at `--serve` may make any number.
const MAX_KEPT: usize = 256;

/// Collects the exchanges of a host.
#[derive(Default)]
pub(super) struct Exchanges(Mutex<Vec<Exchange>>);

impl Exchanges {
    /// What happened since the last time.
    pub(super) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ExchangeObserver for Exchanges {
    fn exchanged(&self, exchange: &Exchange) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_KEPT {
            kept.push(exchange.clone());
        }
    }
}

/// One exchange, both sides.
pub(super) fn side_by_side(exchange: &Exchange) -> Table {
    let mut table = output::table(["as the connector made it", "as it went out"]);
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let sent = match (&exchange.sent, exchange.refused) {
        (Some(sent), _) if exchange.left => view(sent),
        (_, Some(code)) => format!("It did not go out.\n\nrefused: {code}\n{}", printable(&exchange.decision)),
        (_, None) => format!("It did not go out.\n\n{}", exchange.error.unwrap_or("abandoned")),
    };
    table.add_row([Cell::new(view(&exchange.asked)), Cell::new(sent)]);
    table
}

/// One exchange as a line.
pub(super) fn line(exchange: &Exchange) -> String {
    let path = exchange.asked.url.split_once("://").map_or(exchange.asked.url.as_str(), |(_, rest)| rest);
    let path = path.find('/').and_then(|start| path.get(start..)).unwrap_or("/");
    let end = match (exchange.status, exchange.refused) {
        (Some(status), _) => status.to_string(),
        (None, Some(code)) => format!("refused: {code}"),
        (None, None) => format!("no answer: {}", exchange.error.unwrap_or("abandoned")),
    };
    let took_ms = exchange.duration.as_secs_f64() * 1_000.0;
    printable(&format!("{} {path} → {end} in {took_ms:.1} ms", exchange.asked.method))
}

fn view(request: &RequestView) -> String {
    let mut lines = vec![printable(&format!("{} {}", request.method, request.url))];
    lines.extend(request.headers.iter().map(|(name, value)| printable(&format!("{name}: {value}"))));
    if request.body_bytes > 0 {
        lines.push(format!("({} bytes of body)", request.body_bytes));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn exchange() -> Exchange {
        let asked = RequestView {
            method: "GET".to_owned(),
            url: "https://api.pagerduty.com/incidents?limit=25".to_owned(),
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body_bytes: 0,
        };
        let mut sent = asked.clone();
        sent.url = "http://127.0.0.1:1/incidents?limit=25".to_owned();
        sent.headers.push(("authorization".to_owned(), format!("Bearer {}", toolkeep_host::MASK)));
        Exchange {
            tool: "pagerduty_incidents_list".to_owned(),
            asked,
            sent: Some(sent),
            left: true,
            error: None,
            decision: "route GET api:/incidents".to_owned(),
            refused: None,
            status: Some(200),
            duration: Duration::from_micros(1_500),
        }
    }

    #[test]
    fn both_sides_are_shown_and_a_refusal_says_why() {
        let table = side_by_side(&exchange()).to_string();
        assert!(table.contains("authorization: Bearer") && table.contains("127.0.0.1:1"), "{table}");
        assert_eq!(line(&exchange()), "GET /incidents?limit=25 → 200 in 1.5 ms");
        let refused = Exchange { sent: None, status: None, refused: Some("route_not_declared"), ..exchange() };
        assert!(side_by_side(&refused).to_string().contains("refused: route_not_declared"));
        assert!(line(&refused).contains("refused: route_not_declared"));
    }

    #[test]
    fn what_is_taken_is_gone_and_what_is_kept_is_bounded() {
        let exchanges = Exchanges::default();
        for _ in 0..MAX_KEPT + 10 {
            exchanges.exchanged(&exchange());
        }
        assert_eq!(exchanges.take().len(), MAX_KEPT);
        assert!(exchanges.take().is_empty());
    }
}
