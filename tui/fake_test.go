package tui

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// now is when every test takes place.
func now() time.Time { return time.Date(2026, 11, 21, 10, 15, 0, 0, time.UTC) }

type stoppedClock struct{ at time.Time }

func (c stoppedClock) Now() time.Time { return c.at }

// fakeEngine answers from what a test put into it and writes down what it was
// asked.
type fakeEngine struct {
	mu        sync.Mutex
	rollouts  map[string]rollout.Rollout
	gates     map[string]rollout.Gate
	proposals map[string]rollout.Proposal
	// own is what step back, undo and restore propose.
	own      rollout.Proposal
	progress rollout.Progress
	evidence rollout.Evidence
	events   []rollout.Event
	// waiting is what a look for the operator's own edits shows.
	waiting rollout.Gate
	// live, if set, is what a rollout that is created has to adopt.
	live *rollout.Adoption
	// fail, if set for an act, is how that act fails.
	fail  map[string]error
	calls []string
	// consent is what the last walk was given, and adopted the last adoption.
	consent rollout.Consent
	adopted rollout.AdoptConsent
	// hold, if set, is called by a walk before it ends.
	hold func(ctx context.Context)
}

func (f *fakeEngine) called(act string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, strings.TrimSpace(act+" "+strings.TrimSpace(fmt.Sprintln(args...))))
	return f.fail[act]
}

func (f *fakeEngine) did(act string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.calls, func(c string) bool { return strings.HasPrefix(c, act) })
}

func (f *fakeEngine) tell(emit rollout.Sink) {
	for _, ev := range f.events {
		emit.Emit(ev)
	}
}

func (f *fakeEngine) List(context.Context) ([]rollout.Rollout, error) {
	var out []rollout.Rollout
	for _, r := range f.rollouts {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b rollout.Rollout) int { return strings.Compare(a.Domain, b.Domain) })
	return out, f.called("list")
}

func (f *fakeEngine) Load(_ context.Context, domain string) (rollout.Rollout, error) {
	r, ok := f.rollouts[domain]
	if !ok {
		return r, fmt.Errorf("load %s: %w", domain, rollout.ErrNoRollout)
	}
	return r, f.fail["load"]
}

func (f *fakeEngine) Create(_ context.Context, domain string, s rollout.Settings, adopt rollout.AdoptConsent, emit rollout.Sink) (rollout.Rollout, error) {
	if err := f.called("create", domain, s.DNS, s.Host, s.RUA); err != nil {
		return rollout.Rollout{}, err
	}
	if f.live != nil && (adopt.Shown == nil || *adopt.Shown != *f.live) {
		return rollout.Rollout{}, &rollout.AdoptionError{Found: *f.live}
	}
	r := rollout.Rollout{Domain: domain, Settings: s, Phase: rollout.CheckMX, Since: now()}
	f.rollouts[domain], f.gates[domain] = r, closedGate()
	f.proposals[domain] = rollout.Proposal{Rollout: r, Evidence: badLook(), Gate: closedGate()}
	return r, nil
}

func (f *fakeEngine) Check(_ context.Context, domain string, emit rollout.Sink) (rollout.Evidence, error) {
	f.tell(emit)
	return f.evidence, f.called("check", domain)
}

func (f *fakeEngine) SeeWaiting(_ context.Context, domain string, emit rollout.Sink) (rollout.Gate, error) {
	f.tell(emit)
	return f.waiting, f.called("see-waiting", domain)
}

func (f *fakeEngine) GateOf(r rollout.Rollout) rollout.Gate { return f.gates[r.Domain] }

func (f *fakeEngine) Propose(_ context.Context, domain string, emit rollout.Sink) (rollout.Proposal, error) {
	f.tell(emit)
	return f.proposals[domain], f.called("propose", domain)
}

func (f *fakeEngine) walk(ctx context.Context, plan rollout.Plan, c rollout.Consent, emit rollout.Sink) (rollout.Progress, error) {
	f.consent = c
	for _, e := range plan.Edits {
		emit.Emit(rollout.Event{Kind: rollout.Applying, Edit: &e})
		emit.Emit(rollout.Event{Kind: rollout.Edited, Edit: &e, Receipt: &rollout.Receipt{EditID: e.ID, Outcome: rollout.Applied, Took: 100 * time.Millisecond}})
		emit.Emit(rollout.Event{Kind: rollout.Verifying, Edit: &e})
		emit.Emit(rollout.Event{Kind: rollout.Answered, Subject: "ns1.corp.test [192.0.2.53]", Text: "sees it", Severity: finding.Pass})
		emit.Emit(rollout.Event{Kind: rollout.BecameLive, Edit: &e})
	}
	if f.hold != nil {
		f.hold(ctx)
	}
	return f.progress, nil
}

func (f *fakeEngine) Next(ctx context.Context, domain string, c rollout.Consent, emit rollout.Sink) (rollout.Progress, error) {
	if err := f.called("next", domain); err != nil {
		return rollout.Progress{}, err
	}
	return f.walk(ctx, *c.Shown, c, emit)
}

func (f *fakeEngine) CarryOut(ctx context.Context, p rollout.Plan, c rollout.Consent, emit rollout.Sink) (rollout.Progress, error) {
	if err := f.called("carry-out", p.Purpose); err != nil {
		return rollout.Progress{}, err
	}
	return f.walk(ctx, p, c, emit)
}

func (f *fakeEngine) ProposeStepBack(_ context.Context, domain string, _ rollout.Sink) (rollout.Proposal, error) {
	return f.own, f.called("step-back", domain)
}

func (f *fakeEngine) ProposeUndo(_ context.Context, domain string, _ rollout.Sink) (rollout.Proposal, error) {
	return f.own, f.called("undo", domain)
}

func (f *fakeEngine) ProposeRestore(_ context.Context, domain string, _ rollout.Sink) (rollout.Proposal, error) {
	return f.own, f.called("restore", domain)
}

func (f *fakeEngine) Adopt(_ context.Context, domain, reason string, consent rollout.AdoptConsent, _ rollout.Sink) (rollout.Rollout, error) {
	f.adopted = consent
	return f.rollouts[domain], f.called("adopt", domain, reason)
}

func (f *fakeEngine) Override(_ context.Context, domain, reason string) (rollout.Gate, error) {
	return rollout.Gate{Open: true}, f.called("override", domain, reason)
}

func (f *fakeEngine) Mended(_ context.Context, domain string, at time.Time, reason string) (rollout.Gate, error) {
	return rollout.Gate{}, f.called("mended", domain, at.UTC().Format(time.RFC3339), reason)
}

func (f *fakeEngine) Dismiss(_ context.Context, domain, key, reason string) (rollout.Gate, error) {
	return rollout.Gate{}, f.called("dismiss", domain, key, reason)
}

func (f *fakeEngine) Trust(_ context.Context, domain, source, reason string) (rollout.Gate, error) {
	return rollout.Gate{}, f.called("trust", domain, source, reason)
}

// Journal makes the fake a Journal too.
func (f *fakeEngine) Journal(_ context.Context, domain string) ([]rollout.Entry, error) {
	plan := hostPlan()
	begun := rollout.DefaultSettings()
	begun.DNS, begun.Host = rollout.Account{Provider: "rfc2136"}, rollout.HostAccount{Kind: "webroot", Place: "/srv/www"}
	begun.RUA = []string{"mailto:tls@corp.test"}
	changed := begun
	changed.Soak.Testing, changed.MinReporters = 7*rollout.Day, 1
	return []rollout.Entry{
		{Seq: 1, At: now().AddDate(0, 0, -9), Who: "ada@bastion", Kind: rollout.Created, Settings: &begun},
		{Seq: 2, At: now().AddDate(0, 0, -8), Who: "ada@bastion", Kind: rollout.Accepted, Plan: &plan, PlanHash: plan.Hash()},
		{Seq: 3, At: now().AddDate(0, 0, -8), Who: "ada@bastion", Kind: rollout.Received, Receipt: &rollout.Receipt{EditID: "body", Outcome: rollout.Applied, Took: time.Second}},
		{Seq: 4, At: now().AddDate(0, 0, -8), Who: "ada@bastion", Kind: rollout.Moved, From: rollout.HostPolicy, Phase: rollout.ReviewReports},
		{Seq: 5, At: now().AddDate(0, 0, -7), Who: "ada@bastion", Kind: rollout.Set, Settings: &changed},
	}, f.fail["journal"]
}

// fakeAccounts knows one provider and one zone.
type fakeAccounts struct {
	kept []string
	fail error
}

func (f *fakeAccounts) Open(context.Context, string, rollout.Settings) (rollout.Writer, error) {
	return nil, fmt.Errorf("the wizard opens no account")
}

func (f *fakeAccounts) Detect(_ context.Context, domain string) (rollout.Detection, error) {
	if domain == "spare.test" { // the lab's: nobody's whom belay could recognise
		return rollout.Detection{Zone: domain, NameServers: []string{"ns1.corp.test", "ns2.corp.test"}, MX: []string{"mx1.corp.test"}}, nil
	}
	return rollout.Detection{Zone: domain, NameServers: []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"},
		Provider: "cloudflare", MX: []string{"mx1." + domain}, Missing: []string{"api_token"}}, nil
}

func (f *fakeAccounts) Try(_ context.Context, domain string, s rollout.Settings) (rollout.Trial, error) {
	if f.fail != nil {
		return rollout.Trial{}, f.fail
	}
	return rollout.Trial{Zone: domain, Lines: []string{"zone " + domain + " at " + s.DNS.String(), "directory " + s.Host.Place + " can be written"}}, nil
}

func (f *fakeAccounts) Keep(provider, account, field, value string) {
	f.kept = append(f.kept, rollout.Account{Provider: provider, Name: account}.String()+"/"+field+"="+value)
}

// fakeImporter finds what has come since it looked last, wherever it looks.
type fakeImporter struct {
	asked []string
	// come is how many reports have come.
	come int
	// hold, if set, is called by an import before it ends.
	hold func(ctx context.Context, tell func(rollout.ImportProgress))
	// broken is why an inbox cannot be read, and fail how an import fails.
	broken string
	fail   error
}

func (f *fakeImporter) Import(ctx context.Context, domain string, paths []string, tell func(rollout.ImportProgress)) (rollout.Intake, error) {
	f.asked = append(f.asked, paths...)
	if f.hold != nil {
		f.hold(ctx, tell)
	}
	in := rollout.Intake{Reports: 2, New: f.come, Duplicates: 2 - f.come, Verified: 2, Sources: []rollout.SourceIntake{{Source: paths[0], Error: f.broken}}}
	if f.come > 0 {
		in.Success, in.Failure = 5000, 3
	}
	f.come = 0
	return in, f.fail
}

// fakeLab is a lab with one fault.
type fakeLab struct {
	days  int
	fault Fault
}

func (f *fakeLab) Faults() []Fault { return []Fault{f.fault} }

func (f *fakeLab) Set(_ context.Context, id string, on bool) error {
	f.fault.On = on
	return nil
}

func (f *fakeLab) PassDay(context.Context) (string, error) {
	f.days++
	return "3 senders delivered 900 messages.", nil
}

func (f *fakeLab) Spare() Spare {
	return Spare{Domain: "spare.test", DNS: "rfc2136", WebRoot: "/tmp/belay-lab-x/web/spare.test",
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.20"), netip.MustParseAddr("2001:db8::20")},
		RUA:       "mailto:tlsrpt@spare.test", Inbox: "/tmp/belay-lab-x/inbox", Senders: []string{"sender-one.test"}}
}

func (f *fakeLab) Now() time.Time { return now().AddDate(0, 0, f.days) }

// The data that the screens are shown with.

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func leaf(left time.Duration) []rollout.Certificate {
	return []rollout.Certificate{{Issuer: "corp-ca", Subject: "mx", NotBefore: now().AddDate(0, -1, 0), NotAfter: now().Add(left)}}
}

// badLook is a look at corp.test with an expired certificate on mx2.
func badLook() rollout.Evidence {
	day := 24 * time.Hour
	ev := rollout.Evidence{
		Domain: "corp.test", At: now().Add(-time.Minute), Took: 412 * time.Millisecond,
		Zone: rollout.Zone{Apex: "corp.test", Exists: true},
		MX: []rollout.MXHost{
			{Host: "mx1.corp.test", Preference: 10, Addresses: []rollout.MXAddress{
				{IP: addr("192.0.2.11"), Reachable: true, STARTTLS: true, TLSVersion: "TLS 1.3", Verdict: finding.Pass, Certificates: leaf(71 * day), Took: 38 * time.Millisecond},
				{IP: addr("2001:db8::11"), Reachable: true, STARTTLS: true, TLSVersion: "TLS 1.3", Verdict: finding.Pass, Certificates: leaf(71 * day), Took: 41 * time.Millisecond},
			}},
			{Host: "mx2.corp.test", Preference: 20, Addresses: []rollout.MXAddress{
				{IP: addr("192.0.2.12"), Reachable: true, STARTTLS: true, TLSVersion: "TLS 1.3", Verdict: finding.Fail, Certificates: leaf(-3 * day), Took: 40 * time.Millisecond},
				{IP: addr("2001:db8::12"), NoRoute: true, Verdict: finding.Unknown},
			}},
		},
		Names: []rollout.NameSeen{
			{Name: "_mta-sts.corp.test", Type: "TXT", Sightings: []rollout.Sighting{{Where: "ns1.corp.test", Answered: true, Took: 9 * time.Millisecond}, {Where: "ns2.corp.test", Answered: true}}},
			{Name: "_smtp._tls.corp.test", Type: "TXT", Sightings: []rollout.Sighting{
				{Where: "ns1.corp.test", Answered: true, Value: rollout.Records("v=TLSRPTv1; rua=mailto:old@corp.test")},
				{Where: "ns2.corp.test", Answered: true, Value: rollout.Records("v=TLSRPTv1; rua=mailto:old@corp.test")}}},
		},
		Findings: []finding.Finding{
			{Code: "M20", Severity: finding.Info, Subject: "corp.test", Title: "DANE: no TLSA records; nothing to keep in step", Detail: "Senders that know DANE fall back to MTA-STS."},
			{Code: "M09", Severity: finding.Fail, Subject: "mx2.corp.test [192.0.2.12]", Title: "the certificate expired 3 days ago",
				Detail: "Senders that enforce would not deliver here.", Fix: "Renew it and reload the MTA; then look again.", Ref: "RFC 8461 4.2"},
			{Code: "M04", Severity: finding.Warn, Unknown: true, Subject: "mx2.corp.test [2001:db8::12]", Title: "no IPv6 route from here"},
		},
	}
	return ev
}

// goodLook is badLook with everything mended.
func goodLook() rollout.Evidence {
	ev := badLook()
	ev.Findings = ev.Findings[:1]
	for i := range ev.MX[1].Addresses {
		ev.MX[1].Addresses[i] = ev.MX[0].Addresses[i]
	}
	return ev
}

const body = "version: STSv1\r\nmode: testing\r\nmx: mx1.corp.test\r\nmx: mx2.corp.test\r\nmax_age: 86400\r\n"

// dnsPlan is phase 2's plan, hostPlan phase 3's.
func dnsPlan() rollout.Plan {
	return rollout.Plan{Domain: "corp.test", Phase: rollout.PublishDNS, Purpose: rollout.ForPhase, Edits: []rollout.Edit{
		{ID: "tlsrpt", Kind: rollout.Record, Account: "rfc2136", Zone: "corp.test", Name: "_smtp._tls.corp.test", Type: "TXT", TTL: 300,
			Before: rollout.Records("v=TLSRPTv1; rua=mailto:old@corp.test"), After: rollout.Records("v=TLSRPTv1; rua=mailto:old@corp.test,mailto:tls@corp.test"), Foreign: true,
			Why: "Senders report to the addresses here."},
		{ID: "host-a", Kind: rollout.Record, Account: "rfc2136", Zone: "corp.test", Name: "mta-sts.corp.test", Type: "A", TTL: 300, After: rollout.Records("192.0.2.20")},
	}, Notes: []string{"Forecast: _mta-sts.corp.test TXT follows in phase 3, when a body answers."}}
}

func hostPlan() rollout.Plan {
	return rollout.Plan{Domain: "corp.test", Phase: rollout.HostPolicy, Purpose: rollout.ForPhase, Rung: 86400, Edits: []rollout.Edit{
		{ID: "body", Kind: rollout.Policy, Account: "webroot:/srv/www", Name: mtasts.PolicyURL("corp.test"), Type: "policy", After: rollout.Body(body), PolicyID: "20261121T101500Z"},
		{ID: "txt", Kind: rollout.Record, Account: "rfc2136", Zone: "corp.test", Name: "_mta-sts.corp.test", Type: "TXT", TTL: 300, After: rollout.Records("v=STSv1; id=20261121T101500Z;"), Needs: []string{"body"}, PolicyID: "20261121T101500Z"},
	}}
}

// inPhase is corp.test in phase, with a look.
func inPhase(phase rollout.Phase, ev rollout.Evidence) rollout.Rollout {
	r := rollout.Rollout{Domain: "corp.test", Settings: rollout.DefaultSettings(), Created: now().AddDate(0, 0, -9), Phase: phase, Since: now().AddDate(0, 0, -9), Evidence: &ev}
	r.Settings.Inboxes = []string{"/var/mail/tls"}
	return r
}

// published is corp.test in phase with a live policy in mode.
func published(phase rollout.Phase, mode mtasts.Mode, maxAge uint32) rollout.Rollout {
	r := inPhase(phase, goodLook())
	r.Ledger = rollout.Ledger{{Hash: "x", Body: strings.Replace(body, "testing", string(mode), 1), IDs: []string{"20261112T101500Z"}, Mode: mode, MaxAge: maxAge,
		MX: []string{"mx1.corp.test", "mx2.corp.test"}, From: now().AddDate(0, 0, -9), Live: now().AddDate(0, 0, -9)}}
	made := rollout.EditState{Intended: now().AddDate(0, 0, -9), Received: now().AddDate(0, 0, -9), Verified: now().AddDate(0, 0, -9), Receipt: rollout.Receipt{Outcome: rollout.Applied}}
	r.Plans = []rollout.AcceptedPlan{{Plan: dnsPlan(), At: now().AddDate(0, 0, -9), Edits: map[string]rollout.EditState{"tlsrpt": made, "host-a": made}},
		{Plan: hostPlan(), At: now().AddDate(0, 0, -9)}}
	r.Reports = reportDays()
	return r
}

// reportDays are nine days of reports of three senders, one of which met an
// expired certificate, and some unsigned ones.
func reportDays() []rollout.ReportDay {
	var out []rollout.ReportDay
	for i := range 9 {
		day := time.Date(2026, 11, 12+i, 0, 0, 0, 0, time.UTC)
		for _, sender := range []string{"google.com", "microsoft.com"} {
			d := rollout.ReportDay{Begins: day, Ends: day.AddDate(0, 0, 1), Standing: rollout.Verified, Signer: sender, Submitter: sender,
				PolicyType: "sts", PolicyText: strings.ReplaceAll(strings.TrimSpace(body), "\r\n", "\n"), Reports: 1, Success: int64(1000 + 200*i)}
			if i < 2 {
				d.Failure = 18
				d.Failures = []rollout.FailureCount{{Type: tlsrpt.CertificateExpired, MX: "mx2.corp.test", Count: 18, Reason: "certificate has expired"}}
			}
			out = append(out, d)
		}
		out = append(out, rollout.ReportDay{Begins: day, Ends: day.AddDate(0, 0, 1), Standing: rollout.Unsigned, Submitter: "loud.example", PolicyType: "sts", Success: 100000})
	}
	return out
}

// closedGate is phase 1's gate over badLook; waitingGate phase 4's.
func closedGate() rollout.Gate {
	return rollout.Gate{Reasons: []rollout.Reason{{Code: "M09", Subject: "mx2.corp.test [192.0.2.12]", Text: "mx2.corp.test [192.0.2.12]: the certificate expired 3 days ago", Fix: "Renew it and reload the MTA"}}}
}

func waitingGate() rollout.Gate {
	until := now().AddDate(0, 0, 5)
	return rollout.Gate{Until: until, CleanSince: time.Date(2026, 11, 14, 0, 0, 0, 0, time.UTC), Counted: []string{"google.com", "microsoft.com"},
		Reasons: []rollout.Reason{{Code: rollout.ReasonSoak, Text: "clean since 12 Nov; 9 of 14 days", Until: until}}}
}

// standIn is an engine with corp.test in a phase.
func standIn(r rollout.Rollout, g rollout.Gate, plan rollout.Plan) *fakeEngine {
	return &fakeEngine{
		rollouts:  map[string]rollout.Rollout{r.Domain: r},
		gates:     map[string]rollout.Gate{r.Domain: g},
		proposals: map[string]rollout.Proposal{r.Domain: {Rollout: r, Evidence: *r.Evidence, Plan: plan, Gate: g}},
		evidence:  badLook(),
		fail:      map[string]error{},
	}
}
