//! What the service says of itself.

use std::collections::BTreeMap;

use crate::word::{Nil, Nullable, SecretText, words};

words! {
    /// How the service is.
    pub struct HealthState {
        /// There is a store.
        pub initialized: bool,
        /// It is locked.
        pub sealed: bool,
        /// Never.
        pub standby: bool,
        /// Never.
        pub performance_standby: bool,
        /// `disabled`.
        pub replication_performance_mode: String,
        /// `disabled`.
        pub replication_dr_mode: String,
        /// Seconds since 1970.
        pub server_time_utc: u64,
        /// Clients parse it and switch on it.
        pub version: String,
        /// `crannog-keyd`.
        pub cluster_name: String,
        /// The store's id.
        pub cluster_id: String,
    }

    /// Whether the store is unlocked.
    pub struct SealState {
        /// `crannog`.
        pub seal_type as "type": String,
        /// There is a store.
        pub initialized: bool,
        /// It is locked.
        pub sealed: bool,
        /// 1.
        pub t: u32,
        /// 1.
        pub n: u32,
        /// 0.
        pub progress: u32,
        /// Empty.
        pub nonce: String = String::new(),
        /// Clients parse it and switch on it.
        pub version: String,
        /// When the program was built.
        pub build_date: String,
        /// Never.
        pub migration: bool,
        /// Always.
        pub recovery_seal: bool,
        /// `file`.
        pub storage_type: String,
        /// `crannog-keyd`.
        pub cluster_name: String,
        /// The store's id.
        pub cluster_id: String,
    }

    /// Who leads: this one.
    pub struct LeaderState {
        /// Never.
        pub ha_enabled: bool,
        /// Always.
        pub is_self: bool,
    }

    /// Whether there is a store.
    pub struct InitState {
        /// Always.
        pub initialized: bool,
    }

    /// A mount.
    pub struct MountObject {
        /// An opaque name.
        pub accessor: String,
        /// Zeros.
        pub config: MountConfig,
        /// For people.
        pub description: String,
        /// Never.
        pub external_entropy_access: bool,
        /// Never.
        pub local: bool,
        /// None.
        pub options: Nil,
        /// Never.
        pub seal_wrap: bool,
        /// `transit`.
        pub mount_type as "type": String,
        /// An opaque name.
        pub uuid: String,
        /// With a slash at its end; only where one mount is asked for.
        pub path: Option<String>,
    }

    /// Zeros.
    pub struct MountConfig {
        /// 0.
        pub default_lease_ttl: u64,
        /// 0.
        pub max_lease_ttl: u64,
        /// Never.
        pub force_no_cache: bool,
    }

    /// A token, given out.
    pub struct Auth {
        /// Counts only on a connection with the certificate that it was made for.
        pub client_token: SecretText,
        /// An opaque name.
        pub accessor: String,
        /// `crannog-keyd`.
        pub policies: Vec<String>,
        /// `crannog-keyd`.
        pub token_policies: Vec<String>,
        /// `fingerprint`: of the certificate.
        pub metadata: BTreeMap<String, String>,
        /// Seconds.
        pub lease_duration: u64,
        /// Always.
        pub renewable: bool,
        /// `service`.
        pub token_type: String,
        /// Always.
        pub orphan: bool,
        /// Empty.
        pub entity_id: String,
        /// 0: as many as one likes.
        pub num_uses: u64,
    }

    /// What a token is, or on a local socket, who speaks.
    pub struct TokenState {
        /// An opaque name.
        pub accessor: String,
        /// Seconds since 1970.
        pub creation_time: u64,
        /// Seconds.
        pub creation_ttl: u64,
        /// The subject.
        pub display_name: String,
        /// Empty.
        pub entity_id: String,
        /// RFC 3339, UTC; none on a local socket.
        pub expire_time: Nullable<String>,
        /// 0.
        pub explicit_max_ttl: u64,
        /// The token; empty on a local socket.
        pub id: SecretText,
        /// RFC 3339, UTC; none on a local socket.
        pub issue_time: Nullable<String>,
        /// None.
        pub meta: Nil,
        /// 0.
        pub num_uses: u64,
        /// Always.
        pub orphan: bool,
        /// Where it was given out.
        pub path: String,
        /// `crannog-keyd`.
        pub policies: Vec<String>,
        /// On TLS.
        pub renewable: bool,
        /// Seconds that are left; 0 on a local socket.
        pub ttl: u64,
        /// `service`.
        pub token_type as "type": String,
    }
}
