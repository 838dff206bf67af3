# SPDX-License-Identifier: Apache-2.0
#
# Reads, in this order: the names of the registered tests, docs/spec-items.md, the *_test.cpp files (paths from the
# root). Writes the coverage page to `page`; prints every fault and fails when there is one. Used by spec_coverage.sh.

function fault(text) {
  print text
  faults++
}

function trim(text) {
  gsub(/^ +| +$/, "", text)
  return text
}

# PROGRAM/[INSTANCE/]SUITE.NAME[/PARAMETER] -> PROGRAM/SUITE.NAME
function plain_name(name, parts, count, i) {
  count = split(name, parts, "/")
  for (i = 2; i <= count; i++) {
    if (index(parts[i], ".")) return parts[1] "/" parts[i]
  }
  return name
}

# The test program that tests/CMakeLists.txt makes of a file.
function program_of(path, parts) {
  split(path, parts, "/")
  return parts[2] == "unit" ? "unit_" parts[3] : parts[2]
}

FNR == 1 {
  source++
  if (cited != "") fault(cited_at ": no test follows the citation")
  cited = ""
}

source == 1 {  # the registered tests
  registered[plain_name($0)] = 1
  next
}

source == 2 {  # the items
  if (/^## /) {
    section[++rows] = $0
  } else if (/^Items: [0-9]+$/) {
    announced = $2
  } else if (/^\| [A-Z]+[0-9]+ \|/) {
    split($0, cells, "|")
    id = trim(cells[2])
    if (id in known) fault(FILENAME ":" FNR ": " id " stands there twice")
    if (trim(cells[3]) == "" || trim(cells[4]) == "") fault(FILENAME ":" FNR ": " id " lacks a meaning or a name")
    known[id] = 1
    item[++rows] = id
    row[rows] = "| " id " | " trim(cells[3]) " | " trim(cells[4]) " |"
    items++
  }
  next
}

/^\/\/ spec:/ {
  if (cited != "") fault(cited_at ": no test follows the citation")
  cited = $0
  cited_at = FILENAME ":" FNR
  if (cited !~ /^\/\/ spec:( [A-Z]+[0-9]+)+$/) {
    fault(cited_at ": not of the form `// spec: S13 S14`")
    cited = ""
  }
  next
}

/^TEST(_F|_P)?\(/ {
  if (cited == "") next
  text = $0
  while (text !~ /\)/ && (getline line) > 0) text = text " " line
  gsub(/^TEST(_F|_P)?\( *|\).*/, "", text)
  split(text, names, / *, */)
  test = names[1] "." names[2]
  program = program_of(FILENAME)
  if (!((program "/" test) in registered)) fault(cited_at ": CTest does not run " program "/" test)
  count = split(substr(cited, length("// spec: ") + 1), ids, " ")
  for (i = 1; i <= count; i++) {
    if (!(ids[i] in known)) fault(cited_at ": " ids[i] " is no item of docs/spec-items.md")
    proof[ids[i]] = proof[ids[i]] (proof[ids[i]] == "" ? "" : "<br>") "[" test "](../" FILENAME ")"
  }
  cited = ""
  next
}

cited != "" {
  fault(cited_at ": the next line is no test")
  cited = ""
}

END {
  if (cited != "") fault(cited_at ": no test follows the citation")
  if (items != announced) fault("docs/spec-items.md: " items + 0 " items, but it announces " announced + 0)
  for (i = 1; i <= rows; i++) {
    if ((i in item) && !(item[i] in proof)) missing[++missed] = item[i]
  }
  print "# Coverage of the specification\n" > page
  print "Written by `make spec-coverage` from [spec-items.md](spec-items.md) and the citations in the tests; do not edit." > page
  print "A test named here is registered with CTest and runs in `make test`.\n" > page
  print items - missed " of " items " items are proven." > page
  for (i = 1; i <= rows; i++) {
    if (i in section) {
      print "\n" section[i] "\n\n| ID | meaning | C++ | proven by |\n|---|---|---|---|" > page
    } else {
      print row[i] " " ((item[i] in proof) ? proof[item[i]] : "nothing yet") " |" > page
    }
  }
  if (missed > allowed || (write && missed)) {
    print missed " items without a test" (write ? ":" : ", " allowed " are allowed:")
    for (i = 1; i <= missed; i++) printf "%s%s", missing[i], i < missed ? " " : "\n"
    if (!write) faults++
  } else if (missed + 0 < allowed && !write) {
    fault("only " missed + 0 " items are without a test: lower --allow-missing from " allowed " to that")
  }
  exit faults > 0
}
