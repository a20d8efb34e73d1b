package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// Regard is what a gate makes of a failure that a reporter tells of.
type Regard string

// The regards.
const (
	RegardHolds      Regard = "holds"      // the gate names it
	RegardOverridden Regard = "overridden" // the gate names it, and an operator took it upon himself
	RegardDismissed  Regard = "dismissed"  // an operator set it aside
	RegardStray      Regard = "stray"      // it is one of a few that come of the sender's own network
	RegardOver       Regard = "over"       // it lies before the time that the gate asks about
	RegardMended     Regard = "mended"     // belay saw it mended before its period was over
	RegardUnasked    Regard = "unasked"    // the gate does not ask about unknown signers
	RegardUnread     Regard = "unread"     // the gate reads no reports
)

// Regarded is a failure as one reporter tells of it, and what the gate makes of that.
type Regarded struct {
	// Key is how a dismissal names it.
	Key      string `json:"key"`
	Reporter string `json:"reporter"`
	Regard   Regard `json:"regard"`
	// By, At and Why are those of the dismissal, where Regard is dismissed.
	By  string    `json:"by,omitempty"`
	At  time.Time `json:"at,omitzero"`
	Why string    `json:"why,omitempty"`

	last     time.Time // end of the newest period that is not dismissed
	blocking time.Time // end of the newest of those that is no stray either
}

// regard notes in fs who tells of them, and what became of that before a gate reads
// it: told is all that has an effect, newest period first; left is what of it no
// operator dismissed, and blocking what of that is no stray.
func (r Rollout) regard(fs []Failure, told, left, blocking []BlockingFailure) {
	type kind struct {
		typ tlsrpt.ResultType
		mx  string
	}
	type teller struct {
		kind
		reporter string
	}
	at := map[kind][]Regarded{}
	places := map[teller]int{} // among those of its kind
	for _, b := range told {
		of := kind{b.Type, b.MX}
		if _, ok := places[teller{of, b.Reporter}]; ok {
			continue
		}
		places[teller{of, b.Reporter}] = len(at[of])
		k := Regarded{Key: b.Key, Reporter: b.Reporter, Regard: RegardDismissed}
		if d, ok := r.dismissal(b); ok {
			k.By, k.At, k.Why = d.Who, d.At, d.Reason
		}
		at[of] = append(at[of], k)
	}
	of := func(b BlockingFailure) *Regarded {
		is := kind{b.Type, b.MX}
		return &at[is][places[teller{is, b.Reporter}]]
	}
	for _, b := range left {
		k := of(b)
		*k = Regarded{Key: b.Key, Reporter: b.Reporter, Regard: RegardStray, last: later(k.last, b.Ends)}
	}
	for _, b := range blocking {
		k := of(b)
		k.Regard, k.blocking = RegardOver, later(k.blocking, b.Ends)
	}
	for i := range fs {
		if fs[i].Effect != EffectNone {
			fs[i].Regards = slices.SortedFunc(slices.Values(at[kind{fs[i].Type, fs[i].MX}]), func(a, b Regarded) int { return cmp.Compare(a.Key, b.Key) })
		}
	}
}

// Under is the review as a reader of gate needs it: which of the failures hold it, and
// why the others do not. A failure holds a gate when the gate says so, and never else.
func (v Review) Under(gate Gate) Review {
	type named struct{ code, subject string }
	overridden := map[named]bool{}
	for _, r := range gate.Reasons {
		if r.Code == ReasonBlocking || r.Code == ReasonSigner {
			overridden[named{r.Code, r.Subject}] = r.Overridden
		}
	}
	v.Failures = slices.Clone(v.Failures)
	for i := range v.Failures {
		f := &v.Failures[i]
		f.Blocks, f.Regards, f.gateSince = nil, slices.Clone(f.Regards), gate.CleanSince
		for j := range f.Regards {
			k := &f.Regards[j]
			if k.Regard == RegardDismissed || k.Regard == RegardStray {
				continue
			}
			by := named{ReasonBlocking, k.Key}
			if f.Stranger {
				by = named{ReasonSigner, k.Reporter}
			}
			waived, listed := overridden[by]
			switch {
			case !listed || f.Stranger && !k.last.After(gate.CleanSince):
				k.Regard = k.unlisted(f.Stranger, gate.CleanSince)
			case waived:
				k.Regard = RegardOverridden
			default:
				k.Regard = RegardHolds
				f.Blocks = append(f.Blocks, k.Key)
			}
		}
	}
	return v
}

// unlisted is the regard of what a gate does not name that counts clean time from since,
// zero where it reads no reports. A blocking failure of a later time is left out by a gate
// only where its period was not over when belay saw the mend.
func (k Regarded) unlisted(stranger bool, since time.Time) Regard {
	switch {
	case since.IsZero():
		return RegardUnread
	case !k.last.After(since):
		return RegardOver
	case stranger:
		return RegardUnasked
	case k.blocking.After(since):
		return RegardMended
	}
	return RegardStray
}

// Unheld says for what does not hold the gate why not, a sentence without a full stop
// for each reason, such as "does not hold the gate: dismissed on 12 Jun by
// ops@mail.corp.test (\"not ours\"), for 30 days". Moments in it are RFC 3339, UTC.
func (f Failure) Unheld(now time.Time) []string {
	if f.Effect == EffectNone {
		return []string{"does not hold the gate: enforce delivers these too"}
	}
	var order []string
	who := map[string][]string{}
	for _, k := range f.Regards {
		why := k.words(f.gateSince, now)
		if why == "" {
			continue
		}
		if who[why] == nil {
			order = append(order, why)
		}
		who[why] = append(who[why], k.Reporter)
	}
	var out []string
	for _, why := range order {
		if len(who[why]) == len(f.Regards) {
			out = append(out, "does not hold the gate: "+why)
			continue
		}
		out = append(out, fmt.Sprintf("what %s met does not hold the gate: %s", listed(who[why], 3), why))
	}
	return out
}

// words say why the gate is not held; empty where it is.
func (k Regarded) words(since, now time.Time) string {
	switch k.Regard {
	case RegardOverridden:
		return "overridden in writing"
	case RegardDismissed:
		said := fmt.Sprintf("dismissed on %s", onDay(k.At, now))
		if who := finding.Clean(k.By, 100); who != "" {
			said += " by " + who
		}
		if why := strings.TrimSpace(finding.Clean(k.Why, 200)); why != "" {
			said += fmt.Sprintf(" (%s)", finding.Quote(why, 200))
		}
		return said + fmt.Sprintf(", for %d days", DismissedFor/Day)
	case RegardStray:
		if !k.blocking.IsZero() {
			return fmt.Sprintf("what is not before %s is so few that they are strays, and belay's own looks were clean", stamp(since))
		}
		return "so few that they are strays, and belay's own looks were clean"
	case RegardOver:
		return fmt.Sprintf("it lies before %s, from when the gate counts clean time", stamp(since))
	case RegardMended:
		return "belay saw it mended before the period of the report was over"
	case RegardUnasked:
		return "this gate does not ask about unknown signers"
	case RegardUnread:
		return "the gate reads no reports as it stands"
	}
	return ""
}
