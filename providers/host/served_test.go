package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"belay/rollout"
	"belay/rollout/world"
)

// bodies is a store of one body, which can be made to refuse and to break.
type bodies struct {
	stands  rollout.Value
	refuses error // of Serve
	breaks  error // of Served
	servers []string
}

func (b *bodies) Served(context.Context, string) (rollout.Value, error) { return b.stands, b.breaks }

func (b *bodies) Serve(_ context.Context, domain string, before, after rollout.Value, _ time.Time) (rollout.Value, error) {
	switch {
	case domain != "corp.test":
		return rollout.Absent(), fmt.Errorf("asked for %s", domain)
	case b.refuses != nil:
		return b.stands, b.refuses
	case !b.stands.Equal(before):
		return b.stands, rollout.ErrStale
	}
	b.stands = after
	return after, nil
}

func (b *bodies) Servers(context.Context) ([]string, error) { return b.servers, b.breaks }

func TestServedApply(t *testing.T) {
	first, second := rollout.Body(testing1), rollout.Body(enforce1)
	same := rollout.Body(strings.ReplaceAll(enforce1, "\r\n", "\n"))
	for _, row := range []struct {
		name          string
		stands        bodies
		before, after rollout.Value
		want          rollout.Outcome
		left          rollout.Value
		is            error
	}{
		{"a first body", bodies{}, rollout.Absent(), first, rollout.Applied, first, nil},
		{"the next", bodies{stands: first}, first, second, rollout.Applied, second, nil},
		{"a second time", bodies{stands: second}, first, second, rollout.Found, second, nil},
		{"the same policy in other bytes", bodies{stands: same}, first, second, rollout.Found, same, nil},
		{"taken away", bodies{stands: first}, first, rollout.Absent(), rollout.Applied, rollout.Absent(), nil},
		{"something else stands there", bodies{stands: rollout.Body("x")}, first, second, rollout.Refused, rollout.Body("x"), rollout.ErrStale},
		{"the journal does not bear it", bodies{stands: first, refuses: rollout.ErrRefused}, first, second, rollout.Failed, first, rollout.ErrRefused},
		{"the store does not take it", bodies{stands: first, refuses: errDisk}, first, second, rollout.Failed, first, errDisk},
		{"the store cannot be read", bodies{stands: first, breaks: errDisk}, first, second, rollout.Failed, first, errDisk},
	} {
		t.Run(row.name, func(t *testing.T) {
			at := row.stands
			got, err := Served{Bodies: &at, Clock: world.SystemClock()}.Apply(t.Context(), edit(row.before, row.after))
			if got.Outcome != row.want || !at.stands.Equal(row.left) || !errors.Is(err, row.is) || (err == nil) != (row.is == nil) {
				t.Errorf("%+v, %v; %v stands; want %s and %v", got, err, at.stands, row.want, row.left)
			}
		})
	}
	stray := edit(rollout.Absent(), first)
	stray.Name = "https://www.corp.test/.well-known/mta-sts.txt"
	if got, err := (Served{Bodies: &bodies{}, Clock: world.SystemClock()}).Apply(t.Context(), stray); err == nil || got.Outcome != rollout.Failed {
		t.Errorf("an edit of no policy host's: %+v, %v", got, err)
	}
}

var errDisk = errors.New("the disk is full")

func TestServedTrySaysWhatRuns(t *testing.T) {
	for want, servers := range map[string][]string{"no belay serve runs": nil, "runs on this store: process 7": {"process 7"}} {
		got, err := Served{Bodies: &bodies{servers: servers}}.Try(t.Context(), "corp.test")
		if err != nil || !strings.Contains(strings.Join(got.Lines, "\n"), want) {
			t.Errorf("%v: %v, %v", servers, got.Lines, err)
		}
	}
	if _, err := (Served{Bodies: &bodies{breaks: errDisk}}).Try(t.Context(), "corp.test"); !errors.Is(err, errDisk) {
		t.Errorf("%v", err)
	}
}

func TestServeIsAKindWithoutAPlace(t *testing.T) {
	h, err := ParseSpec("serve")
	if err != nil || h.String() != "serve" {
		t.Fatalf("%v, %v", h, err)
	}
	if place, err := Place(h); place != "" || err != nil {
		t.Errorf("it has the place %q, %v, and two rollouts could not have it", place, err)
	}
	if _, err := ParseSpec("serve:443"); err == nil {
		t.Error("it takes something after it")
	}
	if _, err := Open(h.Kind, h.Place, Options{}); err == nil {
		t.Error("it was opened without a store")
	}
	if _, err := Open(h.Kind, h.Place, Options{Served: &bodies{}, Clock: world.SystemClock()}); err != nil {
		t.Error(err)
	}
}
