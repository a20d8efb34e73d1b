package inbox

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

var mails = flag.Int("mails", 2000, "mails in the benchmark's Maildir")

// counter takes everything and keeps nothing, so that the benchmark shows the
// inbox alone.
type counter struct{ shelf }

func (*counter) AddReports(_ context.Context, rs []rollout.ReceivedReport) ([]rollout.Taken, error) {
	taken := make([]rollout.Taken, len(rs))
	for i := range taken {
		taken[i] = rollout.TakenNew
	}
	return taken, nil
}

// BenchmarkImport imports a Maildir in which one mail of a hundred has 300
// details and one of five thousand 20,000, and prints mails a second.
//
//	go test ./providers/inbox -run '^$' -bench Import -benchtime 1x -mails 20000
func BenchmarkImport(b *testing.B) {
	sender := newSigner(b, "sender.test")
	for _, bench := range []struct {
		name   string
		signed bool
	}{{"unsigned", false}, {"dkim", true}} {
		b.Run(bench.name, func(b *testing.B) {
			dir := maildir(b, sender, bench.signed)
			im := importer(nil, sender.lookup)
			im.Store = &counter{}
			for b.Loop() {
				got, err := im.Import(b.Context(), []string{dir}, nil)
				if err != nil || got.New != *mails || bench.signed && got.Verified != *mails {
					b.Fatalf("got %+v, error %v", got, err)
				}
			}
			b.ReportMetric(float64(*mails)*float64(b.N)/b.Elapsed().Seconds(), "mails/s")
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-from-system")
		})
	}
}

func maildir(b *testing.B, sender signer, signed bool) string {
	b.Helper()
	dir := b.TempDir()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	for i := range *mails {
		details := 0
		switch {
		case i%5000 == 4999:
			details = 20_000
		case i%100 == 99:
			details = 300
		}
		mail := mailOf(b, detailed(i, details))
		if signed {
			mail = sender.sign(b, mail, time.Time{})
		}
		if err := os.WriteFile(filepath.Join(dir, "cur", fmt.Sprintf("%06d.host:2,S", i)), []byte(mail), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// detailed is a report with many failure details.
func detailed(i, details int) string {
	const detail = `{"result-type":"certificate-expired","sending-mta-ip":"192.0.2.%d","receiving-mx-hostname":"mx%d.corp.test","failed-session-count":1},`
	var list strings.Builder
	for n := range details {
		fmt.Fprintf(&list, detail, n%250, n%9)
	}
	return strings.Replace(reportOf(fmt.Sprint(i), "corp.test"), `"failure-details":[`, `"failure-details":[`+list.String(), 1)
}
