package rollout

import (
	"fmt"
	"slices"
	"strings"

	"belay/rollout/finding"
)

// notLive is the gate that an edit holds shut which is not seen everywhere yet: one
// reason, however many servers show something else.
func notLive(edit Edit, sightings []Sighting) Gate {
	r := Reason{Code: ReasonEdits, Subject: edit.Name, Final: true, Fix: "belay next looks again; nothing is written twice"}
	if edit.ByHand() {
		r.Fix = edit.HandFix()
	}
	place := strings.TrimSpace(edit.Name + " " + edit.Type)
	if said := otherwise(edit, sightings); said != "" {
		r.Text = place + ": " + said
	} else {
		r.Text = "no server that could be asked from here shows " + place
	}
	var g Gate
	g.Close(r)
	return g.Settle()
}

// HandFix is what removes the reason that an edit of the operator's (ByHand) is not
// live: he makes it, and belay looks and writes nothing.
func (e Edit) HandFix() string {
	if e.Kind == Policy {
		return "publish the body; belay next looks for it"
	}
	return "make the change where the zone is kept; belay next looks for it"
}

// otherwise says who shows something else than the edit leaves, and what: those of
// one answer together, and those who failed at the end.
func otherwise(edit Edit, sightings []Sighting) string {
	var have, failed []answer
	for _, s := range sightings {
		switch {
		case !s.Answered || edit.madeIn(s.Value):
		case s.Err != "":
			failed = gathered(failed, finding.Clean(s.Err, 200), s)
		default:
			have = gathered(have, shown(s.Value), s)
		}
	}
	var out []string
	for i, a := range have {
		verb := "has"
		if a.servers > 1 {
			verb = "have"
		}
		said := fmt.Sprintf("%s still %s %s", strings.Join(a.who, ", "), verb, a.said)
		if i == len(have)-1 {
			said += ", where " + shown(edit.After) + " is wanted"
		}
		out = append(out, said)
	}
	for _, a := range failed {
		out = append(out, strings.Join(a.who, ", ")+": "+a.said)
	}
	return strings.Join(out, "; ")
}

// answer is what several servers said alike.
type answer struct {
	said string
	// who are the servers, one entry a host with all its addresses.
	who []string
	// servers counts the addresses.
	servers int
}

// gathered is as with the server of s among those that said the same.
func gathered(as []answer, said string, s Sighting) []answer {
	at := slices.IndexFunc(as, func(a answer) bool { return a.said == said })
	if at < 0 {
		at, as = len(as), append(as, answer{said: said})
	}
	a, who := &as[at], fmt.Sprintf("%s [%s]", s.Where, s.IP)
	a.servers++
	if host := slices.IndexFunc(a.who, func(w string) bool { return sameHost(w, who) }); host >= 0 {
		a.who[host] = joined(a.who[host], who)
	} else {
		a.who = append(a.who, who)
	}
	return as
}
