package vendor_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/lab/vendor"

	"github.com/libdns/cloudflare"
	"github.com/libdns/libdns"
	"github.com/libdns/route53"
)

// These tests show libdns's known faults on the loopback servers: a server that
// hid them would prove nothing about the adapter.

func newCloudflare(t *testing.T, records ...vendor.CloudflareRecord) (*vendor.Cloudflare, *cloudflare.Provider) {
	srv := vendor.NewCloudflare("corp.test", records...)
	t.Cleanup(srv.Close)
	client := &http.Client{Transport: vendor.CloudflareTransport(strings.TrimSuffix(srv.URL(), "/client/v4")), Timeout: 10 * time.Second}
	return srv, &cloudflare.Provider{APIToken: srv.Token, HTTPClient: client}
}

func txt(text string) libdns.Record {
	return libdns.TXT{Name: "_mta-sts", TTL: 300 * time.Second, Text: text}
}

func contents(srv *vendor.Cloudflare, name string) []string {
	var out []string
	for _, r := range srv.Records(name) {
		out = append(out, r.Content)
	}
	return out
}

func TestCloudflareFaultsOfLibdns(t *testing.T) {
	const name = "_mta-sts.corp.test"
	t.Run("two values set on nothing leave one, without an error", func(t *testing.T) {
		srv, p := newCloudflare(t)
		_, err := p.SetRecords(context.Background(), "corp.test.", []libdns.Record{txt("a"), txt("b")})
		if got := contents(srv, name); err != nil || len(got) != 1 {
			t.Errorf("holds %q, %v", got, err)
		}
	})
	t.Run("one value set on two is an error", func(t *testing.T) {
		_, p := newCloudflare(t, vendor.CloudflareRecord{Name: name, Type: "TXT", Content: `"a"`}, vendor.CloudflareRecord{Name: name, Type: "TXT", Content: `"b"`})
		if _, err := p.SetRecords(context.Background(), "corp.test.", []libdns.Record{txt("c")}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("a refused deletion of a TXT is a success", func(t *testing.T) {
		srv, p := newCloudflare(t, vendor.CloudflareRecord{Name: name, Type: "TXT", Content: `"a"`})
		srv.SetPermissions("#zone:read")
		_, err := p.DeleteRecords(context.Background(), "corp.test.", []libdns.Record{txt("a")})
		if got := contents(srv, name); err != nil || !slices.Equal(got, []string{`"a"`}) {
			t.Errorf("holds %q, %v", got, err)
		}
	})
	t.Run("a proxied record stays proxied", func(t *testing.T) {
		srv, p := newCloudflare(t, vendor.CloudflareRecord{Name: "mta-sts.corp.test", Type: "CNAME", Content: "a.example", Proxied: true})
		_, err := p.SetRecords(context.Background(), "corp.test.", []libdns.Record{libdns.CNAME{Name: "mta-sts", TTL: 300 * time.Second, Target: "b.example."}})
		got := srv.Records("mta-sts.corp.test")
		if err != nil || len(got) != 1 || !got[0].Proxied || got[0].Content != "b.example" {
			t.Errorf("holds %+v, %v", got, err)
		}
	})
	t.Run("HTML is a syntax error", func(t *testing.T) {
		srv, p := newCloudflare(t)
		srv.SetHooks(vendor.Hooks{Interfere: func(*http.Request) *vendor.Fault {
			return &vendor.Fault{Status: 502, Type: "text/html", Body: "<html>"}
		}})
		if _, err := p.GetRecords(context.Background(), "corp.test."); err == nil || !strings.Contains(err.Error(), "invalid character '<'") {
			t.Errorf("%v", err)
		}
	})
}

func newRoute53(t *testing.T, sets ...vendor.Route53Set) (*vendor.Route53, *route53.Provider) {
	srv := vendor.NewRoute53("corp.test", sets...)
	t.Cleanup(srv.Close)
	t.Setenv("AWS_ENDPOINT_URL_ROUTE_53", srv.URL())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	return srv, &route53.Provider{AccessKeyId: srv.AccessKeyID, SecretAccessKey: "secret", MaxRetries: 1}
}

func TestRoute53FaultsOfLibdns(t *testing.T) {
	const name = "_mta-sts.corp.test"
	t.Run("an alias is not seen, and written over", func(t *testing.T) {
		srv, p := newRoute53(t, vendor.Route53Set{Name: "mta-sts.corp.test", Type: "A", Alias: "d111.cloudfront.net"})
		records, err := p.GetRecords(context.Background(), "corp.test.")
		if err != nil || len(records) != 0 {
			t.Errorf("an alias is not invisible: %v, %v", records, err)
		}
		a, err := libdns.RR{Name: "mta-sts", Type: "A", TTL: 300 * time.Second, Data: "192.0.2.20"}.Parse()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.SetRecords(context.Background(), "corp.test.", []libdns.Record{a}); err != nil {
			t.Fatal(err)
		}
		if s, _ := srv.Set("mta-sts.corp.test", "A"); s.Alias != "" || !slices.Equal(s.Values, []string{"192.0.2.20"}) {
			t.Errorf("the alias was not written over: %+v", s)
		}
	})
	t.Run("a page is a zone without records, and deleting from it a success", func(t *testing.T) {
		srv, p := newRoute53(t, vendor.Route53Set{Name: name, Type: "TXT", TTL: 300, Values: []string{`"a"`}})
		p.HostedZoneID = "Z0PUBLIC0000000000001"
		srv.SetHooks(vendor.Hooks{Interfere: func(*http.Request) *vendor.Fault {
			return &vendor.Fault{Status: 200, Type: "text/html", Body: "<html></html>"}
		}})
		_, err := p.DeleteRecords(context.Background(), "corp.test.", []libdns.Record{txt("a")})
		if s, ok := srv.Set(name, "TXT"); err != nil || !ok {
			t.Errorf("libdns left %q, %v", s.Values, err)
		}
	})
	t.Run("a profile that is not there ends the process", func(t *testing.T) {
		const other = "LAB_ENDS" // set in the process that ends
		_, p := newRoute53(t)
		if p.Profile = os.Getenv(other); p.Profile != "" {
			_, err := p.GetRecords(t.Context(), "corp.test.")
			t.Fatalf("it came back, with %v", err)
		}
		self := exec.Command(os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
		self.Env = append(os.Environ(), other+"=nobody")
		said, err := self.CombinedOutput()
		if err == nil || !strings.Contains(string(said), "unable to load AWS SDK config") || strings.Contains(string(said), "came back") {
			t.Errorf("%v: %s", err, said)
		}
	})
}

// TestRoute53LibdnsComparesNothing: what comes while libdns sets a set is written
// over, and so is what comes while it takes a value out of one.
func TestRoute53LibdnsComparesNothing(t *testing.T) {
	const name = "_mta-sts.corp.test"
	start := func(t *testing.T, values ...string) (*vendor.Route53, *route53.Provider) {
		srv, p := newRoute53(t, vendor.Route53Set{Name: name, Type: "TXT", TTL: 300, Values: values})
		srv.SetHooks(vendor.Hooks{Before: func(string, string) {
			srv.Put(vendor.Route53Set{Name: name, Type: "TXT", TTL: 300, Values: append(values, `"somebody else's"`)})
		}})
		return srv, p
	}
	t.Run("while it sets", func(t *testing.T) {
		srv, p := start(t, `"a"`)
		_, err := p.SetRecords(context.Background(), "corp.test.", []libdns.Record{txt("b")})
		if s, _ := srv.Set(name, "TXT"); err != nil || !slices.Equal(s.Values, []string{`"b"`}) {
			t.Errorf("libdns left %q, %v", s.Values, err)
		}
	})
	t.Run("while it deletes one value of two", func(t *testing.T) {
		srv, p := start(t, `"a"`, `"b"`)
		_, err := p.DeleteRecords(context.Background(), "corp.test.", []libdns.Record{txt("a")})
		if s, _ := srv.Set(name, "TXT"); err != nil || !slices.Equal(s.Values, []string{`"b"`}) {
			t.Errorf("libdns left %q, %v", s.Values, err)
		}
	})
}

// TestHooksAndCounts: each write is told before and after, and counted once.
func TestHooksAndCounts(t *testing.T) {
	srv, p := newCloudflare(t)
	var told []string
	srv.SetHooks(vendor.Hooks{
		Before: func(name, typ string) { told = append(told, "before "+name+" "+typ) },
		After:  func(name, typ string) { told = append(told, "after "+name+" "+typ) },
		OnChange: func(name, typ string, ttl uint32, values []string) {
			told = append(told, "now "+strings.Join(values, "|"))
		},
	})
	if _, err := p.AppendRecords(context.Background(), "corp.test.", []libdns.Record{txt("a b")}); err != nil {
		t.Fatal(err)
	}
	want := []string{"before _mta-sts.corp.test TXT", "now a b", "after _mta-sts.corp.test TXT"}
	if !slices.Equal(told, want) || srv.Writes("_mta-sts.corp.test") != 1 {
		t.Errorf("told %q, %d writes", told, srv.Writes("_mta-sts.corp.test"))
	}
	// An identical record is refused, and not counted.
	if _, err := p.AppendRecords(context.Background(), "corp.test.", []libdns.Record{txt("a b")}); err == nil || srv.Writes("_mta-sts.corp.test") != 1 {
		t.Errorf("%v, %d writes", err, srv.Writes("_mta-sts.corp.test"))
	}
}
