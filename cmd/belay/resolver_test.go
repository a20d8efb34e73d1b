package main

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
)

// TestNoResolverHearsOfANameBeforeItIsThere: a resolver that is asked about a name
// which belay is about to make goes on denying it for the negative TTL. So none is,
// from the first command until the first update of that name is carried out; and
// when all is published, the resolver has never denied any of the three.
func TestNoResolverHearsOfANameBeforeItIsThere(t *testing.T) {
	b := newBox(t, lab.Options{})
	about := func(name string) (asked []string) {
		for _, q := range b.Resolved() {
			if at, _, _ := strings.Cut(q, " "); at == name || strings.HasSuffix(at, "."+name) {
				asked = append(asked, q)
			}
		}
		return asked
	}
	var mu sync.Mutex
	made := map[string]bool{}
	b.OnUpdate(func(stage string, names []string) {
		mu.Lock()
		defer mu.Unlock()
		for _, name := range names {
			if asked := about(name); stage == "before" && !made[name] && len(asked) > 0 {
				t.Errorf("before %s was made, the resolver was asked for %q", name, asked)
			}
			made[name] = made[name] || stage == "after"
		}
	})
	b.belay("check", b.Domain())
	b.start()
	for name, value := range maps.Clone(b.env) {
		b.env[name+"_SECOND"] = value
	}
	b.must(exitGood, "set", b.Domain(), "--account", "second") // tries it
	b.must(exitGood, "plan", b.Domain())
	b.to(rollout.ReviewReports)
	for _, name := range []string{"_mta-sts.", "_smtp._tls.", "mta-sts."} {
		if !made[name+b.Domain()] {
			t.Errorf("%s was never made: %v", name, made)
		}
	}
	if !slices.Contains(b.Resolved(), b.Domain()+" SOA") {
		t.Errorf("the resolver was asked for nothing but %q", b.Resolved())
	}
}
