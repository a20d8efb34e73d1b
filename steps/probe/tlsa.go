package probe

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"strconv"
	"strings"
)

// Verify says how the certificates that the session met stand to the host's TLSA
// records, in the form in which Resolve gives them (RFC 7672 3). usable is how
// many of the records senders can use for SMTP; matches is whether one of these
// vouches for the chain.
func (s Session) Verify(records []string) (usable int, matches bool) {
	for _, text := range records {
		r, ok := parseTLSA(text)
		if !ok {
			continue
		}
		usable++
		matches = matches || r.vouches(s.chain)
	}
	return usable, matches
}

// tlsa is one TLSA record that senders can use.
type tlsa struct {
	usage, selector, matching uint64
	data                      string // hexadecimal, lower case
}

// The usages that DANE for SMTP knows; the PKIX ones are unusable there (RFC 7672
// 3.1.3).
const (
	daneTA = 2
	daneEE = 3
)

// parseTLSA reads "3 1 1 ab...". It is false for what no sender can use.
func parseTLSA(text string) (r tlsa, ok bool) {
	fields := strings.Fields(text)
	if len(fields) != 4 {
		return r, false
	}
	for i, to := range []*uint64{&r.usage, &r.selector, &r.matching} {
		n, err := strconv.ParseUint(fields[i], 10, 8)
		if err != nil {
			return r, false
		}
		*to = n
	}
	r.data = strings.ToLower(fields[3])
	sound := (r.usage == daneTA || r.usage == daneEE) && r.selector <= 1 && r.matching <= 2
	switch r.matching {
	case 1:
		sound = sound && len(r.data) == 2*sha256.Size
	case 2:
		sound = sound && len(r.data) == 2*sha512.Size
	}
	return r, sound
}

// vouches reports whether the record matches the leaf, or for a trust anchor one of
// the issuers that were sent.
func (r tlsa) vouches(chain []*x509.Certificate) bool {
	if len(chain) == 0 {
		return false
	}
	if r.usage == daneEE {
		return r.is(chain[0])
	}
	for _, c := range chain[1:] {
		if r.is(c) {
			return true
		}
	}
	return false
}

func (r tlsa) is(c *x509.Certificate) bool {
	raw := c.Raw
	if r.selector == 1 {
		raw = c.RawSubjectPublicKeyInfo
	}
	switch r.matching {
	case 1:
		sum := sha256.Sum256(raw)
		raw = sum[:]
	case 2:
		sum := sha512.Sum512(raw)
		raw = sum[:]
	}
	return hex.EncodeToString(raw) == r.data
}
