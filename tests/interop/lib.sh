# SPDX-License-Identifier: Apache-2.0
#
# What tests/interop/run.sh and the peers' files are made of: the place, the results, our own programs.

failed=0
skipped=0
passed=0
port=24433
server_pid=

# Everything is below the folder of Debian 13, so that peers that live there can read and write it: www
# is served, got is where fetched files go.
make_place() {
  place=$work/trixie/srv
  mkdir -p "$place" && cd "$place" || exit 1
  rm -rf got logs && mkdir -p www got logs
  cp -r "$here/clients" "$here/servers" .
}

make_files() {
  local name
  : >www/empty
  printf x >www/one
  head -c 1200 /dev/urandom >www/small
  mkdir -p www/many
  for name in $(seq 1000); do ln -f www/small "www/many/$name"; done
  head -c 1048576 /dev/urandom >www/large
  [ -f www/huge ] || head -c 104857600 /dev/urandom >www/huge
  echo hello >www/index.html
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem \
    -days 10 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -addext basicConstraints=critical,CA:FALSE 2>/dev/null # rustls takes no certificate of a CA for a server's
  cat cert.pem key.pem >both.pem
  chmod a+r key.pem both.pem # some servers give up root first
}

# The names of the bodies, and what the table calls them.
bodies=(empty one small large huge)
declare -A size_of=([empty]="0 bytes" [one]="1 byte" [small]="1,200 bytes" [large]="1 MB" [huge]="100 MB")

url() { echo "https://localhost:$port/$1"; }

# The same files below got/ as below www/?
same() {
  local name
  for name in "$@"; do
    cmp -s "www/$name" "got/$name" || return 1
  done
}

# The first so many of the files below many/?
same_many() {
  local names
  names=$(seq -f 'many/%.0f' "$1")
  same $names
}

# --- Results ----------------------------------------------------------------

# One file per peer, which lasts until the peer is tried again: the page is made of all of them.
results=$work/results
begin_peer() {
  mkdir -p "$results"
  printf '%s' "$2" >"$results/$1.version"
  : >"$results/$1.table"
}

# note RESULT FEATURE [REASON] of the $peer in $direction; RESULT: pass, FAIL or cannot
note() {
  printf '%-9s %-8s %-28s %s\n' "$peer" "$direction" "$2" "$1${3:+: $3}"
  echo "$peer|$direction|$2|$1${3:+: $3}" >>"$results/$peer.table"
  case $1 in
    pass) passed=$((passed + 1)) ;;
    cannot) skipped=$((skipped + 1)) ;;
    *) failed=$((failed + 1)) ;;
  esac
}

# cannot FEATURE REASON: a thing that the peer does not have
cannot() { note cannot "$1" "$2"; }

log=
log_of() { echo "logs/$peer-${direction// /-}-$(tr -c 'a-zA-Z0-9\n' - <<<"$1").log"; }
# counted WHAT NUMBER: so many of them, or more, by quicore-load
counted() {
  awk -v what="$1" -v least="$2" '$1 == what { gsub(",", "", $2); done = $2 + 0 >= least } END { exit !done }' "$log"
}
log_says() { grep -q -- "$1" "$log"; }

# try FEATURE COMMAND...: passes when the command succeeds and `expect` agrees
expect() { true; }
try() {
  local feature=$1
  shift
  rm -rf got/* session params
  attempt "$feature" "$@"
}
# The same with the session that the attempt before has kept.
try_again() {
  local feature=$1
  shift
  rm -rf got/*
  attempt "$feature" "$@"
}
attempt() {
  local feature=$1
  shift
  log=$(log_of "$feature")
  if "$@" >"$log" 2>&1 && expect; then note pass "$feature"; else note FAIL "$feature"; fi
}

end_table() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}

# --- Our programs -----------------------------------------------------------

# start_ours [option...]: quicore-server on a fresh port
start_ours() {
  port=$((port + 1))
  "$bin/quicore-server" --listen "127.0.0.1:$port" --root www --cert cert.pem --key key.pem "$@" \
    >logs/server.log 2>&1 &
  server_pid=$!
  wait_for_udp
}

# start_in_trixie COMMAND...: a server of Debian 13's, on $port
start_in_trixie() {
  "${in_trixie[@]}" "$@" >"logs/$peer-server.log" 2>&1 &
  server_pid=$!
  wait_for_udp
}

# servers/backend.py, for servers that pass requests on; it stays.
start_backend() {
  [ -n "${backend_pid:-}" ] && return
  "${in_trixie[@]}" python3 servers/backend.py 24080 >logs/backend.log 2>&1 &
  backend_pid=$!
  local i
  for i in $(seq 200); do
    grep -qi "0100007F:$(printf '%04X' 24080) .* 0A " /proc/net/tcp && return
    sleep 0.05
  done
}

wait_for_udp() {
  local i
  for i in $(seq 200); do
    # IPv4, or a socket for both
    grep -Eqi "(0100007F|00000000):$(printf '%04X' "$port") " /proc/net/udp /proc/net/udp6 && return
    sleep 0.05
  done
  echo "nothing listens on UDP port $port" >&2
  return 1
}

# Whether quicore-server has counted any of `retry`, `version_negotiation`, ... by its own statistics.
server_counted() {
  kill -USR1 "$server_pid"
  local i
  for i in $(seq 100); do
    grep -Eq "^$1 +[0-9]" logs/server.log && break
    sleep 0.05
  done
  grep -Eq "^$1 +[1-9]" logs/server.log
}

stop_server() {
  [ -n "$server_pid" ] || return 0
  kill "$server_pid" 2>/dev/null
  wait "$server_pid" 2>/dev/null
  server_pid=
}

stop_everything() {
  stop_server
  local pid
  for pid in $(jobs -p); do kill "$pid" 2>/dev/null; done
}

# connect_tries: how often quicore-get and quicore-load may try to connect; 1 but for a server with a fault
connect_tries=1
# handshake_fault: why two hundred handshakes in a row cannot be asked of this server; empty: they can
handshake_fault=
get() { with_tries "$bin/quicore-get" --quiet --insecure --output-dir got "$@"; }
with_tries() {
  local left=$connect_tries status
  while :; do
    timeout 120 "$@"
    status=$?
    left=$((left - 1))
    [ $status = 3 ] && [ $left -gt 0 ] || return $status
  done
}
