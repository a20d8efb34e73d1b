package tlsrpt_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

func TestParseRecordPlacesEachFault(t *testing.T) {
	tests := []struct {
		name, txt string
		verdict   finding.Verdict
		code      finding.Code
		column    int
	}{
		{"canonical", "v=TLSRPTv1; rua=mailto:a@recv.example;", finding.Accept, "", 0},
		{"query with =", "v=TLSRPTv1; rua=https://r.example/in?a=b", finding.Accept, "R05", 1},
		{"two mailboxes", "v=TLSRPTv1; rua=mailto:a@recv.example,mailto:b@recv.example", finding.Accept, "R04", 1},
		{"encoded exclamation mark", "v=TLSRPTv1; rua=mailto:tls%21rpt@recv.example", finding.Accept, "", 0},
		{"IPv6 host", "v=TLSRPTv1; rua=https://[2001:db8::1]/in", finding.Accept, "R05", 1},
		{"two rua fields", "v=TLSRPTv1; rua=mailto:a@r.example; rua=mailto:b@r.example", finding.Usable, "R03", 37},
		{"empty mailbox beside a good one", "v=TLSRPTv1; rua=mailto:,mailto:b@r.example", finding.Usable, "R03", 17},
		{"DMARC's size limit", "v=TLSRPTv1; rua=mailto:a@recv.example!10m", finding.Reject, "R06", 38},
		{"bare semicolon in a URI", "v=TLSRPTv1; rua=https://r.example/a;b", finding.Reject, "R06", 37},
		{"no scheme", "v=TLSRPTv1; rua=a@recv.example", finding.Reject, "R03", 17},
		{"space behind =", "v=TLSRPTv1; rua= mailto:a@recv.example", finding.Reject, "R03", 16},
		{"space for comma", "v=TLSRPTv1; rua=mailto:a@r.example mailto:b@r.example", finding.Reject, "R03", 35},
		{"http", "v=TLSRPTv1; rua=http://r.example/in", finding.Reject, "R03", 1},
		{"bad percent", "v=TLSRPTv1; rua=mailto:a%2@r.example", finding.Reject, "R03", 25},
		{"missing semicolon", "v=TLSRPTv1 rua=mailto:a@r.example", finding.Reject, "R03", 1},
		{"space before semicolon", "v=TLSRPTv1 ; rua=mailto:a@r.example", finding.Reject, "R03", 1},
		{"trailing space", "v=TLSRPTv1; rua=mailto:a@r.example ", finding.Reject, "R03", 35},
		{"version twice", "v=TLSRPTv1; v=TLSRPTv1; rua=mailto:a@r.example", finding.Reject, "R03", 13},
		{"version alone", "v=TLSRPTv1;", finding.Reject, "R03", 12},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lint := tlsrpt.LintRecord([]string{tt.txt})
			if lint.Verdict != tt.verdict {
				t.Errorf("verdict %s, want %s", lint.Verdict, tt.verdict)
			}
			found := tt.code == ""
			for _, f := range lint.Findings {
				found = found || f.Code == tt.code && f.Line == 1 && f.Column == tt.column
			}
			if !found {
				t.Errorf("no %s at column %d", tt.code, tt.column)
			}
			if t.Failed() {
				for _, f := range lint.Findings {
					t.Logf("%d:%d %s", f.Line, f.Column, f)
				}
			}
		})
	}
}

func TestAdviceIsAWarningInACheckAndInfoInLint(t *testing.T) {
	records := []string{"v=TLSRPTv1; rua=https://r.example/in"}
	_, _, fs := tlsrpt.ParseRRset(records)
	if got := finding.VerdictOf(fs); got != finding.Usable {
		t.Errorf("check: %s", got)
	}
	if got := tlsrpt.LintRecord(records).Verdict; got != finding.Accept {
		t.Errorf("lint: %s", got)
	}
}

func TestAddRUA(t *testing.T) {
	const a, b = "mailto:a@r.example", "mailto:b@r.example"
	tests := []struct {
		name, raw string
		uris      []string
		want      string
	}{
		{"new", "", []string{a}, "v=TLSRPTv1; rua=mailto:a@r.example;"},
		{"new with two", "", []string{a, b, a}, "v=TLSRPTv1; rua=mailto:a@r.example,mailto:b@r.example;"},
		{"there already", "v=TLSRPTv1;rua=" + a, []string{a}, "v=TLSRPTv1;rua=" + a},
		{"there in other case", "v=TLSRPTv1;rua=MAILTO:a@R.example", []string{a}, "v=TLSRPTv1;rua=MAILTO:a@R.example"},
		{"appended", "v=TLSRPTv1;rua=" + a, []string{b}, "v=TLSRPTv1;rua=" + a + "," + b},
		{"every other byte stays", "v=TLSRPTv1;\t x=1 ; rua=" + a + " , ftp://x.example/ ; y=2;  ", []string{b},
			"v=TLSRPTv1;\t x=1 ; rua=" + a + " , ftp://x.example/," + b + " ; y=2;  "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tlsrpt.AddRUA(tt.raw, tt.uris...)
			if err != nil || got != tt.want {
				t.Fatalf("got %q, %v, want %q", got, err, tt.want)
			}
			if again, err := tlsrpt.AddRUA(got, tt.uris...); err != nil || again != got {
				t.Errorf("a second time changes it: %q, %v", again, err)
			}
		})
	}
	for name, args := range map[string][]string{
		"unusable record": {"v=TLSRPTv1 rua=" + a, b},
		"not a record":    {"v=spf1 -all", b},
		"address":         {"", "a@r.example"},
		"scheme":          {"", "ftp://r.example/"},
		"nothing to add":  {""},
	} {
		if got, err := tlsrpt.AddRUA(args[0], args[1:]...); err == nil {
			t.Errorf("%s: no error, %q", name, got)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add("v=TLSRPTv1; x=1; rua=mailto:a@r.example , https://r.example/a%3Bb;", "mailto:b@r.example")
	f.Add("v=TLSRPTv1; rua=https:x,mailto:?;;rua=[]#%", "https:////")
	f.Fuzz(func(t *testing.T, txt, uri string) {
		rec, fs := tlsrpt.ParseRecord(txt)
		if finding.VerdictOf(fs) == finding.Reject {
			return
		}
		again, _ := tlsrpt.ParseRecord(rec.String())
		if !reflect.DeepEqual(again, rec) {
			t.Errorf("%q prints as %q, which reads as %+v", txt, rec, again)
		}
		added, err := tlsrpt.AddRUA(txt, uri)
		if err != nil {
			return
		}
		more, fs := tlsrpt.ParseRecord(added)
		if finding.VerdictOf(fs) == finding.Reject || len(more.Usable) < len(rec.Usable) {
			t.Errorf("%q with %q became %q: %v", txt, uri, added, fs)
		}
		if twice, err := tlsrpt.AddRUA(added, uri); err != nil || twice != added {
			t.Errorf("%q with %q again became %q, %v", added, uri, twice, err)
		}
	})
}

func ExampleAddRUA() {
	record, _ := tlsrpt.AddRUA("v=TLSRPTv1; rua=mailto:old@corp.test", "mailto:tls@reports.example")
	fmt.Println(record)
	// Output: v=TLSRPTv1; rua=mailto:old@corp.test,mailto:tls@reports.example
}

func ExampleParseReport() {
	const text = `{"organization-name": "Sender", "contact-info": "tls@sender.example", "report-id": "1",
 "date-range": {"start-datetime": "2026-03-01T00:00:00Z", "end-datetime": "2026-03-02T00:00:00Z"},
 "policies": [{"policy": {"policy-type": "sts", "policy-domain": "corp.test", "mx-host": "mx1.corp.test"},
  "summary": {"total-successful-session-count": 41, "total-failure-session-count": 0}}]}`
	report, findings, err := tlsrpt.ParseReport(strings.NewReader(text))
	fmt.Println(report.Policies[0].Domain, report.Policies[0].Successful, err)
	for _, f := range findings {
		fmt.Printf("%d:%d %s %s\n", f.Line, f.Column, f.Code, f.Title)
	}
	// Output:
	// corp.test 41 <nil>
	// 3:90 V18 mx-host is a string, not an array of strings
	// 3:26 V18 policy has no policy-string
}
