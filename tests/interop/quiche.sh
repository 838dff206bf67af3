# SPDX-License-Identifier: Apache-2.0
#
# quiche, inside of npm's @matrixai/quic, with clients/quiche_client.mjs as a client on the raw ALPN
# quicore-echo.

install_quiche() { npm_packages @matrixai/quic@2; }
version_of_quiche() { echo "of @matrixai/quic $(npm_version @matrixai/quic)"; }

# quiche AT_A_TIME NAME...
quiche() {
  QUICORE_NODE=$work/node timeout 180 node clients/quiche_client.mjs "$port" "$@"
}

run_quiche() {
  direction="to us"
  start_ours
  local name

  for name in empty one small large huge; do
    expect() { same "$name"; }
    try "echo ${size_of[$name]}" quiche 1 "$name"
  done
  expect() { same_many 200; }
  try "200 concurrent streams" quiche 200 $(seq -f 'many/%.0f' 200)
  expect() { same_many 1000; }
  try "1,000 sequential requests" quiche 1 $(seq -f 'many/%.0f' 1000)
  stop_server

  start_ours --retry
  expect() { same large && server_counted retry; }
  try Retry quiche 1 large
  stop_server
  for name in resumption "0-RTT" "key update" "address change" "NAT rebinding" "version negotiation"; do
    cannot "$name" "not in what npm's package offers of quiche"
  done
  cannot "QUIC v2" "QUIC v1 only"
  cannot "compatible negotiation of v2" "QUIC v1 only"
}
