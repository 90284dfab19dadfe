//! What is remembered of the network, written under the lock.

use super::BringUp;
use super::fleet::Fleet;
use crate::error::Result;
use crate::observer::Outcome;
use crate::plan::{Bindings, PlannedNode, PlannedPoet};
use crate::state::{NetworkRecord, NodeRecord, PoetRecord};
use crate::traits::Look;

impl BringUp<'_> {
    /// Writes the record under the lock, unless it says already what it should.
    pub(in crate::operation) async fn ensure_record(
        &self,
        step: &str,
        record: &mut NetworkRecord,
        changed: bool,
    ) -> Result<Outcome> {
        let existed = record.fence != 0;
        let look = async || {
            Ok(match (changed, existed) {
                (false, _) => Look::Same,
                (true, true) => Look::Differs(vec!["record".to_owned()]),
                (true, false) => Look::Absent,
            })
        };
        self.run
            .step(step, "remembering the network", look, async |found| {
                self.write_record(record).await?;
                Ok(if found == Look::Absent { Outcome::Created } else { Outcome::Updated })
            })
            .await
    }

    pub(in crate::operation) async fn write_record(&self, record: &mut NetworkRecord) -> Result<()> {
        let services = self.services();
        record.fence = self.run.fence().unwrap_or_default();
        record.updated_at = services.clock.now();
        record.updated_by.clone_from(&services.holder.operator);
        record.written_by_version.clone_from(&services.version);
        self.records.write(record).await
    }

    /// Writes the first record of a network of which the first thing is about to be made, so that it can be found and removed whatever happens.
    pub(super) async fn remember_beginning(&self, record: &NetworkRecord, makes_cluster: bool) -> Result<()> {
        let fence = self.run.fence().unwrap_or_default();
        let beginning = NetworkRecord { fence, made_cluster: makes_cluster, ..record.clone() };
        self.records.write(&beginning).await
    }

    /// Writes genesis, identities and addresses into the record when it does not have them yet, or when something else in it `changed`.
    pub(in crate::operation) async fn remember(
        &self,
        record: &mut NetworkRecord,
        fleet: &Fleet,
        changed: bool,
    ) -> Result<()> {
        let before = record.clone();
        let nodes = self.node_records(&fleet.bindings);
        let poets = self.poet_records(&fleet.bindings, &record.poets);
        record.genesis = Some(fleet.genesis.clone());
        record.nodes = nodes;
        record.poets = poets;
        self.warn_of_new_identities(&before, record);
        let changed = changed || *record != before;
        self.ensure_record("record", record, changed).await?;
        Ok(())
    }

    /// Tells of nodes that are other peers than before, because their keys were lost: what they had on their disks belongs to nobody now.
    fn warn_of_new_identities(&self, before: &NetworkRecord, now: &NetworkRecord) {
        let peer_before =
            |name: &str| before.nodes.iter().find(|node| node.name == name).map(|node| &node.peer_id);
        for node in &now.nodes {
            if peer_before(&node.name).is_some_and(|peer| *peer != node.peer_id) {
                self.run.warn(format!(
                    "the keys of {} were gone: it is another peer and smesher now, {}, and the wallet of its coinbase may be lost; its data was made for the old one",
                    node.name, node.peer_id
                ));
            }
        }
    }

    fn node_records(&self, bindings: &Bindings) -> Vec<NodeRecord> {
        let record = |node: &PlannedNode| {
            let identity = bindings.nodes.get(&node.number)?;
            Some(NodeRecord {
                name: node.name.clone(),
                number: node.number,
                role: node.role,
                poet: node.poet.clone(),
                peer_id: identity.peer_id.clone(),
                smesher_id: Some(identity.smesher_id.clone()),
                coinbase: identity.coinbase.clone(),
                p2p: bindings.p2p_address(node),
            })
        };
        self.plan.nodes.iter().filter_map(record).collect()
    }

    /// A PoET's URL is known beforehand where its node port is planned, else once its Service was seen.
    fn poet_records(&self, bindings: &Bindings, known: &[PoetRecord]) -> Vec<PoetRecord> {
        let address = bindings.slot_addresses.get(&0);
        let planned = |poet: &PlannedPoet| Some(format!("http://{}:{}", address?, poet.rest_node_port?));
        let seen = |poet: &PlannedPoet| known.iter().find(|known| known.number == poet.number)?.url.clone();
        let record = |poet: &PlannedPoet| PoetRecord {
            name: poet.name.clone(),
            number: poet.number,
            public_key: bindings.poets.get(&poet.number).map(|identity| identity.public_key.clone()),
            url: planned(poet).or_else(|| seen(poet)),
        };
        self.plan.poets.iter().map(record).collect()
    }
}
