package main

import (
	"context"
	"fmt"
	"os"

	"belay/providers"
	"belay/rollout"
	"belay/tui"
)

// askFor has the operator type the missing fields of a login, which serve for this
// session. Secrets are not echoed. It is called only where somebody sits at a
// terminal.
func (p *program) askFor(ctx context.Context, s *secrets, entry providers.Provider, account rollout.Account, missing []string) error {
	fmt.Fprintf(p.errs, "%s needs a login; what is typed serves for this session only.\n", entry.Label)
	for _, key := range missing {
		field, _ := entry.Field(key)
		v, err := p.askField(ctx, field)
		if err != nil {
			return fmt.Errorf("ask for the %s of %s: %w", key, account, err)
		}
		s.keep(entry.ID, account.Name, key, v)
	}
	return nil
}

// askField has one field typed; "" where nothing was.
func (p *program) askField(ctx context.Context, field providers.Field) (string, error) {
	if field.Help != "" {
		fmt.Fprintf(p.errs, "  %s\n", field.Help)
	}
	if !field.Secret {
		fmt.Fprintf(p.errs, "%s: ", field.Label)
		return p.readLine(ctx)
	}
	terminal, ok := p.in.(*os.File)
	if !ok {
		return "", fmt.Errorf("a secret is only typed at a terminal: %w", rollout.ErrRefused)
	}
	v, err := tui.ReadSecret(ctx, terminal, func() { fmt.Fprintf(p.errs, "%s (not shown): ", field.Label) })
	fmt.Fprintln(p.errs)
	return v, err
}
