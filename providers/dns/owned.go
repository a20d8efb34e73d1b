package dns

import (
	"net/http"
	"strings"
	"time"

	"belay/providers/rest"
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
		if _, err := rest.Address(o.BaseURL); err != nil {
			return nil, err
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
