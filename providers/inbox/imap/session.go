package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"belay/rollout/finding"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// A session is one connection with an open folder.
type session struct {
	account  Account
	client   *imapclient.Client
	meter    *meter
	writable bool
	news     chan struct{} // something came into the folder
	idles    bool          // the server can say so by itself
}

// open connects, logs in and leaves the folder to be opened by enter.
func (b *Mailbox) open(ctx context.Context) (*session, error) {
	conn, err := b.dial(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{account: b.account, meter: conn, writable: b.options.MarkSeen, news: make(chan struct{}, 1)}
	conn.expect(answerTime)
	s.client = imapclient.New(conn, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages == nil {
				return
			}
			select {
			case s.news <- struct{}{}:
			default:
			}
		},
	}})
	if err := s.logIn(ctx, b.password); err != nil {
		s.drop()
		return nil, err
	}
	return s, nil
}

// during runs one exchange with the server. What ends it early is that the server
// is silent, says too much, or that ctx ends.
func (s *session) during(ctx context.Context, what string, do func() error) error {
	s.meter.expect(answerTime)
	defer s.meter.rest()
	stop := context.AfterFunc(ctx, func() { s.meter.Close() })
	defer stop()
	return s.explain(ctx, what, do())
}

// explain puts what went wrong into one clean sentence.
func (s *session) explain(ctx context.Context, what string, err error) error {
	var said *imap.Error
	var hand errHand
	switch {
	case err == nil:
		return nil
	case errors.As(err, &hand):
		return hand
	case ctx.Err() != nil:
		err = ctx.Err()
	case s.meter.Exceeded() != nil:
		err = s.meter.Exceeded()
	case errors.As(err, &said):
		return fmt.Errorf("%s at %s: it says %s", what, s.account.Host, finding.Quote(said.Text, 200))
	default:
		err = errors.New(finding.Clean(err.Error(), 300))
	}
	return fmt.Errorf("%s at %s: %w", what, s.account.Host, err)
}

// greeting waits for the server's first words. Where it says no and hangs up at once,
// the client has both to tell and tells either: so it is asked again, for what was said
// is worth more.
func (s *session) greeting() error {
	err := s.client.WaitGreeting()
	var said *imap.Error
	for range 20 {
		if err == nil || errors.As(err, &said) {
			break
		}
		err = s.client.WaitGreeting()
	}
	return err
}

func (s *session) logIn(ctx context.Context, password func(context.Context) (string, error)) error {
	ctx, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	var caps imap.CapSet
	err := s.during(ctx, "await the greeting", func() error {
		if err := s.greeting(); err != nil {
			return err
		}
		if caps = s.client.Caps(); caps == nil {
			return errors.New("it does not say what it can do")
		}
		return nil
	})
	if err != nil || s.client.State() == imap.ConnStateAuthenticated {
		return err
	}
	plain := caps.Has(imap.AuthCap(sasl.Plain))
	if !plain && caps.Has(imap.CapLoginDisabled) {
		return refusal{passing: true, error: fmt.Errorf("log in at %s: it takes no password, neither by AUTHENTICATE PLAIN nor by LOGIN", s.account.Host)}
	}
	secret, err := password(ctx)
	if err != nil {
		return refusal{error: err}
	}
	var refused *imap.Error
	err = s.during(ctx, "log in", func() error {
		var err error
		if plain {
			err = s.client.Authenticate(sasl.NewPlainClient("", s.account.User, secret))
		} else {
			err = s.client.Login(s.account.User, secret).Wait()
		}
		errors.As(err, &refused)
		return err
	})
	if refused != nil && refused.Code != imap.ResponseCodeUnavailable && refused.Code != imap.ResponseCodeServerBug {
		// Without this code a NO may mean too many connections as well as a wrong password.
		return refusal{passing: refused.Code != imap.ResponseCodeAuthenticationFailed, error: fmt.Errorf("log in at %s: it refuses %s: it says %s", s.account.Host, finding.Quote(s.account.User, 100), finding.Quote(refused.Text, 200))}
	}
	return err
}

// enter opens the folder, anew where it is open, and says what it is now.
func (s *session) enter(ctx context.Context) (*imap.SelectData, error) {
	ctx, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	var data *imap.SelectData
	var refused *imap.Error
	err := s.during(ctx, "open the folder "+finding.Quote(s.account.Folder, 100), func() (err error) {
		data, err = s.client.Select(s.account.Folder, &imap.SelectOptions{ReadOnly: !s.writable}).Wait()
		errors.As(err, &refused)
		caps := s.client.Caps()
		if err == nil && caps == nil {
			err = errors.New("the connection was lost")
		}
		s.idles = caps.Has(imap.CapIdle)
		return err
	})
	if refused == nil || refused.Type != imap.StatusResponseTypeNo || refused.Code == imap.ResponseCodeUnavailable {
		return data, err
	}
	there := ""
	if names := s.folders(ctx); len(names) > 0 && !slices.Contains(names, s.account.Folder) {
		there = "; it has " + strings.Join(names, ", ")
	}
	return nil, refusal{error: fmt.Errorf("%w%s", err, there), passing: true}
}

// folders are names of folders there, as far as they are told, fit to be shown.
func (s *session) folders(ctx context.Context) []string {
	const most = 12
	var names []string
	err := s.during(ctx, "list the folders", func() error {
		list := s.client.List("", "*", nil)
		for data := list.Next(); data != nil; data = list.Next() {
			if len(names) < most {
				names = append(names, finding.Clean(data.Mailbox, 60))
			}
		}
		return list.Close()
	})
	if err != nil {
		return nil // the folder that is missing is what is told
	}
	slices.Sort(names)
	return names
}

// markSeen sets the flag of mails that were taken.
func (s *session) markSeen(ctx context.Context, uids imap.UIDSet) error {
	return s.during(ctx, "mark mails as seen", func() error {
		return s.client.Store(uids, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close()
	})
}

// part says goodbye and closes the connection.
func (s *session) part(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partTime)
	defer cancel()
	// Whether it answers is all the same: what was read stands.
	_ = s.during(ctx, "say goodbye", func() error { return s.client.Logout().Wait() })
	s.drop()
}

// drop closes the connection and waits until nobody reads from it any more.
func (s *session) drop() { _ = s.client.Close() }
