//! Whose credential it is: `GET /users/me`, which an account-wide key cannot answer.

use toolkeep_connector::{Account, Context, ToolError};

use crate::wire::One;

pub(crate) fn identify(context: &mut Context) -> Result<Account, ToolError> {
    let answer: One = match context.get("/users/me").fetch() {
        Err(ToolError::InvalidArguments(why)) => {
            return Err(ToolError::Forbidden(format!(
                "This looks like an account-wide key, which belongs to no user. Use a user's own token, or have the operator name the address to act under (--account-email). {why}"
            )));
        }
        other => other?,
    };
    let user = answer.user.unwrap_or_default();
    let Some(id) = user.id else {
        return Err(ToolError::Other("PagerDuty did not say which user this credential belongs to.".into()));
    };
    let name = user.name.or_else(|| user.email.clone()).unwrap_or_else(|| id.clone());
    Ok(Account { id, name, email: user.email, time_zone: user.time_zone })
}
