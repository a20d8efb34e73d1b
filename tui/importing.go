package tui

import (
	"context"
	"fmt"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"

	tea "github.com/charmbracelet/bubbletea"
)

// importedMsg is the end of an import.
type importedMsg struct {
	intake rollout.Intake
	err    error
}

// importReports reads a rollout's inboxes; where it has none it asks for a path.
func (a *app) importReports(r rollout.Rollout) tea.Cmd {
	if a.reading != nil {
		a.say("Reports are being read already.")
		return nil
	}
	if len(r.Settings.Inboxes) > 0 {
		return a.importFrom(r.Domain, r.Settings.Inboxes)
	}
	return a.ask(&dialog{
		title:  "Import TLS reports about " + r.Domain,
		lines:  []string{"What is found there about other domains is left alone. Nothing there is changed."},
		fields: []*field{newField("File, folder or mailbox", "mails, JSON, gzip, a Maildir, or imaps://USER@HOST/FOLDER", needed("where the reports are"))},
		done:   func(answers []string) tea.Cmd { return a.importFrom(r.Domain, answers) },
	})
}

func (a *app) importFrom(domain string, paths []string) tea.Cmd {
	a.say("Reading " + finding.Clean(strings.Join(paths, ", "), 120) + " ...")
	told := newFeed()
	a.reading = told
	run := a.crew.errand(func(ctx context.Context) tea.Msg {
		defer told.end()
		in, err := a.importer.Import(ctx, domain, paths, func(said string) {
			told.sink(rollout.Event{Kind: rollout.Answered, Text: said + "."})
		})
		return importedMsg{in, err}
	})
	return tea.Batch(run, told.next(a.crew))
}

// followImport says how far an import is.
func (a *app) followImport(msg feedMsg) tea.Cmd {
	if n := len(msg.events); n > 0 {
		a.say(msg.events[n-1].Text)
	}
	if msg.ended {
		return nil
	}
	return msg.feed.next(a.crew)
}

func (a *app) imported(msg importedMsg) tea.Cmd {
	a.reading = nil
	said := intake(msg.intake)
	if msg.err != nil {
		said = "The reports could not all be read: " + plain(msg.err) + " " + said
	}
	a.say(said)
	return a.refresh() // what was read is stored, whatever failed
}

// intake says in a sentence what an import did.
func intake(in rollout.Intake) string {
	said := "No new reports."
	if in.New > 0 {
		said = fmt.Sprintf("%s new: %s sessions ok, %s failed.", plural(in.New, "report"), count(in.Success), count(in.Failure))
	}
	if in.New > 0 && in.Unverified > 0 {
		said += fmt.Sprintf(" %d unsigned or changed on the way: they count only from a source you trust.", in.Unverified)
	}
	if in.Pending > 0 {
		said += fmt.Sprintf(" %d wait for a key.", in.Pending)
	}
	if in.Unreadable > 0 {
		said += fmt.Sprintf(" %d unreadable.", in.Unreadable)
	}
	return said
}
