package tui

import (
	"strings"
	"testing"
)

// Where reports go is suggested for the domain as soon as there is one: an answer that is
// used, is said to be a suggestion, follows the domain, and gives way to one that is typed.
func TestWhereReportsGoIsSuggestedAndSaidToBe(t *testing.T) {
	const suggested = "suggested, and used as it stands"
	for _, size := range sizes[:4] {
		t.Run(size.name, func(t *testing.T) {
			d := drive(t, manyDomains(), size.w, 60).press("n")
			d.sees("Reports to:            type an address that you read").seesNot(suggested)
			d.typeIn("new.example").press("tab").sees("mailto:tls-reports@new.example", suggested)
			d.press("shift+tab", "ctrl+u").typeIn("other.example").press("tab").sees("mailto:tls-reports@other.example", suggested).seesNot("@new.example")
			n := d.app.top().(*newRollout)
			n.at = n.rua
			n.rua.enter()
			d.press("ctrl+u").seesNot(suggested).sees("such as mailto:tls-reports@DOMAIN")
			d.typeIn("mailto:tls@corp.example").seesNot(suggested)
			n.at = n.domain
			n.domain.enter()
			d.press("ctrl+u").typeIn("new.example").press("tab").sees("mailto:tls@corp.example").seesNot("tls-reports@")
		})
	}
}

// In the demo the form is filled in for the lab's spare domain, so that it can be walked
// by tab alone; outside it is empty.
func TestTheFormIsFilledInForTheSpareDomainOfTheLab(t *testing.T) {
	e := manyDomains()
	d := drive(t, e, 80, 24, inDemo).press("esc", "n").sees("spare.test", "the lab's spare domain: tab goes through the answers")
	d.press("tab").sees("The lab's name servers take signed updates", "RFC 2136")
	for range 20 {
		if d.app.top().(*newRollout).at.do != nil {
			break
		}
		d.press("tab")
	}
	d.press("enter").sees("What was reached:").press("enter").did("create spare.test rfc2136 webroot:/tmp/belay-lab-x/web/spare.test [mailto:tlsrpt@spare.test]")
	s := e.rollouts["spare.test"].Settings
	if len(s.HostAddresses) != 2 || len(s.Inboxes) != 1 || strings.Join(s.Senders, " ") != "sender-one.test" || len(d.accounts.kept) > 0 {
		t.Errorf("it was started with %+v, and %q typed", s, d.accounts.kept)
	}
	drive(t, manyDomains(), 80, 24).press("n").sees("the part of your mail addresses behind the @").seesNot("spare.test")
}

// What the demo leaves behind is said before it is written.
func TestTheDemoSaysThatAnExportStays(t *testing.T) {
	d := reviewing(t, 80, 24).press("x").sees("A file of that name is replaced.").seesNot("demo").press("esc")
	d.app.lab = &fakeLab{}
	d.press("x").sees("It stays when the demo ends")
}
