# SPDX-License-Identifier: Apache-2.0
#
# docs/interop.md from what has been noted of every peer: the same results give the same page.

direction_rows() {
  local one
  for one in "${all_peers[@]}"; do awk -F '|' -v direction="$1" '$2 == direction' "$results/$one.table"; done
}

# One table: features in the order in which they were first tried, peers across.
matrix() {
  direction_rows "$1" | awk -F '|' '
    !($1 in seen_peer) { seen_peer[$1]; peers[++peer_count] = $1 }
    !($3 in seen_feature) { seen_feature[$3]; features[++feature_count] = $3 }
    {
      cell = $4 == "pass" ? "yes" : "**no**"
      if (sub(/^cannot: /, "", $4)) {
        if (!($4 in note)) { note[$4] = ++note_count; notes[note_count] = $4 }
        cell = "- (" note[$4] ")"
      }
      result[$3, $1] = cell
    }
    END {
      line = "| |"; rule = "|---|"
      for (i = 1; i <= peer_count; ++i) { line = line " " peers[i] " |"; rule = rule "---|" }
      print line; print rule
      for (f = 1; f <= feature_count; ++f) {
        line = "| " features[f] " |"
        for (i = 1; i <= peer_count; ++i) line = line " " result[features[f], peers[i]] " |"
        print line
      }
      print ""
      for (n = 1; n <= note_count; ++n) print "(" n ") " notes[n] (n < note_count ? "\\" : "")
    }'
}

write_document() {
  local one
  for one in "${all_peers[@]}"; do
    [ -e "$results/$one.table" ] || { echo "no docs/interop.md: $one was never tried"; return; }
  done
  {
    echo "# Interoperation"
    echo
    echo "Written by \`make interop\`, which runs other implementations against ours over real sockets. \"yes\": it"
    echo "worked, every body compared byte by byte; **no**: it did not; \"-\": the peer cannot, and the note says why;"
    echo "empty: not a question for this peer."
    echo
    echo "| peer | version |"
    echo "|---|---|"
    for one in "${all_peers[@]}"; do echo "| $one | $(cat "$results/$one.version") |"; done
    echo
    echo "## Their clients, our server"
    echo
    matrix "to us"
    echo
    echo "## Our clients, their servers"
    echo
    matrix "from us"
  } | cat -s >"$top/docs/interop.md"
  sed -i '${/^$/d}' "$top/docs/interop.md"
  echo "docs/interop.md"
}
