package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/world"
)

// BenchmarkImport runs `belay reports import` over a Maildir into a new store: the
// mails are read, their signatures verified, and the reports kept and summed up.
//
//	go test ./cmd/belay -run '^$' -bench Import -benchtime 1x
func BenchmarkImport(b *testing.B) {
	for _, bench := range []struct {
		name   string
		signed bool
	}{{"unsigned", false}, {"dkim", true}} {
		b.Run(bench.name, func(b *testing.B) {
			bag := newPostbag(b)
			maildir := bag.fill(b, *mails, bench.signed)
			w := world.System()
			at, err := world.ParseResolver(bag.resolver(b))
			if err != nil {
				b.Fatal(err)
			}
			w.Network.Resolvers = w.Network.Resolvers[:0:0]
			w.Network.Resolvers = append(w.Network.Resolvers, at)

			var spent time.Duration
			var size int64
			for b.Loop() {
				state := b.TempDir()
				watch := world.Start()
				out := runIn(b, w, state, "reports", "import", "--domain", reportedDomain, "--json", maildir)
				spent += watch.Elapsed()
				var sum rollout.Intake
				if err := json.Unmarshal([]byte(out), &sum); err != nil {
					b.Fatal(err)
				}
				if sum.New != *mails || bench.signed && sum.Verified != *mails {
					b.Fatalf("of %d mails: %s", *mails, out)
				}
				kept, err := os.Stat(filepath.Join(state, "belay.db"))
				if err != nil {
					b.Fatal(err)
				}
				size = kept.Size()
			}
			b.ReportMetric(float64(*mails)*float64(b.N)/spent.Seconds(), "mails/s")
			b.ReportMetric(float64(size)/float64(*mails), "store-B/report")
		})
	}
}
