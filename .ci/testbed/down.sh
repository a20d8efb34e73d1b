#!/bin/bash
# Stops what up.sh started, each by the pid in its own pid file. State stays in $RUN (--wipe: removed too).
. "$(dirname "$(readlink -f "$0")")/lib.sh"
for m in out mx1 mx2 mx2b; do stop_pidfile "$RUN/postfix-$m/spool/pid/master.pid" "$RUN/postfix-$m/conf" "postfix-$m" & done
stop_pidfile "$RUN/sts/sts.pid" "$RUN/sts/daemon.yml" mta-sts-daemon &
stop_pidfile "$RUN/pebble/pebble.pid" "$RUN/pebble/pebble.json" pebble &
stop_pidfile "$RUN/nginx/nginx.pid" "$RUN/nginx/nginx.conf" nginx &
stop_pidfile "$RUN/dovecot/run/master.pid" "$RUN/dovecot/dovecot.conf" dovecot &
stop_pidfile "$RUN/unbound/unbound.pid" "$RUN/unbound/unbound.conf" unbound &
stop_pidfile "$RUN/ns1-knot/knotd.pid" "$RUN/ns1-knot/knot.conf" knotd-ns1 &
for n in ns2 ns1 parent; do stop_pidfile "$RUN/$n/named.pid" "$RUN/$n/named.conf" "named-$n" & done
wait
sweep 'nginx|named|knotd|unbound|pebble|master|smtpd|qmgr|pickup|dovecot|mta-sts-daemon'
[ -s "$RUN/netns" ] || for a in "${ADDRS[@]}"; do ip addr del "$a/32" dev lo 2>/dev/null; done
if [ -s "$RUN/netns" ]; then ip netns del "$(cat "$RUN/netns")" 2>/dev/null; rm -f "$RUN/netns"; fi
[ "${1:-}" = --wipe ] && rm -rf "$RUN"
exit 0
