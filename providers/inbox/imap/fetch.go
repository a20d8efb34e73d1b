package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"belay/providers/inbox"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Bounds of what is asked for at once.
const (
	batchMails = 64
	batchBytes = 4 << 20
	// mostListed is how many mails are listed at once, lowest UIDs first; the others
	// follow when these were read.
	mostListed = 1_000_000
)

// listed is a mail of the folder: its UID and what the server says of its size.
type listed struct {
	uid  imap.UID
	size int64
}

// list returns the mails with a UID from first to last, lowest first; a last of 0 is
// the end of the folder.
func (s *session) list(ctx context.Context, first, last imap.UID) ([]listed, error) {
	ctx, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	var found []listed
	err := s.during(ctx, "list the mails", func() error {
		var uids imap.UIDSet
		uids.AddRange(first, last)
		cmd := s.client.Fetch(uids, &imap.FetchOptions{UID: true, RFC822Size: true})
		for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
			var l listed
			for data := msg.Next(); data != nil; data = msg.Next() {
				switch data := data.(type) {
				case imapclient.FetchItemDataUID:
					l.uid = data.UID
				case imapclient.FetchItemDataRFC822Size:
					l.size = data.Size
				}
			}
			if l.uid >= first && len(found) < mostListed {
				found = append(found, l)
			}
		}
		return cmd.Close()
	})
	slices.SortFunc(found, func(a, b listed) int { return int(int64(a.uid) - int64(b.uid)) })
	return found, err
}

// arrived is when a mail came into the folder, by INTERNALDATE; there is false where
// it is gone.
func (s *session) arrived(ctx context.Context, uid imap.UID) (at time.Time, there bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	err = s.during(ctx, "look for a mail", func() error {
		cmd := s.client.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, InternalDate: true})
		for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
			of, came := imap.UID(0), time.Time{}
			for data := msg.Next(); data != nil; data = msg.Next() {
				switch data := data.(type) {
				case imapclient.FetchItemDataUID:
					of = data.UID
				case imapclient.FetchItemDataInternalDate:
					came = data.Time
				}
			}
			if of == uid {
				at, there = came, true
			}
		}
		return cmd.Close()
	})
	return at, there, err
}

// batch cuts the next mails to be fetched off the list: none that is too large.
func batch(list []listed) (now, rest []listed) {
	size := int64(0)
	for i, l := range list {
		if size += l.size; i > 0 && (i == batchMails || size > batchBytes) || l.size > inbox.MaxMail {
			return list[:i], list[i:]
		}
	}
	return list, nil
}

// errHand is an error of whoever takes the mails, not of the server.
type errHand struct{ error }

func (e errHand) Unwrap() error { return e.error }

// fetch hands over the mails of a batch, and returns the UIDs that the server gave.
func (s *session) fetch(ctx context.Context, list []listed, hand func(uid imap.UID, raw []byte, err error) error) (given map[imap.UID]bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	var uids imap.UIDSet
	for _, l := range list {
		uids.AddNum(l.uid)
	}
	given = make(map[imap.UID]bool, len(list))
	var current imap.UID // the mail that is being read
	err = s.during(ctx, "fetch mails", func() error {
		cmd := s.client.Fetch(uids, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
		for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
			for data := msg.Next(); data != nil; data = msg.Next() {
				switch data := data.(type) {
				case imapclient.FetchItemDataUID:
					current = data.UID
				case imapclient.FetchItemDataBodySection:
					if current == 0 || given[current] || data.Literal == nil {
						continue
					}
					raw, err := readMail(data.Literal)
					if err != nil {
						return err
					}
					given[current] = true
					if raw == nil {
						err = tooLarge(data.Literal.Size())
					}
					if err := hand(current, raw, err); err != nil {
						s.meter.Close() // nobody reads the rest of this answer
						_ = cmd.Close()
						return errHand{err}
					}
					current = 0
				}
			}
		}
		return cmd.Close()
	})
	var large *largeMailError
	if errors.As(err, &large) && current != 0 && !given[current] {
		given[current] = true
		if refused := hand(current, nil, large); refused != nil {
			return given, errHand{refused}
		}
	}
	return given, err
}

// readMail reads one mail; it is nil where it is too large, and read past then.
func readMail(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, inbox.MaxMail+1))
	if err != nil {
		return nil, err
	}
	if len(raw) <= inbox.MaxMail {
		return append([]byte{}, raw...), nil
	}
	_, err = io.Copy(io.Discard, r)
	return nil, err
}

func tooLarge(size int64) error {
	return fmt.Errorf("%d MB large; at most %d MB are read", size>>20, inbox.MaxMail>>20)
}
