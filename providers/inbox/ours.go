package inbox

import (
	"slices"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// Owner says whose policy a report speaks of: the rollout's domain for a name
// that is its policy domain or one of its MX hosts (a TLSA policy is named by the
// MX host, RFC 8460 section 4.2), and false for strangers' names.
type Owner func(name string, t tlsrpt.PolicyType) (domain string, ours bool)

// Owners is the Owner for these domains, each with the names of its MX hosts. A
// host that serves several domains belongs to none of them: nobody could say
// whose sessions those were.
func Owners(domains map[string][]string) Owner {
	hosts := make(map[string]string)
	for domain, names := range domains {
		for _, name := range names {
			if other, taken := hosts[name]; taken && other != domain {
				hosts[name] = ""
			} else {
				hosts[name] = domain
			}
		}
	}
	return func(name string, t tlsrpt.PolicyType) (string, bool) {
		if _, ok := domains[name]; ok {
			return name, true
		}
		if t == tlsrpt.TLSA && hosts[name] != "" {
			return hosts[name], true
		}
		return "", false
	}
}

// share is the part of a report that is about one of our domains.
type share struct {
	domain string
	report tlsrpt.Report
}

// shares splits a report by domain, in order of first mention, and drops what is
// about others. In a share every policy names our domain, a TLSA policy too, so
// that the store need not know whose MX host that was. Where an MX host of several of our domains is named by a TLSA
// policy, or one that owner does not know, the only domain whose STS policy is
// in the same report has it: senders put both over the same sessions.
func shares(r tlsrpt.Report, owner Owner) []share {
	var out []share
	add := func(domain string, p tlsrpt.Policy) {
		i := slices.IndexFunc(out, func(s share) bool { return s.domain == domain })
		if i < 0 {
			s := share{domain: domain, report: r}
			s.report.Policies = nil
			i, out = len(out), append(out, s)
		}
		if p.Type == tlsrpt.TLSA {
			p.Domain = domain // the failures still name the MX hosts
		}
		out[i].report.Policies = append(out[i].report.Policies, p)
	}
	var homeless []tlsrpt.Policy
	for _, p := range r.Policies {
		switch domain, ours := owner(p.Domain, p.Type); {
		case ours:
			add(domain, p)
		case p.Type == tlsrpt.TLSA && p.Domain != "":
			homeless = append(homeless, p)
		}
	}
	if len(out) == 1 && len(domainsOf(r)) == 1 {
		for _, p := range homeless {
			add(out[0].domain, p)
		}
	}
	return out
}

// unattributed reports whether no policy of r names a domain. That is not
// mended by guessing (from the mail's header, say): anybody can write one.
func unattributed(r tlsrpt.Report) bool {
	return !slices.ContainsFunc(r.Policies, func(p tlsrpt.Policy) bool { return p.Domain != "" })
}

// domainsOf are the first few domains that the report's policies other than TLSA
// name: as many as are told of. A report may name a hundred thousand.
func domainsOf(r tlsrpt.Report) []string {
	var out []string
	for _, p := range r.Policies {
		if p.Type == tlsrpt.TLSA || slices.Contains(out, p.Domain) {
			continue
		}
		if out = append(out, p.Domain); len(out) == rollout.MostForeign {
			break
		}
	}
	return out
}

// foreignNames puts a domain that is not ours among the few that are named.
func foreignNames(named []string, domain string) []string {
	domain = finding.Clean(domain, 255)
	i, found := slices.BinarySearch(named, domain)
	if found || domain == "" || len(named) >= rollout.MostForeign {
		return named
	}
	return slices.Insert(named, i, domain)
}

// sessions are the sessions a report tells of, each once: an STS and a TLSA
// policy describe the same ones, so where there is STS it stands for both.
func sessions(r tlsrpt.Report) (success, failure int64) {
	none := r.Policies[:0:0]
	kind := tlsrpt.TLSA
	for _, p := range r.Policies {
		switch p.Type {
		case tlsrpt.STS:
			kind = tlsrpt.STS
		case tlsrpt.TLSA:
		default:
			none = append(none, p)
		}
	}
	success, failure = r.Sessions(kind)
	for _, p := range none {
		success, failure = add(success, p.Successful), add(failure, p.Failed)
	}
	return success, failure
}

// add adds counts of strangers without running over.
func add(a, b int64) int64 {
	if a > maxCount-b {
		return maxCount
	}
	return a + b
}

const maxCount = 1<<63 - 1
