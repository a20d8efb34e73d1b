package rollout

import "fmt"

// disagreements are the records of p of which the provider shows something else
// than every authoritative server answers: a change made there would not be seen,
// or would replace what nobody was shown. What a wildcard answers for a name that
// the provider does not have is none.
func disagreements(p Plan, seen Evidence) []Reason {
	var out []Reason
	for _, e := range p.Edits {
		asked, ok := seen.Name(e.Name, e.Type)
		if e.Kind != Record || !ok || asked.Alias != "" || e.ByHand() {
			continue
		}
		answer, agreed := Agreed(asked.Sightings)
		if !agreed || answer.Equal(e.Before) || e.madeIn(answer) {
			continue
		}
		if !e.Before.Exists && answer.Equal(seen.Zone.Wildcard[e.Type]) {
			continue
		}
		out = append(out, Reason{Code: "P03", Subject: e.Name + " " + e.Type, Final: true,
			Text: fmt.Sprintf("%s shows %s, and every authoritative server answers %s: %s", e.Account, shown(e.Before), shown(answer), Apart(e.Before, answer)),
			Fix:  "make the change where the copy that answers is kept; if it changed there just now, wait until the name servers have it and look again"})
	}
	return out
}

// Apart says, as the end of a sentence, what makes a provider show one value and
// every authoritative server answer another. That the zone is another account's,
// private, pending or not delegated is told before, by the account itself.
func Apart(held, answer Value) string {
	switch {
	case !held.Exists:
		return "something there answers for the name that its records do not show, such as an alias, a redirect or a proxied record; or DNS answers from another copy of the zone (split horizon)"
	case !answer.Exists:
		return "DNS answers from another copy of the zone than the account's, such as the public view beside an internal one (split horizon), or from one that was not brought up to date"
	}
	return "there are two copies of the zone, such as an internal and a public view (split horizon), or the name servers' copy was not brought up to date"
}
