package tui

import (
	"strings"
	"testing"

	"belay/rollout"
	"belay/rollout/finding"
)

// Whatever a stranger writes, the window keeps its size and no control character
// reaches it; drive checks both after every message.
func TestForeignTextCannotBreakTheLayout(t *testing.T) {
	for name, text := range map[string]string{
		"long":      strings.Repeat("x", 5000),
		"lines":     strings.Repeat("a\nb\r\n", 200),
		"escapes":   "\x1b[2J\x1b]0;owned\a\x1bc" + strings.Repeat("\x1b[31mred", 50),
		"wide":      strings.Repeat("漢字", 500),
		"combining": strings.Repeat("e\u0301", 500),
		"bidi":      "\u202eevil\u202c",
		"tabs":      "a\tb\tc\vd",
		"broken":    "\xff\xfe" + strings.Repeat("\x80", 100),
	} {
		t.Run(name, func(t *testing.T) {
			ev := badLook()
			ev.MX[0].Host, ev.MX[0].Addresses[0].Err = text, text
			ev.MX[0].Addresses[1].TLSVersion = text
			ev.MX[1].Addresses[0].Certificates[0].Issuer = text
			ev.Names[0].Name = text
			ev.Names[1].Sightings[0].Value = rollout.Records(text)
			ev.Policy.Addresses = []rollout.PolicyAddress{{IP: addr("192.0.2.1"), Answered: true, ContentType: text}, {IP: addr("192.0.2.2"), Err: text}}
			ev.Cut = text
			for i := range ev.Findings {
				ev.Findings[i].Title, ev.Findings[i].Fix, ev.Findings[i].Subject = text, text, text
			}
			r := published(rollout.ReviewReports, "testing", 86400)
			r.Evidence = &ev
			for i := range r.Reports {
				r.Reports[i].Signer, r.Reports[i].Submitter, r.Reports[i].PolicyText = text, text, text
				r.Reports[i].Failures = []rollout.FailureCount{{Type: "certificate-expired", MX: text, Reason: text, Count: 3}}
			}
			r.Overrides = []rollout.Override{{Phase: rollout.CheckMX, Who: text, Reason: text}}
			gate := rollout.Gate{Reasons: []rollout.Reason{{Code: "x", Text: text, Fix: text}}, Counted: []string{text}}
			plan := hostPlan()
			plan.Edits[1].Before, plan.Edits[1].After, plan.Edits[1].Why = rollout.Records(text), rollout.Records(text, "a"), text
			plan.Notes = []string{text}
			e := standIn(r, gate, plan)
			e.progress = rollout.Progress{Edits: []rollout.EditOutcome{{Edit: plan.Edits[0], Outcome: rollout.Failed, Detail: text}}}
			e.events = []rollout.Event{
				{Kind: rollout.Asking, Subject: text},
				{Kind: rollout.Answered, Subject: text, Text: text, Severity: finding.Fail},
				{Kind: rollout.Concluded, Finding: &ev.Findings[0]},
			}
			for _, size := range sizes[:4] {
				d := drive(t, e, size.w, size.h, inCorp, inDemo)
				d.press("p", "end", "home", "enter", "esc", "e", "esc", "v", "enter", "esc", "end", "D", "esc", "esc", "l", "end", "esc")
				d.press("r", "a").typeIn("corp.test").press("enter", "o", "esc", "esc")
				d.press("c").typeIn("corp.test").press("enter", "end", "enter", "esc", "c")
			}
		})
	}
}

// A typed or pasted answer is shown within its line.
func TestALongAnswerStaysInItsField(t *testing.T) {
	d := drive(t, manyDomains(), 60, 16).press("n")
	d.send(keyed(strings.Repeat("long.", 2000) + "example\x1b[2J\n"))
	d.press("home", "right", "delete", "end", "backspace", "tab").sees("longer than 253 characters")
}
