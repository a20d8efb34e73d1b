package rollout

import "belay/rollout/mtasts"

// ChallengeDNS is the value of Settings.Challenge by which an operator consents, in
// the journal and until the setting is changed, that belay writes and removes its own
// values at ChallengeName whenever a certificate of the policy host is due. No plan
// shows these writes.
const ChallengeDNS = "dns"

// ChallengeName is the one name beside those of Writable at which belay may write, and
// only TXT values that prove the policy host to a CA (RFC 8555 section 8.4).
func ChallengeName(domain string) string { return "_acme-challenge." + mtasts.PolicyHost(domain) }

// ConsentsToDNS reports whether belay may prove the policy host by DNS-01.
func (s Settings) ConsentsToDNS() bool { return s.Challenge == ChallengeDNS }
