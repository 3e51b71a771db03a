#!/usr/bin/env bash
# What the provider costs: a release build of `countersign serve` on SQLite with durable commits,
# server on core 0 and generator on core 1, each scenario in turns with a bare actix handler.
#
#   benches/load/run.sh                       everything
#   LOAD_SCENARIOS=refresh,code LOAD_ROUNDS=5 benches/load/run.sh
#
# LOAD_SECONDS (5), LOAD_ROUNDS (3), LOAD_USERS (16), LOAD_PORT (8480; the next one is used too),
# LOAD_SETTLE (10: seconds between the sign-ins that prepare a scenario and its rounds).
# The database lies below the build directory, so that its disk is a real one.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=${CARGO_TARGET_DIR:-target}
seconds=${LOAD_SECONDS:-5} rounds=${LOAD_ROUNDS:-3} users=${LOAD_USERS:-16}
port=${LOAD_PORT:-8480}
scenarios=${LOAD_SCENARIOS:-discovery,jwks,client-credentials,client-credentials-jwt,introspect,userinfo,refresh,code,revoke,login}
people=20

[ "$(nproc)" -ge 2 ] || { echo "two cores are needed: one for the server, one for the load" >&2; exit 2; }

echo "== Building"
cargo build --release --locked --quiet --bin countersign --example bare
cargo build --release --locked --quiet --manifest-path benches/load/Cargo.toml --target-dir "$build/load"
mkdir -p "$build"
build=$(cd "$build" && pwd)
countersign=$build/release/countersign bare=$build/release/examples/bare
oidcload=$build/load/release/oidcload

dir=$(mktemp -d "$build/load-run-XXXXXX")
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf -- "$dir"
}
trap finish EXIT

export COUNTERSIGN_ISSUER=http://127.0.0.1:$port
export COUNTERSIGN_LISTEN=127.0.0.1:$port
export COUNTERSIGN_DATABASE_URL=sqlite://$dir/countersign.db
# The generator plays the proxy in front of many people: see spread_addresses in its README.
export COUNTERSIGN_TRUSTED_PROXIES=127.0.0.1/32

# One member of a JSON object on stdin.
member() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }

# Whether a GET of path $2 at port $1 is answered with 200.
answers() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' "$2" "$1" >&3
    head -n 1 <&3 | grep -q ' 200 '
  ) 2>/dev/null
}

await() {
  local end=$((SECONDS + 20))
  until answers "$1" "$2"; do
    [ "$SECONDS" -lt "$end" ] || { echo "nothing answers at port $1" >&2; cat "$dir"/*.log >&2; exit 2; }
  done
}

echo "== Making $people people and three clients"
"$countersign" migrate >"$dir/migrate.log" 2>&1
for n in $(seq "$people"); do
  printf 'bench-password-%s' "$n" | "$countersign" user create --email "user$n@example.org" \
    --username "user$n" --password-stdin --json >/dev/null
done
callback=http://127.0.0.1:9/callback
web=$("$countersign" client create --name "Web" --redirect-uri "$callback" \
  --grant-type authorization_code --grant-type refresh_token \
  --scope openid --scope email --scope offline_access --id-token-alg ES256 --json)
service=$("$countersign" client create --name "Service" --grant-type client_credentials \
  --scope api:read --json)
printf '{"keys":[%s]}' "$("$oidcload" keygen "$dir/service.pk8")" >"$dir/jwks.json"
service_jwt=$("$countersign" client create --name "Service with a key" \
  --grant-type client_credentials --scope api:read --auth-method private_key_jwt \
  --jwks-file "$dir/jwks.json" --json)

echo "== Starting the server on core 0"
begin=$(date +%s%N)
taskset -c 0 "$countersign" serve >"$dir/serve.log" 2>&1 &
server=$!
pids+=("$server")
await "$port" /.well-known/openid-configuration
echo "start to first answer: $((($(date +%s%N) - begin) / 1000000)) ms"
taskset -c 0 "$bare" "127.0.0.1:$((port + 1))" "$dir/parts.db" >"$dir/bare.log" 2>&1 &
pids+=("$!")
await "$((port + 1))" /
parts=http://127.0.0.1:$((port + 1))

# What an operation cannot do without, done by a bare handler: its share of the operation's cost is
# the column "of limit". A code flow is two requests, of which the handler saves one.
cat >"$dir/target.toml" <<TOML
name = "countersign"
issuer = "$COUNTERSIGN_ISSUER"
pids = [$server]
spread_addresses = true
[client]
id = "$(member client_id <<<"$web")"
secret = "$(member client_secret <<<"$web")"
scope = "openid email"
redirect_uri = "$callback"
[offline]
id = "$(member client_id <<<"$web")"
secret = "$(member client_secret <<<"$web")"
scope = "openid offline_access"
redirect_uri = "$callback"
extra = [["prompt", "consent"]]
[service]
id = "$(member client_id <<<"$service")"
secret = "$(member client_secret <<<"$service")"
scope = "api:read"
[service_jwt]
id = "$(member client_id <<<"$service_jwt")"
auth = "private_key_jwt"
key = "service.pk8"
kid = "bench"
scope = "api:read"
[user]
name = "user{n}"
password = "bench-password-{n}"
count = $people
[bare]
url = "$parts/"
pid = ${pids[1]}
[bare.parts]
discovery = "$parts/"
jwks = "$parts/"
client-credentials = "$parts/parts/sign"
client-credentials-jwt = "$parts/parts/verify+sign+write"
introspect = "$parts/parts/verify"
userinfo = "$parts/parts/verify"
refresh = "$parts/parts/sign+sign+write"
code = "$parts/parts/write+sign+sign+write"
revoke = "$parts/parts/write"
login = "$parts/parts/password"
TOML

load() { taskset -c 1 "$oidcload" run "$dir/target.toml" --seconds "$seconds" "$@"; }
p99() { sed -n 's/.*"p99_ms": *\([0-9.]*\).*/\1/p' "$1" | head -n 1; }
failed=0

echo "== Every scenario, $users users, $rounds rounds of $seconds s (login: of bare Argon2id)"
load --scenario "$scenarios" --users "$users" --rounds "$rounds" --settle "${LOAD_SETTLE:-10}" --json "$build/load.json" || failed=1
echo "as JSON: $build/load.json"

if [[ ,$scenarios, == *,refresh,* ]]; then
  echo "== Refresh with 64 users"
  load --scenario refresh --users 64 --rounds "$rounds" || failed=1
fi

if [[ ,$scenarios, == *,login,* && ,$scenarios, == *,userinfo,* ]]; then
  echo "== Userinfo while a flood of people signs in"
  load --scenario userinfo --users 4 --rounds 1 --json "$dir/quiet.json" >/dev/null || failed=1
  load --scenario login --users 16 --rounds 1 --seconds "$((seconds + 4))" >/dev/null 2>&1 &
  flood=$!
  sleep 2
  load --scenario userinfo --users 4 --rounds 1 --warmup 0 --json "$dir/flood.json" >/dev/null || failed=1
  wait "$flood" || failed=1
  awk -v quiet="$(p99 "$dir/quiet.json")" -v flood="$(p99 "$dir/flood.json")" \
    'BEGIN { printf "p99 quiet %.2f ms, in the flood %.2f ms: %.1f times\n", quiet, flood, flood / quiet }'
fi
exit "$failed"
