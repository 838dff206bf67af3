# SPDX-License-Identifier: Apache-2.0
#
# caddy (quic-go), from Debian 13's backports, as a server: servers/Caddyfile. POST /echo passes through it
# to servers/backend.py.

install_caddy() { trixie_packages trixie-backports caddy && trixie_packages trixie python3; }
version_of_caddy() { trixie caddy version; }

run_caddy() {
  direction="from us"
  start_backend
  port=$((port + 1))
  sed "s/@PORT@/$port/g" servers/Caddyfile >Caddyfile
  start_in_trixie env HOME=/srv XDG_DATA_HOME=/srv/logs caddy run --config Caddyfile --adapter caddyfile
  common_of_servers
  bodies_by echo echo_back
  resumption_of_servers
  early_data_of_servers
  address_changes_of_servers
  # A small file: quic-go updates its keys after 100 packets, by the label of v1 even in v2 (RFC 9369 3.3.2
  # has "quicv2 ku"), and nobody understands it from then on.
  expect() { same small && log_says '"version":"v2"'; }
  try "QUIC v2" get --json --versions v2 "$(url small)"
  cannot "version negotiation" "speaks both versions that quicore-get knows"
  cannot "compatible negotiation of v2" "quic-go has no compatible negotiation"
  cannot Retry "no such option of caddy's"
  stop_server
}
