package vendor

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
)

// Google is the part of Google Cloud DNS's API v1 that concerns zones and record
// sets, with the login service beside it, for one project. Its clients take no
// address: they are given Transport, in place of http.DefaultTransport.
type Google struct {
	server
	// Project is the id of the project.
	Project string
	token   string
	// zones and permissions are guarded by server.mu.
	zones       []*managedZone
	permissions []string
	revoked     bool
}

type managedZone struct {
	name, dnsName, visibility string
	sets                      []GoogleSet
}

// GoogleSet is one resource record set as the API tells it: names with their final
// dot, TXT as quoted strings.
type GoogleSet struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	TTL     int64    `json:"ttl"`
	Rrdatas []string `json:"rrdatas"`
	// RoutingPolicy makes the set answer differently to different askers.
	RoutingPolicy map[string]any `json:"routingPolicy,omitempty"`
}

// NewGoogle starts a server whose project has one public zone, of this name with these
// sets, whose names end in a dot. Close ends it.
func NewGoogle(zone string, sets ...GoogleSet) *Google {
	g := &Google{Project: "lab-project", token: "ya29.lab-token-0123456789"}
	g.permissions = []string{
		"dns.managedZones.list", "dns.resourceRecordSets.list", "dns.resourceRecordSets.get", "dns.changes.create",
		"dns.resourceRecordSets.create", "dns.resourceRecordSets.update", "dns.resourceRecordSets.delete",
	}
	g.AddZone("corp-zone", zone, "public")
	g.zones[0].sets = slices.Clone(sets)
	api := http.NewServeMux()
	const zones = "/dns/v1/projects/{project}/managedZones"
	api.HandleFunc("GET "+zones, g.listZones)
	api.HandleFunc("GET "+zones+"/{zone}/rrsets", g.listSets)
	api.HandleFunc("POST "+zones+"/{zone}/rrsets", g.createSet)
	api.HandleFunc("GET "+zones+"/{zone}/rrsets/{name}/{type}", g.getSet)
	api.HandleFunc("PATCH "+zones+"/{zone}/rrsets/{name}/{type}", g.patchSet)
	api.HandleFunc("DELETE "+zones+"/{zone}/rrsets/{name}/{type}", g.deleteSet)
	api.HandleFunc("POST "+zones+"/{zone}/changes", g.createChange)
	api.HandleFunc("POST "+zones+"/{asked}", g.testPermissions)
	both := http.NewServeMux()
	both.HandleFunc("POST /token", g.login)
	both.Handle("/", g.authenticated(api))
	g.start(both)
	return g
}

// Transport leads every connection to Google's API to this server, and all others
// where the default transport leads them.
func (g *Google) Transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	var dialer net.Dialer
	t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != "dns.googleapis.com:443" {
			return nil, fmt.Errorf("the lab knows no %s", address)
		}
		// The client takes this for a TLS connection; the server speaks plainly.
		return dialer.DialContext(ctx, network, strings.TrimPrefix(g.http.URL, "http://"))
	}
	return t
}

// WriteKey writes a service account's key file, as the console gives it, with a
// fresh private key, and returns that key's text.
func (g *Google) WriteKey(file string) (private string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	private = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": g.Project, "private_key_id": "lab", "private_key": private,
		"client_email": "belay@" + g.Project + ".iam.gserviceaccount.com", "client_id": "1",
		"token_uri": g.http.URL + "/token",
	})
	if err != nil {
		return "", err
	}
	return private, os.WriteFile(file, text, 0o600)
}

// AddZone adds a zone to the project; visibility is public or private.
func (g *Google) AddZone(name, dnsName, visibility string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.zones = append(g.zones, &managedZone{name: name, dnsName: plain(dnsName) + ".", visibility: visibility})
}

// Deny takes a right from the credentials: "dns.changes.create".
func (g *Google) Deny(permission string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.permissions = slices.DeleteFunc(slices.Clone(g.permissions), func(p string) bool { return p == permission })
}

// Revoke deletes the key: no login with it is accepted any more.
func (g *Google) Revoke() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.revoked = true
}

// Put replaces a set in the first zone behind the API's back; without data and
// policy it removes it.
func (g *Google) Put(s GoogleSet) {
	g.mu.Lock()
	s.Name = plain(s.Name) + "."
	z := g.zones[0]
	z.sets = withoutSet(z.sets, s.Name, s.Type)
	if len(s.Rrdatas) > 0 || s.RoutingPolicy != nil {
		z.sets = append(z.sets, s)
	}
	g.mu.Unlock()
	g.tell(s)
}

// tell hands the set to OnChange.
func (g *Google) tell(s GoogleSet) {
	on := g.told().OnChange
	if on == nil {
		return
	}
	var values []string
	for _, v := range s.Rrdatas {
		switch s.Type {
		case "TXT":
			v = plainTXT(v, 10)
		case "CNAME":
			v = plain(v)
		}
		values = append(values, v)
	}
	on(plain(s.Name), s.Type, uint32(s.TTL), values)
}

func withoutSet(sets []GoogleSet, name, typ string) []GoogleSet {
	return slices.DeleteFunc(slices.Clone(sets), func(s GoogleSet) bool { return s.Name == name && s.Type == typ })
}
