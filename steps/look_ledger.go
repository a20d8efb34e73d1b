package steps

import (
	"fmt"
	"slices"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// spreadTime is how long senders that look daily take to hold a new policy, beyond
// the record's TTL.
const spreadTime = 72 * time.Hour

// newest is the last policy that belay announced and saw live.
func (k *look) newest() (rollout.LedgerEntry, int, bool) {
	for i, e := range slices.Backward(k.ledger) {
		if len(e.IDs) > 0 && !e.Live.IsZero() && !e.Assumed {
			return e, i, true
		}
	}
	return rollout.LedgerEntry{}, 0, false
}

// judgeID compares the live id and one body that is served with what the ledger
// says was announced together.
func (k *look) judgeID(body string) []finding.Finding {
	id := k.e.Record.ID
	newest, latest, ours := k.newest()
	if id == "" || !ours {
		return nil
	}
	name := mtasts.RecordName(k.domain)
	announced := slices.IndexFunc(k.ledger, func(e rollout.LedgerEntry) bool { return slices.Contains(e.IDs, id) })
	served, coming := -1, false
	for i, e := range k.ledger {
		if !rollout.Body(e.Body).SamePolicy(rollout.Body(body)) {
			continue
		}
		served = i
		if slices.Contains(e.IDs, id) {
			announced = i
			break
		}
		coming = coming || len(e.IDs) == 0 && e.Until.IsZero() && !e.Assumed
	}
	again := finding.New("T07", name, "the id "+id+" was announced before; the last one was "+newest.IDs[len(newest.IDs)-1])
	switch {
	case announced < 0:
		fs := []finding.Finding{finding.New("T09", name, "the id "+id+" is not one that belay published")}
		if served == latest {
			fs = append(fs, finding.New("T05", name, "the id is "+id+" now, and the policy is the one announced as "+newest.IDs[len(newest.IDs)-1]))
		}
		return fs
	case announced == served && announced < latest:
		return []finding.Finding{again}
	case announced == served:
		return nil
	case coming:
		return []finding.Finding{finding.New("O10", name, "the policy is served already and the id "+id+" of the one before is still announced")}
	case served >= 0 && served < announced:
		return []finding.Finding{finding.New("T06", name, "the id "+id+" announces a policy that is not served yet: the one before it is")}
	}
	fs := []finding.Finding{finding.New("T04", name, "the id "+id+" was announced with another policy than the one served now")}
	if announced < latest {
		fs = append(fs, again)
	}
	return fs
}

// judgeLedger says what the world means to senders that hold what the ledger says
// they may.
func (k *look) judgeLedger(names namesSeen, policy []finding.Finding) {
	newest, latest, ours := k.newest()
	if !ours {
		return
	}
	if k.e.Policy.Agree && k.e.Policy.Body != "" && !k.ledger.Served(k.e.Policy.Body) {
		k.conclude(finding.New("O07", k.e.Policy.URL, "the policy is none that belay served: "+finding.Quote(rollout.Body(k.e.Policy.Body).String(), 200)))
	}
	k.judgeLeaving(newest, names)
	k.judgeHolders()
	k.judgeRenamed(newest)
	if newest.Mode != mtasts.None {
		k.judgeHostNow(policy)
	}
	if newest.Mode == mtasts.Enforce && newest.MaxAge > 7*86400 && latest > 0 && k.ledger[latest-1].Mode == mtasts.Testing {
		k.conclude(finding.New("E07", k.e.Policy.URL, fmt.Sprintf("the policy went from testing to enforce and a max_age of %d in one step", newest.MaxAge)))
	}
}

// judgeLeaving says whether record or host went while senders still hold a policy.
func (k *look) judgeLeaving(newest rollout.LedgerEntry, names namesSeen) {
	now := k.view.Now()
	until := k.ledger.HeldUntil(now)
	var gone string
	switch {
	case names.record.Last.Answered() && names.record.Err == nil && k.e.Record.Raw == "":
		gone = mtasts.RecordName(k.domain)
	case names.host.answered() && errorsOf(names.host) == nil && len(names.host.addresses) == 0:
		gone = mtasts.PolicyHost(k.domain)
	}
	if gone == "" || !until.After(now) {
		return
	}
	held := "may hold a policy until " + until.UTC().Format(time.RFC3339)
	if newest.Mode == mtasts.None {
		k.conclude(finding.New("O04", gone, gone+" is gone, and senders that missed the last policy "+held))
		return
	}
	if slices.ContainsFunc(k.ledger, func(e rollout.LedgerEntry) bool {
		end, _ := e.HeldUntil(now)
		return e.Mode == mtasts.Enforce && end.After(now)
	}) {
		k.conclude(finding.New("O03", gone, gone+" is gone while the policy is enforced; senders "+held))
	}
}

// judgeHolders says for each MX host until when senders may hold an enforced policy
// that does not cover it.
func (k *look) judgeHolders() {
	now := k.view.Now()
	newest, _, _ := k.newest()
	for _, m := range k.e.MX {
		var until time.Time
		for _, e := range k.ledger {
			if _, covered := e.Policy().Matches(m.Host); e.Mode != mtasts.Enforce || covered || e.Assumed {
				continue
			}
			if end, _ := e.HeldUntil(now); end.After(until) {
				until = end
			}
		}
		if !until.After(now) {
			continue
		}
		f := finding.New("O01", m.Host, fmt.Sprintf("senders that hold an enforced policy without %s refuse it, some until %s", m.Host, until.UTC().Format(time.RFC3339)))
		_, covered := k.e.Policy.Policy.Matches(m.Host)
		if advised := newest.Announced.Add(seconds(k.e.Record.TTL) + spreadTime); covered {
			f = f.As(finding.Warn)
			if now.After(advised) {
				f = f.As(finding.Info)
			}
			f = f.Mend("The policy covers the host by now: keep the other MX hosts running until that date.")
		}
		k.conclude(f)
	}
}

// judgeRenamed says whether MX hosts left DNS, or all of them changed their names.
func (k *look) judgeRenamed(newest rollout.LedgerEntry) {
	if len(k.e.MX) == 0 || k.view.Err() != nil {
		return
	}
	policy := newest.Policy()
	used := map[string]bool{}
	covered := 0
	for _, m := range k.e.MX {
		if pattern, ok := policy.Matches(m.Host); ok {
			covered++
			used[pattern] = true
		}
	}
	if covered == 0 && len(policy.MX) > 0 {
		k.conclude(finding.New("O06", k.domain, fmt.Sprintf("none of the MX hosts is one that the announced policy names: %s", k.e.MX[0].Host)))
		return
	}
	for _, pattern := range policy.MX {
		if !used[pattern] && !slices.ContainsFunc(k.e.MX, func(m rollout.MXHost) bool { return mtasts.Match(m.Host, pattern) }) {
			k.conclude(finding.New("O02", pattern, "no MX record names "+pattern+" any more"))
		}
	}
}

// judgeHostNow warns where the policy host fails or is about to.
func (k *look) judgeHostNow(policy []finding.Finding) {
	for _, f := range policy {
		if f.Severity == finding.Fail && f.Code[0] == 'H' || f.Code == "H10" {
			k.conclude(finding.New("O05", mtasts.PolicyHost(k.domain), "the policy host fails now, or is about to: "+f.Title))
			return
		}
	}
}
