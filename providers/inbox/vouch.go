package inbox

import (
	"slices"
	"strings"
)

// vouched reports whether the operator's own MX, whose ids these are, wrote that it verified a signature
// of the claim's organisation when it took the mail: then the signature counts
// though its key is gone by now. signer is that organisation.
//
// A sender can write an Authentication-Results field as well as any other. So only
// the topmost field with the very id of the MX is read, and it must stand where only
// the operator's own servers write: no such field of another id above it, and no
// Received field of a host outside the organisation that the id belongs to. One
// thing belay cannot see, and the operator answers for by naming the id: that the MX
// removes fields with its own id from what comes in, as RFC 8601 section 5 demands,
// or writes one into every mail.
//
// And the mail must bear what the field speaks of: a signature of that domain over
// just this body, with the beginning that header.b names where it does (RFC 6008).
func vouched(h headed, c claim, ids []string) (signer string, ok bool) {
	results, ok := ownResults(h, ids)
	if !ok {
		return "", false
	}
	for _, r := range results {
		if r.method != "dkim" || r.result != "pass" {
			continue
		}
		d := r.properties["header.d"]
		if d == "" {
			d = mailDomain(r.properties["header.i"])
		}
		if !c.aligns(d) {
			continue
		}
		bears := func(s signature) bool {
			return strings.EqualFold(s.domain(), d) && strings.HasPrefix(s.tags["b"], r.properties["header.b"]) && s.coversBody(h)
		}
		if slices.ContainsFunc(h.signatures(), bears) {
			return orgDomain(d), true
		}
	}
	return "", false
}

// ownResults are what the field of the operator's own MX says; ok is false where
// there is none that could not be a sender's.
func ownResults(h headed, ids []string) (results []authResult, ok bool) {
	own := func(id string) bool {
		return slices.ContainsFunc(ids, func(name string) bool { return strings.EqualFold(name, id) })
	}
	for _, f := range h.fields {
		if value, is := named(f, "Authentication-Results"); is {
			id, results, ok := parseAuthResults(string(value))
			return results, ok && own(id)
		}
		if value, is := named(f, "Received"); is {
			host := receivedBy(string(value))
			same := func(name string) bool { return orgDomain(name) == orgDomain(host) }
			if orgDomain(host) != "" && !slices.ContainsFunc(ids, same) {
				return nil, false
			}
		}
	}
	return nil, false
}

// receivedBy is the host that wrote a Received field: the word behind "by" (RFC 5321
// section 4.4).
func receivedBy(value string) string {
	p := authParser{rest: value}
	for p.space(); p.rest != ""; p.space() {
		w := p.word(";")
		switch {
		case w == "": // a quotation mark, a bracket or the date
			p.rest = p.rest[1:]
		case strings.EqualFold(w, "by"):
			p.space()
			return p.word(";")
		}
	}
	return ""
}
