# How the lab's CA issues a leaf. Source it after lib.sh; the functions work in the CA's folder.
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1" 2>/dev/null; }
d() { date -u -d "$1" +%y%m%d%H%M%SZ; }
leaf() { # FILE SAN START END [SIGNER=inter] ; writes FILE.crt FILE.key FILE.chain (leaf + intermediate)
  local s=${5:-inter}
  key "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=${2%%,*}" -addext "subjectAltName=$(echo "$2" | sed 's/[^,]*/&/g; s/\([^,]*\)/TAG:\1/g; s/TAG:\([0-9.]*\)\(,\|$\)/IP:\1\2/g; s/TAG:/DNS:/g')" -config ca.cnf -out "$1.csr"
  openssl ca -batch -notext -config ca.cnf -cert "$s.pem" -keyfile "$s.key" -extensions v3_leaf -startdate "$(d "$3")" -enddate "$(d "$4")" -in "$1.csr" -out "$1.crt" 2>/dev/null || return 1
  if [ "$s" = inter ]; then cat "$1.crt" inter.pem >"$1.chain"; else cp "$1.crt" "$1.chain"; fi
  rm -f "$1.csr"
}
# bundle_key NAME: key and chain in one file, as Postfix wants them
bundle_key() { cat "$1.key" "$1.chain" >"$1.pem2"; chmod 640 "$1.key" "$1.pem2"; chmod 644 "$1.chain"; }
# not_before FILE: when the first certificate in FILE starts to be valid, in seconds since 1970
not_before() { date -d "$(openssl x509 -in "$1" -noout -startdate | cut -d= -f2)" +%s; }
# renew_leaf NAME FQDN: issues NAME-renewed for FQDN. It starts this second, and later than any renewal of NAME before,
# for a renewal is known by its later notBefore (which counts whole seconds).
renew_leaf() {
  ( cd "$CA" && exec 9>lock && flock 9 || exit 1
    [ ! -s "$1-renewed.crt" ] || while [ "$(date +%s)" -le "$(not_before "$1-renewed.crt")" ]; do sleep 0.1; done
    umask 022; leaf "$1-renewed" "$2" now "+90 days" && bundle_key "$1-renewed" )
}
