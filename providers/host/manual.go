package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"
)

// Manual is a policy host that a person keeps by hand. Belay says what is to
// stand there and sees from outside whether it does, so what it reads is what
// senders fetch.
type Manual struct{ Seer Seer }

// Read says what the policy host serves. Where no address of it answers,
// senders find no policy, so nothing stands there.
func (m Manual) Read(ctx context.Context, e rollout.Edit) (rollout.Held, error) {
	v, err := m.see(ctx, e)
	return holding(e, v, err)
}

// Apply is Found where the policy is seen already, else Waiting: the detail says
// which bytes are to be put where. Where something else than the plan saw is
// served, it is Refused.
func (m Manual) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	watch := world.Start()
	r := rollout.Receipt{EditID: e.ID, Outcome: rollout.Failed}
	seen, err := m.see(ctx, e)
	r.Took = watch.Elapsed()
	if err != nil {
		r.Detail = finding.Clean(err.Error(), 400)
		return r, err
	}
	r.Saw = seen
	switch {
	case seen.SamePolicy(e.After):
		r.Outcome = rollout.Found
	case seen.Exists && !seen.SamePolicy(e.Before):
		r.Outcome = rollout.Refused
		err = fmt.Errorf("%s serves neither what the plan saw nor what it wants, but %s: %w",
			e.Name, finding.Quote(seen.String(), 200), rollout.ErrStale)
		r.Detail = finding.Clean(err.Error(), 400)
	default:
		r.Outcome = rollout.Waiting
		r.Detail = Instruction(e)
	}
	return r, err
}

// Try has nothing to log in to; it says where the policy must appear.
func (m Manual) Try(_ context.Context, domain string) (rollout.Trial, error) {
	return rollout.Trial{Lines: []string{
		fmt.Sprintf("you put the policy at %s; belay shows the bytes and looks until they are there", mtasts.PolicyURL(domain)),
	}}, nil
}

func (m Manual) see(ctx context.Context, e rollout.Edit) (rollout.Value, error) {
	if err := errors.Join(ctx.Err(), checkPolicy(e)); err != nil {
		return rollout.Absent(), err
	}
	v, seen, err := m.Seer.See(ctx, e, nil)
	if err != nil && (ctx.Err() != nil || answered(seen)) {
		return rollout.Absent(), fmt.Errorf("look at %s: %w", e.Name, err)
	}
	if err != nil {
		return rollout.Absent(), nil // a host that is not there yet serves nothing
	}
	return v, nil
}

func answered(seen rollout.Evidence) bool {
	for _, s := range seen.Sightings {
		if s.Answered {
			return true
		}
	}
	return false
}

// Instruction says what the operator is to do for a manual edit: the URL, the
// exact bytes (each line ends as it stands, with CR LF or LF) and their SHA-256, and
// the bytes and SHA-256 of the same text as editors save it, which is as good.
func Instruction(e rollout.Edit) string {
	if !e.After.Exists {
		return fmt.Sprintf("Remove what is served at %s, so that it answers 404.", e.Name)
	}
	said := fmt.Sprintf("Serve exactly these %s as text/plain, with status 200 and without a redirect, at %s\n", weighed(e.After.Body), e.Name)
	if plain := strings.ReplaceAll(e.After.Body, "\r\n", "\n"); plain != e.After.Body {
		said += fmt.Sprintf("Saved with LF in place of CR LF it is %s, which is right too.\n", weighed(plain))
	}
	return said + fmt.Sprintf("To write them: %s\nTo see what is served: curl -sS %s | sha256sum\n\n%s", WriteCommand(e.After.Body), e.Name, e.After.Body)
}

// weighed is how many bytes a body is, and what they sum up to.
func weighed(body string) string {
	sum := sha256.Sum256([]byte(body))
	return fmt.Sprintf("%d bytes (SHA-256 %s)", len(body), hex.EncodeToString(sum[:]))
}

// WriteCommand is a command for a POSIX shell that writes body, to the byte, to the
// file mta-sts.txt in the working directory.
func WriteCommand(body string) string {
	escape := strings.NewReplacer(`\`, `\\`, "%", "%%", "'", `'\''`, "\r", `\r`, "\n", `\n`, "\t", `\t`)
	return "printf '" + escape.Replace(body) + "' > " + policyFile
}
