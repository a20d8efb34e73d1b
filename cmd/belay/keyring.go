package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"belay/rollout"

	"github.com/zalando/go-keyring"
)

// keyringService is the service under which the keyring holds credentials.
const keyringService = "belay"

// keyringUser names one field of a login in the keyring: cloudflare/api_token, or
// cloudflare/work/api_token for a named account.
func keyringUser(provider, account, field string) string {
	return rollout.Account{Provider: provider, Name: account}.String() + "/" + field
}

// errNoKeyring says that nothing keeps secrets for this session, as on most
// servers.
var errNoKeyring = errors.New("this session has no keyring, as is usual on a server")

// How long the keyring has to answer: a few seconds, and longer where somebody sits at
// the terminal, who may have to unlock it first. After a moment that one is told.
const (
	keyringAnswers  = 5 * time.Second
	keyringUnlocked = 30 * time.Second
	keyringMoment   = 2 * time.Second
)

// keyringMend is what to do about one that does not.
const keyringMend = "unlock it in its desktop session, or look why its service does not run"

// keyringDoor is the way to the operator's keyring. Its library takes no context: a
// message bus that takes the call and does not answer, or a question to unlock that
// nobody sees, would hold belay up for ever. So each call runs in a goroutine that may
// outlive who asked, since nothing can end it. There is one at a time, and after one
// was given up none is begun before it has ended.
type keyringDoor struct {
	env func(string) (string, bool)
	// attended reports whether somebody may have to unlock it; waiting tells them.
	attended func() bool
	waiting  func()

	seat chan struct{} // taken while a call runs

	mu   sync.Mutex
	left <-chan struct{} // closed by the call that was given up, when it ends; nil where none was
}

func newKeyringDoor(env func(string) (string, bool)) *keyringDoor {
	return &keyringDoor{env: env, attended: func() bool { return false }, waiting: func() {}, seat: make(chan struct{}, 1)}
}

// read reads one secret of the operator's; "" where there is none.
func (d *keyringDoor) read(ctx context.Context, user string) (string, error) {
	return d.call(ctx, reading(user))
}

func reading(user string) func() (string, error) {
	return func() (string, error) { return keyring.Get(keyringService, user) }
}

// write puts one into the keyring; an empty value removes what is there.
func (d *keyringDoor) write(ctx context.Context, user, value string) error {
	_, err := d.call(ctx, func() (string, error) {
		if value == "" {
			return "", keyring.Delete(keyringService, user)
		}
		return "", keyring.Set(keyringService, user, value)
	})
	return err
}

// call makes one call, where the session has a keyring: where no desktop session keeps
// one it is not asked, since asking would start a message bus.
func (d *keyringDoor) call(ctx context.Context, ask func() (string, error)) (string, error) {
	if !hasKeyring(d.env) {
		return "", errNoKeyring
	}
	patience := keyringAnswers
	if d.attended() {
		patience = keyringUnlocked
	}
	return d.within(ctx, patience, ask)
}

// within is call with this patience.
func (d *keyringDoor) within(ctx context.Context, patience time.Duration, ask func() (string, error)) (string, error) {
	if d.silent() {
		return "", fmt.Errorf("the keyring of this session has not answered an earlier call yet; %s", keyringMend)
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	late := fmt.Errorf("the keyring of this session did not answer within %s; %s", patience, keyringMend)
	gone := func() error {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("wait for the keyring of this session: %w", err)
		}
		return late
	}
	select {
	case d.seat <- struct{}{}:
	case <-bounded.Done():
		return "", gone()
	}
	type answer struct {
		v   string
		err error
	}
	answered, ended := make(chan answer, 1), make(chan struct{})
	go func() {
		defer close(ended)
		v, err := ask()
		<-d.seat
		answered <- answer{v, err}
	}()
	moment := time.NewTimer(keyringMoment)
	defer moment.Stop()
	for {
		select {
		case a := <-answered:
			if errors.Is(a.err, keyring.ErrNotFound) {
				return "", nil
			}
			return a.v, unasked(a.err)
		case <-moment.C:
			if d.attended() {
				d.waiting()
			}
		case <-bounded.Done():
			d.mu.Lock()
			defer d.mu.Unlock()
			d.left = ended
			return "", gone()
		}
	}
}

// silent reports whether a call that was given up still runs.
func (d *keyringDoor) silent() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left == nil {
		return false
	}
	select {
	case <-d.left:
		d.left = nil
		return false
	default:
		return true
	}
}

// unasked puts the words of a message bus behind what they mean.
func unasked(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the keyring of this session does not answer: %w", err)
}

func hasKeyring(env func(string) (string, bool)) bool {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return true
	}
	if bus, ok := env("DBUS_SESSION_BUS_ADDRESS"); ok && bus != "" {
		return true
	}
	_, err := os.Stat(filepath.Join("/run/user", strconv.Itoa(os.Getuid()), "bus"))
	return err == nil
}

// sayKeyringWaits tells who sits at the terminal what belay waits for; on the wizard's
// screen nothing is written by others.
func (p *program) sayKeyringWaits() {
	if !p.drawing {
		fmt.Fprintf(p.errs, "belay: waiting for the keyring of this session, for %s at most; it may ask in a window to be unlocked, and ctrl+c calls this off\n", keyringUnlocked)
	}
}
