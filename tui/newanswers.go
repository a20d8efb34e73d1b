package tui

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"

	tea "github.com/charmbracelet/bubbletea"
)

// needed is a check that an answer is given.
func needed(what string) func(string) error {
	return func(s string) error {
		if s == "" {
			return fmt.Errorf("type %s", what)
		}
		return nil
	}
}

// points reads where mta-sts.DOMAIN is to point: addresses, or one host name.
func points(s string) (addresses []netip.Addr, cname string, err error) {
	for _, word := range strings.Fields(strings.ReplaceAll(s, ",", " ")) {
		if a, err := netip.ParseAddr(word); err == nil {
			addresses = append(addresses, a)
			continue
		}
		if cname != "" {
			return nil, "", errors.New("one host name is enough: a CNAME has one target")
		}
		ascii, _, err := mtasts.Domain(word)
		if err != nil {
			return nil, "", fmt.Errorf("%s is neither an address nor a host name", finding.Quote(word, 60))
		}
		cname = ascii
	}
	if cname != "" && len(addresses) > 0 {
		return nil, "", errors.New("give addresses or a host name, not both")
	}
	return addresses, cname, nil
}

func checkPoints(s string) error {
	_, _, err := points(s)
	return err
}

func checkRUA(s string) error {
	uris := strings.Fields(s)
	if len(uris) == 0 {
		return errors.New("type where reports go, such as mailto:tls-reports@your.domain")
	}
	for _, u := range uris {
		if err := tlsrpt.ValidURI(u); err != nil {
			return err
		}
	}
	return nil
}

// settings are the answers; it fails with the first that is not good.
func (n *newRollout) settings() (domain string, s rollout.Settings, err error) {
	for _, q := range n.questions() {
		if q.field != nil && !q.field.good() {
			return "", s, fmt.Errorf("%s: %s", q.label, q.field.trouble)
		}
	}
	s = rollout.DefaultSettings()
	s.DNS = rollout.Account{Provider: n.dns.choice.id()}
	if p, ok := n.provider(); ok && len(p.Fields) > 0 {
		s.DNS.Name = n.account.field.value()
	}
	s.Host = rollout.HostAccount{Kind: n.host.choice.id()}
	if where := n.where(); where != nil {
		s.Host.Place = strings.TrimPrefix(where.field.value(), s.Host.Kind+":")
	}
	if s.Delegate = delegated(s.Host); !pointsItself(s.Host.Kind) {
		s.HostAddresses, s.HostCNAME, _ = points(n.points.field.value()) // checked above
	}
	s.RUA = strings.Fields(n.rua.field.value())
	if in := n.inbox.field.value(); in != "" {
		s.Inboxes = []string{in}
	}
	n.moreSettings(&s)
	if n.lab != nil { // no other domain is there
		s.Senders = n.lab.Spare().Senders
	}
	return n.ascii(), s, nil
}

// tryAccounts keeps what was typed for this session and proves that it reaches
// the zone and the host.
func (n *newRollout) tryAccounts() tea.Cmd {
	domain, s, err := n.settings()
	if n.busy != "" {
		return nil
	}
	n.err, n.trial = err, nil
	if err != nil {
		n.toWrong()
		return nil
	}
	for _, q := range n.credentials {
		if v := q.field.value(); v != "" {
			n.accounts.Keep(s.DNS.Provider, s.DNS.Name, q.field.label, v)
		}
	}
	n.keepHostLogin()
	n.busy = "Trying the accounts; nothing is written ..."
	var cmd tea.Cmd
	n.seen = live{}
	n.looking, cmd = n.kit.look(n.busy, func(ctx context.Context, l *look) tea.Msg {
		trial, err := n.accounts.Try(ctx, domain, s)
		return triedMsg{l, trial, err}
	})
	return cmd
}

// toWrong goes to the first answer that is not good.
func (n *newRollout) toWrong() {
	for _, q := range n.questions() {
		if q.wrong() {
			n.at = q
			q.enter()
			return
		}
	}
}

func (n *newRollout) tried(msg triedMsg) {
	if msg.look != n.looking {
		return
	}
	n.looking, n.busy, n.err = nil, "", msg.err
	if msg.err == nil {
		n.trial = &msg.trial
		n.at = n.start
	}
	n.render()
}

// create starts the rollout, where nothing is live yet.
func (n *newRollout) create() tea.Cmd { return n.createAdopting(rollout.AdoptConsent{}) }

// createAdopting starts the rollout; what is live is adopted where adopt covers it.
func (n *newRollout) createAdopting(adopt rollout.AdoptConsent) tea.Cmd {
	domain, s, err := n.settings()
	if n.busy != "" {
		return nil
	}
	if n.err = err; err != nil {
		return nil
	}
	n.busy = "Looking at " + domain + " before its rollout starts ..."
	var cmd tea.Cmd
	n.seen = live{}
	n.looking, cmd = n.kit.look(n.busy, func(ctx context.Context, l *look) tea.Msg {
		_, err := n.engine.Create(ctx, domain, s, adopt, l.feed.sink)
		return createdMsg{l, domain, err}
	})
	return cmd
}

func (n *newRollout) created(msg createdMsg) tea.Cmd {
	if msg.look != n.looking {
		return nil
	}
	n.looking, n.busy, n.err = nil, "", msg.err
	n.render()
	if live, ok := errors.AsType[*rollout.AdoptionError](msg.err); ok && live.Found.Any() {
		return n.nav.ask(n.askAdoption(live.Found))
	}
	if msg.err != nil {
		return nil
	}
	n.nav.back()
	n.draft = nil
	return n.nav.open(newPhase(n.kit, msg.domain))
}

// render lays the form out and keeps the question that is asked in view.
func (n *newRollout) render() {
	if n.width == 0 {
		return
	}
	n.pane.size(n.width, n.height)
	w := n.pane.reading()
	var lines []string
	var marks []int
	n.pane.at = 0
	for i, q := range n.questions() {
		if q == n.at {
			n.pane.at = i
		}
		marks = append(marks, len(lines))
		lines = append(lines, n.ask(q, w)...)
	}
	if n.trial != nil {
		lines = append(lines, "", n.styles.ok.Render("What was reached:"))
		for _, l := range n.trial.Lines {
			lines = append(lines, indent(finding.Clean(l, 400), 2, w)...)
		}
	}
	if n.busy != "" {
		lines = append(lines, "", n.styles.next.Render(n.busy))
		lines = append(lines, n.seen.lines(n.styles, w)...)
	}
	if n.err != nil {
		lines = append(lines, "")
		lines = append(lines, indent(n.styles.fail.Render("FAIL  "+plain(n.err)), 0, w)...)
	}
	n.pane.fill(lines, marks)
	if at := marks[n.pane.at]; at < n.pane.top || at >= n.pane.top+n.pane.window()-1 {
		n.pane.top = at
	}
	if n.busy != "" || n.err != nil || n.trial != nil {
		n.pane.top = len(lines)
	}
	n.pane.clamp()
}

// ask is a question with its answer, its note and what is wrong with it.
func (n *newRollout) ask(q *question, w int) []string {
	var out []string
	switch {
	case q.do != nil:
		label := "[ " + q.label + " ]"
		if q == n.at {
			label = n.styles.strong.Render(label)
		}
		return []string{label}
	case q.choice != nil:
		out = append(out, fit(q.label+":", labelCells)+q.choice.line(n.styles, q == n.at, w-labelCells))
	case q.field.text() == "":
		out = append(out, n.hinted(q, w)...)
		if q.field.trouble != "" {
			out = append(out, indent(n.styles.fail.Render(q.field.trouble), labelCells, w)...)
		}
	default:
		out = append(out, fit(q.label+":", labelCells)+q.field.line(n.styles, w-labelCells))
		if q.field.trouble != "" {
			out = append(out, indent(n.styles.fail.Render(q.field.trouble), labelCells, w)...)
		}
	}
	if q.note != "" {
		out = append(out, indent(n.styles.muted.Render(q.note), labelCells, w)...)
	}
	return out
}

// hinted is a question without an answer: its hint whole, in as many lines as it takes.
func (n *newRollout) hinted(q *question, w int) []string {
	lead := fit(q.label+":", labelCells)
	cursor := ""
	if q.field.focused {
		cursor = "_ "
	}
	var out []string
	for _, l := range wrap(cursor+q.field.hint, w-labelCells) {
		bare := strings.TrimPrefix(l, cursor)
		if len(out) > 0 || cursor == "" {
			bare, cursor = l, ""
		}
		out = append(out, lead+cursor+n.styles.muted.Render(bare))
		lead, cursor = strings.Repeat(" ", labelCells), ""
	}
	return out
}
