//! What a Spacemesh chain paid, to whom, and whether that is what it should have paid.
//!
//! [`source`] reads rewards and balances from a node of either generation; [`Ledger`] adds them up, one after the other, in memory that
//! grows with accounts and epochs alone; [`RewardsReport`] is the result, which [`csv`] and [`chart`] write in other forms. All amounts are
//! exact integers.

// What comes from outside is never counted on to be long or small enough.
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod amount;
mod chain;
pub mod chart;
mod consistency;
pub mod csv;
mod healthy;
mod layers;
mod ledger;
mod managed;
mod report;
pub mod source;
mod subsidy;

pub use amount::{Percent, Smidge};
pub use chain::{Chain, LayerSpan, RewardsApi};
pub use consistency::{Consistency, Verdict};
pub use healthy::{ReachedNode, reach_healthy_node};
pub use layers::LayerRanges;
pub use ledger::{Ledger, Reward, SmesherId, Totals};
pub use managed::ManagedKeys;
pub use report::{
    Accounts, CoinbaseRow, Concentration, EpochRow, LayerRow, Reading, RewardsReport, SmesherRow, Summary,
};
pub use subsidy::expected_subsidy;
