package main

import (
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/store"
	"belay/rollout/tlsrpt"
	"belay/rollout/world"
	"belay/steps"
)

var reportsStored = flag.Int("reports", 1_000_000, "reports in the store of the benchmark Million")

// A million reports about one domain: 400 reporters, of which each sends one to four
// a day, over as many days as it takes, under a policy that changes every hundred
// days. 300 of them are known senders, 60 are signers nobody knows, 40 are unsigned.
const (
	bulkReporters = 400
	bulkKnown     = 300
	bulkStrangers = 360 // from bulkKnown up to here
	bulkChange    = 100 // days under one policy
)

// BenchmarkMillion builds a store with a million reports about one domain in review,
// says how much of it a report takes, and takes the time in which the gate is
// computed (the rollout read from the open store and its gate judged) and in which
// the screen of reports opens: from the key that asks for it, in a terminal, to the
// last byte of the frame that shows it.
//
//	go test ./cmd/belay -run '^$' -bench Million -benchtime 20x -timeout 60m
func BenchmarkMillion(b *testing.B) {
	state := b.TempDir()
	bulk := newBulk(b, state)
	size := bulk.fill(b, *reportsStored)

	b.Run("gate", func(b *testing.B) {
		engine := bulk.open(b)
		var took []time.Duration
		sums := 0
		for b.Loop() {
			watch := world.Start()
			r, err := engine.Load(b.Context(), reportedDomain)
			if err != nil {
				b.Fatal(err)
			}
			gate := engine.GateOf(r)
			took = append(took, watch.Elapsed())
			if sums = len(r.Reports); gate.Open || len(gate.Counted) != bulkKnown || gate.Forecast == "" {
				b.Fatalf("the gate is open %v over %d sums, by %d reporters: %s", gate.Open, sums, len(gate.Counted), gate.Forecast)
			}
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(sums), "sums")
		b.ReportMetric(float64(size)/float64(bulk.kept), "store-B/report")
		b.ReportMetric(float64(bulk.kept), "reports")
		reportSpread(b, took)
	})
	b.Run("screen", func(b *testing.B) {
		binary := shipped(b)
		var took []time.Duration
		for b.Loop() {
			// A resolver that refuses ends the look at once. The key comes when the screen
			// of the rollout has told so: before that, what would be taken is the start of
			// the wizard, which reads the same sums for its own first screen.
			s := onScreen(b, nil, binary, "--state", state, "--resolver", "127.0.0.1:1", reportedDomain)
			s.awaitText("r tries again.")
			pressed := s.press("v")
			took = append(took, s.awaitText("Each bar").Sub(pressed))
			s.leave()
		}
		b.ReportMetric(0, "ns/op")
		reportSpread(b, took)
	})
}

// bulk is a store that a benchmark fills with reports.
type bulk struct {
	state string
	today time.Time
	rnd   *rand.Rand
	kept  int
}

// newBulk makes a store with a rollout whose policy has stood in testing for 20 days,
// after others before, and with a look on each day.
func newBulk(b *testing.B, state string) *bulk {
	b.Helper()
	x := &bulk{state: state, today: time.Now().UTC().Truncate(rollout.Day), rnd: rand.New(rand.NewPCG(6, 8460))}
	if err := os.Chmod(state, 0o700); err != nil {
		b.Fatal(err)
	}
	kept, err := store.Open(b.Context(), state)
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()

	settings := rollout.DefaultSettings()
	settings.DNS, settings.Host = rollout.Account{Provider: "manual"}, rollout.HostAccount{Kind: "manual"}
	for i := range bulkKnown {
		settings.Senders = append(settings.Senders, bulkReporter(i))
	}
	began := x.today.AddDate(0, 0, -20)
	live := rollout.NewLedgerEntry(x.policy(0), began)
	live.Live, live.Announced, live.IDs = began, began, []string{began.Format("20060102T150405Z")}
	_, err = kept.Append(b.Context(), reportedDomain, 0,
		rollout.Entry{Domain: reportedDomain, At: began, Kind: rollout.Created, Who: "ann@mail", Settings: &settings},
		rollout.Entry{Domain: reportedDomain, At: began, Kind: rollout.Adopted, Who: "ann@mail", Phase: rollout.ReviewReports, Ledger: []rollout.LedgerEntry{live}})
	if err != nil {
		b.Fatal(err)
	}
	for day := began; day.Before(time.Now()); day = day.Add(rollout.Day) {
		seen := rollout.Evidence{Domain: reportedDomain, At: day.Add(time.Hour)}
		for i := range 3 {
			seen.MX = append(seen.MX, rollout.MXHost{Host: fmt.Sprintf("mx%d.%s", i+1, reportedDomain),
				Addresses: []rollout.MXAddress{{IP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), Reachable: true, STARTTLS: true}}})
		}
		if err := kept.SaveEvidence(b.Context(), seen); err != nil {
			b.Fatal(err)
		}
	}
	return x
}

func bulkReporter(i int) string { return fmt.Sprintf("reporter%d.test", i) }

// policy is what was served age days before today.
func (x *bulk) policy(age int) string {
	return fmt.Sprintf("version: STSv1\r\nmode: testing\r\nmx: *.%s\r\nmax_age: %d\r\n", reportedDomain, 86400+age/bulkChange)
}

// fill takes n reports in, the oldest first, and returns the size of the store in
// bytes.
func (x *bulk) fill(b *testing.B, n int) (size int64) {
	b.Helper()
	kept, err := store.Open(b.Context(), x.state)
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	const aDay = bulkReporters * 5 / 2 // each reporter sends 1 to 4
	for age := n / aDay; age > 0; age-- {
		var batch []rollout.ReceivedReport
		for i := range bulkReporters {
			for k := range 1 + i%4 {
				batch = append(batch, x.report(i, k, age))
			}
		}
		if _, err := kept.AddReports(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		x.kept += len(batch)
	}
	for _, name := range []string{"belay.db", "belay.db-wal"} {
		if info, err := os.Stat(filepath.Join(x.state, name)); err == nil {
			size += info.Size()
		}
	}
	return size
}

// report is the k-th of reporter i about the day that is age days ago. One in twenty
// from before tells of failures; and for a week that ended ten days ago, all did.
func (x *bulk) report(i, k, age int) rollout.ReceivedReport {
	day := x.today.AddDate(0, 0, -age)
	from := bulkReporter(i)
	p := tlsrpt.Policy{Type: tlsrpt.STS, Domain: reportedDomain, Strings: strings.Split(strings.TrimSpace(x.policy(age)), "\r\n"), Successful: 100 + x.rnd.Int64N(10_000)}
	outage := age > 10 && age <= 17
	if outage || age > 10 && x.rnd.IntN(20) == 0 {
		for f := range 1 + x.rnd.IntN(3) {
			p.Failures = append(p.Failures, tlsrpt.Failure{Type: tlsrpt.CertificateExpired, ReceivingMX: fmt.Sprintf("mx%d.%s", f+1, reportedDomain),
				ReceivingIP: netip.AddrFrom4([4]byte{192, 0, 2, byte(f)}), Sessions: 1 + x.rnd.Int64N(9), ReasonCode: "certificate has expired"})
			p.Failed += p.Failures[f].Sessions
		}
	}
	// A mail of usual size: what is compressed in it does not compress again.
	packed := make([]byte, 420)
	for at := range packed {
		packed[at] = byte(x.rnd.Uint32())
	}
	id := fmt.Sprintf("%s.%d.%d", day.Format("20060102"), i, k)
	raw := fmt.Appendf(nil, "From: TLS reports <tls@%[1]s>\r\nTo: tls@corp.test\r\nSubject: Report Domain: corp.test Submitter: %[1]s Report-ID: <%[2]s@%[1]s>\r\n"+
		"TLS-Report-Domain: corp.test\r\nTLS-Report-Submitter: %[1]s\r\nMIME-Version: 1.0\r\nContent-Type: application/tlsrpt+gzip\r\n\r\n%[3]s\r\n",
		from, id, base64.StdEncoding.EncodeToString(packed))
	r := rollout.ReceivedReport{
		Report:    tlsrpt.Report{OrganizationName: from, ReportID: id, Start: day, End: day.Add(rollout.Day - time.Second), Policies: []tlsrpt.Policy{p}},
		Submitter: from, Source: "/var/mail/tls", Path: "/var/mail/tls/cur/" + id, Raw: raw, Received: day.Add(30 * time.Hour), Arrived: day.Add(30 * time.Hour),
		Standing: rollout.Verified, Signer: from,
	}
	if i >= bulkStrangers {
		r.Standing, r.Signer = rollout.Unsigned, ""
	}
	return r
}

// open is an engine over the store.
func (x *bulk) open(b *testing.B) *rollout.Engine {
	b.Helper()
	kept, err := store.Open(context.Background(), x.state)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { kept.Close() })
	return &rollout.Engine{Store: kept, Reports: kept, Steps: steps.All(), Clock: world.System().Clock}
}
