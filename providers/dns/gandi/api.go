package gandi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// patience is the longest one call takes.
	patience = 30 * time.Second
	// longestAnswer is the most that is read of one, in bytes. An RRset has
	// about 250.
	longestAnswer = 16 << 20
	// listPage is how many items of a list are asked for at a time.
	listPage = 500
	// mostPages bounds the pages of one list.
	mostPages = 1000
	// attempts is how often a call is made at most.
	attempts = 3
	// shortPause stands between two attempts, and doubles; longestPause is the
	// longest that Gandi's Retry-After may make it.
	shortPause   = 250 * time.Millisecond
	longestPause = 2 * time.Second
)

// call makes one call of the API and reads its answer into into, where that is not
// nil. body is sent as JSON, unless it is nil.
func (p *Provider) call(ctx context.Context, method, path string, query url.Values, body, into any) (http.Header, error) {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	for attempt := 1; ; attempt++ {
		header, err := p.once(ctx, method, path, query, sent, into)
		pause, again := worthwhile(method, attempt, err)
		if !again {
			return header, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("%w; and there was no time to try again: %w", err, ctx.Err())
		}
	}
}

// worthwhile says whether a call that ended so is made again, and after how long.
// Gandi has done nothing where it answers 429; of a write whose answer did not
// come, or is a gateway's, nobody knows.
func worthwhile(method string, attempt int, err error) (time.Duration, bool) {
	pause := shortPause << (attempt - 1)
	if err == nil || attempt == attempts || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return 0, false
	}
	if refused, ok := errors.AsType[*Error](err); ok {
		switch refused.Status {
		case http.StatusTooManyRequests:
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			if method != http.MethodGet {
				return 0, false
			}
		default:
			return 0, false
		}
		pause = max(pause, refused.RetryAfter)
		return pause, pause <= longestPause
	}
	_, broken := errors.AsType[*url.Error](err)
	return pause, broken && method == http.MethodGet
}

// once makes the call once.
func (p *Provider) once(ctx context.Context, method, path string, query url.Values, body []byte, into any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := p.request(ctx, method, path, query, body)
	if err != nil {
		return nil, err
	}
	var client http.Client
	if p.HTTPClient != nil {
		client = *p.HTTPClient
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, longestAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer: %w", &url.Error{Op: method, URL: req.URL.Redacted(), Err: err})
	case len(text) > longestAnswer:
		return nil, fmt.Errorf("the answer to %s %s is longer than %d bytes", method, path, longestAnswer)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return nil, refusal(req, resp, text)
	case into == nil:
		return resp.Header, nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return nil, unreadable(req, resp)
	}
	return resp.Header, nil
}

func (p *Provider) request(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Request, error) {
	if p.BearerToken == "" {
		return nil, errors.New("the personal access token is missing")
	}
	base := p.BaseURL
	if base == "" {
		base = BaseURL
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if p.SharingID != "" {
		query = cloned(query)
		query.Set("sharing_id", p.SharingID)
	}
	req.URL.RawQuery = query.Encode()
	req.Header.Set("Authorization", "Bearer "+p.BearerToken)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

func cloned(query url.Values) url.Values {
	out := url.Values{}
	for k, v := range query {
		out[k] = v
	}
	return out
}

// errNoList says that an answer is JSON, but not the list that was asked for: an empty
// one is one, too.
var errNoList = errors.New("the answer has no list in it")

// errMoved says that a list changed while it was read.
var errMoved = errors.New("the list changed while it was read")

// pages reads a list that comes in pages of this size; 0 leaves it to Gandi, and the
// first page is asked for without a number. Where the list becomes longer or shorter
// meanwhile an item may be missed, and the reading begins anew.
func pages[T any](ctx context.Context, p *Provider, path string, size int) ([]T, error) {
	for attempt := 1; ; attempt++ {
		all, err := everyPage[T](ctx, p, path, size)
		if !errors.Is(err, errMoved) || attempt == attempts {
			return all, err
		}
	}
}

func everyPage[T any](ctx context.Context, p *Provider, path string, size int) ([]T, error) {
	var all []T
	total := ""
	for number := 1; number <= mostPages; number++ {
		some, header, err := page[T](ctx, p, path, size, number)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		count := header.Get("Total-Count")
		switch {
		case number > 1 && count != total:
			return nil, fmt.Errorf("GET %s: %w", path, errMoved)
		case !more(header, len(all)):
			return all, nil
		case len(some) == 0:
			return nil, fmt.Errorf("GET %s: the list does not end", path)
		}
		total = count
	}
	return nil, fmt.Errorf("GET %s: the list has more than %d pages", path, mostPages)
}

// page reads one page of a list, and the header that tells of the others.
func page[T any](ctx context.Context, p *Provider, path string, size, number int) ([]T, http.Header, error) {
	query := url.Values{}
	if size > 0 {
		query.Set("per_page", strconv.Itoa(size))
	}
	if size > 0 || number > 1 {
		query.Set("page", strconv.Itoa(number))
	}
	var some []T
	header, err := p.call(ctx, http.MethodGet, path, query, nil, &some)
	if err == nil && some == nil {
		err = fmt.Errorf("GET %s: %w", path, errNoList)
	}
	return some, header, err
}

// more reports whether a list has more than the items read: by the header
// Total-Count, or where Gandi sends none by a link to a next page (RFC 8288). The
// link is not followed: the token goes to no address that an answer names.
func more(header http.Header, read int) bool {
	if total, err := strconv.Atoi(header.Get("Total-Count")); err == nil {
		return read < total
	}
	links := strings.ReplaceAll(strings.Join(header.Values("Link"), ","), `"`, "")
	return strings.Contains(links, "rel=next")
}

// turns lets one at a time do something with each zone. Its zero value is ready.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{}
}

// take waits for the zone's turn, as long as ctx lasts, and returns what ends it.
func (t *turns) take(ctx context.Context, zone string) (func(), error) {
	t.mu.Lock()
	if t.taken == nil {
		t.taken = map[string]chan struct{}{}
	}
	turn, ok := t.taken[zone]
	if !ok {
		turn = make(chan struct{}, 1)
		t.taken[zone] = turn
	}
	t.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
