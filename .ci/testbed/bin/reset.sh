#!/bin/bash
# reset.sh: back to the state of a fresh lab without stopping it: all servers well, no policy, none of belay's records,
# mailbox empty, and a sender that has never seen the domain. Certificates issued meanwhile stay issued.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
"$BIN/ns1-server.sh" bind || exit 1
[ "$(mode_of "$RUN/ns2/mode")" = sync ] || "$BIN/ns2-mode.sh" sync || exit 1
{ for n in _mta-sts _smtp._tls mta-sts _acme-challenge.mta-sts; do echo "update delete $n.corp.test."; done
  echo "update add mta-sts.corp.test. ${LAB_TTL:-60} A $WEB"
  echo "update delete mx2.corp.test."; echo "update add mx2.corp.test. ${LAB_TTL:-60} A $MX2"; } | NOFLUSH=1 "$BIN/dns.sh" raw || exit 1
for n in _mta-sts _smtptlsrpt; do NOFLUSH=1 "$BIN/vendor.sh" corp.test.$n.vali.email TXT || exit 1; done
"$BIN/dns.sh" mx mx1:10 mx2:20 || exit 1
for m in mx1 mx2; do [ "$(mode_of "$RUN/postfix-$m/mode")" = valid ] || "$BIN/mx-mode.sh" $m valid || exit 1; done
"$BIN/mx-mode.sh" mx2b down
"$BIN/policy-set.sh" rm
# Always, since nginx may still show a certificate that was replaced on disk meanwhile.
echo ok >"$RUN/nginx/addr1"; echo down >"$RUN/nginx/addr2"; "$BIN/policy-mode.sh" ok || exit 1
rm -rf "$RUN/vmail/corp.test/tlsrpt"
"$BIN/sts.sh" restart
