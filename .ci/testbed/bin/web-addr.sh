#!/bin/bash
# web-addr.sh 1|2 ok|down|old|DIR: one address of the policy host, 1 = 127.0.1.2, 2 = 127.0.1.4 (down at first)
#  ok: serves the docroot, as policy-mode.sh says   down: nothing listens   old: keeps the body of this moment for ever
#  DIR: serves another folder, as a new host would
# DNS is another matter: bin/dns.sh addr mta-sts 127.0.1.2 127.0.1.4. Returns when the address obeys.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
n=${1:-} s=${2:-}
case "$n" in 1|2) ;; *) die "usage: web-addr.sh 1|2 ok|down|old|DIR";; esac
case "$s" in
  ok|down) ;;
  old) rm -rf "$RUN/www/old$n" && cp -rL "$RUN/www/current" "$RUN/www/old$n" || die "cannot copy the present body";;
  *) [ -d "$s" ] || die "web-addr.sh: $s is no folder"; s=$(readlink -f "$s");;
esac
echo "$s" >"$RUN/nginx/addr$n"
"$BIN/web-conf.sh" && echo "policy host, address $n: $s"
