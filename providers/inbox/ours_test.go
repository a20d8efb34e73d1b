package inbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestManyPoliciesTakeNoLongerThanTheyAreLong: of a hundred thousand domains, which pack
// to a few hundred kilobytes, none is compared with all the others.
func TestManyPoliciesTakeNoLongerThanTheyAreLong(t *testing.T) {
	const first = `"policies":[`
	var b strings.Builder
	for i := range 99_000 {
		fmt.Fprintf(&b, `{"policy":{"policy-type":"sts","policy-domain":"%030d"},"summary":{"total-successful-session-count":0}},`, i)
	}
	ours := strings.Replace(reportOf("1", "corp.test"), first, first+b.String(), 1)
	foreign := strings.ReplaceAll(ours, "corp.test", "other.test")
	dir := files(t, map[string]string{"ours.json": ours, "foreign.json": foreign})
	begun := time.Now()
	got, err := importer(&shelf{}, nil).Import(t.Context(), []string{dir}, nil)
	if err != nil || got.New != 1 || got.Foreign != 1 || len(got.ForeignDomains) != 5 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := importer(&shelf{}, nil).Posted(t.Context(), "https", []byte(foreign)); !errors.Is(err, ErrForeign) {
		t.Errorf("posted: %v", err)
	}
	// Where each is compared with all it takes minutes.
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}
