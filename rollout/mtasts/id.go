package mtasts

import "time"

// NewID returns a policy id made of now: its UTC time as YYYYMMDDTHHMMSSZ, moved
// on by seconds until used says that the id is free. An id is never used twice: a
// sender that holds it would not fetch the new policy (RFC 8461 3.1). used may be
// nil.
func NewID(now time.Time, used func(id string) bool) string {
	for t := now.UTC(); ; t = t.Add(time.Second) {
		id := t.Format(idLayout)
		if used == nil || !used(id) {
			return id
		}
	}
}

// idLayout is a moment as an id has it.
const idLayout = "20060102T150405Z"

// MadeAt is the moment that an id made by NewID names; ok is false for any other.
func MadeAt(id string) (at time.Time, ok bool) {
	at, err := time.Parse(idLayout, id)
	return at, err == nil
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
