# SPDX-License-Identifier: Apache-2.0
#
# ngtcp2's gtlsclient and gtlsserver in the place of run_endpoint.sh. They speak h3 alone.

ngtcp2_server() {
  local options=()
  case $testcase in
    chacha20) options=(--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305) ;;
    retry) options=(--validate-addr) ;;
    v2) options=(--preferred-versions=v2) ;;
    connectionmigration) options=(--preferred-ipv4-addr="127.0.0.2:$server_port") ;;
  esac
  exec gtlsserver -q -d www --max-streams-bidi=1000 "${options[@]}" "$(ngtcp2_listen)" "$server_port" \
    "$CERTS/priv.key" "$CERTS/cert.pem"
}
ngtcp2_listen() { if [ -n "${listen:-}" ]; then echo "${listen%:*}"; else echo "$host"; fi; }

gtls() {
  timeout 300 gtlsclient --exit-on-all-streams-close --download=downloads "$@"
}

ngtcp2_client() {
  local all first rest url status=0
  mapfile -t all < <(urls)
  case $testcase in
    chacha20)
      gtls -q --ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305 "$host" "$port" "${all[@]}" ;;
    keyupdate) gtls --key-update=100ms "$host" "$port" "${all[@]}" ;;
    v2) gtls -v v1 --available-versions=v2,v1 "$host" "$port" "${all[@]}" ;;
    resumption | zerortt)
      rm -f session params
      first=${all[0]}
      rest=("${all[@]:1}")
      gtls -q --session-file=session --tp-file=params --wait-for-ticket "$host" "$port" "$first" || status=1
      if [ "$testcase" = resumption ]; then
        gtls --session-file=session --tp-file=params --disable-early-data "$host" "$port" "${rest[@]}" || status=1
      else
        gtls --session-file=session --tp-file=params "$host" "$port" "${rest[@]}" || status=1
      fi
      return $status ;;
    multiconnect)
      for url in "${all[@]}"; do gtls -q --handshake-timeout=60s "$host" "$port" "$url" || status=1; done
      return $status ;;
    *) gtls -q --handshake-timeout=60s "$host" "$port" "${all[@]}" ;;
  esac
}
