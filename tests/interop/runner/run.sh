#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The QUIC interop runner's 22 cases and two measurements without its containers: run_endpoint.sh as server
# and as client, and ngtcp2's programs in its place, in a network namespace, with quicore-relay as the
# impaired link between them (10 Mbit/s, 15 ms each way, 25 packets of queue, and the case's own harm).
#
#   tests/interop/runner/run.sh build/test/bin [CASE...]
#
# Writes docs/interop-runner.md, with what earlier runs found of cases that this one was not asked for.
# CONNECTIONS (50): how many the cases with lossy handshakes make.
set -uo pipefail
bin=$(realpath "${1:?usage: run.sh FOLDER_OF_THE_PROGRAMS [CASE...]}")
shift
top=$(realpath "$(dirname "$0")/../../..")
here=$top/tests/interop/runner
work=$top/build/interop-runner
all_cases=(handshake transfer longrtt chacha20 multiplexing retry resumption zerortt http3 blackhole keyupdate ecn
  amplificationlimit handshakeloss transferloss handshakecorruption transfercorruption ipv6 v2 rebind-port
  rebind-addr connectionmigration goodput crosstraffic)
cases=("$@")
[ ${#cases[@]} -gt 0 ] || cases=("${all_cases[@]}")
if [ -z "${QUICORE_INTEROP_INSIDE:-}" ]; then
  export QUICORE_INTEROP_INSIDE=1
  unshare --net true 2>/dev/null && exec unshare --net -- "$0" "$bin" "${cases[@]}"
fi
export PATH=$bin:$PATH
for part in cases ngtcp2 judge; do . "$here/$part.sh"; done

ip link set lo up 2>/dev/null
mkdir -p "$work" && cd "$work" || exit 1
rm -rf www certs chain logs && mkdir -p www certs chain logs
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout certs/priv.key -out certs/cert.pem \
  -days 10 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null

failed=0
port=26000
# One file per case, client and server, until it is run again: the page is made of all of them.
results=$work/results
mkdir -p "$results"

# run_case CASE CLIENT SERVER, each `ours` or `ngtcp2`
run_case() {
  local case=$1 client=$2 server=$3 name="$1-$2-$3" result status
  testcase=$case
  link=(rate=10 delay=15 queue=25)
  files=()
  host=127.0.0.1
  export CERTS=$work/certs
  prepare_"${case//-/_}"
  port=$((port + 2))
  server_port=$((port + 1))
  rm -rf downloads qlog && mkdir -p downloads qlog
  log=$work/logs/$name
  start_server "$server"
  quicore-relay "$(at "$port")" "$(at "$server_port")" "${link[@]}" >"$log.relay" 2>&1 &
  relay_pid=$!
  wait_for_port "$port" && wait_for_port "$server_port"
  run_client_of "$client" >"$log.client" 2>&1
  status=$?
  sleep 0.3 # the client's farewell is on its way
  kill -TERM "$relay_pid" && wait "$relay_pid"
  read_server_statistics "$server"
  kill -TERM "$server_pid" && sleep 0.1 && kill -TERM "$server_pid" 2>/dev/null # the second: at once
  wait "$server_pid"
  if [ $status = 127 ]; then
    result=-
  elif [ $status = 0 ] && same_files && judge_"${case//-/_}" "$client" "$server"; then
    result=pass
  else
    result=FAIL
    failed=$((failed + 1))
  fi
  echo "$result" >"$results/$name"
  printf '%-20s client %-7s server %-7s %s%s\n' "$case" "$client" "$server" "$result" "${measured:+ ($measured)}"
  measured=
}

at() { if [ "$host" = ::1 ]; then echo "[::1]:$1"; else echo "$host:$1"; fi; }
wait_for_port() {
  local i
  for i in $(seq 200); do
    grep -qi ":$(printf '%04X' "$1") " /proc/net/udp /proc/net/udp6 && return
    sleep 0.05
  done
}
urls() { local file; for file in "${files[@]}"; do echo "https://$(at "$port")/$file"; done; }

start_server() {
  if [ "$1" = ngtcp2 ]; then
    ngtcp2_server >"$log.server" 2>&1 &
  else
    # It says what it has counted, when asked by SIGUSR1.
    ROLE=server TESTCASE=$testcase WWW=www LISTEN=${listen:-$(at "$server_port")} QLOGDIR=qlog \
      PREFERRED_ADDRESS=127.0.0.2:$server_port "$here/run_endpoint.sh" >"$log.server" 2>&1 &
  fi
  server_pid=$!
  listen=
}

run_client_of() {
  if [ "$1" = ngtcp2 ]; then
    ngtcp2_client
  else
    local alpn=hq-interop
    [ "${server:-}" != ngtcp2 ] || alpn=h3 # all that its server speaks
    ROLE=client TESTCASE=$testcase REQUESTS="$(urls | tr '\n' ' ')" DOWNLOADS=downloads ALPN=$alpn \
      timeout 300 "$here/run_endpoint.sh"
  fi
}

read_server_statistics() {
  [ "$1" = ours ] || return 0
  kill -USR1 "$server_pid"
  local i
  for i in $(seq 100); do
    grep -q '^seconds' "$log.server" && return
    sleep 0.05
  done
}

for one in "${cases[@]}"; do
  run_case "$one" ours ours
  if command -v gtlsclient >/dev/null && command -v gtlsserver >/dev/null; then
    run_case "$one" ngtcp2 ours
    run_case "$one" ours ngtcp2
  fi
done
write_page
echo "$failed failed"
[ "$failed" = 0 ]
