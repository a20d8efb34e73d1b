package main

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"belay/providers"
	"belay/providers/inbox"
	"belay/providers/inbox/imap"
	"belay/rollout"
	"belay/steps/probe"
)

// standardInput is how a command line names what comes on the standard input.
const standardInput = "-"

// inboxOf is where reports come from, as an operator named it, in the one form that
// settings, trust and cursors know it by: a mailbox's URL, an absolute path, or "-".
func inboxOf(typed string) (string, error) {
	switch {
	case typed == standardInput, isVendors(typed):
		return typed, nil
	case imap.IsURL(typed):
		account, err := imap.Parse(typed)
		if err != nil {
			return "", usageError{err}
		}
		return account.String(), nil
	}
	return filepath.Abs(typed)
}

// trustedInbox is an inbox that trust may be declared in and that is no path: a
// mailbox, an account at a vendor, what comes on the standard input, or where belay serve takes reports. ok
// is false for anything else.
func trustedInbox(typed string) (source string, ok bool, err error) {
	if u, err := url.Parse(typed); err == nil && strings.EqualFold(u.Scheme, "https") && u.Host != "" {
		return "https://" + strings.ToLower(u.Host) + u.EscapedPath(), true, nil
	}
	if typed != standardInput && !isMailbox(typed) && !isVendors(typed) {
		return "", false, nil
	}
	source, err = inboxOf(typed)
	return source, err == nil, err
}

// trustOf is whom or what an operator trusts, in the one form that reports carry it
// in: an inbox, a path that is there, or a DKIM domain.
func trustOf(typed string) (string, error) {
	if inbox, ok, err := trustedInbox(typed); ok || err != nil {
		return inbox, err
	}
	if path, err := existing(typed); err == nil {
		return path, nil
	}
	if org, err := domainOf(typed); err == nil {
		return org, nil
	}
	return "", usagef("trust %q: it is neither a file or folder that is there, nor the URL of a mailbox or a receiver, nor a domain", clean(typed))
}

// isMailbox reports whether an inbox is the URL of a mailbox.
func isMailbox(from string) bool { return imap.IsURL(from) }

// mailboxCursors remembers how far mailboxes were read; the store does.
type mailboxCursors interface {
	MailboxCursor(ctx context.Context, source string, domains []string) (validity, uid uint32, err error)
	KeepMailboxCursor(ctx context.Context, source string, domains []string, validity, uid uint32) error
}

// sources are the inboxes of one import.
type sources struct {
	paths  []string
	others []inbox.Source
	boxes  []*imap.Mailbox
}

// sourcesOf tells what was named apart: paths, mailboxes and the standard input. It
// opens nothing yet.
func (im importer) sourcesOf(specs, domains []string) (sources, error) {
	var s sources
	accounts, logins, err := mailboxesOf(specs)
	if err != nil {
		return s, err
	}
	for _, spec := range specs {
		account, mailbox := accounts[spec]
		switch {
		case mailbox:
			box := im.mailbox(account, &bookmark{cursors: im.s.cursors, domains: domains, again: im.again}, logins == 1)
			s.boxes, s.others = append(s.boxes, box), append(s.others, box)
		case isVendors(spec):
			s.others = append(s.others, im.vendors(spec, domains))
		case spec == standardInput && im.in != nil:
			s.others = append(s.others, inbox.Stream(standardInput, im.in))
		default:
			s.paths = append(s.paths, spec)
		}
	}
	return s, nil
}

// mailboxesOf are the mailboxes among what was named, and how many logins they need.
func mailboxesOf(specs []string) (accounts map[string]imap.Account, logins int, err error) {
	accounts = map[string]imap.Account{}
	known := map[string]bool{}
	for _, spec := range specs {
		if !isMailbox(spec) {
			continue
		}
		if accounts[spec], err = imap.Parse(spec); err != nil {
			return nil, 0, err
		}
		known[accounts[spec].Login()] = true
	}
	return accounts, len(known), nil
}

// bookmark remembers how far one mailbox was read for the domains that reports are
// taken for.
type bookmark struct {
	cursors mailboxCursors
	domains []string
	again   bool // begin at the beginning, until that much was read that it is kept
}

func (b *bookmark) load(ctx context.Context, source string) (imap.Cursor, error) {
	if b.again {
		return imap.Cursor{}, nil
	}
	validity, uid, err := b.cursors.MailboxCursor(ctx, source, b.domains)
	return imap.Cursor{Validity: validity, UID: uid}, err
}

func (b *bookmark) save(ctx context.Context, source string, c imap.Cursor) error {
	err := b.cursors.KeepMailboxCursor(ctx, source, b.domains, c.Validity, c.UID)
	b.again = b.again && err != nil
	return err
}

// settle marks in the mailboxes what is to be marked, and closes them.
func (s sources) settle(ctx context.Context) (err error) {
	for _, box := range s.boxes {
		if e := box.Settle(ctx); err == nil {
			err = e
		}
		box.Close()
	}
	return err
}

// mailbox is the source of an account's folder. only says that no other login is
// asked for in this run.
func (im importer) mailbox(account imap.Account, at *bookmark, only bool) *imap.Mailbox {
	source := account.String()
	return imap.New(account, imap.Options{
		Network: im.s.accounts.outside.world.Network, Clock: im.s.engine.Clock,
		Resolve: im.s.accounts.outside.addresses, MarkSeen: im.markSeen,
		Password: func(ctx context.Context) (string, error) { return im.s.accounts.mailPassword(ctx, account, only) },
		Load:     func(ctx context.Context) (imap.Cursor, error) { return at.load(ctx, source) },
		Save:     func(ctx context.Context, c imap.Cursor) error { return at.save(ctx, source, c) },
	})
}

// mailPassword finds the password of a mailbox: in the environment, the keyring, or
// by asking. The variable without a name in it is of no particular server, so it
// holds where one login alone is asked for.
func (a *accounts) mailPassword(ctx context.Context, account imap.Account, only bool) (string, error) {
	entry, _ := providers.Lookup(providers.Inbox, "imap")
	field, _ := entry.Field("password")
	entry.Fields = []providers.Field{field}
	names := []string{account.Login()}
	if only {
		names = append(names, "")
	}
	for _, name := range names {
		found, _, err := a.secrets.of(ctx, entry, name)
		if err != nil {
			return "", err
		}
		if found[field.Key] != "" {
			return found[field.Key], nil
		}
	}
	if a.ask != nil {
		a.mu.Lock() // one question at a time
		defer a.mu.Unlock()
		named := rollout.Account{Provider: entry.ID, Name: account.Login()}
		if err := a.ask(ctx, a.secrets, entry, named, []string{field.Key}); err != nil {
			return "", err
		}
		if found, _, err := a.secrets.of(ctx, entry, named.Name); err != nil || found[field.Key] != "" {
			return found[field.Key], err
		}
	}
	named := field.Names(account.Login())[0].Name
	if only {
		named = fmt.Sprintf("%s, or %s where several mailboxes are read", field.Env[0], named)
	}
	return "", fmt.Errorf("the mailbox of %s needs its password: set %s (with _FILE behind the name, to the path of a file that holds it)%s",
		clean(account.Login()), named, a.secrets.orKeyring("belay reports login "+clean(account.String())))
}

// addresses are the IP addresses of a host.
func (o outside) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if host == "localhost" {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	v := probe.Open(ctx, o.world, nil)
	defer v.Close()
	return v.ResolveAddresses(strings.TrimSuffix(host, "."))
}
