package tlsrpt_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"belay/rollout/tlsrpt"
)

// TestALongReportIDIsNotCopiedForEachMXHost: it packs to almost nothing.
func TestALongReportIDIsNotCopiedForEachMXHost(t *testing.T) {
	r := sample()
	r.ReportID = strings.Repeat("A", 1_000_000)
	p := r.Policies[0]
	p.Strings, p.Failures, p.Failed, p.MXHosts = nil, nil, 0, nil
	for i := range 40 {
		p.MXHosts = append(p.MXHosts, fmt.Sprintf("b%02d.cc", i))
	}
	r.Policies = nil
	for range 10 {
		r.Policies = append(r.Policies, p)
	}
	text := mustJSON(t, r)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := tlsrpt.ParseReport(strings.NewReader(text))
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err != nil || took > 32<<20 {
		t.Errorf("%d bytes took %d MiB, %v", len(text), took>>20, err)
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
