//! Published roots, and the recursive definition beside the one that grows.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::{Frontier, Hash};

/// Leaves and roots of the reference tree of Certificate Transparency (transparency-dev/merkle, testonly/constants.go).
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// RFC 6962, section 2.1, as it is written there.
fn mth(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => Hash::empty(),
        [leaf] => Hash::leaf(leaf),
        _ => {
            let mut k = 1;
            while k * 2 < leaves.len() {
                k *= 2;
            }
            Hash::node(&mth(&leaves[..k]), &mth(&leaves[k..]))
        }
    }
}

#[test]
fn published_roots() {
    let mut tree = Frontier::new();
    assert_eq!(tree.root().to_string(), ROOTS[0]);
    for (leaf, root) in LEAVES.iter().zip(&ROOTS[1..]) {
        tree.push(Hash::leaf(&HEXLOWER.decode(leaf.as_bytes()).unwrap()));
        assert_eq!(tree.root().to_string(), *root);
    }
}

proptest! {
    #[test]
    fn every_size_has_the_root_of_the_definition(
        leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..200),
    ) {
        let mut tree = Frontier::new();
        for (at, leaf) in leaves.iter().enumerate() {
            prop_assert_eq!(tree.root(), mth(&leaves[..at]));
            tree.push(Hash::leaf(leaf));
        }
        prop_assert_eq!(tree.root(), mth(&leaves));
    }

    #[test]
    fn a_tree_goes_on_from_its_parts(before in 0_u32..300, after in 0_u32..300) {
        let leaf = |n: u32| Hash::leaf(&n.to_be_bytes());
        let mut whole = Frontier::new();
        (0..before).for_each(|n| whole.push(leaf(n)));
        let mut resumed = Frontier::from_parts(whole.size(), whole.roots().to_vec()).unwrap();
        for n in before..before + after {
            whole.push(leaf(n));
            resumed.push(leaf(n));
        }
        prop_assert_eq!(whole, resumed);
    }

    #[test]
    fn roots_that_are_too_many_or_too_few_are_no_tree(size in any::<u64>(), roots in 0_usize..70) {
        let made = Frontier::from_parts(size, vec![Hash::empty(); roots]);
        prop_assert_eq!(made.is_some(), size >> 63 == 0 && size.count_ones() as usize == roots);
    }
}
