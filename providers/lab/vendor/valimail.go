package vendor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Valimail is the part of Valimail's API, and of its name and policy servers, that
// concerns MTA-STS and TLS reports, with one account.
type Valimail struct {
	server
	// ClientID, AppID and Account are what is accepted: set them before the first
	// call.
	ClientID, AppID, Account string
	// Leads says where the CNAME at a name leads; "" where there is none. Without it
	// every name leads where it should. Set it before the first call.
	Leads func(name string) string
	// state is guarded by server.mu.
	state valimailState
}

type valimailState struct {
	token    string
	tokens   int
	domains  []string
	policies map[string]valimailPolicy
	rua      map[string][]string
	ids      int
	tries    int  // how often a certificate is not there yet
	late     bool // ids are written and not published
	// certificate is what is wrong with those of policies that are kept.
	certificate string
	unheard     map[string]string
	reports     []map[string]any
	details     map[string][]map[string]any
	page        int
}

type valimailPolicy struct {
	Mode   string   `json:"policy-mode"`
	MX     []string `json:"mx-hosts"`
	MaxAge int      `json:"max-age"`
	id     string
}

// The names that customers' names lead to, with the domain before them where it
// stands there.
const (
	valimailRecord  = "._mta-sts.vali.email"
	valimailReports = "._smtptlsrpt.vali.email"
	// noCertificate is what Valimail says while it has none.
	noCertificate = "Failed to retrieve SSL certificate expiration date"
	// ValimailHost is Valimail's policy host.
	ValimailHost = "policy.mta-vali.email"
	// ValimailRUA is Valimail's own report address, which stands beside all others.
	ValimailRUA = "mailto:reports@tls.vali.email"
)

// NewValimail starts a server with an account that has no domain. Close ends it.
func NewValimail() *Valimail {
	v := &Valimail{ClientID: "34acfc47-e910", AppID: "358e2665-dfb9", Account: "corp"}
	v.state.policies, v.state.rua = map[string]valimailPolicy{}, map[string][]string{}
	v.state.unheard, v.state.details = map[string]string{}, map[string][]map[string]any{}
	api := http.NewServeMux()
	const at = "/accounts/{account}"
	api.HandleFunc("POST "+at+"/domains", v.addDomain)
	for _, method := range []string{"GET ", "POST ", "PUT "} {
		api.HandleFunc(method+at+"/domains/{domain}/mta_sts_policy", v.known(v.policy))
		api.HandleFunc(method+at+"/domains/{domain}/smtp_tls_policy", v.known(v.tlsPolicy))
	}
	api.HandleFunc("GET "+at+"/mta-sts/tls", v.listReports)
	api.HandleFunc("GET "+at+"/mta-sts/tls/failure-details", v.failureDetails)
	whole := http.NewServeMux()
	whole.HandleFunc("POST /auth", v.auth)
	whole.Handle("/", v.authenticated(api))
	v.start(whole)
	return v
}

// URL is the API's base: what stands for https://api.valimail.com.
func (v *Valimail) URL() string { return v.http.URL }

// ExpireToken ends the token that was given last.
func (v *Valimail) ExpireToken() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.token = ""
}

// Tokens is how many were given.
func (v *Valimail) Tokens() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state.tokens
}

// SetCertificateTries makes the next n policies be refused because there is no
// certificate yet.
func (v *Valimail) SetCertificateTries(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.tries = n
}

// SetLate holds new ids back from the name servers, or publishes those held back.
func (v *Valimail) SetLate(on bool) {
	v.mu.Lock()
	v.state.late = on
	held := v.state.unheard
	if !on {
		v.state.unheard = map[string]string{}
	}
	v.mu.Unlock()
	for domain, record := range held {
		if !on {
			v.publish(domain+valimailRecord, record)
		}
	}
}

// SetPolicy changes a policy behind the API's back, as somebody does in Valimail's
// own pages.
func (v *Valimail) SetPolicy(domain, mode string, maxAge int, mx ...string) {
	v.store(domain, valimailPolicy{Mode: mode, MaxAge: maxAge, MX: mx})
}

// Policy is the policy of a domain as Valimail has it; "" where there is none.
func (v *Valimail) Policy(domain string) (mode string, maxAge int, id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.state.policies[domain]
	return p.Mode, p.MaxAge, p.id
}

func (v *Valimail) auth(w http.ResponseWriter, r *http.Request) {
	var in struct{ ClientID, AppID string }
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.ClientID == "" || in.AppID == "" {
		valimailSays(w, r, http.StatusBadRequest, "missing ClientID or AppID")
		return
	}
	if in.ClientID != v.ClientID || in.AppID != v.AppID {
		valimailSays(w, r, http.StatusUnauthorized, "Unauthorized")
		return
	}
	v.mu.Lock()
	v.state.tokens++
	v.state.token = fmt.Sprintf("token-%d", v.state.tokens)
	token := v.state.token
	v.mu.Unlock()
	valimailAnswers(w, map[string]string{"token": token, "expires-at": "2029-10-31T18:26:50Z"})
}

func (v *Valimail) authenticated(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		token := v.state.token
		v.mu.Unlock()
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch account := strings.Split(r.URL.Path+"//", "/")[2]; {
		case !ok:
			valimailSays(w, r, http.StatusBadRequest, "missing Authorization: Bearer header")
		case token == "" || given != token:
			valimailSays(w, r, http.StatusUnauthorized, "Unauthorized")
		case account != v.Account:
			valimailSays(w, r, http.StatusForbidden, "not authorized for slug "+account)
		default:
			api.ServeHTTP(w, r)
		}
	})
}

func (v *Valimail) addDomain(w http.ResponseWriter, r *http.Request) {
	var in struct{ Domain string }
	if json.NewDecoder(r.Body).Decode(&in) != nil || !strings.Contains(in.Domain, ".") {
		valimailSays(w, r, http.StatusUnprocessableEntity, "Invalid domain")
		return
	}
	v.mu.Lock()
	known := slices.Contains(v.state.domains, in.Domain)
	if !known {
		v.state.domains = append(v.state.domains, in.Domain)
	}
	v.mu.Unlock()
	if known {
		valimailSays(w, r, http.StatusConflict, "domain already exists")
		return
	}
	valimailAnswers(w, map[string]any{"data": map[string]string{"domain": in.Domain}})
}

// known lets through who asks about a domain of the account.
func (v *Valimail) known(serve func(w http.ResponseWriter, r *http.Request, domain string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		domain := plain(r.PathValue("domain"))
		v.mu.Lock()
		known := slices.Contains(v.state.domains, domain)
		v.mu.Unlock()
		if !known {
			valimailSays(w, r, http.StatusNotFound, "domain not found")
			return
		}
		serve(w, r, domain)
	}
}

func (v *Valimail) policy(w http.ResponseWriter, r *http.Request, domain string) {
	v.mu.Lock()
	p, exists := v.state.policies[domain]
	v.mu.Unlock()
	if r.Method != http.MethodGet {
		var in valimailPolicy
		err := json.NewDecoder(r.Body).Decode(&in)
		switch {
		case err != nil || in.Mode == "" || in.MaxAge == 0:
			valimailSays(w, r, http.StatusBadRequest, "missing field")
			return
		case !slices.Contains([]string{"none", "testing", "enforce"}, in.Mode):
			valimailInvalid(w, "invalid-policy-mode", `must be in this list: ["none", "testing", "enforce"]`)
			return
		case exists && r.Method == http.MethodPost:
			valimailSays(w, r, http.StatusConflict, "policy already exists")
			return
		case !exists && r.Method == http.MethodPut:
			valimailSays(w, r, http.StatusNotFound, "policy not found")
			return
		case !exists && !v.certified(domain):
			valimailSays(w, r, http.StatusUnprocessableEntity, noCertificate)
			return
		}
		v.write.Lock()
		defer v.write.Unlock()
		v.around(domain, "policy", func() bool { p, exists = v.store(domain, in), true; return true })
		if after := v.told().After; after != nil {
			after(domain, "policy")
		}
	}
	if !exists {
		valimailSays(w, r, http.StatusNotFound, "policy not found")
		return
	}
	valimailAnswers(w, map[string]any{"data": map[string]any{
		"domain": domain, "mta-sts-record-text": p.record(), "mta-sts-policy-text": p.text(),
		"mta-sts-record": map[string]string{"version": "STSv1", "id": p.id}, "mta-sts-policy": p,
		"ssl-certificate": v.certificate(),
	}})
}

func (p valimailPolicy) record() string { return "v=STSv1; id=" + p.id + ";" }

// store keeps a policy under a new id and publishes that.
func (v *Valimail) store(domain string, p valimailPolicy) valimailPolicy {
	v.mu.Lock()
	v.state.ids++
	p.id = fmt.Sprintf("vm%08d", v.state.ids)
	v.state.policies[domain] = p
	if !slices.Contains(v.state.domains, domain) {
		v.state.domains = append(v.state.domains, domain)
	}
	late := v.state.late
	if late {
		v.state.unheard[domain] = p.record()
	}
	v.mu.Unlock()
	if !late {
		v.publish(domain+valimailRecord, p.record())
	}
	return p
}

func (v *Valimail) publish(name, record string) {
	if on := v.told().OnChange; on != nil {
		on(name, "TXT", 300, []string{record})
	}
}

func (v *Valimail) tlsPolicy(w http.ResponseWriter, r *http.Request, domain string) {
	v.mu.Lock()
	rua, exists := v.state.rua[domain]
	v.mu.Unlock()
	if r.Method != http.MethodGet {
		var in struct {
			URIs []string `json:"rua-uris"`
		}
		switch err := json.NewDecoder(r.Body).Decode(&in); {
		case err != nil || in.URIs == nil:
			valimailSays(w, r, http.StatusBadRequest, "missing field")
			return
		case slices.ContainsFunc(in.URIs, func(u string) bool { return !strings.HasPrefix(u, "mailto:") }):
			valimailInvalid(w, "invalid-rua-format", "rua must be a valid mailto URI format")
			return
		case exists && r.Method == http.MethodPost:
			valimailSays(w, r, http.StatusConflict, "policy already exists")
			return
		case !exists && r.Method == http.MethodPut:
			valimailSays(w, r, http.StatusNotFound, "policy not found")
			return
		}
		rua = append([]string{ValimailRUA}, slices.DeleteFunc(in.URIs, func(u string) bool { return u == ValimailRUA })...)
		v.write.Lock()
		defer v.write.Unlock()
		v.around(domain, "rua", func() bool {
			v.mu.Lock()
			v.state.rua[domain], exists = rua, true
			v.mu.Unlock()
			return true
		})
		v.publish(domain+valimailReports, "v=TLSRPTv1; rua="+strings.Join(rua, ","))
		if after := v.told().After; after != nil {
			after(domain, "rua")
		}
	}
	if !exists {
		valimailSays(w, r, http.StatusNotFound, "policy not found")
		return
	}
	valimailAnswers(w, map[string]any{"data": map[string]any{
		"domain": domain, "dns-record-host": "_smtp._tls." + domain, "dns-record-type": "TXT",
		"tls-rpt-record-text": "v=TLSRPTv1; rua=" + strings.Join(rua, ","),
		"tlsrpt-policy":       map[string]any{"tlsrpt-version": "TLSRPTv1", "tlsrpt-rua": rua},
	}})
}

func valimailAnswers(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func valimailSays(w http.ResponseWriter, r *http.Request, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{
		"request": r.URL.Path, "message": message, "type": "", "call": "api", "status": fmt.Sprint(status), "request-id": "CkmvjqpFKrQz",
	})
}

func valimailInvalid(w http.ResponseWriter, message, details string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"message": message, "details": details}}})
}
