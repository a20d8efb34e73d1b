#!/bin/bash
# foreign.sh enforce|testing ID MAX_AGE [MX...]: the domain as somebody else left it. A body in that mode stands at the
# policy host, a TXT with that id announces it, and the sender has fetched it and holds it.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
case "${1:-}" in enforce|testing) ;; *) die "usage: foreign.sh enforce|testing ID MAX_AGE [MX...]";; esac
m=$1 id=${2:?foreign.sh: which id?} age=${3:?foreign.sh: which max_age?}; shift 3
MAX_AGE=$age "$BIN/policy-set.sh" "$m" "$@" && KEY=lab-admin "$BIN/dns.sh" txt "$id" && "$BIN/sts.sh" restart || die "cannot set up the foreign policy"
"$BIN/sts-ask.sh" corp.test strict   # the strict map answers for testing too, and both maps share one cache
