# SPDX-License-Identifier: Apache-2.0
#
# aioquic, from Debian 13, in both directions: clients/aioquic_client.py and servers/aioquic_server.py.

install_aioquic() { trixie_packages trixie python3-aioquic; }
version_of_aioquic() { trixie python3 -c 'import aioquic; print(aioquic.__version__)'; }

aio() { trixie python3 clients/aioquic_client.py "$port" "$@"; }
aio_echo() { aio --echo "$@"; }

start_aioquic() {
  port=$((port + 1))
  start_in_trixie python3 servers/aioquic_server.py "$port" "$@"
}

aioquic_client() {
  direction="to us"
  start_ours --early-data --qlog logs
  bodies_by download aio
  bodies_by echo aio_echo
  expect() { same_many 200; }
  try "200 concurrent streams" aio --at-a-time 200 $(seq -f 'many/%.0f' 200)
  expect() { same_many 1000; }
  try "1,000 sequential requests" aio $(seq -f 'many/%.0f' 1000)
  expect() { same small large && log_says "key phases 1 1"; }
  try "key update" aio --key-update large
  expect() { same small large; }
  try "address change" aio --migrate large
  try "NAT rebinding" aio --rebind large
  try_quietly aio --session session small
  expect() { same large && log_says "resumed True" && log_says "early_data False"; }
  try_again resumption aio --session session large
  expect() { same large && log_says "resumed True" && log_says "early_data True"; }
  try_again "0-RTT" aio --session session --early-data large
  expect() { same large && log_says "version 0x1$" && log_says "version_negotiation True"; }
  try "version negotiation" aio --versions 0x1a2a3a4a,0x1 large
  expect() { same large && log_says "version 0x6b3343cf"; }
  try "QUIC v2" aio --versions 0x6b3343cf large
  stop_server

  start_ours --versions v2,v1
  try "compatible negotiation of v2" aio --versions 0x1,0x6b3343cf large
  stop_server

  start_ours --retry
  expect() { same large && log_says "retries 1" && server_counted retry; }
  try Retry aio large
  stop_server
}

aioquic_server() {
  direction="from us"
  start_aioquic
  common_of_servers
  bodies_by echo echo_back
  resumption_of_servers
  early_data_of_servers
  address_changes_of_servers
  expect() { same large && log_says '"version":"v2"'; }
  try "QUIC v2" get --json --versions v2 "$(url large)"
  cannot "compatible negotiation of v2" \
    "follows the client's order, whose first version is the one that quicore-get begins with"
  stop_server

  start_aioquic --versions 0x1
  version_negotiation_of_servers
  stop_server

  start_aioquic --retry
  retry_of_servers
  stop_server
}

run_aioquic() { aioquic_client; aioquic_server; }
