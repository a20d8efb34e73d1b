#!/bin/bash
# Installs everything the lab needs. Debian 12, root. Idempotent. Starts no service: for the time of the install a
# policy-rc.d that answers 101 is in place.
set -euo pipefail
PEBBLE_VERSION=v2.10.1   # from the Go module proxy: Debian's is 2.4.0, which knows neither ARI nor profiles
PKGS=(bind9 bind9-utils bind9-dnsutils knot gcc libc6-dev unbound postfix postfix-mta-sts-resolver nginx-light libnginx-mod-http-echo
      dovecot-imapd groff-base systemd openssh-server apache2 caddy haproxy swaks libnet-ssleay-perl libio-socket-ssl-perl lego curl openssl python3 nodejs procps iproute2 util-linux)
[ "${LAB_PEBBLE:-go}" = deb ] && PKGS+=(pebble)
missing=()
for p in "${PKGS[@]}"; do
  case "$(dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null)" in ii*) ;; *) missing+=("$p");; esac
done
if [ ${#missing[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
  fi
  echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
  [ -n "${LAB_APT_UPDATED:-}" ] || apt-get update -qq   # a caller that has just done so says it
  apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
fi
PEBBLE_BIN=${LAB_PEBBLE_BIN:-${TMPDIR:-/var/tmp}/belay-lab/bin/pebble}
if [ "${LAB_PEBBLE:-go}" = go ] && [ ! -x "$PEBBLE_BIN" ]; then
  mkdir -p "$(dirname "$PEBBLE_BIN")"
  GOFLAGS=-mod=mod GOBIN=$(dirname "$PEBBLE_BIN") go install "github.com/letsencrypt/pebble/v2/cmd/pebble@$PEBBLE_VERSION"
fi
echo "install.sh: ok"
