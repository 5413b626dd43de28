//! The key service (docs/spec/keyd.md): it holds encryption and signing keys, and uses them for applications that never see one.
//!
//! ```text
//!  identity/  who speaks ─► Facts ─┐
//!                                  ├─► policy/  may they? ─► yes or no, and which rule
//!              the policy file ────┘
//!  store/     keys and their uses, on disk before they count
//! ```
//!
//! A request is judged before it reaches the store:
//!
//! ```
//! use crannog_keyd::identity::{Facts, SocketName};
//! use crannog_keyd::policy::{Names, Op, Policy};
//! use crannog_keyd_keys::KeyName;
//! use crannog_keyd_os::{DirectoryError, GroupId, UserId};
//!
//! struct Nobody;
//! impl Names for Nobody {
//!     fn user(&self, _: &str) -> Result<Option<UserId>, DirectoryError> { Ok(None) }
//!     fn group(&self, _: &str) -> Result<Option<GroupId>, DirectoryError> { Ok(None) }
//!     fn is_member(&self, _: UserId, _: GroupId) -> Result<bool, DirectoryError> { Ok(false) }
//! }
//!
//! let text = r#"
//! format = 1
//! [[rule]]
//! name = "shop"
//! subjects = ["uid:1000"]
//! keys = ["shop-*"]
//! allow = ["encrypt"]
//! "#;
//! let (policy, warnings) = Policy::parse(text, &Nobody)?;
//! assert!(warnings.is_empty());
//! let facts = Facts::supposed("uid:1000+socket:clients", &policy, &Nobody)?;
//! let key = KeyName::parse("shop-orders")?;
//! assert!(policy.decide(&facts, Op::Encrypt, Some(&key)).allowed());
//! assert!(!policy.decide(&facts, Op::Decrypt, Some(&key)).allowed());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

pub mod config;
pub mod daemon;
pub mod http;
pub mod identity;
pub mod policy;
pub mod service;
pub mod store;
