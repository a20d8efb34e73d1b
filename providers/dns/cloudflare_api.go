package dns

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"belay/providers/rest"
	"belay/rollout/finding"
)

const (
	cloudflareBase = "https://api.cloudflare.com/client/v4"
	// cloudflareAnswer is the longest answer that is read, in bytes; a page of
	// 100 records has about 60 kB.
	cloudflareAnswer = 4 << 20
	// cloudflarePages bounds the pages of records read for one name.
	cloudflarePages = 20
)

// cloudflareAPI is the door through which every call to Cloudflare goes, belay's
// own and libdns's (it is libdns's HTTPClient). It turns refusals into errors that
// say what to do, bounds answers, and remembers the last refusal, because libdns
// loses some: deleting a TXT record that may not be read succeeds there.
type cloudflareAPI struct {
	base             *url.URL
	token, zoneToken string
	client           *http.Client

	mu      sync.Mutex
	refusal error
}

// begin forgets what an earlier change met.
func (a *cloudflareAPI) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refusal = nil
}

// ended is err, or where that is nil, the refusal that libdns lost.
func (a *cloudflareAPI) ended(err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		err = a.refusal
	}
	return err
}

// Do carries out one call. The answer it returns is JSON of status below 400;
// everything else is an error.
func (a *cloudflareAPI) Do(req *http.Request) (*http.Response, error) {
	resp, err := a.do(req)
	if err != nil {
		a.mu.Lock()
		a.refusal = err
		a.mu.Unlock()
	}
	return resp, err
}

func (a *cloudflareAPI) do(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	path := strings.TrimPrefix(req.URL.Path, "/client/v4")
	req.URL.Scheme, req.URL.Host = a.base.Scheme, a.base.Host
	req.URL.Path, req.URL.RawPath = strings.TrimSuffix(a.base.Path, "/")+path, ""
	req.Host = a.base.Host
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach the API: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, cloudflareAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read the API's answer (HTTP %d): %w", resp.StatusCode, err)
	}
	if len(body) > cloudflareAnswer {
		return nil, fmt.Errorf("the API's answer is longer than %d bytes", cloudflareAnswer)
	}
	if err := a.refused(resp, body); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// cloudflareAnswerBody is the frame of every answer.
type cloudflareAnswerBody struct {
	Success bool `json:"success"`
	Errors  []struct {
		Code       int    `json:"code"`
		Message    string `json:"message"`
		ErrorChain []struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error_chain"`
	} `json:"errors"`
	Result     json.RawMessage `json:"result"`
	ResultInfo *struct {
		Page       int `json:"page"`
		TotalPages int `json:"total_pages"`
		PerPage    int `json:"per_page"`
		TotalCount int `json:"total_count"`
	} `json:"result_info"`
}

// refused reads an answer as a refusal: nil for a success.
func (a *cloudflareAPI) refused(resp *http.Response, body []byte) error {
	var answer cloudflareAnswerBody
	if err := json.Unmarshal(body, &answer); err != nil {
		return &strangeAnswer{status: resp.StatusCode, err: fmt.Errorf("%w but %s (HTTP %d): %s",
			rest.ErrNotJSON, finding.Clean(a.hide(resp.Header.Get("Content-Type")), 60), resp.StatusCode, a.afterwards(resp))}
	}
	if resp.StatusCode < 400 && answer.Success && len(answer.Errors) == 0 {
		return nil
	}
	var said []string
	for _, e := range answer.Errors {
		said = append(said, fmt.Sprintf("%s (%d)", finding.Clean(a.hide(e.Message), 200), e.Code))
		for _, c := range e.ErrorChain {
			said = append(said, fmt.Sprintf("%s (%d)", finding.Clean(a.hide(c.Message), 200), c.Code))
		}
	}
	if said == nil {
		said = []string{"no reason"}
	}
	return &cloudflareRefusal{status: resp.StatusCode, said: strings.Join(said, "; "), mend: a.afterwards(resp)}
}

// cloudflareRefusal is what Cloudflare said no with.
type cloudflareRefusal struct {
	status     int
	said, mend string
}

func (e *cloudflareRefusal) Error() string {
	return fmt.Sprintf("%s; it said: %s, HTTP %d", e.mend, e.said, e.status)
}

// hide takes the tokens out of what Cloudflare says.
func (a *cloudflareAPI) hide(said string) string { return rest.Hide(said, a.token, a.zoneToken) }

// afterwards says what the status asks the operator to do.
func (a *cloudflareAPI) afterwards(resp *http.Response) string {
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusBadRequest && resp.Request.Method == http.MethodGet:
		return "the API token is wrong, expired or revoked; make one with Zone:Read and DNS:Edit for this zone"
	case code == http.StatusForbidden && strings.Contains(resp.Request.URL.Path, "/dns_records"):
		if resp.Request.Method == http.MethodGet {
			return "the token may not read this zone's records; give it DNS:Edit"
		}
		return "the token may not change this zone's records; give it DNS:Edit"
	case code == http.StatusForbidden:
		return "the token is not accepted, or lacks Zone:Read"
	case code == http.StatusTooManyRequests:
		if after := resp.Header.Get("Retry-After"); after != "" {
			return "too many requests; try again in " + finding.Clean(a.hide(after), 40) + " s"
		}
		return "too many requests; try again in 5 minutes"
	case code >= 300 && code < 400:
		return "Cloudflare sends belay elsewhere, which it does not follow; check the API's address"
	case code >= 500:
		return "Cloudflare is out of order; try again later"
	}
	return "Cloudflare refused"
}

// get reads one answer into v.
func (a *cloudflareAPI) get(ctx context.Context, path string, v any) error {
	_, err := a.page(ctx, path, v)
	return err
}

// list reads every page of records at path, which has a query already.
func (a *cloudflareAPI) list(ctx context.Context, path string, out *[]cloudflareRecord) error {
	for page := 1; page <= cloudflarePages; page++ {
		var some []cloudflareRecord
		last, err := a.page(ctx, fmt.Sprintf("%s&per_page=100&page=%d", path, page), &some)
		if err != nil {
			return err
		}
		*out = append(*out, some...)
		if page >= last {
			return nil
		}
	}
	return fmt.Errorf("the API tells of more than %d pages of records for one name", cloudflarePages)
}

// page reads one page into v and returns the number of the last one.
func (a *cloudflareAPI) page(ctx context.Context, path string, v any) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, cloudflareBase+path, nil)
	if err != nil {
		return 0, err
	}
	token := a.token
	if a.zoneToken != "" && strings.HasPrefix(path, "/zones?") {
		token = a.zoneToken
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := a.Do(req)
	if err != nil {
		return 0, err
	}
	var answer cloudflareAnswerBody
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, fmt.Errorf("%w: %w", rest.ErrNotJSON, err)
	}
	if len(answer.Result) == 0 || string(answer.Result) == "null" {
		return 0, unframed("Cloudflare", "result")
	}
	if err := json.Unmarshal(answer.Result, v); err != nil {
		// The frame was as it should be: it is one record that is not.
		return 0, &oddRecordError{fmt.Errorf("read the API's answer: %w", err)}
	}
	info := answer.ResultInfo
	if info == nil {
		return 1, nil
	}
	if info.TotalPages == 0 && info.PerPage > 0 {
		return (info.TotalCount + info.PerPage - 1) / info.PerPage, nil
	}
	return info.TotalPages, nil
}
