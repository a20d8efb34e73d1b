package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/steps/probe"
)

// What a policy host may take for one fetch, in real time: some senders give up
// after two seconds, and all that matter after ten.
const (
	slowFetch    = 2 * time.Second
	tooSlowFetch = 10 * time.Second
)

// policyFound is what each address of the policy host served.
type policyFound struct {
	fetches []probe.Fetch
	// slow is true for an address that was slow three times running.
	slow []bool
	// older and plain are what each address does beside: TLS 1.2, plain HTTP.
	older []aside[probe.Glance]
	plain []aside[probe.PlainHTTP]
}

// policyFetched fetches the policy from every address that the authoritative
// servers give for the policy host.
func (k *look) policyFetched() policyFound {
	addresses, _, _ := k.view.SettleAddresses(k.zone, mtasts.PolicyHost(k.domain))
	seen := policyFound{fetches: make([]probe.Fetch, len(addresses)), slow: make([]bool, len(addresses))}
	host := mtasts.PolicyHost(k.domain)
	path := strings.TrimPrefix(mtasts.PolicyURL(k.domain), "https://"+host)
	var all sync.WaitGroup
	for i, ip := range addresses {
		seen.older = append(seen.older, beside(k.view, func() probe.Glance { return k.view.Older(host, ip) }))
		seen.plain = append(seen.plain, beside(k.view, func() probe.PlainHTTP { return k.view.Plain(host, ip, path) }))
		all.Go(func() {
			f := k.view.Fetch(k.domain, ip)
			seen.fetches[i] = f
			seen.slow[i] = f.Fate == probe.Served && f.Took > slowFetch && f.Took <= tooSlowFetch && k.view.StaysSlow(k.domain, ip, slowFetch)
		})
	}
	all.Wait()
	return seen
}

// announced reports whether senders are told of a policy: then its absence is a
// fault, before it is none.
func (k *look) announced() bool { return k.e.Record.Raw != "" || k.ours() }

// judgePolicy says what the policy host and the policy mean for mail.
func (k *look) judgePolicy(late context.Context, seen policyFound, names namesSeen) []finding.Finding {
	host := mtasts.PolicyHost(k.domain)
	for _, f := range seen.fetches {
		k.e.Policy.Addresses = append(k.e.Policy.Addresses, f.PolicyAddress)
	}
	if len(seen.fetches) == 0 {
		if err := errorsOf(names.host); err != nil {
			k.conclude(finding.New("H01", host, err.Error()))
		} else if names.host.answered() {
			f := finding.New("H01", host, host+" has neither an A nor an AAAA record")
			if !k.announced() {
				f = k.absent("H01", host, f.Title)
			}
			k.conclude(f)
			return []finding.Finding{f}
		}
		return nil
	}
	var fs []finding.Finding
	for i, f := range seen.fetches {
		fs = append(fs, k.judgeFetch(host, f, seen.slow[i], seen.fetches)...)
		fs = append(fs, judgeBeside(late, host, seen, i)...)
	}
	fs = append(fs, k.judgeBodies(seen.fetches)...)
	if !k.announced() {
		fs = beforeAnnounced(fs)
	}
	k.conclude(fs...)
	return fs
}

// judgeBeside says what an address of the policy host does beside serving the
// policy.
func judgeBeside(late context.Context, host string, seen policyFound, i int) []finding.Finding {
	f := seen.fetches[i]
	subject := probe.At(host, f.IP)
	var fs []finding.Finding
	older, met := seen.older[i].take(late)
	switch {
	case f.Fate == probe.FetchOldTLS:
		fs = append(fs, finding.New("H08", subject, "speaks nothing newer than "+f.TLSVersion))
	case met && older.Met && older.Why != "" && f.TLSVersion == "TLS 1.3":
		fs = append(fs, finding.New("H08", subject, "speaks TLS 1.3 only: a handshake in TLS 1.2 fails: "+older.Why))
	}
	if plain, ok := seen.plain[i].take(late); ok && plain.Status == 200 {
		fs = append(fs, finding.New("H14", subject, "also answers over plain HTTP"))
	}
	return fs
}

// errorsOf is why the policy host's name could not be followed.
func errorsOf(h hostRecords) error {
	if h.a.Err != nil {
		return h.a.Err
	}
	return h.aaaa.Err
}

// beforeAnnounced lowers what is said of a policy that no sender knows of: what
// is not there yet is information, what stands in its way a warning.
func beforeAnnounced(fs []finding.Finding) []finding.Finding {
	out := milder(fs, finding.Warn)
	for i, f := range out {
		switch f.Code {
		case "H02", "H05", "H17":
			out[i] = f.As(finding.Info)
			out[i].Unknown = false
		}
	}
	return out
}

// judgeFetch says what one address of the policy host showed.
func (k *look) judgeFetch(host string, f probe.Fetch, slow bool, all []probe.Fetch) []finding.Finding {
	subject := probe.At(host, f.IP)
	about := func(code finding.Code, format string, args ...any) finding.Finding {
		return finding.New(code, subject, fmt.Sprintf(format, args...))
	}
	var fs []finding.Finding
	switch f.Fate {
	case probe.FetchUnroutable:
		fs = append(fs, unknown(about("H17", "cannot be reached from here: no route to %s", familyOf(f.IP)).
			Because("This machine has no route to the address, so nothing is known about it.").
			Mend("Check it from a network that has "+familyOf(f.IP)+", or record in writing that it was checked elsewhere.")))
	case probe.FetchSilent:
		if !k.view.Reached(f.IP) && k.view.Control(f.IP, 443) == probe.Dark {
			fs = append(fs, unknown(about("H17", "no answer on port 443, and nothing else answers over %s either", familyOf(f.IP))))
		} else {
			fs = append(fs, about(serveCode(f, all), "no answer on port 443 within 10 s"))
		}
	case probe.FetchRefused:
		fs = append(fs, about(serveCode(f, all), "refuses the connection on port 443: %s", f.Said))
	case probe.FetchNoHandshake:
		fs = append(fs, about("H03", "TLS handshake fails: %s", f.Said))
	case probe.FetchOldTLS:
		fs = append(fs, about("H03", "speaks nothing newer than %s", f.TLSVersion))
	case probe.FetchBroken:
		fs = append(fs, about("H05", "gives no HTTP response that can be read: %s", f.Said))
	case probe.FetchRedirect:
		fs = append(fs, sentOn(host, subject, f))
	case probe.FetchStatus:
		fs = append(fs, turnedAway(host, subject, f))
	case probe.FetchTooLong:
		fs = append(fs, about("H12", "serves %s", f.Said))
	case probe.FetchWrongType:
		fs = append(fs, mislabelled(host, subject, f))
	}
	for _, flaw := range f.Flaws {
		switch {
		case flaw.Kind.Bars():
			fs = append(fs, badCertificate(host, subject, f, flaw))
		case flaw.Kind == probe.EndsSoon:
			fs = append(fs, endingSoon(about("H10", "%s", flaw.Text), f, k.e.At))
		default:
			fs = append(fs, about("H03", "%s", flaw.Text).As(finding.Warn))
		}
	}
	return append(fs, k.judgeManner(about, f, slow)...)
}

// judgeManner says what is odd about a response that came: its speed, its
// encoding, a cache before it, its clock.
func (k *look) judgeManner(about func(finding.Code, string, ...any) finding.Finding, f probe.Fetch, slow bool) []finding.Finding {
	var fs []finding.Finding
	switch {
	case !f.Answered:
		return nil
	case f.Took > tooSlowFetch:
		fs = append(fs, about("H07", "took %s for the policy", f.Took.Round(100*time.Millisecond)).As(finding.Fail))
	case slow:
		fs = append(fs, about("H07", "took longer than 2 s for the policy three times running").As(finding.Warn))
	}
	if charset := f.OddCharset(); charset != "" {
		fs = append(fs, about("H06", "labels the policy with the charset %s", finding.Quote(charset, 40)).As(finding.Warn).
			Because("ASCII text reads the same in it, but senders need know UTF-8 and US-ASCII only.").
			Mend("Serve it as text/plain; charset=utf-8."))
	}
	if f.Encoding != "" {
		fs = append(fs, about("H13", "encodes its answer as %s, though nobody asked for it", finding.Quote(f.Encoding, 40)))
	}
	if f.CacheFor > time.Hour {
		fs = append(fs, about("H11", "answers from a cache that keeps the policy for %s", f.CacheFor))
	}
	if skew := f.Date.Sub(k.e.At); !f.Date.IsZero() && skew.Abs() > 5*time.Minute {
		fs = append(fs, about("O09", "its clock and the one here differ by %s", skew.Abs().Round(time.Second)))
	}
	return fs
}

// serveCode is H02 where the other address family serves and this one does not,
// else H17.
func serveCode(f probe.Fetch, all []probe.Fetch) finding.Code {
	same, other := false, false
	for _, g := range all {
		switch {
		case !g.Fate.Answers():
		case g.IP.Unmap().Is4() == f.IP.Unmap().Is4():
			same = true
		default:
			other = true
		}
	}
	if other && !same {
		return "H02"
	}
	return "H17"
}

// judgeBodies compares what the addresses served and reads it as the strictest
// sender does.
func (k *look) judgeBodies(fetches []probe.Fetch) []finding.Finding {
	var bodies []string
	whole := true // every address that spoke HTTP served a policy
	for _, f := range fetches {
		switch {
		case f.Fate == probe.Served:
			if !slices.Contains(bodies, f.Body) {
				bodies = append(bodies, f.Body)
			}
		case f.Fate.Answers():
			whole = false
		}
	}
	if len(bodies) == 0 {
		return nil
	}
	url := k.e.Policy.URL
	var fs []finding.Finding
	if len(bodies) > 1 {
		fs = append(fs, finding.New("H09", mtasts.PolicyHost(k.domain), "its addresses serve different policies: "+whoServes(fetches)))
		if halfEnforced(bodies) {
			fs = append(fs, finding.New("E06", url, "one address serves a policy with mode enforce and another one without"))
		}
	}
	policy, faults := mtasts.ParsePolicy([]byte(bodies[0]))
	fs = append(fs, under(url, faults)...)
	if policy.MaxAge > mtasts.MaxAgeLimit {
		fs = append(fs, finding.New("A04", url, fmt.Sprintf("max_age is %d; %d, about a year, is the most there is", policy.MaxAge, mtasts.MaxAgeLimit)))
	}
	for _, body := range bodies {
		if off := k.judgeID(body); len(off) > 0 {
			fs = append(fs, off...)
			break
		}
	}
	k.e.Policy.Agree = whole && len(bodies) == 1
	k.e.Policy.Policy = policy
	if k.e.Policy.Agree {
		k.e.Policy.Body = bodies[0]
		k.e.Policy.Valid = mtasts.Usable(faults)
	}
	if !mtasts.Usable(faults) {
		return fs
	}
	fs = append(fs, k.judgeCover(policy)...)
	fs = append(fs, judgeTenants(url, policy)...)
	if finding.Worst(fs) != finding.Fail && k.e.Policy.Valid {
		fs = append(fs, fine("H05", url, fmt.Sprintf("%s serve one valid policy: mode %s, max_age %d",
			count(len(fetches), "address", "addresses"), policy.Mode, policy.MaxAge)))
	}
	return fs
}

// halfEnforced reports whether some of the bodies enforce and some do not.
func halfEnforced(bodies []string) bool {
	enforced := 0
	for _, body := range bodies {
		if policy, _ := mtasts.ParsePolicy([]byte(body)); policy.Mode == mtasts.Enforce {
			enforced++
		}
	}
	return enforced > 0 && enforced < len(bodies)
}

func whoServes(fetches []probe.Fetch) string {
	var told []string
	for _, f := range fetches {
		if f.Fate == probe.Served {
			told = append(told, fmt.Sprintf("%s serves %s", f.IP, finding.Quote(rollout.Body(f.Body).String(), 120)))
		}
	}
	return strings.Join(told, "; ")
}

// judgeCover compares the policy with the MX set.
func (k *look) judgeCover(policy mtasts.Policy) []finding.Finding {
	var fs []finding.Finding
	used := map[string]bool{}
	for i, m := range k.e.MX {
		for _, pattern := range policy.MX {
			if mtasts.Match(m.Host, pattern) {
				used[pattern] = true
				if k.e.MX[i].PolicyMatch == "" {
					k.e.MX[i].PolicyMatch = pattern
				}
			}
		}
		if k.e.MX[i].PolicyMatch == "" && policy.Mode != mtasts.None {
			fs = append(fs, finding.New("C07", m.Host, "no mx pattern of the policy covers "+m.Host))
		}
	}
	for _, pattern := range policy.MX {
		if !used[pattern] && len(k.e.MX) > 0 && k.view.Err() == nil {
			fs = append(fs, finding.New("C08", k.e.Policy.URL, "the pattern "+pattern+" covers none of the MX hosts"))
		}
	}
	return fs
}

// judgeTogether says what follows from several parts of the look.
func (k *look) judgeTogether() {
	k.conclude(judgeVendors(k.domain, k.e.MX)...)
	k.conclude(sharedCertificate(k.domain, k.e.MX)...)
	k.judgeOutlasting()
	failing := slices.ContainsFunc(k.e.MX, func(m rollout.MXHost) bool {
		return slices.ContainsFunc(m.Addresses, func(a rollout.MXAddress) bool { return a.Verdict == finding.Fail })
	})
	if !failing {
		return
	}
	for _, uri := range k.e.TLSRPT.RUA {
		if at, ok := strings.CutPrefix(strings.ToLower(uri), "mailto:"); ok && strings.HasSuffix(at, "@"+k.domain) {
			k.conclude(finding.New("R08", uri, "reports go to "+uri+", in the domain whose own MX hosts fail"))
		}
	}
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }
