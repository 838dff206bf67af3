#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Other implementations as judges, in both directions. Installs what it needs, then runs in a network
# namespace of its own, where that is allowed. Each line is one feature; docs/interop.md is made of them, and
# of what earlier runs noted of peers that this run was not asked for.
#
#   tests/interop/run.sh build/release/bin [PEER...]
set -uo pipefail
bin=$(realpath "${1:?usage: run.sh FOLDER_OF_THE_PROGRAMS [PEER...]}")
shift
top=$(realpath "$(dirname "$0")/../..")
here=$top/tests/interop
work=$top/build/interop
all_peers=(ngtcp2 curl chromium aioquic quic_go quinn quiche nginx caddy haproxy tshark)
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${all_peers[@]}")
for part in install lib suite table "${all_peers[@]}"; do . "$here/$part.sh"; done

install_peers() {
  mkdir -p "$work/logs" "$work/available"
  local peer
  for peer in "${wanted[@]}"; do
    rm -f "$work/available/$peer"
    # The version is the proof that it is there.
    install_"$peer" && version_of_"$peer" >"$work/available/$peer" 2>>"$work/logs/$peer-install.log" ||
      rm -f "$work/available/$peer"
  done
}

if [ -z "${QUICORE_INTEROP_INSIDE:-}" ]; then
  install_peers
  export QUICORE_INTEROP_INSIDE=1
  if unshare --net true 2>/dev/null; then
    exec unshare --net -- "$0" "$bin" "${wanted[@]}"
  fi
fi

ip link set lo up 2>/dev/null
make_place
trap stop_everything EXIT
make_files
for peer in "${wanted[@]}"; do
  if [ -s "$work/available/$peer" ]; then
    begin_peer "$peer" "$(cat "$work/available/$peer")"
    run_"$peer"
    stop_server
  else
    begin_peer "$peer" "cannot be installed here"
    echo "$peer: cannot be installed here, see $work/logs/$peer-install.log"
    skipped=$((skipped + 1))
  fi
done
write_document
end_table
