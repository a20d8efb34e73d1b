package mtasts

import "time"

// NewID returns a policy id made of now: its UTC time as YYYYMMDDTHHMMSSZ, moved
// on by seconds until used says that the id is free. An id is never used twice: a
// sender that holds it would not fetch the new policy (RFC 8461 3.1). used may be
// nil.
func NewID(now time.Time, used func(id string) bool) string {
	for t := now.UTC(); ; t = t.Add(time.Second) {
		id := t.Format("20060102T150405Z")
		if used == nil || !used(id) {
			return id
		}
	}
}

// validID reports whether id is 1 to 32 letters and digits.
func validID(id string) bool {
	if len(id) < 1 || len(id) > 32 {
		return false
	}
	for i := 0; i < len(id); i++ {
		if !alnum(id[i]) {
			return false
		}
	}
	return true
}
