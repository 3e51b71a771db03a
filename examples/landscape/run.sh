#!/bin/sh
# Builds what is in Rust, fetches the one library of the GraphQL service, and runs the landscape on free
# ports of this machine. Needs node, npm, nginx and redis-server (scripts/install-test-packages).
set -eu
cd "$(dirname "$0")"

for tool in node npm redis-server; do command -v "$tool" >/dev/null || { echo "$tool is missing" >&2; exit 1; }; done
cargo build --locked --quiet --bin countersign --example orders_api
target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
[ -d node_modules/graphql ] || npm ci --ignore-scripts --no-audit --no-fund --silent

COUNTERSIGN="$target/debug/countersign" ORDERS_API="$target/debug/examples/orders_api" exec node landscape.mjs
