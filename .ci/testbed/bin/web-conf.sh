#!/bin/bash
# web-conf.sh [write|wait]: nginx as the policy host, made from what the knobs noted under $RUN/nginx: mode and seconds
# (policy-mode.sh) for the host as a whole, addr1 and addr2 (web-addr.sh) for each of its addresses.
# Without an argument: writes the configuration, loads it, and returns when every address has been seen to obey.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
[ -z "${LAB_INSIDE:-}" ] && [ "${1:-}" != write ] && exec "$BIN/lab-exec" "$0" "$@"
m=$(mode_of "$RUN/nginx/mode") s=$(mode_of "$RUN/nginx/seconds") gen=$(mode_of "$RUN/nginx/gen")
state() { mode_of "$RUN/nginx/addr$1"; }
addr() { [ "$1" = 1 ] && echo "$WEB" || echo "$WEB2"; }
https_on() { [ "$m" != down ] && http_on "$1"; }
http_on() { [ "$m" != gone ] && [ "$(state "$1")" != down ]; }
docroot() { # N: the folder that address N serves
  case "$(state "$1")" in ok) echo "$RUN/www/current";; old) echo "$RUN/www/old$1";; *) state "$1";; esac
}
certificate() {
  case "$m" in
    renewed|expired|soon|wrongname|selfsigned|untrusted|missing-intermediate) echo "ssl_certificate $CA/web-$m.chain; ssl_certificate_key $CA/web-$m.key;";;
    acme) echo "ssl_certificate $RUN/lego/certificates/mta-sts.corp.test.crt; ssl_certificate_key $RUN/lego/certificates/mta-sts.corp.test.key;";;
    *) echo "ssl_certificate $CA/web-valid.chain; ssl_certificate_key $CA/web-valid.key;";;
  esac
}
behaviour() { # the location that misbehaves as the mode says
  case "$m" in
    redirect) echo 'location / { return 301 https://www.corp.test$request_uri; }';;
    notfound) echo 'location / { return 404; }';;
    error)    echo 'location / { return 500; }';;
    badtype)  echo 'location / { types {} default_type text/html; }';;
    notype)   echo 'location / { types {} default_type ""; }';;
    huge)     echo "location / { root $RUN/www/huge; }";;
    slow)     echo "location / { echo_sleep ${s:-20}; echo_exec @f; } location @f { }";;
    trickle)  echo 'location / { limit_rate 5; }';;
    aged)     echo "location / { add_header Age 10; add_header Cache-Control max-age=${s:-300}; }";;
  esac
}
write() {
  local n
  gen=$(date +%s%N); echo "$gen" >"$RUN/nginx/gen"
  for n in 1 2; do
    http_on $n && echo "server { listen $(addr $n):80; location /.well-known/acme-challenge/ { root $RUN/www/acme; default_type text/plain; } location / { return 404; } }"
    https_on $n || continue
    echo "server { listen $(addr $n):443 ssl default_server; server_name mta-sts.corp.test mta-sts.provider.test; $(certificate) location = /lab-probe { add_header X-Lab-Gen $gen always; return 204; } root $(docroot $n); $(behaviour) }"
    # where a redirect points: a good policy, so that a client which follows redirects is caught
    echo "server { listen $(addr $n):443 ssl; server_name www.corp.test; ssl_certificate $CA/www.chain; ssl_certificate_key $CA/www.key; root $RUN/www/current; }"
  done >"$RUN/nginx/mode.conf"
  return 0
}
obeys() { # N: address N behaves as noted
  local a; a=$(addr "$1")
  if https_on "$1"; then curl -sk -m 3 -o /dev/null -D - --resolve "mta-sts.corp.test:443:$a" https://mta-sts.corp.test/lab-probe | grep "$gen" >/dev/null
  else ! (exec 3<>"/dev/tcp/$a/443") 2>/dev/null; fi &&
  if http_on "$1"; then (exec 3<>"/dev/tcp/$a/80") 2>/dev/null; else ! (exec 3<>"/dev/tcp/$a/80") 2>/dev/null; fi
}
await() { local i; for i in $(seq 80); do obeys 1 && obeys 2 && return 0; sleep 0.1; done; die "policy host did not switch to $m ($WEB $(state 1), $WEB2 $(state 2))"; }
workers() { local p; p=$(tr -dc 0-9 <"$RUN/nginx/nginx.pid" 2>/dev/null); [ -n "$p" ] && cat "/proc/$p/task/$p/children" 2>/dev/null; }
# retired PID...: wait until these workers are gone. For a moment after a reload the old ones still accept connections,
# and answer as before, beside the new ones.
retired() { local i p; for p; do for i in $(seq 80); do [ -d "/proc/$p" ] || break; sleep 0.05; done; done; }
load() { local old; old=$(workers)
  reload && retired $old; }
reload() { nginx -q -t -c "$RUN/nginx/nginx.conf" -p "$RUN/nginx/" && nginx -s reload -c "$RUN/nginx/nginx.conf" -p "$RUN/nginx/" 2>/dev/null || die "nginx refused the configuration"; }
case "${1:-}" in write) write;; wait) await;; '') write; load; await;; *) die "usage: web-conf.sh [write|wait]";; esac
