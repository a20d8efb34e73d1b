package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
)

// saved is a rollout before phase 2's plan, which lies in a file.
func saved(t *testing.T) (b *box, file string) {
	t.Helper()
	b = newBox(t, lab.Options{})
	b.start()
	b.to(rollout.PublishDNS)
	file = filepath.Join(t.TempDir(), "plan.json")
	b.must(exitGood, "plan", b.Domain(), "--out", file)
	return b, file
}

func TestASavedPlanHoldsWhatWasSeenAndNoSecret(t *testing.T) {
	b, file := saved(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var plan savedPlan
	if err := json.Unmarshal(text, &plan); err != nil {
		t.Fatal(err)
	}
	if len(plan.Seen) != len(plan.Edits) || len(plan.Seen[0].Servers) < 2 || plan.LookedAt.IsZero() || len(plan.Digest) != 64 {
		t.Errorf("what was seen is not in it: %+v, digest %q", plan.Seen, plan.Digest)
	}
	for name, secret := range b.env {
		if strings.HasSuffix(name, "_SECRET") && strings.Contains(string(text), secret) {
			t.Errorf("the secret %s is in the plan", name)
		}
	}
	// White space is nobody's; a word about what was seen is not.
	for shows, forge := range map[string]func(string) string{
		"another sighting": func(s string) string { return strings.Replace(s, `"server": "ns1`, `"server": "ns9`, 1) },
		"another gate":     func(s string) string { return strings.Replace(s, `"open": `, `"opened": true, "open": `, 1) },
		"another digest":   func(s string) string { return strings.Replace(s, plan.Digest, strings.Repeat("0", 64), 1) },
		"something behind": func(s string) string { return s + "{}" },
		"another edit": func(s string) string {
			return strings.Replace(s, "mailto:tlsrpt@corp.test", "mailto:other@corp.test", 1)
		},
		"half of it":         func(s string) string { return s[:len(s)/2] },
		"nothing but spaces": func(string) string { return "  " },
	} {
		forged := forge(string(text))
		if forged == string(text) {
			t.Fatalf("%s forges nothing", shows)
		}
		at := filepath.Join(t.TempDir(), "forged.json")
		if err := os.WriteFile(at, []byte(forged), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := b.belay("next", b.Domain(), "--plan", at); r.status != exitRefused && r.status != exitCannot {
			t.Errorf("%s: exit %d, %s%s", shows, r.status, r.out, r.err)
		}
	}
	if len(b.Writes()) > 0 {
		t.Errorf("a forged plan wrote %v", b.Writes())
	}
	spaced := filepath.Join(t.TempDir(), "spaced.json")
	if err := os.WriteFile(spaced, []byte(strings.ReplaceAll(string(text), "\n", "\n ")), 0o600); err != nil {
		t.Fatal(err)
	}
	b.must(exitGood, "next", b.Domain(), "--plan", spaced)
}

// A saved plan is carried out as it is or not at all: each way in which it can be
// stale is refused, nothing is written, and what differs is said.
func TestAStaleSavedPlanSaysWhatDiffers(t *testing.T) {
	for _, row := range []struct {
		shows  string
		change func(*box)
		says   []string
	}{
		{"the world changed", func(b *box) {
			if err := b.SetRRset("_smtp._tls.corp.test", "TXT", 600, "v=TLSRPTv1; rua=mailto:a@b.test"); err != nil {
				b.t.Fatal(err)
			}
			b.settled()
		}, []string{"_smtp._tls.corp.test TXT held nothing and holds \"v=TLSRPTv1; rua=mailto:a@b.test\" now", "was to become", "the TTL of _smtp._tls.corp.test TXT was 300 and is 600"}},
		{"the settings changed", func(b *box) {
			b.must(exitGood, "set", b.Domain(), "--host-address", "192.0.2.20", "--rua", "mailto:other@corp.test")
		}, []string{"mta-sts.corp.test AAAA is not to be changed any more", `was to become "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;" and is to become "v=TLSRPTv1; rua=mailto:other@corp.test;"`}},
		{"the rollout went on", func(b *box) { b.to(rollout.ReviewReports) }, []string{"nothing is left to be done of it"}},
	} {
		t.Run(row.shows, func(t *testing.T) {
			b, file := saved(t)
			row.change(b)
			before := b.Writes()
			r := b.must(exitRefused, "next", b.Domain(), "--plan", file)
			for _, want := range append(row.says, "stale", "nothing was done") {
				if !strings.Contains(r.err, want) {
					t.Errorf("it does not say %q: %s", want, r.err)
				}
			}
			if after := b.Writes(); len(after) != len(before) || after["_smtp._tls.corp.test."] != before["_smtp._tls.corp.test."] {
				t.Errorf("a stale plan wrote: %v, before %v", after, before)
			}
		})
	}
}

// A plan applied twice changes nothing, neither a record nor the phase.
func TestASavedPlanAppliedTwiceChangesNothing(t *testing.T) {
	b, file := saved(t)
	b.must(exitGood, "next", b.Domain(), "--plan", file)
	phase, writes, records := b.status().Phase, b.Writes(), b.Records("_smtp._tls.corp.test", "TXT")
	for range 2 {
		b.settled()
		if r := b.must(exitRefused, "next", b.Domain(), "--plan", file); !strings.Contains(r.err, "nothing was done") {
			t.Errorf("the second time it says %s", r.err)
		}
	}
	if now := b.status().Phase; now != phase {
		t.Errorf("the second time it moved from %s to %s", phase, now)
	}
	if now := b.Writes(); len(now) != len(writes) || !slices.Equal(b.Records("_smtp._tls.corp.test", "TXT"), records) {
		t.Errorf("the second time it wrote: %v, before %v", now, writes)
	}
}

// A plan is carried out by the command that it is for and by no other: least of all
// does the emergency exit carry out a plan that enforces, or next one that goes back.
func TestASavedPlanIsCarriedOutByItsOwnCommandAlone(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.Enforce)
	b.settled()
	file := filepath.Join(t.TempDir(), "plan.json")
	b.must(exitGood, "plan", b.Domain(), "--out", file)
	refuses := func(command, its string) {
		t.Helper()
		before := b.status()
		r := b.must(exitCannot, command, b.Domain(), "--plan", file)
		if !strings.Contains(r.err, "belay "+its+" "+b.Domain()+" --plan "+file) {
			t.Errorf("belay %s does not say which command carries it out: %s", command, r.err)
		}
		if after := b.status(); after.PolicyID != before.PolicyID || after.Mode != before.Mode || after.Phase != before.Phase {
			t.Errorf("belay %s carried out the plan of belay %s: %+v", command, its, after)
		}
	}
	for _, command := range []string{"step-back", "undo", "restore"} {
		refuses(command, "next")
	}
	b.must(exitGood, "next", b.Domain(), "--plan", file)
	b.settled()

	said := b.must(exitGood, "step-back", b.Domain(), "--out", file).out
	if !strings.Contains(said, "belay step-back "+b.Domain()+" --plan "+file+" carries it out") {
		t.Errorf("saving it does not say what carries it out:\n%s", said)
	}
	for _, command := range []string{"next", "undo", "restore"} {
		refuses(command, "step-back")
	}
	// Half of it done, both go on with it.
	b.breaks("policy.404")
	b.setup = func(p *program) { p.patience = time.Nanosecond } // what fails does so at once
	b.must(exitFails, "step-back", b.Domain(), "--plan", file)
	b.must(exitFails, "next", b.Domain(), "--plan", file)
	b.setup = nil
	if err := b.Set("policy.404", false); err != nil {
		t.Fatal(err)
	}
	b.must(exitGood, "step-back", b.Domain(), "--plan", file)
	if s := b.status(); s.Mode != "testing" || s.Phase != rollout.ReviewReports {
		t.Errorf("after the step back: %+v", s)
	}
}
