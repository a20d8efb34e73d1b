package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"belay/rollout"
	"belay/rollout/finding"

	tea "github.com/charmbracelet/bubbletea"
)

// importedMsg is the end of an import.
type importedMsg struct {
	intake rollout.Intake
	err    error
}

// readingWord begins what is said until it is known how far an import is.
const readingWord = "Reading "

// importing is an import under way.
type importing struct {
	feed *feed

	mu    sync.Mutex
	far   rollout.ImportProgress
	begun bool // whether it is known how far
	// from says what is read, until it is known how far; empty where something else
	// says so.
	from string
}

// tell takes how far it is, from whichever goroutine.
func (i *importing) tell(far rollout.ImportProgress) {
	i.mu.Lock()
	i.far, i.begun = far, true
	i.mu.Unlock()
	i.feed.ring()
}

// wide is a width in which every line has room.
const wide = 200

// line is how far it is, with a bar where there is room; before the first mail it is
// what is read, or empty.
func (i *importing) line(width int) string {
	if i == nil {
		return ""
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.begun {
		return cut(i.from, width)
	}
	return i.far.Line(width)
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
	a.say(readingWord + finding.Clean(strings.Join(paths, ", "), 120) + " ...")
	under := &importing{feed: newFeed()}
	a.reading = under
	run := a.crew.errand(func(ctx context.Context) tea.Msg {
		defer under.feed.end()
		in, err := a.importer.Import(ctx, domain, paths, under.tell)
		return importedMsg{in, err}
	})
	return tea.Batch(run, under.feed.next(a.crew))
}

// followImport waits for how far an import is next: the footer shows it.
func (a *app) followImport(msg feedMsg) tea.Cmd {
	if a.reading.line(a.width) != "" && strings.HasPrefix(a.said, readingWord) {
		a.said = "" // the bar stands in its place
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
	if in.New > 0 && len(in.Untrusted) > 0 {
		n, sources := 0, []string{}
		for _, of := range in.Untrusted {
			n += of.Reports
			if source := finding.Clean(of.Source, 100); !slices.Contains(sources, source) {
				sources = append(sources, source)
			}
		}
		verb := "count"
		if n == 1 {
			verb = "counts"
		}
		said += fmt.Sprintf(" %d unsigned or changed on the way %s for nothing until you trust %s (t on the reports screen).", n, verb, strings.Join(sources, ", "))
	}
	if names := in.ForeignDomains; len(names) > 0 && in.Foreign == in.Reports {
		said += fmt.Sprintf(" %d left out, about domains without a rollout: %s.", in.Foreign, finding.Clean(strings.Join(names, ", "), 200))
	}
	if in.Pending > 0 {
		said += fmt.Sprintf(" %d wait for a key.", in.Pending)
	}
	if in.Differing > 0 {
		said += fmt.Sprintf(" %d came twice and did not say the same: the first counts.", in.Differing)
	}
	if in.Dropped > 0 {
		said += fmt.Sprintf(" %d dropped: nothing proves them, and too many claim to be one report.", in.Dropped)
	}
	if in.Unreadable > 0 {
		said += fmt.Sprintf(" %d unreadable.", in.Unreadable)
	}
	for _, of := range in.Sources {
		if of.Error != "" {
			said += fmt.Sprintf(" %s could not be read: %s.", finding.Clean(of.Source, 200), finding.Clean(of.Error, 300))
		}
	}
	return said
}
