package mtasts_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

func TestParseRecordPlacesEachFault(t *testing.T) {
	tests := []struct {
		name, txt string
		code      finding.Code // of a fault, or none
		column    int
	}{
		{"canonical", "v=STSv1; id=20260301T120000Z;", "", 0},
		{"space behind the last ;", "v=STSv1; id=1; ", "", 0},
		{"extension before id", "v=STSv1; foo=bar; id=1;", "", 0},
		{"trailing space without ;", "v=STSv1; id=1 ", "T02", 14},
		{"not ASCII", "v=STSv1; id=1; n=café", "T02", 21},
		{"line break", "v=STSv1;\nid=1", "T02", 9},
		{"pasted quotes", `"v=STSv1; id=1;"`, "T02", 1},
		{"id first", "id=1; v=STSv1", "T02", 1},
		{"id of 33 characters", "v=STSv1; id=" + strings.Repeat("a", 33), "T03", 13},
		{"id with dashes", "v=STSv1; id=2026-03-01", "T03", 13},
		{"id with underscore", "v=STSv1; id=20260301_1", "T03", 13},
		{"second id", "v=STSv1; id=1; id=2", "T02", 16},
		{"no id", "v=STSv1;", "T02", 9},
		{"no name", "v=STSv1; id=1; =bar", "T02", 16},
		{"name with a leading dash", "v=STSv1; id=1; -foo=x", "T02", 16},
		{"repeated extension", "v=STSv1; id=1; a=x; a=y", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, fs := mtasts.ParseRecord(tt.txt)
			if (tt.code == "") != mtasts.Usable(fs) {
				t.Errorf("findings %v", fs)
			}
			found := tt.code == ""
			for _, f := range fs {
				found = found || f.Code == tt.code && f.Line == 1 && f.Column == tt.column
			}
			if !found {
				for _, f := range fs {
					t.Logf("%d:%d %s", f.Line, f.Column, f)
				}
				t.Errorf("no %s at column %d", tt.code, tt.column)
			}
		})
	}
}

func TestParseRRsetSelectsByPrefixBeforeSyntax(t *testing.T) {
	tests := []struct {
		name    string
		records []string
		verdict finding.Verdict
		id, raw string
	}{
		{"one", []string{"v=STSv1; id=1"}, finding.Accept, "1", "v=STSv1; id=1"},
		{"later version beside", []string{"v=STSv10; id=9", "v=STSv1; id=2"}, finding.Usable, "2", "v=STSv1; id=2"},
		{"second one malformed", []string{"v=STSv1; id=1", "v=STSv1; id="}, finding.Reject, "1", "v=STSv1; id=1"},
		{"nearly one among others", []string{"v=spf1 -all", "v=stsv1; id=3"}, finding.Reject, "3", "v=stsv1; id=3"},
		{"wildcard's SPF", []string{"v=spf1 -all"}, finding.Reject, "", ""},
		{"none", nil, finding.Reject, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec, raw, fs := mtasts.ParseRRset(tt.records)
			if got := finding.VerdictOf(fs); got != tt.verdict || rec.ID != tt.id || raw != tt.raw {
				t.Errorf("%s, id %q, raw %q; want %s, %q, %q: %v", got, rec.ID, raw, tt.verdict, tt.id, tt.raw, fs)
			}
		})
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add("v=STSv1; id=1; foo=bar;")
	f.Add("\"v = stsv1 ;; id=; =x; a=b=c \xff")
	f.Fuzz(func(t *testing.T, txt string) {
		rec, fs := mtasts.ParseRecord(txt)
		if !mtasts.Usable(fs) {
			return
		}
		again, fs := mtasts.ParseRecord(rec.String())
		if len(fs) > 0 || !reflect.DeepEqual(again, rec) {
			t.Errorf("%q prints as %q, which reads as %+v: %v", txt, rec, again, fs)
		}
	})
}

func TestNewIDMovesOnUntilUnused(t *testing.T) {
	now := time.Date(2026, 3, 1, 13, 0, 0, 999, time.FixedZone("", 3600))
	if got := mtasts.NewID(now, nil); got != "20260301T120000Z" {
		t.Errorf("got %s", got)
	}
	used := map[string]bool{"20260301T120000Z": true, "20260301T120001Z": true}
	id := mtasts.NewID(now, func(id string) bool { return used[id] })
	if id != "20260301T120002Z" {
		t.Errorf("got %s", id)
	}
	if _, fs := mtasts.ParseRecord(mtasts.Record{ID: id}.String()); len(fs) > 0 {
		t.Errorf("the id is not valid: %v", fs)
	}
}

func ExampleRecord_String() {
	fmt.Println(mtasts.Record{ID: "20260301T120000Z"})
	// Output: v=STSv1; id=20260301T120000Z;
}

func ExampleParsePolicy() {
	policy, findings := mtasts.ParsePolicy([]byte("version: STSv1\nmode: Enforce\nmx: mx1.corp.test.\nmax_age: 1d\n"))
	fmt.Println(policy.MX, finding.VerdictOf(findings))
	for _, f := range findings {
		fmt.Printf("%d:%d %s %s\n", f.Line, f.Column, f.Code, f.Title)
	}
	// Output:
	// [mx1.corp.test.] reject
	// 2:7 C04 mode is "Enforce", not one of none, testing and enforce
	// 3:18 C11 mx "mx1.corp.test." ends in a dot
	// 4:10 C05 max_age is "1d", not a whole number of seconds
}

func ExampleMatch() {
	fmt.Println(mtasts.Match("mx1.corp.test.", "*.corp.test"))
	fmt.Println(mtasts.Match("a.mx1.corp.test", "*.corp.test"))
	// Output:
	// true
	// false
}
