#!/bin/bash
# ns1-server.sh bind|knot [SECONDS]: what the primary, 127.0.0.2:53, is, and by how many seconds its clock is wrong (default 0)
# corp.test goes along as it stands, serial and all, so that the secondary follows. Returns when the new one serves it.
# ns1-server.sh start: starts what was chosen last, if it does not run.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
set -uo pipefail
was=$(mode_of "$RUN/ns1/server") skewed=$(mode_of "$RUN/ns1/skew")
case "${1:-}" in
  start) m=$was skew=$skewed;;
  bind|knot) m=$1 skew=${2:-0};;
  *) die "usage: ns1-server.sh bind|knot [SECONDS], or start";;
esac
dir() { case "$1" in bind) echo "$RUN/ns1";; knot) echo "$RUN/ns1-knot";; esac; }
daemon() { case "$1" in bind) echo named;; knot) echo knotd;; esac; }
conf() { case "$1" in bind) echo named.conf;; knot) echo knot.conf;; esac; }
alive() { pid_alive "$(dir "$1")/$(daemon "$1").pid" "$(dir "$1")/$(conf "$1")"; }
serial() { in_lab dig +short +norec +tries=1 +time=1 "@$1" corp.test SOA; }
# as ns2, by its address: a key would be of no use to a server whose clock is wrong
transferred() { in_lab dig -b "$NS2" +tcp +noall +answer +onesoa "@$NS1" corp.test AXFR; }
begin() {
  local clock=()
  if [ "$skew" != 0 ]; then
    local lib=$RUN/ns1/skew.so
    [ "$lib" -nt "$BIN/skew.c" ] || gcc -O2 -shared -fPIC -o "$lib" "$BIN/skew.c" || die "cannot build the wrong clock"
    clock=(env LD_PRELOAD="$lib" SKEW="$skew")
  fi
  case "$m" in
    bind) in_lab "${clock[@]}" named -u bind -n 1 -c "$RUN/ns1/named.conf";;
    knot) in_lab "${clock[@]}" knotd -c "$RUN/ns1-knot/knot.conf" -d >/dev/null;;
  esac || die "$(daemon "$m") did not start"
  in_lab bash -c ". $LAB/lib.sh; wait_tcp $NS1 53" || die "$(daemon "$m") does not listen; its log is under $(dir "$m")"
}
if [ "${1:-}" = start ]; then alive "$m" || begin; exit; fi
[ "$m $skew" != "$was $skewed" ] || { alive "$m" || begin; exit; }
zone=$(transferred) && grep -F SOA <<<"$zone" >/dev/null || die "ns1 does not hand out corp.test"
stop_pidfile "$(dir "$was")/$(daemon "$was").pid" "$(dir "$was")/$(conf "$was")" "$(daemon "$was")-ns1" >/dev/null
# nothing of what the new one knew of the zone before: file and journal are one story
rm -rf "$RUN"/ns1/corp.test.zone.jnl "$RUN"/ns1-knot/db/*
printf '%s\n' "$zone" >"$(dir "$m")/corp.test.zone"; chown -R "$([ "$m" = bind ] && echo bind:bind || echo knot:knot)" "$(dir "$m")"
echo "$m" >"$RUN/ns1/server"; echo "$skew" >"$RUN/ns1/skew"
begin
[ "$(mode_of "$RUN/ns2/mode") $skew" = "sync 0" ] || exit 0   # whose clock is wrong hands out nothing to ns2
in_lab rndc -s "$NS2" -k "$RUN/keys/rndc.key" refresh corp.test >/dev/null
for i in $(seq 100); do a=$(serial "$NS1"); [ -n "$a" ] && [ "$a" = "$(serial "$NS2")" ] && exit; sleep 0.05; done
die "ns2 does not follow $m: ns1 says $(serial "$NS1"), ns2 $(serial "$NS2")"
