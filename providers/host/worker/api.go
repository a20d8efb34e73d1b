package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"belay/providers/rest"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// client is the way to Cloudflare's API with one token.
func client(base, token string, transport http.RoundTripper) (*rest.API, error) {
	api, err := rest.New("Cloudflare", base, transport)
	if err != nil {
		return nil, err
	}
	if err := api.Login("Bearer", token); err != nil {
		return nil, err
	}
	api.Words, api.Mend = words, mend
	return api, nil
}

// frame is what stands around every answer but a script.
type frame struct {
	Errors []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
	Result json.RawMessage `json:"result"`
}

// words are Cloudflare's own in a refusal, each with its number.
func words(body []byte) string {
	var f frame
	if json.Unmarshal(body, &f) != nil {
		return ""
	}
	var said []string
	for _, e := range f.Errors {
		said = append(said, fmt.Sprintf("%s (%d)", e.Message, e.Code))
	}
	return strings.Join(said, "; ")
}

// mend says what a refusal asks for.
func mend(status int, method, path, _ string) string {
	switch workers := strings.Contains(path, "/workers/"); {
	case status == http.StatusUnauthorized, status == http.StatusBadRequest && method == http.MethodGet:
		return "the API token is wrong, expired or revoked; make one with Zone: Read and DNS: Edit for this zone and Workers Scripts: Edit for its account"
	case status == http.StatusForbidden && workers && method == http.MethodGet:
		return "the token may not read Workers; add Account: Workers Scripts: Edit to it"
	case status == http.StatusForbidden && workers:
		return "the token may not change Workers; add Account: Workers Scripts: Edit to it"
	case status == http.StatusForbidden && strings.HasSuffix(path, "/dns_records"):
		return "the token may not read this zone's records; give it DNS: Edit"
	case status == http.StatusForbidden:
		return "the token is not accepted, or lacks Zone: Read"
	case status == http.StatusNotFound && workers:
		return "Cloudflare does not know this account; take CLOUDFLARE_ACCOUNT_ID away or set it right"
	case status == http.StatusConflict && strings.HasSuffix(path, "/workers/domains"):
		return "Cloudflare makes no custom domain beside another record: delete it under DNS, Records, or add the custom domain to the Worker by hand, which takes the record's place at once; then belay next"
	}
	return ""
}

// call makes a call and reads the frame's result into out, unless that is nil.
func call(ctx context.Context, c *rest.API, method, path string, in, out any) error {
	var f frame
	if err := c.Call(ctx, method, path, in, &f); err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(f.Result, out); err != nil {
		return fmt.Errorf("the answer of Cloudflare's API is not understood: %w", err)
	}
	return nil
}

// zone is the zone that the policy host lies in, and its account.
type zone struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Status  string `json:"status"`
	Account struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"account"`
}

func (z zone) words() string {
	if z.Account.Name == "" {
		return z.Account.ID
	}
	return z.Account.Name
}

// zone asks for each name that could be the zone's, longest first.
func (h *Host) zone(ctx context.Context) (zone, error) {
	for name := h.domain; strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
		var found []zone
		if err := call(ctx, h.zones, http.MethodGet, "/zones?name="+url.QueryEscape(name), nil, &found); err != nil {
			return zone{}, fmt.Errorf("look for the zone %s: %w", name, err)
		}
		for _, z := range found {
			if !strings.EqualFold(z.Name, name) {
				continue
			}
			if h.account != "" {
				z.Account.ID = h.account
			}
			switch {
			case z.Status != "" && z.Status != "active":
				return z, fmt.Errorf("the zone %s is %s at Cloudflare, not active: a Worker there would answer nobody until its name servers are set at the registrar", name, finding.Quote(z.Status, 40))
			case z.Account.ID == "":
				return z, fmt.Errorf("the account that the zone %s is in is not told by Cloudflare; set CLOUDFLARE_ACCOUNT_ID", name)
			}
			z.Name = name
			return z, nil
		}
	}
	return zone{}, fmt.Errorf("the token is valid, but sees no zone for %s: a Worker answers at mta-sts.%[1]s only where Cloudflare keeps the zone; or the token lacks Zone: Read for it", h.domain)
}

// standing is what belay's Worker and the custom domain are.
type standing struct {
	found    bool // the script
	body     string
	attached bool // the custom domain leads to it
}

func (s standing) value() rollout.Value {
	if !s.found || !s.attached {
		return rollout.Absent()
	}
	return rollout.Body(s.body)
}

// look reads script and custom domain. Others' are errors that name them.
func (h *Host) look(ctx context.Context, z zone) (standing, error) {
	var s standing
	text, found, err := h.download(ctx, z)
	if err != nil {
		return s, fmt.Errorf("read the script: %w", err)
	}
	if s.found = found; found {
		ours := false
		if s.body, ours = bodyOf(h.domain, text); !ours {
			return s, fmt.Errorf("the script %s is not as belay writes it, so belay leaves it alone: delete the Worker, or give it another name, then look again", scriptName(h.domain))
		}
	}
	host := mtasts.PolicyHost(h.domain)
	var domains []struct {
		Hostname string `json:"hostname"`
		Service  string `json:"service"`
	}
	if err := call(ctx, h.api, http.MethodGet, h.path(z, "/domains?hostname="+url.QueryEscape(host)), nil, &domains); err != nil {
		return s, fmt.Errorf("read the custom domains: %w", err)
	}
	for _, d := range domains {
		if !strings.EqualFold(d.Hostname, host) {
			continue
		}
		if d.Service != scriptName(h.domain) {
			return s, fmt.Errorf("%s is the custom domain of another Worker, %s, so belay leaves it alone: take it away from there under Workers & Pages, then look again", host, finding.Quote(d.Service, 80))
		}
		s.attached = true
	}
	return s, nil
}

func (h *Host) path(z zone, below string) string {
	return "/accounts/" + url.PathEscape(z.Account.ID) + "/workers" + below
}

// download reads the script's text: the main module of the parts that it has, or
// the answer itself.
func (h *Host) download(ctx context.Context, z zone) (text string, found bool, err error) {
	answer, err := h.api.Do(ctx, rest.Request{Method: http.MethodGet, Path: h.path(z, "/scripts/"+scriptName(h.domain)+"/content/v2")})
	if rest.Refused(err, http.StatusNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	kind, params, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		if strings.Contains(kind, "html") {
			return "", false, rest.NotJSON("Cloudflare", answer.Status, kind)
		}
		return string(answer.Body), true, nil
	}
	parts := multipart.NewReader(bytes.NewReader(answer.Body), params["boundary"])
	for n := 0; ; n++ {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) && n == 1 {
			return text, true, nil
		}
		if errors.Is(err, io.EOF) || err == nil && n > 0 {
			return "not one module", true, nil // belay's scripts have one
		}
		if err != nil {
			return "", false, fmt.Errorf("read the modules of the script: %w", err)
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return "", false, fmt.Errorf("read a module of the script: %w", err)
		}
		text = string(body)
	}
}

// upload makes text the whole script.
func (h *Host) upload(ctx context.Context, z zone, text string) error {
	metadata, err := json.Marshal(map[string]any{"main_module": mainModule, "compatibility_date": "2025-01-01", "bindings": []any{}})
	if err != nil {
		return err
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, part := range []struct{ name, file, kind, text string }{
		{"metadata", "", "application/json", string(metadata)},
		{mainModule, mainModule, "application/javascript+module", text},
	} {
		disposition := fmt.Sprintf(`form-data; name="%s"`, part.name)
		if part.file != "" {
			disposition += fmt.Sprintf(`; filename="%s"`, part.file)
		}
		w, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}, "Content-Type": {part.kind}})
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, part.text); err != nil {
			return err
		}
	}
	if err := form.Close(); err != nil {
		return err
	}
	_, err = h.api.Do(ctx, rest.Request{
		Method: http.MethodPut, Path: h.path(z, "/scripts/"+scriptName(h.domain)),
		Type: form.FormDataContentType(), Body: body.Bytes(),
	})
	return err
}

// attach leads the custom domain to the script. Cloudflare refuses where a record
// of somebody else's stands there; belay does not ask it to override.
func (h *Host) attach(ctx context.Context, z zone) error {
	return call(ctx, h.api, http.MethodPut, h.path(z, "/domains"), map[string]string{
		"hostname": mtasts.PolicyHost(h.domain), "service": scriptName(h.domain), "zone_id": z.ID, "environment": "production",
	}, nil)
}

// record is one that stands at mta-sts.
type record struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Content string `json:"content"`
	Proxied bool   `json:"proxied"`
	Meta    struct {
		ReadOnly bool `json:"read_only"`
	} `json:"meta"`
}

// records are those at mta-sts that Cloudflare would not make a custom domain beside.
func (h *Host) records(ctx context.Context, z zone) ([]record, error) {
	var found, out []record
	host := mtasts.PolicyHost(h.domain)
	err := call(ctx, h.api, http.MethodGet, "/zones/"+url.PathEscape(z.ID)+"/dns_records?name="+url.QueryEscape(host), nil, &found)
	for _, r := range found {
		switch r.Type {
		case "A", "AAAA", "CNAME":
			if strings.EqualFold(r.Name, host) && !r.Meta.ReadOnly { // Cloudflare's own for a Worker cannot be written
				out = append(out, r)
			}
		}
	}
	return out, err
}

func (r record) inTheWay() string {
	what := finding.Clean(fmt.Sprintf("%s %s %s", r.Name, r.Type, r.Content), 200)
	if r.Proxied {
		return what + " is in the way, and proxied: delete it under DNS, Records before the policy is published."
	}
	return what + " is in the way; while no policy is live, belay plans its removal first."
}
