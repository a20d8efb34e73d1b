package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"belay/rollout/finding"
	"belay/steps/sender"
)

// sendersShape is one domain in the shape of `check --as-sender --json`.
type sendersShape struct {
	Domain    string        `json:"domain"`
	CheckedAt time.Time     `json:"checked_at"`
	Views     []sender.View `json:"views"`
	// Error says why the look is not whole; it comes with exit status 2.
	Error string `json:"error,omitempty"`
}

// refused reports whether some sender would not deliver, Postfix among them.
func refused(views []sender.View) bool {
	return slices.ContainsFunc(views, func(v sender.View) bool {
		return v.Outcome == sender.Defer || v.Outcome == sender.Bounce || v.Postfix == sender.Defer
	})
}

func (p *program) printViews(l look, views []sender.View, more bool) error {
	if p.flags.json {
		shape := sendersShape{Domain: l.seen.Domain, CheckedAt: l.seen.At.UTC(), Views: views}
		for i := range views {
			views[i].HeldUntil = utc(views[i].HeldUntil)
		}
		if l.err != nil {
			shape.Error = finding.Clean(l.err.Error(), 500)
		}
		return p.printJSON(shape)
	}
	if more {
		p.say("")
	}
	p.say("%s, as senders meet it", shownDomain(l.seen.Domain))
	if l.err != nil {
		p.say("could not look at everything: %s", clean(l.err.Error()))
	}
	for _, v := range views {
		p.printView(v)
	}
	return nil
}

// printView prints one sender's view: what it would do, and at which MX host why.
func (p *program) printView(v sender.View) {
	p.say("")
	p.say("%s: %s%s", v.Name, outcome(v.Outcome), beside(v.Postfix))
	about := v.About
	if !v.HeldUntil.IsZero() {
		about += "; held until " + local(v.HeldUntil) + " at the latest"
	}
	p.paragraph(about, "  ", "  ")
	if v.PostfixWhy != "" {
		p.paragraph(postfixWay(v), "  ", "  ")
	}
	for _, a := range v.Attempts {
		p.say("  %5d  %s  %s%s", a.Preference, clean(a.Host), outcome(a.Outcome), beside(a.Postfix))
		if a.TLS != "" || a.Outcome != sender.Deliver {
			p.paragraph(hostLine(a), "         ", "         ")
		}
	}
	if len(v.Attempts) == 0 {
		p.paragraph(v.Why, "         ", "         ")
	}
}

// hostLine says how mail travels to a host and what is wrong with that.
func hostLine(a sender.Attempt) string {
	var told []string
	switch a.TLS {
	case sender.Verified:
		told = append(told, "over verified TLS")
	case sender.Unverified:
		told = append(told, "over TLS that is not verified")
	case sender.Clear:
		told = append(told, "in clear text")
	}
	if a.Why != sender.Fine {
		told = append(told, a.Why)
	}
	if len(a.Reports) > 0 {
		told = append(told, fmt.Sprintf("reported as %v", a.Reports[0]))
	}
	return strings.Join(told, "; ")
}

func outcome(o sender.Outcome) string {
	switch o {
	case sender.Deliver:
		return "would deliver"
	case sender.Defer:
		return "WOULD DEFER"
	case sender.Bounce:
		return "WOULD BOUNCE"
	}
	return "cannot be seen from here"
}

// postfixWay says to whom Postfix delivers, where that is not who takes the mail
// else, and why.
func postfixWay(v sender.View) string {
	if v.PostfixTo == "" {
		return v.PostfixWhy
	}
	return "Postfix with postfix-mta-sts-resolver delivers to " + v.PostfixTo + ": " + v.PostfixWhy
}

// beside says where Postfix does otherwise.
func beside(postfix sender.Outcome) string {
	if postfix == "" {
		return ""
	}
	return " (Postfix with postfix-mta-sts-resolver " + outcome(postfix) + ")"
}
