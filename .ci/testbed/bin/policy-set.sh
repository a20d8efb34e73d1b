#!/bin/bash
# policy-set.sh FILE | DIR | enforce|testing|none [MX...] | rm
#  FILE: copied to the docroot.  DIR: becomes the docroot (must hold .well-known/mta-sts.txt and be readable by www-data).
#  enforce|testing|none [MX...]: writes a policy (default MXs mx1+mx2). Touches nothing in DNS: dns.sh txt sets the id.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
std=$RUN/www/mta-sts; f=$std/.well-known/mta-sts.txt; a=${1:?usage: policy-set.sh FILE|DIR|enforce|testing|none [MX...]|rm}; shift
link() { ln -sfn "$1" "$RUN/www/current.new" && mv -T "$RUN/www/current.new" "$RUN/www/current"; }
case "$a" in
  rm) rm -f "$f"; link "$std"; exit 0;;
  enforce|testing|none)
    [ $# -gt 0 ] || set -- mx1.corp.test mx2.corp.test
    { printf 'version: STSv1\r\nmode: %s\r\n' "$a"; printf 'mx: %s\r\n' "$@"; printf 'max_age: %s\r\n' "${MAX_AGE:-86400}"; } >"$f.new" && chmod 644 "$f.new" && mv "$f.new" "$f"; link "$std";;
  *) if [ -d "$a" ]; then
       d=$(readlink -f "$a"); setpriv --reuid=www-data --regid=www-data --clear-groups test -r "$d/.well-known/mta-sts.txt" || echo "warning: www-data cannot read $d/.well-known/mta-sts.txt (nginx will answer 403/404)" >&2
       link "$d"
     else install -m 644 "$a" "$f" && link "$std"; fi;;
esac
