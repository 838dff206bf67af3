# SPDX-License-Identifier: Apache-2.0
#
# Each case: what the link does, which files are fetched, and what TESTCASE says (as in the runner, several
# cases are the same to the endpoints and differ by the link).

# file NAME BYTES
file() {
  files+=("$1")
  [ "$(stat -c %s "www/$1" 2>/dev/null)" = "$2" ] || head -c "$2" /dev/urandom >"www/$1"
}
megabytes() { echo $(($1 * 1048576)); }
several() { local i; for i in $(seq "$1"); do file "$2-$i" "$3"; done; }

prepare_handshake() { file one 1024; }
prepare_transfer() { file two "$(megabytes 2)"; file three "$(megabytes 3)"; file five "$(megabytes 5)"; }
prepare_longrtt() { testcase=handshake; link=(rate=10 delay=750 queue=25); file one 1024; }
prepare_chacha20() { file three "$(megabytes 3)"; }
prepare_multiplexing() { several 1999 tiny 32; }
prepare_retry() { file one 1024; }
prepare_resumption() { file one 5120; file ten 10240; }
prepare_zerortt() { several 40 early 32; }
prepare_http3() { file five-hundred 512000; file one-mb "$(megabytes 1)"; file one 5120; }
prepare_blackhole() { testcase=transfer; link+=(hole=3,5); file ten-mb "$(megabytes 10)"; }
prepare_keyupdate() { file three "$(megabytes 3)"; }
prepare_ecn() { testcase=handshake; file two "$(megabytes 2)"; }
prepare_amplificationlimit() {
  testcase=transfer
  link+=(lost=2,7)
  make_chain
  export CERTS=$work/chain
  file five 5120
}
prepare_handshakeloss() { testcase=multiconnect; link+=(drop=0.3 seed=3); several "${CONNECTIONS:-50}" small 1024; }
prepare_transferloss() { testcase=transfer; link+=(drop=0.02); file two "$(megabytes 2)"; }
prepare_handshakecorruption() {
  testcase=multiconnect
  link+=(corrupt=0.3 seed=4)
  several "${CONNECTIONS:-50}" small 1024
}
prepare_transfercorruption() { testcase=transfer; link+=(corrupt=0.02); file two "$(megabytes 2)"; }
prepare_ipv6() { testcase=transfer; host=::1; file five 5120; file ten 10240; }
prepare_v2() { file one 1024; }
prepare_rebind_port() { link+=(rebind=1,5); file ten-mb "$(megabytes 10)"; }
prepare_rebind_addr() { link+=(rebind=1,5,addr); file ten-mb "$(megabytes 10)"; }
# The preferred address is another one of the server's: what goes there does not pass the link.
prepare_connectionmigration() { listen=0.0.0.0:$((port + 3)); file two "$(megabytes 2)"; }
prepare_goodput() { testcase=transfer; file ten-mb "$(megabytes 10)"; }
prepare_crosstraffic() { testcase=transfer; link+=(cross=5); file ten-mb "$(megabytes 10)"; }

# A certificate behind eight others: the server's first flight is more than it may send.
make_chain() {
  [ -e chain/cert.pem ] && return
  local i issuer=root
  openssl req -x509 -newkey rsa:2048 -nodes -keyout chain/root.key -out chain/root.pem -days 10 -subj /CN=root 2>/dev/null
  : >chain/cas.pem
  for i in $(seq 8); do
    openssl req -new -newkey rsa:2048 -nodes -keyout "chain/$i.key" -out "chain/$i.csr" -subj "/CN=ca $i" 2>/dev/null
    openssl x509 -req -in "chain/$i.csr" -CA "chain/$issuer.pem" -CAkey "chain/$issuer.key" -CAcreateserial -days 10 \
      -extfile <(echo basicConstraints=CA:TRUE) -out "chain/$i.pem" 2>/dev/null
    cat "chain/$i.pem" chain/cas.pem >chain/cas.next && mv chain/cas.next chain/cas.pem
    issuer=$i
  done
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout chain/priv.key -out chain/leaf.csr \
    -subj /CN=localhost 2>/dev/null
  openssl x509 -req -in chain/leaf.csr -CA chain/8.pem -CAkey chain/8.key -CAcreateserial -days 10 \
    -extfile <(echo subjectAltName=DNS:localhost) -out chain/leaf.pem 2>/dev/null
  cat chain/leaf.pem chain/cas.pem >chain/cert.pem
}
