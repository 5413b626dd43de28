//! Whether the values make sense together.

use crannog_proto::{Fingerprint, ServerUrl};

use super::{Config, ConfigError};

impl Config {
    /// Refuses what no server could run with.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let invalid = |field, why| Err(ConfigError::Invalid { field, why });
        if !is_address(&self.listen) {
            return invalid("listen", "is not address:port");
        }
        if self
            .metrics_listen
            .as_deref()
            .is_some_and(|address| !is_address(address))
        {
            return invalid("metrics_listen", "is not address:port");
        }
        if self
            .public_address
            .as_deref()
            .is_some_and(|address| url(address).is_none())
        {
            return invalid("public_address", "is not host:port");
        }
        let limits = &self.limits;
        let counts = [
            ("lease_days", u64::from(self.lease_days)),
            ("session_hours", u64::from(self.session_hours)),
            ("limits.connections", limits.connections as u64),
            (
                "limits.connections_per_address",
                limits.connections_per_address as u64,
            ),
            ("limits.logins_per_minute", u64::from(limits.logins_per_minute)),
            (
                "limits.requests_per_second",
                u64::from(limits.requests_per_second),
            ),
            ("limits.uploads_per_session", limits.uploads_per_session as u64),
            ("limits.uploads", limits.uploads as u64),
            ("limits.handshake_seconds", limits.handshake_seconds),
            ("limits.idle_seconds", limits.idle_seconds),
        ];
        match counts.into_iter().find(|(_, count)| *count == 0) {
            Some((field, _)) => invalid(field, "must not be 0"),
            None => Ok(()),
        }
    }
}

/// A name or an address, and a port.
fn is_address(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn url(address: &str) -> Option<ServerUrl> {
    format!("crannog://{address}#{}", Fingerprint([0; 32]))
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn nonsense_is_named() {
        let told = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().map_err(|error| error.to_string())
        };
        assert_eq!(told(|_| ()), Ok(()));
        assert_eq!(
            told(|config| config.listen = "7443".to_owned()),
            Err("the setting listen is not address:port".to_owned())
        );
        assert_eq!(
            told(|config| config.limits.uploads = 0),
            Err("the setting limits.uploads must not be 0".to_owned())
        );
        assert!(told(|config| config.public_address = Some("cloud".to_owned())).is_err());
        assert_eq!(told(|config| config.grace_days = 0), Ok(()));
    }
}
