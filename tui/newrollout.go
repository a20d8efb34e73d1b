package tui

import (
	"context"
	"fmt"
	"strings"

	"belay/providers"
	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"

	tea "github.com/charmbracelet/bubbletea"
)

// newRollout asks what a rollout needs to know. Each answer is checked as it is
// given: the domain by asking for its name servers, the accounts by trying them
// without writing. Only what was tried can be started, and starting writes into
// belay's own store alone.
type newRollout struct {
	*kit
	width, height int
	pane          pane

	domain, place, folder, remote, points, rua, inbox *question
	account                                           *question // which login at the DNS provider
	dns, host                                         *question
	credentials                                       []*question
	logins                                            map[string][]*question // at policy hosts, by kind
	more, delegate, ttl                               *question
	try, start                                        *question
	at                                                *question
	// suggested is the address for reports that the form itself filled in; it goes with
	// the domain until somebody types another.
	suggested string

	detection *rollout.Detection
	// recognised says what the name servers tell of the provider.
	recognised string
	trial      *rollout.Trial
	busy       string // what is under way
	looking    *look
	seen       live
	err        error
}

// detectedMsg is what the name servers told.
type detectedMsg struct {
	domain    string
	detection rollout.Detection
	err       error
}

// triedMsg is what trying the accounts showed.
type triedMsg struct {
	look  *look
	trial rollout.Trial
	err   error
}

// createdMsg is the end of creating a rollout.
type createdMsg struct {
	look   *look
	domain string
	err    error
}

// A form that was left is opened again with its answers.
func newRolloutForm(k *kit) *newRollout {
	if k.draft != nil {
		return k.draft
	}
	n := &newRollout{kit: k, logins: map[string][]*question{}}
	n.domain = &question{label: "Domain", left: n.detect,
		field: newField("Domain", "the part of your mail addresses behind the @", func(s string) error {
			_, _, err := mtasts.Domain(s)
			return err
		})}
	n.dns = &question{label: "DNS", choice: options(providers.DNS), left: n.askCredentials}
	n.account = &question{label: "Account", left: n.askCredentials,
		field: newField("Account", "empty: the usual login there; else its name", checkAccount)}
	n.host = &question{label: "Policy host", choice: options(providers.Host)}
	n.place = &question{label: "Directory", field: newField("Directory", "the web root of mta-sts.DOMAIN, such as /srv/www/mta-sts", needed("the directory that the web server serves"))}
	n.folder = &question{label: "Folder", field: newField("Folder", "what you publish at https://mta-sts.DOMAIN/, such as /home/me/mta-sts-pages", needed("the folder that you publish"))}
	n.remote = &question{label: "SFTP URL", field: newField("SFTP URL", "sftp://USER@HOST/DIRECTORY; belay logs in by agent or key", needed("the machine and the directory that its web server serves"))}
	n.points = &question{label: "mta-sts points to", field: newField("mta-sts points to", "addresses or one host name; empty: what is there stays", checkPoints)}
	n.rua = &question{label: "Reports to", field: newField("Reports to", "type an address that you read, such as mailto:tls-reports@DOMAIN", checkRUA)}
	n.inbox = &question{label: "Read reports from", field: newField("Read reports from", "a Maildir or folder; empty: imported by hand", nil)}
	n.more, n.delegate, n.ttl = moreQuestions()
	n.try = &question{label: "Try these answers; nothing is written", do: n.tryAccounts}
	n.start = &question{label: "Start the rollout; nothing is published yet", do: n.create}
	n.at = n.domain
	n.fillSpare()
	n.domain.enter()
	n.askCredentials()
	return n
}

// newRolloutOf is the form with a domain in it.
func newRolloutOf(k *kit, domain string) *newRollout {
	if k.draft != nil && k.draft.ascii() != domain {
		k.draft = nil
	}
	n := newRolloutForm(k)
	n.domain.field.set(domain)
	return n
}

func options(kind providers.Kind) *choice {
	c := &choice{}
	for _, p := range providers.Of(kind) {
		c.options = append(c.options, option{p.ID, p.Label})
	}
	return c
}

// questions are those that are to be answered now, in order.
func (n *newRollout) questions() []*question {
	out := []*question{n.domain, n.dns}
	if p, ok := n.provider(); ok && len(p.Fields) > 0 {
		out = append(out, n.account)
	}
	out = append(out, n.credentials...)
	out = append(out, n.host)
	if where := n.where(); where != nil {
		out = append(out, where)
	}
	out = append(out, n.hostLogin()...)
	if !pointsItself(n.host.choice.id()) {
		out = append(out, n.points)
	}
	out = append(out, n.rua, n.inbox, n.more)
	if n.moreAsked() {
		out = append(out, n.delegate, n.ttl)
	}
	out = append(out, n.try)
	if n.trial != nil {
		out = append(out, n.start)
	}
	return out
}

// where asks for the place of a policy host that has one; else it is nil.
func (n *newRollout) where() *question {
	switch n.host.choice.id() {
	case "webroot":
		return n.place
	case "sftp":
		return n.remote
	case "static":
		return n.folder
	}
	return nil
}

func (n *newRollout) Init() tea.Cmd { return nil }
func (n *newRollout) Typing() bool  { return true }
func (n *newRollout) Title() (string, string) {
	return "belay   new rollout", "nothing is changed here"
}
func (n *newRollout) Rollout() (rollout.Rollout, bool) { return rollout.Rollout{}, false }

func (n *newRollout) Close() {
	if n.looking != nil {
		n.looking.cancel()
		n.looking, n.busy = nil, ""
	}
	n.draft = n
}

// empty forgets every answer.
func (n *newRollout) empty() tea.Cmd {
	n.Close()
	n.draft = nil
	n.nav.back()
	n.draft = nil
	return n.nav.open(newRolloutForm(n.kit))
}

func (n *newRollout) SetSize(w, h int) {
	if n.width != w || n.height != h {
		n.width, n.height = w, h
		n.render()
	}
}

func (n *newRollout) View() []string { return n.pane.view() }

func (n *newRollout) KeyMap() []act {
	acts := []act{}
	switch {
	case n.at.choice != nil:
		acts = append(acts, on("left/right", "choose", func() tea.Cmd { return nil }, "left", "right"))
	case n.at.do != nil:
		acts = append(acts, on("enter", "do it", n.at.do))
	}
	acts = append(acts,
		on("tab", "next", func() tea.Cmd { return n.turn(1) }, "tab", "down", "enter"),
		on("shift+tab", "back", func() tea.Cmd { return n.turn(-1) }, "shift+tab", "up"),
		on("esc", "leave", n.nav.back))
	acts = append(acts, n.rightsActs()...)
	return append(acts,
		quietly("ctrl+r", "forget the answers", n.empty),
		quietly("pgdown", "scroll", func() tea.Cmd { n.pane.page(1); return nil }, "pgdown"),
		quietly("pgup", "scroll back", func() tea.Cmd { n.pane.page(-1); return nil }, "pgup"))
}

func (n *newRollout) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyMsg:
		return n.key(msg)
	case detectedMsg:
		return n.detected(msg)
	case triedMsg:
		n.tried(msg)
	case createdMsg:
		return n.created(msg)
	case feedMsg:
		if n.looking != nil && msg.feed == n.looking.feed {
			for _, ev := range msg.events {
				n.seen.take(ev)
			}
			n.render()
			if !msg.ended {
				return msg.feed.next(n.crew)
			}
		}
	}
	return nil
}

func (n *newRollout) key(msg tea.KeyMsg) tea.Cmd {
	defer n.render()
	if c := n.at.choice; c != nil {
		switch msg.String() {
		case "left":
			c.turn(-1)
			n.trial = nil
			return nil
		case "right", " ":
			c.turn(1)
			n.trial = nil
			return nil
		}
	}
	if n.at.field == nil || msg.String() != "left" && msg.String() != "right" {
		if cmd, ok := press(n.KeyMap(), msg); ok {
			return cmd
		}
	}
	if n.at.field != nil {
		n.at.field.update(msg)
		n.noteReports()
		n.trial = nil // what was tried is no longer what stands there
	}
	return nil
}

// turn leaves the question for the next or the one before. A wrong answer is said
// and stays under the cursor until it is mended; back leads away from it.
func (n *newRollout) turn(by int) tea.Cmd {
	cmd := n.at.leave()
	if by > 0 && n.at.wrong() {
		n.at.enter()
		n.render()
		return nil
	}
	qs := n.questions()
	for i, q := range qs {
		if q == n.at {
			n.at = qs[max(0, min(i+by, len(qs)-1))]
			break
		}
	}
	n.at.enter()
	n.render()
	return cmd
}

// detect asks where the zone is kept.
func (n *newRollout) detect() tea.Cmd {
	domain := n.ascii()
	n.detection = nil
	n.domain.note = "asking for the name servers of " + domain + " ..."
	n.suggestReports(domain)
	return n.crew.errand(func(ctx context.Context) tea.Msg {
		d, err := n.accounts.Detect(ctx, domain)
		return detectedMsg{domain, d, err}
	})
}

// ascii is the domain as it stands, in A-labels.
func (n *newRollout) ascii() string {
	ascii, _, _ := mtasts.Domain(n.domain.field.value())
	return ascii
}

func (n *newRollout) detected(msg detectedMsg) tea.Cmd {
	if msg.domain != n.ascii() {
		return nil
	}
	defer n.render()
	if msg.err != nil {
		n.domain.note = plain(msg.err)
		return nil
	}
	d := msg.detection
	n.detection = &d
	n.spareDetected()
	n.domain.note = fmt.Sprintf("zone %s at %s", d.Zone, strings.Join(d.NameServers, ", "))
	if len(d.MX) > 0 {
		n.domain.note += "; MX " + strings.Join(d.MX, ", ")
	}
	n.domain.note = finding.Clean(n.domain.note, 300)
	id := n.detection.Provider
	if p, ok := providers.Lookup(providers.DNS, id); ok {
		n.recognised = "The name servers are " + p.Label + "'s."
	} else {
		id, n.recognised = "manual", "The name servers tell no provider that belay knows: choose one, or change the records by hand."
	}
	n.spareRecognised()
	n.dns.choice.pick(id)
	n.dns.was = id
	return n.askCredentials()
}
