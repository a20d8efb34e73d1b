package gandi_test

import (
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"belay/providers/dns/gandi"
	"belay/providers/lab/contract"
	"belay/providers/lab/vendor"

	"github.com/libdns/libdns"
)

func start(t *testing.T) (*gandi.Provider, *vendor.Gandi) {
	srv := vendor.NewGandi("corp.test")
	t.Cleanup(srv.Close)
	return &gandi.Provider{BearerToken: srv.Token, BaseURL: srv.URL()}, srv
}

func txt(text string) []libdns.Record {
	return []libdns.Record{libdns.TXT{Name: "a", TTL: 600 * time.Second, Text: text}}
}

func TestContract(t *testing.T) {
	for shows, page := range map[string]int{"one page": 100, "many pages": 2} {
		t.Run(shows, func(t *testing.T) {
			contract.Run(t, func(t *testing.T) contract.Bench {
				p, srv := start(t)
				srv.Page = page
				return contract.Bench{Provider: p, Server: srv, Put: putter(srv), Refusal: refused}
			})
		})
	}
}

// putter adds single records to a server that keeps sets, quoted as another client
// would.
func putter(srv *vendor.Gandi) func(libdns.RR) {
	return func(rr libdns.RR) {
		name := libdns.AbsoluteName(rr.Name, "corp.test")
		set, _ := srv.Set(name, rr.Type)
		value := rr.Data
		if rr.Type == "TXT" {
			value = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
		}
		srv.Put(name, rr.Type, int(rr.TTL/time.Second), append(set.Values, value)...)
	}
}

func refused(err error) (int, time.Duration, bool) {
	e, ok := errors.AsType[*gandi.Error](err)
	if !ok {
		return 0, 0, false
	}
	return e.Status, e.RetryAfter, true
}

// TestRelativeTargets: a host name without its final dot belongs to the zone, and is
// told whole.
func TestRelativeTargets(t *testing.T) {
	p, srv := start(t)
	srv.Put("a.corp.test", "CNAME", 600, "Host")
	srv.Put("b.corp.test", "MX", 600, "10 @")
	for name, want := range map[string]string{"a": "host.corp.test.", "b": "10 corp.test."} {
		got, err := p.RecordsAt(t.Context(), "corp.test", name)
		if err != nil || len(got) != 1 || got[0].RR().Data != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	gone, err := p.DeleteRecords(t.Context(), "corp.test", []libdns.Record{libdns.CNAME{Name: "a", Target: "host.corp.test."}})
	if _, there := srv.Set("a.corp.test", "CNAME"); err != nil || len(gone) != 1 || there {
		t.Errorf("deleted %v, %v", gone, err)
	}
}

// TestAppendMeetsAnother: a set that somebody makes between reading and writing is
// added to, not replaced.
func TestAppendMeetsAnother(t *testing.T) {
	p, srv := start(t)
	srv.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
		if r.Method == http.MethodPost {
			srv.Put("a.corp.test", "TXT", 600, `"theirs"`)
		}
		return nil
	}})
	if _, err := p.AppendRecords(t.Context(), "corp.test", txt("ours")); err != nil {
		t.Fatal(err)
	}
	if set, _ := srv.Set("a.corp.test", "TXT"); strings.Join(set.Values, " ") != `"theirs" "ours"` {
		t.Errorf("the server holds %q", set.Values)
	}
}

// TestDeleteMeetsAnother: what somebody else deletes meanwhile is gone, and not
// said to be deleted here.
func TestDeleteMeetsAnother(t *testing.T) {
	p, srv := start(t)
	srv.Put("a.corp.test", "TXT", 600, `"x"`)
	srv.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
		if r.Method == http.MethodDelete {
			srv.Put("a.corp.test", "TXT", 600)
		}
		return nil
	}})
	if gone, err := p.DeleteRecords(t.Context(), "corp.test", txt("x")); err != nil || len(gone) != 0 {
		t.Errorf("deleted %v, %v", gone, err)
	}
}

// TestANameThatIsNotFound: LiveDNS may say so of a name without records; that is no
// error, as long as the zone is there.
func TestANameThatIsNotFound(t *testing.T) {
	p, srv := start(t)
	srv.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
		if strings.Contains(r.URL.Path, "/records/") {
			return &vendor.Fault{Status: 404, Type: "application/json", Body: `{"code":404,"message":"Can't find it"}`}
		}
		return nil
	}})
	if got, err := p.RecordsAt(t.Context(), "corp.test", "a"); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := p.RecordsAt(t.Context(), "other.test", "a"); err == nil || !strings.Contains(err.Error(), "Unknown domain") {
		t.Errorf("in a zone that is not there: %v", err)
	}
}

func TestNameServers(t *testing.T) {
	p, _ := start(t)
	got, err := p.NameServers(t.Context(), "corp.test.")
	if err != nil || len(got) != 3 || got[0] != "ns-12-a.gandi.net" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestRefusals: both forms of Gandi's words are told, in one clean line.
func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		shows  string
		change func(*gandi.Provider, *vendor.Gandi)
		says   string
	}{
		{"no token", func(p *gandi.Provider, _ *vendor.Gandi) { p.BearerToken = "" }, "token is missing"},
		{"a wrong token", func(p *gandi.Provider, _ *vendor.Gandi) { p.BearerToken = "other" }, "HTTP 403: Access was denied"},
		{"a token that may only read", func(_ *gandi.Provider, s *vendor.Gandi) { s.SetReadOnly() }, "HTTP 403: Access was denied"},
		{"a value that Gandi does not take", func(_ *gandi.Provider, s *vendor.Gandi) { s.Put("a.corp.test", "CNAME", 600, "x.example.") }, "rrset_type: a CNAME cannot stand"},
		{"control characters", func(_ *gandi.Provider, s *vendor.Gandi) {
			s.SetHooks(vendor.Hooks{Interfere: func(*http.Request) *vendor.Fault {
				return &vendor.Fault{Status: 400, Type: "application/json", Body: `{"message":"a\u001b[31mb\nc` + strings.Repeat("y", 9000) + `"}`}
			}})
		}, "HTTP 400: a[31mb cyyy"},
		{"a page", func(_ *gandi.Provider, s *vendor.Gandi) {
			s.SetHooks(vendor.Hooks{Interfere: func(*http.Request) *vendor.Fault {
				return &vendor.Fault{Status: 403, Type: "text/html", Body: "<html>"}
			}})
		}, `HTTP 403: an answer that is not the API's JSON (content type "text/html")`},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			p, srv := start(t)
			tc.change(p, srv)
			_, err := p.SetRecords(t.Context(), "corp.test", txt("x"))
			if err == nil || !strings.Contains(err.Error(), tc.says) || len(err.Error()) > 800 || strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("%v", err)
			}
			if p.BearerToken != "" && err != nil && strings.Contains(err.Error(), p.BearerToken) {
				t.Errorf("%v holds the token", err)
			}
		})
	}
}

// TestPages: a list is read to its end, whichever way Gandi tells of it, and one
// without end is an error. The token goes to no address that an answer names.
func TestPages(t *testing.T) {
	next := http.Header{"Link": {`<http://192.0.2.1/elsewhere?page=2>; rel="next"`}}
	for _, tc := range []struct {
		shows  string
		header []http.Header // by page
		says   string
		calls  int
	}{
		{"by its length", []http.Header{{"Total-Count": {"2"}}, {"Total-Count": {"2"}}}, "", 2},
		{"by a link", []http.Header{next, {}}, "", 2},
		{"without end", []http.Header{next, next, next}, "does not end", 3},
		{"longer meanwhile", []http.Header{{"Total-Count": {"2"}}, {"Total-Count": {"3"}}}, "changed while it was read", 6},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			p, srv := start(t)
			srv.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
				body := map[string]string{"1": `[{"fqdn":"a.test"}]`, "2": `[{"fqdn":"b.test"}]`, "3": `[]`}[r.URL.Query().Get("page")]
				return &vendor.Fault{Status: 200, Type: "application/json", Body: body}
			}})
			p.HTTPClient = &http.Client{Transport: paged(tc.header)}
			got, err := p.ListZones(t.Context())
			if srv.Calls() != tc.calls {
				t.Errorf("%d calls", srv.Calls())
			}
			if tc.says != "" {
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%v, %v", got, err)
				}
				return
			}
			if err != nil || len(got) != 2 || got[1].Name != "b.test." {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// TestFirstZones: one call, whatever the number of zones.
func TestFirstZones(t *testing.T) {
	p, srv := start(t)
	srv.SetOthers("a.test", "b.test")
	for most, others := range map[int]bool{2: true, 3: false, 9: false} {
		before := srv.Calls()
		got, more, err := p.FirstZones(t.Context(), most)
		if err != nil || len(got) != min(most, 3) || got[1].Name != "a.test." || more != others || srv.Calls() != before+1 {
			t.Errorf("of %d: %v, others %t, by %d calls, %v", most, got, more, srv.Calls()-before, err)
		}
	}
}

// paged gives the answers the headers of their pages.
type paged []http.Header

func (h paged) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	if err == nil && page > 0 && page <= len(h) {
		maps.Copy(resp.Header, h[page-1])
	}
	return resp, err
}

// TestSharingID: the organization goes along with every call.
func TestSharingID(t *testing.T) {
	p, srv := start(t)
	p.SharingID = "org-1"
	srv.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
		if r.URL.Query().Get("sharing_id") != "org-1" {
			t.Errorf("%s %s goes without it", r.Method, r.URL)
		}
		return nil
	}})
	srv.Page = 1
	for range 2 {
		if _, err := p.SetRecords(t.Context(), "corp.test", append(txt("x"), libdns.TXT{Name: "b", Text: "y"})); err != nil {
			t.Error(err)
		}
		if got, err := p.GetRecords(t.Context(), "corp.test"); err != nil || len(got) != 2 {
			t.Errorf("%v, %v", got, err)
		}
	}
}
