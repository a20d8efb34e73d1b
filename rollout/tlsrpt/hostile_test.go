package tlsrpt_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"belay/rollout/tlsrpt"
)

// TestReadingAReportTakesNoLongerThanItIsLong: what is read of a few megabytes that
// pack to almost nothing must not be gone through again for each of a hundred thousand
// names in it.
func TestReadingAReportTakesNoLongerThanItIsLong(t *testing.T) {
	hosts := make([]string, 99_000)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("b%05d.cc", i)
	}
	few := hosts[:20]
	long := strings.Repeat("A", 1_000_000)
	for _, row := range []struct {
		name string
		of   func(r *tlsrpt.Report)
	}{
		{"a long id, many MX hosts", func(r *tlsrpt.Report) { r.ReportID, r.Policies[0].MXHosts = long, hosts }},
		{"a long id, many policies of few MX hosts", func(r *tlsrpt.Report) {
			p := r.Policies[0]
			p.MXHosts, p.Strings, p.Failures, p.Failed = few, nil, nil, 0
			r.ReportID, r.Policies = long, make([]tlsrpt.Policy, 4000)
			for i := range r.Policies {
				r.Policies[i] = p
			}
		}},
		{"a long policy domain, many MX hosts", func(r *tlsrpt.Report) {
			r.Policies[0].Domain, r.Policies[0].MXHosts = strings.Repeat("a.", 400_000)+"test", hosts
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := sample()
			row.of(&r)
			text := mustJSON(t, r)
			begun := time.Now()
			if _, _, err := tlsrpt.ParseReport(strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
			// Gone through for each name it takes minutes.
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("%d bytes took %s", len(text), took)
			}
		})
	}
}

// TestMemberNamesTakeNoMemory: they are kept while their object is read.
func TestMemberNamesTakeNoMemory(t *testing.T) {
	var b strings.Builder
	b.WriteString("{")
	for i := range 20 {
		fmt.Fprintf(&b, `"%02d%s":1,`, i, strings.Repeat("n", 1_000_000))
	}
	text := b.String() + `"x":1}`
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, fs, err := tlsrpt.ParseReport(strings.NewReader(text))
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "a member name is longer than 1024 bytes") || len(fs) != 1 || fs[0].Column != 2 {
		t.Errorf("%v, %v", err, fs)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("it took %d MiB", took>>20)
	}

	text = mustJSON(t, sample())
	if _, _, err := tlsrpt.ParseReport(strings.NewReader(`{"` + strings.Repeat("n", 1024) + `":1,` + text[1:])); err != nil {
		t.Errorf("a name of 1024 bytes: %v", err)
	}
}
