//! vaultrs against a running key service over mutual TLS: `vaultrs-client ADDRESS CA IDENTITY`, the last one a PEM file of certificate
//! and key.

use std::fs;

use vaultrs::api::transit::requests::{CreateKeyRequest, RandomBytesSource};
use vaultrs::api::transit::responses::ReadKeyData;
use vaultrs::api::transit::{KeyType, OutputFormat};
use vaultrs::client::{Client, Identity, VaultClient, VaultClientSettingsBuilder};
use vaultrs::transit::{data, generate, key};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, ca, identity] = words.as_slice() else {
        return Err("usage: vaultrs-client ADDRESS CA IDENTITY".into());
    };
    let settings = VaultClientSettingsBuilder::default()
        .address(address)
        .ca_certs(vec![ca.clone()])
        .identity(Some(Identity::from_pem(&fs::read(identity)?)?))
        .token("")
        .build()?;
    let client = VaultClient::new(settings)?;
    let status = client.status().await;
    println!("{status:?}");
    let mut options = CreateKeyRequest::builder();
    options.key_type(KeyType::Aes256Gcm96);
    key::create(&client, "transit", "vaultrs", Some(&mut options)).await?;
    let plaintext = "aGVsbG8=";
    let sealed = data::encrypt(&client, "transit", "vaultrs", plaintext, None).await?;
    key::rotate(&client, "transit", "vaultrs").await?;
    let rewrapped = data::rewrap(&client, "transit", "vaultrs", &sealed.ciphertext, None).await?;
    assert!(rewrapped.ciphertext.starts_with("vault:v2:"));
    let opened = data::decrypt(&client, "transit", "vaultrs", &rewrapped.ciphertext, None).await?;
    assert_eq!(opened.plaintext, plaintext);
    let read = key::read(&client, "transit", "vaultrs").await?;
    let ReadKeyData::Symmetric(versions) = read.keys else {
        return Err("a symmetric key has times".into());
    };
    assert_eq!(versions.len(), 2);
    assert!(key::list(&client, "transit").await?.keys.contains(&"vaultrs".to_owned()));
    let changed = data::decrypt(&client, "transit", "vaultrs", "vault:v1:AAAA", None).await;
    assert!(changed.is_err());
    let format = OutputFormat::Base64;
    let random = generate::random_bytes(&client, "transit", format, RandomBytesSource::Platform, None).await?;
    assert!(!random.random_bytes.is_empty());
    println!("round trip done");
    Ok(())
}
