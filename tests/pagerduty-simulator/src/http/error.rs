//! PagerDuty's errors: a status, and a body of one of its several shapes.

use http::StatusCode;
use serde_json::{Value, json};

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl ApiError {
    fn coded(status: StatusCode, code: u32, message: &str) -> ApiError {
        ApiError { status, body: json!({"error": {"message": message, "code": code}}) }
    }

    fn listed(status: StatusCode, code: u32, message: &str, errors: &[&str]) -> ApiError {
        ApiError { status, body: json!({"error": {"message": message, "code": code, "errors": errors}}) }
    }

    /// 400, code 2001: a parameter or field that cannot be.
    pub(crate) fn invalid(detail: &str) -> ApiError {
        ApiError::listed(StatusCode::BAD_REQUEST, 2001, "Invalid Input Provided", &[detail])
    }

    /// 400, code 2001: a write without a JSON body or without its content type.
    pub(crate) fn not_a_hash() -> ApiError {
        ApiError::listed(StatusCode::BAD_REQUEST, 2001, "Invalid Input Provided", &["params must be a Hash"])
    }

    /// 400 with a code of the domain, such as 1001 for "already resolved".
    pub(crate) fn refused(code: u32, message: &str) -> ApiError {
        ApiError::coded(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn unauthorized() -> ApiError {
        ApiError::coded(StatusCode::UNAUTHORIZED, 2006, "Authentication failed")
    }

    /// 402, code 2014.
    pub(crate) fn ability_missing() -> ApiError {
        ApiError::coded(StatusCode::PAYMENT_REQUIRED, 2014, "Account does not have the ability to use this feature")
    }

    /// 403 of an OAuth token; the one error without a code, and with the scope beside the message.
    pub(crate) fn missing_scope(scope: &str) -> ApiError {
        let body = json!({"error": {"message": "Token missing required scopes", "required_scopes": scope}});
        ApiError { status: StatusCode::FORBIDDEN, body }
    }

    /// 403 of a person's role.
    pub(crate) fn access_denied() -> ApiError {
        ApiError::coded(StatusCode::FORBIDDEN, 2010, "Access Denied")
    }

    pub(crate) fn not_found() -> ApiError {
        ApiError::coded(StatusCode::NOT_FOUND, 2100, "Not Found")
    }

    pub(crate) fn too_large(detail: &str) -> ApiError {
        ApiError::listed(StatusCode::PAYLOAD_TOO_LARGE, 2001, "Request Entity Too Large", &[detail])
    }

    pub(crate) fn rate_limited() -> ApiError {
        ApiError::coded(StatusCode::TOO_MANY_REQUESTS, 2020, "Rate Limit Exceeded")
    }

    /// What a status usually carries, for faults on demand.
    pub(crate) fn usual(status: StatusCode) -> ApiError {
        match status.as_u16() {
            401 => ApiError::unauthorized(),
            402 => ApiError::ability_missing(),
            403 => ApiError::access_denied(),
            404 => ApiError::not_found(),
            413 => ApiError::too_large("more than 250 resources in one request"),
            429 => ApiError::rate_limited(),
            400 => ApiError::invalid("the request was made to fail"),
            other if other >= 500 => ApiError::coded(status, 2000, "Internal Error"),
            _ => ApiError { status, body: json!({"error": {"message": status.canonical_reason()}}) },
        }
    }
}
