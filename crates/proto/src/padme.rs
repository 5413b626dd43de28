//! Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019, section 4).

/// `length` rounded up so that at most O(log log length) bits of it show: never more than 12 % longer.
pub fn padme(length: u64) -> u64 {
    if length < 2 {
        return length;
    }
    let exponent = length.ilog2();
    let mantissa = exponent.ilog2() + 1;
    let mask = (1u64 << exponent.saturating_sub(mantissa)) - 1;
    length.saturating_add(mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::padme;

    #[test]
    fn published_shape() {
        assert_eq!(padme(9), 10);
        assert_eq!(padme(1024), 1024);
        assert_eq!(padme(1025), 1088);
        assert_eq!(padme(1 << 20), 1 << 20);
        assert_eq!(padme((1 << 20) + 1), (1 << 20) + (1 << 15));
    }

    proptest::proptest! {
        #[test]
        fn at_most_twelve_percent(length in 1u64..1 << 40) {
            let padded = padme(length);
            assert!(padded >= length);
            assert!((padded - length) as f64 <= 0.12 * length as f64);
            assert_eq!(padme(padded), padded);
        }
    }
}
