package steps

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/steps/probe"
)

// A mistyped record is looked for while an operator's own change is waited for: a
// form takes what it is given, and what is wrong is then seen by nobody. Each
// mistake is a finding that names it and says what to correct.

// mistakes are what went wrong with the operator's edit, as far as the servers
// tell: in the value at the name itself, a type or an alias that stands in its
// place, or the record at a name like it. Of the names around it one server is
// asked: it is enough that it is there.
func (s *sight) mistakes(zone probe.Zone, a probe.Authority) []finding.Finding {
	if !s.edit.ByHand() || !s.edit.After.Exists || !a.Answered() || rollout.Live(s.edit, a.Sightings) {
		return nil
	}
	out := mistyped(s.edit, a.Union(), a.Zone)
	others := make([]probe.Authority, len(mistakenTypes(s.edit.Type)))
	places := slices.DeleteFunc(mislaid(s.domain, zone.Apex), func(p place) bool {
		return p.right != s.edit.Name
	})
	around := make([]probe.Authority, len(places))
	var asking sync.WaitGroup
	for i, typ := range mistakenTypes(s.edit.Type) {
		asking.Go(func() { others[i] = s.standing(zone, typ) })
	}
	for i, p := range places {
		asking.Go(func() { around[i] = s.view.First(zone, p.name, s.edit.Type) })
	}
	asking.Wait()
	for _, other := range others {
		out = append(out, s.wrongType(other)...)
	}
	for i, p := range places {
		for _, text := range around[i].Union() {
			if meant(s.edit, text) {
				out = append(out, p.strayed(text))
			}
		}
	}
	return out
}

// standing is what one server has at the edit's name itself: a wildcard's answer
// stands in nobody's way.
func (s *sight) standing(zone probe.Zone, typ string) probe.Authority {
	a := s.view.First(zone, s.edit.Name, typ)
	a.Sightings = slices.DeleteFunc(a.Sightings, func(g rollout.Sighting) bool { return s.view.ByWildcard(a, g) })
	return a
}

// mistakenTypes are the types that a form offers beside typ and that get its value,
// or stand in its way.
func mistakenTypes(typ string) []string {
	if typ == "TXT" {
		return []string{"CNAME", "SPF"}
	}
	return slices.DeleteFunc([]string{"CNAME", "A", "AAAA", "TXT"}, func(t string) bool { return t == typ })
}

// wrongType says that the value stands at the right name as another type, or that
// something stands there which DNS allows nothing beside.
func (s *sight) wrongType(other probe.Authority) []finding.Finding {
	name, typ := s.edit.Name, s.edit.Type
	var out []finding.Finding
	for _, value := range other.Union() {
		switch {
		case meant(s.edit, value):
			out = append(out, finding.New("D01", name, fmt.Sprintf("the value stands at %s as a record of type %s; it must be %s", name, other.Type, typ)).
				Because("Senders ask for the type "+typ+" and do not see it.").
				Mend(fmt.Sprintf("Delete the %s record and create the same value with the type %s.", other.Type, typ)))
		case other.Type == "CNAME":
			out = append(out, finding.New("D06", name, fmt.Sprintf("a CNAME at %s still leads to %s, and nothing beside it is answered", name, value)).
				Mend(fmt.Sprintf("Delete the CNAME at %s, then create the %s record.", name, typ)))
		case typ == "CNAME" && other.Type != "CNAME":
			out = append(out, finding.New("D06", name, fmt.Sprintf("a %s record still stands at %s, and a CNAME must stand alone", other.Type, name)).
				Mend(fmt.Sprintf("Delete the %s record at %s, then create the CNAME.", other.Type, name)))
		}
	}
	return out
}

// mistyped are the mistakes in values that stand at the right name with the right
// type: each flaw by its name, and an old record that was left beside the new one.
func mistyped(e rollout.Edit, values []string, apex string) []finding.Finding {
	var out []finding.Finding
	right := 0
	for _, value := range values {
		if slices.Contains(e.After.Records, value) {
			right++
			continue
		}
		if e.Type == "CNAME" && slices.Contains(e.After.Records, strings.TrimSuffix(value, "."+apex)) {
			out = append(out, finding.New("D04", e.Name, fmt.Sprintf("the CNAME leads to %s: the zone's name was appended to the target", value)).
				Because("That name does not exist.").
				Mend("Write the target with a dot at its end: "+strings.TrimSuffix(value, "."+apex)+"."))
			continue
		}
		if flaws := flawsOf(value); len(flaws) > 0 && meant(e, value) {
			out = append(out, finding.New("D03", e.Name, "the value has "+strings.Join(flaws, " and ")+": "+finding.Quote(value, 200)).
				Because("Senders read the value to the byte and do not know it so.").
				Mend("Write the value again without "+strings.Join(flaws, " and without ")+"."))
		}
	}
	for _, value := range values {
		if right == len(e.After.Records) && slices.Contains(e.Before.Records, value) && !slices.Contains(e.After.Records, value) {
			out = append(out, finding.New("D05", e.Name, "the old record still stands beside the new one: "+finding.Quote(value, 200)).
				Because("The change was added as a second record.").
				Mend("Delete the old record; the new one stays."))
		}
	}
	return out
}

// quotes are those that people and their programs put around a value.
const quotes = "\"'\u201c\u201d\u201e\u2018\u2019"

// flawsOf names what was typed along with a value and is no part of it.
func flawsOf(value string) []string {
	var out []string
	if strings.ContainsAny(value, quotes) {
		out = append(out, "quotes")
	}
	if strings.Contains(value, `\;`) {
		out = append(out, `a backslash before ;`)
	} else if strings.Contains(strings.ReplaceAll(value, `\"`, ""), `\`) {
		out = append(out, "a backslash")
	}
	if strings.TrimSpace(value) != value || strings.TrimSpace(strings.Trim(value, quotes)) != strings.Trim(value, quotes) {
		out = append(out, "spaces at its beginning or end")
	}
	return out
}

// meant reports whether value is what e is to leave behind, once what a hand typed
// along with it is taken away.
func meant(e rollout.Edit, value string) bool {
	bare := strings.ReplaceAll(value, `\`, "")
	for range 2 { // spaces within the quotes, and around them
		bare = strings.Trim(strings.TrimSpace(bare), quotes)
	}
	bare = strings.TrimSpace(bare)
	if e.Type != "TXT" {
		bare = strings.ToLower(strings.TrimSuffix(bare, "."))
	}
	if slices.Contains(e.After.Records, bare) {
		return true
	}
	return rollout.Live(e, []rollout.Sighting{{Answered: true, Value: rollout.Records(bare)}})
}
