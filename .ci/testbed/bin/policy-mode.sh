#!/bin/bash
# policy-mode.sh MODE [SECONDS]: how https://mta-sts.corp.test/.well-known/mta-sts.txt behaves, at every live address
#  ok redirect notfound error badtype notype huge slow trickle aged   what it answers
#  renewed expired soon wrongname selfsigned untrusted missing-intermediate acme   its certificate (and the body as in ok)
#  down: nothing on 443   gone: nothing on 80 either
# SECONDS: how long slow waits (default 20), for how long a shared cache may keep what aged answers (default 300).
# renewed: a certificate issued now, later than every one before. acme: the one lego put in $RUN/lego.
# Returns when the new state is served.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
. "$BIN/leaf.sh"
case "${1:-}" in
  ok|redirect|notfound|error|badtype|notype|slow|trickle|aged|expired|soon|wrongname|selfsigned|untrusted|missing-intermediate|acme|down|gone) ;;
  huge) mkdir -p "$RUN/www/huge/.well-known"; { cat "$RUN/www/current/.well-known/mta-sts.txt" 2>/dev/null; yes 'mx: filler.corp.test' | head -c 200000; } >"$RUN/www/huge/.well-known/mta-sts.txt";;
  renewed) renew_leaf web mta-sts.corp.test || die "cannot renew the policy host's certificate";;
  *) die "unknown mode ${1:-}";;
esac
echo "$1" >"$RUN/nginx/mode"; echo "${2:-}" >"$RUN/nginx/seconds"
"$BIN/web-conf.sh" && echo "policy host: $1"
