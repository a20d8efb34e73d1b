package lab

import (
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// questionLog keeps what the recursive resolver was asked.
type questionLog struct {
	mu   sync.Mutex
	list []string
}

// mostQuestions bounds the log: a demo runs for hours.
const mostQuestions = 10000

func (q *questionLog) note(name string, typ uint16) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) < mostQuestions {
		q.list = append(q.list, strings.TrimSuffix(name, ".")+" "+dns.TypeToString[typ])
	}
}

// Resolved are the first ten thousand questions that clients put to the recursive
// resolver, in order, as "name TYPE". What it was asked it may remember, the
// absence of a name too.
func (l *Lab) Resolved() []string {
	l.asked.mu.Lock()
	defer l.asked.mu.Unlock()
	return slices.Clone(l.asked.list)
}
