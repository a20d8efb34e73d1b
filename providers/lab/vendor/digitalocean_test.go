package vendor_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"belay/providers/lab/vendor"

	"github.com/libdns/digitalocean"
	"github.com/libdns/libdns"
)

// TestLibdnsFaultsDigitalOcean shows what github.com/libdns/digitalocean does, and
// why belay writes to DigitalOcean by calls of its own.
func TestLibdnsFaultsDigitalOcean(t *testing.T) {
	const name = "_mta-sts.corp.test"
	start := func(t *testing.T) (*vendor.DigitalOcean, *digitalocean.Provider) {
		srv := vendor.NewDigitalOcean("corp.test")
		t.Cleanup(srv.Close)
		theOutside.stands(t, "api.digitalocean.com", srv.URL())
		return srv, &digitalocean.Provider{APIToken: srv.Token}
	}
	ctx := context.Background()
	t.Run("a record that was not listed is neither changed nor deleted", func(t *testing.T) {
		srv, p := start(t)
		srv.Put(vendor.DigitalOceanRecord{Name: name, Type: "TXT", Data: "a", TTL: 300})
		_, set := p.SetRecords(ctx, "corp.test.", []libdns.Record{txt("b")})
		_, gone := p.DeleteRecords(ctx, "corp.test.", []libdns.Record{txt("a")})
		for _, err := range []error{set, gone} {
			if err == nil || !strings.Contains(err.Error(), "strconv.Atoi") {
				t.Errorf("%v", err)
			}
		}
		if got := srv.Records(name); len(got) != 1 || got[0].Data != "a" {
			t.Errorf("it holds %+v", got)
		}
	})
	t.Run("a creation that failed at the gateway is made again", func(t *testing.T) {
		srv, p := start(t)
		var once atomic.Bool
		srv.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
			if r.Method != http.MethodPost || once.Swap(true) {
				return nil
			}
			srv.Put(vendor.DigitalOceanRecord{Name: name, Type: "TXT", Data: "a", TTL: 300})
			return &vendor.Fault{Status: 502, Type: "text/html", Body: "<html>"}
		}})
		_, err := p.AppendRecords(ctx, "corp.test.", []libdns.Record{txt("a")})
		if got := srv.Records(name); err != nil || len(got) != 2 {
			t.Errorf("it holds %+v, %v", got, err)
		}
	})
	t.Run("one name is read by listing the whole domain, 20 records a call", func(t *testing.T) {
		srv, p := start(t)
		for i := range 100 {
			srv.Put(vendor.DigitalOceanRecord{Name: "h" + strings.Repeat("x", i), Type: "A", Data: "192.0.2.1", TTL: 300})
		}
		if got, err := p.GetRecords(ctx, "corp.test."); err != nil || len(got) != 103 || srv.Calls() != 6 {
			t.Errorf("%d records by %d calls, %v", len(got), srv.Calls(), err)
		}
	})
}
