package inbox

import (
	"bytes"
	"net/mail"
	"strings"
	"time"
)

// headed is a mail as its header fields, the topmost first, and its body, every
// line ending in CRLF as it did on the wire.
type headed struct {
	fields [][]byte // whole, with name, colon and folded lines
	body   []byte
}

// headOf takes a mail apart. Lines that are no field end the header, as for every
// reader of mail.
func headOf(raw []byte) headed {
	var h headed
	rest := onWire(raw)
	for len(rest) > 0 {
		if body, empty := bytes.CutPrefix(rest, []byte("\r\n")); empty {
			h.body = body
			return h
		}
		line, after := field(rest)
		if bytes.IndexByte(line, ':') <= 0 {
			h.body = rest
			return h
		}
		h.fields = append(h.fields, line)
		rest = after
	}
	return h
}

// onWire is a mail with CRLF at the end of each line; what has it already is not
// copied.
func onWire(raw []byte) []byte {
	bare := bytes.Count(raw, []byte("\n")) - bytes.Count(raw, []byte("\r\n"))
	if bare == 0 {
		return raw
	}
	out := make([]byte, 0, len(raw)+bare)
	for i, c := range raw {
		if c == '\n' && (i == 0 || raw[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, c)
	}
	return out
}

// named is a field's value where the field has this name.
func named(f []byte, name string) (value []byte, ok bool) {
	n, value, _ := bytes.Cut(f, []byte(":"))
	return value, strings.EqualFold(string(bytes.TrimSpace(n)), name)
}

// received is when the last host took the mail: the date behind the last semicolon
// of the topmost Received field (RFC 5321 section 4.4). Whoever sends a mail can
// write such fields, but not above the one of the operator's own server. It is zero
// where that field is missing or has no date.
func (h headed) received() time.Time {
	for _, f := range h.fields {
		value, ok := named(f, "Received")
		if !ok {
			continue
		}
		i := bytes.LastIndexByte(value, ';')
		if i < 0 {
			return time.Time{}
		}
		at, err := mail.ParseDate(unfolded(value[i+1:]))
		if err != nil {
			return time.Time{}
		}
		return at.UTC()
	}
	return time.Time{}
}
