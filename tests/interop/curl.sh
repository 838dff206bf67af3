# SPDX-License-Identifier: Apache-2.0
#
# curl with HTTP/3, from Debian 13's backports, as a client.

install_curl() {
  trixie_packages trixie-backports curl && trixie curl --version | grep HTTP3 >/dev/null
}
version_of_curl() { trixie curl --version | sed -n '1s/^curl \([^ ]*\).*\(ngtcp2\S*\) \(nghttp3\S*\).*/\1 (\2, \3)/p'; }

curl3() { trixie curl -sS --http3-only --cacert cert.pem "$@"; }
curl_download() { curl3 -o "got/$1" "$(url "$1")" && touch "got/$1"; } # an empty answer makes no file
curl_echo() { curl3 --data-binary "@www/$1" -o "got/$1" "$(url echo)" && touch "got/$1"; }
# curl_many COUNT AT_A_TIME: over one connection; how many answers were right is for `expect`
curl_many() {
  local parallel=()
  [ "$2" = 1 ] || parallel=(--parallel --parallel-max "$2")
  curl3 "${parallel[@]}" -o got/small -w '%{http_version} %{response_code} %{size_download}\n' \
    "$(url "small?[1-$1]")"
}
curl_counted() { [ "$(grep -c '^3 200 1200$' "$log")" = "$1" ] && same small; }

run_curl() {
  direction="to us"
  start_ours
  bodies_by download curl_download
  bodies_by echo curl_echo
  expect() { curl_counted 200; }
  try "200 concurrent streams" curl_many 200 200
  expect() { curl_counted 1000; }
  try "1,000 sequential requests" curl_many 1000 1
  expect() { grep -q '^3 404' "$log"; }
  try "what is not there" curl3 -o /dev/null -w '%{http_version} %{response_code}\n' "$(url missing)"
  refused() { ! trixie curl -sS --http3-only "$(url one)"; }
  expect() { log_says certificate; }
  try "unknown certificate" refused
  stop_server

  start_ours --retry
  expect() { same large && server_counted retry; }
  try Retry curl_download large
  stop_server
  local feature
  for feature in resumption "0-RTT" "key update" "address change" "QUIC v2"; do
    cannot "$feature" "no option of curl's"
  done
}
