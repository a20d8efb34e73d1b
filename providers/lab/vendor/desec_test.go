package vendor_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/lab/vendor"

	"github.com/libdns/desec"
	"github.com/libdns/libdns"
)

// TestLibdnsFaultsDeSEC shows what github.com/libdns/desec does, and why belay
// writes to deSEC by a call of its own.
func TestLibdnsFaultsDeSEC(t *testing.T) {
	const name = "_mta-sts.corp.test"
	start := func(t *testing.T) (*vendor.DeSEC, *desec.Provider) {
		srv := vendor.NewDeSEC("corp.test")
		t.Cleanup(srv.Close)
		theOutside.stands(t, "desec.io", srv.URL())
		return srv, &desec.Provider{Token: srv.Token}
	}
	t.Run("a TTL is raised to 3600 s without a word, even where the domain takes less", func(t *testing.T) {
		srv, p := start(t)
		srv.SetMinimumTTL(60)
		_, err := p.SetRecords(context.Background(), "corp.test.", []libdns.Record{txt("a")})
		if set, _ := srv.Set(name, "TXT"); err != nil || set.TTL != 3600 {
			t.Errorf("TTL %d, %v", set.TTL, err)
		}
	})
	t.Run("one value in several strings is not read as it is, and its deletion does nothing", func(t *testing.T) {
		srv, p := start(t)
		long := strings.Repeat("x", 300)
		ctx := context.Background()
		if _, err := p.SetRecords(ctx, "corp.test.", []libdns.Record{txt(long)}); err != nil {
			t.Fatal(err)
		}
		got, err := p.GetRecords(ctx, "corp.test.")
		i := slices.IndexFunc(got, func(r libdns.Record) bool { return r.RR().Type == "TXT" })
		if err == nil && (i < 0 || got[i].RR().Data == long) {
			t.Errorf("it is read as %v", got)
		}
		gone, err := p.DeleteRecords(ctx, "corp.test.", []libdns.Record{txt(long)})
		if _, stands := srv.Set(name, "TXT"); err != nil || len(gone) != 0 || !stands {
			t.Errorf("deleted %v, %v; stands: %v", gone, err, stands)
		}
	})
	t.Run("a byte beyond ASCII hides the whole zone", func(t *testing.T) {
		srv, p := start(t)
		srv.Put("other.corp.test", "TXT", 3600, `"\195\156"`)
		if got, err := p.GetRecords(context.Background(), "corp.test."); err == nil || got != nil {
			t.Errorf("read %v, %v", got, err)
		}
	})
	t.Run("an odd record hides the whole zone and is printed to standard output", func(t *testing.T) {
		srv, p := start(t)
		srv.Put("odd.corp.test", "SVCB", 3600, "1 svc.corp.test.")
		var err error
		out := printed(t, func() { _, err = p.GetRecords(context.Background(), "corp.test.") })
		if err == nil || out != "odd\n" {
			t.Errorf("printed %q, %v", out, err)
		}
	})
	t.Run("more than 500 sets cannot be read", func(t *testing.T) {
		srv, p := start(t)
		for i := range 501 {
			srv.Put("h"+strings.Repeat("x", i/26)+string(rune('a'+i%26))+".corp.test", "A", 3600, "192.0.2.1")
		}
		if _, err := p.GetRecords(context.Background(), "corp.test."); err == nil || !strings.Contains(err.Error(), "Pagination required") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a throttled call waits as long as it is told", func(t *testing.T) {
		srv, p := start(t)
		asked := 0
		srv.SetHooks(vendor.Hooks{Interfere: func(*http.Request) *vendor.Fault {
			asked++
			return &vendor.Fault{Status: 429, Type: "application/json", RetryAfter: "86400", Body: `{"detail":"Request was throttled."}`}
		}})
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		if _, err := p.GetRecords(ctx, "corp.test."); err == nil || !strings.Contains(err.Error(), "waiting for cooldown") || asked != 1 {
			t.Errorf("after %d calls: %v", asked, err)
		}
	})
}
