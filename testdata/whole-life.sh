#!/usr/bin/env bash
# Takes one network of each generation through its whole life on a simulated cloud of its own, and checks at the end that nothing is left of it.
#
#   testdata/whole-life.sh path/to/spacecraft [v0|v1 ...]
set -euo pipefail

spacecraft="${1:?name the spacecraft binary}"
shift
generations=("$@")
[ ${#generations[@]} -gt 0 ] || generations=(v0 v1)

scratch="$(mktemp -d)"
export HOME="$scratch/home"
mkdir -p "$HOME"
cloud=(--sandbox-dir "$scratch/sandbox")
where=(--provider sandbox "${cloud[@]}")
finish() {
  "$spacecraft" sandbox stop "${cloud[@]}" >/dev/null 2>&1 || true
  rm -rf "$scratch"
}
trap finish EXIT

step() { printf '\n== %s\n' "$*"; }

# Runs a command on the network and keeps what it prints, as JSON, in a file of its name.
life() {
  local command="$1"
  shift
  step "$command $*"
  "$spacecraft" "$command" "${where[@]}" -n "$network" --output json "$@" >"$scratch/$command.json" 2>"$scratch/talk" || {
    local code=$?
    cat "$scratch/talk" "$scratch/$command.json" >&2
    echo "$command ended with exit code $code" >&2
    return "$code"
  }
}

# What exists, without what may stay: calls, messages that were sent, and what was released.
inventory() {
  "$spacecraft" sandbox inventory "${cloud[@]}" --output json | python3 -c '
import json, sys
inventory = json.load(sys.stdin)
for key in ("calls", "slack_messages", "releases"):
    inventory.pop(key, None)
inventory["buckets"].pop("spacemesh-release-builds", None)
print(json.dumps(inventory, indent=1, sort_keys=True))'
}

expect() {
  python3 -c '
import json, sys
document = json.load(open(sys.argv[1]))
assert eval(sys.argv[2], {"d": document, "len": len}), (sys.argv[2], document)' "$scratch/$1.json" "$2"
}

whole_life() {
  local generation="$1" image="$2"
  network="life-$generation"
  "$spacecraft" sandbox reset "${cloud[@]}" >/dev/null
  inventory >"$scratch/before"

  life create-network --generation "$generation" -m 5 -p 2 --bootnode-amount 2
  expect create-network 'd["status"] == "ready" and len(d["nodes"]) == 5'
  life create-network --generation "$generation" -m 5 -p 2 --bootnode-amount 2
  expect create-network 'all(step["outcome"] == "unchanged" for step in d["steps"])'
  life hosts
  expect hosts 'len(d["hosts"]) == 5'

  life add-miner --count 3
  life hosts
  expect hosts '[h["name"] for h in d["hosts"]] == ["miner-%d" % n for n in range(1, 9)]'
  life delete-miner 7 --yes
  life hosts
  expect hosts '[h["name"] for h in d["hosts"]] == ["miner-%d" % n for n in (1, 2, 3, 4, 5, 6, 8)]'

  "$spacecraft" sandbox configure "${cloud[@]}" --advance 5400 >/dev/null
  life upgrade-network --go-sm-image "$image" --wave-size 4 --restart-wait-time 0
  expect upgrade-network 'all(node["upgraded"] for node in d["nodes"])'
  echo '{"logging": {"hare": "debug"}}' >"$scratch/change.json"
  life upgrade-network --go-sm-config "$scratch/change.json" --wave-size 4 --restart-wait-time 0
  expect upgrade-network 'len(d["config_changes"]) == 1'

  life deploy-ws --tls-crt "$scratch/tls.crt" --tls-key "$scratch/tls.key"
  life deploy-cm
  life rewards --chart "$scratch/rewards.svg"
  grep -q '</svg>' "$scratch/rewards.svg"
  step "rewards --output table, csv"
  "$spacecraft" rewards "${where[@]}" -n "$network" --output table
  "$spacecraft" rewards "${where[@]}" -n "$network" --output csv --by epoch
  life status
  life list
  expect list 'len(d["networks"]) == 1'
  life release-network --go-sm-release-version "$release" --builds-bucket go-spacemesh-release-builds

  life delete-network --yes
  inventory >"$scratch/after"
  step "nothing is left of $network"
  diff "$scratch/before" "$scratch/after"
}

openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=spacemesh.io' -addext 'subjectAltName=DNS:*.spacemesh.io' \
  -keyout "$scratch/tls.key" -out "$scratch/tls.crt" 2>/dev/null
release=v1.7.7
for generation in "${generations[@]}"; do
  case "$generation" in
    v0) whole_life v0 spacemeshos/go-spacemesh-dev:v0.2.17-beta.0 ;;
    v1) whole_life v1 spacemeshos/go-spacemesh:v1.7.7 ;;
    *) echo "no such generation: $generation" >&2; exit 2 ;;
  esac
done
