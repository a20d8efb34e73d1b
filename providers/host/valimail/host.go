// Package valimail has Valimail serve a policy: belay asks its API for a mode, a
// max_age and MX hosts, and Valimail writes body and id from them itself. The three
// names of the domain are aliases of Valimail's, and stand before the policy is
// asked for, because its certificate is made by way of them.
//
// So belay cannot order body and id there. It reads what Valimail has, refuses where
// that is not what the plan saw, asks for the change, reads it back, and leaves it to
// the engine to wait until the world shows both.
package valimail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"belay/providers/host/remote"
	"belay/providers/rest"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// Host is one policy domain at Valimail.
type Host struct {
	client *Client
	domain string
}

// Open is the domain at the account. Nobody is asked anything.
func Open(domain string, c *Client) *Host { return &Host{c, domain} }

// Read says which policy Valimail has for the domain, or which report addresses.
func (h *Host) Read(ctx context.Context, e rollout.Edit) (rollout.Held, error) {
	p, err := h.place(e)
	if err != nil {
		return rollout.Held{Account: e.Account, Name: e.Name, Type: e.Type, Err: err.Error()}, err
	}
	return remote.Hold(ctx, p, e)
}

// Apply asks Valimail for the policy or the report addresses of an edit. Where
// Valimail waits for the certificate of the policy host, the error is a
// *rollout.LaterError: beside a policy that it refuses until then, or beside one that
// it keeps, which stays written. Asking later asks for the policy again.
func (h *Host) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	p, err := h.place(e)
	if err != nil {
		return rollout.Receipt{EditID: e.ID, Outcome: rollout.Failed, Detail: err.Error()}, err
	}
	if e.Kind == rollout.RUA {
		return remote.Put(ctx, p, e, func(v rollout.Value) bool {
			return !slices.ContainsFunc(e.After.Records, func(uri string) bool { return !slices.Contains(v.Records, uri) })
		})
	}
	r, err := remote.Put(ctx, p, e, e.After.SamePolicy)
	if err != nil {
		return r, err
	}
	if err = h.certified(ctx, e, r.Outcome); err != nil {
		r.Detail = finding.Clean(err.Error(), 400)
	}
	if _, waits := errors.AsType[*rollout.LaterError](err); !waits {
		err = nil // whether the policy is served is seen from outside
	}
	return r, err
}

// certified says to ask later where Valimail keeps the policy and could not get a
// certificate for it. Of a policy that it was given before it is asked once more.
func (h *Host) certified(ctx context.Context, e rollout.Edit, became rollout.Outcome) error {
	state, found, err := h.policy(ctx)
	if err != nil || !found || !awaitsCertificate(state.Certificate.Details) {
		return err
	}
	if became == rollout.Found {
		if err := (policyPlace{h}).Write(ctx, e.After, e.After); err != nil {
			return fmt.Errorf("ask for the policy once more, which lacks its certificate: %w", err)
		}
		if state, found, err = h.policy(ctx); err != nil || !found || !awaitsCertificate(state.Certificate.Details) {
			return err
		}
	}
	return noCertificate(state.Certificate.Details)
}

// Try proves login and account by reading.
func (h *Host) Try(ctx context.Context, domain string) (rollout.Trial, error) {
	t := rollout.Trial{Lines: []string{}}
	held, err := policyPlace{h}.Read(ctx)
	if err != nil {
		return t, fmt.Errorf("try the account %s at Valimail: %w", finding.Quote(h.client.login.Account, 60), err)
	}
	t.Lines = append(t.Lines, fmt.Sprintf("Valimail takes the login for the account %s.", finding.Clean(h.client.login.Account, 60)))
	if held.Exists {
		t.Lines = append(t.Lines, fmt.Sprintf("It has a policy for %s: %s.", domain, finding.Clean(held.String(), 200)))
	} else {
		t.Lines = append(t.Lines, fmt.Sprintf("It has no policy for %s yet.", domain))
	}
	t.Lines = append(t.Lines, "It writes body and id itself: belay cannot order them, and waits until both show a change.")
	return t, nil
}

// place is where an edit is made.
func (h *Host) place(e rollout.Edit) (remote.Place, error) {
	if e.Kind == rollout.RUA {
		return ruaPlace{h}, nil
	}
	return policyPlace{h}, remote.CheckPolicy(e)
}

func (h *Host) path(resource string) string {
	return "/domains/" + url.PathEscape(h.domain) + "/" + resource
}

// introduce makes the domain known to the account, if it is not.
func (h *Host) introduce(ctx context.Context) error {
	err := h.client.call(ctx, http.MethodPost, "/domains", map[string]string{"domain": h.domain}, nil)
	if err != nil && !rest.Refused(err, http.StatusConflict) {
		return rest.Unsent(fmt.Errorf("add the domain to the account: %w", err))
	}
	return nil
}

// put makes a resource, or changes the one there is.
func (h *Host) put(ctx context.Context, exists bool, resource string, in any) error {
	if !exists {
		if err := h.introduce(ctx); err != nil {
			return err
		}
		err := h.client.call(ctx, http.MethodPost, h.path(resource), in, nil)
		if !rest.Refused(err, http.StatusConflict) {
			return err
		}
	}
	return h.client.call(ctx, http.MethodPut, h.path(resource), in, nil)
}

// policyState is what Valimail tells of a policy.
type policyState struct {
	Text   string       `json:"mta-sts-policy-text"`
	Policy policyFields `json:"mta-sts-policy"`
	policyFields
	Certificate struct {
		Status  string `json:"status"`
		Details string `json:"details"`
	} `json:"ssl-certificate"`
}

type policyFields struct {
	Mode   string   `json:"policy-mode"`
	MX     []string `json:"mx-hosts"`
	MaxAge uint32   `json:"max-age"`
}

func (f policyFields) body() string {
	return mtasts.Policy{Version: mtasts.Version, Mode: mtasts.Mode(f.Mode), MaxAge: f.MaxAge, MX: f.MX}.String()
}

// body is the policy's text where Valimail tells one that senders take, else what
// its fields say.
func (s policyState) body() string {
	if _, faults := mtasts.ParsePolicy([]byte(s.Text)); s.Text != "" && mtasts.Usable(faults) {
		return s.Text
	}
	switch {
	case s.Policy.Mode != "":
		return s.Policy.body()
	case s.Mode != "":
		return s.policyFields.body()
	}
	return s.Text
}

func (h *Host) policy(ctx context.Context) (policyState, bool, error) {
	return read[policyState](ctx, h, "mta_sts_policy")
}

// read reads a resource, which stands in "data" or by itself.
func read[T any](ctx context.Context, h *Host, resource string) (state T, found bool, err error) {
	var whole json.RawMessage
	if found, err = h.client.Get(ctx, h.path(resource), nil, &whole); err != nil || !found {
		return state, false, err
	}
	var framed struct {
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(whole, &framed) == nil && len(framed.Data) > 0 {
		whole = framed.Data
	}
	if err := json.Unmarshal(whole, &state); err != nil {
		return state, false, fmt.Errorf("the answer of Valimail's API is not understood: %w", err)
	}
	return state, true, nil
}

// policyPlace is the policy.
type policyPlace struct{ h *Host }

func (p policyPlace) String() string { return "the policy of " + p.h.domain + " at Valimail" }

func (p policyPlace) Read(ctx context.Context) (rollout.Value, error) {
	state, found, err := p.h.policy(ctx)
	if err != nil || !found {
		return rollout.Absent(), err
	}
	return rollout.Body(state.body()), nil
}

func (p policyPlace) Write(ctx context.Context, seen, v rollout.Value) error {
	policy, faults := mtasts.ParsePolicy([]byte(v.Body))
	if !mtasts.Usable(faults) {
		return rest.Unsent(errors.New("the policy to be published is none that senders take"))
	}
	return p.h.put(ctx, seen.Exists, "mta_sts_policy", policyFields{Mode: string(policy.Mode), MX: slices.Concat([]string{}, policy.MX), MaxAge: policy.MaxAge})
}

// ruaPlace is the report addresses.
type ruaPlace struct{ h *Host }

func (p ruaPlace) String() string { return "the report addresses of " + p.h.domain + " at Valimail" }

// ruaState is what Valimail tells of the report addresses.
type ruaState struct {
	Text   string `json:"tls-rpt-record-text"`
	Policy struct {
		RUA []string `json:"tlsrpt-rua"`
	} `json:"tlsrpt-policy"`
	URIs []string `json:"rua-uris"`
}

func (p ruaPlace) Read(ctx context.Context) (rollout.Value, error) {
	state, found, err := read[ruaState](ctx, p.h, "smtp_tls_policy")
	if err != nil || !found {
		return rollout.Absent(), err
	}
	record, _ := tlsrpt.ParseRecord(state.Text)
	return rollout.Records(slices.Concat(state.Policy.RUA, state.URIs, record.RUA)...), nil
}

func (p ruaPlace) Write(ctx context.Context, seen, v rollout.Value) error {
	return p.h.put(ctx, seen.Exists, "smtp_tls_policy", map[string][]string{"rua-uris": v.Records})
}
