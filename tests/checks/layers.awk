# SPDX-License-Identifier: Apache-2.0
#
# awk -f layers.awk layers.txt FILE...: prints the chain of includes behind each broken rule; fails then.
# Run from the root of the repository; includes between its files are root-relative.

FILENAME ~ /layers\.txt$/ {
  if ($0 !~ /^#/ && NF) for (i = 2; i <= NF; i++) forbidden[$1 " " $i]
  next
}

FNR == 1 { known[FILENAME] }

/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
  split($0, part, /[<">]/)
  edge[FILENAME, ++edges[FILENAME]] = part[2]
}

function matches(name, rule) { return rule ~ /\/$/ ? index(name, rule) == 1 : name == rule }

# Looks for `rule` behind `file`; `chain` is how we came here.
function search(file, rule, chain,    i, next_file) {
  if (seen[file]++) return 0
  for (i = 1; i <= edges[file]; i++) {
    next_file = edge[file, i]
    if (matches(next_file, rule)) { print chain " -> " next_file; return 1 }
    if (next_file in known && search(next_file, rule, chain " -> " next_file)) return 1
  }
  return 0
}

END {
  for (pair in forbidden) {
    split(pair, rule, " ")
    for (file in known) {
      delete seen
      if (matches(file, rule[1] "/") && search(file, rule[2], file)) broken = 1
    }
  }
  exit broken
}
