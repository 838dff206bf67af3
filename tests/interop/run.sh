#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Other implementations as judges: ngtcp2's gtlsclient and gtlsserver in both directions, and curl
# with HTTP/3. Each line is one feature in one direction; the table goes to build/interop/table.md.
#
#   tests/interop/run.sh build/release/bin
set -uo pipefail
bin=$(realpath "${1:?usage: run.sh FOLDER_OF_THE_PROGRAMS}")
top=$(realpath "$(dirname "$0")/../..")
work=$top/build/interop
for part in lib ngtcp2 others; do . "$top/tests/interop/$part.sh"; done

mkdir -p "$work" && cd "$work" || exit 1
rm -rf www got logs && mkdir -p www got logs
install_peers
make_files
begin_table

clients_against_our_server
our_client_against_servers
others

end_table
