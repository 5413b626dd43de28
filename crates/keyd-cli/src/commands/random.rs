//! random.

use clap::Args;
use crannog_keyd_client::{Answer, ByteFormat, Call};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::session::{Session, unexpected};

/// Print random bytes of the service's generator
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crannog-keyd random
  crannog-keyd random 16 --hex")]
pub(crate) struct Random {
    /// How many
    #[arg(default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=131_072))]
    bytes: u32,
    /// In hex instead of base64
    #[arg(long)]
    hex: bool,
}

impl Random {
    pub(crate) async fn run(self, session: &Session<'_>) -> Result<(), Failure> {
        let random = crannog_keyd_client::Random {
            bytes: self.bytes,
            format: if self.hex {
                ByteFormat::Hex
            } else {
                ByteFormat::Base64
            },
        };
        let Answer::Random(drawn) = session.call(&Call::Random(random, None)).await?.answer else {
            return Err(unexpected());
        };
        let mut text = Zeroizing::new(String::with_capacity(drawn.random_bytes.expose().len() + 1));
        text.push_str(drawn.random_bytes.expose());
        text.push('\n');
        session.printer.result(&text, &drawn)
    }
}
