package rollout

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"belay/rollout/mtasts"
)

// Ledger is every policy body that a sender may have fetched, oldest first.
type Ledger []LedgerEntry

// LedgerEntry is one body and the time it was served.
type LedgerEntry struct {
	Hash string `json:"hash"` // SHA-256 of the bytes, hexadecimal
	Body string `json:"body"`
	// IDs are the ids it was announced under, in order.
	IDs    []string    `json:"ids,omitempty"`
	Mode   mtasts.Mode `json:"mode"`
	MaxAge uint32      `json:"max_age"`
	MX     []string    `json:"mx"`
	// From is when the intent to write it was journaled: a sender may fetch it
	// from then on.
	From time.Time `json:"from"`
	// Until is when its successor was verified on every address, or when reading
	// showed that it does not stand where it was to be written; zero while it may
	// be fetched.
	Until time.Time `json:"until,omitzero"`
	// Live is when it was verified from outside on every address; zero before.
	Live time.Time `json:"live,omitzero"`
	// Announced is when its first id was verified at every server; zero before.
	// Senders are told of the body from then on.
	Announced time.Time `json:"announced,omitzero"`
	// Foreign marks a body that belay found and did not write.
	Foreign bool `json:"foreign,omitempty"`
	// Assumed marks a body nobody has seen: what senders may hold from before
	// belay came.
	Assumed bool `json:"assumed,omitempty"`
}

// Hash names a body: its SHA-256 in hexadecimal.
func Hash(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// NewLedgerEntry is the entry of a body that may be fetched from then on. A body
// that does not parse has the mode none and holds nobody.
func NewLedgerEntry(body string, from time.Time) LedgerEntry {
	p, _ := mtasts.ParsePolicy([]byte(body))
	if p.Mode == "" {
		p.Mode = mtasts.None
	}
	return LedgerEntry{Hash: Hash(body), Body: body, Mode: p.Mode, MaxAge: p.MaxAge, MX: p.MX, From: from}
}

// HeldUntil is the latest moment at which a sender may still hold the entry's
// policy: its close and max_age, counted from its own fetch. open is true while
// the body is served, when there is no such moment yet and now stands in for
// the close.
func (e LedgerEntry) HeldUntil(now time.Time) (until time.Time, open bool) {
	end := e.Until
	if end.IsZero() {
		end, open = now, true
	}
	return end.Add(time.Duration(e.MaxAge) * time.Second), open
}

// HeldUntil is the latest moment at which a sender may hold a policy of the
// ledger that is not none; zero where there is none.
func (l Ledger) HeldUntil(now time.Time) time.Time {
	var latest time.Time
	for _, e := range l {
		if e.Mode == mtasts.None {
			continue
		}
		if until, _ := e.HeldUntil(now); until.After(latest) {
			latest = until
		}
	}
	return latest
}

// Announced reports whether l has a body that was announced and is still served.
func (l Ledger) Announced() bool {
	return slices.ContainsFunc(l, func(e LedgerEntry) bool {
		return len(e.IDs) > 0 && e.Until.IsZero() && !e.Live.IsZero() && !e.Assumed
	})
}

// Served reports whether body is one the ledger served, by its bytes or, for a
// body that parses, as the same policy.
func (l Ledger) Served(body string) bool {
	for _, e := range l {
		if !e.Assumed && Body(e.Body).SamePolicy(Body(body)) {
			return true
		}
	}
	return false
}

// Policy is the entry's policy, parsed.
func (e LedgerEntry) Policy() mtasts.Policy {
	p, _ := mtasts.ParsePolicy([]byte(e.Body))
	return p
}
