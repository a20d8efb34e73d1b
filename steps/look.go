package steps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"
	"belay/steps/probe"
)

// Looker sees domains from outside, as the strictest sender would. It implements
// rollout.Looker, keeps nothing between two looks, and may be used by many
// goroutines at once.
type Looker struct{ world world.World }

// NewLooker makes a Looker that looks at w.
func NewLooker(w world.World) *Looker { return &Looker{world: w} }

var _ rollout.Looker = (*Looker)(nil)

// Look asks everything there is to ask about domain, each question once and all
// that is independent at once. domain is in the form that mtasts.Domain returns.
// The ledger tells which bodies belay announced; nil is a domain without a
// rollout. The sink is called by one goroutine at a time.
//
// The error says that the look could not be made or was ended by ctx; the
// evidence then holds what was seen so far, and its Cut says why there is no
// more. What is wrong with the domain is never an error but a finding.
func (l *Looker) Look(ctx context.Context, domain string, ledger rollout.Ledger, emit rollout.Sink) (rollout.Evidence, error) {
	watch := world.Start()
	v := probe.Open(ctx, l.world, emit)
	defer v.Close()
	k := &look{view: v, domain: domain, ledger: ledger}
	k.e = rollout.Evidence{
		Domain: domain, At: v.Now().UTC(), Names: []rollout.NameSeen{}, MX: []rollout.MXHost{},
		Zone: rollout.Zone{Servers: []rollout.NameServer{}}, TLSRPT: rollout.TLSRPTSeen{RUA: []string{}},
		Policy: rollout.PolicySeen{URL: mtasts.PolicyURL(domain), Addresses: []rollout.PolicyAddress{}},
	}
	k.findings = []finding.Finding{} // none is a list too, wherever it is printed

	err := k.everything()
	if ended := v.Err(); ended != nil {
		err = ended
	}
	k.e.Took = watch.Elapsed()
	k.e.Findings = inOrder(k.findings)
	if err != nil {
		k.e.Cut = cutReason(err, k.e.Took)
		return k.e, fmt.Errorf("look at %s: %w", domain, err)
	}
	return k.e, nil
}

// look is one look while it is made.
type look struct {
	view   *probe.View
	domain string
	ledger rollout.Ledger
	zone   probe.Zone
	e      rollout.Evidence

	mu       sync.Mutex
	findings []finding.Finding
}

// everything runs the parts of a look side by side. Each part writes its own
// fields of the evidence; what needs several parts is judged at the end.
func (k *look) everything() error {
	// The MX set as the resolvers have it is followed up before the zone is
	// found: most often it is the right one, and the sessions are the longest
	// way.
	k.view.Go(k.hurryMail)

	zone, err := k.view.Zone(k.domain)
	if err != nil {
		return err
	}
	k.zone = zone
	k.view.Wait(headStart)

	asked := k.askBeside()
	var mail mailSeen
	var names namesSeen
	var policy policyFound
	var parts sync.WaitGroup
	parts.Go(func() { k.servers() })
	parts.Go(func() { mail = k.mail() })
	parts.Go(func() { names = k.names() })
	parts.Go(func() { policy = k.policyFetched() })
	parts.Wait()
	late, stop := context.WithTimeout(context.Background(), grace)
	defer stop()
	// What was heard is judged even where the look was ended meanwhile; what was
	// not heard because of that is no finding.
	k.judgeMail(late, mail)
	k.judgeNames(names)
	onHost := k.judgePolicy(late, policy, names)
	k.judgeLedger(names, onHost)
	k.judgeTogether()
	k.judgeTTLs(names)
	k.judgeDestinations(late, names.reports)
	asked.judge(late, k, names)
	return nil
}

// askedBeside are the questions about the zone that are asked beside the others.
type askedBeside struct {
	wildcard   aside[wildcardSeen]
	subdomains aside[[]string]
	bogus      aside[[]netip.Addr]
	caa        aside[caaSeen]
}

func (k *look) askBeside() askedBeside {
	if k.zone.Missing {
		return askedBeside{}
	}
	return askedBeside{
		wildcard:   beside(k.view, k.wildcard),
		subdomains: beside(k.view, k.subdomains),
		bogus:      beside(k.view, func() []netip.Addr { return k.view.Bogus(k.zone.Apex) }),
		caa:        beside(k.view, k.caa),
	}
}

func (a askedBeside) judge(late context.Context, k *look, names namesSeen) {
	k.judgeWildcard(late, a.wildcard, names)
	k.judgeSubdomains(late, a.subdomains)
	k.judgeValidation(late, a.bogus)
	k.judgeCAA(late, a.caa)
}

// conclude keeps a finding and tells of it.
func (k *look) conclude(fs ...finding.Finding) {
	for _, f := range fs {
		k.mu.Lock()
		k.findings = append(k.findings, f)
		k.mu.Unlock()
		k.view.Emit(rollout.Event{Kind: rollout.Concluded, Subject: f.Subject, Text: f.Title, Severity: f.Severity, Finding: &f})
	}
}

// inOrder sorts findings as the rollout meets them: by chapter, then code, then
// subject, so that two looks at the same world tell the same in the same order.
func inOrder(fs []finding.Finding) []finding.Finding {
	const chapters = "PMRDHCTVEAO"
	chapter := func(f finding.Finding) int { return strings.IndexByte(chapters, f.Code[0]) }
	slices.SortStableFunc(fs, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(chapter(a), chapter(b)), cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Title, b.Title))
	})
	return fs
}

// cutReason says why a look is not whole.
func cutReason(err error, took time.Duration) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the look was ended by its deadline after %s", took.Round(100*time.Millisecond))
	case errors.Is(err, context.Canceled):
		return fmt.Sprintf("the look was called off after %s", took.Round(100*time.Millisecond))
	}
	return finding.Clean(err.Error(), 300)
}

// unknown marks a finding as what could not be seen from here: a warning that is
// no fault.
func unknown(f finding.Finding) finding.Finding {
	f = f.As(finding.Warn)
	f.Unknown = true
	return f
}

// under returns the findings of a parser as findings about subject.
func under(subject string, fs []finding.Finding) []finding.Finding {
	out := slices.Clone(fs)
	for i := range out {
		out[i].Subject = subject
		out[i].Line, out[i].Column = 0, 0 // places in a text are lint's
	}
	return out
}

// milder returns the findings with no severity above most.
func milder(fs []finding.Finding, most finding.Severity) []finding.Finding {
	out := slices.Clone(fs)
	for i, f := range out {
		if f.Severity.Worse(most) {
			out[i] = f.As(most)
		}
	}
	return out
}
