package lab

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// ReportMailbox is the local part of the address that takes TLS reports at each
// of the lab's mail domains.
const ReportMailbox = "tlsrpt"

// deliveryLog counts the mail that MX hosts took.
type deliveryLog struct {
	mu     sync.Mutex
	byHost map[string]int
	kept   int // messages written to the Maildir
}

// acceptsMail reports whether recipient is at one of the lab's mail domains.
func (l *Lab) acceptsMail(recipient string) bool {
	local, domain, ok := cutLast(strings.ToLower(recipient), "@")
	return ok && local != "" && slices.Contains(l.options.domains(), domain)
}

// take is what an MX host does with a message: it counts it, and keeps it where it
// is for the report mailbox.
func (l *Lab) take(host string, recipients []string, message []byte) error {
	l.delivered.mu.Lock()
	defer l.delivered.mu.Unlock()
	if l.delivered.byHost == nil {
		l.delivered.byHost = map[string]int{}
	}
	for _, to := range recipients {
		local, _, _ := cutLast(strings.ToLower(to), "@")
		if local != ReportMailbox {
			continue
		}
		l.delivered.kept++
		if err := keep(l.folder.inbox(), l.delivered.kept, host, message); err != nil {
			return err
		}
	}
	l.delivered.byHost[host]++
	return nil
}

// Deliveries is how many messages each MX host has taken so far, reports among
// them.
func (l *Lab) Deliveries() map[string]int {
	l.delivered.mu.Lock()
	defer l.delivered.mu.Unlock()
	return maps.Clone(l.delivered.byHost)
}

// keep writes a message into a Maildir: whole into tmp, then moved to new, so that
// a reader never sees a part of it. Lines end as in files, not as on the wire.
func keep(maildir string, number int, host string, message []byte) error {
	name := fmt.Sprintf("%06d.%s", number, host)
	draft := filepath.Join(maildir, "tmp", name)
	text := bytes.ReplaceAll(message, []byte("\r\n"), []byte("\n"))
	if err := os.WriteFile(draft, text, 0o600); err != nil {
		return fmt.Errorf("keep a message in the lab's Maildir: %w", err)
	}
	if err := os.Rename(draft, filepath.Join(maildir, "new", name)); err != nil {
		return fmt.Errorf("keep a message in the lab's Maildir: %w", err)
	}
	return nil
}

// cutLast cuts s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
