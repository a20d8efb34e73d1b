package dns_test

import (
	"fmt"
	"strings"
	"testing"

	"belay/providers/dns"
	"belay/rollout"
)

// hasTTL wants this TTL of every record of a set that has been read.
func (b bench) hasTTL(t *testing.T, h rollout.Held, want uint32) {
	t.Helper()
	if h.TTL != want {
		t.Errorf("%s %s reads with the TTL %d, want %d", h.Name, h.Type, h.TTL, want)
	}
	if b.ttl != nil && b.ttl(h.Name, h.Type) != want {
		t.Errorf("the last record of %s %s has the TTL %d, want %d", h.Name, h.Type, b.ttl(h.Name, h.Type), want)
	}
}

// TestTTL: it is written as the edit names it, and read as it is served. One that
// was agreed to and that the zone does not have is not replaced without a word.
func TestTTL(t *testing.T) { onEach(t, keepsTTL) }

func keepsTTL(t *testing.T, b bench) {
	for _, ttl := range []uint32{900, 600, 60, 0} {
		want := ttl
		if ttl == 0 {
			want = 300
		}
		takesTTL(t, b, ttl, b.takes(want))
	}
}

// takesTTL creates a record with this TTL, reads it with another that stands in its
// place, or the same, and wants to be told of another.
func takesTTL(t *testing.T, b bench, ttl, want uint32) {
	t.Helper()
	a, e := b.open(t, dns.Options{}), edit("_mta-sts", "TXT", nil, list(sts1))
	b.put(t, e.Name, "TXT")
	e.TTL = ttl
	r, err := a.Apply(ctx(t), e)
	if r.Outcome != rollout.Applied {
		t.Fatalf("%s: %v", r.Outcome, err)
	}
	if h, err := a.Read(ctx(t), e); err != nil || h.TTL != want {
		t.Errorf("TTL %d (%v), want %d", h.TTL, err, want)
	}
	said := ""
	if ttl != 0 && want != ttl {
		said = fmt.Sprintf("its TTL is %d s, and not the %d s", want, ttl)
	}
	if told := strings.Contains(r.Detail, "TTL"); told != (said != "") || !strings.Contains(r.Detail, said) {
		t.Errorf("with %d s for %d s it says %q, want %q", want, ttl, r.Detail, said)
	}
}

// TestTTLAlone: a set whose values are those wanted is found and left alone, whatever
// its TTL; one that was agreed to comes with the next change of its values, and then
// for all of them.
func TestTTLAlone(t *testing.T) { onEach(t, leavesTTLAlone) }

func leavesTTLAlone(t *testing.T, b bench) {
	a, e := b.open(t, dns.Options{}), edit("_mta-sts", "TXT", list(sts1, "foreign"), list(sts1, "foreign"))
	b.put(t, e.Name, e.Type, e.Before.Records...)
	written := b.writes(e.Name)
	r, err := a.Apply(ctx(t), e)
	if r.Outcome != rollout.Found || err != nil || b.writes(e.Name) != written {
		t.Errorf("%s after %d writes, %v", r.Outcome, b.writes(e.Name)-written, err)
	}
	h, err := a.Read(ctx(t), e)
	if err != nil {
		t.Fatal(err)
	}
	b.hasTTL(t, h, stoodTTL)

	e.TTL, e.After = 600, rollout.Records("foreign", sts1, "new")
	if r, err = a.Apply(ctx(t), e); r.Outcome != rollout.Applied {
		t.Fatalf("%s: %v", r.Outcome, err)
	}
	if h, err = a.Read(ctx(t), e); err != nil || !h.Value.Equal(e.After) {
		t.Fatalf("read %s, %v", h.Value, err)
	}
	b.hasTTL(t, h, b.takes(600))
}
