# SPDX-License-Identifier: Apache-2.0
#
# nginx, from Debian 13, as a server: servers/nginx.conf. POST /echo passes through it to servers/backend.py.

install_nginx() { trixie_packages trixie nginx python3; }
version_of_nginx() { trixie nginx -v 2>&1 | sed 's/.*nginx\///'; }

# start_nginx RETRY: on or off
start_nginx() {
  port=$((port + 1))
  sed "s/@PORT@/$port/; s/@RETRY@/$1/" servers/nginx.conf >nginx.conf
  start_in_trixie nginx -p /srv -c /srv/nginx.conf
}

run_nginx() {
  direction="from us"
  start_backend
  start_nginx off
  common_of_servers
  bodies_by echo echo_back
  resumption_of_servers
  address_changes_of_servers
  version_negotiation_of_servers
  cannot "0-RTT" "its OpenSSL has no QUIC interface of the old kind, and its substitute no 0-RTT"
  cannot "QUIC v2" "QUIC v1 only"
  cannot "compatible negotiation of v2" "QUIC v1 only"
  stop_server

  start_nginx on
  retry_of_servers
  stop_server
}
