package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/steps/probe"
)

// inspectors are the issuers, trusted by nobody, of certificates that a control
// host shows as well as an MX host. The two have nothing to do with each other, so
// the certificates are made on the way: in this network. Where no control can be
// met nothing is concluded, for a private authority of the domain's own looks just
// the same.
func (k *look) inspectors(hosts []hostSeen) []string {
	suspects := map[string]bool{}
	for _, h := range hosts {
		for _, s := range h.sessions {
			if issuer, ok := privateIssuer(s); ok {
				suspects[issuer] = true
			}
		}
	}
	if len(suspects) == 0 {
		return nil
	}
	var mu sync.Mutex
	var found []string
	var all sync.WaitGroup
	for _, control := range k.view.Controls() {
		all.Go(func() {
			addresses, _ := k.view.ResolveAddresses(control)
			for _, ip := range addresses[:min(len(addresses), 1)] {
				issuer, ok := privateIssuer(k.view.Session(control, ip))
				mu.Lock()
				if ok && suspects[issuer] {
					found = append(found, issuer)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return found
}

// privateIssuer is who issued a certificate that leads to no trusted root.
func privateIssuer(s probe.Session) (issuer string, ok bool) {
	if len(s.Certificates) == 0 || !flawed(s, probe.Untrusted) && !flawed(s, probe.Incomplete) {
		return "", false
	}
	leaf := s.Certificates[0]
	return leaf.Issuer, leaf.Issuer != leaf.Subject
}

// intercepted reports whether an inspector stands in for the host: then nothing is
// known about the host itself.
func intercepted(s probe.Session, inspectors []string) bool {
	issuer, ok := privateIssuer(s)
	return ok && slices.Contains(inspectors, issuer)
}

// caaSeen is the CAA record set that rules a name (RFC 8659 3).
type caaSeen struct {
	// at is the name at which it stands; empty where there is none.
	at      string
	records []string
}

// caa climbs from the policy host's name to the first CAA record set. Names that
// may not exist are asked of the authoritative servers alone.
func (k *look) caa() caaSeen {
	for at := mtasts.PolicyHost(k.domain); strings.Contains(at, "."); _, at, _ = strings.Cut(at, ".") {
		if at != k.zone.Apex && !strings.HasSuffix(at, "."+k.zone.Apex) {
			// Above the zone every name exists.
			if r := k.view.Resolve(at, "CAA"); len(r.Values) > 0 {
				return caaSeen{at, r.Values}
			}
			continue
		}
		a := k.view.First(k.zone, at, "CAA")
		if a.Alias != "" {
			if r := k.view.Resolve(a.Alias, "CAA"); len(r.Values) > 0 {
				return caaSeen{at, r.Values}
			}
		}
		if values := a.Union(); len(values) > 0 {
			return caaSeen{at, values}
		}
	}
	return caaSeen{}
}

// issuers are the authorities that may issue; any is true where the set does not
// restrict that.
func (c caaSeen) issuers() (names []string, any bool) {
	any = true
	for _, record := range c.records {
		fields := strings.SplitN(record, " ", 3)
		if len(fields) != 3 || fields[1] != "issue" {
			continue
		}
		any = false
		name, _, _ := strings.Cut(fields[2], ";")
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			names = append(names, finding.Clean(name, 253))
		}
	}
	return names, any
}

// authorities are the organisations in issuers' names, and what CAA calls them.
func authorities() map[string][]string {
	return map[string][]string{
		"Let's Encrypt":         {"letsencrypt.org"},
		"Google Trust Services": {"pki.goog"},
		"ZeroSSL":               {"sectigo.com", "comodoca.com", "usertrust.com", "trust-provider.com"},
		"Sectigo":               {"sectigo.com", "comodoca.com", "usertrust.com", "trust-provider.com"},
		"DigiCert":              {"digicert.com", "symantec.com", "geotrust.com", "rapidssl.com", "thawte.com"},
		"Amazon":                {"amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"},
		"GlobalSign":            {"globalsign.com"},
		"Buypass":               {"buypass.com", "buypass.no"},
		"SSL Corp":              {"ssl.com"},
		"GoDaddy":               {"godaddy.com", "starfieldtech.com"},
		"Actalis":               {"actalis.it"},
		"Microsoft Corporation": {"microsoft.com"},
	}
}

// judgeCAA says whether the policy host's certificate could be renewed: CAA is
// heeded when one is issued, not when it is used.
func (k *look) judgeCAA(late context.Context, asked aside[caaSeen]) {
	c, ok := asked.take(late)
	if !ok {
		return
	}
	names, any := c.issuers()
	host := mtasts.PolicyHost(k.domain)
	if any {
		return
	}
	if len(names) == 0 {
		k.conclude(finding.New("D12", host, "the CAA records at "+c.at+" allow no authority to issue a certificate for "+host))
		return
	}
	allowed := strings.Join(names, ", ")
	for _, a := range k.e.Policy.Addresses {
		if a.Certificate == nil {
			continue
		}
		for who, called := range authorities() {
			if strings.Contains(a.Certificate.Issuer, who) && !slices.ContainsFunc(called, func(n string) bool { return slices.Contains(names, n) }) {
				k.conclude(finding.New("D12", host, fmt.Sprintf("the certificate of %s comes from %s, and the CAA records at %s allow only %s: it cannot be renewed", host, who, c.at, allowed)))
				return
			}
		}
		return
	}
	k.conclude(finding.New("D12", host, fmt.Sprintf("only %s may issue a certificate for %s, by the CAA records at %s", allowed, host, c.at)).As(finding.Info).
		Because("The policy host needs a certificate; another authority would refuse to issue it.").
		Mend("Use one of these authorities, or add an issue entry for the one you use."))
}
