package rollout_test

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// box is a world small enough to hold in the hand: records, one policy body, MX
// names, and what is wrong with them. It is Looker, Writer and Accounts at once.
type box struct {
	page    string // what the policy host says with status 404 while there is no body
	mu      sync.Mutex
	clock   *handClock
	records map[string]rollout.Value // "name type"
	ttl     map[string]uint32
	body    rollout.Value
	mx      []string
	faults  []finding.Finding
	writes  map[string]int // by "name type"
	// behind makes a second name server answer this instead; silent makes it
	// answer nothing.
	behind *rollout.Value
	silent bool
	// cache is how long a shared cache before the policy host keeps an answer, by the
	// mark met where an edit is looked for, and met by that of a whole look.
	cache, met time.Duration
	// die is called at each named instant of a walk; a test panics out of it.
	die func(instant string)
	// newHost is what an address not named yet serves.
	newHost map[string]rollout.Value
	fail    error // what the provider says to the next write
	lost    error // what comes back in place of the answer to the next write
	// answers are what the name servers say in place of what the provider holds.
	answers map[string]rollout.Value
	// wildcard is what they answer for a name that nobody made.
	wildcard map[string]rollout.Value
	// served is what senders are served where that is not what the place holds.
	served *rollout.Value
	// unread makes reading a place fail, by "name type"; cut cuts each look short.
	unread map[string]error
	cut    error
	// second is what a second address of the policy host serves by a look.
	second string
	// noRoute are addresses of a family without a route from here.
	noRoute map[string]bool
	// alias is what senders read behind a CNAME at _mta-sts.
	alias string
	// byHand leaves every edit to the operator; mistakes are what a look finds wrong
	// with what he made.
	byHand bool
	// only is the one account whose edits byHand leaves to him; empty for every one.
	only     string
	mistakes []finding.Finding
	// looking is called while a look is made, by who made it.
	looking func()
	// late is what a server does before it answers who looks for an edit, by its name or
	// address: its error is why it gives no answer at all. It must end with the look.
	late map[string]func(context.Context) error
}

type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) wind(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var start = time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)

const domain = "corp.test"

func newBox() *box {
	return &box{
		clock:   &handClock{now: start},
		records: map[string]rollout.Value{},
		ttl:     map[string]uint32{},
		mx:      []string{"mx1.corp.test", "mx2.corp.test"},
		writes:  map[string]int{},
		newHost: map[string]rollout.Value{},
		die:     func(string) {},
	}
}

func (b *box) at(e rollout.Edit) rollout.Value {
	if e.Kind == rollout.Policy {
		return b.body
	}
	return b.records[e.Name+" "+e.Type]
}

func (b *box) set(name, typ string, values ...string) {
	b.records[name+" "+typ] = rollout.Records(values...)
	b.ttl[name+" "+typ] = 300
}

func (b *box) Read(_ context.Context, e rollout.Edit) (rollout.Held, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.unread[e.Name+" "+e.Type]; err != nil {
		return rollout.Held{}, err
	}
	return rollout.Held{Account: e.Account, Zone: domain, Name: e.Name, Type: e.Type, Value: b.at(e), TTL: b.ttl[e.Name+" "+e.Type]}, nil
}

func (b *box) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	held, _ := b.Read(ctx, e)
	switch {
	case held.Value.Equal(e.After):
		return rollout.Receipt{Outcome: rollout.Found, Saw: held.Value}, nil
	case !held.Value.Equal(e.Before):
		return rollout.Receipt{Outcome: rollout.Refused, Saw: held.Value}, nil
	case b.byHand && (b.only == "" || e.Account == b.only):
		return rollout.Receipt{Outcome: rollout.Waiting, Saw: held.Value, Detail: "make it"}, nil
	}
	if err := b.fail; err != nil {
		b.fail = nil
		return rollout.Receipt{Outcome: rollout.Failed, Saw: held.Value}, err
	}
	if err := b.lost; err != nil {
		b.lost = nil
		return rollout.Receipt{Outcome: rollout.Unknown, Saw: held.Value}, err
	}
	b.die("before write")
	b.mu.Lock()
	b.writes[e.Name+" "+e.Type]++
	if e.Kind == rollout.Policy {
		b.body = e.After
	} else {
		b.records[e.Name+" "+e.Type] = e.After
		b.ttl[e.Name+" "+e.Type] = e.TTL
	}
	b.mu.Unlock()
	b.die("after write")
	return rollout.Receipt{Outcome: rollout.Applied, Saw: e.After}, nil
}

func (b *box) Look(ctx context.Context, d string, _ rollout.Ledger, _ rollout.Sink) (rollout.Evidence, error) {
	e := b.seen(d)
	if looking := b.looking; looking != nil {
		b.looking = nil
		looking()
	}
	cut := b.cut
	if ctx.Err() != nil {
		cut = ctx.Err()
	}
	if cut != nil {
		e.Cut = cut.Error()
	}
	return e, cut
}

func (b *box) seen(d string) rollout.Evidence {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := rollout.Evidence{Domain: d, At: b.clock.Now(), Zone: rollout.Zone{Apex: d, Exists: true, NegativeTTL: 60, Wildcard: b.wildcard}}
	for _, q := range [][2]string{{mtasts.RecordName(d), "TXT"}, {tlsrpt.RecordName(d), "TXT"}, {mtasts.PolicyHost(d), "A"}} {
		value, ok := b.answers[q[0]+" "+q[1]]
		if !ok {
			value = b.records[q[0]+" "+q[1]]
		}
		e.Names = append(e.Names, rollout.NameSeen{Name: q[0], Type: q[1], Sightings: []rollout.Sighting{
			{Where: "ns1", Answered: true, Value: value},
		}})
	}
	txt := b.records[mtasts.RecordName(d)+" TXT"]
	if b.alias != "" {
		txt, e.Names[0].Alias = rollout.Records(b.alias), b.records[mtasts.RecordName(d)+" CNAME"].String()
	}
	record, raw, faults := mtasts.ParseRRset(txt.Records)
	e.Record = rollout.RecordSeen{Raw: raw, Valid: txt.Exists && mtasts.Usable(faults), ID: record.ID}
	body := b.body
	if b.served != nil {
		body = *b.served
	}
	if body.Exists {
		policy, faults := mtasts.ParsePolicy([]byte(body.Body))
		e.Policy = rollout.PolicySeen{Body: body.Body, Agree: true, Valid: mtasts.Usable(faults), Policy: policy}
	}
	if b.second != "" {
		e.Policy = rollout.PolicySeen{Addresses: []rollout.PolicyAddress{{Answered: true, Status: 200, Body: body.Body}, {Answered: true, Status: 200, Body: b.second}}}
	}
	if b.page != "" && !body.Exists {
		e.Policy = rollout.PolicySeen{Addresses: []rollout.PolicyAddress{{Answered: true, Status: 404, Body: b.page}}}
	}
	if b.met > 0 {
		e.Policy.Addresses = append(e.Policy.Addresses, rollout.PolicyAddress{CacheFor: b.met})
	}
	for i, host := range b.mx {
		e.MX = append(e.MX, rollout.MXHost{Host: host, Preference: uint16(10 * i)})
	}
	e.Findings = slices.Clone(b.faults)
	return e
}

func (b *box) See(ctx context.Context, e rollout.Edit, _ rollout.Sink) (rollout.Value, rollout.Evidence, error) {
	seen := rollout.Evidence{Domain: domain, At: b.clock.Now()}
	for _, where := range []string{"one", "two"} {
		seen.Sightings = append(seen.Sightings, b.answer(ctx, where, func() rollout.Sighting {
			g := rollout.Sighting{Where: where, Answered: where == "one" || !b.silent, Value: b.at(e)}
			switch {
			case where == "two" && b.behind != nil:
				g.Value = *b.behind
			case e.Kind == rollout.Policy && b.served != nil:
				g.Value = *b.served
			}
			return g
		}))
	}
	b.mu.Lock()
	seen.Findings = slices.Clone(b.mistakes)
	if e.Kind == rollout.Policy {
		seen.Policy.Addresses = []rollout.PolicyAddress{{CacheFor: b.cache}}
	}
	b.mu.Unlock()
	return whole(ctx, seen.Sightings[0].Value, seen)
}

func (b *box) SeeAt(ctx context.Context, _ rollout.Edit, at []string, _ rollout.Sink) (rollout.Value, rollout.Evidence, error) {
	seen := rollout.Evidence{Domain: domain, At: b.clock.Now()}
	var value rollout.Value
	for _, a := range at {
		g := b.answer(ctx, a, func() rollout.Sighting {
			v, ok := b.newHost[a]
			return rollout.Sighting{Where: "mta-sts." + domain, IP: addressOf(a), Answered: ok, NoRoute: b.noRoute[a], Value: v}
		})
		seen.Sightings, value = append(seen.Sightings, g), g.Value
	}
	return whole(ctx, value, seen)
}

// answer is what who says, when it does.
func (b *box) answer(ctx context.Context, who string, says func() rollout.Sighting) rollout.Sighting {
	var why error
	if late := b.late[who]; late != nil {
		why = late(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	g := says()
	if why != nil {
		g.Answered, g.Value, g.Err = false, rollout.Absent(), why.Error()
	}
	return g
}

// whole is a look for an edit, or what is left of it where it was ended.
func whole(ctx context.Context, value rollout.Value, seen rollout.Evidence) (rollout.Value, rollout.Evidence, error) {
	if err := ctx.Err(); err != nil {
		seen.Cut = err.Error()
		return rollout.Absent(), seen, err
	}
	return value, seen, nil
}

// addressOf is an address of the box; none for a name.
func addressOf(at string) netip.Addr {
	ip, _ := netip.ParseAddr(at)
	return ip
}

func (b *box) Open(context.Context, string, rollout.Settings) (rollout.Writer, error) { return b, nil }
func (b *box) Detect(context.Context, string) (rollout.Detection, error) {
	return rollout.Detection{Zone: domain}, nil
}
func (b *box) Try(context.Context, string, rollout.Settings) (rollout.Trial, error) {
	return rollout.Trial{Zone: domain}, nil
}
func (b *box) Keep(string, string, string, string) {}
