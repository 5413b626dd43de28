//! The hello of the TLS process.

use crannog_keyd::identity::ProxyHello;

use crate::{edited, seed};

const HAS_ACCOUNT: usize = 72;

pub fn write() {
    let hello = |account, address: &str| {
        let address = address.parse().expect("an address");
        let (certificate, spki) = ([1; 32], [2; 32]);
        ProxyHello {
            certificate,
            spki,
            account,
            address,
        }
        .to_bytes()
    };
    let plain = hello(None, "192.0.2.7:51234");
    let account = hello(Some([3; 32]), "[2001:db8::7]:443");
    let hello = |name, bytes: &[u8]| seed("keyd_hello", name, bytes);
    hello("taken-plain", &plain);
    hello("taken-account", &account);
    hello("refused-short", &plain[..122]);
    hello("refused-version", &edited(&plain, 7, b"2"));
    hello("refused-flag", &edited(&account, HAS_ACCOUNT, &[2]));
    hello("refused-key-of-none", &edited(&account, HAS_ACCOUNT, &[0]));
}
