//! What goes wrong at Harbour & Finch: titles for the history and words for notes, written by hand.
//!
//! `{n}` stands for a count, `{p}` for a percentage, `{ms}` for milliseconds, `{m}` for minutes and
//! `{host}` for a machine; the history fills them in.

/// The usual symptoms of a service. Services without their own entry share the last one.
pub(crate) fn of(service: &str) -> &'static [&'static str] {
    match service {
        "payment-service" => &[
            "Card authorisations failing: {p}% declined by acquirer gateway",
            "payment-service p99 latency {ms} ms on /v2/authorise",
            "Wallet callbacks queueing: {n} unconfirmed payments",
            "3-D Secure challenge time-outs above {p}%",
            "Capture worker stuck for {m} minutes",
        ],
        "auth-gateway" => &[
            "Sign-in error rate {p}% on auth-gateway",
            "Token refresh failing for {n} sessions",
            "auth-gateway pods restarting ({host} OOMKilled)",
            "Staff single sign-on redirect loop",
        ],
        "checkout-web" => &[
            "Checkout conversion down {p}% against last week",
            "JavaScript errors on /checkout/address: {n} in {m} minutes",
            "Basket API time-outs {ms} ms p95",
            "Discount codes rejected at the last step",
        ],
        "search-api" => &[
            "search-api p95 latency {ms} ms",
            "Empty results for {p}% of queries",
            "Search index {m} minutes behind the catalogue",
            "Shard relocation stuck on {host}",
        ],
        "storefront-web" => &[
            "Largest contentful paint {ms} ms on product pages",
            "5xx rate {p}% on category pages",
            "Home page banner service unreachable from {host}",
        ],
        "mobile-api" => &[
            "mobile-api 502s after deploy: {n} in {m} minutes",
            "Push registration failing on iOS",
            "App start latency {ms} ms p95",
        ],
        "catalogue-service" => &[
            "Price feed {m} minutes late",
            "Image resizer backlog {n} pictures",
            "catalogue-service cache hit ratio down to {p}%",
        ],
        "recommendations" => &[
            "Model server {host} not ready",
            "Fallback recommendations served to {p}% of visitors",
            "Feature store reads slow: {ms} ms",
        ],
        "order-service" => &[
            "Orders stuck in 'paid': {n}",
            "order-service consumer lag {n} messages",
            "Duplicate shipment requests detected ({n})",
            "Order confirmation latency {ms} ms p99",
        ],
        "inventory-service" => &[
            "Stock levels {m} minutes stale for Lille",
            "Oversold items: {n}",
            "inventory-service database connections at {p}%",
        ],
        "warehouse-scanners" => &[
            "{n} hand scanners offline in Leeds",
            "Label printers refusing jobs at dock {n}",
            "Conveyor control heartbeat missing for {m} minutes",
        ],
        "shipping-rates" => &["Carrier quote time-outs {p}%", "Rate table import failed on {host}"],
        "fraud-scoring" => &[
            "fraud-scoring p99 {ms} ms, payments falling back to rules",
            "Score distribution shifted: {p}% flagged",
            "Model refresh failed {n} times",
        ],
        "refunds-worker" => &["Refund batch rejected by bank: {n} items", "Refunds older than two days: {n}"],
        "gift-card-ledger" => &["Ledger out of balance by {n} pence", "Gift card redemption latency {ms} ms"],
        "kubernetes-eu-west" | "kubernetes-us-east" => &[
            "Node {host} NotReady for {m} minutes",
            "{n} pods pending: insufficient memory",
            "API server latency {ms} ms",
            "Certificate of the ingress expires in {n} days",
            "Persistent volume {p}% full on {host}",
        ],
        "edge-cdn" => &[
            "Edge error rate {p}% in Frankfurt",
            "Origin shield hit ratio down to {p}%",
            "TLS handshakes slow: {ms} ms",
        ],
        "ci-runners" => {
            &["Build queue {n} jobs deep", "Runner {host} out of disk", "Deploy of checkout-web stuck for {m} minutes"]
        }
        "postgres-orders" => &[
            "Replica {host} lagging {m} minutes",
            "postgres-orders connections at {p}%",
            "Autovacuum blocked for {m} minutes",
            "Disk on {host} {p}% full",
        ],
        "kafka-events" => &[
            "Under-replicated partitions: {n}",
            "Consumer group clickstream lag {n} messages",
            "Broker {host} unreachable",
        ],
        "nightly-etl" => &[
            "nightly-etl: load of orders_fact failed",
            "nightly-etl running {m} minutes late",
            "Row count of customers_dim off by {p}%",
        ],
        "reporting-dashboards" => {
            &["Trading dashboard {m} minutes stale", "Dashboard queries timing out after {ms} ms"]
        }
        "contact-centre" => {
            &["Chat queue {n} customers deep", "Call recording uploads failing", "Agent desktop sign-in slow: {ms} ms"]
        }
        "notifications" => {
            &["Order emails delayed {m} minutes", "Text message provider refusing {p}% of messages", "Push backlog {n}"]
        }
        "returns-portal" => &["Return labels not generated for {n} customers", "returns-portal 5xx {p}%"],
        _ => &["Health check failing on {host}", "Error rate {p}%"],
    }
}

/// Notes that people leave while they work.
pub(crate) const NOTES: [&str; 14] = [
    "Looking.",
    "Rolled back to the previous release, watching the error rate.",
    "Scaled out by four pods. Latency is coming down.",
    "Provider confirms trouble on their side; their status page is still green.",
    "Failed over to the replica. Writes are fine.",
    "Same shape as last month: connection pool exhausted after the config push.",
    "Customers can retry; no orders lost as far as we can see.",
    "Raised a ticket with the carrier, waiting for their call.",
    "Cache warmed. Back to normal within ten minutes I think.",
    "False alarm: the probe itself was timing out.",
    "Feature flag switched off for 100% of traffic.",
    "Restarted the consumer, lag is draining.",
    "Post-incident review booked for Thursday.",
    "Disk cleaned up by hand; we need a bigger volume or shorter retention.",
];

/// What is written down when an incident is closed.
pub(crate) const RESOLUTIONS: [&str; 8] = [
    "Rolled back the release.",
    "Provider recovered.",
    "Scaled out; follow-up to raise the floor.",
    "Failed over, old primary rebuilt.",
    "Restarted the stuck worker.",
    "Configuration reverted.",
    "Threshold was too tight; adjusted.",
    "Cleared by itself, cause not found.",
];
