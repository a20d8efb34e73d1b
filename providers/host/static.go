package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"
)

// Static keeps a folder that the operator publishes at a host of static pages:
// GitHub Pages, Netlify, Cloudflare Pages, an S3 bucket behind a CDN. Belay writes
// the folder, whole, with what those hosts need beside the policy, and then, as with
// Manual, looks from outside until it is there: that the folder holds a body says
// nothing about what senders fetch.
type Static struct {
	// Dir is the folder, absolute. It is made where it is missing.
	Dir  string
	Seer Seer
	// Journal tells which bodies belay itself may have laid into the folder; nil
	// where there is no store, and so none.
	Journal Journal
}

// Journal is what belay has written down of a rollout. rollout.Store is one.
type Journal interface {
	Journal(ctx context.Context, domain string) ([]rollout.Entry, error)
}

// Read says what the policy host serves, as Manual does.
func (s Static) Read(ctx context.Context, e rollout.Edit) (rollout.Held, error) {
	return Manual{Seer: s.Seer}.Read(ctx, e)
}

// Apply is Found where the policy is served already. Else the folder is written and
// the outcome is Waiting: the detail says how to publish it. Where something else
// than the plan saw is served, nothing is written and the outcome is Refused. Where
// a body lies in the folder that this rollout never meant to publish, nothing is
// written either, but the plan is as good as it was: the outcome is Failed, with an
// error that wraps rollout.ErrRefused, and the plan goes on once that body is gone.
func (s Static) Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error) {
	watch := world.Start()
	r, err := Manual{Seer: s.Seer}.Apply(ctx, e)
	if r.Outcome == rollout.Waiting {
		if err = s.lay(ctx, e); err != nil {
			r.Outcome, r.Detail = rollout.Failed, finding.Clean(err.Error(), 400)
		} else {
			r.Detail = s.instruction(e)
		}
	}
	r.Took = watch.Elapsed()
	return r, err
}

// Try says whether the folder can be written.
func (s Static) Try(ctx context.Context, domain string) (rollout.Trial, error) {
	if err := ctx.Err(); err != nil {
		return rollout.Trial{}, err
	}
	info, err := os.Stat(s.Dir)
	line := s.Dir + " can be written"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		parent := filepath.Dir(s.Dir)
		if _, err := os.Stat(parent); err != nil {
			return rollout.Trial{}, fmt.Errorf("try the folder %s: the directory it is to be made in: %w", s.Dir, err)
		}
		if err := mayWrite(parent); err != nil {
			return rollout.Trial{}, fmt.Errorf("try the folder %s: no permission to make it: %w", s.Dir, err)
		}
		line = s.Dir + " will be made"
	case err != nil:
		return rollout.Trial{}, fmt.Errorf("try the folder %s: %w", s.Dir, err)
	case !info.IsDir():
		return rollout.Trial{}, fmt.Errorf("try the folder %s: it is no directory", s.Dir)
	default:
		if err := mayWrite(s.Dir); err != nil {
			return rollout.Trial{}, fmt.Errorf("try the folder %s: no permission to write in it: %w", s.Dir, err)
		}
	}
	return rollout.Trial{Lines: []string{line,
		fmt.Sprintf("you publish it, and belay looks until %s answers", mtasts.PolicyURL(domain))}}, nil
}

// lay writes the folder: what the hosts need first, the policy last.
func (s Static) lay(ctx context.Context, e rollout.Edit) error {
	root := Webroot{Dir: s.Dir}
	stood := rollout.Absent()
	if _, err := os.Stat(s.Dir); err == nil {
		if stood, err = root.read(); err != nil {
			return err
		}
	}
	if ours, err := s.ours(ctx, e, stood); err != nil {
		return err
	} else if !ours {
		return &strangeBodyError{root.path(), stood}
	}
	if !e.After.Exists {
		if !stood.Exists {
			return nil
		}
		return root.write(e.After)
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return explain("make the folder", err)
	}
	for name, text := range beside(e) {
		if err := s.lend(name, text); err != nil {
			return err
		}
	}
	if !stood.Equal(e.After) {
		if err := root.write(e.After); err != nil {
			return err
		}
	}
	return s.complete(e)
}

// ours reports whether what stood in the folder may give way: nothing, what the plan
// is about, or any body of this rollout, published or not: one that was laid for a
// plan since given up, or stepped back from, lies there still.
func (s Static) ours(ctx context.Context, e rollout.Edit, stood rollout.Value) (bool, error) {
	if !stood.Exists || stood.SamePolicy(e.Before) || stood.SamePolicy(e.After) {
		return true, nil
	}
	if s.Journal == nil {
		return false, nil
	}
	domain, err := policyDomain(ctx, e)
	if err != nil {
		return false, err
	}
	entries, err := s.Journal.Journal(ctx, domain)
	if err != nil {
		return false, fmt.Errorf("learn whether %s is belay's to replace: %w", s.Dir, err)
	}
	r, err := rollout.Fold(domain, entries)
	if err != nil {
		return false, fmt.Errorf("learn whether %s is belay's to replace: %w", s.Dir, err)
	}
	return r.Ledger.Served(stood.Body), nil
}

// strangeBodyError says that a body lies in the folder which nobody was shown. It is
// rollout.ErrRefused.
type strangeBodyError struct {
	path string
	body rollout.Value
}

func (e *strangeBodyError) Error() string {
	return fmt.Sprintf("%s holds %s, which is no policy of this rollout, so belay leaves it: move it away, and belay next goes on",
		e.path, finding.Quote(e.body.String(), 200))
}

func (e *strangeBodyError) Is(target error) bool { return target == rollout.ErrRefused }

// complete reads the folder again: the policy to the byte, and that every file
// beside it is there.
func (s Static) complete(e rollout.Edit) error {
	stands, err := Webroot{Dir: s.Dir}.read()
	switch lacks := s.missing(e); {
	case err != nil:
		return fmt.Errorf("read the folder again: %w", err)
	case !stands.Equal(e.After):
		return fmt.Errorf("read the folder again: the policy in %s is not what was written", s.Dir)
	case len(lacks) > 0:
		slices.Sort(lacks)
		return fmt.Errorf("read the folder again: %s has no %s", s.Dir, strings.Join(lacks, ", "))
	}
	return nil
}

// lend writes a file that stands beside the policy, unless there is one: it may be
// the operator's own by now.
func (s Static) lend(name, text string) error {
	f, err := os.OpenFile(filepath.Join(s.Dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return explain("write "+name, err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name()) // half of it would be kept as if it were the operator's
		return explain("write "+name, err)
	}
	return nil
}

// hostOf is the policy host whose policy e is about.
func hostOf(e rollout.Edit) string {
	u, err := url.Parse(e.Name)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
