package main

import (
	"encoding/json"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/steps/sender"
)

// asSender is what check --as-sender says of the lab's domain.
func (b *box) asSender() (views map[sender.Name]sender.View, status int) {
	b.t.Helper()
	r := b.belay("check", "--as-sender", "--json", b.Domain())
	var s sendersShape
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		b.t.Fatalf("exit %d, printed %q %q: %v", r.status, r.out, r.err, err)
	}
	views = map[sender.Name]sender.View{}
	for _, v := range s.Views {
		if _, ok := views[v.Name]; !ok { // the newest of those that are cached
			views[v.Name] = v
		}
	}
	return views, r.status
}

// TestAsSenderSaysWhatSendersDo: the lab's senders send a day's mail over sockets;
// what becomes of it is what the view foretold.
func TestAsSenderSaysWhatSendersDo(t *testing.T) {
	for _, row := range []struct {
		name, mode, mx string
		faults         string
	}{
		{"all good", "enforce", "*.corp.test", ""},
		{"the first expired", "enforce", "*.corp.test", "mx1.expired"},
		{"both expired", "enforce", "*.corp.test", "mx1.expired mx2.expired"},
		{"both expired in testing", "testing", "*.corp.test", "mx1.expired mx2.expired"},
		{"both for other names", "enforce", "*.corp.test", "mx1.wrong-name mx2.wrong-name"},
		{"both self-signed", "enforce", "*.corp.test", "mx1.self-signed mx2.self-signed"},
		{"both without their intermediate", "enforce", "*.corp.test", "mx1.missing-intermediate mx2.missing-intermediate"},
		{"no STARTTLS in enforce", "enforce", "*.corp.test", "mx1.no-starttls mx2.no-starttls"},
		{"no STARTTLS in testing", "testing", "*.corp.test", "mx1.no-starttls mx2.no-starttls"},
		{"both refuse", "testing", "*.corp.test", "mx1.refused mx2.refused"},
		{"the policy names neither", "enforce", "mx9.corp.test", ""},
		{"the policy names neither, in testing", "testing", "mx9.corp.test", ""},
		{"the policy names one", "enforce", "mx2.corp.test", ""},
		{"no policy to be fetched", "enforce", "*.corp.test", "policy.404 mx1.expired mx2.expired"},
		{"a policy host without certificate", "enforce", "*.corp.test", "policy.expired mx1.expired mx2.expired"},
		{"mode none", "none", "*.corp.test", "mx1.expired mx2.expired"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBox(t, lab.Options{})
			b.announce(b.Domain(), "version: STSv1\nmode: "+row.mode+"\nmx: "+row.mx+"\nmax_age: 86400\n")
			for _, id := range strings.Fields(row.faults) {
				if err := b.Set(id, true); err != nil {
					t.Fatal(err)
				}
			}
			views, status := b.asSender()
			v := views[sender.Published]
			day, err := b.PassDay(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if want := len(day.Undelivered) == 0; (v.Outcome == sender.Deliver) != want {
				t.Errorf("view %s (%s), and %d of %d mails were delivered: %v", v.Outcome, v.Why, day.Delivered, day.Delivered+len(day.Undelivered), day.Undelivered)
			}
			refused := map[string]bool{}
			for _, r := range day.Refused {
				refused[r.MX] = true
			}
			for _, a := range v.Attempts {
				if row.mode == "enforce" && a.Outcome == sender.Deliver && refused[a.Host] {
					t.Errorf("view: %s %s, and senders refused it", a.Host, a.Outcome)
				}
			}
			deferred := false
			for _, v := range views {
				deferred = deferred || v.Outcome == sender.Defer
			}
			if (status == exitFails) != deferred {
				t.Errorf("exit %d where some sender defers: %v", status, deferred)
			}
		})
	}
}

// TestAsSenderKnowsWhatIsHeldFromBefore: after a step back a sender may hold the
// policy in enforce until it sees the new id.
func TestAsSenderKnowsWhatIsHeldFromBefore(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	for steps := 0; ; steps++ {
		v := b.must(exitGood, "status", b.Domain(), "--json")
		if strings.Contains(v.out, `"mode":"enforce"`) {
			break
		}
		if steps == 8 {
			t.Fatalf("the rollout does not come to enforce: %s", v.out)
		}
		b.next(exitGood)
	}
	for _, id := range []string{"mx1.expired", "mx2.expired"} {
		if err := b.Set(id, true); err != nil {
			t.Fatal(err)
		}
	}
	b.must(exitGood, "step-back", b.Domain(), "--yes")
	views, status := b.asSender()
	held, ok := views[sender.Cached]
	if !ok || held.Outcome != sender.Defer || !held.Renews || held.HeldUntil.IsZero() || status != exitFails {
		t.Errorf("held from before: %+v, exit %d", held, status)
	}
	if views[sender.Published].Outcome != sender.Deliver {
		t.Errorf("after the step back: %s", views[sender.Published].Why)
	}
	text := b.belay("check", "--as-sender", b.Domain()).out
	for _, want := range []string{"cached: WOULD DEFER", "published: would deliver", "mx1.corp.test", "at the latest", "expired", "reported as certificate-expired"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

// TestAsSenderSaysWherePostfixDoesOtherwise: a policy that counts as none by the RFC,
// and that Postfix goes by, keeps mail waiting: the command fails, and says whose.
func TestAsSenderSaysWherePostfixDoesOtherwise(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.announce(b.Domain(), "version: STSv1\nmode: enforce\nmx: mx9.corp.test\n\nmax_age: 86400\n")
	views, _ := b.asSender()
	if v := views[sender.Published]; v.Outcome != sender.Deliver || v.Postfix != sender.Defer || v.PostfixWhy == "" {
		t.Errorf("%s, Postfix %q: %q", v.Outcome, v.Postfix, v.PostfixWhy)
	}
	text := b.must(exitFails, "check", "--as-sender", b.Domain()).out
	for _, want := range []string{"published: would deliver (Postfix with postfix-mta-sts-resolver WOULD DEFER)", "takes the policy"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}
