package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

// Challenge is the one record at which belay proves to a CA, by DNS-01 (RFC 8555
// section 8.4), that a policy host is the operator's: the TXT record at
// _acme-challenge of the policy host. It is what the ACME client is given in place of
// the account, so that nothing else can be written through it: not at another name,
// not of another type, not another text than such a proof. Values that stand there
// and are not belay's are kept; a value is taken away by its exact text, and only one
// that was put here.
//
// No plan shows these writes: an operator consents to them once, in the rollout's
// settings and so in its journal. Each is logged.
type Challenge struct {
	account *remote
	name    string
	seen    Sightings
	log     *slog.Logger

	mu  sync.Mutex // one change at a time
	put map[string]bool
}

// Sightings is what the authoritative servers answer for a TXT record now, one
// sighting an address.
type Sightings func(ctx context.Context, name string) ([]rollout.Sighting, error)

// NewChallenge is the record for the policy host of domain, written through its
// account. values are those that were put here before and not taken away, as after
// the machine went down in between; they may be removed. It fails for records that a
// person changes.
func NewChallenge(domain string, account Account, seen Sightings, log *slog.Logger, values ...string) (*Challenge, error) {
	a, ok := account.(*remote)
	switch {
	case !ok:
		return nil, fmt.Errorf("prove %s by DNS: its records are changed by hand, and a CA does not wait for that; use a DNS provider that belay can write through, or another challenge", mtasts.PolicyHost(domain))
	case a.o.Domain != domain:
		return nil, fmt.Errorf("prove %s by DNS: the account was opened for %s", mtasts.PolicyHost(domain), a.o.Domain)
	}
	c := &Challenge{account: a, name: rollout.ChallengeName(domain), seen: seen, log: log, put: map[string]bool{}}
	for _, v := range values {
		c.put[v] = true
	}
	return c, nil
}

// challengeTTL is what a proof is written with where none stands, in seconds: it is
// looked up once.
const challengeTTL = 60

// rewrites is how often a change is tried anew that somebody else's came before.
const rewrites = 3

// Put adds a proof to what stands at the name.
func (c *Challenge) Put(ctx context.Context, value string) error {
	if !isProof(value) {
		return fmt.Errorf("put %s at %s: it is no proof for a CA: %w", finding.Quote(value, 60), c.name, rollout.ErrRefused)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put[value] = true // from now on it may stand there
	return c.change(ctx, "put", value, func(values []string) []string {
		if slices.Contains(values, value) {
			return values
		}
		return append(slices.Clone(values), value)
	})
}

// Remove takes a proof away that was put here. What stands beside it stays, and one
// that is gone already is no error.
func (c *Challenge) Remove(ctx context.Context, value string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !isProof(value) || !c.put[value] {
		return fmt.Errorf("remove %s from %s: belay did not put it there: %w", finding.Quote(value, 60), c.name, rollout.ErrRefused)
	}
	err := c.change(ctx, "remove", value, func(values []string) []string {
		return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == value })
	})
	if err == nil {
		delete(c.put, value)
	}
	return err
}

// change reads the record, writes what to makes of its values, reads again and
// compares. Where somebody else was in between it begins anew.
func (c *Challenge) change(ctx context.Context, act, value string, to func([]string) []string) error {
	var err error
	for range rewrites {
		var r rollout.Receipt
		if r, err = c.once(ctx, to); err == nil {
			c.log.Info("challenge record", "act", act, "name", c.name, "value", value, "outcome", r.Outcome, "stands", r.Saw.String())
			return nil
		}
		if !errors.Is(err, rollout.ErrStale) {
			break
		}
	}
	err = c.account.clean(fmt.Errorf("%s the challenge record %s at %s: %w", act, c.name, c.account.source.Label(), err))
	c.log.Error("challenge record", "act", act, "name", c.name, "value", value, "error", err.Error())
	return err
}

func (c *Challenge) once(ctx context.Context, to func([]string) []string) (rollout.Receipt, error) {
	e := rollout.Edit{Kind: rollout.Record, Name: c.name, Type: "TXT"}
	z, err := c.account.zone(ctx, e)
	if err != nil {
		return rollout.Receipt{}, err
	}
	sets, err := c.account.at(ctx, z, c.name)
	if err != nil {
		return rollout.Receipt{}, fmt.Errorf("nothing was written, because it could not be read first: %w", err)
	}
	have := pick(sets, c.name, "TXT")
	if have.Special != "" {
		return rollout.Receipt{}, fmt.Errorf("it is %s", have.Special)
	}
	e.Zone, e.Before, e.After = z.Name, have.Value(), rollout.Records(to(have.Values)...)
	if e.Before.Equal(e.After) {
		return rollout.Receipt{Outcome: rollout.Found, Saw: e.Before}, nil
	}
	if alias := pick(sets, c.name, "CNAME"); len(alias.Values) > 0 || alias.Special != "" {
		return rollout.Receipt{}, c.aliased(alias)
	}
	if e.TTL = have.TTL; e.TTL == 0 {
		e.TTL = max(challengeTTL, z.LeastTTL)
	}
	return c.account.write(ctx, z, have, e)
}

// aliased says that the name is an alias. The proof would have to stand at its target,
// which no operator consented to have written.
func (c *Challenge) aliased(alias RRset) error {
	target := finding.Clean(strings.Join(alias.Values, " and "), 200)
	if target == "" {
		target = "another name"
	}
	return fmt.Errorf("a CNAME to %s stands there, so a CA looks for the proof at %[1]s; belay follows no alias and writes proofs at this name alone: delete the CNAME, unless something else is proved by it, or have the CA ask the policy host itself (belay set %s --challenge '')",
		target, c.account.o.Domain)
}

// Patience of Await, in real time: how long it waits at most, and how long between two
// looks.
const (
	awaitAtMost = 3 * time.Minute
	awaitPause  = time.Second
)

// Await returns when every authoritative server that answers, and at least one, shows
// value. It is the CA that asks next, and it may ask any of them.
func (c *Challenge) Await(ctx context.Context, value string) error {
	ctx, cancel := context.WithTimeout(ctx, awaitAtMost)
	defer cancel()
	lacking := "none has answered"
	for {
		sightings, err := c.seen(ctx, c.name)
		if err == nil {
			if lacking = without(sightings, value); lacking == "" {
				return nil
			}
		} else if ctx.Err() == nil {
			lacking = err.Error()
		}
		pause := time.NewTimer(awaitPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("wait for the challenge record %s on its name servers: %s: %w", c.name, finding.Clean(lacking, 300), ctx.Err())
		}
	}
}

// without names the servers that answer and do not show value; "" where all do.
func without(sightings []rollout.Sighting, value string) string {
	var lacking []string
	answered := false
	for _, s := range sightings {
		if !s.Answered {
			continue
		}
		answered = true
		if !slices.Contains(s.Value.Records, value) {
			lacking = append(lacking, fmt.Sprintf("%s [%s]", s.Where, s.IP))
		}
	}
	switch {
	case !answered:
		return "no name server gives an answer"
	case len(lacking) > 0:
		return "it does not show yet at " + strings.Join(lacking, ", ")
	}
	return ""
}

// isProof reports whether value can be a DNS-01 proof: the base64url text of a SHA-256
// sum.
func isProof(value string) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return len(value) == 43 && strings.Trim(value, alphabet) == ""
}
