# SPDX-License-Identifier: Apache-2.0
#
# What a case has to show besides the files: by quicore-relay's count, quicore-server's statistics and
# quicore-get's JSON, where they are the ones at work.

same_files() {
  local one
  for one in "${files[@]}"; do cmp -s "www/$one" "downloads/$one" || return 1; done
}

# relayed NAME: a figure of the relay's report ("seconds", "back", "rebindings", ...)
relayed() { sed -n "s/.*\b$1[= ]\([0-9.]*\).*/\1/p" "$log.relay" | head -n 1; }
served() { sed -n "s/^$1 *\([0-9]*\)$/\1/p" "$log.server" | head -n 1; }
at_least() { awk -v have="$1" -v need="$2" 'BEGIN { exit !(have >= need) }'; }
client_says() { grep -q -- "$1" "$log.client"; }
connections_are() { [ "$server" != ours ] || [ "$(served server_sessions)" = "$1" ]; }
# if_ours PROGRAM COMMAND...: holds where that side is not ours
if_ours() { [ "$1" != ours ] || "${@:2}"; }

judge_handshake() { connections_are 1 && if_ours "$server" [ "$(served retry)" = 0 ]; }
judge_transfer() { connections_are 1; }
judge_longrtt() { connections_are 1; }
# Each side offers nothing else: had one of them not obeyed, there would be no connection. That is shown by a
# client that offers another one.
judge_chacha20() { connections_are 1; }
judge_multiplexing() { connections_are 1; }
judge_retry() { if_ours "$server" at_least "$(served retry)" 1; }
judge_resumption() {
  connections_are 2 && if_ours "$client" client_says '"resumed":true,"early_data":false'
}
judge_zerortt() {
  connections_are 2 && if_ours "$client" client_says '"resumed":true,"early_data":true'
}
judge_http3() { connections_are 1; }
judge_blackhole() { connections_are 1 && at_least "$(relayed seconds)" 9; }
judge_keyupdate() {
  if [ "$client" = ours ]; then client_says '"key_updates":[1-9]'; else client_says "k=1"; fi
}
# Both directions carried ECT(0), so that each side has something to report.
judge_ecn() {
  at_least "$(sed -n 's/^ecn there .*ect0=\([0-9]*\).*/\1/p' "$log.relay")" 10 &&
    at_least "$(sed -n 's/^ecn back .*ect0=\([0-9]*\).*/\1/p' "$log.relay")" 10
}
# Of the client the server had seen one datagram when it had to stop.
judge_amplificationlimit() {
  at_least $((3 * $(relayed first))) "$(relayed upon_the_first)" && at_least "$(relayed upon_the_first)" 1200
}
judge_handshakeloss() { connections_are "${#files[@]}"; }
judge_transferloss() { connections_are 1; }
# A first packet that arrives damaged may count as a connection, too.
judge_handshakecorruption() { if_ours "$server" at_least "$(served server_sessions)" "${#files[@]}"; }
judge_transfercorruption() { connections_are 1; }
judge_ipv6() { connections_are 1; }
judge_v2() {
  if [ "$client" = ours ]; then client_says '"version":"v2"'; else client_says "negotiated version is 0x6b3343cf"; fi
}
judge_rebind_port() { connections_are 1 && at_least "$(relayed rebindings)" 1; }
judge_rebind_addr() { connections_are 1 && at_least "$(relayed rebindings)" 1; }
# Most of the file did not pass the link, which leads to the old address.
judge_connectionmigration() { connections_are 1 && at_least 1000000 "$(relayed back)"; }
goodput() { awk -v bytes="$(stat -c %s www/ten-mb)" -v seconds="$(relayed seconds)" 'BEGIN { printf "%.2f", bytes * 8 / seconds / 1e6 }'; }
judge_goodput() {
  measured="$(goodput) Mbit/s"
  at_least "$(goodput)" 9.4
}
judge_crosstraffic() { measured="$(goodput) Mbit/s beside 5 Mbit/s that do not yield"; }

outcome() { cat "$results/$1" 2>/dev/null || echo "not run"; }

write_page() {
  local one
  for one in "${all_cases[@]}"; do
    [ -e "$results/$one-ours-ours" ] || { echo "no docs/interop-runner.md: $one was never run"; return; }
  done
  {
    echo "# The QUIC interop runner's cases"
    echo
    echo "Written by \`make interop-runner\`: \`tests/interop/runner/run_endpoint.sh\` and ngtcp2's programs on a link of"
    echo "10 Mbit/s and 30 ms that does what the case demands. Our programs speak hq-interop to each other, as in the"
    echo "runner; ngtcp2's programs of Debian have h3 alone."
    echo
    echo "| case | ours, both | ngtcp2's client, our server | our client, ngtcp2's server |"
    echo "|---|---|---|---|"
    for one in "${all_cases[@]}"; do
      echo "| $one | $(outcome "$one-ours-ours") | $(outcome "$one-ngtcp2-ours") | $(outcome "$one-ours-ngtcp2") |"
    done
    echo
    echo "\`goodput\` passes with at least 9.4 of the 10 Mbit/s; \`crosstraffic\` when everything arrives although half of"
    echo "the link belongs to somebody who does not yield."
  } >"$top/docs/interop-runner.md"
  echo docs/interop-runner.md
}
