package imap

import (
	"context"
	"slices"

	"belay/providers/inbox"

	"github.com/emersion/go-imap/v2"
)

// A Cursor is how far a folder was read. Its zero value is the beginning.
type Cursor struct {
	Validity uint32 // UIDVALIDITY of the folder
	UID      uint32 // all mails up to this one were dealt with
}

// owe notes that a mail is about to be handed over: the cursor stays before it until
// Keep is told.
func (b *Mailbox) owe(uid imap.UID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owed = append(b.owed, uint32(uid))
}

// pass notes that what is up to a mail needs no more asking in this reading.
func (b *Mailbox) pass(uid imap.UID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read.UID = max(b.read.UID, uint32(uid))
}

// hold keeps the cursor before a mail.
func (b *Mailbox) hold(uid imap.UID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held == 0 || uint32(uid) < b.held {
		b.held = uint32(uid)
	}
}

// A mark is a UID and, above it, the turn it is of: what is kept late, of a folder that
// was made anew meanwhile, must not be taken for mails of the new one.
func (b *Mailbox) mark(uid imap.UID) uint64 { return uint64(b.turn)<<32 | uint64(uid) }

// Keep remembers that mails were dealt with: up to the first that is missing, in
// whatever order the server gave them.
func (b *Mailbox) Keep(ctx context.Context, kept inbox.Kept) error {
	b.mu.Lock()
	if b.options.MarkSeen {
		for _, mark := range kept.Taken {
			if uint32(mark>>32) == b.turn {
				b.seen.AddNum(imap.UID(uint32(mark)))
			}
		}
	}
	if uint32(kept.UpTo>>32) != b.turn {
		b.mu.Unlock()
		return nil
	}
	if i := slices.Index(b.owed, uint32(kept.UpTo)); i >= 0 {
		b.owed = b.owed[i+1:]
	}
	upTo := b.read.UID
	if len(b.owed) > 0 {
		upTo = min(upTo, slices.Min(b.owed)-1)
	}
	if b.held != 0 {
		upTo = min(upTo, b.held-1)
	}
	b.kept.UID = max(b.kept.UID, upTo)
	at := b.kept
	b.mu.Unlock()
	return b.options.Save(ctx, at)
}

// Settle marks as seen what is to be marked. It is called when what Mails gave was
// kept.
func (b *Mailbox) Settle(ctx context.Context) error {
	b.mu.Lock()
	seen := b.seen
	b.mu.Unlock()
	if len(seen) == 0 || b.session == nil {
		return nil
	}
	if err := b.session.markSeen(ctx, seen); err != nil {
		b.drop()
		return err
	}
	b.mu.Lock()
	b.seen = nil
	b.mu.Unlock()
	return nil
}
