//! Random bytes and plain hashes.

use crannog_keyd_client::{Answer, ByteFormat, Hash, Octets, Random, RandomBytes, SecretText, Sum};
use data_encoding::{BASE64, HEXLOWER};
use rand::Rng;
use zeroize::Zeroizing;

use super::sign::hash_of;
use super::work::{Done, Work};

impl Work<'_> {
    pub(super) fn random(self, wanted: &Random) -> Done {
        let mut bytes = Zeroizing::new(vec![0; wanted.bytes as usize]);
        rand::rng().fill_bytes(&mut bytes);
        let mut values = self.opened.values();
        values.add("random_bytes", &bytes);
        self.entry.output = values.finish();
        let random_bytes = SecretText::new(written(&bytes, wanted.format));
        Done::of(Answer::Random(RandomBytes { random_bytes }))
    }

    pub(super) fn hash(self, wanted: &Hash) -> Done {
        let mut values = self.opened.values();
        values.add("input", Octets::expose(&wanted.input));
        self.entry.input = values.finish();
        let digest = hash_of(wanted.algorithm).digest(wanted.input.expose());
        let sum = written(&digest, wanted.format);
        Done::of(Answer::Sum(Sum { sum }))
    }
}

fn written(bytes: &[u8], format: ByteFormat) -> String {
    match format {
        ByteFormat::Base64 => BASE64.encode(bytes),
        ByteFormat::Hex => HEXLOWER.encode(bytes),
    }
}
