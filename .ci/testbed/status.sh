#!/bin/bash
# What runs, and its memory (PSS: shared pages counted once), children included.
. "$(dirname "$(readlink -f "$0")")/lib.sh"
kids() { echo "$1"; local c; for c in $(cat /proc/"$1"/task/*/children 2>/dev/null); do kids "$c"; done; }
total=0
row() { # NAME PIDFILE WORD REMARK [MODE]: a daemon that its knob took down is off, not DOWN
  local p s=0 n=0 k v
  if pid_alive "$2" "$3"; then
    p=$(tr -dc 0-9 <"$2")
    for k in $(kids "$p"); do v=$(awk '/^Pss:/{print $2}' "/proc/$k/smaps_rollup" 2>/dev/null); s=$((s+${v:-0})); n=$((n+1)); done
    total=$((total+s)); printf '%-18s up    pid %-7s %2d proc  %6.1f MB   %s\n' "$1" "$p" "$n" "$(awk "BEGIN{print $s/1024}")" "$4"
  elif [ "${5:-}" = down ]; then printf '%-18s off   (as its knob says)\n' "$1"
  else printf '%-18s DOWN\n' "$1"; DOWN=1; fi
}
row named-parent "$RUN/parent/named.pid" "$RUN/parent/named.conf" "$PARENT:53"
if [ "$(mode_of "$RUN/ns1/server")" = knot ]; then row knotd-ns1 "$RUN/ns1-knot/knotd.pid" "$RUN/ns1-knot/knot.conf" "$NS1:53"
else row named-ns1 "$RUN/ns1/named.pid" "$RUN/ns1/named.conf" "$NS1:53"; fi
row named-ns2 "$RUN/ns2/named.pid" "$RUN/ns2/named.conf" "$NS2:53  ($(mode_of "$RUN/ns2/mode"))" "$(mode_of "$RUN/ns2/mode")"
row unbound "$RUN/unbound/unbound.pid" "$RUN/unbound/unbound.conf" "$RES:53"
row nginx "$RUN/nginx/nginx.pid" "$RUN/nginx/nginx.conf" "$WEB:80,443  ($(mode_of "$RUN/nginx/mode"); $WEB $(mode_of "$RUN/nginx/addr1"), $WEB2 $(mode_of "$RUN/nginx/addr2"))"
row pebble "$RUN/pebble/pebble.pid" "$RUN/pebble/pebble.json" "$ACME:14000,15000"
row mta-sts-daemon "$RUN/sts/sts.pid" "$RUN/sts/daemon.yml" "127.0.0.1:$STS_PORT"
for m in mx1 mx2 mx2b; do
  row "postfix-$m" "$RUN/postfix-$m/spool/pid/master.pid" "$RUN/postfix-$m/conf" "$(mx_addr $m):25  ($(mode_of "$RUN/postfix-$m/mode"))" "$(mode_of "$RUN/postfix-$m/mode")"
done
row postfix-out "$RUN/postfix-out/spool/pid/master.pid" "$RUN/postfix-out/conf" "$SENDER:25"
row dovecot "$RUN/dovecot/run/master.pid" "$RUN/dovecot/dovecot.conf" "$IMAP:143,993"
printf '%-18s %40.1f MB\n' total "$(awk "BEGIN{print $total/1024}")"
[ -s "$RUN/netns" ] && echo "network namespace: $(cat "$RUN/netns")"
[ -z "${DOWN:-}" ]
