package inbox

import (
	"fmt"
	"strings"
	"testing"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// TestOfManyDomainsAFewAreLookedAt: a report may name a hundred thousand, none of which
// is to be compared with all the others.
func TestOfManyDomainsAFewAreLookedAt(t *testing.T) {
	var r tlsrpt.Report
	const first = `"policies":[`
	var b strings.Builder
	for i := range 200 {
		domain := fmt.Sprintf("d%03d.test", i/2)
		r.Policies = append(r.Policies, tlsrpt.Policy{Type: tlsrpt.STS, Domain: domain})
		fmt.Fprintf(&b, `{"policy":{"policy-type":"sts","policy-domain":%q},"summary":{"total-successful-session-count":0}},`, domain)
	}
	if got := domainsOf(r); len(got) != rollout.MostForeign || got[1] != "d001.test" {
		t.Errorf("%q", got)
	}
	ours := strings.Replace(reportOf("1", "corp.test"), first, first+b.String(), 1)
	dir := files(t, map[string]string{"ours.json": ours, "foreign.json": strings.ReplaceAll(ours, "corp.test", "other.test")})
	got, err := importer(&shelf{}, nil).Import(t.Context(), []string{dir}, nil)
	if err != nil || got.New != 1 || got.Foreign != 1 || len(got.ForeignDomains) != rollout.MostForeign {
		t.Errorf("%+v, %v", got, err)
	}
}
