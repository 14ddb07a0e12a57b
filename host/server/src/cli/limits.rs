//! Limits of the host on the command line: the option that sets one, the command that lists them.

use clap::Args;

/// One limit of the host's with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitSetting {
    name: String,
    value: u64,
}

impl LimitSetting {
    /// Reads `NAME=NUMBER`.
    ///
    /// # Errors
    /// It is not that, there is no such limit, or the number does not fit it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, number) = text.split_once('=').ok_or("it is not NAME=NUMBER, e.g. wall_clock_ms=30000")?;
        let value = number.parse().map_err(|_| "its number is not a whole one, e.g. wall_clock_ms=30000")?;
        let setting = Self { name: name.to_owned(), value };
        setting
            .apply(&mut toolkeep_host::Limits::default())
            .map_err(|error| format!("{error}; see `toolkeep limits`"))?;
        Ok(setting)
    }

    /// Changes the limit.
    ///
    /// # Errors
    /// There is no such limit, or the number does not fit it.
    pub(crate) fn apply(&self, limits: &mut toolkeep_host::Limits) -> Result<(), toolkeep_host::LimitError> {
        limits.set(&self.name, self.value)
    }
}

/// `toolkeep limits`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toolkeep limits
  toolkeep limits --host-limit wall_clock_ms=30000
  toolkeep serve --host-limit calls_per_minute_per_principal=60 --host-limit concurrent_calls=16")]
pub(crate) struct Limits {
    /// One JSON object for each limit
    #[arg(long)]
    pub(crate) json: bool,
}
