package vendor_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay/providers/lab/vendor"

	"github.com/libdns/hetzner/v2"
	"github.com/libdns/libdns"
)

// TestLibdnsFaultsHetzner shows what github.com/libdns/hetzner does, and why belay
// writes to Hetzner by calls of its own.
func TestLibdnsFaultsHetzner(t *testing.T) {
	const name = "_mta-sts.corp.test"
	start := func(t *testing.T) (*vendor.Hetzner, *hetzner.Provider) {
		srv := vendor.NewHetzner("corp.test")
		t.Cleanup(srv.Close)
		theOutside.stands(t, "api.hetzner.cloud", srv.URL())
		return srv, hetzner.New(srv.Token)
	}
	ctx := context.Background()
	t.Run("between deletion and creation nothing stands", func(t *testing.T) {
		srv, p := start(t)
		srv.Put(vendor.HetznerSet{Name: name, Type: "TXT", TTL: 300, Records: []vendor.HetznerRecord{{Value: `"a"`}}})
		var held []int
		srv.SetHooks(vendor.Hooks{OnChange: func(_, _ string, _ uint32, values []string) { held = append(held, len(values)) }})
		if _, err := p.SetRecords(ctx, "corp.test.", []libdns.Record{txt("b")}); err != nil {
			t.Fatal(err)
		}
		if len(held) != 2 || held[0] != 0 || held[1] != 1 {
			t.Errorf("the set held %v values after each write", held)
		}
	})
	t.Run("where the creation is refused, nothing is left", func(t *testing.T) {
		srv, p := start(t)
		srv.Put(vendor.HetznerSet{Name: name, Type: "TXT", TTL: 300, Records: []vendor.HetznerRecord{{Value: `"a"`}}})
		_, err := p.SetRecords(ctx, "corp.test.", []libdns.Record{txt(strings.Repeat("x", 256))})
		if _, stands := srv.Set(name, "TXT"); err == nil || stands {
			t.Errorf("%v, stands: %v", err, stands)
		}
	})
	t.Run("a quote within a value is refused, for it is not escaped", func(t *testing.T) {
		_, p := start(t)
		if _, err := p.AppendRecords(ctx, "corp.test.", []libdns.Record{txt(`a "b`)}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("a value in two strings is read with quotes in it", func(t *testing.T) {
		srv, p := start(t)
		srv.Put(vendor.HetznerSet{Name: name, Type: "TXT", TTL: 300, Records: []vendor.HetznerRecord{{Value: `"a" "b"`}}})
		got, err := p.GetRecords(ctx, "corp.test.")
		if err != nil || len(got) != 1 || got[0].RR().Data != `a" "b` {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("without a token it panics", func(t *testing.T) {
		t.Setenv("LIBDNS_HETZNER_TOKEN", "")
		if !panics(func() { _, _ = hetzner.New("").GetRecords(ctx, "corp.test.") }) {
			t.Error("no panic")
		}
	})
	t.Run("with two values without a TTL it panics", func(t *testing.T) {
		_, p := start(t)
		two := []libdns.Record{libdns.TXT{Name: "_mta-sts", Text: "a"}, libdns.TXT{Name: "_mta-sts", Text: "b"}}
		if !panics(func() { _, _ = p.SetRecords(ctx, "corp.test.", two) }) {
			t.Error("no panic")
		}
	})
	t.Run("a gateway that is out of order is asked again by itself", func(t *testing.T) {
		srv, p := start(t)
		srv.SetHooks(vendor.Hooks{Interfere: func(*http.Request) *vendor.Fault {
			return &vendor.Fault{Status: 502, Type: "text/html", Body: "<html>"}
		}})
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		if _, err := p.GetRecords(ctx, "corp.test."); err == nil || srv.Calls() < 2 {
			t.Errorf("after %d calls: %v", srv.Calls(), err)
		}
	})
}

func panics(f func()) (it bool) {
	defer func() { it = recover() != nil }()
	f()
	return it
}
