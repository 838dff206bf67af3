# SPDX-License-Identifier: Apache-2.0
#
# quinn, as Debian 13 has it as a library, with clients/quinn_client as a client on the raw ALPN
# quicore-echo.

install_quinn() {
  trixie_packages trixie cargo librust-quinn-dev librust-rustls-pemfile-dev || return
  local client=$here/clients/quinn_client place=$work/trixie/srv/build/quinn_client
  cmp -s "$client/src/main.rs" "$place/src/main.rs" && [ -x "$place/target/debug/quinn_client" ] && return
  echo "building clients/quinn_client"
  mkdir -p "$place" && cp -r "$client/." "$place/" || return
  mkdir -p "$place/.cargo"
  printf '[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "/usr/share/cargo/registry"\n' \
    >"$place/.cargo/config.toml"
  TRIXIE_SECONDS=3600 trixie env -C build/quinn_client HOME=/srv/build cargo build --offline --config profile.dev.opt-level=1 \
    >"$work/logs/quinn-install.log" 2>&1
}
version_of_quinn() { chroot "$work/trixie" dpkg-query -W -f '${Version}' librust-quinn-dev; }

quinn() { trixie build/quinn_client/target/debug/quinn_client "$port" "$@"; }

run_quinn() {
  direction="to us"
  start_ours --early-data
  bodies_by echo quinn plain
  expect() { same_many 200; }
  try "200 concurrent streams" quinn concurrent $(seq -f 'many/%.0f' 200)
  expect() { same_many 1000; }
  try "1,000 sequential requests" quinn plain $(seq -f 'many/%.0f' 1000)
  expect() { same small large; }
  try "key update" quinn key-update small large
  try "NAT rebinding" quinn rebind small large
  expect() { same large; }
  try resumption quinn resume large
  expect() { same large && log_says "early_data true"; }
  try "0-RTT" quinn early-data large
  stop_server

  start_ours --retry
  expect() { same large && server_counted retry; }
  try Retry quinn plain large
  stop_server
  cannot "QUIC v2" "QUIC v1 only"
  cannot "compatible negotiation of v2" "QUIC v1 only"
}
