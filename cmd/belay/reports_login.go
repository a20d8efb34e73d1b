package main

import (
	"context"
	"fmt"

	"belay/providers"
	"belay/providers/inbox/imap"

	"github.com/spf13/cobra"
)

const reportsLoginLong = `Has the password of a mailbox typed, without echo, logs in with it, and only if the
folder can be opened keeps it in the operator's keyring (service belay). Where there
is no keyring it says so before anything is typed. --forget removes it.`

func (p *program) reportsLogin() *cobra.Command {
	forget := false
	c := &cobra.Command{
		Use: "login URL", Short: "Type the password of a mailbox, test it, and keep it in the keyring",
		Long: reportsLoginLong, Args: exactly("URL"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			account, err := imap.Parse(args[0])
			if err != nil {
				return usageError{err}
			}
			if forget {
				if err := p.lockUp(ctx, mailKey(account), ""); err != nil {
					return fmt.Errorf("remove the password of %s: %w", clean(account.Login()), err)
				}
				p.say("The keyring holds no password of %s.", clean(account.Login()))
				return nil
			}
			return p.keepMailPassword(ctx, account)
		}),
	}
	c.Flags().BoolVar(&forget, "forget", false, "remove the password from the keyring")
	return c
}

// mailKey is under what the keyring keeps the password of an account.
func mailKey(account imap.Account) string { return keyringUser("imap", account.Login(), "password") }

func (p *program) keepMailPassword(ctx context.Context, account imap.Account) error {
	entry, _ := providers.Lookup(providers.Inbox, "imap")
	field, _ := entry.Field("password")
	if !p.canAsk() {
		return usagef("a password is typed at a terminal, and here is none: set %s in the environment, or with _FILE behind it to the path of a file that holds it", field.Env[0])
	}
	if _, err := p.keyring(ctx, mailKey(account)); err != nil {
		return fmt.Errorf("keep the password of %s in the keyring: %w; set %s in the environment instead, or with _FILE behind it to the path of a file that holds it",
			clean(account.Login()), err, field.Env[0])
	}
	secret, err := p.askField(ctx, providers.Field{Label: "Password of " + clean(account.Login()), Secret: true})
	if err != nil {
		return fmt.Errorf("ask for the password of %s: %w", clean(account.Login()), err)
	}
	outside := outside{p.world}
	mails, err := imap.Try(ctx, account, imap.Options{
		Network: p.world.Network, Clock: p.world.Clock, Resolve: outside.addresses,
		Password: func(context.Context) (string, error) { return secret, nil },
	})
	if err != nil {
		return fmt.Errorf("nothing was kept: %w", err)
	}
	if err := p.lockUp(ctx, mailKey(account), secret); err != nil {
		return fmt.Errorf("keep the password of %s: %w", clean(account.Login()), err)
	}
	p.say("The login works, and there are %s in the folder. The password is kept in your keyring; belay reports login --forget %s removes it.",
		many(mails, "mail"), clean(account.String()))
	return nil
}
