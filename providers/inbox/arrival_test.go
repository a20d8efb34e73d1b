package inbox

import (
	"testing"
	"time"

	"belay/rollout/tlsrpt"
)

func TestArrivalIsWhatTheLastServerSays(t *testing.T) {
	start := time.Date(2026, 6, 8, 0, 0, 0, 0, time.UTC)
	now := start.AddDate(0, 0, 3)
	six := time.Date(2026, 6, 9, 6, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name, mail string
		want       time.Time
	}{
		{"the first Received", "Received: from a by mx1.corp.test with ESMTPS id 1;\r\n\tTue, 9 Jun 2026 08:00:00 +0200 (CEST)\r\nReceived: from b by a; Tue, 9 Jun 2026 01:00:00 +0000\r\nDate: Tue, 9 Jun 2026 00:30:00 +0000\r\n\r\nx", six},
		{"any case, bare line feeds", "RECEIVED: from a by b; 9 Jun 2026 06:00:00 GMT\n\nx", six},
		{"without Received the Date", "From: a@google.com\r\nDate: Tue, 9 Jun 2026 06:00:00 +0000\r\n\r\n", six},
		{"a Received without a date is passed over", "Received: from a by b\r\nReceived: by c; Tue, 9 Jun 2026 06:00:00 +0000\r\n\r\n", six},
		{"what stands in the body says nothing", "From: a@google.com\r\n\r\nDate: Tue, 9 Jun 2026 06:00:00 +0000\r\n", time.Time{}},
		{"before the period", "Date: Sun, 7 Jun 2026 23:59:59 +0000\r\n\r\n", time.Time{}},
		{"in the future", "Date: Tue, 9 Jun 2037 06:00:00 +0000\r\n\r\n", time.Time{}},
		{"no date at all", "Date: yesterday\r\n\r\n", time.Time{}},
		{"a bare report", `{"organization-name":"x"}`, time.Time{}},
		{"nothing", "", time.Time{}},
	} {
		if got := arrived([]byte(row.mail), tlsrpt.Report{Start: start}, now); !got.Equal(row.want) {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

func FuzzArrival(f *testing.F) {
	f.Add([]byte("Received: from a by b; 9 Jun 2026 06:00:00 GMT\n\nx"))
	f.Add([]byte("Date: Tue, 9 Jun 2026 06:00:00 +0000 (a (comment)\r\n continued\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) { stamped(raw) })
}
