package tlsrpt

import (
	"fmt"

	"belay/rollout/finding"
)

// walker reads the structure of a JSON text: objects and arrays, member names
// that may stand once, and whatever is passed over. It keeps the names of the
// objects it is in, and a bounded table of short strings that come again and again.
type walker struct {
	scanner
	depth int
	// names holds the member names seen in the objects being read, the innermost
	// last; ends are their ends in it.
	names []byte
	ends  []int
	seen  map[string]string
}

const (
	// maxDepth bounds how deep objects and arrays may stand in one another. A
	// report needs five.
	maxDepth = 32
	// maxMembers bounds the members of one object. A report needs nine.
	maxMembers = 128
	// maxName bounds a member's name, in bytes: the names of an object are kept while
	// it is read. The longest in a report has 30.
	maxName = 1 << 10
	// The table of known strings: how many, and how long each may be.
	maxSeen       = 2048
	maxSeenLength = 128
)

func (w *walker) reset(names map[string]string) {
	w.depth, w.names, w.ends = 0, w.names[:0], w.ends[:0]
	w.seen = names
}

// keep returns text as a string, the same one for the same text.
func (w *walker) keep(text []byte) string {
	if len(text) > maxSeenLength {
		return string(text)
	}
	if s, ok := w.seen[string(text)]; ok {
		return s
	}
	if len(w.seen) >= maxSeen {
		clear(w.seen)
	}
	s := string(text)
	w.seen[s] = s
	return s
}

// member returns a member's name. Those of RFC 8460 stand in every report, many times
// over in a large one, and need no table.
func (w *walker) member(text []byte) string {
	switch string(text) {
	case "organization-name":
		return "organization-name"
	case "date-range":
		return "date-range"
	case "start-datetime":
		return "start-datetime"
	case "end-datetime":
		return "end-datetime"
	case "contact-info":
		return "contact-info"
	case "report-id":
		return "report-id"
	case "policies":
		return "policies"
	case "policy":
		return "policy"
	case "policy-type":
		return "policy-type"
	case "policy-string":
		return "policy-string"
	case "policy-domain":
		return "policy-domain"
	case "mx-host":
		return "mx-host"
	case "summary":
		return "summary"
	case "total-successful-session-count":
		return "total-successful-session-count"
	case "total-failure-session-count":
		return "total-failure-session-count"
	case "failure-details":
		return "failure-details"
	case "result-type":
		return "result-type"
	case "sending-mta-ip":
		return "sending-mta-ip"
	case "receiving-mx-hostname":
		return "receiving-mx-hostname"
	case "receiving-mx-helo":
		return "receiving-mx-helo"
	case "receiving-ip":
		return "receiving-ip"
	case "failed-session-count":
		return "failed-session-count"
	case "failure-reason-code":
		return "failure-reason-code"
	}
	return w.keep(text)
}

// enter and leave bracket an object or array.
func (w *walker) enter(open byte) bool {
	if w.depth == maxDepth {
		w.stop("objects and arrays stand more than %d deep in one another", maxDepth)
		return false
	}
	w.depth++
	return w.expect(open)
}

// more reports whether another item follows in the object or array that close
// ends, and consumes what separates or ends them.
func (w *walker) more(first bool, close byte) bool {
	c := w.next()
	switch {
	case w.fault != nil:
		return false
	case c == close:
		w.pos++
		w.depth--
		return false
	case first:
		return true
	case c == ',':
		w.pos++
		return true
	}
	w.unexpected("a comma")
	return false
}

// object reads the object that comes next and calls visit for each member, which
// must consume its value. A name that stands twice stops the scan.
func (w *walker) object(visit func(name string)) {
	if !w.enter('{') {
		return
	}
	mark, outer := len(w.names), len(w.ends)
	for first := true; w.more(first, '}'); first = false {
		w.next()
		at := w.place()
		text := w.str()
		if len(text) > maxName {
			w.stopAt(at, fmt.Errorf("a member name is longer than %d bytes", maxName))
		}
		if w.fault != nil {
			return
		}
		name := w.member(text)
		w.once(name, at, mark, outer)
		if !w.expect(':') {
			return
		}
		w.next()
		visit(name)
	}
	w.names, w.ends = w.names[:mark], w.ends[:outer]
}

// once records a member name and stops the scan if the object has it already.
func (w *walker) once(name string, at place, mark, outer int) {
	start := mark
	for _, end := range w.ends[outer:] {
		if end-start == len(name) && string(w.names[start:end]) == name {
			w.stopAt(at, fmt.Errorf("the member %s stands twice in one object", finding.Quote(name, 60)))
			return
		}
		start = end
	}
	if len(w.ends)-outer == maxMembers {
		w.stopAt(at, fmt.Errorf("an object has more than %d members", maxMembers))
		return
	}
	w.names = append(w.names, name...)
	w.ends = append(w.ends, len(w.names))
}

// array reads the array that comes next and calls visit for each element, which
// must consume it.
func (w *walker) array(visit func()) {
	if !w.enter('[') {
		return
	}
	for first := true; w.more(first, ']'); first = false {
		w.next()
		visit()
	}
}

// skip reads the value that comes next and forgets it. It is held to the grammar
// all the same.
func (w *walker) skip() {
	switch c := w.next(); {
	case c == '{':
		w.object(func(string) { w.skip() })
	case c == '[':
		w.array(w.skip)
	case c == '"':
		w.str()
	case c == '-' || '0' <= c && c <= '9':
		w.number()
	case 'a' <= c && c <= 'z':
		w.literal()
	default:
		w.unexpected("a value")
	}
}
