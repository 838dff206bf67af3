# SPDX-License-Identifier: Apache-2.0
#
# What is asked of every peer. A peer's file says how; what it cannot do it says by `cannot`.

# bodies_by download|echo COMMAND...: COMMAND NAME brings www/NAME to got/NAME, by GET, or by POST /echo
bodies_by() {
  local how=$1 name
  shift
  for name in "${bodies[@]}"; do
    expect() { same "$name"; }
    try "$how ${size_of[$name]}" "$@" "$name"
  done
}

cannot_echo() { local name; for name in "${bodies[@]}"; do cannot "echo ${size_of[$name]}" "$1"; done; }

# --- quicore-get and quicore-load against a server --------------------------

download() { get "$(url "$1")"; }
echo_back() {
  with_tries "$bin/quicore-get" --quiet --insecure --method POST --data "www/$1" --output "got/$1" "$(url echo)"
}
# get_many COUNT AT_A_TIME
get_many() {
  local i
  for i in $(seq "$1"); do url "many/$i"; done >urls
  get --parallel "$2" --input-file urls
}
load() { with_tries "$bin/quicore-load" --insecure --quiet --warmup 0ms "$@"; }

# The part that every HTTP/3 server can do.
common_of_servers() {
  bodies_by download download
  expect() { same_many 200; }
  try "200 concurrent streams" get_many 200 200
  expect() { same_many 1000; }
  try "1,000 sequential requests" get_many 1000 1
  expect() { counted requests 900; }
  try "quicore-load, 900 requests" load --duration 60s --requests 900 --streams 20 --check \
    --sha256 "$(sha256sum <www/small | cut -d ' ' -f 1)" "$(url small)"
  expect() { counted handshakes 200; }
  if [ -z "$handshake_fault" ]; then
    try "quicore-load, 200 handshakes" load --duration 60s --mode handshake --connections 8 --requests 200 "$(url small)"
  else
    cannot "quicore-load, 200 handshakes" "$handshake_fault"
  fi
  expect() { same huge; }
  try "key update" get --key-update "$(url huge)"
}

address_changes_of_servers() {
  expect() { same huge; }
  try "address change" get --migrate-after 20ms "$(url huge)"
  try "NAT rebinding" get --rebind-after 20ms "$(url huge)"
}

resumption_of_servers() {
  try_quietly get --session-file session "$(url small)"
  expect() { same large && log_says '"resumed":true,"early_data":false'; }
  try_again resumption get --json --session-file session "$(url large)"
}

early_data_of_servers() {
  try_quietly get --session-file session "$(url small)"
  expect() { same large && log_says '"resumed":true,"early_data":true'; }
  try_again "0-RTT" get --json --session-file session --early-data "$(url large)"
}
# Makes the session for the attempt that follows.
try_quietly() { rm -rf got/* session params; "$@" >"logs/$peer-first-session.log" 2>&1; }

retry_of_servers() {
  rm -f logs/*.sqlog
  expect() { same large && grep -q '"packet_type":"retry"' logs/*_client.sqlog; }
  try Retry get --qlog logs "$(url large)"
}
# The client begins with a version that the server does not speak, and is told.
version_negotiation_of_servers() {
  expect() { same large && log_says '"version":"v1"'; }
  try "version negotiation" get --json --versions v2,v1 "$(url large)"
}
