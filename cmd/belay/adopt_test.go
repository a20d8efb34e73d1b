//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"
)

// foreignly publishes a policy that belay has no part in.
func (b *box) foreignly(mode, id string) {
	b.t.Helper()
	file := filepath.Join(b.WebRoot(), ".well-known", "mta-sts.txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	body := "version: STSv1\r\nmode: " + mode + "\r\nmx: mx1.corp.test\r\nmx: mx2.corp.test\r\nmax_age: 604800\r\n"
	if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
		b.t.Fatal(err)
	}
	for _, ip := range b.PolicyAddresses() {
		typ := "A"
		if ip.Is6() {
			typ = "AAAA"
		}
		if err := b.SetRRset("mta-sts."+b.Domain(), typ, 300, ip.String()); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := b.SetRRset("_mta-sts."+b.Domain(), "TXT", 300, "v=STSv1; id="+id+";"); err != nil {
		b.t.Fatal(err)
	}
}

// TestNewAdoptsAfterAsking: what somebody else published is shown, with where the
// rollout would start, and adopted only by a word on it.
func TestNewAdoptsAfterAsking(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.foreignly("enforce", "theirs1")
	args := []string{"new", b.Domain(), "--dns", "rfc2136", "--host", "webroot:" + b.WebRoot(), "--rua", "mailto:a@corp.test"}
	none := func(after string) {
		t.Helper()
		if r := b.belay("status", b.Domain()); r.status != exitCannot || !strings.Contains(r.err, "no rollout") {
			t.Fatalf("%s there is one: %s%s", after, r.out, r.err)
		}
	}

	r := b.must(exitRefused, args...)
	if strings.Count(strings.TrimSpace(r.err), "\n") > 2 || !strings.Contains(r.err, "mode enforce with max_age 604800, announced by id theirs1") || !strings.Contains(r.err, "--adopt") {
		t.Errorf("nobody to ask: %s", r.err)
	}
	none("unasked")

	for _, no := range []string{"", "y", "yes"} {
		said := b.typing(no, exitRefused, args...)
		for _, want := range []string{"v=STSv1; id=theirs1;", "mode: enforce", "mx: mx2.corp.test", "max_age 604800", "starts in phase 6 Raise max_age", "nothing was started"} {
			if !strings.Contains(said, want) {
				t.Errorf("%q is not in\n%s", want, said)
			}
		}
		none("after " + no)
	}
	if said := b.typing(b.Domain(), exitGood, args...); !strings.Contains(said, "adopted the live policy: mode enforce") {
		t.Errorf("a yes ends in\n%s", said)
	}
	if s := b.status(); s.Phase != rollout.RaiseMaxAge || s.PolicyID != "theirs1" {
		t.Errorf("it stands at %+v", s)
	}
}

// TestNewAdoptsByAFlag: --adopt says it where nobody can be asked, and so does --yes.
func TestNewAdoptsByAFlag(t *testing.T) {
	for _, flag := range []string{"--adopt", "--yes"} {
		b := newBox(t, lab.Options{})
		b.foreignly("testing", "theirs1")
		b.start(flag)
		if s := b.status(); s.Phase != rollout.ReviewReports || s.PolicyID != "theirs1" {
			t.Errorf("%s: it stands at %+v", flag, s)
		}
	}
}

// TestNewMissesATokenFirst: what a login lacks is said before anybody is asked
// anything, the network too.
func TestNewMissesATokenFirst(t *testing.T) {
	b := newBox(t, lab.Options{})
	asked := len(b.Resolved())
	r := b.must(exitCannot, "new", b.Domain(), "--dns", "cloudflare", "--host", "manual")
	if !strings.Contains(r.err, "CLOUDFLARE_API_TOKEN") || len(b.Resolved()) != asked {
		t.Errorf("after %d questions it says %s", len(b.Resolved())-asked, r.err)
	}
}
