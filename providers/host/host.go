// Package host puts the policy body where senders look for it: at
// https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461 section 3.3).
//
// Senders remember a policy for weeks and refuse mail by it, so a body is never
// written blindly. Each host here reads what stands, writes only where that is
// what the plan has shown, writes all of it or nothing, and reads it back. What
// senders then really fetch is another question, which is asked from outside.
//
// Webroot writes a file below a directory that some web server serves, SFTP does so
// on another machine; Static writes a folder that a person publishes; Manual says
// what a person is to do and looks whether it is done.
package host

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"
)

// Host is one place where a policy body is served. Its methods take edits of
// kind rollout.Policy only and fail on others.
type Host interface {
	// Read says what stands at the edit's place. An error means that it could
	// not be read; the Holding carries the same words in Err.
	Read(ctx context.Context, e rollout.Edit) (rollout.Held, error)
	// Apply puts the edit's After in place of its Before and reads it back. A
	// place already at After is Found and not touched; a place at neither is
	// Refused, with an error that wraps rollout.ErrStale and a receipt that
	// shows what was seen. Apply is idempotent.
	Apply(ctx context.Context, e rollout.Edit) (rollout.Receipt, error)
	// Try says whether the place can be used for domain, without writing.
	Try(ctx context.Context, domain string) (rollout.Trial, error)
}

// Seer looks at one edit from outside, as a sender would. rollout.Looker is one.
type Seer interface {
	See(ctx context.Context, e rollout.Edit, emit rollout.Sink) (rollout.Value, rollout.Evidence, error)
}

// The kinds of policy hosts.
const (
	KindWebroot = "webroot"
	KindSFTP    = "sftp"
	KindStatic  = "static"
	KindServe   = rollout.HostServe
	KindManual  = "manual"
	// These two are vendors', in packages of their own below.
	KindWorker   = rollout.HostWorker
	KindValimail = rollout.HostValimail
)

// Options are what hosts are opened with beside their place.
type Options struct {
	// Seer is needed by static and manual.
	Seer Seer
	// Journal is static's; see there.
	Journal Journal
	// LogIn is needed by sftp.
	LogIn LogIn
	// Served and Clock are needed by serve.
	Served rollout.Served
	Clock  world.Clock
}

// Open returns the host of this kind at place: the directory of a web root or of
// static, the sftp URL without its scheme, or empty for manual.
func Open(kind, place string, o Options) (Host, error) {
	switch kind {
	case KindWebroot:
		if !filepath.IsAbs(place) {
			return nil, fmt.Errorf("open policy host: web root %s is no absolute path", finding.Quote(place, 200))
		}
		return Webroot{Dir: place}, nil
	case KindSFTP:
		target, err := ParseTarget(KindSFTP + ":" + place)
		if err != nil {
			return nil, err
		}
		if o.LogIn == nil {
			return nil, errors.New("open policy host: sftp needs a way to log in")
		}
		return SFTP{Target: target, LogIn: o.LogIn}, nil
	case KindStatic:
		switch {
		case !filepath.IsAbs(place):
			return nil, fmt.Errorf("open policy host: the folder %s is no absolute path", finding.Quote(place, 200))
		case o.Seer == nil:
			return nil, errors.New("open policy host: static needs a way to look from outside")
		}
		return Static{Dir: place, Seer: o.Seer, Journal: o.Journal}, nil
	case KindServe:
		switch {
		case place != "":
			return nil, fmt.Errorf("open policy host: serve takes no place, but %s was given", finding.Quote(place, 200))
		case o.Served == nil || o.Clock == nil:
			return nil, errors.New("open policy host: serve needs the store of this rollout")
		}
		return Served{Bodies: o.Served, Clock: o.Clock}, nil
	case KindManual:
		if place != "" {
			return nil, fmt.Errorf("open policy host: manual takes no place, but %s was given", finding.Quote(place, 200))
		}
		if o.Seer == nil {
			return nil, errors.New("open policy host: manual needs a way to look from outside")
		}
		return Manual{Seer: o.Seer}, nil
	}
	return nil, unknownKind(kind)
}

// ParseSpec reads what the operator writes to name a policy host, "webroot:DIR",
// "sftp://USER@HOST/DIR", "static:DIR", "serve" or "manual". A relative DIR is made absolute by the working directory, and its
// symbolic links are resolved, so that one directory has one name in the settings
// however it was spelled; whether it exists is for Try to say.
func ParseSpec(spec string) (rollout.HostAccount, error) {
	kind, place, hasPlace := strings.Cut(strings.TrimSpace(spec), ":")
	switch kind {
	case KindManual, KindServe, KindWorker, KindValimail:
		if hasPlace {
			return rollout.HostAccount{}, fmt.Errorf("policy host %s: %s takes nothing after it", finding.Quote(spec, 200), kind)
		}
		return rollout.HostAccount{Kind: kind}, nil
	case KindWebroot, KindStatic:
		if place == "" {
			return rollout.HostAccount{}, fmt.Errorf("policy host %[1]s: say which directory is meant, as in %[1]s:/srv/www", kind)
		}
		if strings.ContainsFunc(place, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return rollout.HostAccount{}, fmt.Errorf("policy host %s: the directory's name has control characters", finding.Quote(spec, 200))
		}
		dir, err := canonical(place)
		if err != nil {
			return rollout.HostAccount{}, fmt.Errorf("policy host %s:%s: find the directory: %w", kind, place, err)
		}
		return rollout.HostAccount{Kind: kind, Place: dir}, nil
	case KindSFTP:
		target, err := ParseTarget(strings.TrimSpace(spec))
		if err != nil {
			return rollout.HostAccount{}, err
		}
		return rollout.HostAccount{Kind: KindSFTP, Place: strings.TrimPrefix(target.String(), KindSFTP+":")}, nil
	}
	return rollout.HostAccount{}, unknownKind(kind)
}

func unknownKind(kind string) error {
	return fmt.Errorf("policy host %s is none that belay knows: give webroot:DIR, sftp://USER@HOST/DIR, static:DIR, serve, cloudflare-worker, valimail or manual", finding.Quote(kind, 60))
}

// checkPolicy refuses what no host may be asked to do.
func checkPolicy(e rollout.Edit) error {
	switch {
	case e.Kind != rollout.Policy:
		return fmt.Errorf("a policy host cannot make the edit of %s %s: it is no policy", e.Name, e.Type)
	case len(e.After.Body) > mtasts.MaxBody:
		return fmt.Errorf("the policy for %s is %d bytes long; senders may drop one longer than %d", e.Name, len(e.After.Body), mtasts.MaxBody)
	}
	return nil
}

// holding is what e's place holds, or why that is not known.
func holding(e rollout.Edit, v rollout.Value, err error) (rollout.Held, error) {
	h := rollout.Held{Account: e.Account, Name: e.Name, Type: e.Type, Value: v}
	if err != nil {
		h.Value, h.Err = rollout.Absent(), finding.Clean(err.Error(), 400)
	}
	return h, err
}
