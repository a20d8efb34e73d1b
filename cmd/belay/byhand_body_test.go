package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"

	"github.com/miekg/dns"
)

// A policy that a person puts up is written down to the byte, in each form without
// disturbing the program that reads it; what is put up wrongly is named, and what is
// right goes on.
func TestABodyPutUpByHand(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start("--host", "manual")
	b.to(rollout.HostPolicy)
	first := b.must(exitFails, "next", b.Domain(), "--yes")
	for _, want := range []string{"Serve exactly these ", "bytes (SHA-256 ", "as text/plain", "https://mta-sts.corp.test/.well-known/mta-sts.txt", "printf 'version: STSv1\\r\\n", "--form F"} {
		if !strings.Contains(first.out, want) {
			t.Errorf("next does not say %q:\n%s", want, first.out)
		}
	}
	var plan planShape
	if err := json.Unmarshal([]byte(b.must(exitGood, "plan", b.Domain(), "--form", "panel", "--json").out), &plan); err != nil || len(plan.ByHand) != 2 || len(plan.ByHand[1].After) == 0 {
		t.Fatalf("%v, %+v", err, plan.ByHand)
	}
	_, body, _ := strings.Cut(plan.ByHand[0].Text, "\n\n")
	for _, form := range []string{"zone", "nsupdate", "terraform"} {
		mark := map[string]string{"zone": ";", "nsupdate": ";", "terraform": "#"}[form]
		out := b.must(exitGood, "plan", b.Domain(), "--form", form).out
		for line := range strings.Lines(out) {
			if !strings.HasPrefix(line, mark) {
				t.Errorf("--form %s has a line that is no remark: %q", form, line)
			}
		}
		if !strings.Contains(out, mark+" mode: testing") {
			t.Errorf("--form %s does not show the policy:\n%s", form, out)
		}
	}
	zone := dns.NewZoneParser(strings.NewReader(b.must(exitGood, "plan", b.Domain(), "--form", "zone").out), "", "")
	if rr, ok := zone.Next(); ok || zone.Err() != nil {
		t.Errorf("the zone-file lines hold %v (%v)", rr, zone.Err())
	}

	web := func(name, text string) {
		t.Helper()
		path := filepath.Join(b.WebRoot(), filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const right = ".well-known/mta-sts.txt"
	for _, row := range []struct{ name, text, code, says string }{
		{"mta-sts.txt", body, "H05", "at the top of the site"},
		{right + ".txt", body, "H05", ".txt twice"},
		{right, "\ufeff" + body, "C01", "byte order mark"},
		{right, strings.Replace(body, "testing", "none", 1), "H09", "mode none in place of testing"},
	} {
		web(row.name, row.text)
		var p rollout.Progress
		if err := json.Unmarshal([]byte(b.must(exitFails, "next", b.Domain(), "--json").out), &p); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(p.Gate.Reasons, func(r rollout.Reason) bool {
			return r.Code == row.code && strings.Contains(r.Text, row.says) && r.Fix != ""
		}) {
			t.Errorf("want %s %q of %s: %+v", row.code, row.says, row.name, p.Gate.Reasons)
		}
		if got := b.Records("_mta-sts.corp.test", "TXT"); len(got) > 0 {
			t.Fatalf("%q announces what is not there", got)
		}
		web(row.name, "")
	}
	web(right, strings.ReplaceAll(body, "\r\n", "\n"))
	if r := b.must(exitGood, "next", b.Domain()); !strings.Contains(r.out, "4 Review reports") {
		t.Errorf("put up rightly it does not go on:\n%s", r.out)
	}
}
