package vendor

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"belay/rollout/world"
)

// OVH is the part of OVHcloud's API 1.0 that concerns zones and their records,
// with one zone in the account. Signatures are checked. What a client writes is
// saved and can be read at once, and is served, told to OnChange, only when the
// zone is refreshed.
type OVH struct {
	server
	// Key, Secret and Consumer are the login that is accepted: set them before
	// the first call.
	Key, Secret, Consumer string
	zone                  string
	since                 world.Stopwatch
	// state is guarded by server.mu.
	state ovhState
}

type ovhState struct {
	records []OVHRecord
	served  map[string][]OVHRecord // by name and type
	rules   []OVHRule
	last    int64
	slept   int64
}

// OVHRecord is one record as the API tells it. SubDomain is empty at the apex; a
// TXT target stands in quotes.
type OVHRecord struct {
	ID        int64  `json:"id"`
	Zone      string `json:"zone"`
	FieldType string `json:"fieldType"`
	SubDomain string `json:"subDomain"`
	Target    string `json:"target"`
	TTL       int64  `json:"ttl"`
}

// OVHRule is one right of the consumer key; "*" in Path stands for anything.
type OVHRule struct {
	Method string `json:"method"`
	Path   string `json:"path"`
}

// ovhEpoch is what the server's clock shows when it starts, in seconds: not the
// machine's time, so that a client that signs with its own is found out.
const ovhEpoch = 1_700_000_000

// ovhTolerance is how far a timestamp may be off, in seconds.
const ovhTolerance = 30

// NewOVH starts a server whose account has this zone with these records, all of
// them served, and a consumer key that may do everything. Close ends it.
func NewOVH(zone string, records ...OVHRecord) *OVH {
	o := &OVH{
		zone: plain(zone), Key: "ovhapplicationkey", Secret: "ovhapplicationsecret0123456789ab",
		Consumer: "ovhconsumerkey0123456789abcdefgh", since: world.Start(),
	}
	o.state.served = map[string][]OVHRecord{}
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		o.state.rules = append(o.state.rules, OVHRule{method, "/*"})
	}
	for _, r := range records {
		o.add(r)
	}
	o.refresh()
	api := http.NewServeMux()
	api.HandleFunc("GET /1.0/auth/currentCredential", o.credential)
	api.HandleFunc("GET /1.0/domain/zone", func(w http.ResponseWriter, _ *http.Request) { ovhAnswer(w, o.beside(o.zone)) })
	api.HandleFunc("GET /1.0/domain/zone/{zone}", o.known(o.showZone))
	api.HandleFunc("GET /1.0/domain/zone/{zone}/record", o.known(o.listRecords))
	api.HandleFunc("GET /1.0/domain/zone/{zone}/record/{id}", o.known(o.showRecord))
	api.HandleFunc("POST /1.0/domain/zone/{zone}/record", o.known(o.createRecord))
	api.HandleFunc("PUT /1.0/domain/zone/{zone}/record/{id}", o.known(o.changeRecord))
	api.HandleFunc("DELETE /1.0/domain/zone/{zone}/record/{id}", o.known(o.deleteRecord))
	api.HandleFunc("POST /1.0/domain/zone/{zone}/refresh", o.known(o.refreshZone))
	api.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		ovhError(w, http.StatusNotFound, "", "Got an invalid (or empty) URL")
	})
	o.start(o.open(o.authenticated(api)))
	return o
}

// URL is the API's base: what stands for https://eu.api.ovh.com/1.0.
func (o *OVH) URL() string { return o.http.URL + "/1.0" }

// SetRules sets the rights of the consumer key.
func (o *OVH) SetRules(rules ...OVHRule) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.rules = rules
}

// Sleep moves the server's clock on, as a client sees it that has slept.
func (o *OVH) Sleep(seconds int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.slept += seconds
}

func (o *OVH) now() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return ovhEpoch + o.state.slept + int64(o.since.Elapsed().Seconds())
}

// Put adds a record behind the API's back, as the panel does: it is served at
// once, together with what a client has saved and not published.
func (o *OVH) Put(r OVHRecord) {
	o.add(r)
	o.refresh()
}

// Drop removes all records of a name and type behind the API's back.
func (o *OVH) Drop(name, typ string) {
	o.mu.Lock()
	o.state.records = slices.DeleteFunc(o.state.records, func(r OVHRecord) bool {
		return o.whole(r.SubDomain) == plain(name) && ovhType(r.FieldType) == typ
	})
	o.mu.Unlock()
	o.refresh()
}

// Saved are the records at name that can be read, served or not.
func (o *OVH) Saved(name string) []OVHRecord {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []OVHRecord
	for _, r := range o.state.records {
		if o.whole(r.SubDomain) == plain(name) {
			out = append(out, r)
		}
	}
	return out
}

// Served are the values at name and type that the name servers answer, sorted.
func (o *OVH) Served(name, typ string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for _, r := range o.state.served[plain(name)+" "+typ] {
		out = append(out, o.value(r))
	}
	return sorted(out)
}

// open answers what needs no login: the time.
func (o *OVH) open(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/1.0/auth/time" {
			ovhAnswer(w, o.now())
			return
		}
		api.ServeHTTP(w, r)
	})
}

// authenticated checks key, consumer, time and signature, then the right.
func (o *OVH) authenticated(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			ovhError(w, http.StatusBadRequest, "", "Unable to read the request")
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		stamp, err := strconv.ParseInt(r.Header.Get("X-Ovh-Timestamp"), 10, 64)
		address := "http://" + r.Host + r.URL.RequestURI()
		signed := strings.Join([]string{o.Secret, o.Consumer, r.Method, address, string(body), r.Header.Get("X-Ovh-Timestamp")}, "+")
		switch {
		case r.Header.Get("X-Ovh-Application") != o.Key:
			ovhError(w, http.StatusForbidden, "INVALID_KEY", "This application key is invalid")
		case err != nil || max(stamp-o.now(), o.now()-stamp) > ovhTolerance:
			ovhError(w, http.StatusBadRequest, "QUERY_TIME_OUT", "Query out of time")
		case r.Header.Get("X-Ovh-Consumer") != o.Consumer:
			ovhError(w, http.StatusForbidden, "INVALID_CREDENTIAL", "This credential is not valid")
		case r.Header.Get("X-Ovh-Signature") != fmt.Sprintf("$1$%x", sha1.Sum([]byte(signed))):
			ovhError(w, http.StatusBadRequest, "INVALID_SIGNATURE", "Invalid signature")
		case !o.may(r.Method, strings.TrimPrefix(r.URL.Path, "/1.0")):
			ovhError(w, http.StatusForbidden, "NOT_GRANTED_CALL", "This call has not been granted")
		default:
			api.ServeHTTP(w, r)
		}
	})
}

func (o *OVH) may(method, path string) bool {
	if path == "/auth/currentCredential" {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.state.rules, func(rule OVHRule) bool {
		return rule.Method == method && glob(rule.Path, path)
	})
}

// glob reports whether text fits pattern, in which "*" stands for anything.
func glob(pattern, text string) bool {
	head, tail, open := strings.Cut(pattern, "*")
	rest, ok := strings.CutPrefix(text, head)
	if !ok || !open {
		return ok && rest == ""
	}
	for i := 0; i <= len(rest); i++ {
		if glob(tail, rest[i:]) {
			return true
		}
	}
	return false
}

func (o *OVH) credential(w http.ResponseWriter, _ *http.Request) {
	o.mu.Lock()
	rules := slices.Clone(o.state.rules)
	o.mu.Unlock()
	ovhAnswer(w, map[string]any{"status": "validated", "rules": rules, "credentialId": 1, "expiration": nil})
}

func ovhAnswer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_ = json.NewEncoder(w).Encode(v)
}

// ovhError answers as the API does: a login's fault has a code, another a class.
func ovhError(w http.ResponseWriter, status int, code, message string) {
	said := map[string]string{"message": message}
	switch {
	case code != "":
		said["errorCode"], said["httpCode"] = code, fmt.Sprintf("%d %s", status, http.StatusText(status))
	case status == http.StatusNotFound:
		said["class"] = "Client::NotFound"
	default:
		said["class"] = "Client::BadRequest"
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(said)
}
