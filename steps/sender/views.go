package sender

import (
	"fmt"
	"slices"
	"time"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// Views are the views of e that senders have at now: of one that looks today, of
// one that enforces, tests or knows no policy, and of one for each older policy of
// the ledger that somebody may hold still. A domain without a rollout has no ledger.
func Views(e rollout.Evidence, l rollout.Ledger, now time.Time) []View {
	live, about := fetched(e)
	published := walk(e, live, answerOf(e, live))
	published.Name, published.About = Published, about
	views := []View{published}

	basis := "the policy that is served"
	named := live
	if named == nil || len(named.MX) == 0 {
		named = &mtasts.Policy{Version: mtasts.Version, MaxAge: 86400, MX: e.MXNames()}
		basis = "a policy that names exactly the MX hosts found"
	}
	for _, m := range []struct {
		name  Name
		mode  mtasts.Mode
		about string
	}{
		{Enforcing, mtasts.Enforce, "a sender that goes by " + basis + ", in enforce"},
		{Tester, mtasts.Testing, "a sender that goes by " + basis + ", in testing"},
	} {
		policy := *named
		policy.Mode = m.mode
		v := walk(e, &policy, answerTo(policy))
		v.Name, v.About = m.name, m.about
		views = append(views, v)
	}
	plain := walk(e, nil, answer{})
	plain.Name, plain.About = Plain, "a sender that knows no policy"
	views = append(views, plain)
	return append(views, cached(e, l, live, now)...)
}

// fetched is the policy that a sender gets today which holds none, and whose view
// that is; nil where it gets none. Where addresses serve different policies it is
// the one that asks most, because any of them may be met.
func fetched(e rollout.Evidence) (*mtasts.Policy, string) {
	switch {
	case e.Record.Raw == "":
		return nil, "a sender that looks today: no _mta-sts record says that there is a policy"
	case !slices.ContainsFunc(announcements(e), announces):
		return nil, "a sender that looks today: the _mta-sts record is not valid, which counts as none"
	}
	policies := served(e.Policy)
	if len(policies) == 0 {
		return nil, "a sender that looks today: the policy that id " + e.Record.ID + " announces cannot be fetched or is not valid, which counts as none"
	}
	strictest := slices.MaxFunc(policies, func(a, b mtasts.Policy) int { return strictness(a) - strictness(b) })
	about := fmt.Sprintf("a sender that looks today: policy %s, mode %s", e.Record.ID, strictest.Mode)
	if len(policies) > 1 {
		about += ", the strictest of those that the addresses serve"
	}
	return &strictest, about
}

// announces reports whether a set of records announces a policy (RFC 8461 3.1).
// Where the name servers disagree, one that does is enough: some senders meet it.
func announces(records []string) bool {
	_, raw, faults := mtasts.ParseRRset(records)
	return raw != "" && mtasts.Usable(faults)
}

// served are the valid policies that the addresses of the policy host serve, each
// once.
func served(p rollout.PolicySeen) []mtasts.Policy {
	bodies := []string{}
	if p.Valid {
		bodies = append(bodies, p.Body)
	}
	for _, a := range p.Addresses {
		if a.Answered && a.Err == "" {
			bodies = append(bodies, a.Body)
		}
	}
	var out []mtasts.Policy
	for _, body := range bodies {
		policy, faults := mtasts.ParsePolicy([]byte(body))
		if mtasts.Usable(faults) && !slices.ContainsFunc(out, policy.Equal) {
			out = append(out, policy)
		}
	}
	return out
}

func strictness(p mtasts.Policy) int {
	return slices.Index([]mtasts.Mode{mtasts.None, mtasts.Testing, mtasts.Enforce}, p.Mode)
}

// cached are the views of senders that hold an older policy, the newest first.
func cached(e rollout.Evidence, l rollout.Ledger, live *mtasts.Policy, now time.Time) []View {
	var views []View
	for _, entry := range slices.Backward(l) {
		until, open := entry.HeldUntil(now)
		if entry.Mode == mtasts.None || !until.After(now) {
			continue
		}
		policy := entry.Policy()
		if live != nil && !entry.Assumed && policy.Equal(*live) && (open || slices.Contains(entry.IDs, e.Record.ID)) {
			continue // that is the policy of today
		}
		if entry.Assumed {
			views = append(views, View{Name: Cached, HeldUntil: until, Outcome: Unknown, Attempts: []Attempt{},
				About: "a sender that may hold a policy from before belay came",
				Why:   "nobody knows what that policy says"})
			continue
		}
		held, _ := answerFrom(entry.Body, "utf-8")
		v := walk(e, &policy, held)
		v.Name, v.IDs, v.HeldUntil = Cached, entry.IDs, until
		v.Renews = live != nil && !slices.Contains(entry.IDs, e.Record.ID)
		v.About = fmt.Sprintf("a sender that holds the policy %s, mode %s, ", lastOf(entry.IDs), entry.Mode) + renewal(e, v.Renews, live != nil)
		views = append(views, v)
	}
	return views
}

// renewal says how long a cached policy binds.
func renewal(e rollout.Evidence, renews, fetchable bool) string {
	switch {
	case renews && e.Record.TTL > 0:
		return fmt.Sprintf("until it sees the id %s; resolvers may answer the old one for %d s", e.Record.ID, e.Record.TTL)
	case renews:
		return "until it sees the id " + e.Record.ID
	case !fetchable:
		return "and keeps it to its end, because no new one can be fetched"
	}
	return "and keeps it to its end, because the id " + e.Record.ID + " tells it of nothing new"
}

func lastOf(ids []string) string {
	if len(ids) == 0 {
		return "(never announced)"
	}
	return ids[len(ids)-1]
}
