package steps

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"

	"belay/rollout/finding"
)

// destination is where reports go by one URI of a rua list, and why they cannot
// arrive there.
type destination struct {
	uri, domain string
	mail        bool
	why         string
}

// destinations are the domains and hosts of a rua list.
func destinations(rua []string) []destination {
	var out []destination
	for _, uri := range rua {
		u, err := url.Parse(uri)
		if err != nil {
			continue
		}
		switch strings.ToLower(u.Scheme) {
		case "mailto":
			address, err := url.PathUnescape(u.Opaque)
			at := strings.LastIndexByte(address, '@')
			if err == nil && at >= 0 && !strings.Contains(address, ",") {
				out = append(out, destination{uri: uri, domain: strings.ToLower(address[at+1:]), mail: true})
			}
		case "https":
			out = append(out, destination{uri: uri, domain: strings.ToLower(u.Hostname())})
		}
	}
	return out
}

// mostDestinations bounds how many of a rua list are followed.
const mostDestinations = 5

// reachable finds out whether the places of a rua list exist at all. Whether a
// mailbox does shows only when mail is sent to it, which a check does not do.
func (k *look) reachable(rua []string) []destination {
	out := destinations(rua)
	out = out[:min(len(out), mostDestinations)]
	var asking sync.WaitGroup
	for i := range out {
		asking.Go(func() { out[i].why = k.unreachable(out[i]) })
	}
	asking.Wait()
	return out
}

// unreachable says why nothing can be sent to d; empty where something can, or
// where that is not known.
func (k *look) unreachable(d destination) string {
	if d.domain == k.domain && d.mail {
		return "" // its MX hosts are looked at closely enough
	}
	if d.mail {
		mx := k.view.Resolve(d.domain, "MX")
		switch {
		case mx.Err != nil:
			return ""
		case mx.Missing:
			return "the domain " + d.domain + " does not exist"
		case slices.Equal(mx.Values, []string{"0 ."}):
			return "the domain " + d.domain + " accepts no mail (null MX)"
		case len(mx.Values) > 0:
			return ""
		}
	}
	addresses, err := k.view.ResolveAddresses(d.domain)
	if err != nil || len(addresses) > 0 {
		return ""
	}
	if d.mail {
		return "the domain " + d.domain + " has neither an MX record nor an address"
	}
	return "the host " + d.domain + " has no address"
}

// judgeDestinations says where reports go, and where they cannot.
func (k *look) judgeDestinations(late context.Context, asked aside[[]destination]) {
	found, _ := asked.take(late)
	for _, d := range found {
		if d.why != "" {
			k.conclude(finding.New("R07", d.uri, "no report arrives at "+d.uri+": "+d.why).As(finding.Warn).
				Mend("Correct the address, or set the mailbox up in a domain that receives mail."))
			continue
		}
		if d.mail && organisation(d.domain) != organisation(k.domain) {
			k.conclude(finding.New("R10", d.uri, "reports go to "+d.domain+", outside of "+k.domain))
		}
	}
}
