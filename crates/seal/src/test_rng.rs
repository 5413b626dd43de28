//! Randomness for tests and vectors: the bytes 0, 1, 2, ... 255, 0, ... in the order in which they are drawn.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

#[derive(Default)]
pub(crate) struct CountingRng(u8);

impl TryRng for CountingRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)
            .map(|()| u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)
            .map(|()| u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for byte in dst {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

// It is not random at all; the trait is what the functions under test ask for.
impl TryCryptoRng for CountingRng {}
