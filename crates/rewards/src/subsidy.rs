//! What a chain pays for layers, by the rules of its generation.

use spacecraft_core::spec::Generation;

use crate::amount::Smidge;

/// v0: what every layer pays (50,000 SMH).
const V0_LAYER_SUBSIDY: u128 = 50_000_000_000_000;

/// v1: all that is ever paid out.
const V1_TOTAL_SUBSIDY: u64 = 2_250_000_000_000_000_000;

/// v1: e^-λ with λ = ln 2 / 3265328.552227785, in units of 2^-128: what part of the rest is left after one layer.
const V1_LEFT_AFTER_A_LAYER: u128 = 0xffff_fc70_4957_67a4_2264_4d54_a03b_25e1;

/// What the rewards of the layers `first` to `last` are to hold beside fees, when each of them has a block. Layers are counted from the first one that pays (the
/// effective genesis layer), so that 0 is the first.
///
/// v0 pays the same for every layer. v1 pays S(d) = ⌊T·(1-e^(-λ(d+1)))⌋ - ⌊T·(1-e^(-λd))⌋ for layer d, whatever the parameters of the network (package
/// economics of Spacemesh); the sum over neighbouring layers is a difference of two such terms. The terms are computed in 128-bit fixed point, whose
/// error stays below 10^-10 smidge.
///
/// ```
/// use spacecraft_core::spec::Generation;
/// use spacecraft_rewards::{Smidge, expected_subsidy};
///
/// assert_eq!(expected_subsidy(Generation::V1, 0, 0), Smidge(477_618_397_593));
/// ```
#[must_use]
pub fn expected_subsidy(generation: Generation, first: u32, last: u32) -> Smidge {
    if first > last {
        return Smidge::default();
    }
    match generation {
        Generation::V0 => Smidge((u128::from(last - first) + 1).saturating_mul(V0_LAYER_SUBSIDY)),
        Generation::V1 => {
            let paid = paid_in_v1(u64::from(last) + 1) - paid_in_v1(u64::from(first));
            Smidge::from(paid)
        }
    }
}

/// ⌊T·(1-e^(-λn))⌋: what v1 pays in its first `layers` layers.
fn paid_in_v1(layers: u64) -> u64 {
    let paid_part = match power(V1_LEFT_AFTER_A_LAYER, layers) {
        // No layers at all: everything is left.
        None => 0,
        // So many layers that what is left is smaller than any number of this kind.
        Some(0) => u128::MAX,
        // 1 - x in units of 2^-128 is the two's complement of x.
        Some(left) => left.wrapping_neg(),
    };
    u64::try_from(product(paid_part, u128::from(V1_TOTAL_SUBSIDY))).unwrap_or(V1_TOTAL_SUBSIDY)
}

/// `base` to the power `exponent`, both base and result parts of one in units of 2^-128; none for one itself.
fn power(base: u128, exponent: u64) -> Option<u128> {
    let mut result = None;
    let mut square = base;
    let mut rest = exponent;
    while rest > 0 {
        if rest % 2 == 1 {
            result = Some(result.map_or(square, |so_far| product(so_far, square)));
        }
        square = product(square, square);
        rest /= 2;
    }
    result
}

/// The upper half of the product of two numbers of 128 bits.
fn product(a: u128, b: u128) -> u128 {
    let low_half = u128::from(u64::MAX);
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & low_half, b >> 64, b & low_half);
    let low = a_low * b_low;
    let middle = a_high * b_low + (low >> 64);
    let other_middle = a_low * b_high + (middle & low_half);
    a_high * b_high + (middle >> 64) + (other_middle >> 64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Computed with 120 decimal digits.
    const KNOWN: [(u32, u128); 5] = [
        (0, 477_618_397_593),
        (1, 477_618_296_206),
        (2, 477_618_194_821),
        (130_271, 464_591_638_607),
        (1_000_000, 386_270_235_451),
    ];

    #[test]
    fn the_subsidy_of_a_v1_layer_is_that_of_the_formula() {
        for (layer, subsidy) in KNOWN {
            assert_eq!(expected_subsidy(Generation::V1, layer, layer), Smidge(subsidy), "layer {layer}");
        }
        assert_eq!(expected_subsidy(Generation::V1, 0, 130_271), Smidge(61_367_882_315_523_239));
        assert_eq!(expected_subsidy(Generation::V1, 0, 1_000_000), Smidge(430_330_050_824_675_313));
    }

    #[test]
    fn mainnets_layer_130271_pays_what_it_is_known_to_pay() {
        // Its effective genesis layer is 2 * 4032 - 1.
        let after_genesis = 130_271 - (2 * 4_032 - 1);
        let subsidy = expected_subsidy(Generation::V1, after_genesis, after_genesis).in_smh();
        assert!(subsidy.starts_with("465.3"), "{subsidy}");
    }

    #[test]
    fn half_of_everything_is_paid_after_the_half_life() {
        let half = u128::from(V1_TOTAL_SUBSIDY) / 2;
        assert!(u128::from(paid_in_v1(3_265_328)) < half);
        assert!(u128::from(paid_in_v1(3_265_329)) > half);
        // The last smidge is never paid.
        assert_eq!(expected_subsidy(Generation::V1, 0, u32::MAX), Smidge::from(V1_TOTAL_SUBSIDY - 1));
    }

    #[test]
    fn a_v0_layer_pays_the_same_for_ever() {
        assert_eq!(expected_subsidy(Generation::V0, 7, 7), Smidge(V0_LAYER_SUBSIDY));
        assert_eq!(expected_subsidy(Generation::V0, 1, 10), Smidge(10 * V0_LAYER_SUBSIDY));
        assert_eq!(expected_subsidy(Generation::V0, 2, 1), Smidge(0));
    }

    proptest! {
        #[test]
        fn neighbouring_spans_add_up(first in any::<u32>(), middle in any::<u32>(), last in any::<u32>()) {
            let mut cuts = [first, middle, last];
            cuts.sort_unstable();
            let [first, middle, last] = cuts;
            if middle < last {
                for generation in [Generation::V0, Generation::V1] {
                    let parts = expected_subsidy(generation, first, middle) + expected_subsidy(generation, middle + 1, last);
                    prop_assert_eq!(parts, expected_subsidy(generation, first, last));
                }
            }
        }

        #[test]
        fn the_upper_half_of_a_product_is_that_of_long_multiplication(a in any::<u64>(), b in any::<u64>()) {
            let shifted = product(u128::from(a) << 64, u128::from(b) << 64);
            prop_assert_eq!(shifted, u128::from(a) * u128::from(b));
        }
    }
}
