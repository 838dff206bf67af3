# SPDX-License-Identifier: Apache-2.0
#
# What tests/interop/run.sh is made of.
failed=0
skipped=0
passed=0

install_peers() {
  command -v gtlsclient >/dev/null && command -v gtlsserver >/dev/null && return
  echo "installing ngtcp2's programs (gtlsclient, gtlsserver)"
  local lists=$work/apt
  mkdir -p "$lists"
  # Debian 12 has them in its backports; the mirror is the one this machine uses already.
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
  local suite
  for suite in bookworm bookworm-backports; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
  done > "$lists/backports.list"
  local options=(-o "Dir::Etc::sourcelist=$lists/backports.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::Lists=$lists/state" -o APT::Sandbox::User=root)
  mkdir -p "$lists/state/partial"
  apt-get "${options[@]}" update -qq >"$work/logs/apt.log" 2>&1
  apt-get "${options[@]}" install -y -qq -t bookworm-backports ngtcp2-client ngtcp2-server \
    >>"$work/logs/apt.log" 2>&1
}

make_files() {
  head -c 0 /dev/zero >www/empty
  printf x >www/one
  head -c 1200 /dev/urandom >www/small
  head -c 1048576 /dev/urandom >www/large
  [ -f www/huge ] || head -c 104857600 /dev/urandom >www/huge
  echo hello >www/index.html
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem \
    -days 10 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
}

begin_table() {
  {
    echo "| peer | direction | feature | result |"
    echo "|---|---|---|---|"
  } >table.md
}

# note PEER DIRECTION FEATURE RESULT
note() {
  printf '%-12s %-10s %-24s %s\n' "$1" "$2" "$3" "$4"
  echo "| $1 | $2 | $3 | $4 |" >>table.md
  case $4 in
    pass) passed=$((passed + 1)) ;;
    skip*) skipped=$((skipped + 1)) ;;
    *) failed=$((failed + 1)) ;;
  esac
}

end_table() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}

# The same files below got/ as below www/?
same() {
  local name
  for name in "$@"; do
    cmp -s "www/$name" "got/$name" || return 1
  done
}

port=24433
server_pid=

# start_ours [option...]: quicore-server on a fresh port
start_ours() {
  port=$((port + 1))
  "$bin/quicore-server" --listen "127.0.0.1:$port" --root www --cert cert.pem --key key.pem "$@" \
    >logs/server.log 2>&1 &
  server_pid=$!
  wait_for_udp
}

# start_ngtcp2 [option...]: gtlsserver on a fresh port
start_ngtcp2() {
  port=$((port + 1))
  gtlsserver -q -d www "$@" 127.0.0.1 "$port" key.pem cert.pem >logs/gtlsserver.log 2>&1 &
  server_pid=$!
  wait_for_udp
}

wait_for_udp() {
  local i
  for i in $(seq 100); do
    grep -qi "0100007F:$(printf '%04X' "$port") " /proc/net/udp && return
    sleep 0.05
  done
}

# Whether quicore-server has sent a Retry, by its own statistics.
server_retried() {
  kill -USR1 "$server_pid"
  local i
  for i in $(seq 100); do
    grep -Eq '^retry +[0-9]' logs/server.log && break
    sleep 0.05
  done
  grep -Eq '^retry +[1-9]' logs/server.log
}

stop_server() {
  kill "$server_pid" 2>/dev/null
  wait "$server_pid" 2>/dev/null
}

# try PEER DIRECTION FEATURE COMMAND...: passes when the command succeeds and `expect` agrees
try() {
  local peer=$1 direction=$2 feature=$3
  shift 3
  rm -rf got && mkdir -p got
  if "$@" >"logs/$peer-$direction-${feature// /-}.log" 2>&1 && expect; then
    note "$peer" "$direction" "$feature" pass
  else
    note "$peer" "$direction" "$feature" FAIL
  fi
}
