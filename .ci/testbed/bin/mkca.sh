#!/bin/bash
# Private CA: root -> intermediate -> leaves, and every broken leaf the modes need. Made once; delete $RUN/ca to remake.
# Renewed leaves are not made here: renew_leaf issues one at the moment it is asked for.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
. "$BIN/leaf.sh"
[ -s "$CA/done" ] && exit 0
rm -rf "$CA"; mkdir -p "$CA/new"; cd "$CA"; umask 022
cat >ca.cnf <<C
[ca]
default_ca = d
[d]
dir = .
database = ./index.txt
new_certs_dir = ./new
rand_serial = yes
default_md = sha256
policy = pol
unique_subject = no
copy_extensions = copy
email_in_dn = no
[pol]
commonName = supplied
[v3_root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[v3_inter]
basicConstraints = critical,CA:true,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[v3_leaf]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[req]
distinguished_name = dn
[dn]
C
: >index.txt
root() { # NAME CN
  key "$1.key"; openssl req -x509 -new -key "$1.key" -subj "/CN=$2" -days 3650 -config ca.cnf -extensions v3_root -out "$1.pem"
}
root root "Lab Root CA"; root evil "Untrusted Root CA"
key inter.key
openssl req -new -key inter.key -subj "/CN=Lab Intermediate CA" -config ca.cnf -out inter.csr
openssl ca -batch -notext -config ca.cnf -cert root.pem -keyfile root.key -extensions v3_inter -days 1825 -in inter.csr -out inter.pem 2>/dev/null
# per host: valid, expired, soon (3 days left), wrongname, untrusted (other CA), selfsigned
hostset() { # SHORT FQDN
  leaf "$1-valid"     "$2" "-1 day" "+90 days"
  leaf "$1-expired"   "$2" "-91 days" "-1 day"
  leaf "$1-soon"      "$2" "-87 days" "+3 days"
  leaf "$1-wrongname" "wrong.other.test" "-1 day" "+90 days"
  leaf "$1-untrusted" "$2" "-1 day" "+90 days" evil
  key "$1-selfsigned.key"
  openssl req -x509 -new -key "$1-selfsigned.key" -subj "/CN=$2" -addext "subjectAltName=DNS:$2" -days 90 -config ca.cnf -out "$1-selfsigned.crt"
  cp "$1-selfsigned.crt" "$1-selfsigned.chain"
  cp "$1-valid.key" "$1-missing-intermediate.key"; cp "$1-valid.crt" "$1-missing-intermediate.chain"
}
hostset mx1 mx1.corp.test; hostset mx2 mx2.corp.test; hostset web mta-sts.corp.test
leaf imap "imap.corp.test,127.0.0.6" "-1 day" "+90 days"
leaf acme "acme.test,127.0.0.5" "-1 day" "+90 days"
leaf www  "www.corp.test" "-1 day" "+90 days"
for f in *.chain; do bundle_key "${f%.chain}"; done
cp root.pem bundle.pem
chmod 644 ./*.pem ./*.crt ./*.chain; chmod 640 ./*.key ./*.pem2
echo ok >done
