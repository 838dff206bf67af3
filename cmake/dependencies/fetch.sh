#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Brings the source archives of lock.txt to $DEPS/archives. For each, in this order:
#   1. the folder QUICORE_SOURCES, without any network;
#   2. the locked archive by apt, from the Debian suite that lock.txt names;
#   3. whatever that suite has now, by apt, and says so (a rolling suite drops old versions).
# Archives of 1 and 2 must have the SHA-256 of lock.txt. What apt brings is also checked by Debian's signature chain.
# apt runs with a configuration of its own below $DEPS/apt; the system's sources and lists are only read.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
archives=$DEPS/archives
mkdir -p "$archives"

die() { echo "deps: $*" >&2; exit 1; }
sha256() { sha256sum "$1" | cut -d' ' -f1; }
private_apt() { "$1" -c "$DEPS/apt/apt.conf" "${@:2}"; }

# The mirror this machine already trusts: the one that serves its own release.
mirror() {
  if [ -n "${QUICORE_MIRROR:-}" ]; then echo "$QUICORE_MIRROR"; return; fi
  # shellcheck disable=SC1091
  apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 2> /dev/null |
    awk -v release="$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")" \
      '($1 == release || $1 == "sid" || $1 == "unstable" || $1 == "stable") && $2 == "main" { print $3; exit }'
}

prepare_apt() {
  [ ! -e "$DEPS/apt/ready" ] || return 0
  command -v apt-get > /dev/null ||
    die "no apt here to fetch sources with: put the archives of cmake/dependencies/lock.txt into a folder and" \
        "set QUICORE_SOURCES to it, or configure with -DQUICORE_SYSTEM_DEPS=ON"
  local uri; uri=$(mirror)
  [ -n "$uri" ] || die "apt on this machine names no Debian mirror: set QUICORE_MIRROR to one"
  mkdir -p "$DEPS/apt/lists/partial" "$DEPS/apt/cache/archives/partial"
  for suite in $(awk '!/^#/ && NF { print $2 }' "$here/lock.txt" | sort -u); do
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nCheck-Valid-Until: no\nSigned-By: %s\n\n' \
      "$uri" "$suite" /usr/share/keyrings/debian-archive-keyring.gpg
  done > "$DEPS/apt/suites.sources"
  cat > "$DEPS/apt/apt.conf" <<CONF
Dir::Etc::SourceList "$DEPS/apt/suites.sources";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$DEPS/apt/lists";
Dir::Cache "$DEPS/apt/cache";
APT::Sandbox::User "$(id -un)";
APT::Update::Error-Mode "any";
CONF
  echo "deps: reading the package lists of Debian's $(awk '/^Suites/ { printf "%s ", $2 }' "$DEPS/apt/suites.sources")"
  private_apt apt-get update -qq || die "apt could not read the package lists; without a network set QUICORE_SOURCES"
  touch "$DEPS/apt/ready"
}

# "version archive sha256" of every source of a package that the suites have, newest first.
offers() {
  private_apt apt-cache showsrc --only-source "$1" |
    awk '/^Version:/ { version = $2 }
         /^[^ ]/ { in_sums = /^Checksums-Sha256:/ }
         in_sums && $3 ~ /\.orig\.tar\.[a-z0-9]+$/ { print version, $3, $1 }' | sort -rV -u
}

fetch_by_apt() {
  local package=$1 suite=$2 archive=$3 sum=$4 version newest
  prepare_apt
  version=$(offers "$package" | awk -v a="$archive" -v s="$sum" '$2 == a && $3 == s { print $1; exit }')
  if [ -z "$version" ]; then
    newest=$(private_apt apt-get source --print-uris --download-only --tar-only "$package/$suite" 2> /dev/null |
      awk '$2 ~ /\.orig\.tar\.[a-z0-9]+$/ { print $2; exit }')
    [ -n "$newest" ] || die "Debian $suite has no sources of $package"
    echo "deps: NOTE: $archive is no longer in Debian $suite; taking $newest instead, which this tree was not" \
         "tested with (signed by Debian; cmake/dependencies/lock.txt names the tested one)"
    version=$(offers "$package" | awk -v a="$newest" '$2 == a { print $1; exit }')
    archive=$newest
    sum=$(offers "$package" | awk -v a="$newest" '$2 == a { print $3; exit }')
  fi
  echo "deps: fetching $archive"
  (cd "$archives" && private_apt apt-get source -qq --download-only --tar-only "$package=$version" > /dev/null) ||
    die "apt could not fetch $archive"
  [ "$(sha256 "$archives/$archive")" = "$sum" ] || die "$archive does not have the SHA-256 it should have"
}

fetch_from_folder() {
  local package=$1 archive=$2 sum=$3 found
  found=$QUICORE_SOURCES/$archive
  if [ -e "$found" ]; then
    [ "$(sha256 "$found")" = "$sum" ] || die "$found does not have the SHA-256 of cmake/dependencies/lock.txt"
  else
    found=$(compgen -G "$QUICORE_SOURCES/${package}[_-][0-9]*.tar.*" | grep -E '\.tar\.(gz|xz|bz2)$' | sort -V | tail -n 1)
    [ -n "$found" ] || return 1
    echo "deps: NOTE: QUICORE_SOURCES has no $archive; taking $(basename "$found"), which this tree was not tested with"
  fi
  cp -f "$found" "$archives/"
}

# The newest archive of a package is the one that build.sh takes: leave only one.
while read -r package suite archive sum; do
  if [ -e "$archives/$archive" ] && [ "$(sha256 "$archives/$archive")" = "$sum" ]; then continue; fi
  rm -f "$archives/$package"[_-]*
  if [ -n "${QUICORE_SOURCES:-}" ] && fetch_from_folder "$package" "$archive" "$sum"; then continue; fi
  fetch_by_apt "$package" "$suite" "$archive" "$sum"
done < <(grep -Ev '^(#|$)' "$here/lock.txt")
rm -rf "$DEPS/apt"  # 22 MB of lists that go stale
