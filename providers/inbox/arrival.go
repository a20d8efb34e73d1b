package inbox

import (
	"bytes"
	"net/mail"
	"time"

	"belay/rollout/tlsrpt"
)

// headerLooked is how many bytes of a mail are searched for when it arrived.
const headerLooked = 64 << 10

// arrived is when a mail with a report in it came in: what the server says that
// took it last, in the first Received field, or where there is none, when its
// author says that it was written. It is zero where neither says so, and where it
// cannot be: before the period that the report is about, or a day after now.
func arrived(raw []byte, r tlsrpt.Report, now time.Time) time.Time {
	at := stamped(raw)
	if at.Before(r.Start) || at.After(now.Add(24*time.Hour)) {
		return time.Time{}
	}
	return at.UTC()
}

// stamped is the time in the first Received field of a mail, else in its Date
// field; zero without either.
func stamped(raw []byte) time.Time {
	head := raw[:min(len(raw), headerLooked)]
	for len(head) > 0 {
		line, rest := field(head)
		head = rest
		name, value, ok := bytes.Cut(line, []byte(":"))
		switch name = bytes.TrimSpace(name); {
		case len(bytes.TrimSpace(line)) == 0:
			return time.Time{}
		case !ok:
		case bytes.EqualFold(name, []byte("Received")):
			// The date stands behind the last semicolon (RFC 5321 section 4.4).
			if i := bytes.LastIndexByte(value, ';'); i >= 0 {
				if at, err := mail.ParseDate(unfolded(value[i+1:])); err == nil {
					return at
				}
			}
		case bytes.EqualFold(name, []byte("Date")):
			if at, err := mail.ParseDate(unfolded(value)); err == nil {
				return at
			}
		}
	}
	return time.Time{}
}

// field cuts the first header field off, with the lines that it goes on in.
func field(head []byte) (line, rest []byte) {
	for from := 0; ; {
		i := bytes.IndexByte(head[from:], '\n')
		if i < 0 {
			return head, nil
		}
		from += i + 1
		if from >= len(head) || head[from] != ' ' && head[from] != '\t' {
			return head[:from], head[from:]
		}
	}
}

// onOneLine reports whether value is words of plain ASCII with one space between them,
// as most values are.
func onOneLine(value []byte) bool {
	for i, c := range value {
		if c < ' ' || c >= 0x7f || c == ' ' && value[i-1] == ' ' {
			return false
		}
	}
	return true
}

// unfolded is a field's value on one line.
func unfolded(value []byte) string {
	value = bytes.TrimSpace(value)
	if onOneLine(value) {
		return string(value)
	}
	return string(bytes.Join(bytes.Fields(value), []byte(" ")))
}
