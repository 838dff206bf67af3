# SPDX-License-Identifier: Apache-2.0
#
# quic-go, as Debian 13 has it as a library, with clients/quic_go_client as a client.

install_quic_go() {
  trixie_packages trixie golang-go golang-github-lucas-clemente-quic-go-dev || return
  local client=$here/clients/quic_go_client place=$work/trixie/srv/build/quic_go_client
  cmp -s "$client/main.go" "$place/main.go" && [ -x "$place/client" ] && return
  echo "building clients/quic_go_client"
  mkdir -p "$place" && cp "$client/main.go" "$place/" || return
  TRIXIE_SECONDS=3600 trixie env -C build/quic_go_client HOME=/srv/build GOPATH=/usr/share/gocode GO111MODULE=off \
    GOCACHE=/srv/build/go-cache GOTELEMETRY=off go build -o client main.go >"$work/logs/quic_go-install.log" 2>&1
}
version_of_quic_go() {
  chroot "$work/trixie" dpkg-query -W -f '${Version}' golang-github-lucas-clemente-quic-go-dev
}

go_client() {
  local options=()
  while [[ $1 == -* ]]; do
    options+=("$1")
    shift
  done
  trixie build/quic_go_client/client "${options[@]}" "$port" "$@"
}
go_echo() { go_client -echo "$@"; }

run_quic_go() {
  direction="to us"
  start_ours --early-data
  bodies_by download go_client
  bodies_by echo go_echo
  expect() { same_many 200; }
  try "200 concurrent streams" go_client -at-a-time=200 $(seq -f 'many/%.0f' 200)
  expect() { same_many 1000; }
  try "1,000 sequential requests" go_client $(seq -f 'many/%.0f' 1000)
  expect() { same large && log_says "resumed true"; }
  try resumption go_client -again large
  expect() { same large && log_says "early_data true"; }
  try "0-RTT" go_client -again -early-data large
  # A small file: in v2, too, quic-go updates keys by the label of v1 after 100 packets.
  expect() { same small && log_says "version v2"; }
  try "QUIC v2" go_client -v2 small
  stop_server

  start_ours --versions v1
  expect() { log_says "error" && server_counted version_negotiation; }
  told() { ! go_client "$@"; }
  try "version negotiation" told -v2 large
  stop_server

  start_ours --retry
  expect() { same large && server_counted retry; }
  try Retry go_client large
  stop_server
  cannot "key update" "happens by itself in the long transfers, unseen"
  cannot "address change" "not in this version"
  cannot "compatible negotiation of v2" "does not have it"
}
