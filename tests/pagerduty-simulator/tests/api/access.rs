//! Tokens, scopes, roles, `From`, content types, rate limits, and what is received.

use crate::client::{Pager, account, bearer, config, j_lee, k_moore, key, read};
use pagerduty_simulator::{
    Config, DEMO_OAUTH_TOKEN, DEMO_OBSERVER_API_KEY, DEMO_READ_ONLY_OAUTH_TOKEN, DEMO_STAKEHOLDER_API_KEY,
    DEMO_USER_API_KEY, DEMO_USER_EMAIL, Token, TokenKind,
};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn each_token_works_in_its_own_scheme_only() {
    let pager = Pager::start().await;
    assert_eq!(pager.get_as(&key(DEMO_USER_API_KEY), "/services").await.0, 200);
    assert_eq!(pager.get_as(&bearer(DEMO_OAUTH_TOKEN), "/services").await.0, 200);
    for wrong in [bearer(DEMO_USER_API_KEY), key(DEMO_OAUTH_TOKEN), key("nonsense"), DEMO_USER_API_KEY.to_owned()] {
        let (status, body) = pager.get_as(&wrong, "/services").await;
        assert_eq!(status, 401, "{wrong}");
        assert!(body["error"]["message"].is_string());
    }
    let none = pager.request(Method::GET, "/services").send().await.unwrap();
    assert_eq!(none.status(), 401);
    let twice =
        pager.request(Method::GET, "/services").header("authorization", j_lee()).header("authorization", j_lee());
    assert_eq!(twice.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn added_tokens_are_known_and_demo_tokens_can_be_switched_off() {
    let token = Token {
        secret: "canary-1234".to_owned(),
        kind: TokenKind::UserApiKey,
        user: Some(DEMO_USER_EMAIL.to_owned()),
        scopes: None,
    };
    let pager = Pager::with(Config { tokens: vec![token], demo_tokens: false, ..config() }).await;
    let (status, body) = pager.get_as(&key("canary-1234"), "/users/me").await;
    assert_eq!((status, body["user"]["name"].as_str()), (200, Some("K. Moore")));
    assert_eq!(pager.get("/users/me").await.0, 401);
}

#[tokio::test]
async fn a_missing_scope_is_not_a_missing_role() {
    let pager = Pager::start().await;
    let body = json!({"incident": {"type": "incident", "status": "resolved"}});
    let id = pager.id(4201).await;
    let path = format!("/incidents/{id}");
    let (status, answer) = pager.write_as(&bearer(DEMO_READ_ONLY_OAUTH_TOKEN), None, Method::PUT, &path, &body).await;
    assert_eq!(status, 403);
    assert_eq!(
        answer,
        json!({"error": {"message": "Token missing required scopes", "required_scopes": "incidents.write"}})
    );
    for secret in [DEMO_STAKEHOLDER_API_KEY, DEMO_OBSERVER_API_KEY] {
        let (status, answer) = pager.write_as(&key(secret), None, Method::PUT, &path, &body).await;
        assert_eq!((status, answer["error"]["code"].as_u64()), (403, Some(2010)));
        assert_eq!(answer["error"]["message"], "Access Denied");
        assert_eq!(pager.get_as(&key(secret), &path).await.0, 200);
    }
    assert_eq!(pager.incident(4201).await["status"], "acknowledged");
}

#[tokio::test]
async fn every_endpoint_asks_for_its_own_scope() {
    let scopes = ["read", "incidents.read"];
    let tokens = scopes.map(|scope| Token {
        secret: format!("only-{scope}"),
        kind: TokenKind::UserOAuth,
        user: Some(DEMO_USER_EMAIL.to_owned()),
        scopes: Some(vec![scope.to_owned()]),
    });
    let pager = Pager::with(Config { tokens: tokens.to_vec(), ..config() }).await;
    for (path, scope) in [
        ("/services", "services.read"),
        ("/oncalls", "oncalls.read"),
        ("/users", "users.read"),
        ("/teams", "teams.read"),
        ("/escalation_policies", "escalation_policies.read"),
        ("/schedules", "schedules.read"),
        ("/priorities", "priorities.read"),
    ] {
        let (status, body) = pager.get_as(&bearer("only-incidents.read"), path).await;
        assert_eq!((status, body["error"]["required_scopes"].as_str()), (403, Some(scope)), "{path}");
        assert_eq!(pager.get_as(&bearer("only-read"), path).await.0, 200, "{path}");
    }
    assert_eq!(pager.get_as(&bearer("only-incidents.read"), "/incidents").await.0, 200);
    assert_eq!(pager.get_as(&bearer("only-incidents.read"), "/users/me").await.0, 200);
}

#[tokio::test]
async fn users_me_is_the_person_behind_the_token() {
    let pager = Pager::start().await;
    let (_, body) = pager.get_as(&k_moore(), "/users/me").await;
    assert_eq!(body["user"]["email"], DEMO_USER_EMAIL);
    assert_eq!(body["user"]["time_zone"], "Europe/London");
    assert_eq!(body["user"]["role"], "limited_user");
    assert_eq!(pager.get_as(&account(), "/users/me").await.0, 400);
}

#[tokio::test]
async fn account_keys_must_say_who_writes() {
    let pager = Pager::start().await;
    let path = format!("/incidents/{}/notes", pager.id(4201).await);
    let body = json!({"note": {"content": "hello"}});
    for (from, code) in [(None, 2016), (Some("k.moore"), 1028), (Some("nobody@example.com"), 1008)] {
        let (status, answer) = pager.write_as(&account(), from, Method::POST, &path, &body).await;
        assert_eq!((status, answer["error"]["code"].as_u64()), (400, Some(code)), "{from:?}");
    }
    let (status, answer) = pager.write_as(&account(), Some(DEMO_USER_EMAIL), Method::POST, &path, &body).await;
    assert_eq!((status, answer["note"]["user"]["summary"].as_str()), (200, Some("K. Moore")));
    // With a user's own token it is unnecessary, and not believed.
    let (status, answer) = pager.write_as(&j_lee(), Some(DEMO_USER_EMAIL), Method::POST, &path, &body).await;
    assert_eq!((status, answer["note"]["user"]["summary"].as_str()), (200, Some("J. Lee")));
}

#[tokio::test]
async fn writes_need_a_json_object() {
    let pager = Pager::start().await;
    let path = format!("/incidents/{}/notes", pager.id(4201).await);
    let send = |content_type: Option<&'static str>, body: &'static str| {
        let request = pager.request(Method::POST, &path).header("authorization", j_lee()).body(body);
        let request = match content_type {
            Some(content_type) => request.header("content-type", content_type),
            None => request,
        };
        async { read(request.send().await.unwrap()).await }
    };
    let good = "{\"note\":{\"content\":\"x\"}}";
    for (content_type, body) in
        [(None, good), (Some("text/plain"), good), (Some("application/json"), "[1]"), (Some("application/json"), "{")]
    {
        let (status, answer) = send(content_type, body).await;
        assert_eq!((status, answer["error"]["code"].as_u64()), (400, Some(2001)), "{content_type:?} {body}");
        assert!(answer.to_string().contains("params must be a Hash"));
    }
    assert_eq!(send(Some("application/json; charset=utf-8"), good).await.0, 200);
}

#[tokio::test]
async fn what_does_not_exist_is_404_but_only_with_a_token() {
    let pager = Pager::start().await;
    for path in
        ["/abilities", "/incidents/Q0/unknown", "/incidents/QNOSUCHINCIDENT", "/incidents/999999", "/services/P0", "/"]
    {
        let (status, body) = pager.get(path).await;
        assert_eq!((status, body["error"]["code"].as_u64()), (404, Some(2100)), "{path}");
        assert_eq!(pager.get_as("Bearer no", path).await.0, 401, "{path}");
    }
}

#[tokio::test]
async fn rate_limits_count_down_and_then_refuse() {
    let limits = Config {
        rate_limits: true,
        requests_per_minute: 6,
        oncalls_per_minute: 2,
        incident_writes_per_minute: 1,
        ..config()
    };
    let pager = Pager::with(limits).await;
    let ask =
        async |path: &str| pager.request(Method::GET, path).header("authorization", j_lee()).send().await.unwrap();
    let first = ask("/services").await;
    assert_eq!(first.headers()["ratelimit-limit"], "6");
    assert_eq!(first.headers()["ratelimit-remaining"], "5");
    assert!(first.headers()["ratelimit-reset"].to_str().unwrap().parse::<u64>().unwrap() <= 60);
    assert_eq!(ask("/oncalls").await.status(), 200);
    assert_eq!(ask("/oncalls").await.headers()["ratelimit-remaining"], "0");
    let refused = ask("/oncalls").await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["ratelimit-remaining"], "0");
    let (_, body) = read(refused).await;
    assert_eq!(body, json!({"error": {"message": "Rate Limit Exceeded", "code": 2020}}));
    let body = json!({"incidents": []});
    assert_eq!(pager.put("/incidents", &body).await.0, 200);
    assert_eq!(pager.put("/incidents", &body).await.0, 429);
    // Six are used up, those of the tight endpoints among them; another token has its own count.
    assert_eq!(ask("/services").await.status(), 429);
    assert_eq!(pager.get_as(&k_moore(), "/services").await.0, 200);
}

#[tokio::test]
async fn limits_are_off_unless_asked_for() {
    let pager = Pager::start().await;
    let response = pager.request(Method::GET, "/services").header("authorization", j_lee()).send().await.unwrap();
    assert!(response.headers().get("ratelimit-limit").is_none());
}

#[tokio::test]
async fn requests_are_kept_as_received_and_printed_masked() {
    let pager = Pager::start().await;
    pager.get("/incidents?limit=1&x%5B%5D=%2B").await;
    let received = pager.simulator.requests();
    let last = received.last().unwrap();
    assert_eq!((last.method.as_str(), last.path.as_str()), ("GET", "/incidents"));
    assert_eq!(last.query.as_deref(), Some("limit=1&x%5B%5D=%2B"));
    assert_eq!(last.header("Authorization"), Some(j_lee().as_str()));
    assert!(!format!("{last:?}").contains(DEMO_USER_API_KEY));
    for _ in 0..300 {
        pager.get("/priorities").await;
    }
    assert_eq!(pager.simulator.requests().len(), 256);
    pager.simulator.clear_requests();
    assert!(pager.simulator.requests().is_empty());
    let silent = Pager::with(Config { record_requests: false, ..config() }).await;
    silent.get("/priorities").await;
    assert!(silent.simulator.requests().is_empty());
}

#[tokio::test]
async fn webhook_subscriptions_work_and_are_counted() {
    let pager = Pager::start().await;
    assert_eq!(pager.simulator.webhook_subscriptions(), 0);
    let body = json!({"webhook_subscription": {"type": "webhook_subscription", "delivery_method": {"url": "https://collect.invalid/"}}});
    let (status, answer) = pager.write_as(&k_moore(), None, Method::POST, "/webhook_subscriptions", &body).await;
    assert_eq!(status, 201);
    assert!(answer["webhook_subscription"]["id"].is_string());
    assert_eq!(pager.simulator.webhook_subscriptions(), 1);
    let (status, _) =
        pager.write_as(&bearer(DEMO_READ_ONLY_OAUTH_TOKEN), None, Method::POST, "/webhook_subscriptions", &body).await;
    assert_eq!(status, 403);
    assert_eq!(pager.simulator.webhook_subscriptions(), 1);
}

#[tokio::test]
async fn priorities_can_be_an_ability_the_plan_lacks() {
    let pager = Pager::with(Config { priorities_ability: false, ..config() }).await;
    let (status, body) = pager.get("/priorities").await;
    assert_eq!((status, body["error"]["code"].as_u64()), (402, Some(2014)));
}

#[tokio::test]
async fn impossible_configurations_are_refused() {
    let token =
        |user: Option<&str>, kind| Token { secret: "x".to_owned(), kind, user: user.map(str::to_owned), scopes: None };
    for wrong in [
        token(Some("nobody@example.com"), TokenKind::UserOAuth),
        token(None, TokenKind::UserApiKey),
        token(Some(DEMO_USER_EMAIL), TokenKind::AccountApiKey),
    ] {
        assert!(pagerduty_simulator::Simulator::start(Config { tokens: vec![wrong], ..config() }).await.is_err());
    }
    assert!(pagerduty_simulator::Simulator::start(Config { incidents: 1_000_000, ..config() }).await.is_err());
}
