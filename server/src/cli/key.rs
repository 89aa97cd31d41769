//! The command line of `key`.

use clap::Subcommand;
use std::str::FromStr;

/// Greatest share of a key, in requests a minute.
const SHARE_MAX: u32 = 1_000_000;

/// A key's own share of its tenant's rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// So many requests a minute.
    Of(u32),
    /// None: the key shares the whole limit.
    Default,
}

impl Share {
    /// The requests a minute, if it has a share.
    pub(crate) fn number(self) -> Option<u32> {
        match self {
            Share::Of(number) => Some(number),
            Share::Default => None,
        }
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Share, String> {
        if text == "default" {
            return Ok(Share::Default);
        }
        let number = text.parse::<u32>().ok().filter(|number| (1..=SHARE_MAX).contains(number));
        number.map(Share::Of).ok_or_else(|| format!("must be a number from 1 to {SHARE_MAX}, or default"))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make an API key and show it, once
    #[command(
        after_help = "Examples:\n  inboxops key create --tenant 019ab5f0-0000-7000-8000-000000000001 --name export --scopes read-only\n  \
            inboxops key create --tenant 019ab5f0-0000-7000-8000-000000000001 --name zap --expires 90d"
    )]
    Create {
        /// Id or name of the tenant
        #[arg(long)]
        tenant: String,
        /// What the key is for
        #[arg(long)]
        name: String,
        /// Scopes, separated by commas; or `full`, or `read-only`
        #[arg(long, default_value = "full", value_delimiter = ',')]
        scopes: Vec<String>,
        /// When it ends: a time (2027-01-31T00:00:00Z) or a span from now (90d, 12h)
        #[arg(long)]
        expires: Option<String>,
        /// Its own share of the tenant's requests a minute; `default` for none [default: none]
        #[arg(long, value_name = "N|default")]
        requests_per_minute: Option<Share>,
    },
    /// List the API keys of a tenant
    #[command(after_help = "Example:\n  inboxops key list --tenant 019ab5f0-0000-7000-8000-000000000001")]
    List {
        /// Id or name of the tenant
        #[arg(long)]
        tenant: String,
        /// Also list revoked keys
        #[arg(long)]
        all: bool,
    },
    /// Change an API key: the name, or its share of the rate limit
    #[command(
        after_help = "Examples:\n  inboxops key update 019ab5f0-0000-7000-8000-0000000000c1 --requests-per-minute 20\n  \
            inboxops key update 019ab5f0-0000-7000-8000-0000000000c1 --requests-per-minute default --name export"
    )]
    Update {
        /// Id of the key; or, with --tenant, its name
        #[arg(value_name = "ID|NAME")]
        id: String,
        /// Id or name of the tenant, for a key that is not named by its id
        #[arg(long)]
        tenant: Option<String>,
        /// New name
        #[arg(long)]
        name: Option<String>,
        /// New share of the tenant's requests a minute; `default` for none
        #[arg(long, value_name = "N|default")]
        requests_per_minute: Option<Share>,
    },
    /// Replace an API key by a new one and show it, once; the old one keeps working for a grace period
    #[command(after_help = "Example:\n  inboxops key rotate 019ab5f0-0000-7000-8000-0000000000c1 --grace-hours 48")]
    Rotate {
        /// Id of the key; or, with --tenant, its name
        #[arg(value_name = "ID|NAME")]
        id: String,
        /// Id or name of the tenant, for a key that is not named by its id
        #[arg(long)]
        tenant: Option<String>,
        /// Hours that the old key still works: 0 to 168
        #[arg(long, default_value_t = 24)]
        grace_hours: u32,
    },
    /// Revoke an API key: calls with it fail at once
    #[command(after_help = "Example:\n  inboxops key revoke 019ab5f0-0000-7000-8000-0000000000c1")]
    Revoke {
        /// Id of the key; or, with --tenant, its name
        #[arg(value_name = "ID|NAME")]
        id: String,
        /// Id or name of the tenant, for a key that is not named by its id
        #[arg(long)]
        tenant: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_or_the_word_default() {
        assert_eq!("20".parse::<Share>(), Ok(Share::Of(20)));
        assert_eq!("1000000".parse::<Share>(), Ok(Share::Of(SHARE_MAX)));
        assert_eq!("default".parse::<Share>(), Ok(Share::Default));
        for wrong in ["", "0", "-1", "1000001", "1.5", "none", "Default"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
