package dns

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"belay/rollout/finding"

	"github.com/libdns/libdns"
)

// A library of belay's own is a libdns provider beside this package that could be
// published by itself: Gandi's and DNScale's. They keep libdns's contract, tell
// refusals as values, and read one name. What is common to their sources stands
// here.

// owned is the HTTP client of such a library: o's transport, and a deadline. It
// checks the API's address, where o names one.
func owned(o Options) (*http.Client, error) {
	if o.BaseURL != "" {
		u, err := url.Parse(o.BaseURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, fmt.Errorf("the API address %s is no http or https URL", finding.Quote(o.BaseURL, 200))
		}
	}
	return &http.Client{Transport: o.Transport, Timeout: 20 * time.Second}, nil
}

// holding is the longest of the zones that name lies in.
func holding(zones []libdns.Zone, name string) (string, bool) {
	found := ""
	for _, z := range zones {
		if n := plainName(z.Name); under(name, n) && len(n) > len(found) {
			found = n
		}
	}
	return found, found != ""
}

// setsOf gathers libdns's records of one name.
func setsOf(name string, recs []libdns.Record) []RRset {
	var sets []RRset
	for _, r := range recs {
		rr := r.RR()
		sets = gather(sets, name, rr.Type, uint32(rr.TTL/time.Second), rr.Data)
	}
	return sets
}

// recordsOf are a set's records as libdns has them.
func recordsOf(z Zone, set RRset) []libdns.Record {
	var out []libdns.Record
	for _, v := range set.Values {
		rr := libdns.RR{Name: relative(set.Name, z.Name), Type: set.Type, Data: presented(set.Type, v), TTL: time.Duration(set.TTL) * time.Second}
		if parsed, err := rr.Parse(); err == nil {
			out = append(out, parsed)
			continue
		}
		out = append(out, rr)
	}
	return out
}

// ownedRefusal makes a sentence of a library's refusal. said are the provider's
// words, empty where its answer was not JSON but of type contentType; mend says
// what to do, or is empty for the general word.
func ownedRefusal(label string, status int, said, contentType string, wait time.Duration, mend string) error {
	r := &refusal{status: status, said: finding.Clean(said, 300), mend: mend, pause: wait}
	if said == "" {
		if contentType = finding.Clean(contentType, 60); contentType == "" {
			contentType = "something else"
		}
		if status < 300 {
			return fmt.Errorf("%w but %s (HTTP %d): something stands between this machine and %s, or it is out of order", errNotJSON, contentType, status, label)
		}
		r.said = "something that is not the API's JSON but " + contentType
	}
	after := ""
	if wait > 0 {
		after = fmt.Sprint(int(wait / time.Second))
	}
	if r.mend == "" {
		r.mend = generally(label, status, after)
	}
	return r
}

// nameServersAt are the targets of a zone's own NS records.
func nameServersAt(recs []libdns.Record) []string {
	var out []string
	for _, r := range recs {
		if rr := r.RR(); rr.Type == "NS" {
			out = append(out, plainName(rr.Data))
		}
	}
	return out
}

// serversNote tells of a zone's name servers.
func serversNote(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	return []string{"Its name servers there: " + finding.Clean(strings.Join(names, ", "), 200) + "."}
}
