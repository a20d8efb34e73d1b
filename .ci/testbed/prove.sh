#!/bin/bash
# Proves the lab: each check runs the real software and compares what it said. Exit 0 when all hold. About 90 s.
. "$(dirname "$(readlink -f "$0")")/lib.sh"
set -uo pipefail
P=0 F=0 T0=$(date +%s)
# t NAME REGEX CMD...: CMD's output must match REGEX (extended, over the whole text)
t() {
  local n=$1 re=$2 out; shift 2; out=$("$@" 2>&1)
  if grep -zE -- "$re" <<<"$out" >/dev/null; then P=$((P+1)); echo "ok    $n"; else F=$((F+1)); echo "FAIL  $n   (wanted: $re)"; fi
  sed 's/^/        | /' <<<"$out" | cut -c1-230
}
h() { echo; echo "== $*"; }
dg() { in_lab dig +short +norec +tries=1 +time=2 "$@"; }
sorted() { "$@" | sort; }
ask() { "$BIN/sts-ask.sh" "$@"; }
pol() { "$BIN/policy-set.sh" "$@"; }
dns() { "$BIN/dns.sh" "$@"; }
id=0; newid() { id=$((id+1)); dns txt "r$(date +%s)$id"; }
fresh() { newid; "$BIN/sts.sh" restart; }
cd "$LAB"
"$BIN/reset.sh" >/dev/null || die "cannot reset the lab; is it up?"

h "1 BIND: two servers, TSIG, propagation"
t "MX from ns1"              '10 mx1.*20 mx2' sorted dg @$NS1 corp.test MX
t "MX from ns2 (AXFR)"       '10 mx1.*20 mx2' sorted dg @$NS2 corp.test MX
t "update without key refused" 'REFUSED' bash -c "printf 'server $NS1\nzone corp.test\nupdate add x.corp.test. 60 TXT x\nsend\n' | $BIN/lab-exec nsupdate"
t "rollout key may not touch MX" 'REFUSED' bash -c "echo 'update delete corp.test. MX' | KEY=rollout $BIN/dns.sh raw"
t "rollout key sets TXT"     '^[[:space:]]*$' dns txt p100
t "ns1 has it"               'id=p100' dg @$NS1 _mta-sts.corp.test TXT
sleep 0.3
t "ns2 has it (NOTIFY, IXFR)" 'id=p100' dg @$NS2 _mta-sts.corp.test TXT
"$BIN/ns2-mode.sh" lag; dns txt p101; sleep 0.5
t "lag: ns1 new"             'id=p101' dg @$NS1 _mta-sts.corp.test TXT
t "lag: ns2 old"             'id=p100' dg @$NS2 _mta-sts.corp.test TXT
"$BIN/ns2-mode.sh" refuse;   t "refuse: ns2 REFUSED" 'status: REFUSED' in_lab dig @$NS2 corp.test MX +norec
"$BIN/ns2-mode.sh" down;     t "down: no answer from ns2" 'refused|no servers|timed out' in_lab dig @$NS2 corp.test MX +tries=1 +time=1
t "down: unbound still answers" "10 mx1" in_lab dig +short @$RES corp.test MX +time=5 +tries=3
"$BIN/ns2-mode.sh" silent;   t "silent: ns2 never answers" 'timed out' in_lab dig @$NS2 corp.test MX +tries=1 +time=1
"$BIN/ns2-mode.sh" other;    t "other: ns2 announces another id" 'id=other' dg @$NS2 _mta-sts.corp.test TXT
t "other: the rest is the zone's own" '10 mx1.*20 mx2' sorted dg @$NS2 corp.test MX
t "other: ns1 unmoved"       'id=p101' dg @$NS1 _mta-sts.corp.test TXT
"$BIN/ns2-mode.sh" sync;     t "sync: ns2 caught up" 'id=p101' dg @$NS2 _mta-sts.corp.test TXT
signed() { in_lab dig +norec +tries=1 +time=2 -k "$RUN/keys/$1.key" "@$NS1" "${@:2}"; }
"$BIN/ns1-server.sh" knot;   t "Knot has the zone as it was" 'id=p101' dg @$NS1 _mta-sts.corp.test TXT
t "Knot: rollout key sets TXT" '^[[:space:]]*$' dns txt p103
t "Knot: ns2 has it (NOTIFY, AXFR)" 'id=p103' dg @$NS2 _mta-sts.corp.test TXT
t "Knot: rollout key may not touch MX" 'NOTAUTH' bash -c "echo 'update delete corp.test. MX' | KEY=rollout $BIN/dns.sh raw"
t "Knot: rollout key may not transfer" 'Transfer failed' signed rollout corp.test AXFR
t "Knot: rollout-axfr may"   'id=p103' signed rollout-axfr corp.test AXFR
"$BIN/ns1-server.sh" knot 400; t "Knot: its clock is wrong" 'BADTIME' signed rollout corp.test SOA
"$BIN/ns1-server.sh" bind -400; t "BIND: its clock is wrong" 'BADTIME' signed rollout corp.test SOA
"$BIN/ns1-server.sh" bind;   t "BIND has the zone as Knot had it" 'id=p103' dg @$NS1 _mta-sts.corp.test TXT
t "BIND: rollout key may not transfer" 'Transfer failed' signed rollout corp.test AXFR
t "BIND: rollout-axfr may"   'id=p103' signed rollout-axfr corp.test AXFR

h "2 unbound"
t "A"      "^$WEB" dg +rec @$RES mta-sts.corp.test A
t "PTR"    'mx1.corp.test' dg +rec @$RES -x $MX1
t "nothing outside test." 'NXDOMAIN' in_lab dig @$RES example.com +noall +comments
dns txt -; dns flush
t "negative answer is cached" '^[[:space:]]*$' dg +rec @$RES _mta-sts.corp.test TXT
NOFLUSH=1 dns txt p102
t "  ... still empty at unbound" '^[[:space:]]*$' dg +rec @$RES _mta-sts.corp.test TXT
dns flush; t "  ... there after flush" 'p102' dg +rec @$RES _mta-sts.corp.test TXT
t "resolv.conf inside lab-exec" "nameserver $RES" in_lab cat /etc/resolv.conf
t "resolv.conf outside untouched" '^nameserver' bash -c '! grep -F 127.0.0.4 /etc/resolv.conf >/dev/null && cat /etc/resolv.conf'

h "3 postfix-mta-sts-resolver: what a real sender would enforce"
pol enforce; fresh
t "enforce"                  '^secure match=(mx1.corp.test:mx2.corp.test|mx2.corp.test:mx1.corp.test) servername=hostname' ask
pol testing; fresh
t "testing: nothing enforced" 'NOTFOUND' ask
t "testing, strict map"      'secure match=' ask corp.test strict
pol none; fresh;             t "none" 'NOTFOUND' ask
pol enforce; dns txt -; "$BIN/sts.sh" restart; t "policy but no TXT: not used" 'NOTFOUND' ask
fresh; t "enforce again"     'secure match=' ask
pol testing; sleep 1; t "policy changed, id not: old policy stays" 'secure match=' ask
newid; sleep 1; t "id changed: new policy is seen" 'NOTFOUND' ask
pol enforce '*.corp.test'; fresh; t "wildcard mx" 'secure match=\.corp\.test ' ask
# what the policy host really does in each mode (curl), then what the sender makes of it; the daemon's own log line is shown
web() { in_lab curl -sS -m 2 -o /dev/null -w '%{http_code} %{content_type} %{size_download} %{redirect_url} %{errormsg}\n' https://mta-sts.corp.test/.well-known/mta-sts.txt; }
asklog() { ask; tail -1 "$RUN/sts/sts.log" | grep RES: ; }
while read -r m want; do
  pol enforce; "$BIN/policy-mode.sh" $m >/dev/null; fresh
  t "policy host $m: what it serves" "$want" web
  t "policy host $m: sender finds no policy" 'NOTFOUND.*RES: STS policy fetch' asklog
done <<'M'
redirect ^301 .*https://www.corp.test/.well-known/mta-sts.txt
notfound ^404
error ^500
badtype ^200 text/html
notype ^200 +[1-9]
huge ^200 text/plain [0-9]{6}
gone Failed to connect|Couldn.t connect
expired certificate has expired
wrongname does not match target host name|no alternative certificate subject name matches
selfsigned self.signed certificate
untrusted self-signed certificate in certificate chain|unable to get local issuer certificate
missing-intermediate unable to get local issuer certificate
down Failed to connect|Couldn.t connect
slow timed out
trickle timed out
M
"$BIN/policy-mode.sh" ok >/dev/null; fresh; t "policy host ok" 'secure match=' ask
echo "update delete _mta-sts.corp.test. TXT
update add _mta-sts.corp.test. 60 CNAME corp._mta-sts.provider.test." | KEY=rollout dns raw; "$BIN/sts.sh" restart
t "_mta-sts is a CNAME to a provider's TXT" 'secure match=' ask
echo "update delete _mta-sts.corp.test. CNAME" | KEY=rollout dns raw; fresh
t "plain TXT again" 'secure match=' ask
"$BIN/policy-mode.sh" down >/dev/null; newid; t "host down, but sender has it cached: still enforced" 'secure match=' ask
"$BIN/policy-mode.sh" ok >/dev/null

h "4 delivery by the sending Postfix (policy through the socketmap)"
pol enforce; fresh
t "enforce + valid MX"       'Verified TLS.*status=sent.*=> DELIVERED' "$BIN/send.sh"
"$BIN/mx2-mode.sh" expired >/dev/null
t "enforce + mx2 expired, mx1 fine: mx1 takes it" 'relay=mx1.*=> DELIVERED' "$BIN/send.sh"
dns mx mx2:10
for m in expired wrongname selfsigned untrusted missing-intermediate; do
  "$BIN/mx2-mode.sh" $m >/dev/null; t "enforce + only mx2, $m" 'Server certificate not (verified|trusted).*=> DEFERRED' "$BIN/send.sh"
done
"$BIN/mx2-mode.sh" no-starttls >/dev/null
t "enforce + only mx2, no STARTTLS" 'TLS is required, but was not offered.*=> DEFERRED' "$BIN/send.sh"
"$BIN/mx2-mode.sh" no-key >/dev/null
t "enforce + only mx2, STARTTLS is refused" 'refused to start TLS.*=> DEFERRED' "$BIN/send.sh"
"$BIN/mx2-mode.sh" old-tls >/dev/null
t "enforce + only mx2, nothing above TLS 1.1" '=> DEFERRED' "$BIN/send.sh"
"$BIN/mx2-mode.sh" valid >/dev/null; pol enforce mx1.corp.test; fresh
t "enforce + MX that the policy does not list" 'Server certificate not verified.*=> DEFERRED' "$BIN/send.sh"
"$BIN/mx2-mode.sh" expired >/dev/null; pol testing; fresh
t "testing + only mx2, expired" '=> DELIVERED' "$BIN/send.sh"
pol enforce; dns txt -; "$BIN/sts.sh" restart
t "no TXT + only mx2, expired" '=> DELIVERED' "$BIN/send.sh"
"$BIN/mx2-mode.sh" valid >/dev/null; dns mx mx1:10 mx2:20

dns mx mx2:10; "$BIN/mx2-mode.sh" expired >/dev/null; pol enforce; fresh; ask >/dev/null; "$BIN/policy-mode.sh" down >/dev/null
t "enforce, cached at the sender; policy host down, mx2 expired: still deferred" '=> DEFERRED' "$BIN/send.sh"
"$BIN/policy-mode.sh" ok >/dev/null; "$BIN/mx2-mode.sh" valid >/dev/null; dns mx mx1:10 mx2:20

h "5 two addresses, renewal, shared cache, a foreign policy"
# at ADDR: what the policy host says there, asked by the policy host's name
at() { in_lab curl -sS -m 3 --resolve "mta-sts.corp.test:443:$1" https://mta-sts.corp.test/.well-known/mta-sts.txt 2>&1; }
port80() { in_lab bash -c "exec 3<>/dev/tcp/$1/80 && echo open" 2>&1; }
# began ADDR:PORT NAME [OPTION...]: when the leaf there begins to be valid, in seconds since 1970
began() {
  local a=$1 n=$2 at; shift 2
  at=$(echo QUIT | in_lab openssl s_client -connect "$a" -servername "$n" "$@" 2>/dev/null | openssl x509 -noout -startdate | cut -d= -f2)
  [ -n "$at" ] && date -d "$at" +%s
}
later() { echo "was $1, is $2"; [ "$2" -gt "$1" ] && echo later; }
pol testing; fresh
t "policy host, address 2: down at first" 'Failed to connect|Couldn.t connect' at $WEB2
"$BIN/web-addr.sh" 2 ok >/dev/null;   t "address 2 ok: the same body" 'mode: testing' at $WEB2
dns addr mta-sts $WEB $WEB2;          t "both in DNS" "$WEB2" sorted dg +rec @$RES mta-sts.corp.test A
"$BIN/web-addr.sh" 2 old >/dev/null; pol enforce
t "address 2 old: keeps the earlier body" 'mode: testing' at $WEB2
t "  ... while address 1 has the new one" 'mode: enforce' at $WEB
mkdir -p "$RUN/www/moved/.well-known"; printf 'version: STSv1\r\nmode: none\r\nmax_age: 60\r\n' >"$RUN/www/moved/.well-known/mta-sts.txt"
"$BIN/web-addr.sh" 2 "$RUN/www/moved" >/dev/null; t "address 2 serves a folder of its own" 'mode: none' at $WEB2
"$BIN/web-addr.sh" 2 ok >/dev/null; "$BIN/web-addr.sh" 1 down >/dev/null
t "address 1 down: dead on 443" 'Failed to connect|Couldn.t connect' at $WEB
t "  ... and on 80"          'refused' port80 $WEB
t "  ... address 2 goes on"  'mode: enforce' at $WEB2
"$BIN/policy-mode.sh" gone >/dev/null; t "policy host gone: address 2 is dead too" 'refused' port80 $WEB2
"$BIN/policy-mode.sh" ok >/dev/null; "$BIN/web-addr.sh" 1 ok >/dev/null; "$BIN/web-addr.sh" 2 down >/dev/null; dns addr mta-sts $WEB
"$BIN/policy-mode.sh" aged 120 >/dev/null
t "aged: the mark of a shared cache" 'Age: 10.*Cache-Control: max-age=120' in_lab curl -sS -D - -o /dev/null https://mta-sts.corp.test/.well-known/mta-sts.txt
"$BIN/policy-mode.sh" ok >/dev/null

smtp() { in_lab bash -c "exec 3<>/dev/tcp/$1/25 && head -1 <&3" 2>&1; }
t "mx2, address 2: down at first" 'refused' smtp $MX2B
"$BIN/mx-mode.sh" mx2b valid >/dev/null; t "mx2, address 2 lives, under mx2's name" '220 mx2.corp.test' smtp $MX2B
dns addr mx2 $MX2 $MX2B; dns mx mx2:10; fresh; "$BIN/mx2-mode.sh" down >/dev/null
t "mx2, address 1 down: address 2 takes the mail" "relay=mx2.*$MX2B.*=> DELIVERED" "$BIN/send.sh"
"$BIN/mx-mode.sh" mx2b expired >/dev/null; t "  ... and is refused when expired" 'certificate has expired.*=> DEFERRED' "$BIN/send.sh"
"$BIN/mx2-mode.sh" valid >/dev/null; "$BIN/mx-mode.sh" mx2b valid >/dev/null
leaves() { began $MX1:25 mx1.corp.test -starttls smtp; began $MX2:25 mx2.corp.test -starttls smtp; began $MX2B:25 mx2.corp.test -starttls smtp; began $WEB:443 mta-sts.corp.test; }
for round in first second; do
  mapfile -t was < <(leaves); "$BIN/renew.sh" >/dev/null; mapfile -t is < <(leaves)
  for n in 0 1 2 3; do w=("mx1" "mx2" "mx2, address 2" "policy host"); t "$round renewal: ${w[n]}" 'later' later "${was[n]}" "${is[n]}"; done
done
fresh; t "renewed certificates are trusted: enforce delivers" 'Verified TLS.*=> DELIVERED' "$BIN/send.sh"
"$BIN/mx-mode.sh" mx2b down >/dev/null; dns addr mx2 $MX2; dns mx mx1:10 mx2:20

"$BIN/reset.sh" >/dev/null; t "reset: no policy anywhere" 'NOTFOUND' ask corp.test strict
t "foreign enforce: the sender holds it" 'secure match=' "$BIN/foreign.sh" enforce foreign1 604800
t "  ... with its max_age"     'mode: enforce.*max_age: 604800' at $WEB
t "  ... and its id"           'id=foreign1' dg @$NS2 _mta-sts.corp.test TXT
"$BIN/policy-mode.sh" gone >/dev/null; t "  ... and goes on holding it when the host is gone" 'secure match=' ask
"$BIN/reset.sh" >/dev/null
t "foreign testing: seen"    'secure match=' "$BIN/foreign.sh" testing foreign2 86400; t "  ... not enforced" 'NOTFOUND' ask
"$BIN/reset.sh" >/dev/null

h "6 pebble: real certificates for the policy host"
lego_() { in_lab env LEGO_CA_CERTIFICATES=$CA/root.pem RFC2136_NAMESERVER=$NS1:53 RFC2136_TSIG_ALGORITHM=hmac-sha256. RFC2136_TSIG_KEY=rollout \
  RFC2136_TSIG_SECRET="$(sed -n 's/.*secret "\(.*\)";/\1/p' "$RUN/keys/rollout.key")" RFC2136_PROPAGATION_TIMEOUT=20 RFC2136_POLLING_INTERVAL=1 RFC2136_SEQUENCE_INTERVAL=1 RFC2136_TTL=60 \
  lego --accept-tos --email a@corp.test --server https://$ACME:14000/dir --path "$RUN/lego" --domains mta-sts.corp.test "$@" run; }
rm -rf "$RUN/lego"/*; mkdir -p "$RUN/lego"
t "HTTP-01 through nginx :80" 'use http-01 solver.*validated our request.*Server responded with a certificate' lego_ --http --http.webroot "$RUN/www/acme"
rm -rf "$RUN/lego/certificates"
t "DNS-01 through nsupdate to BIND" 'use dns-01 solver.*validated our request.*Server responded with a certificate' lego_ --dns rfc2136 --dns.resolvers $RES:53
pol enforce; "$BIN/policy-mode.sh" acme >/dev/null; fresh
t "nginx serves it, resolver trusts it" 'secure match=' ask
t "issuer" 'Pebble Intermediate' in_lab bash -c "echo | openssl s_client -connect $WEB:443 -servername mta-sts.corp.test 2>/dev/null | openssl x509 -noout -issuer"
"$BIN/policy-mode.sh" ok >/dev/null

h "7 Dovecot: TLSRPT mailbox"
rm -rf "$RUN/vmail/corp.test/tlsrpt"
t "drop reports" 'dropped' "$BIN/tlsrpt_mail.py" reports/*.json
"$BIN/tlsrpt_mail.py" --corrupt reports/google-ok.json >/dev/null
t "one by real SMTP" 'sent' in_lab "$BIN/tlsrpt_mail.py" --smtp $SENDER:25 --shift-days reports/google-ok.json
sleep 1
cat >"$RUN/imap.py" <<'PY'
import imaplib, ssl, email, gzip, json, sys
c = ssl.create_default_context(cafile=sys.argv[1])
m = imaplib.IMAP4_SSL("127.0.0.6", 993, ssl_context=c) if sys.argv[2] == "993" else imaplib.IMAP4("127.0.0.6", 143)
if sys.argv[2] == "plain":
    try: print(m.login("tlsrpt@corp.test", "lab-tlsrpt-pw"))
    except Exception as e: print("refused:", e)
    sys.exit()
if sys.argv[2] == "143": m.starttls(c)
m.login("tlsrpt@corp.test", "lab-tlsrpt-pw"); m.select("INBOX", readonly=True)
for n in m.search(None, "ALL")[1][0].split():
    e = email.message_from_bytes(m.fetch(n, "(RFC822)")[1][0][1])
    for p in e.walk():
        if p.get_content_maintype() == "application":
            try: d = json.loads(gzip.decompress(p.get_payload(decode=True))); print(n.decode(), e.get_content_type(), e.get_param("report-type"), p.get_content_type(), d["organization-name"], sum(x["summary"]["total-failure-session-count"] for x in d["policies"]))
            except Exception as x: print(n.decode(), e.get_content_type(), "broken:", type(x).__name__)
PY
t "IMAPS" 'multipart/report tlsrpt application/tlsrpt\+gzip.*Microsoft Corporation 31.*broken: EOFError.*Google Inc. 0' in_lab python3 "$RUN/imap.py" "$BUNDLE" 993
t "STARTTLS on 143" 'Microsoft Corporation 31' in_lab python3 "$RUN/imap.py" "$BUNDLE" 143
t "no password in clear" 'refused: .*PRIVACYREQUIRED' in_lab python3 "$RUN/imap.py" "$BUNDLE" plain

"$BIN/reset.sh" >/dev/null
if [ -s "$RUN/netns" ]; then
  h "8 nothing left the machine"
  # a packet that finds no route is counted by the kernel; the namespace has lo alone, so this would count every attempt
  t "no packet looked for a way out" 'IpOutNoRoutes +0 .*Ip6OutNoRoutes +0 ' in_lab nstat -saz IpOutNoRoutes Ip6OutNoRoutes
fi
echo; echo "$P passed, $F failed   ($(( $(date +%s)-T0 )) s)"; [ $F = 0 ]
