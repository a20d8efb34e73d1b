package main

import (
	"context"
	"fmt"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"

	"github.com/spf13/cobra"
)

func (p *program) logCommand() *cobra.Command {
	return &cobra.Command{
		Use: "log DOMAIN", Short: "Print the journal: everything decided, intended and done", Args: exactly("DOMAIN"),
		RunE: p.act(func(ctx context.Context, args []string) error {
			domain, err := domainOf(args[0])
			if err != nil {
				return err
			}
			return p.with(ctx, func(s *session) error {
				entries, err := s.store.Journal(ctx, domain)
				if err != nil {
					return err
				}
				if len(entries) == 0 {
					return fmt.Errorf("%s: %w; start one with belay new %s", domain, rollout.ErrNoRollout, domain)
				}
				return p.printJournal(entries)
			})
		}),
	}
}

func (p *program) printJournal(entries []rollout.Entry) error {
	plans := map[string]rollout.Plan{}
	settings := rollout.SettingsTold(entries)
	var rows [][]string
	for i, e := range entries {
		if p.flags.json {
			e.At, e.MendedAt, e.Wait = utc(e.At), utc(e.MendedAt), utc(e.Wait)
			if err := p.printJSON(e); err != nil {
				return err
			}
			continue
		}
		if e.Plan != nil {
			plans[e.Plan.Hash()] = *e.Plan
		}
		said := told(e, plans[e.PlanHash])
		if e.Settings != nil {
			said = strings.Join(settings[i], "; ")
		}
		rows = append(rows, []string{local(e.At), clean(e.Who), string(e.Kind), clean(said)})
	}
	p.columns(rows)
	return nil
}

// told is a journal entry in words, but of settings; plan is the one that it is about.
func told(e rollout.Entry, plan rollout.Plan) string {
	switch e.Kind {
	case rollout.Adopted:
		var found []string
		for _, l := range e.Ledger {
			if !l.Assumed {
				told := fmt.Sprintf("mode %s, max_age %d", l.Mode, l.MaxAge)
				if len(l.IDs) > 0 {
					told += ", ids " + strings.Join(l.IDs, " ")
				}
				found = append(found, told)
			}
		}
		if e.Phase != "" {
			found = append(found, "now in "+e.Phase.String())
		}
		return strings.Join(found, "; ") + ": " + e.Reason
	case rollout.Accepted:
		return fmt.Sprintf("plan %s (%s) of %s", e.Plan.Hash(), e.Plan.Purpose, many(len(e.Plan.Edits), "edit"))
	case rollout.Intended:
		return editTold(e.PlanHash, e.EditID, plan) + fromTo(e.EditID, plan)
	case rollout.Abandoned:
		return editTold(e.PlanHash, e.EditID, plan)
	case rollout.Received:
		text := editTold(e.PlanHash, e.Receipt.EditID, plan) + ": " + string(e.Receipt.Outcome) + readBack(*e.Receipt)
		if e.Receipt.Outcome != rollout.Waiting && e.Receipt.Detail != "" {
			text += ", " + e.Receipt.Detail
		}
		return text
	case rollout.Seen:
		text := editTold(e.PlanHash, e.EditID, plan) + " is live"
		if e.PolicyID != "" {
			text += " and announced under id " + e.PolicyID
		}
		if len(e.Shown) > 0 {
			text += ", shown by " + strings.Join(e.Shown, ", ")
		}
		if edit, ok := plan.Edit(e.EditID); ok {
			text += oldUntil(edit.OldUntil(e.At))
		}
		if len(e.Unseen) > 0 {
			text += "; not asked: " + strings.Join(e.Unseen, "; ")
		}
		return text
	case rollout.Moved:
		return fmt.Sprintf("from %s to %s", e.From, rung(e.Phase, e.Aim))
	case rollout.Overrode:
		var keys []string
		for _, k := range e.Reasons {
			keys = append(keys, strings.TrimSpace(k.Code+" "+k.Subject))
		}
		return fmt.Sprintf("%s: %s", strings.Join(keys, ", "), e.Reason)
	case rollout.Mended:
		return fmt.Sprintf("at %s: %s", local(e.MendedAt), e.Reason)
	case rollout.Dismissed, rollout.Trusted:
		return fmt.Sprintf("%s: %s", e.Key, e.Reason)
	case rollout.Cached:
		return "a shared cache may serve the old policy until " + local(e.Wait)
	}
	return e.Reason
}

func rung(phase rollout.Phase, aim uint32) string {
	if aim == 0 {
		return phase.String()
	}
	return fmt.Sprintf("%s, rung %d", phase, aim)
}

// fromTo says from what to what an edit leads, and where it is made.
func fromTo(id string, plan rollout.Plan) string {
	edit, ok := plan.Edit(id)
	if !ok {
		return ""
	}
	return fmt.Sprintf(", from %s to %s, through %s", valueTold(edit.Before), valueTold(edit.After), edit.Account)
}

// readBack says what a second reading at the provider showed.
func readBack(r rollout.Receipt) string {
	switch r.Outcome {
	case rollout.Applied:
		return ", read back as " + valueTold(r.Saw)
	case rollout.Found:
		return ", found as " + valueTold(r.Saw)
	}
	if r.Outcome == rollout.Waiting || !r.Saw.Exists {
		return "" // where it failed, nothing may have been read at all
	}
	return ", read as " + valueTold(r.Saw)
}

// valueTold is a value for a sentence.
func valueTold(v rollout.Value) string {
	if !v.Exists {
		return "nothing"
	}
	return finding.Quote(v.String(), 600)
}

func editTold(hash, id string, plan rollout.Plan) string {
	edit, ok := plan.Edit(id)
	if !ok {
		return fmt.Sprintf("plan %s, edit %s", hash, id)
	}
	return fmt.Sprintf("plan %s: %s %s", hash, edit.Name, edit.Type)
}
