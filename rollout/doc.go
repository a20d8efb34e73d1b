// Package rollout is what a rollout is: one policy domain's way to enforced
// MTA-STS (RFC 8461), through phases, gates, plans, the ledger and the journal.
//
// A Rollout is what its journal says, folded over every entry; beside it stands
// what looks have shown (Evidence, History) and what reporters have written
// (ReportDay). Gates and plans are pure functions over these values and a time.
// The Engine is the only thing that acts: it looks, plans, journals an intent,
// applies one edit through a Writer, journals the receipt, verifies from
// outside, and only then goes on, so that it can be killed anywhere and resume
// by looking.
//
// There is no network, no terminal and no database in this package. What it
// needs of them stands in ports.go as small interfaces.
package rollout
