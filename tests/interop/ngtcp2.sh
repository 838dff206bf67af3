# SPDX-License-Identifier: Apache-2.0
#
# ngtcp2's programs: gtlsclient against quicore-server, quicore-get against gtlsserver.

last_log() { ls -t logs/*-*-*.log | head -n 1; }
log_says() { grep -q "$1" "$(last_log)"; }
gtls() { timeout 60 gtlsclient -q --exit-on-all-streams-close --download=got "$@"; }
gtls_loud() { timeout 60 gtlsclient --exit-on-all-streams-close --download=got "$@"; }
url() { echo "https://localhost:$port/$1"; }

clients_against_our_server() {
  if ! command -v gtlsclient >/dev/null; then
    note ngtcp2 "to us" everything "skip: gtlsclient cannot be installed"
    return
  fi
  start_ours
  expect() { same large; }
  try ngtcp2 "to us" transfer gtls 127.0.0.1 "$port" "$(url large)"
  expect() { same empty one small large; }
  try ngtcp2 "to us" "several files" gtls 127.0.0.1 "$port" "$(url empty)" "$(url one)" "$(url small)" "$(url large)"
  expect() { same huge; }
  try ngtcp2 "to us" "100 MB" gtls 127.0.0.1 "$port" "$(url huge)"
  expect() { same huge && grep -q "k=1" "$(last_log)"; }
  try ngtcp2 "to us" "key update" gtls_loud --key-update=1ms 127.0.0.1 "$port" "$(url huge)"
  expect() { same huge; }
  try ngtcp2 "to us" "address change" gtls --change-local-addr=10ms 127.0.0.1 "$port" "$(url huge)"
  # The request leaves after the rebinding: a client that only receives would send nothing from its
  # new address, and its own server loses it then, too.
  try ngtcp2 "to us" "NAT rebinding" gtls --change-local-addr=10ms --nat-rebinding --delay-stream=100ms \
    127.0.0.1 "$port" "$(url huge)"
  expect() { same large; }
  try ngtcp2 "to us" "QUIC v2" gtls -v v2 127.0.0.1 "$port" "$(url large)"
  # gtlsclient gives up when it is told other versions; that it was told is what counts.
  expect() { grep -q ERR_RECV_VERSION_NEGOTIATION "$(last_log)"; }
  told() { gtls "$@"; return 0; }
  try ngtcp2 "to us" "version negotiation" told -v 0x1a2a3a4a 127.0.0.1 "$port" "$(url large)"
  expect() { same large; }
  rm -f session params
  try ngtcp2 "to us" "first of resumption" gtls --session-file session --tp-file params --wait-for-ticket 127.0.0.1 "$port" "$(url large)"
  try ngtcp2 "to us" resumption gtls --session-file session --tp-file params --disable-early-data 127.0.0.1 "$port" "$(url large)"
  stop_server

  start_ours --versions v2,v1
  expect() { same large && log_says "negotiated version is 0x6b3343cf"; }
  try ngtcp2 "to us" "compatible negotiation" gtls_loud -v v1 --available-versions v2,v1 127.0.0.1 "$port" "$(url large)"
  stop_server

  start_ours --early-data
  rm -f session params
  expect() { same large; }
  try ngtcp2 "to us" "first of 0-RTT" gtls --session-file session --tp-file params --wait-for-ticket 127.0.0.1 "$port" "$(url large)"
  expect() { same large && ! grep -qi "early data was rejected" "$(last_log)"; }
  try ngtcp2 "to us" "0-RTT" gtls_loud --session-file session --tp-file params 127.0.0.1 "$port" "$(url large)"
  stop_server

  start_ours --retry
  expect() { same large && server_retried; }
  try ngtcp2 "to us" Retry gtls 127.0.0.1 "$port" "$(url large)"
  stop_server
}

get() { timeout 60 "$bin/quicore-get" --quiet --insecure --output-dir got "$@"; }

our_client_against_servers() {
  if ! command -v gtlsserver >/dev/null; then
    note ngtcp2 "from us" everything "skip: gtlsserver cannot be installed"
    return
  fi
  start_ngtcp2
  expect() { same empty one small large; }
  try ngtcp2 "from us" transfer get "$(url empty)" "$(url one)" "$(url small)" "$(url large)"
  expect() { same huge; }
  try ngtcp2 "from us" "100 MB" get "$(url huge)"
  try ngtcp2 "from us" "key update" get --key-update "$(url huge)"
  try ngtcp2 "from us" "address change" get --migrate-after 20ms "$(url huge)"
  try ngtcp2 "from us" "NAT rebinding" get --rebind-after 20ms "$(url huge)"
  expect() { same large; }
  try ngtcp2 "from us" "QUIC v2" get --versions v2,v1 "$(url large)"
  rm -f session
  expect() { same large && log_says '"resumed":false'; }
  try ngtcp2 "from us" "first of resumption" get --json --session-file session "$(url large)"
  expect() { same large && log_says '"resumed":true,"early_data":false'; }
  try ngtcp2 "from us" resumption get --json --session-file session "$(url large)"
  expect() { same large && log_says '"resumed":true,"early_data":true'; }
  try ngtcp2 "from us" "0-RTT" get --json --session-file session --early-data "$(url large)"
  stop_server

  start_ngtcp2 --preferred-versions v2
  expect() { same large && log_says '"version":"v2"'; }
  try ngtcp2 "from us" "compatible negotiation" get --json --versions v1,v2 "$(url large)"
  stop_server

  start_ngtcp2 --validate-addr
  rm -f logs/*.sqlog
  expect() { same large && grep -q '"packet_type":"retry"' logs/*_client.sqlog; }
  try ngtcp2 "from us" Retry get --qlog logs "$(url large)"
  stop_server
}
