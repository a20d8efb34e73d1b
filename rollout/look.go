package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"
)

// reportsFrom is the moment from which on report sums are read at now: as far back
// as a review reaches twice over, to see who stopped, and in any case as any gate
// looks, and a week more.
func (s Settings) reportsFrom(now time.Time) time.Time {
	longest := max(s.Soak.Testing, s.Soak.Silent, s.Soak.Enforce, s.Soak.BeforeRung(WeekMaxAge), s.Soak.BeforeRung(MonthMaxAge), s.Soak.BeforeRung(s.MaxAge))
	return now.Add(-max(2*ReviewDays*Day, longest+7*Day))
}

// List returns every rollout of the store, sorted by domain.
func (e *Engine) List(ctx context.Context) ([]Rollout, error) {
	domains, err := e.Store.Domains(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Rollout, 0, len(domains))
	for _, d := range domains {
		r, err := e.Load(ctx, d)
		if errors.Is(err, ErrNoRollout) {
			continue // forgotten since the list was read
		}
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// Load returns the rollout of domain as the store has it, without looking. It
// fails with ErrNoRollout where there is none.
func (e *Engine) Load(ctx context.Context, domain string) (Rollout, error) {
	journal, err := e.Store.Journal(ctx, domain)
	if err != nil {
		return Rollout{}, err
	}
	if len(journal) == 0 {
		return Rollout{}, fmt.Errorf("%s: %w; start one with belay new %s", domain, ErrNoRollout, domain)
	}
	r, err := Fold(domain, journal)
	if err != nil {
		return Rollout{}, err
	}
	return r, e.beside(ctx, &r)
}

// beside loads what stands beside the journal into r.
func (e *Engine) beside(ctx context.Context, r *Rollout) error {
	seen, ok, err := e.Store.Evidence(ctx, r.Domain)
	if err != nil {
		return err
	}
	if ok {
		r.Evidence = &seen
	}
	if r.History, err = e.Store.History(ctx, r.Domain); err != nil {
		return err
	}
	r.Certificate = e.certificate(ctx, *r)
	if r.Unread, err = e.unread(ctx, *r); err != nil {
		return err
	}
	r.Reports, err = e.Reports.ReportDays(ctx, r.Domain, r.Settings.reportsFrom(e.Clock.Now()))
	return err
}

// Check looks at domain, whether or not there is a rollout for it; where there
// is, the evidence is kept. It takes no lock.
func (e *Engine) Check(ctx context.Context, domain string, emit Sink) (Evidence, error) {
	r, err := e.Load(ctx, domain)
	if errors.Is(err, ErrNoRollout) {
		ctx, cancel := context.WithTimeout(ctx, lookFor)
		defer cancel()
		return e.Looker.Look(ctx, domain, nil, emit)
	}
	if err != nil {
		return Evidence{}, err
	}
	err = e.look(ctx, &r, nil, emit)
	if r.Evidence == nil {
		return Evidence{}, err
	}
	return *r.Evidence, err
}

// look looks at r's domain, reads what its providers hold where w is given, and
// keeps both. A look that was cut short is kept too and its error returned; one
// that began before belay's own last change is not, for it shows what is no more.
func (e *Engine) look(parent context.Context, r *Rollout, w Writer, emit Sink) error {
	looking, cancel := context.WithTimeout(parent, lookFor)
	defer cancel()
	seen, lookErr := e.Looker.Look(looking, r.Domain, r.Ledger, r.wording(emit))
	if seen.Domain == "" {
		return lookErr
	}
	seen.Findings = r.inOurWordsAll(seen.Findings)
	if w != nil {
		// A look that used up its time leaves enough for this.
		reading, done := context.WithTimeout(parent, holdFor)
		seen.Held, seen.Read = hold(reading, *r, seen, w), e.now()
		done()
		asking, asked := context.WithTimeout(parent, holdFor)
		seen.Targets = e.targets(asking, *r, seen, emit)
		asked()
	}
	keep := context.WithoutCancel(parent)
	if err := e.again(keep, r); err != nil {
		return err
	}
	if e.now().Before(r.Changed) {
		r.Changed = seen.At // the clock was set back: it cannot tell which came first
	}
	if w == nil && r.Evidence != nil {
		seen.Held, seen.Read, seen.Targets = r.Evidence.Held, r.Evidence.Read, r.Evidence.Targets
	}
	for _, f := range slices.Concat(r.Drifted(seen), r.LateRenewal(seen), r.certificateFindings(e.now())) {
		seen.Findings = append(seen.Findings, f)
		emit.Emit(Event{Kind: Concluded, Subject: f.Subject, Text: f.Title, Severity: f.Severity, Finding: &f})
	}
	if !seen.At.Before(r.Changed) {
		if err := e.Store.SaveEvidence(keep, seen); err != nil {
			return err
		}
	}
	if err := e.beside(keep, r); err != nil {
		return err
	}
	r.Evidence = &seen
	return lookErr
}

// again folds into r what another belay journaled while r was looked at: a look
// takes no lock, and must not be judged by what was live before it.
func (e *Engine) again(ctx context.Context, r *Rollout) error {
	journal, err := e.Store.Journal(ctx, r.Domain)
	if err != nil {
		return err
	}
	if len(journal) == 0 || journal[len(journal)-1].Seq == r.LastSeq {
		return nil
	}
	*r, err = Fold(r.Domain, journal)
	if err != nil {
		return err
	}
	return e.beside(ctx, r)
}

// hold reads what every place belay may write holds, through the providers.
func hold(ctx context.Context, r Rollout, seen Evidence, w Writer) []Held {
	places := []Edit{{Kind: Policy, Account: r.Settings.Host.String(), Name: mtasts.PolicyURL(r.Domain), Type: "policy"}}
	for _, q := range []struct{ name, typ string }{
		{mtasts.RecordName(r.Domain), "TXT"}, {mtasts.RecordName(r.Domain), "CNAME"},
		{tlsrpt.RecordName(r.Domain), "TXT"}, {tlsrpt.RecordName(r.Domain), "CNAME"},
		{mtasts.PolicyHost(r.Domain), "A"}, {mtasts.PolicyHost(r.Domain), "AAAA"}, {mtasts.PolicyHost(r.Domain), "CNAME"},
	} {
		places = append(places, Edit{Kind: Record, Account: r.Settings.DNS.String(), Zone: seen.Zone.Apex, Name: q.name, Type: q.typ})
	}
	if r.Settings.Host.WritesID() {
		places = append(places, Edit{Kind: RUA, Account: r.Settings.Host.String(), Name: tlsrpt.RecordName(r.Domain), Type: TypeRUA})
	}
	out := make([]Held, len(places))
	var reading sync.WaitGroup
	for i, place := range places {
		reading.Go(func() {
			held, err := w.Read(ctx, place)
			if err != nil {
				held = Held{Account: place.Account, Zone: place.Zone, Name: place.Name, Type: place.Type, Err: err.Error()}
			}
			out[i] = held
		})
	}
	reading.Wait()
	return out
}

// now is the engine's time, in UTC.
func (e *Engine) now() time.Time { return e.Clock.Now().UTC() }

// append journals entries of r in one durable commit and folds them into r.
func (e *Engine) append(ctx context.Context, r *Rollout, entries ...Entry) error {
	now := e.now()
	for i := range entries {
		entries[i].Domain, entries[i].At, entries[i].Who = r.Domain, now, e.Who
	}
	written, err := e.Store.Append(context.WithoutCancel(ctx), r.Domain, r.LastSeq, entries...)
	if err != nil {
		return err
	}
	for _, entry := range written {
		if err := r.take(entry); err != nil {
			return err
		}
		r.LastSeq, r.LastAt = entry.Seq, entry.At
	}
	return nil
}

// locked runs act with the domain's lock held and the rollout loaded anew under
// it.
func (e *Engine) locked(ctx context.Context, domain string, act func(r *Rollout) error) (err error) {
	release, err := e.Store.Lock(domain, e.Who)
	if err != nil {
		return err
	}
	defer func() {
		if failed := release(); err == nil {
			err = failed
		}
	}()
	r, err := e.Load(ctx, domain)
	if err != nil {
		return err
	}
	return act(&r)
}

// GateOf is the gate out of r's phase (or into its next rung), now.
func (e *Engine) GateOf(r Rollout) Gate { return e.gateOut(r, e.now()) }
