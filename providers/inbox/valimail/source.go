// Package valimail takes TLS reports out of Valimail, where it is whom senders report
// to. Valimail does not hand the reports on as they came: it tells, page by page,
// which reports there are, and of each the sessions that failed. What it tells is
// put back into the form of RFC 8460, no more and no less: it names no reporter and
// no kind of failure, so none is claimed, and nothing proves who wrote it. So a
// report from here counts only where the operator trusts the account in writing, and
// never as one of a known sender.
package valimail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"belay/providers/inbox"
	"belay/rollout/finding"
	"belay/rollout/world"
)

const (
	// window is how far back reports are asked for.
	window = 35 * 24 * time.Hour
	// pageRows is how many rows are asked for at once, and mostPages how many pages
	// are read.
	pageRows, mostPages = 100, 400
)

// API reads what stands at a path below the account; found is false where nothing
// does.
type API interface {
	Get(ctx context.Context, path string, query url.Values, out any) (found bool, err error)
}

// Source is the reports of one account.
type Source struct {
	// Name is the source as trust in it is declared.
	Name string
	// Open logs in.
	Open  func(ctx context.Context) (API, error)
	Clock world.Clock
	// Ours are the policy domains that failures are asked for.
	Ours []string

	total atomic.Int64
	bare  atomic.Int64 // reports of which nothing is told that could be counted

	mu    sync.Mutex
	given map[uint64]report   // by mark: handed over, and not kept yet
	known map[report]struct{} // dealt with: they are not asked for again
}

// report names a report about one domain.
type report struct{ id, domain string }

// mostFailures is how many reports in a row may fail to be had before the source does.
const mostFailures = 3

var _ inbox.Source = (*Source)(nil)

func (s *Source) String() string { return s.Name }

// Total is how many reports there are to hand over.
func (s *Source) Total() int { return int(s.total.Load()) }

// Keep has the reports that were dealt with not asked for again by this Source. Another
// asks again, and they are recognised as duplicates.
func (s *Source) Keep(_ context.Context, kept inbox.Kept) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for mark, r := range s.given {
		if mark <= kept.UpTo {
			s.known[r] = struct{}{}
			delete(s.given, mark)
		}
	}
	return nil
}

// Note says what could not be handed over.
func (s *Source) Note() string {
	if n := s.bare.Load(); n > 0 {
		return fmt.Sprintf("of %d reports Valimail tells neither sessions nor a period", n)
	}
	return ""
}

// Mails hands over every report about our domains that is told of in the last five
// weeks and was not kept before. It fails where several in a row cannot be had, or the
// last ones.
func (s *Source) Mails(ctx context.Context, hand func(inbox.Mail) error) error {
	api, err := s.Open(ctx)
	if err != nil {
		return err
	}
	s.bare.Store(0)
	reports, err := s.list(ctx, api)
	if err != nil {
		return fmt.Errorf("list the reports at Valimail: %w", err)
	}
	reports = s.unknown(reports)
	s.total.Store(int64(len(reports)))
	failed := 0 // in a row
	for i, r := range reports {
		mail := inbox.Mail{Path: s.Name + "/" + finding.Clean(r.id, 120), Mark: uint64(i + 1), Bare: true}
		if mail.Raw, mail.Err = s.report(ctx, api, r); ctx.Err() != nil {
			return ctx.Err()
		}
		var unanswered unansweredError
		if !errors.As(mail.Err, &unanswered) {
			failed = 0
			s.give(mail, r)
		} else if failed++; failed == mostFailures || i == len(reports)-1 {
			return fmt.Errorf("%w; what is left is asked for the next time", mail.Err)
		}
		if mail.Raw == nil && mail.Err == nil {
			s.bare.Add(1)
			s.total.Add(-1)
			continue
		}
		if err := hand(mail); err != nil {
			return err
		}
	}
	return nil
}

// unansweredError is the API's, not that of what it tells.
type unansweredError struct{ error }

func (e unansweredError) Unwrap() error { return e.error }

// unknown leaves out what was dealt with, and forgets what is not told of any more.
func (s *Source) unknown(all []listed) (left []listed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = make(map[uint64]report)
	still := make(map[report]struct{})
	for _, l := range all {
		r := report{l.id, l.domain}
		if _, ok := s.known[r]; ok {
			still[r] = struct{}{}
		} else {
			left = append(left, l)
		}
	}
	s.known = still
	return left
}

// give notes what Keep will be told of, or, of a report that is not handed over, what
// it will not.
func (s *Source) give(mail inbox.Mail, l listed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := report{l.id, l.domain}
	if mail.Raw == nil && mail.Err == nil {
		s.known[r] = struct{}{}
		return
	}
	s.given[mail.Mark] = r
}

// listed is one report about one domain, as the list tells of it in a row for each
// MX host.
type listed struct {
	id, domain string
	row        fields // its first
	mx         []string
}

// list reads the pages, and keeps what is about our domains.
func (s *Source) list(ctx context.Context, api API) ([]listed, error) {
	now := s.Clock.Now().UTC()
	query := url.Values{
		"start-date": {now.Add(-window).Format(time.DateOnly)}, "end-date": {now.Add(24 * time.Hour).Format(time.DateOnly)},
		"limit": {strconv.Itoa(pageRows)},
	}
	var out []listed
	read := 0
	for page := 1; page <= mostPages; page++ {
		query.Set("page", strconv.Itoa(page))
		var answer fields
		found, err := api.Get(ctx, "/mta-sts/tls", query, &answer)
		if err != nil || !found {
			return out, err
		}
		rows := answer.rows("results")
		for _, row := range rows {
			out = s.add(out, row)
		}
		read += len(rows)
		if len(rows) == 0 || answer.text("next") == "" && int64(read) >= answer.count("count") {
			return out, nil
		}
	}
	return out, fmt.Errorf("there are more than %d pages", mostPages)
}

func (s *Source) add(out []listed, row fields) []listed {
	id, domain := row.text("report-id"), strings.ToLower(strings.TrimSuffix(row.text("domain", "domain-name", "policy-domain"), "."))
	if id == "" || !slices.Contains(s.Ours, domain) {
		return out
	}
	at := slices.IndexFunc(out, func(l listed) bool { return l.id == id && l.domain == domain })
	if at < 0 {
		at, out = len(out), append(out, listed{id: id, domain: domain, row: row})
	}
	if mx := row.text("policy-mx-host", "mx-host"); mx != "" && !slices.Contains(out[at].mx, mx) {
		out[at].mx = append(out[at].mx, mx)
	}
	return out
}

// report is a report in the form of RFC 8460; nil where too little is told of it.
func (s *Source) report(ctx context.Context, api API, l listed) ([]byte, error) {
	var answer json.RawMessage
	found, err := api.Get(ctx, "/mta-sts/tls/failure-details", url.Values{"report-id": {l.id}, "domain-name": {l.domain}}, &answer)
	if err != nil {
		return nil, unansweredError{fmt.Errorf("read the failures that report %s tells of: %w", finding.Quote(l.id, 100), err)}
	}
	var details []fields
	if found {
		if details, err = rowsOf(answer); err != nil {
			return nil, fmt.Errorf("read the failures that report %s tells of: %w", finding.Quote(l.id, 100), err)
		}
	}
	text, err := whole(l, details)
	if errors.Is(err, errTooLittle) {
		return nil, nil
	}
	return text, err
}
