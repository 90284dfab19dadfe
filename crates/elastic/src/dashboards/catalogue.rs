//! What the dashboards show. The texts searched for are those that nodes and PoETs of the two generations log: of v0 first, then v1.
//!
//! Fields: `name` is the pod (`miner-7`, `poet-1`), `sm.L` the level, `sm.N` the module, `sm.M` the message, and `sm.message` a whole line
//! that was no JSON, such as a line of a Go panic.

/// A dashboard.
#[derive(Debug)]
pub(super) struct Dashboard {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) panels: &'static [Panel],
}

/// A panel of a dashboard; 48 columns of width fill a row.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// In the Kibana Query Language.
    pub(super) query: &'static str,
    pub(super) chart: Chart,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// How a panel shows the lines that its query finds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chart {
    /// How many there are.
    Count,
    /// How many values of a field there are.
    Distinct(&'static str),
    /// How many there are over time, split by a field if one is given.
    Timeline(Option<&'static str>),
    /// The most frequent values of a field, with how often and when last.
    Table { field: &'static str, rows: u32 },
    /// The lines themselves, with these columns.
    Lines(&'static [&'static str]),
}

use Chart::{Count, Distinct, Lines, Table, Timeline};

const NODE: &str = "name";
const LEVEL: &str = "sm.L.keyword";
const MODULE: &str = "sm.N.keyword";
const MESSAGE: &str = "sm.M.keyword";

const ANY_ERROR: &str = "sm.L: (ERROR or DPANIC or PANIC or FATAL)";
const ANY_PANIC: &str = "sm.L: (DPANIC or PANIC or FATAL) or sm.message: panic*";
const STARTED: &str = r#"sm.M: ("app version" or "starting spacemesh" or "starting Spacemesh")"#;
const ATX_PUBLISHED: &str = r#"sm.M: "atx published""#;
const CHALLENGES: &str = r#"sm.M: ("challenge submitted to poet proving service" or "challenge submitted" or "submitted challenge")"#;
const POET_ROUNDS: &str = "name: poet* and sm.M: (execut* or round)";

/// Identifier and title.
pub(super) const INDEX_PATTERNS: &[(&str, &str)] = &[("sm", "sm-*"), ("ws", "ws-*")];

/// Identifier, title and query.
pub(super) const QUERIES: &[(&str, &str, &str)] = &[
    ("query-errors", "Errors", ANY_ERROR),
    ("query-panics", "Panics", ANY_PANIC),
    ("query-raw-lines", "Lines that are no JSON", "sm.message: *"),
    ("query-node-started", "Node started", STARTED),
    ("query-identities", "Identities", r#"sm.M: ("local node identity" or "Loaded existing identity")"#),
    ("query-block-created", "Block or proposal created", r#"sm.M: ("block created" or "proposal created")"#),
    ("query-new-block", "Block or proposal received", r#"sm.M: ("got new block" or "new proposal")"#),
    ("query-adding-peer", "Peer added", r#"sm.M: ("adding peer" or "connected to peer")"#),
    ("query-connected", "Connected to the first peers", r#"sm.M: "connected to initial""#),
    (
        "query-address-in-use",
        "Address already in use",
        r#"sm.M: "address already in use" or sm.message: "address already in use""#,
    ),
    ("query-atx-published", "ATX published", ATX_PUBLISHED),
    ("query-challenges", "PoET challenges submitted", CHALLENGES),
    ("query-nipost", "NiPoST being built", r#"sm.M: ("building nipost" or "building new NiPOST challenge")"#),
    ("query-post-init", "PoST initialization", r#"sm.M: "post initialization" or sm.M: "initialization""#),
    ("query-poet-rounds", "PoET rounds", POET_ROUNDS),
    ("query-rewards", "Rewards", r#"sm.M: "rewards for layer""#),
];

pub(super) const DASHBOARDS: &[Dashboard] = &[STATUS, GENERAL, ERRORS];

const STATUS: Dashboard = Dashboard {
    id: "status",
    title: "Status",
    description: "Which nodes and PoETs are there and whether they do their work",
    panels: &[
        Panel {
            id: "nodes",
            title: "Nodes",
            query: "name: miner*",
            chart: Distinct(NODE),
            width: 8,
            height: 6,
        },
        Panel {
            id: "poets",
            title: "PoETs",
            query: "name: poet*",
            chart: Distinct(NODE),
            width: 8,
            height: 6,
        },
        Panel { id: "lines", title: "Lines", query: "", chart: Count, width: 8, height: 6 },
        Panel { id: "warnings", title: "Warnings", query: "sm.L: WARN", chart: Count, width: 8, height: 6 },
        Panel { id: "errors", title: "Errors", query: ANY_ERROR, chart: Count, width: 8, height: 6 },
        Panel { id: "panics", title: "Panics", query: ANY_PANIC, chart: Count, width: 8, height: 6 },
        Panel {
            id: "lines-by-level",
            title: "Lines by level",
            query: "",
            chart: Timeline(Some(LEVEL)),
            width: 24,
            height: 12,
        },
        Panel {
            id: "lines-by-node",
            title: "Lines by node",
            query: "",
            chart: Timeline(Some(NODE)),
            width: 24,
            height: 12,
        },
        Panel {
            id: "atx-published",
            title: "ATXs published",
            query: ATX_PUBLISHED,
            chart: Timeline(Some(NODE)),
            width: 16,
            height: 12,
        },
        Panel {
            id: "challenges",
            title: "Challenges submitted to PoETs",
            query: CHALLENGES,
            chart: Timeline(Some(NODE)),
            width: 16,
            height: 12,
        },
        Panel {
            id: "poet-rounds",
            title: "PoET rounds",
            query: POET_ROUNDS,
            chart: Timeline(Some(NODE)),
            width: 16,
            height: 12,
        },
        Panel {
            id: "nodes-last-seen",
            title: "Nodes, last seen",
            query: "",
            chart: Table { field: NODE, rows: 2000 },
            width: 24,
            height: 18,
        },
        Panel {
            id: "starts",
            title: "Starts of nodes",
            query: STARTED,
            chart: Table { field: NODE, rows: 2000 },
            width: 24,
            height: 18,
        },
    ],
};

const GENERAL: Dashboard = Dashboard {
    id: "general",
    title: "General",
    description: "What the network does: blocks, activations, transactions, layers",
    panels: &[
        Panel {
            id: "lines-by-module",
            title: "Lines by module",
            query: "",
            chart: Timeline(Some(MODULE)),
            width: 48,
            height: 12,
        },
        Panel {
            id: "blocks",
            title: "Blocks and proposals created",
            query: r#"sm.M: ("block created" or "proposal created")"#,
            chart: Timeline(Some(NODE)),
            width: 16,
            height: 12,
        },
        Panel {
            id: "layers",
            title: "Layers",
            query: r#"sm.M: ("release tick" or "new layer hash" or "end of layer state root" or "consensus results")"#,
            chart: Timeline(Some(MESSAGE)),
            width: 16,
            height: 12,
        },
        Panel {
            id: "rewards",
            title: "Rewards",
            query: r#"sm.M: "rewards for layer""#,
            chart: Timeline(None),
            width: 16,
            height: 12,
        },
        Panel {
            id: "activations",
            title: "ATXs received",
            query: r#"sm.M: ("got new atx" or "new atx")"#,
            chart: Timeline(None),
            width: 16,
            height: 12,
        },
        Panel {
            id: "transactions",
            title: "Transactions received",
            query: r#"sm.M: ("got new tx" or "new tx")"#,
            chart: Timeline(None),
            width: 16,
            height: 12,
        },
        Panel {
            id: "eligibilities",
            title: "Eligibilities and NiPoSTs",
            query: r#"sm.M: ("proposal eligibility for an epoch" or "building nipost" or "building new NiPOST challenge")"#,
            chart: Timeline(Some(MESSAGE)),
            width: 16,
            height: 12,
        },
        Panel {
            id: "messages",
            title: "Most frequent messages",
            query: "",
            chart: Table { field: MESSAGE, rows: 200 },
            width: 48,
            height: 16,
        },
        Panel {
            id: "all-lines",
            title: "All lines",
            query: "",
            chart: Lines(&["name", "sm.L", "sm.N", "sm.M", "sm.message"]),
            width: 48,
            height: 20,
        },
    ],
};

const ERRORS: Dashboard = Dashboard {
    id: "errors-dashboard",
    title: "Errors",
    description: "What goes wrong, where and since when",
    panels: &[
        Panel {
            id: "errors-by-node",
            title: "Errors by node",
            query: ANY_ERROR,
            chart: Timeline(Some(NODE)),
            width: 24,
            height: 12,
        },
        Panel {
            id: "errors-by-module",
            title: "Errors by module",
            query: ANY_ERROR,
            chart: Timeline(Some(MODULE)),
            width: 24,
            height: 12,
        },
        Panel {
            id: "error-messages",
            title: "Most frequent errors",
            query: ANY_ERROR,
            chart: Table { field: MESSAGE, rows: 200 },
            width: 24,
            height: 18,
        },
        Panel {
            id: "nodes-with-errors",
            title: "Nodes with errors",
            query: ANY_ERROR,
            chart: Table { field: NODE, rows: 2000 },
            width: 24,
            height: 18,
        },
        Panel {
            id: "late-blocks",
            title: "Late blocks and proposals",
            query: r#"sm.M: ("late block" or "proposal late" or "unfamiliar block was requested")"#,
            chart: Timeline(Some(NODE)),
            width: 16,
            height: 12,
        },
        Panel {
            id: "clocks",
            title: "Clocks out of step",
            query: r#"sm.M: ("System time couldn't synchronize" or "clock drift" or "out of sync")"#,
            chart: Timeline(Some(NODE)),
            width: 16,
            height: 12,
        },
        Panel {
            id: "restarts",
            title: "Starts of nodes over time",
            query: STARTED,
            chart: Timeline(Some(NODE)),
            width: 16,
            height: 12,
        },
        Panel {
            id: "error-lines",
            title: "Errors and panics",
            query: "sm.L: (ERROR or DPANIC or PANIC or FATAL) or sm.message: *",
            chart: Lines(&["name", "sm.L", "sm.N", "sm.M", "sm.message"]),
            width: 48,
            height: 24,
        },
    ],
};
