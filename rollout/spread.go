package rollout

import "time"

// OldUntil is until when resolvers may still answer what stood before e, which was
// seen done at every name server at verified: what they were told last they keep
// for its TTL, and that nothing stood there for the zone's negative TTL (RFC 2308).
// It is zero where e is not verified, and for a policy, which no resolver keeps.
func (e Edit) OldUntil(verified time.Time) time.Time {
	if e.Kind != Record || verified.IsZero() || e.BeforeTTL == 0 {
		return time.Time{}
	}
	return verified.Add(time.Duration(e.BeforeTTL) * time.Second)
}
