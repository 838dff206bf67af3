# SPDX-License-Identifier: Apache-2.0
#
# Where peers come from: Debian 13 in a folder of its own, by debootstrap, and npm. The folder shares the
# machine's network and nothing else; what peers read and write stands below its /srv.

trixie_root=$work/trixie

# In front of a command: runs it in that folder, in /srv; with /proc where that can be had.
if unshare --mount true 2>/dev/null; then
  in_trixie=(unshare --mount -- bash -c '
    root=$1; shift
    mount -t proc proc "$root/proc" && exec chroot "$root" /bin/sh -c "cd /srv && exec \"\$@\"" sh "$@"
    ' bash "$trixie_root")
else
  in_trixie=(chroot "$trixie_root" /bin/sh -c 'cd /srv && exec "$@"' sh)
fi

trixie() { timeout "${TRIXIE_SECONDS:-120}" "${in_trixie[@]}" "$@"; }

mirror() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 '/debian/*$'; }

need_trixie() {
  [ -e "$trixie_root/etc/apt/sources.list.d/backports.list" ] && return
  echo "installing Debian 13 below $trixie_root"
  command -v debootstrap || apt-get install -y -qq debootstrap || return
  debootstrap --variant=minbase --include=ca-certificates trixie "$trixie_root" "$(mirror)" || return
  printf '#!/bin/sh\nexit 101\n' >"$trixie_root/usr/sbin/policy-rc.d" # no daemon starts by itself
  chmod +x "$trixie_root/usr/sbin/policy-rc.d"
  echo "deb $(mirror) trixie-backports main" >"$trixie_root/etc/apt/sources.list.d/backports.list"
  chroot "$trixie_root" apt-get update -qq
}

# trixie_packages SUITE PACKAGE...
trixie_packages() {
  local suite=$1 missing=() package
  shift
  for package in "$@"; do
    grep -A 1 "^Package: $package\$" "$trixie_root/var/lib/dpkg/status" 2>/dev/null |
      grep -q '^Status: install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  need_trixie >>"$work/logs/trixie-install.log" 2>&1 || return
  echo "installing ${missing[*]} below $trixie_root"
  DEBIAN_FRONTEND=noninteractive chroot "$trixie_root" \
    apt-get install -y -qq --no-install-recommends -t "$suite" "${missing[@]}" \
    >>"$work/logs/trixie-install.log" 2>&1
}

# npm_packages PACKAGE@VERSION...: below build/interop/node
npm_packages() {
  local package missing=()
  for package in "$@"; do
    [ -d "$work/node/node_modules/${package%@*}" ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v npm >/dev/null || apt-get install -y -qq --no-install-recommends nodejs npm \
    >>"$work/logs/npm-install.log" 2>&1
  echo "installing ${missing[*]} below $work/node"
  mkdir -p "$work/node"
  npm install --no-audit --no-fund --prefix "$work/node" "${missing[@]}" >>"$work/logs/npm-install.log" 2>&1
}

npm_version() { sed -n 's/^  "version": "\(.*\)",$/\1/p' "$work/node/node_modules/$1/package.json"; }
