#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the archives of $DEPS/archives as static libraries into $DEPS/prefix. All but wolfSSL have "fat" objects, which
# carry both machine code and GCC's intermediate form: the release build optimizes across the library boundary (worth
# about 55 ns per packet on each side) and every other build links the machine code (with -fno-lto). wolfSSL is called
# once or twice per packet and its cost is in assembly: as intermediate form it would only add 10 s to every link.
# Output goes to $DEPS/log; a failing step shows the end of its log.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
sources=$DEPS/source
prefix=$DEPS/prefix
jobs=$(nproc)
flags="-O3 -g1 -fPIC -fno-plt ${QUICORE_DEPS_FLAGS:-}"
lto="-flto -ffat-lto-objects"
export CC=gcc AR=gcc-ar RANLIB=gcc-ranlib NM=gcc-nm
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig

rm -rf "$sources" "$prefix"
mkdir -p "$sources" "$prefix" "$DEPS/log"

step() {  # step NAME COMMAND...: quiet unless it fails
  local log=$DEPS/log/$1.log begin=$SECONDS
  echo "deps: building $1"
  if ! (set -e; cd "$sources/$1"; "${@:2}") > "$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "deps: building $1 failed; the whole log is $log" >&2
    return 1
  fi
  echo "deps: built $1 in $((SECONDS - begin)) s"
}

unpack() {
  mkdir -p "$sources/$1"
  tar -xf "$(ls "$DEPS/archives/$1"[_-]*.tar.*)" -C "$sources/$1" --strip-components=1
  mkdir -p "$prefix/licenses/$1"
  find "$sources/$1" -maxdepth 1 -type f \( -name 'COPYING*' -o -name 'LICEN*' \) -exec cp {} "$prefix/licenses/$1/" \;
}

cmake_install() {  # the options that ngtcp2, nghttp3 and mimalloc share
  cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS="$flags $lto" \
    -DCMAKE_AR="$(command -v gcc-ar)" -DCMAKE_RANLIB="$(command -v gcc-ranlib)" \
    -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_INSTALL_LIBDIR=lib "$@" &&
    cmake --build build -j "$jobs" && cmake --install build
}

# autotools, because wolfSSL's CMake has no switch for the assembly. HAVE_AES_ECB: ngtcp2's header protection needs it.
# WOLFSSL_AES_DIRECT and aesgcm-stream: engine/'s own packet protection. keying-material: the TLS exporter.
# NO_KEEP_PEER_CERT and no sessioncerts: a session keeps no certificates (the verify callback hands on what the peer
# sent), which makes it 41 KB smaller. WC_RNG_SEED_CB: the simulator's seed decides a handshake's random values.
wolfssl() {
  local assembly=--enable-intelasm
  case $(uname -m) in aarch64) assembly=--enable-armasm ;; esac
  autoreconf -fi
  ./configure --prefix="$prefix" --enable-static --disable-shared --with-pic --disable-dependency-tracking \
    --disable-examples --disable-crypttests --disable-benchmark --disable-crl-monitor \
    --enable-quic --disable-tlsv12 --disable-oldtls $assembly --enable-aesgcm-stream --enable-aesctr \
    --enable-sp --enable-sp-asm --enable-mlkem --enable-curve25519 --enable-ed25519 --enable-opensslextra \
    --enable-alpn --enable-sni --enable-session-ticket --enable-earlydata --enable-psk --enable-hkdf \
    --enable-ocsp --enable-ocspstapling --enable-crl --enable-certgen --enable-pkcs12 --enable-enckeys \
    --enable-keying-material --enable-pkcallbacks \
    CFLAGS="$flags -DHAVE_AES_ECB -DWOLFSSL_AES_DIRECT -DHAVE_SECRET_CALLBACK -DWOLFSSL_ALT_CERT_CHAINS \
      -DNO_KEEP_PEER_CERT -DWC_RNG_SEED_CB"
  make -j "$jobs"
  make install
}

nghttp3() { cmake_install -DENABLE_LIB_ONLY=ON -DENABLE_SHARED_LIB=OFF -DBUILD_TESTING=OFF; }

ngtcp2() {
  cmake_install -DENABLE_LIB_ONLY=ON -DENABLE_SHARED_LIB=OFF -DBUILD_TESTING=OFF \
    -DENABLE_OPENSSL=OFF -DENABLE_WOLFSSL=ON
}

liburing() {
  ./configure --prefix="$prefix" --libdir="$prefix/lib" --cc="$CC"
  make -j "$jobs" -C src ENABLE_SHARED=0 AR="$AR" RANLIB="$RANLIB" CFLAGS="$flags $lto"
  make -C src install ENABLE_SHARED=0
  rm -f "$prefix/lib/liburing-ffi.a"
}

# Only the heaps that the engine asks for: malloc stays the system's.
mimalloc() {
  cmake_install -DMI_OVERRIDE=OFF -DMI_BUILD_SHARED=OFF -DMI_BUILD_OBJECT=OFF -DMI_BUILD_TESTS=OFF \
    -DMI_INSTALL_TOPLEVEL=ON
}

for library in wolfssl nghttp3 liburing mimalloc ngtcp2; do
  unpack "$library"
  for patch in "$here/$library"-*.patch; do
    [ ! -e "$patch" ] || patch --quiet -d "$sources/$library" -p1 < "$patch"
  done
  step "$library" "$library"
done
ls "$DEPS/archives" > "$prefix/versions.txt"
rm -rf "$sources"
