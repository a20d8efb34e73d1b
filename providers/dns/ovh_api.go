package dns

import (
	"context"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"belay/providers/rest"
	"belay/rollout/finding"
	"belay/rollout/world"
)

// ovhAPI signs calls to OVHcloud's API. A signature covers the secret, the
// consumer key, the method, the whole address, the body and the time as
// OVHcloud's clock has it, which is asked once and counted on from there.
type ovhAPI struct {
	api                   *rest.API
	key, secret, consumer string

	mu    sync.Mutex
	known bool
	at    int64 // OVHcloud's time, in seconds, when since began
	since world.Stopwatch
}

// The API's names for refusals that need telling apart; ovhWords puts them behind
// the words.
const (
	ovhNotGranted = "NOT_GRANTED_CALL"
	ovhLate       = "QUERY_TIME_OUT"
)

// ovhEndpoints are the regions' addresses, by the names that OVHcloud's own tools
// have for them.
func ovhEndpoints() map[string]string {
	return map[string]string{
		"ovh-eu": "https://eu.api.ovh.com/1.0",
		"ovh-ca": "https://ca.api.ovh.com/1.0",
		"ovh-us": "https://api.us.ovhcloud.com/1.0",
	}
}

func newOVHAPI(c credentials, o Options) (*ovhAPI, error) {
	var a ovhAPI
	for _, f := range []struct {
		into      *string
		key, what string
	}{
		{&a.key, "application_key", "the application key"},
		{&a.secret, "application_secret", "the application secret"},
		{&a.consumer, "consumer_key", "the consumer key"},
	} {
		v, err := c.need(f.key, f.what)
		if err != nil {
			return nil, err
		}
		*f.into = v
	}
	base, err := ovhBase(c.get("endpoint"))
	if err != nil {
		return nil, err
	}
	if a.api, err = openAPI("OVHcloud", base, "", "", o); err != nil {
		return nil, err
	}
	a.api.Secrets = []string{a.key, a.secret, a.consumer}
	a.api.Sign, a.api.Words, a.api.Mend = a.sign, ovhWords, ovhMend
	return &a, nil
}

// ovhBase is the address of a region, or of a URL.
func ovhBase(endpoint string) (string, error) {
	if endpoint == "" {
		endpoint = "ovh-eu"
	}
	if base, ok := ovhEndpoints()[endpoint]; ok {
		return base, nil
	}
	if !strings.Contains(endpoint, "/") {
		return "", fmt.Errorf("OVHcloud has no endpoint %s; it has ovh-eu, ovh-ca and ovh-us", finding.Quote(endpoint, 60))
	}
	return endpoint, nil
}

// call makes one signed call. A machine that has slept counts on from a time long
// past: then the time is asked anew and the call made once more, for OVHcloud did
// nothing on the first.
func (a *ovhAPI) call(ctx context.Context, method, path string, in, out any) error {
	if err := a.synchronise(ctx); err != nil {
		return err
	}
	err := a.api.Call(ctx, method, path, in, out)
	if ovhSaid(err, ovhLate) {
		a.mu.Lock()
		a.known = false
		a.mu.Unlock()
		if err := a.synchronise(ctx); err != nil {
			return err
		}
		err = a.api.Call(ctx, method, path, in, out)
	}
	return err
}

const ovhTimePath = "/auth/time"

// synchronise asks for OVHcloud's time where it is not known.
func (a *ovhAPI) synchronise(ctx context.Context) error {
	a.mu.Lock()
	known := a.known
	a.mu.Unlock()
	if known {
		return nil
	}
	var at int64
	since := world.Start()
	if err := a.api.Call(ctx, http.MethodGet, ovhTimePath, nil, &at); err != nil {
		return fmt.Errorf("ask OVHcloud for its time, which signatures need: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known, a.at, a.since = true, at, since
	return nil
}

func (a *ovhAPI) sign(req *http.Request, body []byte) error {
	req.Header.Set("X-Ovh-Application", a.key)
	if strings.HasSuffix(req.URL.Path, ovhTimePath) {
		return nil
	}
	a.mu.Lock()
	now := strconv.FormatInt(a.at+int64(a.since.Elapsed().Seconds()), 10)
	a.mu.Unlock()
	req.Header.Set("X-Ovh-Consumer", a.consumer)
	req.Header.Set("X-Ovh-Timestamp", now)
	sum := sha1.Sum([]byte(strings.Join([]string{a.secret, a.consumer, req.Method, req.URL.String(), string(body), now}, "+")))
	req.Header.Set("X-Ovh-Signature", fmt.Sprintf("$1$%x", sum))
	return nil
}

// ovhSaid reports whether err is a refusal with this code.
func ovhSaid(err error, code string) bool {
	r, ok := errors.AsType[*rest.Refusal](err)
	return ok && strings.HasSuffix(r.Said, "("+code+")")
}

// ovhWords are the words of a refusal with their code: what is wrong with a login
// has an error code, everything else a class.
func ovhWords(body []byte) string {
	var said struct {
		Message   string `json:"message"`
		ErrorCode string `json:"errorCode"`
		Class     string `json:"class"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	code, message := said.ErrorCode, strings.ToLower(said.Message)
	switch {
	case code != "":
	case strings.Contains(message, "not been granted"):
		code = ovhNotGranted
	case strings.Contains(message, "out of time"):
		code = ovhLate
	default:
		code = said.Class
	}
	if code == "" {
		return said.Message
	}
	return said.Message + " (" + code + ")"
}

// ovhMend says what a refusal asks for. OVHcloud tells most of what is wrong with
// a login by HTTP 403.
func ovhMend(status int, method, path, words string) string {
	switch {
	case strings.Contains(words, "INVALID_KEY"):
		return "OVHcloud does not know the application key: check it, and that it belongs to this endpoint (ovh-eu, ovh-ca and ovh-us have keys of their own)"
	case strings.Contains(words, "INVALID_SIGNATURE"):
		return "the application secret does not belong to the application key"
	case strings.Contains(words, ovhLate):
		return "the call reached OVHcloud too late; try again"
	case strings.Contains(words, ovhNotGranted):
		path, _, _ = strings.Cut(path, "?")
		return "the consumer key lacks the right " + method + " " + path + "; make one with the rights that belay asks for"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return "the consumer key is wrong, expired or not confirmed yet; make a new one and confirm it by its link"
	}
	return ""
}
