# SPDX-License-Identifier: Apache-2.0
#
# Further clients, where this machine has them: curl with HTTP/3, aioquic.

others() {
  start_ours
  if curl --version 2>/dev/null | grep -q HTTP3; then
    expect() { same large; }
    try curl "to us" transfer timeout 60 curl -sS --http3-only --insecure -o got/large "https://localhost:$port/large"
  else
    note curl "to us" transfer "skip: this curl has no HTTP/3"
  fi
  stop_server
}
