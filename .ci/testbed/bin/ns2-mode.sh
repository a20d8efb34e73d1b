#!/bin/bash
# ns2-mode.sh MODE: how the secondary, 127.0.0.3:53, behaves
#  sync: follows the primary at once (NOTIFY+IXFR)   lag: keeps serving what it has, ignores NOTIFY
#  other: serves records of its own: another _mta-sts id, another rua   refuse: answers REFUSED
#  down: nothing listens                              silent: takes questions and never answers
# Returns when the new state is served.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
m=${1:-}; case "$m" in sync|lag|other|refuse|down|silent) ;; *) die "usage: ns2-mode.sh sync|lag|other|refuse|down|silent";; esac
ZONES=(corp.test sender.test provider.test) ns2=$RUN/ns2 pidfile=$RUN/ns2/named.pid
alive() { pid_alive "$pidfile" "$ns2/named.conf"; }
control() { in_lab rndc -s "$NS2" -k "$RUN/keys/rndc.key" "$@" >/dev/null; }
serial() { in_lab dig +short +norec +tries=1 +time=1 "@$1" corp.test SOA; }
secondary() { # PRIMARY NOTIFIER: ns2 takes the zones from PRIMARY and heeds NOTIFY of NOTIFIER
  local z q=any; [ "$m" = refuse ] && q=none
  for z in "${ZONES[@]}"; do
    echo "zone \"$z\" { type secondary; file \"$ns2/$z.zone\"; primaries { $1 key xfer; }; allow-notify { $2; }; allow-query { $q; }; };"
  done
}
foreign_zone() { # corp.test as ns1 has it, with the same serial, but what is announced differs
  in_lab dig +noall +answer +onesoa -k "$RUN/keys/xfer.key" "@$NS1" corp.test AXFR | grep -vE '^(_mta-sts|_smtp\._tls)\.' &&
  printf '_mta-sts.corp.test. 60 IN TXT "v=STSv1; id=other;"\n_smtp._tls.corp.test. 60 IN TXT "v=TLSRPTv1; rua=mailto:other@corp.test"\n'
}
configure() {
  : >"$ns2/mode.options"
  case "$m" in
    sync|down|silent) secondary "$NS1" "$NS1";;
    lag) secondary 127.0.0.254 none;;
    refuse) secondary "$NS1" "$NS1"; echo "allow-query-cache { none; };" >"$ns2/mode.options";;
    other) foreign_zone >"$ns2/other.zone" || die "cannot copy the zone from ns1"
      echo "zone \"corp.test\" { type primary; file \"$ns2/other.zone\"; };"; secondary "$NS1" "$NS1" | grep -v '"corp.test"';;
  esac >"$ns2/mode.zones.new"
  mv "$ns2/mode.zones.new" "$ns2/mode.zones"; echo "$m" >"$ns2/mode"; chown -R bind:bind "$ns2"
}
obeys() {
  case "$m" in
    sync) local a; a=$(serial "$NS1"); [ -n "$a" ] && [ "$a" = "$(serial "$NS2")" ];;
    other) in_lab dig +short +norec +tries=1 +time=1 "@$NS2" _mta-sts.corp.test TXT | grep -F id=other >/dev/null;;
    *) true;;
  esac
}
# a frozen server must thaw before it can be told anything, even in LAB_WRITE_ONLY
alive && kill -CONT "$(tr -dc 0-9 <"$pidfile")"
# silent freezes what ns2 serves now; every other mode is a configuration
[ "$m" = silent ] && alive || configure
[ -n "${LAB_WRITE_ONLY:-}" ] && exit 0
# unbound remembers for 15 minutes how a server behaved: make it forget, whatever happens below
trap 'in_lab unbound-control -c "$RUN/unbound/unbound.conf" flush_infra all >/dev/null 2>&1' EXIT
if [ "$m" = down ]; then stop_pidfile "$pidfile" "$ns2/named.conf" named-ns2; exit 0; fi
if alive; then
  [ "$m" = silent ] || control reconfig || die "ns2 refused the configuration"
  [ "$m" = other ] && control reload
else
  in_lab named -u bind -n 1 -c "$ns2/named.conf"; in_lab bash -c ". $LAB/lib.sh; wait_tcp $NS2 53" || die "ns2 did not start"
fi
if [ "$m" = silent ]; then echo silent >"$ns2/mode"; kill -STOP "$(tr -dc 0-9 <"$pidfile")"; exit; fi
[ "$m" = sync ] && for z in "${ZONES[@]}"; do control refresh "$z"; done
for i in $(seq 100); do obeys && exit 0; sleep 0.05; done
die "ns2 did not switch to $m: ns1 says $(serial "$NS1"), ns2 $(serial "$NS2")"
