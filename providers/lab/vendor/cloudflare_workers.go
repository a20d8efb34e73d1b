package vendor

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// workers is the part of Cloudflare's API and network that concerns Workers:
// scripts, custom domains, and the servers that run them.
type workers struct {
	scripts map[string]workerScript
	domains []WorkerDomain
	// edge are the addresses that a custom domain's record answers with.
	edge map[string][]string
	last int
}

type workerScript struct{ main, text, etag string }

// WorkerDomain is a custom domain as the API tells it.
type WorkerDomain struct {
	ID          string `json:"id"`
	ZoneID      string `json:"zone_id"`
	ZoneName    string `json:"zone_name"`
	Hostname    string `json:"hostname"`
	Service     string `json:"service"`
	Environment string `json:"environment"`
}

// cloudflareAccountID is the account that the zone is in.
const cloudflareAccountID = "01a7362d577a6c3019a474fd6f485823"

func (c *Cloudflare) startWorkers(api *http.ServeMux) {
	c.workers.scripts = map[string]workerScript{}
	const at = "/client/v4/accounts/{account}/workers"
	api.HandleFunc("GET "+at+"/scripts/{name}/content/v2", c.workersMay("#worker:read", c.scriptContent))
	api.HandleFunc("PUT "+at+"/scripts/{name}", c.workersMay("#worker:edit", c.uploadScript))
	api.HandleFunc("GET "+at+"/domains", c.workersMay("#worker:read", c.listDomains))
	api.HandleFunc("PUT "+at+"/domains", c.workersMay("#worker:edit", c.attachDomain))
}

// workersMay lets through who has the right in this account.
func (c *Cloudflare) workersMay(right string, serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.PathValue("account") != cloudflareAccountID:
			cloudflareError(w, http.StatusNotFound, 7003, "Could not route to /accounts, perhaps your object identifier is invalid?")
		case !c.may(right):
			cloudflareError(w, http.StatusForbidden, 10000, "Authentication error")
		default:
			serve(w, r)
		}
	}
}

// SetEdge sets the addresses of the servers that run the Workers, which a custom
// domain's record answers with: none for a type that has none.
func (c *Cloudflare) SetEdge(ipv4, ipv6 []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.workers.edge = map[string][]string{"A": ipv4, "AAAA": ipv6}
}

// PutScript makes a script behind the API's back.
func (c *Cloudflare) PutScript(name, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putScript(name, "worker.js", text)
}

func (c *Cloudflare) putScript(name, main, text string) workerScript {
	c.workers.last++
	s := workerScript{main: main, text: text, etag: fmt.Sprintf("%064x", c.workers.last)}
	c.workers.scripts[name] = s
	return s
}

// Scripts are the names of the scripts.
func (c *Cloudflare) Scripts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for name := range c.workers.scripts {
		names = append(names, name)
	}
	return sorted(names)
}

// Script is the text of a script; "" where there is none.
func (c *Cloudflare) Script(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.workers.scripts[name].text
}

// PutDomain makes a custom domain behind the API's back.
func (c *Cloudflare) PutDomain(d WorkerDomain) {
	c.mu.Lock()
	c.workers.domains = append(c.workers.domains, d)
	c.mu.Unlock()
}

// Override makes a host a Worker's custom domain in place of the records that stand
// there, as the dashboard offers.
func (c *Cloudflare) Override(host, service string) {
	host = plain(host)
	for _, typ := range []string{"A", "AAAA", "CNAME"} {
		c.Drop(host, typ)
	}
	c.add(CloudflareRecord{Name: host, Type: "AAAA", Content: "100::", Proxied: true, Meta: CloudflareMeta{ReadOnly: true}})
	c.PutDomain(WorkerDomain{ID: "dashboard", ZoneID: cloudflareZoneID, ZoneName: c.zone, Hostname: host, Service: service, Environment: "production"})
	c.tellEdge(host, true)
}

// DropDomains takes every custom domain away, and the records that were made for
// them.
func (c *Cloudflare) DropDomains() {
	c.mu.Lock()
	gone := c.workers.domains
	c.workers.domains = nil
	c.mu.Unlock()
	for _, d := range gone {
		c.Drop(d.Hostname, "AAAA")
		c.tellEdge(d.Hostname, false)
	}
}

func (c *Cloudflare) scriptContent(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	s, ok := c.workers.scripts[r.PathValue("name")]
	c.mu.Unlock()
	if !ok {
		cloudflareError(w, http.StatusNotFound, 10007, "This Worker does not exist on your account.")
		return
	}
	form := multipart.NewWriter(w)
	w.Header().Set("Content-Type", form.FormDataContentType())
	w.Header().Set("Cf-Entrypoint", s.main)
	w.Header().Set("Etag", s.etag)
	part, _ := form.CreateFormFile(s.main, s.main)
	_, _ = io.WriteString(part, s.text)
	_ = form.Close()
}

// uploadScript takes a script of modules: metadata that names the main one, and it.
func (c *Cloudflare) uploadScript(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !regexp.MustCompile(`^[a-z][a-z0-9_-]{0,61}[a-z0-9]$`).MatchString(name) {
		cloudflareError(w, http.StatusBadRequest, 10016, "workers.api.error.invalid_script_name")
		return
	}
	parts, err := uploadParts(r)
	var metadata struct {
		Main string `json:"main_module"`
	}
	if err != nil || json.Unmarshal([]byte(parts["metadata"]), &metadata) != nil {
		cloudflareError(w, http.StatusBadRequest, 10022, "workers.api.error.missing_metadata")
		return
	}
	text, ok := parts[metadata.Main]
	if !ok || len(parts) != 2 || !strings.Contains(text, "export default") {
		cloudflareError(w, http.StatusBadRequest, 10021, "No such module or no handler in it.")
		return
	}
	c.write.Lock()
	defer c.write.Unlock()
	c.around(name, "script", func() bool {
		c.mu.Lock()
		s := c.putScript(name, metadata.Main, text)
		c.mu.Unlock()
		cloudflareResult(w, map[string]any{"id": name, "etag": s.etag, "handlers": []string{"fetch"}})
		return true
	})
	if after := c.told().After; after != nil {
		after(name, "script")
	}
}

// uploadParts are the parts of an upload by their names.
func uploadParts(r *http.Request) (map[string]string, error) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	parts := map[string]string{}
	for form := multipart.NewReader(r.Body, params["boundary"]); ; {
		part, err := form.NextRawPart()
		if err == io.EOF {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		parts[part.FormName()] = string(text)
	}
}

func (c *Cloudflare) listDomains(w http.ResponseWriter, r *http.Request) {
	host := plain(r.URL.Query().Get("hostname"))
	found := []WorkerDomain{}
	c.mu.Lock()
	for _, d := range c.workers.domains {
		if host == "" || d.Hostname == host {
			found = append(found, d)
		}
	}
	c.mu.Unlock()
	cloudflareResult(w, found)
}

// attachDomain makes a custom domain, with the record that belongs to it, unless
// another record or another Worker has the name.
func (c *Cloudflare) attachDomain(w http.ResponseWriter, r *http.Request) {
	var d WorkerDomain
	if json.NewDecoder(r.Body).Decode(&d) != nil || d.Hostname == "" || d.Service == "" {
		cloudflareError(w, http.StatusBadRequest, 10001, "hostname and service are required")
		return
	}
	d.Hostname, d.ZoneName = plain(d.Hostname), c.zone
	taken := slices.ContainsFunc(c.Records(d.Hostname), func(r CloudflareRecord) bool {
		return r.Type == "A" || r.Type == "AAAA" || r.Type == "CNAME"
	})
	switch other := c.serviceOf(d.Hostname); {
	case d.ZoneID != cloudflareZoneID || !under(d.Hostname, c.zone):
		cloudflareError(w, http.StatusBadRequest, 100114, "Could not find zone for "+d.Hostname)
		return
	case c.Script(d.Service) == "":
		cloudflareError(w, http.StatusNotFound, 10007, "This Worker does not exist on your account.")
		return
	case other != "" && other != d.Service:
		cloudflareError(w, http.StatusConflict, 100116, "Hostname '"+d.Hostname+"' is already in use by another Worker.")
		return
	case other == "" && taken:
		cloudflareError(w, http.StatusConflict, 100117, "Hostname '"+d.Hostname+"' already has externally managed DNS records (A, CNAME, etc). Delete them first or try a different hostname.")
		return
	}
	c.write.Lock()
	defer c.write.Unlock()
	c.around(d.Hostname, "domain", func() bool {
		c.mu.Lock()
		c.workers.last++
		d.ID = fmt.Sprintf("%032x", c.workers.last)
		c.workers.domains = append(slices.DeleteFunc(c.workers.domains, func(o WorkerDomain) bool { return o.Hostname == d.Hostname }), d)
		c.mu.Unlock()
		if !taken {
			c.add(CloudflareRecord{Name: d.Hostname, Type: "AAAA", Content: "100::", Proxied: true, Meta: CloudflareMeta{ReadOnly: true}})
		}
		c.tellEdge(d.Hostname, true)
		cloudflareResult(w, d)
		return true
	})
	if after := c.told().After; after != nil {
		after(d.Hostname, "domain")
	}
}

func (c *Cloudflare) serviceOf(host string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.workers.domains {
		if d.Hostname == host {
			return d.Service
		}
	}
	return ""
}

// tellEdge tells which addresses a custom domain answers with now.
func (c *Cloudflare) tellEdge(host string, on bool) {
	tell := c.told().OnChange
	if tell == nil {
		return
	}
	c.mu.Lock()
	edge := c.workers.edge
	c.mu.Unlock()
	for _, typ := range []string{"A", "AAAA"} {
		var values []string
		if on {
			values = edge[typ]
		}
		tell(host, typ, 300, values)
	}
}

// Serves reports whether the network has a custom domain, and with it a
// certificate, for a host.
func (c *Cloudflare) Serves(host string) bool { return c.serviceOf(plain(host)) != "" }

var policyConstant = regexp.MustCompile(`(?m)^const (POLICY|PAGE) = (".*");$`)

// Edge runs the Workers: what a client gets who asks a custom domain. Of JavaScript
// it knows two constants and what belay's script does with them; that the script
// does so is proved where there is a JavaScript engine.
func (c *Cloudflare) Edge() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		constants := map[string]string{}
		for _, line := range policyConstant.FindAllStringSubmatch(c.Script(c.serviceOf(plain(r.Host))), -1) {
			var text string
			if json.Unmarshal([]byte(line[2]), &text) == nil {
				constants[line[1]] = text
			}
		}
		w.Header().Set("Content-Type", "text/plain")
		body, ok := map[string]string{"/.well-known/mta-sts.txt": constants["POLICY"], "/": constants["PAGE"]}[r.URL.Path]
		if !ok || body == "" {
			w.WriteHeader(http.StatusNotFound)
			body = "not found\n"
		}
		_, _ = io.WriteString(w, body)
	})
}
