package steps_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"belay/providers/lab"
	"belay/steps"
)

// roundTrips is the critical path of a look, derived from what has to be known
// before the next question can be asked; two ways run beside each other, of which
// the longer counts.
var roundTrips = struct{ mail, policy []string }{
	mail: []string{
		"delegation: which zone, which name servers",
		"MX: which hosts",
		"address of an MX host",
		"TCP handshake",
		"greeting",
		"EHLO: is STARTTLS offered",
		"STARTTLS: 220",
		"TLS 1.3 handshake",
		"EHLO behind TLS",
	},
	policy: []string{
		"delegation: which zone, which name servers",
		"address of the policy host",
		"TCP handshake",
		"TLS 1.3 handshake",
		"GET: the policy",
	},
}

// BenchmarkLook looks at a domain with 3 MX hosts of 2 addresses each, 2 name
// servers and a policy host, with 30 ms added to every round trip. It reports the
// median look, the critical path, and their ratio.
func BenchmarkLook(b *testing.B) {
	const latency = 30 * time.Millisecond
	near, looker := openLab(b, lab.Options{MX: 3})
	publish(b, near, testingBody+"mx: mx3.corp.test\r\n", "1")
	served := median(b, looker, near.Domain(), 20) // what the servers and belay itself need without any way between them

	far, looker := openLab(b, lab.Options{MX: 3, Latency: latency})
	publish(b, far, testingBody+"mx: mx3.corp.test\r\n", "1")
	trips := max(len(roundTrips.mail), len(roundTrips.policy))
	for i, why := range roundTrips.mail {
		b.Logf("%2d  %s", i+1, why)
	}
	path := time.Duration(trips)*latency + served
	b.ResetTimer()
	var took []time.Duration
	for b.Loop() {
		took = append(took, once(b, looker, far.Domain()))
	}
	slices.Sort(took)
	middle := took[len(took)/2]
	ratio := float64(middle) / float64(path)
	b.ReportMetric(float64(middle.Microseconds())/1000, "ms/look")
	b.ReportMetric(float64(path.Microseconds())/1000, "ms/path")
	b.ReportMetric(ratio, "ratio")
	b.Logf("median of %d looks %s; critical path %d x %s + %s served = %s; ratio %.2f", len(took), middle, trips, latency, served, path, ratio)
}

func median(b *testing.B, looker *steps.Looker, domain string, n int) time.Duration {
	var took []time.Duration
	for range n {
		took = append(took, once(b, looker, domain))
	}
	slices.Sort(took)
	return took[n/2]
}

func once(b *testing.B, looker *steps.Looker, domain string) time.Duration {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := looker.Look(ctx, domain, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	if fails := e.Fails(); len(fails) > 0 || len(e.MX) != 3 {
		b.Fatal(fmt.Sprint("the domain is not in order: ", fails))
	}
	return e.Took
}
