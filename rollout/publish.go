package rollout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// freshTTL is what a record is written with where none stood, in seconds: short,
// so that the way back is short too.
const freshTTL = 300

// Publish plans that senders are told of want: the body first, then, once it is
// verified, the _mta-sts record with an id never used before (RFC 8461 section
// 8.1). Where the same policy is served and announced already, the plan is empty.
func (r Rollout) Publish(seen Evidence, want mtasts.Policy, purpose Purpose, now time.Time) (Plan, error) {
	b := r.newPlan(purpose, now)
	b.plan.Rung = want.MaxAge
	if err := b.publish(seen, want, false); err != nil {
		return Plan{}, err
	}
	return b.plan, nil
}

// announceAnew plans a new id for the policy that is live already.
func (r Rollout) announceAnew(seen Evidence, purpose Purpose, now time.Time) (Plan, error) {
	entry, _, ok := r.Live()
	if !ok {
		return Plan{}, fmt.Errorf("announce %s anew: no policy is live", r.Domain)
	}
	b := r.newPlan(purpose, now)
	b.plan.Rung = entry.MaxAge
	if err := b.publish(seen, entry.Policy(), true); err != nil {
		return Plan{}, err
	}
	return b.plan, nil
}

// builder makes one plan: it numbers edits and knows whose values they replace.
type builder struct {
	r    Rollout
	plan Plan
	// first are edits that an announcement waits for, beside that of its body.
	first []string
}

func (r Rollout) newPlan(purpose Purpose, now time.Time) *builder {
	return &builder{r: r, plan: Plan{Domain: r.Domain, Phase: r.Phase, Purpose: purpose, Made: now}}
}

// add appends an edit, numbers it and returns its id.
func (b *builder) add(e Edit) string {
	e.ID = strconv.Itoa(len(b.plan.Edits) + 1)
	e.Foreign = e.Before.Exists && !b.r.Wrote(e.Name, e.Type, e.Before)
	b.plan.Edits = append(b.plan.Edits, e)
	return e.ID
}

// note adds a sentence for the operator to the plan.
func (b *builder) note(format string, args ...any) {
	b.plan.Notes = append(b.plan.Notes, finding.Clean(fmt.Sprintf(format, args...), 1000))
}

// publish adds the body and the record of want. anew asks for a new id even
// where body and record stand already.
func (b *builder) publish(seen Evidence, want mtasts.Policy, anew bool) error {
	body, err := b.body(seen, want)
	if err != nil {
		return err
	}
	return b.announce(seen, want, body, anew)
}

// publishWhereSet is publish, with the move to the host that the settings name
// where mta-sts points elsewhere. An address that could not be read holds nothing
// up: it is left as it is.
func (b *builder) publishWhereSet(seen Evidence, want mtasts.Policy) error {
	body, err := b.body(seen, want)
	if err != nil {
		return err
	}
	name, wanted := mtasts.PolicyHost(b.r.Domain), b.r.hostRecords()
	if target := b.r.delegation().Host; target != "" && !b.r.Settings.Host.WritesID() {
		// belay writes no body there, so nothing is won by going there, and a wrong
		// target must not hold up the emergency exit (promise 8).
		return b.announce(seen, want, body, false)
	}
	if moves, err := b.pointsElsewhere(seen, name, wanted); err == nil && moves && len(wanted) > 0 {
		var needs []string
		if body != "" {
			b.plan.Edits[len(b.plan.Edits)-1].At = placesOf(wanted)
			needs = []string{body}
		}
		from := len(b.plan.Edits)
		if err := b.point(seen, name, wanted, needs); err != nil {
			return err
		}
		for _, e := range b.plan.Edits[from:] {
			b.first = append(b.first, e.ID)
		}
	}
	return b.announce(seen, want, body, false)
}

// body adds the edit of the policy body, unless the place holds the same policy
// already, and returns its id or "".
func (b *builder) body(seen Evidence, want mtasts.Policy) (string, error) {
	url := mtasts.PolicyURL(b.r.Domain)
	held, ok := seen.HeldAt(url, "policy")
	if !ok {
		return "", notRead(seen, url, "policy")
	}
	if len(want.MX) == 0 && want.Mode != mtasts.None {
		return "", fmt.Errorf("plan for %s: no MX host was found, and a policy in mode %s needs one; name them with belay set --mx: %w", b.r.Domain, want.Mode, ErrRefused)
	}
	after := Body(want.String())
	if held.Value.SamePolicy(after) {
		return "", nil
	}
	return b.add(Edit{
		Kind: Policy, Account: b.r.Settings.Host.String(), Name: url, Type: "policy",
		Before: held.Value, After: after, Vendor: b.r.vendorOf(seen),
		Why: fmt.Sprintf("serve the policy in mode %s with max_age %d", want.Mode, want.MaxAge),
	}), nil
}

// announce adds the edit of the _mta-sts record where senders must learn of a
// body: body is the edit that serves it, or "" where it is served already.
func (b *builder) announce(seen Evidence, want mtasts.Policy, body string, anew bool) error {
	if b.r.vendorTells(seen) {
		if body != "" {
			b.note("%s writes body and id itself: belay cannot order them, waits until both show the change, and records both", b.r.delegation().Vendor)
		}
		return nil
	}
	name := mtasts.RecordName(b.r.Domain)
	if alias, ok := seen.HeldAt(name, "CNAME"); !ok || alias.Value.Exists {
		err := b.r.keptElsewhere(want)
		if err != nil && b.plan.Purpose != ForStepBack {
			return err
		}
		if err != nil {
			// The emergency exit waits for no vendor (promise 8): the record comes home.
			b.note("this takes %s from %s; the settings still delegate it, so belay next would make it an alias again; belay set %s --delegate changes them", name, b.r.delegation().Record, b.r.Domain)
		}
	}
	held, ok := seen.HeldAt(name, "TXT")
	if !ok {
		return notRead(seen, name, "TXT")
	}
	current, _, faults := mtasts.ParseRRset(held.Value.Records)
	if body == "" && !anew && mtasts.Usable(faults) && b.r.announced(want, current.ID) {
		return nil
	}
	id := mtasts.NewID(b.plan.Made, func(id string) bool {
		return b.r.UsesID(id) || id == seen.Record.ID || id == current.ID
	})
	needs := slices.Clone(b.first)
	if body != "" {
		needs = append(needs, body)
		for i := range b.plan.Edits {
			if b.plan.Edits[i].ID == body {
				b.plan.Edits[i].PolicyID = id
			}
		}
	}
	if n := len(held.Value.Records) - len(OtherTXT(held.Value.Records, "v=STSv1")); n > 1 {
		b.note("%d records at %s begin with v=STSv1, which senders take for none: this leaves one, with a new id", n, name)
	}
	needs = b.unalias(seen, name, needs)
	standing := ""
	if body == "" {
		standing = want.String()
	}
	record := mtasts.Record{ID: id, Extensions: current.Extensions}
	b.add(Edit{
		Kind: Record, Account: b.r.Settings.DNS.String(), Zone: held.Zone, Name: name, Type: "TXT",
		Before: held.Value, After: Records(append(OtherTXT(held.Value.Records, "v=STSv1"), record.String())...),
		TTL: b.ttl(held), BeforeTTL: beforeTTL(held, seen), Needs: needs, PolicyID: id, Body: standing,
		Why: "tell senders of the policy by an id they have not seen",
	})
	return nil
}

// announced reports whether want is what the ledger last announced, under id.
func (r Rollout) announced(want mtasts.Policy, id string) bool {
	live, liveID, ok := r.Live()
	return ok && live.Until.IsZero() && liveID == id && live.Policy().Equal(want)
}

// Wrote reports whether belay wrote v at this place in this rollout. What a vendor
// keeps in words of its own is what belay asked it for.
func (r Rollout) Wrote(name, typ string, v Value) bool {
	for _, p := range r.Plans {
		for _, e := range p.Plan.Edits {
			if e.Name == name && e.Type == typ && (e.After.Equal(v) || e.Vendor != "" && e.madeIn(v)) && !p.Edits[e.ID].Intended.IsZero() {
				return true
			}
		}
	}
	return false
}

// OtherTXT are the records that do not begin with version: somebody else's, which
// are kept. Quotes pasted into a record by mistake do not make it somebody else's.
func OtherTXT(records []string, version string) []string {
	var out []string
	for _, r := range records {
		if !strings.HasPrefix(strings.ToLower(strings.TrimLeft(r, "\" ")), strings.ToLower(version)) {
			out = append(out, r)
		}
	}
	return out
}

// ttlOf is what a record is written with: an existing TTL is kept, a new one is
// short, but not shorter than the provider takes.
func ttlOf(h Held) uint32 {
	if h.Value.Exists && h.TTL > 0 {
		return h.TTL
	}
	return max(freshTTL, h.LeastTTL)
}

// ttl is ttlOf, or what the operator asked for in its place. A TTL alone is never
// changed.
func (b *builder) ttl(h Held) uint32 {
	if b.r.Settings.TTL == 0 {
		return ttlOf(h)
	}
	ttl := max(b.r.Settings.TTL, h.LeastTTL)
	if h.Value.Exists && h.TTL > 0 && h.TTL != ttl {
		b.note("the TTL of %s %s becomes %d; it was %d", h.Name, h.Type, ttl, h.TTL)
	}
	return ttl
}

// beforeTTL is how long resolvers may still answer what stands at a place, in
// seconds. What the servers answer counts where it is longer: a provider may hold
// a word of its own for a TTL it chooses itself.
func beforeTTL(h Held, seen Evidence) uint32 {
	if !h.Value.Exists {
		return seen.Zone.NegativeTTL
	}
	ttl := h.TTL
	asked, _ := seen.Name(h.Name, h.Type)
	for _, s := range asked.Sightings {
		if s.Answered && s.Value.Exists {
			ttl = max(ttl, s.TTL)
		}
	}
	return ttl
}

func notRead(seen Evidence, name, typ string) error {
	for _, h := range seen.Held {
		if h.Name == name && h.Type == typ && h.Err != "" {
			return fmt.Errorf("plan for %s: what stands at %s %s could not be read: %s", seen.Domain, name, typ, h.Err)
		}
	}
	return fmt.Errorf("plan for %s: what stands at %s %s was not read", seen.Domain, name, typ)
}
