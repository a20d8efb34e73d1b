package dnscale

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// patience is the longest one call takes.
	patience = 30 * time.Second
	// longestAnswer is the most that is read of one, in bytes. A
	// page of records has about 300 kB.
	longestAnswer = 16 << 20
	// mostPages bounds the pages of one list.
	mostPages = 1000
	// attempts is how often a call is made at most.
	attempts = 3
	// shortPause stands between two attempts, and doubles; longestPause is the
	// longest that DNScale's Retry-After may make it.
	shortPause   = 250 * time.Millisecond
	longestPause = 2 * time.Second
)

// call makes one call of the API and reads its answer into into, where that is not
// nil. body is sent as JSON, unless it is nil.
func (p *Provider) call(ctx context.Context, method, path string, query url.Values, body, into any) error {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return err
		}
	}
	for attempt := 1; ; attempt++ {
		err := p.once(ctx, method, path, query, sent, into)
		pause, again := worthwhile(method, attempt, err)
		if !again {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w; and there was no time to try again: %w", err, ctx.Err())
		}
	}
}

// worthwhile says whether a call that ended so is made again, and after how long.
// DNScale has done nothing where it answers 429; of a write whose answer did not
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
func (p *Provider) once(ctx context.Context, method, path string, query url.Values, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := p.request(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	var client http.Client
	if p.HTTPClient != nil {
		client = *p.HTTPClient
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, longestAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer: %w", &url.Error{Op: method, URL: req.URL.Redacted(), Err: err})
	case len(text) > longestAnswer:
		return fmt.Errorf("the answer to %s %s is longer than %d bytes", method, path, longestAnswer)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return refusal(req, resp, text)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return unreadable(req, resp)
	}
	return nil
}

func (p *Provider) request(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Request, error) {
	if p.APIKey == "" {
		return nil, errors.New("the API key is missing")
	}
	base, err := p.base()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.URL.RawQuery = query.Encode()
	req.Header.Set("Authorization", "Bearer "+p.APIKey)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// base is the API's address without a final slash. DNScale's own tools disagree on
// whether its settings end in /v1; both will do.
func (p *Provider) base() (string, error) {
	base := strings.TrimRight(p.BaseURL, "/")
	if base == "" {
		return BaseURL, nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("the API's address %q is no URL", p.BaseURL)
	}
	if u.Path == "" {
		base += "/v1"
	}
	return base, nil
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
