package probe

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"belay/rollout"

	"github.com/miekg/dns"
)

// A wildcard answers for every name of a zone that nobody made (RFC 4592), so an
// answer alone does not say that something stands at the name asked about.

// unmadeLabel is a first label that nobody gives a name.
func unmadeLabel() string { return fmt.Sprintf("belay-%08x", rand.Uint32()) }

// Unmade is a name directly below parent that nobody made: the same one as long as
// the view lives.
func (v *View) Unmade(parent string) string { return v.unmade + "." + parent }

// ByWildcard reports whether what the server of at, one of a's sightings, answered is
// made by a wildcard: it answers the same for a name beside a's that nobody made. Where
// a record of the name's own holds what the wildcard does, the names below tell
// them apart, for a name that exists ends the wildcard's reach (RFC 4592 section
// 2.2.1). Only that server is asked, and no resolver, so that nobody remembers the
// names. An answer without records, or without authority, is nobody's.
func (v *View) ByWildcard(a Authority, at rollout.Sighting) bool {
	_, parent, _ := strings.Cut(a.Name, ".")
	if !within(parent, a.Zone) || strings.HasPrefix(a.Name, "*.") {
		return false
	}
	ask := func(name string) said { return v.said(at.Where, at.IP, name, dns.StringToType[a.Type], a.Zone) }
	answer := ask(a.Name)
	if len(answer.values) == 0 && answer.alias == "" {
		return false
	}
	beside := v.Unmade(parent)
	return answer.same(ask(beside)) && ask(v.Unmade(a.Name)).same(ask(v.Unmade(beside)))
}

// same reports whether both are answers, and hold the same records.
func (s said) same(other said) bool {
	return s.answered && other.answered && s.alias == other.alias &&
		rollout.Records(s.values...).Equal(rollout.Records(other.values...))
}
