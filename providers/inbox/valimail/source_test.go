package valimail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"belay/providers/inbox"
	"belay/rollout/tlsrpt"
)

// pages answers the list page by page, and details by report id.
type pages struct {
	list    []string
	details map[string]string
	asked   []string
}

func (p *pages) Get(_ context.Context, path string, query url.Values, out any) (bool, error) {
	p.asked = append(p.asked, path+"?"+query.Encode())
	text := p.details[query.Get("report-id")]
	if path == "/mta-sts/tls" {
		text = ""
		if n := len(query.Get("page")); n == 1 && int(query.Get("page")[0]-'1') < len(p.list) {
			text = p.list[query.Get("page")[0]-'1']
		}
	}
	if text == "" {
		return false, nil
	}
	return true, json.Unmarshal([]byte(text), out)
}

type noon struct{}

func (noon) Now() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// taken are the reports that a source hands over, read as any other.
func taken(t *testing.T, api API) (reports []tlsrpt.Report, errs []error, note string) {
	t.Helper()
	s := &Source{Name: "valimail:", Clock: noon{}, Ours: []string{"corp.test"}, Open: func(context.Context) (API, error) { return api, nil }}
	err := s.Mails(t.Context(), func(m inbox.Mail) error {
		if m.Err != nil {
			errs = append(errs, m.Err)
			return nil
		}
		var d tlsrpt.Decoder
		r, _, err := d.Decode(bytes.NewReader(m.Raw))
		if err != nil {
			t.Errorf("it hands over %s: %v", m.Raw, err)
		}
		reports = append(reports, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return reports, errs, s.Note()
}

func TestReportsInEveryShapeThatIsDocumented(t *testing.T) {
	const row = `{"domain":"corp.test","report-id":"r","version":"STSv1","policy-mode":"testing","policy-mx-host":"mx1.corp.test","max-age":86400}`
	const failure = `{"domain_name":"corp.test","report_id":"r","sending_mta_ip":"192.0.2.1","start_date":"2026-11-01","end_date":"2026-11-02","receiving_ip":"192.0.2.2","receiving_mx_host_name":"mx1.corp.test","success_count":10,"failure_count":2}`
	for _, tc := range []struct {
		shows           string
		list, detail    string
		success, failed int64
		ends            string
	}{
		{"capitals, underscores, days", `{"Count":1,"Next":"","Results":[` + row + `]}`, `[` + failure + `]`, 10, 2, "2026-11-02T00:00:00Z"},
		{"a frame around the details", `{"count":1,"results":[` + row + `]}`, `{"data":[` + failure + `]}`, 10, 2, "2026-11-02T00:00:00Z"},
		{"two failures, whose successes are those of the whole report", `{"Count":1,"Results":[` + row + `]}`, `[` + failure + `,` + strings.Replace(failure, `"failure_count":2`, `"failure_count":5`, 1) + `]`, 10, 7, "2026-11-02T00:00:00Z"},
		{"one day", `{"Count":1,"Results":[` + row + `]}`, `[` + strings.Replace(failure, "2026-11-02", "2026-11-01", 1) + `]`, 10, 2, "2026-11-01T23:59:59Z"},
		{"moments, hyphens, counts in the row", `{"Count":1,"Results":[` + strings.Replace(row, `"domain"`, `"success-count":7,"start-date":"2026-11-01T00:00:00Z","end-date":"2026-11-01T23:59:59Z","domain"`, 1) + `]}`, "", 7, 0, "2026-11-01T23:59:59Z"},
		{"counts that are none", `{"Count":1,"Results":[` + row + `]}`, `[` + strings.Replace(failure, `"success_count":10`, `"success_count":-10`, 1) + `]`, 0, 2, "2026-11-02T00:00:00Z"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			got, errs, note := taken(t, &pages{list: []string{tc.list}, details: map[string]string{"r": tc.detail}})
			if len(got) != 1 || len(errs) > 0 || note != "" {
				t.Fatalf("it gives %+v, %v, %q", got, errs, note)
			}
			success, failed := got[0].Sessions(tlsrpt.STS)
			if success != tc.success || failed != tc.failed || got[0].End.Format(time.RFC3339) != tc.ends || got[0].ReportID != "r" {
				t.Errorf("it reads %d and %d until %s: %+v", success, failed, got[0].End, got[0])
			}
			if text := strings.Join(got[0].Policies[0].Strings, "\n"); text != "version: STSv1\nmode: testing\nmx: mx1.corp.test\nmax_age: 86400" {
				t.Errorf("the policy that was held is %q", text)
			}
		})
	}
}

func TestWhatIsToldInPartIsNotMadeUp(t *testing.T) {
	row := func(more string) string {
		return `{"domain":"corp.test","report-id":"r"` + more + `}`
	}
	for shows, list := range map[string]string{
		"neither sessions nor period": row(""), "no period": row(`,"success-count":4`), "no sessions": row(`,"start-date":"2026-11-01"`),
		"a period that is none": row(`,"start-date":"yesterday","success-count":4`),
	} {
		got, errs, note := taken(t, &pages{list: []string{`{"Count":1,"Results":[` + list + `]}`}})
		if len(got)+len(errs) > 0 || !strings.Contains(note, "of 1 reports") {
			t.Errorf("%s: %+v, %v, %q", shows, got, errs, note)
		}
	}
	api := &pages{list: []string{`{"Count":2,"Next":"/x","Results":[{"domain":"other.test","report-id":"r"}]}`, `{"Count":2,"Results":[{"domain":"corp.test"}]}`}}
	if got, _, note := taken(t, api); len(got) > 0 || note != "" || len(api.asked) != 2 {
		t.Errorf("strangers' reports and nameless ones: %+v, %q, asked %v", got, note, api.asked)
	}
}

// ailing answers the list, and of the details only the first few.
type ailing struct {
	*pages
	left int
}

func (a *ailing) Get(ctx context.Context, path string, query url.Values, out any) (bool, error) {
	if path != "/mta-sts/tls" {
		if a.left--; a.left < 0 {
			return false, errors.New("out of order")
		}
	}
	return a.pages.Get(ctx, path, query, out)
}

func TestWhatWasKeptIsNotAskedForAgain(t *testing.T) {
	var rows []string
	details := map[string]string{}
	for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
		rows = append(rows, `{"domain":"corp.test","report-id":"`+id+`"}`)
		details[id] = `[{"start_date":"2026-11-01","success_count":10,"failure_count":2}]`
	}
	api := &ailing{pages: &pages{list: []string{`{"Count":6,"Results":[` + strings.Join(rows, ",") + `]}`}, details: details}, left: 2}
	s := &Source{Name: "valimail:", Clock: noon{}, Ours: []string{"corp.test"}, Open: func(context.Context) (API, error) { return api, nil }}
	read := func() (good, bad int, err error) {
		var last uint64
		err = s.Mails(t.Context(), func(m inbox.Mail) error {
			if last = m.Mark; m.Err != nil {
				bad++
			} else {
				good++
			}
			return nil
		})
		if kept := s.Keep(t.Context(), inbox.Kept{UpTo: last}); kept != nil {
			t.Fatal(kept)
		}
		return good, bad, err
	}
	// Four cannot be had: two are told of, and at the third it fails.
	if good, bad, err := read(); good != 2 || bad != 2 || err == nil || !strings.Contains(err.Error(), "out of order") || api.left != -3 {
		t.Errorf("%d good, %d bad, error %v, asked %d beyond", good, bad, err, -api.left)
	}
	api.left = 100
	if good, bad, err := read(); good != 4 || bad != 0 || err != nil || api.left != 96 {
		t.Errorf("then %d good, %d bad, error %v, %d asked", good, bad, err, 100-api.left)
	}
	if good, bad, err := read(); good != 0 || bad != 0 || err != nil || api.left != 96 || s.Total() != 0 {
		t.Errorf("at last %d good, %d bad, error %v, %d asked", good, bad, err, 100-api.left)
	}
}

func FuzzReports(f *testing.F) {
	f.Add(`{"Count":1,"Results":[{"domain":"corp.test","report-id":"r","success-count":1,"start-date":"2026-11-01"}]}`, `[{"failure_count":1,"start_date":"2026-11-01"}]`)
	f.Add(`{"Results":[{"domain":"corp.test","report-id":"\u001b","max-age":1e300,"policy-mx-host":["x"]}]}`, `{"data":[null,3,{}]}`)
	f.Fuzz(func(t *testing.T, list, detail string) {
		api := &pages{list: []string{list}, details: map[string]string{}}
		s := &Source{Name: "valimail:", Clock: noon{}, Ours: []string{"corp.test"}, Open: func(context.Context) (API, error) { return anyDetail{api, detail}, nil }}
		errStop := errors.New("stop")
		n := 0
		err := s.Mails(t.Context(), func(m inbox.Mail) error {
			if strings.ContainsFunc(m.Path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("a control character is in %q", m.Path)
			}
			if m.Err == nil && !json.Valid(m.Raw) {
				t.Errorf("it hands over %q", m.Raw)
			}
			if n++; n > 1000 {
				return errStop
			}
			return nil
		})
		if err != nil && n > 1000 && !errors.Is(err, errStop) {
			t.Error(err)
		}
	})
}

// anyDetail answers the same details whatever report is asked for.
type anyDetail struct {
	*pages
	detail string
}

func (a anyDetail) Get(ctx context.Context, path string, query url.Values, out any) (bool, error) {
	if path == "/mta-sts/tls" {
		return a.pages.Get(ctx, path, query, out)
	}
	return true, json.Unmarshal([]byte(a.detail), out)
}
