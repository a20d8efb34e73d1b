package main

import (
	"encoding/json"
	"strings"
	"testing"

	"belay/providers/lab"
	"belay/rollout"

	"github.com/miekg/dns"
)

// byHandBox is a rollout by hand whose records are to be published.
func byHandBox(t *testing.T) *box {
	t.Helper()
	b := newBox(t, lab.Options{})
	b.must(exitGood, "new", b.Domain(), "--dns", "manual", "--host", "webroot:"+b.WebRoot(), "--host-address", "192.0.2.20",
		"--rua", "mailto:tlsrpt@corp.test")
	b.to(rollout.PublishDNS)
	return b
}

func TestPlanInEveryForm(t *testing.T) {
	b := byHandBox(t)
	if r := b.must(exitGood, "plan", b.Domain()); !strings.Contains(r.out, "--form F") || !strings.Contains(r.out, "panel, zone, nsupdate or terraform") {
		t.Errorf("the plan does not name the forms:\n%s", r.out)
	}
	for form, want := range map[string][]string{
		"panel":     {"  name   _smtp._tls   (in full _smtp._tls.corp.test)", "  value  v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;", "  TTL    300"},
		"zone":      {`_smtp._tls.corp.test. 300 IN TXT "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;"`, "mta-sts.corp.test. 300 IN A 192.0.2.20"},
		"nsupdate":  {"prereq nxrrset mta-sts.corp.test. IN A", "update add mta-sts.corp.test. 300 IN A 192.0.2.20", "send"},
		"terraform": {`resource "aws_route53_record" "mta-sts_a" {`, `resource "cloudflare_dns_record" "_smtp__tls_txt" {`},
	} {
		lines := strings.Split(b.must(exitGood, "plan", b.Domain(), "--form", form).out, "\n")
		for _, w := range want {
			if !contains(lines, w) {
				t.Errorf("--form %s has no line %q:\n%s", form, w, strings.Join(lines, "\n"))
			}
		}
		var shape planShape
		if err := json.Unmarshal([]byte(b.must(exitGood, "plan", b.Domain(), "--form", form, "--json").out), &shape); err != nil {
			t.Fatal(err)
		}
		if len(shape.ByHand) != 2 || string(shape.ByHand[1].Form) != form || !strings.Contains(shape.ByHand[1].Text, want[len(want)-1]) && form != "panel" && form != "terraform" {
			t.Errorf("--form %s --json: %+v", form, shape.ByHand)
		}
	}
	if r := b.must(exitCannot, "plan", b.Domain(), "--form", "yaml"); !strings.Contains(r.err, "panel, zone, nsupdate or terraform") {
		t.Errorf("an unknown form: %s", r.err)
	}
	zone := b.must(exitGood, "plan", b.Domain(), "--form", "zone").out
	parser, records := dns.NewZoneParser(strings.NewReader(zone), "", ""), 0
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if rr != nil {
			records++
		}
	}
	if err := parser.Err(); err != nil || records != 2 {
		t.Errorf("the zone-file lines are %d records (%v):\n%s", records, err, zone)
	}
}

func contains(lines []string, want string) bool {
	for _, l := range lines {
		if l == want {
			return true
		}
	}
	return false
}

// What was mistyped is told by next, in words and as a reason of the gate, and what
// is right goes on.
func TestNextNamesWhatWasMistyped(t *testing.T) {
	b := byHandBox(t)
	b.must(exitFails, "next", b.Domain(), "--yes")
	for _, x := range [][]string{
		{"_smtp._tls.corp.test.corp.test", "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;"},
		{"mta-sts.corp.test", "TXT", "192.0.2.20"},
	} {
		if err := b.SetRRset(x[0], x[1], 300, x[2]); err != nil {
			t.Fatal(err)
		}
	}
	r := b.must(exitFails, "next", b.Domain())
	told := strings.Join(strings.Fields(r.out), " ")
	for _, want := range []string{"stands at _smtp._tls.corp.test.corp.test", "Give the name relative to the zone",
		"the value stands at mta-sts.corp.test as a record of type TXT; it must be A", "waiting for", "--form F"} {
		if !strings.Contains(told, want) {
			t.Errorf("next does not say %q:\n%s", want, r.out)
		}
	}
	var p rollout.Progress
	if err := json.Unmarshal([]byte(b.must(exitFails, "next", b.Domain(), "--json").out), &p); err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	for _, reason := range p.Gate.Reasons {
		codes[reason.Code] = true
	}
	if !codes["D04"] || !codes["D01"] {
		t.Errorf("the gate's reasons are %+v", p.Gate.Reasons)
	}
	for _, x := range [][]string{
		{"_smtp._tls.corp.test.corp.test", "TXT"}, {"mta-sts.corp.test", "TXT"},
		{"_smtp._tls.corp.test", "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;"}, {"mta-sts.corp.test", "A", "192.0.2.20"},
	} {
		if err := b.SetRRset(x[0], x[1], 300, x[2:]...); err != nil {
			t.Fatal(err)
		}
	}
	b.settled()
	if r := b.must(exitGood, "next", b.Domain()); !strings.Contains(r.out, "3 Host the policy") {
		t.Errorf("made rightly it does not go on:\n%s", r.out)
	}
}

// An id is never handed to nsupdate before its body answers: what must wait for
// another edit is named in a remark, and written out when that one is seen.
func TestFormsKeepBackWhatMustWait(t *testing.T) {
	b := byHandBox(t)
	b.must(exitFails, "next", b.Domain(), "--yes")
	for _, x := range [][]string{
		{"_smtp._tls.corp.test", "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;"}, {"mta-sts.corp.test", "A", "192.0.2.20"},
	} {
		if err := b.SetRRset(x[0], x[1], 300, x[2:]...); err != nil {
			t.Fatal(err)
		}
	}
	b.settled()
	b.must(exitGood, "next", b.Domain())
	inForms := func(seen func(form, text string)) {
		for form, record := range map[string]string{"zone": "\n_mta-sts.corp.test. ", "nsupdate": "update add _mta-sts.corp.test.", "terraform": "v=STSv1; id=", "panel": "v=STSv1; id="} {
			out := b.must(exitGood, "plan", b.Domain(), "--form", form).out
			if strings.Contains("\n"+out, record) {
				seen(form, "text")
			}
			if strings.Contains(out, "edit 2 is kept back: after edit 1 is seen everywhere") {
				seen(form, "remark")
			}
			var shape planShape
			if err := json.Unmarshal([]byte(b.must(exitGood, "plan", b.Domain(), "--form", form, "--json").out), &shape); err != nil {
				t.Fatal(err)
			}
			for _, w := range shape.ByHand {
				if w.Edit == "2" && w.Text != "" {
					seen(form, "text in JSON")
				}
				if w.Edit == "2" && len(w.After) > 0 {
					seen(form, "after")
				}
			}
		}
	}
	count := func() map[string]int {
		n := map[string]int{}
		inForms(func(_, what string) { n[what]++ })
		return n
	}
	if n := count(); n["text"] > 0 || n["text in JSON"] > 0 || n["remark"] != 4 || n["after"] != 4 {
		t.Errorf("before the body answers the forms have %v", n)
	}
	b.must(exitGood, "next", b.Domain(), "--yes") // puts the body there, and waits for the id
	if n := count(); n["text"] != 4 || n["text in JSON"] != 4 || n["remark"] > 0 || n["after"] > 0 {
		t.Errorf("when the body answers the forms have %v\n%s", n, b.belay("plan", b.Domain(), "--form", "nsupdate").out)
	}
}

// Before an operator accepts a plan he is told which of its edits are his to make.
func TestTheQuestionSaysWhoMakesTheEdits(t *testing.T) {
	plan := func(accounts ...string) rollout.Plan {
		p := rollout.Plan{Domain: "corp.test"}
		for _, a := range accounts {
			p.Edits = append(p.Edits, rollout.Edit{Kind: rollout.Record, Account: a})
		}
		return p
	}
	for _, row := range []struct {
		shows string
		plan  rollout.Plan
		want  string
	}{
		{"belay", plan("rfc2136", "rfc2136"), "Change these records of corp.test?"},
		{"the operator", plan("manual", "manual/work"), "Change these records of corp.test? You make all of it by hand; belay looks until it is seen."},
		{"both", plan("rfc2136", "static:/srv"), "Change these records of corp.test? You make 1 edit by hand; belay looks until it is seen."},
	} {
		if got := consequence(row.plan); got != row.want {
			t.Errorf("%s: %q, want %q", row.shows, got, row.want)
		}
	}
}
