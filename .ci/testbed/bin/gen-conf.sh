#!/bin/bash
# Writes every configuration file under $RUN. Zones, mailboxes and current modes are kept if they exist.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
TTL=${LAB_TTL:-60}
umask 022
mkdir -p "$RUN"/{ns1,ns1-knot/db,ns2,parent,unbound,nginx/tmp,pebble,sts,dovecot/run,dovecot/state,keys,vmail,log,www/mta-sts/.well-known,www/acme/.well-known/acme-challenge,lego}
chmod 755 "$RUN" "$RUN"/www "$RUN"/www/mta-sts
printf 'nameserver %s\n' "$RES" >"$RUN/resolv.conf"

# --- TSIG keys: lab-admin may change anything in the zone, rollout only what a rollout tool needs, rollout-axfr the same and
# read the zone by transfer, xfer is for AXFR alone
for k in lab-admin rollout rollout-axfr xfer rndc; do
  [ -s "$RUN/keys/$k.key" ] || tsig-keygen -a hmac-sha256 "$k" >"$RUN/keys/$k.key"
done
chown -R root:bind "$RUN/keys"; chmod 640 "$RUN"/keys/*
named_common() { # DIR ADDR
cat <<C
include "$RUN/keys/rndc.key"; include "$RUN/keys/xfer.key";
controls { inet $2 port 953 allow { 127.0.0.0/8; } keys { rndc; }; };
options {
  directory "$RUN/$1"; pid-file "$RUN/$1/named.pid"; session-keyfile "$RUN/$1/session.key"; lock-file none;
  listen-on port 53 { $2; }; listen-on-v6 { none; };
  query-source address $2; notify-source $2; transfer-source $2;
  recursion no; allow-query { any; }; dnssec-validation no; empty-zones-enable no; minimal-responses no;
  notify explicit; notify-delay 0; max-cache-size 8M; masterfile-format text; version none;
  allow-transfer { key xfer; };
C
}
named_tail() {
cat <<C
logging { channel f { file "$RUN/$1/named.log"; severity info; print-time iso8601; print-category yes; }; category default { f; }; category queries { f; }; };
zone "." { type $2; file "$3"; };
C
}
printf '. 3600 NS a.root.test.\na.root.test. 3600 A %s\n' "$PARENT" >"$RUN/root.hints"

# --- parent: private root, test., reverse, and the zones of a vendor that publishes for its customers (Valimail)
{ named_common parent "$PARENT"; echo "};"; named_tail parent primary "$RUN/parent/root.zone"
  echo "zone \"test\" { type primary; file \"$RUN/parent/test.zone\"; };"
  echo "include \"$RUN/keys/lab-admin.key\";"
  echo "zone \"vali.email\" { type primary; file \"$RUN/parent/vali.email.zone\"; allow-update { key lab-admin; }; };"
  echo "zone \"mta-vali.email\" { type primary; file \"$RUN/parent/mta-vali.email.zone\"; };"
  echo "zone \"127.in-addr.arpa\" { type primary; file \"$RUN/parent/127.zone\"; };"; } >"$RUN/parent/named.conf"
cat >"$RUN/parent/root.zone" <<C
\$TTL 3600
. SOA a.root.test. hostmaster.root.test. 1 3600 600 1209600 60
. NS a.root.test.
a.root.test. A $PARENT
test. NS a.nic.test.
a.nic.test. A $PARENT
127.in-addr.arpa. NS a.nic.test.
vali.email. NS a.nic.test.
mta-vali.email. NS a.nic.test.
C
soa="\$TTL $TTL
@ SOA a.nic.test. hostmaster.nic.test. 1 3600 600 1209600 $TTL
@ NS a.nic.test."
[ -s "$RUN/parent/vali.email.zone" ] || echo "$soa" >"$RUN/parent/vali.email.zone"
printf '%s\npolicy A %s\n' "$soa" "$VENDOR" >"$RUN/parent/mta-vali.email.zone"
cat >"$RUN/parent/test.zone" <<C
\$TTL 3600
@ SOA a.nic.test. hostmaster.nic.test. 1 3600 600 1209600 60
@ NS a.nic.test.
a.nic A $PARENT
a.root A $PARENT
acme A $ACME
corp NS ns1.corp
corp NS ns2.corp
ns1.corp A $NS1
ns2.corp A $NS2
provider NS ns1.corp
provider NS ns2.corp
sender NS ns1.corp
sender NS ns2.corp
C
cat >"$RUN/parent/127.zone" <<C
\$TTL 3600
@ SOA a.nic.test. hostmaster.nic.test. 1 3600 600 1209600 60
@ NS a.nic.test.
1.0.0 PTR localhost.
2.0.0 PTR ns1.corp.test.
3.0.0 PTR ns2.corp.test.
5.0.0 PTR acme.test.
6.0.0 PTR imap.corp.test.
7.0.0 PTR out.sender.test.
1.1.0 PTR mx1.corp.test.
2.1.0 PTR mta-sts.corp.test.
3.1.0 PTR mx2.corp.test.
4.1.0 PTR mta-sts.corp.test.
5.1.0 PTR mx2.corp.test.
C

# --- ns1: primary of corp.test (RFC 2136), sender.test, provider.test (a hosted-policy provider, no updates)
{ named_common ns1 "$NS1"; echo "  also-notify { $NS2; };"; echo "};"; named_tail ns1 hint "$RUN/root.hints"
  for k in lab-admin rollout rollout-axfr; do echo "include \"$RUN/keys/$k.key\";"; done
  cat <<C
zone "corp.test" { type primary; file "$RUN/ns1/corp.test.zone";
  allow-transfer { key xfer; key rollout-axfr; $NS2; };
  update-policy {
    grant lab-admin zonesub ANY;
C
  for k in rollout rollout-axfr; do cat <<C
    grant $k name _mta-sts.corp.test. TXT CNAME;
    grant $k name _smtp._tls.corp.test. TXT CNAME;
    grant $k name mta-sts.corp.test. A AAAA CNAME TXT;
    grant $k name _acme-challenge.mta-sts.corp.test. TXT;
C
  done
  cat <<C
  };
};
zone "sender.test" { type primary; file "$RUN/ns1/sender.test.zone"; };
zone "provider.test" { type primary; file "$RUN/ns1/provider.test.zone"; };
C
} >"$RUN/ns1/named.conf"
[ -s "$RUN/ns1/corp.test.zone" ] || cat >"$RUN/ns1/corp.test.zone" <<C
\$ORIGIN corp.test.
\$TTL $TTL
@ SOA ns1 hostmaster 1 3600 600 1209600 $TTL
@ NS ns1
@ NS ns2
@ MX 10 mx1
@ MX 20 mx2
@ TXT "v=spf1 mx -all"
ns1 A $NS1
ns2 A $NS2
mx1 A $MX1
mx2 A $MX2
mta-sts A $WEB
www A $WEB
imap A $IMAP
C
[ -s "$RUN/ns1/sender.test.zone" ] || cat >"$RUN/ns1/sender.test.zone" <<C
\$TTL $TTL
@ SOA ns1.corp.test. hostmaster.corp.test. 1 3600 600 1209600 $TTL
@ NS ns1.corp.test.
@ NS ns2.corp.test.
@ MX 10 out
out A $SENDER
C
[ -s "$RUN/ns1/provider.test.zone" ] || cat >"$RUN/ns1/provider.test.zone" <<C
\$TTL $TTL
@ SOA ns1.corp.test. hostmaster.corp.test. 1 3600 600 1209600 $TTL
@ NS ns1.corp.test.
@ NS ns2.corp.test.
mta-sts A $WEB
corp._mta-sts TXT "v=STSv1; id=provider1;"
corp._tlsrpt TXT "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test"
C

# --- ns1 as Knot: the same zones, keys and rights, for bin/ns1-server.sh
{ cat <<C
server:
  rundir: "$RUN/ns1-knot"
  pidfile: "$RUN/ns1-knot/knotd.pid"
  user: knot:knot
  listen: $NS1@53
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: "$RUN/ns1-knot/knotd.log"
    any: debug
database:
  storage: "$RUN/ns1-knot/db"
  journal-db-max-size: 32M
remote:
  - id: ns2
    address: $NS2
    via: $NS1
key:
C
  for k in lab-admin rollout rollout-axfr xfer; do
    printf '  - id: %s\n    algorithm: hmac-sha256\n    secret: "%s"\n' "$k" "$(sed -n 's/.*secret "\(.*\)".*/\1/p' "$RUN/keys/$k.key")"
  done
  cat <<C
acl:
  - id: transfer-to-ns2
    address: $NS2
    action: transfer
  - id: transfer
    key: [xfer, rollout-axfr]
    action: transfer
  - id: update-anything
    key: lab-admin
    action: update
  - id: update-the-rollout
    key: [rollout, rollout-axfr]
    action: update
    update-owner: name
    update-owner-match: equal
    update-owner-name: [_mta-sts, _smtp._tls, mta-sts, _acme-challenge.mta-sts]
    update-type: [TXT, CNAME, A, AAAA]
template:
  - id: default
    storage: "$RUN/ns1-knot"
    file: "%s.zone"
    notify: ns2
    acl: [transfer-to-ns2, transfer]
zone:
  - domain: corp.test
    acl: [transfer-to-ns2, transfer, update-anything, update-the-rollout]
  - domain: sender.test
  - domain: provider.test
C
} >"$RUN/ns1-knot/knot.conf"
for z in sender.test provider.test; do sed "1i \$ORIGIN $z." "$RUN/ns1/$z.zone" >"$RUN/ns1-knot/$z.zone"; done
[ -s "$RUN/ns1/server" ] || { echo bind >"$RUN/ns1/server"; echo 0 >"$RUN/ns1/skew"; }
chown -R knot:knot "$RUN/ns1-knot"

# --- ns2: secondary of the same zones; its zone statements are in a file that ns2-mode.sh rewrites
{ named_common ns2 "$NS2"; echo "  include \"$RUN/ns2/mode.options\";"; echo "};"; named_tail ns2 hint "$RUN/root.hints"
  echo "include \"$RUN/ns2/mode.zones\";"; } >"$RUN/ns2/named.conf"
[ -s "$RUN/ns2/mode.zones" ] || LAB_WRITE_ONLY=1 "$BIN/ns2-mode.sh" sync
sed -i "s/^  allow-transfer { key xfer; };/  allow-transfer { key xfer; $NS2; };/" "$RUN/ns1/named.conf"
chown -R bind:bind "$RUN/ns1" "$RUN/ns2" "$RUN/parent"

# --- unbound
cat >"$RUN/unbound/unbound.conf" <<C
server:
  directory: "$RUN/unbound"
  chroot: ""
  username: "unbound"
  pidfile: "$RUN/unbound/unbound.pid"
  use-syslog: no
  logfile: "$RUN/unbound/unbound.log"
  interface: $RES@53
  outgoing-interface: $RES
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  num-threads: 1
  module-config: "iterator"
  domain-insecure: "test."
  do-not-query-localhost: no
  local-zone: "test." nodefault
  local-zone: "127.in-addr.arpa." nodefault
  root-hints: "$RUN/root.hints"
  minimal-responses: no
  msg-cache-size: 2m
  rrset-cache-size: 2m
remote-control:
  control-enable: yes
  control-interface: "$RUN/unbound/ctl.sock"
  control-use-cert: no
C
chown -R unbound:unbound "$RUN/unbound"

# --- nginx
[ -e "$RUN/www/current" ] || ln -s "$RUN/www/mta-sts" "$RUN/www/current"
[ -s "$RUN/nginx/mode" ] || { echo ok >"$RUN/nginx/mode"; echo ok >"$RUN/nginx/addr1"; echo down >"$RUN/nginx/addr2"; }
[ -e "$RUN/nginx/mode.conf" ] || "$BIN/web-conf.sh" write
cat >"$RUN/nginx/nginx.conf" <<C
load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
user www-data;
worker_processes 1;
pid $RUN/nginx/nginx.pid;
worker_shutdown_timeout 1s;
error_log $RUN/nginx/error.log;
events { worker_connections 256; }
http {
  access_log $RUN/nginx/access.log;
  client_body_temp_path $RUN/nginx/tmp/b; proxy_temp_path $RUN/nginx/tmp/p; fastcgi_temp_path $RUN/nginx/tmp/f; uwsgi_temp_path $RUN/nginx/tmp/u; scgi_temp_path $RUN/nginx/tmp/s;
  types { text/plain txt; text/html html; } default_type application/octet-stream;
  server_tokens off; keepalive_timeout 0;
  include $RUN/nginx/mode.conf;
}
C

# --- pebble
cat >"$RUN/pebble/pebble.json" <<C
{"pebble": {"listenAddress": "$ACME:14000", "managementListenAddress": "$ACME:15000",
  "certificate": "$CA/acme.chain", "privateKey": "$CA/acme.key", "httpPort": 80, "tlsPort": 443,
  "ocspResponderURL": "", "externalAccountBindingRequired": false, "domainBlocklist": ["blocked.test"],
  "retryAfter": {"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa",
  "profiles": {"default": {"description": "90 days", "validityPeriod": 7776000}, "shortlived": {"description": "6 days", "validityPeriod": 518400}}}}
C

# --- postfix-mta-sts-resolver
cat >"$RUN/sts/daemon.yml" <<C
host: 127.0.0.1
port: $STS_PORT
reuse_port: false
cache_grace: 0
shutdown_timeout: 1
cache: {type: internal}
default_zone: {strict_testing: false, timeout: 8}
zones:
  strict: {strict_testing: true, timeout: 8}
C
sed -i '/^reuse_port/d' "$RUN/sts/daemon.yml"

# --- Postfix: mx1, mx2 (receivers) and out (sender)
master_cf() { cat <<'C'
smtp      inet  n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
C
}
main_common() { # NAME ADDR HOSTNAME
cat <<C
compatibility_level = 3.6
queue_directory = $RUN/postfix-$1/spool
data_directory = $RUN/postfix-$1/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
maillog_file = $RUN/postfix-$1/mail.log
maillog_file_prefixes = $RUN
myhostname = $3
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_protocols = ipv4
inet_interfaces = $2
smtp_bind_address = $2
biff = no
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
C
}
# put FILE: stdin becomes FILE if it differs; dated back, since Postfix waits 1-2 s for a configuration file that is "hot"
put() { cat >"$1.new"; if cmp -s "$1.new" "$1"; then rm "$1.new"; else touch -d '1 hour ago' "$1.new"; mv "$1.new" "$1"; fi; }
for m in mx1 mx2 mx2b out; do mkdir -p "$RUN/postfix-$m"/{conf,spool,data}; chown postfix "$RUN/postfix-$m/data"; done
for m in mx1 mx2 mx2b; do
  h=${m%b} a=$(mx_addr $m) c=$RUN/postfix-$m/conf
  [ -s "$RUN/postfix-$m/tls.pem" ] || { install -m 600 "$CA/$h-valid.pem2" "$RUN/postfix-$m/tls.pem"; echo valid >"$RUN/postfix-$m/mode"; [ $m != mx2b ] || echo down >"$RUN/postfix-$m/mode"; }
  lvl=may proto='>=TLSv1'; case "$(cat "$RUN/postfix-$m/mode")" in no-starttls) lvl=none;; old-tls) proto='<=TLSv1.1';; esac
  { main_common $m $a $h.corp.test; cat <<C
mynetworks = 127.255.255.254/32
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions =
virtual_mailbox_domains = corp.test
virtual_mailbox_maps = texthash:$c/vmailbox
virtual_mailbox_base = $RUN/vmail
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
smtpd_tls_security_level = $lvl
smtpd_tls_protocols = $proto
smtpd_tls_exclude_ciphers = aNULL
smtpd_tls_chain_files = $RUN/postfix-$m/tls.pem
C
  } | put "$c/main.cf"
  printf '%s\n' "tlsrpt@corp.test corp.test/tlsrpt/Maildir/" "user@corp.test corp.test/user/Maildir/" "@corp.test corp.test/catchall/Maildir/" | put "$c/vmailbox"
  master_cf | put "$c/master.cf"
done
{ main_common out $SENDER out.sender.test | sed 's/^mydestination =$/mydestination = sender.test/'; cat <<C
local_transport = discard:
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_tls_security_level = may
smtp_tls_policy_maps = socketmap:inet:127.0.0.1:$STS_PORT:postfix
smtp_tls_CAfile = $BUNDLE
smtp_tls_loglevel = 1
smtp_connection_cache_on_demand = no
smtp_connect_timeout = 5s
smtp_helo_timeout = 10s
default_destination_concurrency_failed_cohort_limit = 1000
minimal_backoff_time = 1s
queue_run_delay = 600s
C
} | put "$RUN/postfix-out/conf/main.cf"
master_cf | put "$RUN/postfix-out/conf/master.cf"
chown 5000:5000 "$RUN/vmail"

# --- dovecot
cat >"$RUN/dovecot/dovecot.conf" <<C
protocols = imap
listen = $IMAP
base_dir = $RUN/dovecot/run
state_dir = $RUN/dovecot/state
instance_name = lab
log_path = $RUN/dovecot/dovecot.log
ssl = yes
ssl_cert = <$CA/imap.chain
ssl_key = <$CA/imap.key
disable_plaintext_auth = yes
mail_location = maildir:~/Maildir
first_valid_uid = 5000
mail_max_userip_connections = 50
passdb {
  driver = passwd-file
  args = scheme=PLAIN $RUN/dovecot/users
}
userdb {
  driver = static
  args = uid=5000 gid=5000 home=$RUN/vmail/%d/%n
}
namespace inbox {
  inbox = yes
}
service imap-login {
  inet_listener imap {
    port = 143
  }
  inet_listener imaps {
    port = 993
    ssl = yes
  }
}
C
[ -s "$RUN/dovecot/users" ] || printf 'tlsrpt@corp.test:{PLAIN}lab-tlsrpt-pw\nuser@corp.test:{PLAIN}lab-user-pw\n' >"$RUN/dovecot/users"
chgrp dovecot "$RUN/dovecot/users"; chmod 640 "$RUN/dovecot/users"
