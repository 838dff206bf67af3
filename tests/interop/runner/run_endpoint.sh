#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The QUIC interop runner's contract (github.com/quic-interop/quic-interop-runner, quic.md): the environment
# says what to be and what to do, and the exit status is 127 for a test that we do not support.
#
#   ROLE             server or client
#   TESTCASE         handshake, transfer, ...
#   REQUESTS         client: URLs, separated by spaces
#   SSLKEYLOGFILE, QLOGDIR   read by the programs themselves
#
# The runner's image has the programs in PATH and these folders; a local run names others:
#   WWW, DOWNLOADS, CERTS, LISTEN, PREFERRED_ADDRESS
set -u
: "${ROLE:?}" "${TESTCASE:?}"
www=${WWW:-/www}
downloads=${DOWNLOADS:-/downloads}
certs=${CERTS:-/certs}

# The runner's images set up their routes by this, and wait for the network.
if [ -x /setup.sh ]; then /setup.sh; fi

serve() {
  exec quicore-server --listen "${LISTEN:-[::]:443}" --root "$www" --cert "$certs/cert.pem" \
    --key "$certs/priv.key" "$@"
}

run_server() {
  case $TESTCASE in
    handshake | transfer | longrtt | multiplexing | http3 | keyupdate | ecn | ipv6 | blackhole | \
      amplificationlimit | resumption | rebind-port | rebind-addr | goodput | crosstraffic | transferloss | \
      transfercorruption) serve ;;
    # A client that has lost four answers (0.3^4 of them do) tries again after 15 s: still the same handshake.
    multiconnect | handshakeloss | handshakecorruption) serve --handshake-timeout 60s ;;
    versionnegotiation) serve --versions v1 ;;
    chacha20) serve --ciphers TLS_CHACHA20_POLY1305_SHA256 ;;
    retry) serve --retry ;;
    zerortt) serve --early-data ;;
    v2) serve --versions v2,v1 ;;
    connectionmigration)
      # The runner's server has this second address.
      serve --preferred-address "${PREFERRED_ADDRESS:-193.167.100.110:443}" ;;
    *) exit 127 ;;
  esac
}

# fetch URL... -- [option...]
fetch() {
  local list status
  list=$(mktemp)
  while [ "$1" != -- ]; do
    echo "$1" >>"$list"
    shift
  done
  shift
  # The runner's certificates are for the name alone; its clients do not verify them.
  quicore-get --insecure --json --alpn "${ALPN:-hq-interop}" --connect-timeout 60s --output-dir "$downloads" \
    --input-file "$list" "$@"
  status=$?
  rm -f "$list"
  return $status
}

# The first file over one connection, the others over one that resumes it.
fetch_in_two() {
  local session status=0
  session=$(mktemp -u)
  fetch "$1" -- --session-file "$session" || status=1
  fetch "${@:2}" -- --session-file "$session" "${more[@]}" || status=1
  rm -f "$session"
  return $status
}

run_client() {
  local urls url status=0 more=()
  read -r -a urls <<<"${REQUESTS:?}"
  case $TESTCASE in
    handshake | longrtt | retry | ecn | ipv6 | blackhole | amplificationlimit | rebind-port | rebind-addr | \
      connectionmigration | goodput | crosstraffic | transferloss | transfercorruption)
      fetch "${urls[@]}" -- --parallel 100 ;;
    # Windows that a transfer has to move.
    transfer) fetch "${urls[@]}" -- --parallel 100 --window 256KiB ;;
    multiplexing) fetch "${urls[@]}" -- --parallel 2000 ;;
    http3) ALPN=h3 fetch "${urls[@]}" -- --parallel 100 ;;
    chacha20) fetch "${urls[@]}" -- --ciphers TLS_CHACHA20_POLY1305_SHA256 ;;
    keyupdate) fetch "${urls[@]}" -- --key-update ;;
    v2) fetch "${urls[@]}" -- --versions v1,v2 ;;
    resumption) fetch_in_two "${urls[@]}" ;;
    zerortt)
      more=(--early-data --parallel 100)
      fetch_in_two "${urls[@]}" ;;
    multiconnect | handshakeloss | handshakecorruption)
      for url in "${urls[@]}"; do fetch "$url" -- || status=1; done
      return $status ;;
    *) exit 127 ;;
  esac
}

case $ROLE in
  server) run_server ;;
  client) run_client ;;
  *) exit 127 ;;
esac
