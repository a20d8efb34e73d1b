package rollout

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Override writes down that the operator goes on in spite of the reasons that
// the gate lists now: where a plan that enforces or raises is due, the gate that
// led into the phase, else the one out of it. It returns that gate as it stands
// afterwards. It refuses where nothing is left that could be overridden, where the
// newest look is too old to say what the gate lists, or no reason is given.
func (e *Engine) Override(ctx context.Context, domain, reason string) (Gate, error) {
	return e.decision(ctx, domain, reason, func(r Rollout) (Entry, error) {
		over := Entry{Kind: Overrode}
		g := e.gateOut(r, e.now())
		if into, due := e.gateDue(r, e.now()); due && !into.Open {
			g, over.Phase, over.Aim = into, r.From, r.FromAim
		}
		for _, x := range g.Closed() {
			if x.Code == ReasonLook {
				return Entry{}, fmt.Errorf("override %s: %s, so nobody can say what there is to override; belay check %s looks: %w", domain, x.Text, domain, ErrRefused)
			}
			if !x.Final {
				over.Reasons = append(over.Reasons, x.Key())
			}
		}
		if len(over.Reasons) == 0 {
			return Entry{}, fmt.Errorf("override %s: the gate has no reason that can be overridden: %w", domain, ErrRefused)
		}
		return over, nil
	})
}

// gateDue is the gate that led in, where the plan that is due enforces or raises;
// due is false where none such is.
func (e *Engine) gateDue(r Rollout, now time.Time) (g Gate, due bool) {
	plan, err := Plan{}, error(nil)
	if busy, ok := r.Unfinished(); ok && !busy.Outdated {
		plan = busy.Plan
	} else if r.Evidence != nil && len(r.Drifted(*r.Evidence)) == 0 {
		plan, err = e.planNext(r, now)
	}
	if err != nil || !r.raises(plan) {
		return Gate{}, false
	}
	return e.gateInto(r, plan, now), true
}

// Mended writes down that what failed was mended at that moment, which must not
// lie ahead. The clean time starts anew there.
func (e *Engine) Mended(ctx context.Context, domain string, at time.Time, reason string) (Gate, error) {
	return e.decision(ctx, domain, firstOf(reason, "mended"), func(r Rollout) (Entry, error) {
		if at.IsZero() {
			at = e.now()
		}
		if at.After(e.now()) {
			return Entry{}, fmt.Errorf("mended %s: %s lies ahead; say when it was mended: %w", domain, stamp(at), ErrRefused)
		}
		return Entry{Kind: Mended, MendedAt: at.UTC()}, nil
	})
}

// Dismiss sets a reported failure aside for 30 days. key is reporter/type/mx as
// reports show prints it.
func (e *Engine) Dismiss(ctx context.Context, domain, key, reason string) (Gate, error) {
	return e.decision(ctx, domain, reason, func(r Rollout) (Entry, error) {
		if strings.TrimSpace(key) == "" {
			return Entry{}, fmt.Errorf("dismiss for %s: name the failure as reports show prints it: reporter/type/mx: %w", domain, ErrRefused)
		}
		return Entry{Kind: Dismissed, Key: key}, nil
	})
}

// Trust writes down that source is believed: a DKIM domain becomes a known
// reporter; the unsigned reports of an inbox or path count.
func (e *Engine) Trust(ctx context.Context, domain, source, reason string) (Gate, error) {
	return e.decision(ctx, domain, reason, func(r Rollout) (Entry, error) {
		if strings.TrimSpace(source) == "" {
			return Entry{}, fmt.Errorf("trust for %s: name a DKIM domain, an inbox or a path: %w", domain, ErrRefused)
		}
		return Entry{Kind: Trusted, Key: source}, nil
	})
}

// decision journals one decision of the operator and returns the gate after it.
func (e *Engine) decision(ctx context.Context, domain, reason string, entry func(Rollout) (Entry, error)) (Gate, error) {
	if strings.TrimSpace(reason) == "" {
		return Gate{}, fmt.Errorf("%s: a decision needs a reason; it stands in the journal for ever: %w", domain, ErrRefused)
	}
	var g Gate
	err := e.locked(ctx, domain, func(r *Rollout) error {
		x, err := entry(*r)
		if err != nil {
			return err
		}
		x.Reason = reason
		if err := e.append(ctx, r, x); err != nil {
			return err
		}
		g = e.gateOut(*r, e.now())
		if into, due := e.gateDue(*r, e.now()); due && x.Phase != "" {
			g = into
		}
		return nil
	})
	return g, err
}
