package main

import (
	"slices"
	"strings"
)

// What an operator does with belay in the acceptance tests, and the JSON that the
// command line answers with. The shapes are written down here a second time on
// purpose: they are what scripts of others rely upon.

type gateSaid struct {
	Open    bool         `json:"open"`
	Reasons []reasonSaid `json:"reasons"`
}

type reasonSaid struct {
	Code, Subject, Text, Fix string
	Final                    bool
}

type statusSaid struct {
	Domain   string   `json:"domain"`
	Phase    string   `json:"phase"`
	Rung     uint32   `json:"rung"`
	Mode     string   `json:"mode"`
	PolicyID string   `json:"policy_id"`
	MaxAge   uint32   `json:"max_age"`
	Gate     gateSaid `json:"gate"`
}

type editSaid struct {
	Kind, Name, Type, Outcome string
	PolicyID                  string `json:"policy_id"`
}

type nextSaid struct {
	PhaseBefore string        `json:"phase_before"`
	Phase       string        `json:"phase"`
	Rung        uint32        `json:"rung"`
	Moved       bool          `json:"moved"`
	Gate        gateSaid      `json:"gate"`
	Edits       []editSaid    `json:"edits"`
	Findings    []findingSaid `json:"findings"`
}

type findingSaid struct{ Code, Severity, Subject, Title string }

type checkSaid struct {
	Domain, Verdict string
	Findings        []findingSaid
}

// begin starts the rollout: no clean time is asked for, nor any reporter, so that
// what holds a gate shut is never time.
func (b *testbed) begin(more ...string) statusSaid {
	b.Helper()
	host := b.host
	if host == "" {
		host = "webroot:" + b.webroot()
	}
	args := []string{"new", domain, "--json", "--dns", "rfc2136", "--host", host, "--rua", "mailto:tlsrpt@corp.test"}
	return said[statusSaid](b, b.does(0, append(append(args, atOnce...), more...)...))
}

// atOnce are the settings under which no gate waits for time or reporters.
var atOnce = []string{"--soak", "testing=0", "--soak", "silent=0", "--soak", "enforce=0", "--soak", "max-age=0", "--min-reporters", "0"}

// status is where belay says that the rollout stands.
func (b *testbed) status() statusSaid {
	b.Helper()
	return said[statusSaid](b, b.does(0, "status", domain, "--json"))
}

// stands asks belay where the rollout stands, which must be in this phase, and
// then every server whether that is so.
func (b *testbed) stands(phase string) statusSaid {
	b.Helper()
	s := b.status()
	if s.Phase != phase {
		b.Fatalf("status says phase %s, want %s", s.Phase, phase)
	}
	b.agrees(s)
	return s
}

// next takes one step, accepted by --yes, which must end with this exit status.
func (b *testbed) next(exit int, more ...string) nextSaid {
	b.Helper()
	return said[nextSaid](b, b.does(exit, append([]string{"next", domain, "--json", "--yes"}, more...)...))
}

// goesOn takes one step that must lead to this phase.
func (b *testbed) goesOn(phase string) nextSaid {
	b.Helper()
	n := b.next(0)
	if !n.Moved || n.Phase != phase || !n.Gate.Open && len(n.Gate.Reasons) == 0 {
		b.Fatalf("next should have moved to %s: %+v", phase, n)
	}
	return n
}

// arrives waits for a step that was started and waited for servers. Where its own
// patience ended first, it is taken up again, as an operator would.
func (b *testbed) arrives(step *background, phase string) nextSaid {
	b.Helper()
	n := said[nextSaid](b, step.end())
	if !n.Moved {
		n = b.next(0)
	}
	if !n.Moved || n.Phase != phase {
		b.Fatalf("next should have moved to %s: %+v", phase, n)
	}
	return n
}

// held takes a step that a closed gate must stop, for one reason at least with
// this code and subject. It returns that reason.
func (b *testbed) held(code, subject string) reasonSaid {
	b.Helper()
	n := b.next(1)
	if n.Moved {
		b.Fatalf("next moved to %s in spite of %s at %s", n.Phase, code, subject)
	}
	for _, e := range n.Edits {
		if e.Outcome == "applied" {
			b.Fatalf("next wrote %s %s in spite of %s at %s", e.Name, e.Type, code, subject)
		}
	}
	return b.closedBy(n.Gate, code, subject)
}

// closedBy looks for a reason in a gate, which must be closed.
func (b *testbed) closedBy(g gateSaid, code, subject string) reasonSaid {
	b.Helper()
	i := slices.IndexFunc(g.Reasons, func(r reasonSaid) bool { return r.Code == code && strings.HasPrefix(r.Subject, subject) })
	if g.Open || i < 0 {
		b.Fatalf("the gate should be closed by %s at %s: %+v", code, subject, g)
	}
	return g.Reasons[i]
}

// finds looks at the domain with check, which must find this and end with the
// exit status that goes with it. Looking changes nothing and disturbs nobody.
func (b *testbed) finds(code, subject string) findingSaid {
	b.Helper()
	ended := b.start("check", domain, "--json").end()
	look := said[checkSaid](b, ended)
	i := slices.IndexFunc(look.Findings, func(f findingSaid) bool {
		return f.Code == code && f.Severity != "pass" && strings.HasPrefix(f.Subject, subject)
	})
	if i < 0 || (ended.exit == 1) != (look.Verdict == "fail") || ended.exit > 1 {
		b.Fatalf("check should find %s at %s: %v", code, subject, ended)
	}
	return look.Findings[i]
}

// enforced takes the rollout to enforce, with max_age of a day.
func (b *testbed) enforced(more ...string) statusSaid {
	b.Helper()
	b.begin(more...)
	for _, phase := range []string{"publish-dns", "host-policy", "review-reports", "enforce", "raise-max-age"} {
		b.goesOn(phase)
	}
	s := b.stands("raise-max-age")
	if s.Mode != "enforce" || s.MaxAge != 86400 {
		b.Fatalf("want enforce for a day: %+v", s)
	}
	return s
}
