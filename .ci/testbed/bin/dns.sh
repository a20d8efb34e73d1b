#!/bin/bash
# DNS changes by RFC 2136 + TSIG to ns1. KEY=rollout (default for txt/rpt) or lab-admin.
#  dns.sh txt ID|-        _mta-sts TXT "v=STSv1; id=ID;"   (- deletes)
#  dns.sh rpt RUA|-       _smtp._tls TXT "v=TLSRPTv1; rua=RUA"
#  dns.sh mx NAME:PREF... replaces the MX set (mx1:10 mx2:20); names without a dot are under corp.test
#  dns.sh addr NAME IP... replaces the A set of NAME (mta-sts, mx2); - instead of addresses deletes it
#  dns.sh raw             nsupdate lines from standard input (zone corp.test), with key $KEY or lab-admin
#  dns.sh flush           forget unbound's cache for test. and email.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
upd() { { echo "server $NS1"; echo "zone ${Z:-corp.test}"; cat; echo send; } | in_lab nsupdate -k "$RUN/keys/$1.key"; }
c=${1:-}; shift
case "$c" in
  txt) { echo "update delete _mta-sts.corp.test. TXT"; [ "$1" = - ] || echo "update add _mta-sts.corp.test. ${TTL:-60} TXT \"v=STSv1; id=$1;\""; } | upd "${KEY:-rollout}";;
  rpt) { echo "update delete _smtp._tls.corp.test. TXT"; [ "$1" = - ] || echo "update add _smtp._tls.corp.test. ${TTL:-60} TXT \"v=TLSRPTv1; rua=$1\""; } | upd "${KEY:-rollout}";;
  mx) { echo "update delete corp.test. MX"; for x; do n=${x%:*}; case "$n" in *.*) ;; *) n=$n.corp.test;; esac; echo "update add corp.test. ${TTL:-60} MX ${x#*:} $n."; done; } | upd lab-admin;;
  addr) n=$1; shift; k=lab-admin; [ "$n" = mta-sts ] && k=rollout
    { echo "update delete $n.corp.test. A"; [ "$1" = - ] || for x; do echo "update add $n.corp.test. ${TTL:-60} A $x"; done; } | upd "${KEY:-$k}";;
  raw) upd "${KEY:-lab-admin}";;
  flush) ;;
  *) die "usage: dns.sh txt|rpt|mx|addr|raw|flush ...";;
esac
rc=$?
# In mode sync, wait until ns2 has the change: else unbound may ask ns2 first and keep the old answer for a TTL.
if [ "$c" != flush ] && [ "$(cat "$RUN/ns2/mode")" = sync ]; then
  in_lab bash -c "end=\$((SECONDS + 15)); while [ \$SECONDS -lt \$end ]; do a=\$(dig +short +norec @$NS1 corp.test SOA) b=\$(dig +short +norec @$NS2 corp.test SOA); [ \"\$a\" = \"\$b\" ] && exit; sleep 0.05; done; exit 1" ||
    { echo "ns2 does not have the change" >&2; rc=1; }
fi
[ "${NOFLUSH:-}" ] || for z in test. email.; do in_lab unbound-control -c "$RUN/unbound/unbound.conf" flush_zone $z >/dev/null; done
exit $rc
