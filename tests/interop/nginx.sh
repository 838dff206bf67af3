# SPDX-License-Identifier: Apache-2.0
#
# nginx, from Debian 13, as a server: servers/nginx.conf. POST /echo passes through it to servers/backend.py.

install_nginx() { trixie_packages trixie nginx python3; }
version_of_nginx() { trixie nginx -v 2>&1 | sed 's/.*nginx\///'; }

# start_nginx RETRY EARLY_DATA, each on or off
start_nginx() {
  port=$((port + 1))
  sed "s/@PORT@/$port/; s/@RETRY@/$1/; s/@EARLY@/$2/" servers/nginx.conf >nginx.conf
  start_in_trixie nginx -p /srv -c /srv/nginx.conf
}

run_nginx() {
  direction="from us"
  start_backend
  start_nginx off off
  common_of_servers
  bodies_by echo echo_back
  resumption_of_servers
  expect() { same huge; }
  try "address change" get --migrate-after 20ms "$(url huge)"
  try "NAT rebinding" get --rebind-after 20ms "$(url huge)"
  version_negotiation_of_servers
  cannot "QUIC v2" "QUIC v1 only"
  cannot "compatible negotiation of v2" "QUIC v1 only"
  stop_server

  start_nginx off on
  early_data_of_servers
  stop_server

  start_nginx on off
  retry_of_servers
  stop_server
}
