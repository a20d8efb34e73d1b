package steps_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/steps"
)

// What is odd about a domain before any policy is found under its code.
func TestLookAtOddDomains(t *testing.T) {
	const d = "corp.test"
	for name, row := range map[string]struct {
		make func(*lab.Lab)
		look string
		code finding.Code
		sev  finding.Severity
	}{
		"a domain that does not exist":       {nil, "nowhere.corp.test", "M03", finding.Fail},
		"a domain nobody registered":         {nil, "nobody.test", "M03", finding.Fail},
		"a null MX":                          {func(l *lab.Lab) { set(t, l, d, "MX", "0 .") }, d, "M01", finding.Fail},
		"no MX and no address":               {func(l *lab.Lab) { set(t, l, d, "MX") }, d, "M03", finding.Fail},
		"no MX but an address":               {func(l *lab.Lab) { set(t, l, d, "MX"); set(t, l, d, "A", "192.0.2.11") }, d, "M02", finding.Warn},
		"an MX that is an alias":             {func(l *lab.Lab) { set(t, l, d, "MX", "10 a."+d+"."); set(t, l, "a."+d, "CNAME", "mx1."+d+".") }, d, "M03", finding.Fail},
		"an MX without address":              {func(l *lab.Lab) { set(t, l, d, "MX", "10 none."+d+".") }, d, "M03", finding.Fail},
		"an MX that is an address":           {func(l *lab.Lab) { set(t, l, d, "MX", "10 192.0.2.11.") }, d, "M03", finding.Fail},
		"a reporting record at the apex":     {func(l *lab.Lab) { set(t, l, d, "TXT", "v=TLSRPTv1; rua=mailto:a@b.test") }, d, "R01", finding.Fail},
		"the domain doubled":                 {func(l *lab.Lab) { set(t, l, "_mta-sts."+d+"."+d, "TXT", "v=STSv1; id=1;") }, d, "D04", finding.Fail},
		"a record at mta-sts":                {func(l *lab.Lab) { set(t, l, "mta-sts."+d, "TXT", "v=STSv1; id=1;") }, d, "T08", finding.Fail},
		"two records":                        {func(l *lab.Lab) { set(t, l, "_mta-sts."+d, "TXT", "v=STSv1; id=1;", "v=STSv1; id=2;") }, d, "T01", finding.Fail},
		"two records are a duplicate":        {func(l *lab.Lab) { set(t, l, "_mta-sts."+d, "TXT", "v=STSv1; id=1;", "v=STSv1; id=2;") }, d, "D05", finding.Fail},
		"quotes that became part":            {func(l *lab.Lab) { set(t, l, "_mta-sts."+d, "TXT", `"v=STSv1; id=1;"`) }, d, "D03", finding.Fail},
		"an id with a dash":                  {func(l *lab.Lab) { set(t, l, "_mta-sts."+d, "TXT", "v=STSv1; id=2026-1;") }, d, "T03", finding.Fail},
		"a record without a policy host":     {func(l *lab.Lab) { set(t, l, "_mta-sts."+d, "TXT", "v=STSv1; id=1;") }, d, "H01", finding.Fail},
		"a TXT that is nothing of ours":      {func(l *lab.Lab) { set(t, l, "_mta-sts."+d, "TXT", "v=spf1 -all") }, d, "T01", finding.Info},
		"a policy that misses an MX":         {func(l *lab.Lab) { publish(t, l, strings.Replace(testingBody, "mx: mx2.corp.test\r\n", "", 1), "1") }, d, "C07", finding.Fail},
		"a pattern without an MX":            {func(l *lab.Lab) { publish(t, l, testingBody+"mx: old.corp.test\r\n", "1") }, d, "C08", finding.Warn},
		"a blank line":                       {func(l *lab.Lab) { publish(t, l, testingBody+"\r\n", "1") }, d, "C02", finding.Fail},
		"a body without a record is foreign": {func(l *lab.Lab) { publish(t, l, testingBody, "1"); set(t, l, "_mta-sts."+d, "TXT") }, d, "T01", finding.Info},
		"TLSA beside it":                     {func(l *lab.Lab) { set(t, l, "_25._tcp.mx1."+d, "TLSA", "3 1 1 "+strings.Repeat("ab", 32)) }, d, "P09", finding.Info},
	} {
		t.Run(name, func(t *testing.T) {
			l, looker := openLab(t, lab.Options{})
			if row.make != nil {
				row.make(l)
			}
			e := lookAt(t, looker, row.look, nil)
			if !has(e, row.code, row.sev) {
				report(t, e)
				t.Errorf("no %s %s", row.sev, row.code)
			}
		})
	}
}

// The ledger knows which policy an id announced.
func TestLookComparesTheLedger(t *testing.T) {
	l, looker := openLab(t, lab.Options{})
	publish(t, l, testingBody, "1")
	ledger := rollout.Ledger{{Body: testingBody, IDs: []string{"1"}, Live: l.Now()}}
	if e := lookAt(t, looker, l.Domain(), ledger); len(e.Fails()) > 0 {
		t.Errorf("in order, and yet %v", e.Fails())
	}
	serve(t, l, strings.Replace(testingBody, "86400", "604800", 1))
	if e := lookAt(t, looker, l.Domain(), ledger); !has(e, "T04", finding.Fail) {
		report(t, e)
		t.Error("the body changed under its id")
	}
	begun := append(ledger, rollout.LedgerEntry{Body: strings.Replace(testingBody, "86400", "604800", 1)})
	if e := lookAt(t, looker, l.Domain(), begun); len(e.Fails()) > 0 || !has(e, "O10", finding.Warn) {
		report(t, e)
		t.Error("between a body and its id nothing is broken")
	}
	set(t, l, mtasts.RecordName(l.Domain()), "TXT")
	if e := lookAt(t, looker, l.Domain(), ledger); !has(e, "T01", finding.Fail) {
		report(t, e)
		t.Error("the record that we announced is gone")
	}
}

// A look asks no resolver about a name that does not exist yet: resolvers would
// remember that it does not.
func TestLookPlantsNoNegativeAnswer(t *testing.T) {
	l, _ := openLab(t, lab.Options{})
	w := l.World()
	resolver := w.Network.Resolvers[0].Addr().String()
	var mu sync.Mutex
	var asked []string
	e, err := steps.NewLooker(w).Look(t.Context(), l.Domain(), nil, func(ev rollout.Event) {
		mu.Lock()
		defer mu.Unlock()
		if ev.Kind == rollout.Asking && ev.Subject == resolver {
			asked = append(asked, ev.Text)
		}
	})
	if err != nil || len(asked) == 0 {
		t.Fatalf("%v, %d questions to the resolver at %s", err, len(asked), resolver)
	}
	for _, q := range asked {
		if strings.Contains(q, "mta-sts") || strings.Contains(q, "_tls") {
			t.Errorf("asked the resolver for %s", q)
		}
	}
	if len(e.Names) != 6 {
		t.Errorf("%d names seen", len(e.Names))
	}
}

// What a resolver still remembers is told with its end, and is no fault.
func TestStaleResolverIsInformation(t *testing.T) {
	l, looker := openLab(t, lab.Options{})
	publish(t, l, testingBody, "1")
	lookAt(t, looker, l.Domain(), nil) // the resolver has heard of everything now
	set(t, l, mtasts.RecordName(l.Domain()), "TXT", "v=STSv1; id=2;")
	set(t, l, l.Domain(), "MX", "10 mx1.corp.test.")
	e := lookAt(t, looker, l.Domain(), nil)
	if e.Record.ID != "2" || len(e.MX) != 1 {
		t.Errorf("judged by the resolver: %+v, %v", e.Record, e.MXNames())
	}
	stale := 0
	for _, f := range e.Findings {
		if f.Code == "P07" && f.Severity == finding.Info && !f.Unknown {
			stale++
		}
	}
	if stale != 2 || len(e.Fails()) > 0 {
		report(t, e)
		t.Errorf("%d stale answers told of", stale)
	}
}

// On a deadline the look returns what it has and the error, and nothing that was
// not heard becomes a finding.
func TestLookOnADeadline(t *testing.T) {
	l, looker := openLab(t, lab.Options{})
	if err := l.Set("mx2.unreachable", true); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), lookLimit)
	defer cancel()
	var ended time.Time
	well := newWellMet(func() { ended = time.Now(); cancel() })
	e, err := looker.Look(deadlined{ctx}, l.Domain(), nil, well.hear)
	took := time.Since(ended)
	if !errors.Is(err, context.DeadlineExceeded) || e.Cut == "" {
		t.Fatalf("error %v, cut %q", err, e.Cut)
	}
	if len(e.Fails()) > 0 || e.Verdict() != finding.Unknown {
		report(t, e)
		t.Errorf("verdict %s", e.Verdict())
	}
	if len(e.MX) != 2 || len(e.MX[0].Addresses) != 2 || e.MX[0].Addresses[0].TLSVersion == "" {
		t.Errorf("what was seen is lost: %+v", e.MX)
	}
	if took > windingUp {
		t.Errorf("the look ended %s after its deadline", took)
	}
}
