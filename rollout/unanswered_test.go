package rollout_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"belay/rollout"
)

// cutOff is a Looker whose first looks for an edit get no answer from anybody.
type cutOff struct {
	rollout.Looker
	looks int
	takes time.Duration // until such a look is given up
}

func (c *cutOff) See(ctx context.Context, e rollout.Edit, emit rollout.Sink) (rollout.Value, rollout.Evidence, error) {
	if c.looks > 0 {
		c.looks--
		_ = after(c.takes)(ctx)
		return rollout.Absent(), rollout.Evidence{Domain: domain}, errors.New("no name server of corp.test gives an answer")
	}
	return c.Looker.See(ctx, e, emit)
}

// While an edit is waited for, a look that nobody answers is as a server that lags:
// it is told, and the next look decides. Only where nobody answers until patience
// ends is that the end of the walk, with why.
func TestLookWithoutAnswerEndsNoWait(t *testing.T) {
	for _, tc := range []struct {
		shows string
		looks int
		fails bool
	}{{"the first look", 1, false}, {"some looks", 5, false}, {"every look", 1000, true}} {
		t.Run(tc.shows, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.engine.Patience = time.Minute
				r.create(hasty())
				r.to(rollout.PublishDNS)
				r.engine.Looker = &cutOff{Looker: r.box, looks: tc.looks}
				begun, told := time.Now(), 0
				p, err := r.engine.Next(ctx, domain, yes, func(ev rollout.Event) {
					if ev.Finding != nil && strings.Contains(ev.Text, "no name server of corp.test gives an answer") {
						told++
					}
				})
				switch {
				case told != 1:
					t.Errorf("it was told %d times", told)
				case tc.fails && (err == nil || !strings.Contains(err.Error(), "gives an answer") || time.Since(begun) < time.Minute):
					t.Errorf("after %s: %v", time.Since(begun), err)
				case !tc.fails && (err != nil || !p.Moved):
					t.Errorf("%v; %s", err, reasons(p.Gate))
				}
			})
		})
	}
}

// Where the first look took all of the patience there is no other one, and none is
// promised.
func TestNoLookIsPromisedThatIsNotMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.create(hasty())
		r.to(rollout.PublishDNS)
		r.engine.Looker = &cutOff{Looker: r.box, looks: 1, takes: rollout.Propagation}
		told := false
		_, err := r.engine.Next(ctx, domain, yes, func(ev rollout.Event) {
			told = told || ev.Finding != nil && strings.Contains(ev.Text, "belay looks again")
		})
		if err == nil || !strings.Contains(err.Error(), "gives an answer") || told {
			t.Errorf("%v; promised %v", err, told)
		}
	})
}
