package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Since is what changed in the world between the look that was stored last, at At,
// and the one after it.
type Since struct {
	At      time.Time `json:"at"`
	Changes []Change  `json:"changes"`
}

// Change is one thing that is not as an earlier look saw it.
type Change struct {
	// Severity is a new finding's own, finding.Unknown where it could not be seen,
	// Pass for what got better, Warn for what only an operator can have meant (the
	// MX set, the policy, its id) and Info else.
	Severity finding.Severity `json:"severity"`
	// Subject is what changed, as findings name it.
	Subject string `json:"subject"`
	// Text is a short sentence, foreign words in it cleaned; moments in it are in
	// UTC, as RFC 3339 has them.
	Text string `json:"text"`
}

// Changes says what after shows that before did not, the worst first. What one of
// the two could not see is no change: a look that was cut short has lost nothing,
// and what one that was cut short did not reach is not new. It is empty where
// nothing changed that matters, never nil.
func Changes(before, after Evidence) []Change {
	out := []Change{}
	add := func(s finding.Severity, subject, format string, args ...any) {
		out = append(out, Change{s, finding.Clean(subject, 300), finding.Clean(fmt.Sprintf(format, args...), 500)})
	}
	changedFindings(before, after, add)
	if before.sawAll(before.Domain, "MX") && after.sawAll(after.Domain, "MX") {
		changedMX(before, after, add)
	}
	record := mtasts.RecordName(after.Domain)
	if before.sawAll(record, "TXT") && after.sawAll(record, "TXT") {
		changedID(before.Record, after.Record, record, add)
	}
	if before.reachedHost() && after.reachedHost() {
		changedPolicy(before.Policy, after.Policy, mtasts.PolicyHost(after.Domain), add)
	}
	renewals(before, after, add)
	slices.SortStableFunc(out, func(a, b Change) int { return cmp.Compare(gravity(b.Severity), gravity(a.Severity)) })
	return out
}

// SinceLook is what after shows beside the look stored before it, nil where there
// was none, or the clock was set back since.
func SinceLook(before *Evidence, after Evidence) *Since {
	if before == nil || after.At.Before(before.At) {
		return nil
	}
	return &Since{At: before.At.UTC(), Changes: Changes(*before, after)}
}

// noting adds one change.
type noting func(s finding.Severity, subject, format string, args ...any)

// gravity orders severities with what could not be seen between warn and fail.
func gravity(s finding.Severity) int {
	return slices.Index([]finding.Severity{finding.Pass, finding.Info, finding.Warn, finding.Unknown, finding.Fail}, s)
}

// severityOf is a finding's severity, or unknown where it could not be seen.
func severityOf(f finding.Finding) finding.Severity {
	if f.Unknown {
		return finding.Unknown
	}
	return f.Severity
}

// sawAll reports whether a whole look has an answer to a question that its servers
// agree on.
func (e Evidence) sawAll(name, typ string) bool {
	if e.Cut != "" {
		return false
	}
	asked, ok := e.Name(name, typ)
	if !ok {
		return true
	}
	_, agreed := Agreed(asked.Sightings)
	return agreed
}

// reachedHost reports whether a whole look could tell what the policy host serves:
// not where no address of it has a route from here.
func (e Evidence) reachedHost() bool {
	return e.Cut == "" && (len(e.Policy.Addresses) == 0 ||
		slices.ContainsFunc(e.Policy.Addresses, func(a PolicyAddress) bool { return !a.NoRoute }))
}

// changedFindings tells of findings that matter and are new, gone or worse.
// Addresses of one host of which the same is said are told of together.
func changedFindings(before, after Evidence, add noting) {
	was, is := grave(before.Findings), grave(after.Findings)
	find := func(fs []finding.Finding, key string) (finding.Finding, bool) {
		i := slices.IndexFunc(fs, func(f finding.Finding) bool { return f.Key() == key })
		if i < 0 {
			return finding.Finding{}, false
		}
		return fs[i], true
	}
	var fresh, gone []finding.Finding
	for _, f := range is {
		old, known := find(was, f.Key())
		if !known && before.Cut == "" || known && gravity(severityOf(f)) > gravity(severityOf(old)) {
			fresh = append(fresh, f)
		}
	}
	for _, f := range was {
		if _, still := find(is, f.Key()); !still && after.Cut == "" {
			gone = append(gone, f)
		}
	}
	for _, f := range togetherByHost(fresh) {
		add(severityOf(f), f.Subject, "new: %s: %s", f.Subject, f.Title)
	}
	for _, f := range togetherByHost(gone) {
		add(finding.Pass, f.Subject, "gone: %s: %s", f.Subject, f.Title)
	}
}

// grave are the findings that fail, warn, or could not be seen.
func grave(fs []finding.Finding) []finding.Finding {
	return slices.DeleteFunc(slices.Clone(fs), func(f finding.Finding) bool {
		return gravity(severityOf(f)) < gravity(finding.Warn)
	})
}

// togetherByHost makes one finding of those that say the same of several addresses
// of a host.
func togetherByHost(fs []finding.Finding) []finding.Finding {
	var out []finding.Finding
	for _, f := range fs {
		at := slices.IndexFunc(out, func(o finding.Finding) bool {
			return o.Code == f.Code && severityOf(o) == severityOf(f) && o.Title == f.Title && sameHost(o.Subject, f.Subject)
		})
		if at < 0 {
			out = append(out, f)
			continue
		}
		out[at].Subject = joined(out[at].Subject, f.Subject)
	}
	return out
}

// changedMX tells of MX hosts that came or went.
func changedMX(before, after Evidence, add noting) {
	was, is := before.MXNames(), after.MXNames()
	for _, m := range after.MX {
		if !slices.Contains(was, m.Host) {
			add(finding.Warn, m.Host, "%s is an MX host now, preference %d", m.Host, m.Preference)
		}
	}
	for _, host := range was {
		if !slices.Contains(is, host) {
			add(finding.Warn, host, "%s is no MX host any more", host)
		}
	}
}

// changedID tells of another id in the _mta-sts record.
func changedID(was, is RecordSeen, record string, add noting) {
	switch {
	case was.ID == is.ID && was.Valid == is.Valid:
	case !is.Valid:
		add(finding.Warn, record, "%s announced id %s and announces none now", record, was.ID)
	case !was.Valid:
		add(finding.Warn, record, "%s announces id %s now", record, is.ID)
	default:
		add(finding.Warn, record, "%s announces id %s now, and announced %s", record, is.ID, was.ID)
	}
}

// changedPolicy tells of another policy at the policy host.
func changedPolicy(was, is PolicySeen, host string, add noting) {
	switch {
	case !was.Valid && !is.Valid:
		return
	case !is.Valid:
		add(finding.Warn, host, "%s served a valid policy in %s and serves none now", host, was.Policy.Mode)
		return
	case !was.Valid:
		add(finding.Warn, host, "%s serves a valid policy now: mode %s, max_age %d, mx %s", host, is.Policy.Mode, is.Policy.MaxAge, strings.Join(is.Policy.MX, " "))
		return
	}
	var said []string
	if was.Policy.Mode != is.Policy.Mode {
		said = append(said, fmt.Sprintf("mode %s, was %s", is.Policy.Mode, was.Policy.Mode))
	}
	if was.Policy.MaxAge != is.Policy.MaxAge {
		said = append(said, fmt.Sprintf("max_age %d, was %d", is.Policy.MaxAge, was.Policy.MaxAge))
	}
	mx := func(p mtasts.Policy) []string { return slices.Sorted(slices.Values(p.MX)) }
	if !slices.Equal(mx(was.Policy), mx(is.Policy)) {
		said = append(said, fmt.Sprintf("mx %s, was %s", strings.Join(is.Policy.MX, " "), strings.Join(was.Policy.MX, " ")))
	}
	if len(said) > 0 {
		add(finding.Warn, host, "%s serves another policy now: %s", host, strings.Join(said, "; "))
	}
}

// renewals tells of certificates that took the place of others at an MX host or at
// the policy host.
func renewals(before, after Evidence, add noting) {
	was, is := before.leaves(), after.leaves()
	for _, host := range after.certifiedHosts() {
		old := was[host]
		if len(old) == 0 {
			continue
		}
		seen := map[string]bool{}
		for _, c := range old {
			seen[c.Fingerprint] = true
		}
		for _, c := range is[host] {
			if seen[c.Fingerprint] {
				continue
			}
			seen[c.Fingerprint] = true
			longest := slices.MaxFunc(old, func(a, b metLeaf) int { return a.NotAfter.Compare(b.NotAfter) })
			if c.NotAfter.After(longest.NotAfter) && !after.refuses(c) {
				add(finding.Pass, host, "%s has renewed its certificate, good until %s", host, stamp(c.NotAfter))
			} else {
				add(finding.Info, host, "%s shows another certificate, good until %s", host, stamp(c.NotAfter))
			}
		}
	}
}

// certifiedHosts are the hosts that may show a certificate, in reading order.
func (e Evidence) certifiedHosts() []string { return append(e.MXNames(), mtasts.PolicyHost(e.Domain)) }

// leaves are the certificates that each host showed, by its name.
func (e Evidence) leaves() map[string][]metLeaf {
	out := map[string][]metLeaf{}
	for _, met := range certificates(e) {
		out[met.host] = append(out[met.host], met)
	}
	return out
}
