# SPDX-License-Identifier: Apache-2.0
#
# Chromium, from Debian 12, driven by npm's playwright-core (clients/chromium.mjs), as a client. What it
# says itself (nextHopProtocol) and what its network log says have to agree.

install_chromium() {
  npm_packages playwright-core@1 || return
  command -v chromium >/dev/null && return
  echo "installing chromium"
  apt-get install -y -qq --no-install-recommends chromium >>"$work/logs/chromium-install.log" 2>&1
}
version_of_chromium() { chromium --version 2>/dev/null | sed 's/^Chromium \([^ ]*\).*/\1/'; }

# What --ignore-certificate-errors-spki-list wants to know of the certificate.
spki() {
  openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin -outform der |
    openssl dgst -sha256 -binary | openssl base64
}

# A page with 100 pictures.
make_page() {
  mkdir -p www/page
  local i
  {
    echo '<!doctype html><title>100 pictures</title>'
    for i in $(seq 100); do
      echo "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"8\" height=\"8\"><rect width=\"$i\" height=\"8\"/></svg>" \
        >"www/page/$i.svg"
      echo "<img src=\"$i.svg\">"
    done
  } >www/page/index.html
}

chromium_does() {
  QUICORE_NODE=$work/node timeout 180 node clients/chromium.mjs "$port" "$(spki)" "$PWD/logs/net.json" "$@"
}
hashed() { chromium_does "$1" "$2" "$(sha256sum <"www/$2" | cut -d ' ' -f 1)"; }

run_chromium() {
  direction="to us"
  make_page
  start_ours
  local name how
  # The page's icon may or may not be asked for in time to be counted.
  expect() { log_says '"navigation":"h3","resources":\(100,"over_h3":100\|101,"over_h3":101\),"loaded":100,"log_requests":10[12],"log_sessions":1}'; }
  try "page with 100 pictures" chromium_does page
  expect() { log_says '"right":true' && log_says '"navigation":"h3"' && log_says '"log_sessions":1}'; }
  for how in fetch echo; do
    for name in "${bodies[@]}"; do
      try "${how/fetch/download} ${size_of[$name]}" hashed "$how" "$name"
    done
  done
  expect() { log_says '"bytes":240000,' && log_says '"log_requests":20[1-3]'; }
  try "200 concurrent streams" chromium_does many 200 200
  expect() { log_says '"bytes":1200000,' && log_says '"log_requests":100[1-3]'; }
  try "1,000 sequential requests" chromium_does many 1000 1
  stop_server

  start_ours --retry
  expect() { log_says '"right":true' && server_counted retry; }
  try Retry hashed fetch large
  stop_server

  # The server closes soon; what the page fetches then comes over a second, resumed connection.
  mkdir -p logs/chromium-qlog
  start_ours --early-data --idle-timeout 2s --qlog logs/chromium-qlog
  expect() { log_says '"size":1200' && log_says '"log_sessions":2' && grep -q '"packet_type":"0RTT"' logs/chromium-qlog/*; }
  try "0-RTT" chromium_does again 5
  stop_server
  for name in "key update" "address change" "QUIC v2" "version negotiation"; do
    cannot "$name" "no switch of Chromium's"
  done
}
