package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"

	tea "github.com/charmbracelet/bubbletea"
)

// check looks at any domain, whether or not there is a rollout of it.
type check struct {
	*kit
	pane          pane
	width, height int
	domain        *field
	typing        bool
	asked         string // the domain that is or was looked at
	looking       *look
	feed          *feed             // what the last look tells; its end may come after the look's
	talk          talk              // what was asked, and what was answered
	found         []finding.Finding // what was concluded so far
	evidence      *rollout.Evidence
	err           error
	items         []row
}

// checkedMsg is the end of a check.
type checkedMsg struct {
	look     *look
	evidence rollout.Evidence
	err      error
}

func newCheck(k *kit, domain string) *check {
	c := &check{kit: k, typing: true}
	c.domain = newField("domain", "the mail domain, such as corp.example", func(s string) error {
		_, _, err := mtasts.Domain(s)
		return err
	})
	c.domain.set(domain)
	c.domain.focus()
	return c
}

func (c *check) Init() tea.Cmd                    { return nil }
func (c *check) Typing() bool                     { return c.typing }
func (c *check) Rollout() (rollout.Rollout, bool) { return rollout.Rollout{}, false }

func (c *check) Close() {
	if c.looking != nil {
		c.looking.cancel()
		c.looking = nil
	}
}

func (c *check) Title() (string, string) {
	if c.evidence == nil {
		return "belay   check", "looks only, changes nothing"
	}
	return "belay   check   " + shownDomain(c.asked), "verdict: " + word(c.evidence.Verdict())
}

func (c *check) SetSize(w, h int) {
	if c.width != w || c.height != h {
		c.width, c.height = w, h
		c.render()
	}
}

func (c *check) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyMsg:
		return c.typed(msg)
	case feedMsg:
		if msg.feed != c.feed {
			return nil
		}
		for _, ev := range msg.events {
			c.talk.take(ev)
			if ev.Kind == rollout.Concluded && ev.Finding != nil {
				c.found = append(c.found, *ev.Finding)
			}
		}
		c.render()
		if !msg.ended {
			return msg.feed.next(c.crew)
		}
	case beatMsg:
		if c.looking != nil && msg.feed == c.looking.feed {
			c.render()
			return c.after(beat, msg)
		}
	case checkedMsg:
		if msg.look != c.looking {
			return nil
		}
		c.looking, c.err = nil, msg.err
		// A look that ran out of time returns what it has beside the error.
		if msg.err == nil || len(msg.evidence.Findings) > 0 {
			c.evidence = &msg.evidence
		}
		c.render()
	}
	return nil
}

// typed is a key while the domain is typed.
func (c *check) typed(msg tea.KeyMsg) tea.Cmd {
	if !c.typing {
		return nil
	}
	if cmd, ok := press(c.KeyMap(), msg); ok {
		return cmd
	}
	c.domain.update(msg)
	return nil
}

func (c *check) start() tea.Cmd {
	if !c.domain.good() {
		return nil
	}
	ascii, _, _ := mtasts.Domain(c.domain.value()) // good has checked it
	return c.again(ascii)
}

// again looks at domain, from the beginning.
func (c *check) again(domain string) tea.Cmd {
	c.Close()
	c.focus(false)
	c.asked, c.evidence, c.err, c.talk, c.found, c.items = domain, nil, nil, talk{}, nil, nil
	var cmd tea.Cmd
	c.looking, cmd = c.kit.look("Looking at "+domain+".", func(ctx context.Context, l *look) tea.Msg {
		ev, err := c.engine.Check(ctx, domain, l.feed.sink)
		return checkedMsg{look: l, evidence: ev, err: err}
	})
	c.feed = c.looking.feed
	c.pane.end(false)
	c.render()
	return cmd
}

func (c *check) focus(typing bool) tea.Cmd {
	c.typing = typing
	if typing {
		c.domain.focus()
	} else {
		c.domain.blur()
	}
	return nil
}

func (c *check) render() {
	if c.width == 0 {
		return
	}
	c.pane.size(c.width, c.height-3)
	selected := ""
	if c.pane.at < len(c.items) && c.pane.at > 0 {
		selected = c.items[c.pane.at].who
	}
	w := c.pane.reading()
	var lines []string
	if c.err != nil {
		lines = append(lines, indent(c.styles.fail.Render("FAIL  could not look: "+plain(c.err)), 0, w)...)
	}
	var seen []group
	switch {
	case c.looking != nil:
		answered := 0
		for _, e := range c.talk.exchanges {
			answered += rank(e.answered)
		}
		lines = append(lines, c.styles.muted.Render(fmt.Sprintf("%d asked, %d answered, %s", len(c.talk.exchanges), answered, took(c.looking.watch.Elapsed()))))
		seen = stream(&c.talk, c.found)
	case c.evidence != nil:
		seen = groups(*c.evidence, "", c.clock.Now())
	}
	body, marks, rows := lay(c.styles, seen, w)
	for i := range marks {
		marks[i] += len(lines)
	}
	lines = append(lines, body...)
	if c.looking == nil && c.evidence != nil {
		if c.evidence.Cut != "" {
			lines = append(lines, indent(c.styles.warn.Render("warn  the look ended early: "+finding.Clean(c.evidence.Cut, 300)), 0, w)...)
		}
		lines = append(lines, c.styles.muted.Render("seen "+c.when(c.evidence.At)+" in "+took(c.evidence.Took)))
	}
	c.items = rows
	if i := slices.IndexFunc(rows, func(r row) bool { return r.who == selected }); i >= 0 && rows[min(c.pane.at, len(rows)-1)].who != selected {
		c.pane.at = i // what is selected stays so, wherever it has moved
	}
	c.pane.fill(lines, marks)
}

func (c *check) View() []string {
	ask := "  domain: " + c.domain.line(c.styles, c.width-12)
	trouble := ""
	if c.domain.trouble != "" {
		trouble = cut("  "+c.styles.fail.Render(c.domain.trouble), c.width)
	}
	return append([]string{ask, trouble, ""}, c.pane.view()...)
}

func (c *check) KeyMap() []act {
	if c.typing {
		acts := []act{on("enter", "look", c.start)}
		if c.asked != "" {
			return append(acts, on("esc", "to the findings", func() tea.Cmd { return c.focus(false) }))
		}
		return append(acts, on("esc", "back", c.nav.back))
	}
	acts := []act{on("/", "another domain", func() tea.Cmd { return c.focus(true) }, "/", "ctrl+l")}
	if c.asked != "" {
		acts = append(acts, on("r", "look again", func() tea.Cmd { return c.again(c.asked) }))
	}
	if at := c.pane.at; at < len(c.items) {
		r := c.items[at]
		acts = append(acts,
			on("enter", "details", func() tea.Cmd { c.nav.read(r.who, checkDetails(r, &c.talk)); return nil }),
			on("e", "explain", func() tea.Cmd { c.nav.read(r.who, explain(r)); return nil }),
			on("c", "copy the mend", func() tea.Cmd { return c.copyMend(r) }))
	}
	return append(acts, c.pane.moves()...)
}

// copyMend copies how what is wrong with r is mended.
func (c *check) copyMend(r row) tea.Cmd {
	fixes := mends(r)
	if len(fixes) == 0 {
		c.nav.say("Nothing is to be mended at " + cut(finding.Clean(r.who, 80), 40) + ".")
		return nil
	}
	c.nav.say("Copied how to mend " + cut(finding.Clean(r.who, 80), 40) + ".")
	return c.copy(strings.Join(fixes, "\n"))
}
