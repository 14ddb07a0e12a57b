//! The technical services of Harbour & Finch.

use super::{Policy, Service, Team, Upkeep, named, short_id};
use anyhow::Result;
use std::sync::Arc;

struct Entry {
    name: &'static str,
    description: &'static str,
    team: &'static str,
    policy: &'static str,
    weight: u32,
    integration: &'static str,
    upkeep: Upkeep,
}

const fn entry(
    name: &'static str,
    team: &'static str,
    policy: &'static str,
    weight: u32,
    integration: &'static str,
    description: &'static str,
) -> Entry {
    Entry { name, description, team, policy, weight, integration, upkeep: Upkeep::Normal }
}

const SERVICES: [Entry; 27] = [
    entry(
        "payment-service",
        "Payments",
        "Payments 24x7",
        9,
        "Prometheus",
        "Authorises and captures card and wallet payments",
    ),
    entry("auth-gateway", "Platform", "Platform 24x7", 7, "Datadog", "Sign-in, sessions and tokens for shop and staff"),
    entry("checkout-web", "Storefront", "Storefront", 8, "Datadog", "The basket and checkout pages"),
    entry(
        "search-api",
        "Search & Discovery",
        "Search & Discovery",
        7,
        "Prometheus",
        "Product search behind every page of the shop",
    ),
    entry("storefront-web", "Storefront", "Storefront", 6, "Datadog", "Home, category and product pages"),
    entry("mobile-api", "Storefront", "Storefront", 5, "Datadog", "The backend of the iOS and Android apps"),
    entry(
        "catalogue-service",
        "Search & Discovery",
        "Search & Discovery",
        4,
        "Prometheus",
        "Products, prices and pictures",
    ),
    entry(
        "recommendations",
        "Search & Discovery",
        "Search & Discovery",
        3,
        "Prometheus",
        "Also bought, recently seen, gift ideas",
    ),
    entry("order-service", "Fulfilment", "Fulfilment", 7, "Prometheus", "Takes an order from paid to shipped"),
    entry("inventory-service", "Fulfilment", "Fulfilment", 5, "Prometheus", "Stock levels across the three warehouses"),
    entry(
        "warehouse-scanners",
        "Fulfilment",
        "Warehouse systems",
        3,
        "Nagios",
        "Hand scanners and label printers in Leeds, Lille and Łódź",
    ),
    entry("shipping-rates", "Fulfilment", "Fulfilment", 3, "Prometheus", "Quotes from the parcel carriers"),
    entry("fraud-scoring", "Payments", "Payments 24x7", 4, "Prometheus", "Scores each payment before it is captured"),
    entry("refunds-worker", "Payments", "Payments business hours", 3, "Prometheus", "Sends money back in batches"),
    entry(
        "gift-card-ledger",
        "Payments",
        "Payments business hours",
        2,
        "Prometheus",
        "Balances of gift cards and store credit",
    ),
    entry("kubernetes-eu-west", "Platform", "Platform 24x7", 6, "Prometheus", "The production cluster in Dublin"),
    entry("kubernetes-us-east", "Platform", "Platform 24x7", 4, "Prometheus", "The production cluster in Virginia"),
    entry("edge-cdn", "Platform", "Platform 24x7", 4, "Fastly", "Caching and TLS at the edge"),
    entry("ci-runners", "Platform", "Platform low urgency", 5, "GitHub", "Build and deploy machines"),
    entry("postgres-orders", "Platform", "Platform 24x7", 5, "CloudWatch", "The orders database and its two replicas"),
    entry("kafka-events", "Data", "Data pipelines", 5, "Prometheus", "The event backbone"),
    entry(
        "nightly-etl",
        "Data",
        "Data pipelines",
        4,
        "Airflow",
        "Loads the warehouse between one and five in the morning",
    ),
    entry(
        "reporting-dashboards",
        "Data",
        "Data pipelines",
        2,
        "Grafana",
        "What trading and finance look at each morning",
    ),
    entry(
        "contact-centre",
        "Customer Care",
        "Customer Care tools",
        3,
        "Zendesk",
        "Phones, chat and the agents' desktop",
    ),
    entry("notifications", "Customer Care", "Customer Care tools", 4, "Prometheus", "Email, text messages and push"),
    Entry {
        upkeep: Upkeep::Maintenance,
        ..entry("returns-portal", "Customer Care", "Customer Care tools", 2, "Datadog", "Where customers book a return")
    },
    Entry {
        upkeep: Upkeep::Disabled,
        ..entry(
            "legacy-soap-bridge",
            "Fulfilment",
            "Fulfilment",
            1,
            "Nagios",
            "Kept for one supplier until the contract ends",
        )
    },
];

pub(super) fn services(teams: &[Arc<Team>], policies: &[Arc<Policy>], now_s: i64) -> Result<Vec<Arc<Service>>> {
    SERVICES
        .iter()
        .zip(0_i64..)
        .map(|(entry, place)| {
            // PagerDuty's identifiers are unique within a type only: one service shares its identifier
            // with a team, so that whoever mixes the two is found out.
            let id = match entry.name {
                "edge-cdn" => named(teams, "Platform", |team| team.name)?.id.clone(),
                name => short_id("service", name),
            };
            Ok(Arc::new(Service {
                id,
                name: entry.name,
                description: entry.description,
                team: named(teams, entry.team, |team| team.name)?,
                policy: named(policies, entry.policy, |policy| policy.name)?,
                upkeep: entry.upkeep,
                weight: entry.weight,
                integration: entry.integration,
                created_at_s: now_s.saturating_sub(86_400 * (900_i64.saturating_sub(place.saturating_mul(17)))),
            }))
        })
        .collect()
}
