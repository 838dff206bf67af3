# SPDX-License-Identifier: Apache-2.0
#
# haproxy, from Debian 13, as a server: servers/haproxy.cfg, in front of servers/backend.py.

install_haproxy() {
  # Not grep -q: it ends at the first match, which breaks the pipe, and with pipefail that is a failure.
  trixie_packages trixie haproxy python3 && trixie haproxy -vv | grep USE_QUIC=1 >/dev/null
}
version_of_haproxy() { trixie haproxy -v | sed -n '1s/^HAProxy version \([^ ]*\).*/\1/p'; }

# start_haproxy [BIND_OPTIONS]
start_haproxy() {
  port=$((port + 1))
  sed "s/@PORT@/$port/; s/@OPTIONS@/${1:-}/" servers/haproxy.cfg >haproxy.cfg
  start_in_trixie haproxy -db -f haproxy.cfg
}

run_haproxy() {
  direction="from us"
  # Up to version 3.2 it drops an Initial packet whose CRYPTO frames leave a gap of a few bytes between them, and
  # ngtcp2 cuts a ClientHello at random places: one connection in ten or so is not made.
  connect_tries=5
  handshake_fault="one in ten is not made: it drops Initial packets with gaps between CRYPTO frames"
  start_backend
  start_haproxy
  common_of_servers
  bodies_by echo echo_back
  resumption_of_servers
  expect() { same huge; }
  try "address change" get --migrate-after 20ms "$(url huge)"
  cannot "NAT rebinding" "it does not follow an address that changes without a word"
  cannot "version negotiation" "speaks both versions that quicore-get knows"
  expect() { same large && log_says '"version":"v2"'; }
  try "QUIC v2" get --json --versions v2 "$(url large)"
  stop_server

  start_haproxy "quic-force-retry"
  retry_of_servers
  stop_server
  connect_tries=1
  handshake_fault=
  cannot "0-RTT" "its OpenSSL has no QUIC interface of the old kind, and its substitute no 0-RTT"
}
