//! The in-memory providers keep the contracts that they stand in for.

mod objects {
    use spacecraft_testkit::InMemoryObjects;
    use spacecraft_testkit::conformance::Subject;

    spacecraft_testkit::object_store_conformance!(async { Subject::new(InMemoryObjects::new("bucket")) });
}

mod dns {
    use spacecraft_testkit::InMemoryDns;
    use spacecraft_testkit::conformance::Subject;

    spacecraft_testkit::dns_provider_conformance!(async { Subject::new(InMemoryDns::new("example.org")) });
}

mod notifier {
    use spacecraft_testkit::RecordingNotifier;
    use spacecraft_testkit::conformance::Subject;

    spacecraft_testkit::notifier_conformance!(async { Subject::new(RecordingNotifier::default()) });
}

mod logs {
    use spacecraft_testkit::InMemoryLogs;
    use spacecraft_testkit::conformance::Subject;

    spacecraft_testkit::log_store_conformance!(async {
        let logs = InMemoryLogs::default();
        logs.start_slowly(3);
        Subject::new(logs)
    });
}

mod charts {
    use serde_json::json;
    use spacecraft_core::traits::ChartRelease;
    use spacecraft_testkit::InMemoryCharts;
    use spacecraft_testkit::conformance::Subject;

    fn release() -> ChartRelease {
        ChartRelease {
            name: "kibana".to_owned(),
            namespace: "default".to_owned(),
            repository: "https://charts.example.org".to_owned(),
            chart: "kibana".to_owned(),
            version: "8.5.1".to_owned(),
            values: json!({}),
            patches: Vec::new(),
            wait_ready: true,
            shared: false,
        }
    }

    spacecraft_testkit::chart_installer_conformance!(async {
        let charts = InMemoryCharts::default();
        charts.publish_only([("kibana", "8.5.1")]);
        Subject::new(charts).keeping(release())
    });
}

mod spacemesh {
    use std::net::SocketAddr;

    use spacecraft_core::traits::{NodeStatus, PoetInfo};
    use spacecraft_testkit::InMemorySpacemesh;
    use spacecraft_testkit::conformance::Subject;
    use spacecraft_testkit::conformance::spacemesh::Processes;

    struct Addresses;

    impl Processes for Addresses {
        fn node(&self) -> SocketAddr {
            SocketAddr::from(([127, 0, 0, 1], 9092))
        }
        fn poet(&self) -> SocketAddr {
            SocketAddr::from(([127, 0, 0, 1], 8080))
        }
        fn silent(&self) -> SocketAddr {
            SocketAddr::from(([127, 0, 0, 1], 1))
        }
    }

    spacecraft_testkit::spacemesh_api_conformance!(async {
        let api = InMemorySpacemesh::default();
        let status =
            NodeStatus { connected_peers: 4, synced: true, synced_layer: 7, top_layer: 8, verified_layer: 6 };
        api.put_node(Addresses.node(), status);
        api.put_poet(Addresses.poet(), PoetInfo { public_key: String::new(), started: false });
        Subject::new(api).keeping(Addresses)
    });
}

mod cluster {
    use spacecraft_testkit::conformance::Subject;
    use spacecraft_testkit::conformance::cluster::foreign_cluster;
    use spacecraft_testkit::{InMemoryCluster, Ledger};

    spacecraft_testkit::cluster_provider_conformance!(async {
        let cluster = InMemoryCluster::new(Ledger::default());
        cluster.add_foreign_cluster(&foreign_cluster());
        Subject::new(cluster)
    });
}

mod shared_cluster {
    use spacecraft_testkit::conformance::Subject;
    use spacecraft_testkit::{InMemoryCluster, Ledger};

    spacecraft_testkit::shared_cluster_conformance!(async {
        Subject::new(InMemoryCluster::shared(Ledger::default()))
    });
}

mod workloads {
    use spacecraft_testkit::conformance::{Subject, network};
    use spacecraft_testkit::{InMemoryWorkloads, Ledger};

    spacecraft_testkit::workloads_conformance!(async {
        Subject::new(InMemoryWorkloads::new(&network("net1"), Ledger::default()))
    });
}
