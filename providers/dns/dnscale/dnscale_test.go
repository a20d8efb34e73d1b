package dnscale_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay/providers/dns/dnscale"
	"belay/providers/lab/contract"
	"belay/providers/lab/vendor"

	"github.com/libdns/libdns"
)

func start(t *testing.T) (*dnscale.Provider, *vendor.DNScale) {
	srv := vendor.NewDNScale("corp.test")
	t.Cleanup(srv.Close)
	return &dnscale.Provider{APIKey: srv.Key, BaseURL: srv.URL()}, srv
}

func txt(text string) []libdns.Record {
	return []libdns.Record{libdns.TXT{Name: "a", TTL: 600 * time.Second, Text: text}}
}

func TestContract(t *testing.T) {
	for shows, most := range map[string]int{"one page": 1000, "many pages": 2} {
		t.Run(shows, func(t *testing.T) {
			contract.Run(t, func(t *testing.T) contract.Bench {
				p, srv := start(t)
				srv.Most = most
				return contract.Bench{Provider: p, Server: srv, Put: putter(srv), Refusal: refused}
			})
		})
	}
}

func putter(srv *vendor.DNScale) func(libdns.RR) {
	return func(rr libdns.RR) {
		srv.Put(vendor.DNScaleRecord{Name: libdns.AbsoluteName(rr.Name, "corp.test"), Type: rr.Type, Content: rr.Data, TTL: int(rr.TTL / time.Second)})
	}
}

func refused(err error) (int, time.Duration, bool) {
	e, ok := errors.AsType[*dnscale.Error](err)
	if !ok {
		return 0, 0, false
	}
	return e.Status, e.RetryAfter, true
}

// TestSetIsNeverEmpty: one value takes the place of another by one call, and what
// is new comes before what is old goes.
func TestSetIsNeverEmpty(t *testing.T) {
	for _, tc := range []struct {
		shows, want string
		stands, set []string
	}{
		{"one for one", "PUT", []string{"x"}, []string{"y"}},
		{"two for one", "PUT POST", []string{"x"}, []string{"y", "z"}},
		{"one for two", "PUT DELETE", []string{"x", "w"}, []string{"y"}},
		{"one of two", "DELETE", []string{"x", "y"}, []string{"y"}},
		{"another beside", "POST", []string{"x"}, []string{"x", "y"}},
		{"the same", "", []string{"x", "y"}, []string{"y", "x"}},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			p, srv := start(t)
			var calls []string
			for _, v := range tc.stands {
				srv.Put(vendor.DNScaleRecord{Name: "a.corp.test", Type: "TXT", Content: v, TTL: 600})
			}
			srv.SetHooks(vendor.Hooks{
				Interfere: func(r *http.Request) *vendor.Fault {
					if r.Method != http.MethodGet {
						calls = append(calls, r.Method)
					}
					return nil
				},
				OnChange: func(_, _ string, _ uint32, values []string) {
					if len(values) == 0 {
						t.Error("for a moment there was nothing")
					}
				},
			})
			var in []libdns.Record
			for _, v := range tc.set {
				in = append(in, txt(v)...)
			}
			if _, err := p.SetRecords(t.Context(), "corp.test", in); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(calls, " "); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// TestDisabled: what is disabled is not in DNS: not read, not deleted, not in the
// way; and it is enabled where it is wanted.
func TestDisabled(t *testing.T) {
	for _, change := range []func(*dnscale.Provider, []libdns.Record) error{
		func(p *dnscale.Provider, in []libdns.Record) error {
			_, err := p.SetRecords(t.Context(), "corp.test", in)
			return err
		},
		func(p *dnscale.Provider, in []libdns.Record) error {
			_, err := p.AppendRecords(t.Context(), "corp.test", in)
			return err
		},
	} {
		p, srv := start(t)
		for _, content := range []string{"off", "wanted"} {
			srv.Put(vendor.DNScaleRecord{Name: "a.corp.test", Type: "TXT", Content: content, TTL: 3600, Disabled: true})
		}
		if got, err := p.RecordsAt(t.Context(), "corp.test", "a"); err != nil || len(got) != 0 {
			t.Errorf("read %v, %v", got, err)
		}
		if gone, err := p.DeleteRecords(t.Context(), "corp.test", []libdns.Record{libdns.RR{Name: "a"}}); err != nil || len(gone) != 0 {
			t.Errorf("deleted %v, %v", gone, err)
		}
		if err := change(p, txt("wanted")); err != nil {
			t.Error(err)
		}
		var now []string
		for _, r := range srv.Records("a.corp.test") {
			now = append(now, fmt.Sprint(r.Content, " ", r.Disabled))
		}
		if got := strings.Join(now, ", "); got != "off true, wanted false" {
			t.Errorf("the server holds %s", got)
		}
	}
}

// TestFormsOfContent: what DNScale's tools have seen of its answers, each read as
// the same record.
func TestFormsOfContent(t *testing.T) {
	ten := 10
	for shows, tc := range map[string]struct {
		there vendor.DNScaleRecord
		want  string
	}{
		"a name with its final dot":       {vendor.DNScaleRecord{Name: "a.corp.test.", Type: "TXT", Content: "x"}, "x"},
		"a text in quotes":                {vendor.DNScaleRecord{Name: "a.corp.test", Type: "TXT", Content: `"x \"y\" " "\195\156"`}, `x "y" Ü`},
		"a text with a quote in front":    {vendor.DNScaleRecord{Name: "a.corp.test", Type: "TXT", Content: `"x" y`}, `"x" y`},
		"a preference within the content": {vendor.DNScaleRecord{Name: "a.corp.test", Type: "MX", Content: "10 mail.example."}, "10 mail.example."},
		"a preference apart":              {vendor.DNScaleRecord{Name: "a.corp.test", Type: "MX", Content: "mail.example", Priority: &ten}, "10 mail.example."},
		"a priority apart":                {vendor.DNScaleRecord{Name: "_s._tcp.a.corp.test", Type: "SRV", Content: "5 5060 sip.example.", Priority: &ten}, "10 5 5060 sip.example."},
		"a target without its final dot":  {vendor.DNScaleRecord{Name: "a.corp.test", Type: "CNAME", Content: "Host.example"}, "host.example."},
		"an id that a path cannot have":   {vendor.DNScaleRecord{Name: "a.corp.test", Type: "TXT", Content: "??>>~~"}, "??>>~~"},
	} {
		t.Run(shows, func(t *testing.T) {
			p, srv := start(t)
			srv.Put(tc.there)
			name := libdns.RelativeName(tc.there.Name, "corp.test")
			got, err := p.RecordsAt(t.Context(), "corp.test", name)
			if err != nil || len(got) != 1 || got[0].RR().Data != tc.want {
				t.Fatalf("%v, %v", got, err)
			}
			if gone, err := p.DeleteRecords(t.Context(), "corp.test", got); err != nil || len(gone) != 1 || len(srv.Records(tc.there.Name)) != 0 {
				t.Errorf("deleted %v, %v", gone, err)
			}
		})
	}
}

// TestFormsOfLists: DNScale's documents have two, and one may leave out how long it
// is; all pages are read of each, and what is no list is an error.
func TestFormsOfLists(t *testing.T) {
	zone := func(n string) string { return `{"id":"` + n + `","name":"` + n + `.test."}` }
	for _, tc := range []struct {
		shows, first, second, says string
		calls                      int
	}{
		{"as the contract has it", `{"zones":[` + zone("a") + `],"pagination":{"total":2,"has_more":true}}`, `{"zones":[` + zone("b") + `],"pagination":{"total":2,"has_more":false}}`, "", 2},
		{"as the overview has it", `{"items":[` + zone("a") + `],"total":2,"limit":1,"offset":0}`, `{"items":[` + zone("b") + `],"total":2,"limit":1,"offset":1}`, "", 2},
		{"without any number", `{"zones":[` + zone("a") + `]}`, `{"zones":[` + zone("b") + `]}`, "", 3},
		{"a list that does not end", `{"zones":[` + zone("a") + `],"pagination":{"total":2,"has_more":true}}`, `{"zones":[],"pagination":{"total":2,"has_more":true}}`, "does not end", 2},
		{"no list", `{}`, ``, "no list", 1},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			p, srv := start(t)
			srv.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
				data := map[string]string{"0": tc.first, "1": tc.second}[r.URL.Query().Get("offset")]
				if data == "" {
					data = `{"zones":[]}`
				}
				return &vendor.Fault{Status: 200, Type: "application/json", Body: `{"status":"success","data":` + data + `}`}
			}})
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
			if err != nil || len(got) != 2 || got[0].Name != "a.test." || got[1].Name != "b.test." {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// TestFirstZones: one call, whatever is asked for, and a word on the others.
func TestFirstZones(t *testing.T) {
	for _, tc := range []struct {
		shows              string
		beside, most, told int
		others             bool
	}{
		{"one zone", 0, 50, 1, false},
		{"as many as are asked for", 49, 50, 50, false},
		{"one more", 50, 50, 50, true},
		{"more than DNScale tells at once", 150, 1000, 100, true},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			p, srv := start(t)
			var beside []string
			for i := range tc.beside {
				beside = append(beside, fmt.Sprintf("z%03d.test", i))
			}
			srv.SetOthers(beside...)
			got, others, err := p.FirstZones(t.Context(), tc.most)
			if err != nil || len(got) != tc.told || others != tc.others || got[0].Name != "corp.test." || srv.Calls() != 1 {
				t.Errorf("%d zones, others %v, %d calls, %v", len(got), others, srv.Calls(), err)
			}
		})
	}
	p, srv := start(t)
	srv.SetScopes("records:read")
	if got, _, err := p.FirstZones(t.Context(), 50); err == nil || !strings.Contains(err.Error(), "zones:read") {
		t.Errorf("%v, %v", got, err)
	}
}

// TestAZoneThatChangesUnderTheReading: pages are counted by what stands before them,
// so a record that goes would hide another; the reading begins anew.
func TestAZoneThatChangesUnderTheReading(t *testing.T) {
	for shows, often := range map[string]int{"once": 1, "always": -1} {
		t.Run(shows, func(t *testing.T) {
			p, srv := start(t)
			srv.Most = 2
			for i := range 6 {
				srv.Put(vendor.DNScaleRecord{Name: "a.corp.test", Type: "A", Content: fmt.Sprintf("192.0.2.%d", i), TTL: 600})
			}
			srv.SetHooks(vendor.Hooks{Interfere: func(r *http.Request) *vendor.Fault {
				if r.URL.Query().Get("offset") == "2" && often != 0 {
					often--
					srv.Put(vendor.DNScaleRecord{Name: "b.corp.test", Type: "TXT", Content: fmt.Sprint(often), TTL: 600})
				}
				return nil
			}})
			got, err := p.RecordsAt(t.Context(), "corp.test", "a")
			if shows == "always" {
				if err == nil || !strings.Contains(err.Error(), "changed while it was read") {
					t.Errorf("%v, %v", got, err)
				}
				return
			}
			if err != nil || len(got) != 6 {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// TestAZoneMadeAnew: its id is looked up again.
func TestAZoneMadeAnew(t *testing.T) {
	p, srv := start(t)
	for range 2 {
		if _, err := p.SetRecords(t.Context(), "corp.test", txt("x")); err != nil {
			t.Fatal(err)
		}
		srv.Recreate()
	}
	if _, err := p.GetRecords(t.Context(), "other.test"); !errors.Is(err, dnscale.ErrNoZone) {
		t.Errorf("a zone of somebody else: %v", err)
	}
}

func TestStatus(t *testing.T) {
	p, srv := start(t)
	for _, want := range []string{"active", "paused"} {
		srv.SetStatus(want)
		if got, err := p.Status(t.Context(), "Corp.test."); err != nil || got != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := p.Status(t.Context(), "other.test"); !errors.Is(err, dnscale.ErrNoZone) {
		t.Errorf("a zone of somebody else: %v", err)
	}
}

// TestBaseURL: DNScale's own tools have it with /v1 and without.
func TestBaseURL(t *testing.T) {
	p, srv := start(t)
	for _, base := range []string{srv.URL(), srv.URL() + "/", strings.TrimSuffix(srv.URL(), "/v1"), strings.TrimSuffix(srv.URL(), "v1")} {
		p.BaseURL = base
		if _, err := p.ListZones(t.Context()); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
	p.BaseURL = "dnscale"
	if _, err := p.ListZones(t.Context()); err == nil || !strings.Contains(err.Error(), "no URL") {
		t.Errorf("%v", err)
	}
}

// TestRefusals: DNScale's words are told, in one clean line.
func TestRefusals(t *testing.T) {
	answer := func(status int, typ, body string) func(*dnscale.Provider, *vendor.DNScale) {
		return func(_ *dnscale.Provider, s *vendor.DNScale) {
			s.SetHooks(vendor.Hooks{Interfere: func(*http.Request) *vendor.Fault {
				return &vendor.Fault{Status: status, Type: typ, Body: body}
			}})
		}
	}
	for _, tc := range []struct {
		shows  string
		change func(*dnscale.Provider, *vendor.DNScale)
		says   string
	}{
		{"no key", func(p *dnscale.Provider, _ *vendor.DNScale) { p.APIKey = "" }, "API key is missing"},
		{"a wrong key", func(p *dnscale.Provider, _ *vendor.DNScale) { p.APIKey = "other" }, "HTTP 401: invalid or missing API key"},
		{"a key that may only read", func(_ *dnscale.Provider, s *vendor.DNScale) { s.SetScopes("zones:read", "records:read") }, "HTTP 403: the API key lacks the scope records:write"},
		{"a CNAME in the way", func(_ *dnscale.Provider, s *vendor.DNScale) {
			s.Put(vendor.DNScaleRecord{Name: "a.corp.test", Type: "CNAME", Content: "x.example."})
		}, "HTTP 409: CNAME cannot coexist"},
		{"details", answer(422, "application/json", `{"error":{"code":"INVALID","message":"no","details":[{"field":"ttl","why":"low"}]}}`), "no; field: ttl; why: low"},
		{"a code alone", answer(422, "application/json", `{"error":{"code":"INVALID"}}`), "HTTP 422: INVALID"},
		{"control characters", answer(400, "application/json", `{"error":{"message":"a\u001b[31mb\nc`+strings.Repeat("y", 9000)+`"}}`), "HTTP 400: a[31mb cyyy"},
		{"a page", answer(403, "text/html", "<html>"), `HTTP 403: an answer that is not the API's JSON (content type "text/html")`},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			p, srv := start(t)
			tc.change(p, srv)
			_, err := p.SetRecords(t.Context(), "corp.test", txt("x"))
			if err == nil || !strings.Contains(err.Error(), tc.says) || len(err.Error()) > 800 || strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("%v", err)
			}
			if p.APIKey != "" && err != nil && strings.Contains(err.Error(), p.APIKey) {
				t.Errorf("%v holds the key", err)
			}
		})
	}
}
