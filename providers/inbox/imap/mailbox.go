package imap

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"belay/providers/inbox"
	"belay/rollout/world"

	"github.com/emersion/go-imap/v2"
)

// Options are what a Mailbox is opened with. All but MarkSeen must be set.
type Options struct {
	Network world.Network
	Clock   world.Clock
	// Resolve finds the addresses of a host.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Password gives the account's; its error is one sentence on how to give it. It
	// is asked once, when a server wants it.
	Password func(ctx context.Context) (string, error)
	// Load and Save remember how far the folder was read.
	Load func(ctx context.Context) (Cursor, error)
	Save func(ctx context.Context, c Cursor) error
	// MarkSeen has the mails in which reports of ours were marked as seen.
	MarkSeen bool
}

// A Mailbox is the source of the mails in one folder. It may be read again and again:
// each time gives what came in between. Its methods but Total and Keep are for one
// goroutine at a time.
type Mailbox struct {
	account Account
	options Options

	session *session // nil while not connected
	lost    int      // how often running it was lost while it idled
	secret  string
	known   bool // secret is

	total atomic.Int64

	mu   sync.Mutex
	read Cursor      // all mails up to here were handed over, or are not to be had now
	held uint32      // the first of them that is to be asked for again; 0 for none
	turn uint32      // how many folders there were: one made anew is another
	kept Cursor      // what Keep was told of, in the folder of this turn
	owed []uint32    // handed over, in order, and Keep was not told of them yet
	seen imap.UIDSet // to be marked, there
	anew string
}

// New is a Mailbox for an account. Nothing is connected yet.
func New(a Account, o Options) *Mailbox { return &Mailbox{account: a, options: o} }

// Try logs in, opens the folder without changing anything, and says how many mails
// are in it. Load and Save are not needed.
func Try(ctx context.Context, a Account, o Options) (mails int, err error) {
	o.MarkSeen = false
	b := New(a, o)
	if b.session, err = b.open(ctx); err != nil {
		return 0, err
	}
	defer b.Close()
	folder, err := b.session.enter(ctx)
	if err != nil {
		return 0, err
	}
	return int(folder.NumMessages), nil
}

// String is the account's URL.
func (b *Mailbox) String() string { return b.account.String() }

// Total is how many mails there were to be read when the folder was last listed, and
// were handed over before that in the same Mails.
func (b *Mailbox) Total() int { return int(b.total.Load()) }

// Note says in a sentence what was unusual when the folder was last read; empty where
// nothing was.
func (b *Mailbox) Note() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.anew
}

// How often a lost connection is made again before Mails gives up, and how long it
// waits before, each time twice as long.
const (
	attempts  = 4
	firstWait = time.Second
)

// Mails hands over the mails that were not dealt with yet. A lost connection is made
// again, and reading goes on where it was.
func (b *Mailbox) Mails(ctx context.Context, hand func(inbox.Mail) error) error {
	from, err := b.options.Load(ctx)
	if err != nil {
		return fmt.Errorf("remember how far %s was read: %w", b, err)
	}
	b.total.Store(0)
	b.mu.Lock()
	b.read, b.held, b.kept, b.owed = from, 0, Cursor{}, nil
	b.mu.Unlock()
	handed := 0
	give := func(m inbox.Mail) error {
		handed++
		return hand(m)
	}
	for wait, left := firstWait, attempts; ; left-- {
		before, connected := handed, b.session != nil
		err := b.round(ctx, give)
		var theirs errHand
		switch {
		case err == nil:
			return nil
		case errors.As(err, &theirs):
			b.drop()
			return theirs.error
		case ctx.Err() != nil:
			b.drop()
			return ctx.Err()
		}
		connected = connected || b.session != nil || left < attempts
		b.drop()
		if handed > before {
			wait, left = firstWait, attempts
		}
		if Refused(err) || left <= 1 || !connected {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		wait *= 2
	}
}

// round reads what is there above what was handed over, until nothing is.
func (b *Mailbox) round(ctx context.Context, hand func(inbox.Mail) error) error {
	if b.session == nil {
		s, err := b.open(ctx)
		if err != nil {
			return err
		}
		b.session = s
	}
	folder, err := b.session.enter(ctx)
	if err != nil {
		return err
	}
	if err := b.begin(folder.UIDValidity); err != nil {
		return err
	}
	for {
		if folder.NumMessages == 0 || b.read.UID == math.MaxUint32 || folder.UIDNext != 0 && folder.UIDNext <= imap.UID(b.read.UID)+1 {
			return nil
		}
		list, err := b.session.list(ctx, imap.UID(b.read.UID)+1, 0)
		if err != nil {
			return err
		}
		b.total.Add(int64(len(list)))
		for rest := list; len(rest) > 0; {
			var now []listed
			if now, rest = batch(rest); len(now) == 0 {
				now, rest = rest[:1], rest[1:]
				b.owe(now[0].uid)
				b.pass(now[0].uid)
				err = b.give(now[0].uid, nil, tooLarge(now[0].size), hand)
			} else {
				err = b.take(ctx, now, hand)
			}
			if err != nil {
				b.total.Add(-int64(len(rest)))
				return err
			}
		}
		if len(list) < mostListed {
			return nil
		}
	}
}

// begin sees to it that what was read is of the folder that is open.
func (b *Mailbox) begin(validity uint32) error {
	if validity == 0 {
		return refusal{error: fmt.Errorf("read %s: the server gives no UIDVALIDITY, so what was read cannot be told from what was not", b)}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.anew = ""
	if b.read.Validity != validity {
		if b.read.Validity != 0 {
			b.anew = "the folder was made anew since it was last read (its UIDVALIDITY is another), and is read from its beginning"
		}
		b.read, b.held, b.seen, b.owed = Cursor{Validity: validity}, 0, nil, nil
		b.turn++
	}
	if b.kept.Validity != validity {
		b.kept = Cursor{Validity: validity}
	}
	return nil
}

// holdFor is how long a mail, from the day it came in, may be listed and not handed
// out before it is passed for good: what fails for a moment is asked for again by the
// next reading, and what is broken for ever does not have its folder read again for
// ever.
const holdFor = 24 * time.Hour

var (
	errHeld    = errors.New("the server lists this mail and does not hand it out; it is asked for again")
	errNotHere = errors.New("the server lists this mail and does not hand it out")
)

// take hands over a batch, and says of what did not come, though it is there, that it
// did not.
func (b *Mailbox) take(ctx context.Context, now []listed, hand func(inbox.Mail) error) error {
	given, err := b.ask(ctx, now, hand)
	if err != nil {
		return err
	}
	for _, l := range now {
		if given[l.uid] {
			continue
		}
		again, err := b.ask(ctx, []listed{l}, hand)
		if err != nil {
			return err
		}
		if again[l.uid] {
			continue
		}
		came, there, err := b.session.arrived(ctx, l.uid)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		why := errNotHere
		if age := b.options.Clock.Now().Sub(came); age.Abs() < holdFor {
			why = errHeld
			b.hold(l.uid)
		}
		b.owe(l.uid)
		b.pass(l.uid)
		if err := b.give(l.uid, nil, why, hand); err != nil {
			return err
		}
	}
	b.pass(now[len(now)-1].uid)
	return nil
}

// ask fetches mails and hands over those that come. The cursor follows as far as none
// is missing before it.
func (b *Mailbox) ask(ctx context.Context, now []listed, hand func(inbox.Mail) error) (given map[imap.UID]bool, err error) {
	come := make(map[imap.UID]bool, len(now))
	next := 0 // of now, the first that did not come
	return b.session.fetch(ctx, now, func(uid imap.UID, raw []byte, err error) error {
		b.owe(uid)
		come[uid] = true
		for next < len(now) && come[now[next].uid] {
			b.pass(now[next].uid)
			next++
		}
		return b.give(uid, raw, err, hand)
	})
}

func (b *Mailbox) give(uid imap.UID, raw []byte, err error, hand func(inbox.Mail) error) error {
	if refused := hand(inbox.Mail{Path: fmt.Sprintf("%s/;UID=%d", b, uid), Mark: b.mark(uid), Raw: raw, Err: err}); refused != nil {
		return errHand{refused}
	}
	return nil
}

// Close ends the connection, if there is one.
func (b *Mailbox) Close() {
	if b.session != nil {
		b.session.part(context.Background())
		b.session = nil
	}
}

func (b *Mailbox) drop() {
	if b.session != nil {
		b.session.drop()
		b.session = nil
	}
}

// password is the account's, asked for once.
func (b *Mailbox) password(ctx context.Context) (string, error) {
	if b.known {
		return b.secret, nil
	}
	secret, err := b.options.Password(ctx)
	if err != nil {
		return "", err
	}
	b.secret, b.known = secret, true
	return secret, nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
