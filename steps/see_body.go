package steps

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/steps/probe"
)

// A policy that a person puts in its place by hand goes wrong in a few well-known
// ways: an editor adds a mark, an upload renames the file, a cache keeps the old
// text, the file lands on the web site beside the policy host. Each is told by its
// name while the body is waited for, and where the text stands instead.

// bodyMistakes are what is wrong with what appeared in the policy's place, beyond
// what judgeFetch says of every answer.
func (s *sight) bodyMistakes(fetches []probe.Fetch) []finding.Finding {
	if s.edit.Kind != rollout.Policy || !s.edit.After.Exists || rollout.Live(s.edit, s.e.Sightings) {
		return nil
	}
	var out []finding.Finding
	var judged []string
	missing := len(fetches) == 0
	for _, f := range fetches {
		switch f.Fate {
		case probe.Served:
			if !slices.Contains(judged, f.Body) {
				judged = append(judged, f.Body)
				out = append(out, s.wrongBody(f)...)
			}
		case probe.FetchUnroutable, probe.FetchSilent, probe.FetchCutOff:
		default:
			missing = true
		}
	}
	if missing && s.edit.ByHand() {
		out = append(out, s.strayBodies(fetches)...)
	}
	return out
}

// wrongBody says how a body that is served differs from the one that is wanted.
func (s *sight) wrongBody(f probe.Fetch) []finding.Finding {
	served, subject := rollout.Body(f.Body), probe.At(mtasts.PolicyHost(s.domain), f.IP)
	if served.SamePolicy(s.edit.After) {
		return nil
	}
	if s.edit.Before.Exists && served.SamePolicy(s.edit.Before) {
		if f.CacheFor == 0 {
			return nil // nothing was done yet, and nothing is wrong
		}
		return []finding.Finding{finding.New("H11", subject, fmt.Sprintf("still serves the old policy, out of a cache that took it %s ago", f.Age.Round(time.Second))).As(finding.Fail).
			Because("A cache before the host keeps what it has for " + f.CacheFor.String() + ".").
			Mend("Where the file is replaced already, purge the cache for " + s.edit.Name + "; turn it off there for good.")}
	}
	if f.Encoding != "" {
		return []finding.Finding{finding.New("H13", subject, "sends the policy encoded as "+finding.Quote(f.Encoding, 40)+", which nobody asked for").As(finding.Fail).
			Because("Senders take the octets as they come, and these are no policy.").
			Mend("Turn compression off for this path; where the file itself is compressed, put the plain text there.")}
	}
	policy, faults := mtasts.ParsePolicy([]byte(f.Body))
	if !mtasts.Usable(faults) {
		return s.unusableBody(f, faults)
	}
	want, _ := mtasts.ParsePolicy([]byte(s.edit.After.Body))
	title := "serves another policy than the one wanted: " + strings.Join(unlike(policy, want), "; ")
	at := finding.New("H09", subject, title).As(finding.Fail).Because("Senders would hold what is served, under the id of what was meant.")
	if len(policy.MX) > 0 && !slices.ContainsFunc(policy.MX, func(m string) bool { return slices.Contains(want.MX, m) }) {
		return []finding.Finding{at.Mend("This looks like the file of another domain: put the one for " + s.domain + " in its place.")}
	}
	return []finding.Finding{at.Mend("Replace the file by the text shown, as it is.")}
}

// mostFaults is how many faults of one text are told: a page that is no policy at
// all has one in every line.
const mostFaults = 3

// unusableBody names the faults of a text that senders drop.
func (s *sight) unusableBody(f probe.Fetch, faults []finding.Finding) []finding.Finding {
	var out []finding.Finding
	for _, fault := range faults {
		if fault.Severity == finding.Fail && len(out) < mostFaults {
			fault.Subject, fault.Line, fault.Column = probe.At(mtasts.PolicyHost(s.domain), f.IP), 0, 0
			out = append(out, fault)
		}
	}
	switch {
	case stockPage(f.Body) != "":
		out[0] = out[0].Mend("It is " + stockPage(f.Body) + ": set up a site for " + mtasts.PolicyHost(s.domain) + ", and reload the server.")
	case strings.HasPrefix(f.Body, "\x1f\x8b"):
		out[0] = out[0].Mend("Put the plain text there, not a compressed file.")
	case strings.HasPrefix(strings.TrimSpace(f.Body), "<"):
		out[0] = out[0].Mend("A web page answers: put the text itself there, saved as plain text.")
	case strings.HasPrefix(f.Body, "{\\rtf"):
		out[0] = out[0].Mend("A word processor wrote the file: save it as plain text.")
	case f.Body == "":
		out = append(out[:0], finding.New("C03", out[0].Subject, "serves an empty file").Mend("Put the text shown into it; the upload may have broken off."))
	}
	return out
}

// unlike says field by field how got differs from want.
func unlike(got, want mtasts.Policy) []string {
	var out []string
	if got.Mode != want.Mode {
		out = append(out, fmt.Sprintf("mode %s in place of %s", got.Mode, want.Mode))
	}
	if got.MaxAge != want.MaxAge {
		out = append(out, fmt.Sprintf("max_age %d in place of %d", got.MaxAge, want.MaxAge))
	}
	if lacks := beyond(want.MX, got.MX); len(lacks) > 0 {
		out = append(out, "without mx "+strings.Join(lacks, ", "))
	}
	if more := beyond(got.MX, want.MX); len(more) > 0 {
		out = append(out, "with mx "+strings.Join(more, ", "))
	}
	return out
}

// beyond are the patterns of a that b has not.
func beyond(a, b []string) []string {
	var out []string
	for _, x := range a {
		if !slices.ContainsFunc(b, func(y string) bool { return strings.EqualFold(x, y) }) {
			out = append(out, x)
		}
	}
	return out
}

// A strayPlace is where a policy is found that was put in the wrong place.
type strayPlace struct{ host, path, why string }

// strayPlaces are those places at the policy host itself, and on the web sites that
// its name is mistaken for.
func strayPlaces(domain string) (here, beside []strayPlace) {
	host := mtasts.PolicyHost(domain)
	path := policyPath(host)
	here = []strayPlace{
		{host, "/mta-sts.txt", "at the top of the site: the folder .well-known is missing, or was left out of the upload for the dot in its name"},
		{host, path + ".txt", "under a name with .txt twice: the editor or the upload added one"},
		{host, "/well-known/mta-sts.txt", "in a folder without the dot"},
		{host, "/.well-known/mta-sts", "under a name without .txt"},
		{host, "/.well-known" + path, "in a folder .well-known within .well-known: the server's root is that folder already"},
	}
	for _, site := range []string{domain, "www." + domain} {
		beside = append(beside, strayPlace{site, path, "on the web site of the domain, where no sender looks"})
	}
	return here, beside
}

// strayBodies looks for the wanted policy where it was put by mistake. One address
// of each name is asked: it is enough that it is there.
func (s *sight) strayBodies(fetches []probe.Fetch) []finding.Finding {
	here, beside := strayPlaces(s.domain)
	places := beside
	at := slices.IndexFunc(fetches, func(f probe.Fetch) bool { return f.Answered })
	if at >= 0 {
		places = slices.Concat(here, beside)
	}
	found := make([]bool, len(places))
	var asking sync.WaitGroup
	for i, p := range places {
		asking.Go(func() {
			var ip netip.Addr
			if p.host == mtasts.PolicyHost(s.domain) {
				ip = fetches[at].IP
			} else if addresses, err := s.view.ResolveAddresses(p.host); err == nil && len(addresses) > 0 {
				ip = addresses[0]
			} else {
				return
			}
			f := s.view.Mislaid(p.host, p.path, ip)
			found[i] = f.Status == 200 && rollout.Body(f.Body).SamePolicy(s.edit.After)
		})
	}
	asking.Wait()
	var out []finding.Finding
	for i, p := range places {
		if found[i] {
			out = append(out, finding.New("H05", "https://"+p.host+p.path, "the policy stands "+p.why).
				Mend("Put it at "+s.edit.Name+"."))
		}
	}
	return out
}
