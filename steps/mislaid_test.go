package steps

import (
	"slices"
	"strings"
	"testing"

	"belay/rollout"
)

// Where the domain lies in a zone above it, a form appends that zone's name; what
// stands at the zone's own names is not taken for the domain's.
func TestPlacesOfADomainWithinAZone(t *testing.T) {
	names := func(places []place) (out []string) {
		for _, p := range places {
			out = append(out, string(p.code)+" "+p.name)
		}
		return out
	}
	all, usual := names(mislaid("mail.corp.test", "corp.test")), names(usualPlaces("mail.corp.test", "corp.test"))
	for _, want := range []string{"D04 _mta-sts.mail.corp.test.corp.test", "D04 _smtp._tls.mail.corp.test.corp.test", "D04 mta-sts.mail.corp.test.corp.test", "T08 _mta-sts.corp.test"} {
		if !slices.Contains(all, want) {
			t.Errorf("%s is not looked at", want)
		}
	}
	for _, others := range []string{"R01 _smtp._tls.corp.test", "H01 mta-sts.corp.test"} {
		if slices.Contains(all, others) {
			t.Errorf("the zone's own %s would be moved away", others)
		}
	}
	if !slices.Contains(usual, "D04 _mta-sts.mail.corp.test.corp.test") || slices.Contains(usual, "T08 _mta-sts.corp.test") {
		t.Errorf("every look looks at %q", usual)
	}
	if own := names(mislaid("corp.test", "corp.test")); len(slices.Compact(slices.Sorted(slices.Values(own)))) != len(own) {
		t.Errorf("a place is looked at twice: %q", own)
	}
}

// FuzzMistyped holds that whatever stands at a name, what is told of it is fit for
// a screen, and that the right value is never called a mistake.
func FuzzMistyped(f *testing.F) {
	const right = "v=STSv1; id=20261102T080000Z;"
	f.Add(right)
	f.Add(`"` + right + `"`)
	f.Add(strings.ReplaceAll(right, ";", `\;`) + " ")
	f.Add("\x1b]0;title\x07\u202e\\\"")
	e := rollout.Edit{Kind: rollout.Record, Account: "manual", Name: "_mta-sts.corp.test", Type: "TXT", After: rollout.Records(right), Before: rollout.Records("old")}
	f.Fuzz(func(t *testing.T, value string) {
		for _, found := range mistyped(e, []string{value}, "corp.test") {
			if value == right {
				t.Fatalf("the right value is told as %v", found)
			}
			if strings.ContainsAny(found.Title+found.Fix, "\x1b\x07\u202e\n") || found.Fix == "" {
				t.Fatalf("%q is told as %q, mended by %q", value, found.Title, found.Fix)
			}
		}
		if !meant(e, right) || !meant(e, ` "`+right+`" `) {
			t.Fatal("what was meant is not known")
		}
	})
}
