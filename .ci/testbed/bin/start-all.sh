#!/bin/bash
# Called by up.sh inside the lab's mount namespace. Each start_* does nothing when its daemon runs.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
set -uo pipefail
named_up() { pid_alive "$RUN/$1/named.pid" "$RUN/$1/named.conf" || named -u bind -n 1 -c "$RUN/$1/named.conf" || return 1; wait_tcp "$2" 53; }
postfix_up() { # NAME ADDR
  [ "$(mode_of "$RUN/postfix-$1/mode")" = down ] && return 0
  pid_alive "$RUN/postfix-$1/spool/pid/master.pid" "$RUN/postfix-$1/conf" ||
    postfix -c "$RUN/postfix-$1/conf" start >>"$RUN/log/postfix-$1.start" 2>&1 || {
      # without a terminal Postfix tells its start-up errors to syslog alone, which does not run here
      script -qec "postfix -c $RUN/postfix-$1/conf start" /dev/null >&2; return 1; }
  wait_tcp "$2" 25
}
bg() { setsid "$@" </dev/null & }
pids=()
job() { ( "$@" ) & pids+=("$!"); }
# BIND and Postfix only accept addresses that the interface list shows, and lo shows 127.0.0.1 alone: add ours to lo.
for a in "${ADDRS[@]}"; do ip addr show dev lo | grep -F "inet $a/" >/dev/null || ip addr add "$a/32" dev lo || exit 1; done
# DNS first
named_up parent "$PARENT" && "$BIN/ns1-server.sh" start || exit 1
[ "$(mode_of "$RUN/ns2/mode")" = down ] || named_up ns2 "$NS2" || exit 1
pid_alive "$RUN/unbound/unbound.pid" unbound || unbound -c "$RUN/unbound/unbound.conf" || exit 1
job wait_tcp "$RES" 53
job postfix_up mx1 "$MX1"; job postfix_up mx2 "$MX2"; job postfix_up mx2b "$MX2B"; job postfix_up out "$SENDER"
web() { pid_alive "$RUN/nginx/nginx.pid" "$RUN/nginx/nginx.conf" || { sweep nginx; nginx -c "$RUN/nginx/nginx.conf" -p "$RUN/nginx/"; } || return 1; "$BIN/web-conf.sh" wait; }
job web
imap() { pid_alive "$RUN/dovecot/run/master.pid" "$RUN/dovecot/dovecot.conf" || { rm -f "$RUN/dovecot/run/master.pid"; dovecot -c "$RUN/dovecot/dovecot.conf"; } || return 1; wait_tcp "$IMAP" 993; }
job imap
acme_sts() {
  if ! pid_alive "$RUN/pebble/pebble.pid" "$RUN/pebble/pebble.json"; then
    wait_tcp "$RES" 53 || return 1
    PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=${PEBBLE_WFE_NONCEREJECT:-0} PEBBLE_AUTHZREUSE=${PEBBLE_AUTHZREUSE:-0} setsid "$PEBBLE_BIN" -config "$RUN/pebble/pebble.json" -dnsserver "$RES:53" </dev/null >>"$RUN/pebble/pebble.log" 2>&1 &
    echo $! >"$RUN/pebble/pebble.pid"
    wait_tcp "$ACME" 15000 || return 1
    # pebble makes a new root at every start: rebuild the bundle, and have the STS daemon re-read it
    cat "$CA/root.pem" <(curl -fsS --cacert "$CA/root.pem" "https://$ACME:15000/roots/0") >"$BUNDLE.new" && mv "$BUNDLE.new" "$BUNDLE" || return 1
    stop_pidfile "$RUN/sts/sts.pid" "$RUN/sts/daemon.yml" mta-sts-daemon >/dev/null
  fi
  "$BIN/sts.sh" start
}
job acme_sts
rc=0; for p in "${pids[@]}"; do wait "$p" || rc=1; done
exit $rc
