//go:build unix

package main

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"

	"belay/providers/lab"
	"belay/rollout"

	"github.com/creack/pty"
)

// typing runs belay at a terminal where somebody types line when asked, and
// returns what the terminal showed.
func (b *box) typing(line string, status int, args ...string) string {
	b.t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		b.t.Fatal(err)
	}
	var shown bytes.Buffer
	var watching sync.WaitGroup
	watching.Go(func() {
		asked := false
		for buf := make([]byte, 1024); ; {
			n, err := master.Read(buf)
			shown.Write(buf[:n])
			if err != nil {
				return
			}
			if !asked && strings.Contains(shown.String(), "Type the domain") {
				asked = true
				if _, err := master.WriteString(line + "\n"); err != nil {
					return
				}
			}
		}
	})
	b.setup = func(p *program) { p.in, p.errs = tty, tty }
	r := b.belay(args...)
	b.setup = nil
	tty.Close()
	watching.Wait()
	master.Close()
	if r.status != status {
		b.t.Fatalf("belay %s: exit %d, want %d\n%s%s", strings.Join(args, " "), r.status, status, r.out, shown.String())
	}
	return r.out + shown.String()
}

func TestAtATerminalTheDomainIsAskedFor(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.PublishDNS)
	for _, no := range []string{"", "y", "yes", "corp.tset"} {
		if out := b.typing(no, exitRefused, "next", b.Domain()); !strings.Contains(out, "nothing was done") {
			t.Errorf("typing %q ended in\n%s", no, out)
		}
	}
	if got := b.Records("mta-sts.corp.test", "A"); len(got) > 0 {
		t.Fatalf("it wrote %v without consent", got)
	}
	out := b.typing("Corp.Test", exitGood, "next", b.Domain())
	if !strings.Contains(out, "+ mta-sts.corp.test A 300") || !strings.Contains(out, "3 Host the policy") {
		t.Errorf("the plan was not shown or not carried out:\n%s", out)
	}
	b.to(rollout.Enforce)
	b.settled()
	out = b.typing("no", exitRefused, "next", b.Domain())
	if !strings.Contains(out, "Publish mode enforce for corp.test?") {
		t.Errorf("it does not say what enforce means:\n%s", out)
	}
}

// What is accepted at a terminal was shown there, though standard output holds JSON
// alone or leads elsewhere: a value of somebody else's is replaced by no other consent.
func TestWhatIsAcceptedIsShownWhereItIsAskedFor(t *testing.T) {
	const theirs = "v=TLSRPTv1; rua=mailto:theirs@corp.test"
	for _, more := range [][]string{{"--json"}, nil} {
		b := newBox(t, lab.Options{})
		if err := b.SetRRset("_smtp._tls."+b.Domain(), "TXT", 300, theirs); err != nil {
			t.Fatal(err)
		}
		b.start()
		b.to(rollout.PublishDNS)
		out := b.typing(b.Domain(), exitGood, append([]string{"next", b.Domain()}, more...)...)
		begins, asked := strings.Index(out, "plan "), strings.Index(out, "Type the domain")
		if begins < 0 || asked < begins || !strings.Contains(out[begins:asked], "- "+theirs) || !strings.Contains(out[begins:asked], "belay did not write what stands there now") {
			t.Errorf("%v: it asks without showing what it replaces:\n%s", more, out)
		}
		if more == nil {
			continue
		}
		b.settled()
		b.to(rollout.RaiseMaxAge)
		b.settled()
		out = b.typing(b.Domain(), exitGood, "step-back", b.Domain(), "--json")
		line, shown, _ := strings.Cut(out, "\n")
		if before, _, _ := strings.Cut(shown, "Type the domain"); !strings.HasPrefix(line, "{") || !strings.Contains(before, "plan ") || !strings.Contains(before, "mode: testing") {
			t.Errorf("the step back asks without showing its plan, or standard output is not JSON alone:\n%s", out)
		}
	}
}

func TestAReaderThatGoesAwayEndsNothing(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	b.to(rollout.PublishDNS)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	b.setup = func(p *program) { p.out = w }
	b.must(exitGood, "next", b.Domain(), "--yes")
	b.setup = nil
	w.Close()
	if s := b.status(); s.Phase != rollout.HostPolicy {
		t.Errorf("it stands in %s", s.Phase)
	}
}
