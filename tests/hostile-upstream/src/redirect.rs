//! Sending the client elsewhere: a client that follows takes the credential along.

use crate::answer::Answer;
use crate::plausible;
use crate::request::ReceivedRequest;

/// A redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redirect {
    /// 302 to another origin, which is listening.
    Elsewhere,
    /// 301 to the same.
    ElsewherePermanently,
    /// 303 to the same.
    ElsewhereWithGet,
    /// 307 to the same: method and body are to be repeated.
    ElsewhereWithBody,
    /// 308 to the same.
    ElsewhereWithBodyPermanently,
    /// 302 to the same, without a scheme: `//host/…`.
    ElsewhereWithoutScheme,
    /// 302 to the same, with the credential in the query.
    ElsewhereWithCredential,
    /// 302 to where the request went, without end.
    Itself,
    /// 200 with a `Refresh` to another origin.
    Refresh,
}

impl Redirect {
    /// Every redirect.
    pub const ALL: [Self; 9] = [
        Self::Elsewhere,
        Self::ElsewherePermanently,
        Self::ElsewhereWithGet,
        Self::ElsewhereWithBody,
        Self::ElsewhereWithBodyPermanently,
        Self::ElsewhereWithoutScheme,
        Self::ElsewhereWithCredential,
        Self::Itself,
        Self::Refresh,
    ];

    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Elsewhere => "redirects to another origin (302)",
            Self::ElsewherePermanently => "redirects to another origin (301)",
            Self::ElsewhereWithGet => "redirects to another origin (303)",
            Self::ElsewhereWithBody => "redirects to another origin with the body (307)",
            Self::ElsewhereWithBodyPermanently => "redirects to another origin with the body (308)",
            Self::ElsewhereWithoutScheme => "redirects to another origin, named without a scheme",
            Self::ElsewhereWithCredential => "redirects to another origin with the credential in the URL",
            Self::Itself => "redirects to where the request went, without end",
            Self::Refresh => "refreshes to another origin",
        }
    }

    /// The answer. `elsewhere` is another authority, `host:port`.
    pub(crate) fn answer(self, request: &ReceivedRequest, token: &[u8], elsewhere: &str) -> Answer {
        let (status, location) = match self {
            Self::Elsewhere => (302, format!("http://{elsewhere}/followed")),
            Self::ElsewherePermanently => (301, format!("http://{elsewhere}/followed")),
            Self::ElsewhereWithGet => (303, format!("http://{elsewhere}/followed")),
            Self::ElsewhereWithBody => (307, format!("http://{elsewhere}/followed")),
            Self::ElsewhereWithBodyPermanently => (308, format!("http://{elsewhere}/followed")),
            Self::ElsewhereWithoutScheme => (302, format!("//{elsewhere}/followed")),
            Self::ElsewhereWithCredential => {
                (302, format!("http://{elsewhere}/followed?token={}", String::from_utf8_lossy(token)))
            }
            Self::Itself => (302, request.target.clone()),
            Self::Refresh => {
                let refresh = format!("0; url=http://{elsewhere}/followed");
                return Answer::json(200, &plausible::answer(request, "fine")).with("Refresh", refresh);
            }
        };
        Answer::new(status, "text/plain", b"it is elsewhere\n".to_vec()).with("Location", location)
    }
}
