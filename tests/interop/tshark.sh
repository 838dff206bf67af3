# SPDX-License-Identifier: Apache-2.0
#
# tshark reads what our programs say to each other, by the key logs they write.

install_tshark() {
  command -v tshark dumpcap >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends tshark >>"$work/logs/tshark-install.log" 2>&1
}
version_of_tshark() { tshark --version 2>/dev/null | sed -n '1s/^TShark (Wireshark) \([0-9.]*\).*/\1/p'; }

# One download, captured.
capture() {
  rm -f capture.pcapng client.keys
  dumpcap -q -i lo -f "udp port $port" -w capture.pcapng &
  local capturing=$!
  wait_for_file capture.pcapng
  get --keylog client.keys "$(url small)"
  sleep 1 # dumpcap writes late
  kill -INT "$capturing"
  wait "$capturing"
}
wait_for_file() {
  local i
  for i in $(seq 50); do
    [ -s "$1" ] && return
    sleep 0.1
  done
}
# frames_by KEYS: how many packets show HTTP/3 frames
frames_by() {
  tshark -r capture.pcapng -o "tls.keylog_file:$1" -d "udp.port==$port,quic" -Y http3 2>/dev/null | wc -l
}
reads_by() { [ "$(frames_by "$1")" -ge 2 ] && [ "$(frames_by empty.keys)" -eq 0 ]; }

run_tshark() {
  : >empty.keys
  rm -f server.keys
  start_ours --keylog server.keys
  capture >logs/tshark-capture.log 2>&1
  stop_server
  expect() { same small; }
  direction="to us"
  attempt "key log read" reads_by server.keys
  direction="from us"
  attempt "key log read" reads_by client.keys
}
