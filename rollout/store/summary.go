package store

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// Bounds of what one report adds to the sums. Reports come from anybody; these
// keep a hostile one from filling the store, and far more than honest senders
// write fits in.
const (
	// mostSessions caps one count. Sums of capped counts stay far from the ends of
	// an int64 however many reports come.
	mostSessions = 1 << 36
	// mostFailures is how many different failures of one policy are kept apart;
	// what comes after is added up by type alone.
	mostFailures = 200
	// mostTypes bounds the types that a sender can make up.
	mostTypes = 32
	// mostPolicies is how many policies of one report are read.
	mostPolicies = 100
	mostName     = 255  // of a host, domain, signer or organisation, in bytes
	mostReason   = 200  // of a reason, in bytes
	mostText     = 8192 // of a policy text, in bytes
)

// share is what one report says about one domain: the part of it that is
// recognised, replaced and counted by itself.
type share struct {
	domain  string
	days    []rollout.ReportDay
	packed  []byte // the days, as packSums packs them
	content [sha256.Size]byte
}

// shares takes a report apart by policy domain. The policy domain of a TLSA
// policy is an MX host (RFC 8460 4.3 with RFC 7672 2.2); where the report names
// exactly one mail domain besides, that is whose it is. A policy without a domain
// stands under the empty one, which no rollout has: belay does not guess.
func shares(r rollout.ReceivedReport) []share {
	policies := r.Report.Policies[:min(len(r.Report.Policies), mostPolicies)]
	var mail []string
	for _, p := range policies {
		if p.Type != tlsrpt.TLSA && !slices.Contains(mail, p.Domain) {
			mail = append(mail, p.Domain)
		}
	}
	byDomain := map[string]*share{}
	for _, p := range policies {
		domain := p.Domain
		if p.Type == tlsrpt.TLSA && len(mail) == 1 {
			domain = mail[0]
		}
		domain = bounded(domain, mostName)
		if byDomain[domain] == nil {
			byDomain[domain] = &share{domain: domain}
		}
		sh := byDomain[domain]
		sh.days = merge(sh.days, dayOf(r, p))
	}
	if len(byDomain) == 0 {
		byDomain[""] = &share{}
	}
	out := make([]share, 0, len(byDomain))
	for _, sh := range byDomain {
		sh.packed = packSums(sh.days)
		sh.content = sha256.Sum256(sh.packed)
		out = append(out, *sh)
	}
	slices.SortFunc(out, func(a, b share) int { return cmp.Compare(a.domain, b.domain) })
	return out
}

// merge adds d to the line of its type and text: a report counts once there.
func merge(days []rollout.ReportDay, d rollout.ReportDay) []rollout.ReportDay {
	for i := range days {
		same := &days[i]
		if same.PolicyType != d.PolicyType || same.PolicyText != d.PolicyText {
			continue
		}
		same.Success = min(same.Success+d.Success, mostSessions)
		same.Failure = min(same.Failure+d.Failure, mostSessions)
		same.Unexplained = min(same.Unexplained+d.Unexplained, mostSessions)
		for _, f := range d.Failures {
			same.Failures = addFailure(same.Failures, f)
		}
		return days
	}
	return append(days, d)
}

// dayOf is what one policy of a report adds to the sums. Standing, signer and
// source are put in when it is added: a pending report gets them later.
func dayOf(r rollout.ReceivedReport, p tlsrpt.Policy) rollout.ReportDay {
	d := rollout.ReportDay{
		Begins:     r.Report.Start.UTC().Truncate(time.Second),
		Ends:       endOf(r.Report.End),
		Submitter:  bounded(r.Submitter, mostName),
		PolicyType: bounded(string(p.Type), mostName),
		PolicyText: bounded(strings.Join(p.Strings, "\n"), mostText),
		Reports:    1,
		Success:    counted(p.Successful),
		Failure:    counted(p.Failed),
	}
	var explained int64
	for _, f := range p.Failures {
		n := counted(f.Sessions)
		explained = min(explained+n, mostSessions)
		c := rollout.FailureCount{Type: tlsrpt.ResultType(bounded(string(f.Type), mostName)), MX: bounded(f.ReceivingMX, mostName), Reason: bounded(f.ReasonCode, mostReason), Count: n}
		if f.ReceivingIP.IsValid() {
			c.IP = bounded(f.ReceivingIP.String(), mostName)
		}
		d.Failures = addFailure(d.Failures, c)
	}
	d.Unexplained = max(0, d.Failure-explained)
	return d
}

// late notes in what a report adds to the sums how late it came, and whether it did
// so. An arrival before the end of the period, as clocks differ, is not late.
func late(days []rollout.ReportDay, arrived time.Time) bool {
	if arrived.IsZero() {
		return false
	}
	for i := range days {
		days[i].Timed, days[i].Late = 1, max(0, arrived.Unix()-days[i].Ends.Unix())
	}
	return true
}

// addFailure adds c to the failures of its kind.
func addFailure(fs []rollout.FailureCount, c rollout.FailureCount) []rollout.FailureCount {
	if len(fs) >= mostFailures {
		c.MX, c.IP, c.Reason = "", "", ""
	}
	if len(fs) >= mostFailures+mostTypes && !c.Type.Known() {
		c.Type = "other"
	}
	for i, f := range fs {
		if f.Type == c.Type && f.MX == c.MX && f.IP == c.IP && f.Reason == c.Reason {
			fs[i].Count = min(f.Count+c.Count, mostSessions)
			return fs
		}
	}
	return append(fs, c)
}

// endOf rounds the end of a period up to the next 00:00Z: senders write the last
// second of the day or the first of the next.
func endOf(t time.Time) time.Time {
	t = t.UTC()
	day := t.Truncate(rollout.Day)
	if t.Equal(day) {
		return day
	}
	return day.Add(rollout.Day)
}

func counted(n int64) int64 { return min(max(n, 0), mostSessions) }

// bounded is s cut to at most n bytes between two characters, without what no
// database and no screen wants: zero bytes and invalid UTF-8.
func bounded(s string, n int) string {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	// One "?" a run of invalid bytes never makes it longer.
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "?")
}

// contentOf is the digest of what a stored report says. Earlier versions took it over
// JSON: there it is made anew, or the same report would be another one.
func (s *Store) contentOf(r row) ([]byte, error) {
	if isPacked(r.summary) {
		return r.content, nil
	}
	days, err := s.unpackDays(r)
	if err != nil {
		return nil, err
	}
	for i := range days {
		days[i].Timed, days[i].Late = 0, 0 // when it came is nothing that it says
	}
	content := sha256.Sum256(packSums(days))
	return content[:], nil
}

func isPacked(summary []byte) bool { return len(summary) > 0 && summary[0] == packFormat }

// unpackDays is what a stored report added to the sums. Earlier versions wrote it as
// JSON.
func (s *Store) unpackDays(r row) ([]rollout.ReportDay, error) {
	const what = "unpack a report's sums"
	if isPacked(r.summary) {
		days, err := newUnpacker().unpack(nil, r.ends, r.summary)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		return days, nil
	}
	text, err := s.open.DecodeAll(r.summary, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	var days []rollout.ReportDay
	if err := json.Unmarshal(text, &days); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return days, nil
}
