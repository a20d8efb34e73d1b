package tui

import (
	"strings"

	"belay/providers"
)

// In the demo the form for a new rollout is filled in for the lab's spare domain: whoever
// tries it cannot guess the lab's names and folders.

// fillSpare answers the form's questions for the lab's spare domain, if there is one.
func (n *newRollout) fillSpare() {
	if n.lab == nil || n.lab.Spare().Domain == "" {
		return
	}
	s := n.lab.Spare()
	n.domain.field.set(s.Domain)
	n.domain.note = "the lab's spare domain: tab goes through the answers, which are the lab's"
	n.host.choice.pick("webroot")
	n.place.field.set(s.WebRoot)
	var at []string
	for _, a := range s.Addresses {
		at = append(at, a.String())
	}
	n.points.field.set(strings.Join(at, " "))
	n.rua.field.set(s.RUA)
	n.inbox.field.set(s.Inbox)
}

// atSpare reports whether the form is about the lab's spare domain.
func (n *newRollout) atSpare() bool {
	return n.lab != nil && n.lab.Spare().Domain != "" && n.lab.Spare().Domain == n.ascii()
}

// spareDetected takes the lab's word for who keeps its spare domain: its name servers
// are nobody's whom belay could recognise, and the login at them is known.
func (n *newRollout) spareDetected() {
	if p, ok := n.spareProvider(); ok {
		n.detection.Provider, n.detection.Missing = p.ID, nil
	}
}

// spareRecognised says so.
func (n *newRollout) spareRecognised() {
	if _, ok := n.spareProvider(); ok {
		n.recognised = "The lab's name servers take signed updates; their key is known here."
	}
}

// spareProvider is who keeps the lab's spare domain, while the form is about that.
func (n *newRollout) spareProvider() (providers.Provider, bool) {
	if !n.atSpare() {
		return providers.Provider{}, false
	}
	return providers.Lookup(providers.DNS, n.lab.Spare().DNS)
}
