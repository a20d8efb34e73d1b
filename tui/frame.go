package tui

import (
	"fmt"
	"strings"

	"belay/rollout"

	"github.com/charmbracelet/x/ansi"
)

// The smallest window in which the screens work, and the width from which the
// phases stand at the left.
const (
	leastWidth  = 60
	leastHeight = 16
	railFrom    = 100
	railWidth   = 26
)

func (a *app) small() bool { return a.width < leastWidth || a.height < leastHeight }

// View is the whole window, exactly as high and never wider: a view that is too
// tall loses its top rows.
func (a *app) View() string {
	if a.width == 0 || a.over {
		return ""
	}
	if a.small() {
		return cut(fmt.Sprintf("belay needs a window of %dx%d; this one is %dx%d", leastWidth, leastHeight, a.width, a.height), a.width)
	}
	lines := a.header()
	footer := a.footer()
	body := a.body(a.height - len(lines) - len(footer))
	lines = append(lines, body...)
	lines = append(lines, footer...)
	return strings.Join(lines, "\n")
}

// layout tells the screen and what lies over it how much room there is.
func (a *app) layout() {
	if a.small() {
		return
	}
	w, h := a.bodySize()
	a.top().SetSize(w, h)
	if a.reader != nil && (a.reader.pane.width != w || a.reader.pane.height != h-2) {
		a.reader.size(w, h)
	}
}

func (a *app) bodySize() (w, h int) {
	w, h = a.width, a.height-len(a.header())-len(a.footer())
	if a.rail() {
		w -= railWidth
	}
	return w, h
}

// rail reports whether the phases stand at the left.
func (a *app) rail() bool {
	_, ok := a.top().Rollout()
	return ok && a.width >= railFrom
}

// header is what a screen is about, the demo's banner, and below railFrom the
// phases on one line.
func (a *app) header() []string {
	left, right := a.top().Title()
	// The name of the screen matters more than what stands beside it.
	left = cut(left, a.width-2)
	right = cut(right, max(a.width-ansi.StringWidth(left)-6, 0))
	out := []string{both(" "+a.styles.title.Render(left), a.styles.muted.Render(right)+" ", a.width)}
	if a.lab != nil {
		out = append(out, cut(" "+a.styles.info.Render("demo: lab time "+a.when(a.lab.Now())+"; nothing outside this machine is touched"), a.width))
	}
	if r, ok := a.top().Rollout(); ok && !a.rail() && r.Phase != "" {
		out = append(out, a.strip(r))
	}
	return out
}

// strip is the way through the phases on one line.
func (a *app) strip(r rollout.Rollout) string {
	var parts []string
	for _, p := range rollout.Phases() {
		n := fmt.Sprint(p.Number())
		switch {
		case p == r.Phase:
			parts = append(parts, a.styles.strong.Render("["+p.String()+"]"))
		case p.Before(r.Phase):
			parts = append(parts, a.styles.ok.Render(n+" done"))
		default:
			parts = append(parts, a.styles.muted.Render(n))
		}
	}
	if r.Phase.Number() == 0 {
		parts = append(parts, a.styles.strong.Render("["+r.Phase.Title()+"]"))
	}
	return cut(" "+strings.Join(parts, "  "), a.width)
}

// railLines are the phases at the left of a wide window.
func (a *app) railLines(r rollout.Rollout, h int) []string {
	out := []string{""}
	for _, p := range append(rollout.Phases(), rollout.Holding) {
		name := fmt.Sprintf("%d %s", p.Number(), p.Title())
		if p.Number() == 0 {
			name = "  " + p.Title()
		}
		switch {
		case p == r.Phase:
			out = append(out, a.styles.strong.Render("> "+name))
		case p.Before(r.Phase):
			out = append(out, a.styles.ok.Render("  "+name+" ok"))
		default:
			out = append(out, a.styles.muted.Render("  "+name))
		}
	}
	for len(out) < h {
		out = append(out, "")
	}
	return out[:h]
}

// body is the screen, or what lies over it, in exactly h lines.
func (a *app) body(h int) []string {
	w := a.width
	var rail []string
	if a.rail() {
		r, _ := a.top().Rollout()
		rail = a.railLines(r, h)
		w -= railWidth
	}
	var lines []string
	switch {
	case a.dialog != nil:
		lines = a.dialog.view(w, h)
	case a.reader != nil:
		lines = a.reader.view(a.styles)
	case a.faults != nil:
		lines = a.faults.view(w, h)
	default:
		lines = a.top().View()
	}
	for len(lines) < h {
		lines = append(lines, "")
	}
	lines = lines[:h]
	for i := range lines {
		if rail != nil {
			lines[i] = pad(" "+rail[i], railWidth-2) + a.styles.muted.Render("│") + " " + lines[i]
		}
		lines[i] = cut(lines[i], a.width)
	}
	return lines
}

// footer is what was said last, and what the keys do.
func (a *app) footer() []string {
	var out []string
	if a.said != "" {
		for _, l := range wrap(a.said, a.width-2) {
			out = append(out, " "+a.styles.next.Render(l))
		}
		out = out[:min(len(out), 3)]
	}
	if line := a.reading.line(a.width - 2); line != "" {
		out = append(out, " "+a.styles.next.Render(line))
	}
	acts := a.keys()
	switch {
	case a.dialog != nil:
		acts = a.dialog.keys()
	case a.reader != nil:
		acts = append(a.reader.acts[:len(a.reader.acts):len(a.reader.acts)], on("up/down", "scroll", nil), on("esc", "close", nil))
	case a.faults != nil:
		acts = a.faults.keys()
	}
	return append(out, a.keyLines(acts)...)
}

// From lowHeight down the keys take at most fewKeyLines, so that the screen itself keeps
// some room; ? tells all of them.
const (
	lowHeight   = 20
	fewKeyLines = 2
)

// keyLines are what the footer says of keys.
func (a *app) keyLines(acts []act) []string {
	var items []string
	kept := -1 // how to learn of the others
	for i, h := range footerActs(acts) {
		items = append(items, a.styles.key.Render(h.Key)+" "+h.Desc)
		if h.Desc == "help" {
			kept = i
		}
	}
	lines := flow(items, a.width-1)
	if a.height >= lowHeight || kept < 0 {
		return lines
	}
	for n := kept; len(lines) > fewKeyLines && n > 0; n-- {
		lines = flow(append(items[:n:n], "…", items[kept]), a.width-1)
	}
	return lines
}

// flow puts items beside each other into lines of w cells.
func flow(items []string, w int) []string {
	var out []string
	line := ""
	for _, item := range items {
		switch {
		case line == "":
			line = " " + item
		case ansi.StringWidth(line)+3+ansi.StringWidth(item) > w:
			out = append(out, line)
			line = " " + item
		default:
			line += "   " + item
		}
	}
	return append(out, line)
}
