# SPDX-License-Identifier: Apache-2.0
#
# curl with HTTP/3, which Debian 12 does not have: Debian 13 in a folder of its own, by debootstrap. It
# shares the machine's network and nothing else; answers come back through its standard output.

trixie() { timeout 60 chroot "$work/trixie" "$@"; }
curl3() { trixie curl -sS --http3-only --cacert /cert.pem "$@"; }

install_curl() {
  trixie curl --version 2>/dev/null | grep -q HTTP3 && return
  echo "installing curl with HTTP/3 (Debian 13 below $work/trixie)"
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
  {
    command -v debootstrap || apt-get install -y -qq debootstrap
    debootstrap --variant=minbase --include=ca-certificates trixie "$work/trixie" "$mirror"
    echo "deb $mirror trixie-backports main" > "$work/trixie/etc/apt/sources.list.d/backports.list"
    chroot "$work/trixie" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive chroot "$work/trixie" \
      apt-get install -y -qq --no-install-recommends -t trixie-backports curl
  } >"$work/logs/curl-install.log" 2>&1
  trixie curl --version 2>/dev/null | grep -q HTTP3
}

# curl_many COUNT: so many requests at a time over one connection; says how many answers were right.
curl_many() {
  local count=$1
  curl3 --parallel --parallel-max "$count" -o /dev/null -w '%{http_version} %{response_code} %{size_download}\n' \
    "https://localhost:$port/small?[1-$count]"
}

others() {
  if ! install_curl; then
    note curl "to us" everything "skip: see logs/curl-install.log"
    return
  fi
  cp cert.pem trixie/cert.pem
  cp www/large trixie/large
  start_ours
  to_file() { curl3 "$(url "$1")" >"got/$1"; }
  for name in empty one small large huge; do
    expect() { same "$name"; }
    try curl "to us" "transfer $name" to_file "$name"
  done
  expect() { [ "$(grep -c '^3 200 1200$' "$(last_log)")" = 200 ]; }
  try curl "to us" "200 at a time" curl_many 200
  echo_large() { curl3 --data-binary @/large -H 'Expect:' "$(url echo)" >got/large; }
  expect() { same large; }
  try curl "to us" "upload and echo" echo_large
  expect() { grep -q '^3 404' "$(last_log)"; }
  try curl "to us" "what is not there" curl3 -o /dev/null -w '%{http_version} %{response_code}\n' "$(url missing)"
  refuse() { ! trixie curl -sS --http3-only "$(url one)"; }
  expect() { grep -q "certificate" "$(last_log)"; }
  try curl "to us" "unknown certificate" refuse
  stop_server

  start_ours --retry
  expect() { same large && server_retried; }
  try curl "to us" Retry to_file large
  stop_server
}
