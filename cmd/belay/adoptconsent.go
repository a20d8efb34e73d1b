package main

import (
	"context"
	"fmt"
	"strings"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// adoptConsent shows what is live that belay did not publish and asks whether the
// rollout, which starts or has drifted, shall adopt it. The answer is no until the
// domain is typed, and where nobody can be asked.
func (p *program) adoptConsent(ctx context.Context, live *rollout.AdoptionError) (rollout.AdoptConsent, error) {
	if !p.canAsk() {
		return rollout.AdoptConsent{}, fmt.Errorf("%w; belay check %s shows what is live, --adopt adopts it", live, live.Found.Domain)
	}
	fmt.Fprintf(p.errs, "%s\nAdopt it? Type the domain to go on (anything else is no): ", strings.Join(shownAdoption(live), "\n"))
	typed, err := p.readLine(ctx)
	if err != nil {
		return rollout.AdoptConsent{}, err
	}
	if domain, _, err := mtasts.Domain(typed); err != nil || domain != live.Found.Domain {
		if live.Drift {
			return rollout.AdoptConsent{}, fmt.Errorf("what is live at %s was not adopted; nothing was done: %w", live.Found.Domain, rollout.ErrRefused)
		}
		return rollout.AdoptConsent{}, fmt.Errorf("what is live at %s was not adopted; nothing was started: %w", live.Found.Domain, rollout.ErrRefused)
	}
	return rollout.AdoptConsent{Given: true, Shown: &live.Found}, nil
}

// shownAdoption is what is live, in full, and where the rollout would start or go on.
func shownAdoption(live *rollout.AdoptionError) []string {
	a, then := live.Found, live.Found.Starts()
	lines := []string{fmt.Sprintf("%s has MTA-STS already, and belay did not publish it: %s.", shownDomain(a.Domain), a)}
	if live.Drift {
		then = a.GoesOn()
		lines = []string{fmt.Sprintf("What is live at %s is not what belay verified last: %s.", shownDomain(a.Domain), a)}
	}
	if a.Record != "" {
		lines = append(lines, "  "+mtasts.RecordName(a.Domain)+" TXT", "      "+clean(a.Record))
	}
	if a.Body != "" {
		lines = append(lines, "  "+mtasts.PolicyURL(a.Domain))
		for line := range strings.SplitSeq(strings.TrimRight(a.Body, "\r\n"), "\n") {
			lines = append(lines, "      "+clean(line))
		}
	}
	return append(lines, "Once adopted, "+then+".")
}
