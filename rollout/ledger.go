package rollout

import (
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
	// Until is when its successor was verified on every address; zero while it
	// is served.
	Until time.Time `json:"until,omitzero"`
	// Live is when it was verified from outside on every address; zero before.
	Live time.Time `json:"live,omitzero"`
	// Foreign marks a body that belay found and did not write.
	Foreign bool `json:"foreign,omitempty"`
	// Assumed marks a body nobody has seen: what senders may hold from before
	// belay came.
	Assumed bool `json:"assumed,omitempty"`
}
