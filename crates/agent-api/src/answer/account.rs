//! The account and its devices.

use serde::{Deserialize, Serialize};

/// Who I am.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whoami {
    /// The account's name.
    pub name: String,
    /// Account id, hex.
    pub account: String,
    /// Root public key, hex.
    pub root: String,
    /// The root as ten words, for others to compare with what they see.
    #[serde(default)]
    pub words: String,
    /// The server's URL.
    pub server: String,
    /// This device's name.
    pub device: String,
    /// This device's id, hex.
    pub device_id: String,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// Its id, hex.
    pub id: String,
    /// Its name, from home.
    pub name: String,
    /// It is this one.
    pub this: bool,
    /// The newest time, milliseconds since 1970, that the device itself signed into something that was read here; none if
    /// nothing of it was. A server cannot renew this.
    pub heard: Option<i64>,
}

/// What recovery found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverySummary {
    /// The account.
    pub name: String,
    /// Links in the sigchain.
    pub links: u32,
    /// The last link's kind.
    pub last_link: String,
    /// Devices that are valid now.
    pub devices: Vec<DeviceInfo>,
    /// Time of the last home entry, milliseconds since 1970, as its author said.
    pub last_home_time: Option<i64>,
}
