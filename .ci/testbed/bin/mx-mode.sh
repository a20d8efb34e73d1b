#!/bin/bash
# mx-mode.sh mx1|mx2|mx2b MODE; mx2b is mx2's second address (127.0.1.5, down at first, not in DNS before dns.sh addr says so)
#  valid renewed expired soon wrongname selfsigned untrusted missing-intermediate   its certificate
#  no-starttls   no-key (offers STARTTLS, and refuses it)   old-tls (nothing above TLS 1.1)   down
# renewed: a certificate issued now, later than every one before.
# Returns when a STARTTLS (or plain) connection to the MX sees the new state.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
. "$BIN/leaf.sh"
[ -z "${LAB_INSIDE:-}" ] && exec "$BIN/lab-exec" "$0" "$@"
h=${1:-} m=${2:-}
a=$(mx_addr "$h") || die "usage: mx-mode.sh mx1|mx2|mx2b MODE"
D=$RUN/postfix-$h host=${h%b} lvl=may proto='>=TLSv1'
case "$m" in
  valid|expired|soon|wrongname|selfsigned|untrusted|missing-intermediate) install -m 600 "$CA/$host-$m.pem2" "$D/tls.pem";;
  renewed) renew_leaf "$host" "$host.corp.test" && install -m 600 "$CA/$host-renewed.pem2" "$D/tls.pem" || die "cannot renew the certificate of $host";;
  no-starttls) lvl=none;;
  no-key) install -m 600 "$CA/$host-valid.chain" "$D/tls.pem";;
  old-tls) proto='<=TLSv1.1';;
  down) echo down >"$D/mode"; stop_pidfile "$D/spool/pid/master.pid" "$D/conf" "postfix-$h"; exit 0;;
  *) die "unknown mode $m";;
esac
echo "$m" >"$D/mode"
# not "postconf -e": every Postfix process dozes 1-2 s over a main.cf that is younger than that, so date it back
sed -e "s/^smtpd_tls_security_level = .*/smtpd_tls_security_level = $lvl/" -e "s/^smtpd_tls_protocols = .*/smtpd_tls_protocols = $proto/" "$D/conf/main.cf" >"$D/conf/main.cf.new" &&
  touch -d '1 hour ago' "$D/conf/main.cf.new" && mv "$D/conf/main.cf.new" "$D/conf/main.cf" || die "cannot write main.cf"
if pid_alive "$D/spool/pid/master.pid" "$D/conf"; then postfix -c "$D/conf" reload >/dev/null 2>&1; else postfix -c "$D/conf" start >/dev/null 2>&1; fi
wait_tcp "$a" 25 || die "$h does not listen"
case "$m" in no-starttls|no-key|old-tls) want=none;; *) want=$(openssl x509 -in "$D/tls.pem" -noout -fingerprint -sha256);; esac
# asked in TLS 1.2: in an older one the certificate is still shown before the handshake fails
# None is seen where a server that took the connection shows none, twice in a row: a reload or a busy machine breaks one off.
seen=0
for i in $(seq 60); do
  said=$(echo QUIT | timeout 5 openssl s_client -tls1_2 -starttls smtp -connect "$a:25" 2>/dev/null); late=$?
  got=$(openssl x509 -noout -fingerprint -sha256 2>/dev/null <<<"$said") || got=
  case "$late:$said" in 124:*) got=late;; *CONNECTED\(*) got=${got:-none};; *) got=unconnected;; esac
  if [ "$got" = "$want" ]; then seen=$((seen + 1)); else seen=0; fi
  [ "$want" = none ] && [ $seen = 1 ] || [ $seen = 0 ] || { echo "$h: $m"; exit 0; }
  sleep 0.1
done
die "$h did not switch to $m"
