//! verify.

use std::path::PathBuf;

use clap::Args;
use crannog_keyd_client::{Answer, Call, Items, Outcomes, Proof, VerifyItem};

use super::options::KeyOption;
use super::sign::SignatureOptions;
use crate::failure::{Code, Failure};
use crate::session::{Session, name, unexpected};

/// Verify a signature or an HMAC of a file
///
/// Exits with 0 if it is valid, with 11 if not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd verify --key releases --signature vault:v1:MEUC release.tar
  crannog-keyd verify --key cookies --hmac vault:v1:AAAA - < cookie")]
pub(crate) struct Verify {
    /// The file; `-` is standard input, and so is nothing
    file: Option<PathBuf>,
    #[command(flatten)]
    key: KeyOption,
    #[command(flatten)]
    proof: ProofOption,
    #[command(flatten)]
    how: SignatureOptions,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ProofOption {
    /// The signature, as `sign` printed it
    #[arg(long, value_name = "TEXT")]
    signature: Option<String>,
    /// The HMAC, as `hmac` printed it
    #[arg(long, value_name = "TEXT")]
    hmac: Option<String>,
}

impl Verify {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let key = name(&self.key.key)?;
        let (proof, what) = match (self.proof.signature, self.proof.hmac) {
            (Some(text), _) => (Proof::Signature(text), "signature"),
            (None, text) => (Proof::Hmac(text.unwrap_or_default()), "HMAC"),
        };
        let item = VerifyItem {
            input: self.how.input(session, self.file).await?,
            context: self.how.context(),
            proof,
        };
        let verify = crannog_keyd_client::Verify {
            hash: self.how.hash,
            options: self.how.options(None),
            items: Items::One(item),
        };
        let reply = session
            .call_about(key.as_str(), &Call::Verify(key.clone(), verify))
            .await?;
        let Answer::Verified(Outcomes::One(verified)) = reply.answer else {
            return Err(unexpected());
        };
        session
            .printer
            .result(if verified.valid { "valid\n" } else { "" }, &verified)?;
        if verified.valid {
            return Ok(());
        }
        Err(Failure::new(Code::VerificationFailed, format!("the {what} is not valid")).object(key.as_str()))
    }
}
