#!/bin/bash
# vendor.sh NAME TYPE [VALUE...]: replaces an RRset in the vendor's zone vali.email, as the vendor does for its customers;
# without values it is gone. The vendor's policy host is policy.mta-vali.email, 127.0.1.9: who tests it listens there.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
n=${1:?usage: vendor.sh NAME TYPE [VALUE...]} t=${2:?usage: vendor.sh NAME TYPE [VALUE...]}; shift 2
{ echo "server $PARENT"; echo "zone vali.email"; echo "update delete $n. $t"
  for v; do [ "$t" != TXT ] || v="\"$v\""; echo "update add $n. ${TTL:-60} $t $v"; done
  echo send; } | in_lab nsupdate -k "$RUN/keys/lab-admin.key" || exit 1
[ "${NOFLUSH:-}" ] || in_lab unbound-control -c "$RUN/unbound/unbound.conf" flush_zone email. >/dev/null
