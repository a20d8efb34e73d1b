package main

import (
	"context"

	"belay/providers/inbox"

	"github.com/spf13/cobra"
)

const rereadLong = `Every report is kept as it came, compressed. Reads the kept ones again, those about
DOMAIN or all, and puts what they say in the place of what was understood before:
for a belay that reads better than the one that took them in. How far a report is
believed stays, and what cannot be read today is left as it is. Nothing counts twice.`

func (p *program) reportsReread() *cobra.Command {
	return &cobra.Command{
		Use: "reread [DOMAIN]", Short: "Read the kept reports again, with a belay that reads better",
		Long: rereadLong, Args: cobra.MaximumNArgs(1),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain := ""
			if len(args) == 1 {
				d, err := domainOf(args[0])
				if err != nil {
					return err
				}
				domain = d
			}
			return p.with(ctx, func(s *session) error {
				im, _, err := importer{s: s}.at(ctx, nil)
				if err != nil {
					return err
				}
				bar := p.newImportBar()
				sum, err := im.Reread(ctx, s.archive, domain, func(so inbox.Reread) {
					bar.tell(inbox.Progress{Done: so.Mails, Total: so.Mails, Open: true, New: so.Changed})
				})
				bar.end()
				if err != nil {
					return err
				}
				if p.flags.json {
					return p.printJSON(sum)
				}
				p.say("%s read again: %d say something else now, %d could not be read and were left as they are", many(sum.Mails, "mail"), sum.Changed, sum.Unreadable)
				if sum.Partly > 0 {
					p.say("of %s something could not be read: what stood of that was left as it is", many(sum.Partly, "mail"))
				}
				if sum.Damaged > 0 {
					p.say("%s damaged in the store and could not be read: what was counted of that stands", many(sum.Damaged, "mail"))
				}
				return nil
			})
		}),
	}
}
