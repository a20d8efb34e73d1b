package main

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/mtasts"
)

// The tests of this file wait for servers that never answer, in real time, and so
// run beside one another.

// TestStepBackDead: neither a dead address of the policy host nor a dead name server
// holds the emergency exit up. Mail that nobody could deliver under enforce is
// delivered the day after.
func TestStepBackDead(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ shows, fault, notAsked string }{
		{"an address of the policy host", "policy.ipv6-unreachable", "2001:db8::20"},
		{"a name server", "ns2.dead", "192.0.2.3"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			t.Parallel()
			b := enforcing(t)
			before := b.status()
			b.breaks("mx1.no-starttls", "mx2.no-starttls")
			b.mailDay(9)

			b.breaks(tc.fault)
			r := b.guest("step-back", b.Domain(), "--yes").run()
			if r.status != exitGood || !strings.Contains(r.out, "not asked: ") || !strings.Contains(r.out, tc.notAsked) {
				t.Errorf("exit %d, without saying that %s was not asked:\n%s%s", r.status, tc.notAsked, r.out, r.err)
			}
			b.inTesting(before)
			b.settled()
			b.mailDay(0)
		})
	}
}

// TestStepBackDeadPolicyHost: when no address answers, no sender can be told.
// belay says so and until when they may enforce, announces nothing, and offers to
// move the host; moved, it steps back at once, and tells those anew whom an old
// address may have told the old policy.
func TestStepBackDeadPolicyHost(t *testing.T) {
	t.Parallel()
	b := enforcing(t)
	before := b.status()
	b.breaks("policy.unreachable")
	p := b.stepBack(exitFails)
	at := slices.IndexFunc(p.Gate.Reasons, func(r rollout.Reason) bool { return r.Code == rollout.ReasonHost })
	if at < 0 {
		t.Fatalf("nobody says that no host works: %+v", p.Gate)
	}
	held := b.Now().Add(time.Duration(before.MaxAge) * time.Second).Format(time.RFC3339)
	if why := p.Gate.Reasons[at]; !strings.Contains(why.Text, "no sender can be told") || !strings.Contains(why.Text, held) || !strings.Contains(why.Fix, "--host") {
		t.Errorf("it says %q and offers %q; senders may hold the policy until %s", why.Text, why.Fix, held)
	}
	if got := b.Records(mtasts.RecordName(b.Domain()), "TXT"); !slices.Equal(got, []string{"v=STSv1; id=" + before.PolicyID + ";"}) {
		t.Errorf("an id was announced that no host answers for: %q", got)
	}

	to, web := b.OtherPolicyHost()
	args := []string{"set", b.Domain(), "--host", "webroot:" + web}
	for _, ip := range to {
		args = append(args, "--host-address", ip.String())
	}
	b.must(exitGood, args...)
	b.stepBack(exitGood)
	first := b.inTesting(before)
	for typ, want := range map[string]netip.Addr{"A": to[0], "AAAA": to[1]} {
		if got := b.Records(mtasts.PolicyHost(b.Domain()), typ); !slices.Equal(got, []string{want.String()}) {
			t.Errorf("mta-sts has %s %v, want %s", typ, got, want)
		}
	}
	b.settled()
	b.next(exitGood)
	if second := b.status(); second.PolicyID == first.PolicyID || second.Mode != mtasts.Testing {
		t.Errorf("when the old addresses had run out, the id was not announced anew: %+v", second)
	}
}

// TestStepBackWaitsForAnAddressThatServesAnotherBody: a sender sent there would
// keep enforcing, under the id that says otherwise.
func TestStepBackWaitsForAnAddressThatServesAnotherBody(t *testing.T) {
	t.Parallel()
	b := enforcing(t)
	before := b.status()
	b.breaks("policy.ipv6-stale")
	p := b.stepBack(exitFails)
	if !slices.ContainsFunc(p.Gate.Reasons, func(r rollout.Reason) bool { return strings.Contains(r.Text, "2001:db8::20") }) {
		t.Errorf("it does not name the address: %+v", p.Gate)
	}
	if got := b.Records(mtasts.RecordName(b.Domain()), "TXT"); !slices.Equal(got, []string{"v=STSv1; id=" + before.PolicyID + ";"}) {
		t.Errorf("the id was announced all the same: %q", got)
	}
	if err := b.Set("policy.ipv6-stale", false); err != nil {
		t.Fatal(err)
	}
	b.stepBack(exitGood)
	b.inTesting(before)
}

// enforcing is a box whose rollout enforces, with senders that have fetched the
// policy.
func enforcing(t *testing.T) *box {
	t.Helper()
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.RaiseMaxAge)
	b.settled()
	b.mailDay(0)
	return b
}

// mailDay lets a day of mail pass, on which so many messages find no MX host.
func (b *box) mailDay(undelivered int) {
	b.t.Helper()
	day, err := b.PassDay(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	if len(day.Undelivered) != undelivered {
		b.t.Fatalf("%d messages were not delivered, want %d: %+v", len(day.Undelivered), undelivered, day.Undelivered)
	}
}

func (b *box) breaks(faults ...string) {
	b.t.Helper()
	for _, fault := range faults {
		if err := b.Set(fault, true); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *box) stepBack(status int) rollout.Progress {
	b.t.Helper()
	r := b.guest("step-back", b.Domain(), "--yes", "--json").run()
	if r.status != status {
		b.t.Fatalf("step-back: exit %d, want %d\n%s%s", r.status, status, r.out, r.err)
	}
	var p rollout.Progress
	if err := json.Unmarshal([]byte(r.out), &p); err != nil {
		b.t.Fatalf("step-back printed %q: %v", r.out, err)
	}
	return p
}

// inTesting fails unless senders are told of testing under a new id, for a day at
// most.
func (b *box) inTesting(before statusShape) statusShape {
	b.t.Helper()
	s := b.status()
	if s.Phase != rollout.ReviewReports || s.Mode != mtasts.Testing || s.MaxAge > rollout.TestingMaxAge || s.PolicyID == before.PolicyID {
		b.t.Fatalf("after the step back: %+v", s)
	}
	if got := b.Records(mtasts.RecordName(b.Domain()), "TXT"); !slices.Equal(got, []string{"v=STSv1; id=" + s.PolicyID + ";"}) {
		b.t.Errorf("the name server announces %q", got)
	}
	return s
}
