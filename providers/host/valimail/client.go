package valimail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"belay/providers/rest"
	"belay/rollout"
	"belay/rollout/finding"
)

// BaseURL is where Valimail's API is.
const BaseURL = "https://api.valimail.com"

// certificateWait is how long Valimail asks to wait for a certificate: five to ten
// minutes.
const certificateWait = 10 * time.Minute

// Login is what belay logs in with.
type Login struct {
	// ClientID and AppID are the API key; Account is the account's slug, as it
	// stands in the address of Valimail's pages.
	ClientID, AppID, Account string
	// BaseURL replaces the API's address.
	BaseURL string
	// Transport carries the calls; nil is the default one.
	Transport http.RoundTripper
}

// Client is one account at Valimail. It fetches a token when it first needs one, and
// once again when the token is not taken any more. Many goroutines may use it.
type Client struct {
	login Login
	api   *rest.API

	mu sync.Mutex
	in *rest.API // logged in with a token; nil where none is at hand
}

// NewClient asks nobody anything.
func NewClient(l Login) (*Client, error) {
	l.ClientID, l.AppID, l.Account = strings.TrimSpace(l.ClientID), strings.TrimSpace(l.AppID), strings.TrimSpace(l.Account)
	if l.ClientID == "" || l.AppID == "" || l.Account == "" {
		return nil, errors.New("open the account at Valimail: the client id, the app id or the account's slug is missing")
	}
	if l.BaseURL == "" {
		l.BaseURL = BaseURL
	}
	c := &Client{login: l}
	var err error
	if c.api, err = rest.New("Valimail", l.BaseURL, l.Transport); err != nil {
		return nil, fmt.Errorf("open the account at Valimail: %w", err)
	}
	c.api.Secrets = []string{l.ClientID, l.AppID} // they stand in the body
	c.api.Words, c.api.Mend = words, c.mend
	return c, nil
}

// Account is the account's slug.
func (c *Client) Account() string { return c.login.Account }

// Get reads what stands at path below the account into out; found is false where
// Valimail has nothing there.
func (c *Client) Get(ctx context.Context, path string, query url.Values, out any) (found bool, err error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	err = c.call(ctx, http.MethodGet, path, nil, out)
	if rest.Refused(err, http.StatusNotFound) {
		return false, nil
	}
	return err == nil, err
}

// call makes one call below the account, with a new token where the one at hand is
// refused.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	for try := 1; ; try++ {
		way, err := c.authorized(ctx)
		if err != nil {
			return err
		}
		err = way.Call(ctx, method, "/accounts/"+url.PathEscape(c.login.Account)+path, in, out)
		if !rest.Refused(err, http.StatusUnauthorized) || try == 2 {
			return certificate(err)
		}
		c.mu.Lock()
		if c.in == way {
			c.in = nil
		}
		c.mu.Unlock()
	}
}

// authorized is the way to the API with a token; it fetches one where there is none.
// Valimail's documents spell the two fields in two ways.
func (c *Client) authorized(ctx context.Context) (*rest.API, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in != nil {
		return c.in, nil
	}
	var got struct {
		Token string `json:"token"`
	}
	var err error
	for _, in := range []map[string]string{
		{"ClientID": c.login.ClientID, "AppID": c.login.AppID},
		{"client-id": c.login.ClientID, "app-id": c.login.AppID},
	} {
		err = c.api.Call(ctx, http.MethodPost, "/auth", in, &got)
		if !rest.Refused(err, http.StatusBadRequest) && !rest.Refused(err, http.StatusUnprocessableEntity) {
			break
		}
	}
	in := *c.api
	switch {
	case err != nil:
	case got.Token == "":
		err = errors.New("an answer of Valimail without a token")
	case in.Login("Bearer", got.Token) != nil: // its words are for a token that somebody copied
		err = errors.New("the token that Valimail gave cannot go into a request; try again later, and if that stays so ask its support")
	}
	if err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	c.in = &in
	return c.in, nil
}

// certificate is err, or where Valimail only waits for the certificate of the policy
// host, the word to ask later.
func certificate(err error) error {
	no, ok := errors.AsType[*rest.Refusal](err)
	if !ok || !awaitsCertificate(no.Said) {
		return err
	}
	return noCertificate(no.Said)
}

func awaitsCertificate(said string) bool {
	return strings.Contains(strings.ToLower(said), "ssl certificate expiration")
}

func noCertificate(said string) error {
	return &rollout.LaterError{After: certificateWait,
		Text: "Valimail has no certificate for the policy host yet, which takes 5 to 10 minutes once the names lead there, and up to their TTL more; it said: " + finding.Clean(said, 200)}
}

// words are Valimail's own in a refusal, whichever of its shapes it has.
func words(body []byte) string {
	var no struct {
		Message string `json:"message"`
		Error   any    `json:"error"`
		Errors  []struct {
			Message string `json:"message"`
			Details string `json:"details"`
		} `json:"errors"`
		Detail []struct {
			Field   string `json:"field"`
			Message string `json:"message"`
		} `json:"detail"`
		RequestID string `json:"request-id"`
	}
	if json.Unmarshal(body, &no) != nil {
		return ""
	}
	var said []string
	add := func(parts ...string) {
		if text := strings.Trim(strings.Join(parts, ": "), ": "); text != "" {
			said = append(said, text)
		}
	}
	add(no.Message)
	if text, ok := no.Error.(string); ok {
		add(text)
	}
	for _, e := range no.Errors {
		add(e.Message, e.Details)
	}
	for _, d := range no.Detail {
		add(d.Field, d.Message)
	}
	if no.RequestID != "" {
		add("request " + no.RequestID)
	}
	return strings.Join(said, "; ")
}

// mend says what a refusal asks for.
func (c *Client) mend(status int, method, path, _ string) string {
	account := finding.Quote(c.login.Account, 60)
	switch {
	case path == "/auth" && status >= 400 && status < 500 && status != http.StatusTooManyRequests:
		return "Valimail does not know this client id and app id; make an API key for the Configuration API under Account Settings, API Keys"
	case status == http.StatusUnauthorized:
		return "Valimail does not take the login for the account " + account + ", not even with a new token; check the slug (VALIMAIL_ACCOUNT), and that the API key is for the Configuration API"
	case status == http.StatusForbidden:
		return "the API key has no access to the account " + account + " or to this domain; have an owner of the account give it"
	case status == http.StatusBadRequest:
		return "Valimail misses a field or does not understand one"
	case status == http.StatusNotFound && method != http.MethodGet:
		return "Valimail knows no account " + account + ", or not this domain in it; check the slug (VALIMAIL_ACCOUNT)"
	case status == http.StatusUnprocessableEntity:
		return "Valimail refuses a value"
	case status >= 500:
		return "Valimail is out of order; try again later, and if that stays so ask its support"
	}
	return ""
}
