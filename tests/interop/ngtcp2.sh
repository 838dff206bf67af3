# SPDX-License-Identifier: Apache-2.0
#
# ngtcp2's programs: gtlsclient against quicore-server, quicore-get against gtlsserver.

install_ngtcp2() {
  command -v gtlsclient >/dev/null && command -v gtlsserver >/dev/null && return
  echo "installing ngtcp2's programs (gtlsclient, gtlsserver)"
  local lists=$work/apt suite
  mkdir -p "$lists/state/partial"
  # Debian 12 has them in its backports; the mirror is the one this machine uses already.
  for suite in bookworm bookworm-backports; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $suite main"
  done > "$lists/backports.list"
  local options=(-o "Dir::Etc::sourcelist=$lists/backports.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::Lists=$lists/state" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update -qq >"$work/logs/ngtcp2-install.log" 2>&1
  apt-get "${options[@]}" install -y -qq -t bookworm-backports ngtcp2-client ngtcp2-server \
    >>"$work/logs/ngtcp2-install.log" 2>&1
}
version_of_ngtcp2() { dpkg-query -W -f '${Version}' ngtcp2-server; }

gtls_loud() {
  timeout 120 gtlsclient --exit-on-all-streams-close --download=got "${@:1:$#-1}" 127.0.0.1 "$port" "$(url "${@: -1}")"
}
gtls() { gtls_loud -q "$@"; }
gtls_several() { timeout 120 gtlsclient -q --exit-on-all-streams-close --download=got 127.0.0.1 "$port" "$@"; }
gtls_many() { gtls_several $(seq -f "$(url many)/%.0f" "$1"); }

# start_ngtcp2 [option...]: gtlsserver on a fresh port
start_ngtcp2() {
  port=$((port + 1))
  gtlsserver -q -d www "$@" 127.0.0.1 "$port" key.pem cert.pem >logs/gtlsserver.log 2>&1 &
  server_pid=$!
  wait_for_udp
}

ngtcp2_client() {
  direction="to us"
  start_ours --qlog logs
  bodies_by download gtls
  cannot_echo "ngtcp2's programs do not keep what answers a body"
  # It is told of 1,000 streams, and opens what it wants at once; /many comes flat.
  expect() { [ "$(cat got/* | wc -c)" = 240000 ]; }
  try "200 concurrent streams" gtls_many 200
  expect() { same huge && log_says "k=1"; }
  try "key update" gtls_loud --key-update=1ms huge
  expect() { same huge; }
  try "address change" gtls --change-local-addr=10ms huge
  # The request leaves after the rebinding: a client that only receives would send nothing from its
  # new address, and its own server loses it then, too.
  try "NAT rebinding" gtls --change-local-addr=10ms --nat-rebinding --delay-stream=100ms huge
  # gtlsclient gives up when it is told other versions; that it was told is what counts.
  expect() { log_says ERR_RECV_VERSION_NEGOTIATION; }
  told() { gtls "$@"; return 0; }
  try "version negotiation" told -v 0x1a2a3a4a large
  expect() { same large; }
  try "QUIC v2" gtls -v v2 large
  try_quietly gtls --session-file session --tp-file params --wait-for-ticket large
  try_again resumption gtls --session-file session --tp-file params --disable-early-data large
  stop_server

  start_ours --versions v2,v1
  expect() { same large && log_says "negotiated version is 0x6b3343cf"; }
  try "compatible negotiation of v2" gtls_loud -v v1 --available-versions v2,v1 large
  stop_server

  start_ours --early-data
  try_quietly gtls --session-file session --tp-file params --wait-for-ticket large
  expect() { same large && ! grep -qi "early data was rejected" "$log"; }
  try_again "0-RTT" gtls_loud --session-file session --tp-file params large
  stop_server

  start_ours --retry
  expect() { same large && server_counted retry; }
  try Retry gtls large
  stop_server
}

ngtcp2_server() {
  direction="from us"
  start_ngtcp2
  common_of_servers
  cannot_echo "gtlsserver does not echo"
  resumption_of_servers
  early_data_of_servers
  address_changes_of_servers
  expect() { same large; }
  try "QUIC v2" get --versions v2 "$(url large)"
  stop_server

  start_ngtcp2 --preferred-versions v2
  expect() { same large && log_says '"version":"v2"'; }
  try "compatible negotiation of v2" get --json --versions v1,v2 "$(url large)"
  stop_server

  start_ngtcp2 --validate-addr
  retry_of_servers
  stop_server
}

run_ngtcp2() { ngtcp2_client; ngtcp2_server; }
