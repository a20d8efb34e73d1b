# Shared by every script. Source it; do not run it.
LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
RUN=${LAB_RUN:-${TMPDIR:-/var/tmp}/belay-lab/run}
BIN=$LAB/bin
PEBBLE_BIN=${LAB_PEBBLE_BIN:-${TMPDIR:-/var/tmp}/belay-lab/bin/pebble}
[ -x "$PEBBLE_BIN" ] || PEBBLE_BIN=/usr/bin/pebble
# Addresses. All of 127/8 is local on Linux and can be bound without "ip addr add", but BIND and Postfix look theirs up in
# the interface list, so up.sh adds them to lo and down.sh takes them off again.
NS1=127.0.0.2 NS2=127.0.0.3 PARENT=127.0.0.9 RES=127.0.0.4 ACME=127.0.0.5 IMAP=127.0.0.6 SENDER=127.0.0.7
MX1=127.0.1.1 WEB=127.0.1.2 MX2=127.0.1.3 STS_PORT=8461
VENDOR=127.0.1.9                # where a vendor's policy host answers, if a test runs one
WEB2=127.0.1.4 MX2B=127.0.1.5   # second addresses of the policy host and of mx2: dead until a knob wakes them
ADDRS=("$NS1" "$NS2" "$PARENT" "$SENDER" "$MX1" "$MX2" "$MX2B")   # not IMAP: Dovecot trusts a peer that has its own address
ZONE=corp.test
CA=$RUN/ca BUNDLE=$RUN/ca/bundle.pem
die() { echo "$*" >&2; exit 1; }
# pid_alive FILE WORD: true when FILE holds a live pid whose command line or environment has WORD (guards against pid
# reuse; Postfix's master has its config directory only in the environment, as MAIL_CONFIG)
pid_alive() {
  local p; [ -s "$1" ] || return 1
  p=$(tr -dc 0-9 <"$1"); [ -n "$p" ] && [ -r "/proc/$p/cmdline" ] || return 1
  cat "/proc/$p/cmdline" "/proc/$p/environ" 2>/dev/null | tr '\0' ' ' | grep -F -- "$2" >/dev/null   # not -q: SIGPIPE + pipefail would lie
}
wait_tcp() { # ADDR PORT [SECONDS]
  local i n=$(( ${3:-10} * 20 ))
  for ((i=0; i<n; i++)); do (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null && return 0; sleep 0.05; done
  echo "timeout waiting for $1:$2" >&2; return 1
}
wait_gone() { # PID [SECONDS]
  local i n=$(( ${2:-8} * 20 ))
  for ((i=0; i<n; i++)); do [ -d "/proc/$1" ] || return 0; grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null && return 0; sleep 0.05; done
  return 1
}
stop_pidfile() { # FILE WORD NAME
  if pid_alive "$1" "$2"; then
    local p; p=$(tr -dc 0-9 <"$1"); kill "$p" 2>/dev/null; kill -CONT "$p" 2>/dev/null   # CONT: it may be one that a knob froze
    wait_gone "$p" || { kill -9 "$p" 2>/dev/null; wait_gone "$p" 2; }
    echo "stopped $3 (pid $p)"
  fi
}
# sweep REGEX: end what is left of our daemons (an nginx worker whose master was killed, say). A process is ours when its
# /etc/resolv.conf is the very file $RUN/resolv.conf, which only holds in a mount namespace that this lab made.
sweep() {
  local d p id; id=$(stat -c %d:%i "$RUN/resolv.conf" 2>/dev/null) || return 0
  for d in /proc/[0-9]*; do
    p=${d#/proc/}; [ "$p" != "$$" ] && grep -E "^($1)\$" "$d/comm" >/dev/null 2>&1 || continue
    [ "$(stat -L -c %d:%i "$d/root/etc/resolv.conf" 2>/dev/null)" = "$id" ] || continue
    kill "$p" 2>/dev/null; wait_gone "$p" 2 || { kill -9 "$p" 2>/dev/null; wait_gone "$p" 2; }
    echo "swept $p"
  done
}
# mx_addr mx1|mx2|mx2b: where that Postfix listens. mx2b is mx2's second address, with the same name and certificates
mx_addr() { case "$1" in mx1) echo $MX1;; mx2) echo $MX2;; mx2b) echo $MX2B;; *) return 1;; esac; }
# mode_of FILE: the mode a knob last set (empty before the first up)
mode_of() { cat "$1" 2>/dev/null || true; }
# in_lab CMD...: run CMD inside the lab's network namespace when up.sh made one (LAB_NETNS), with resolv.conf -> unbound.
in_lab() {
  if [ -s "$RUN/netns" ] && [ "$(ip netns identify $$ 2>/dev/null)" != "$(cat "$RUN/netns")" ]; then
    ip netns exec "$(cat "$RUN/netns")" unshare -m --propagation private "$BIN/ns-enter" "$@"
  else
    unshare -m --propagation private "$BIN/ns-enter" "$@"
  fi
}
