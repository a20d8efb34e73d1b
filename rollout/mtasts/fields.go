package mtasts

import (
	"fmt"
	"strings"
)

// Field is one name=value field of a TXT record.
type Field struct {
	Name, Value string
	// NameAt and ValueAt are where they begin in the text, in bytes from 0.
	NameAt, ValueAt int
}

// Fields splits the text of a TXT record into its fields, by the grammar that RFC
// 8461 3.1 and RFC 8460 3 share: name=value pairs, a ";" with optional spaces and
// tabs between them, one ";" allowed at the end. Where the text departs from it,
// fault is called with the byte it happens at, from 0, and the reason; the fields
// are then what the author seems to have meant. Values are not judged: see
// Field.Fault.
func Fields(txt string, fault func(at int, reason string)) []Field {
	for i := 0; i < len(txt); i++ {
		if c := txt[i]; c > 0x7e || c < ' ' && c != '\t' {
			fault(i, fmt.Sprintf("has the byte 0x%02X, which is not printable ASCII", c))
			break
		}
	}
	var fields []Field
	segments := strings.Split(txt, ";")
	at := 0
	for i, segment := range segments {
		last := i == len(segments)-1
		body := strings.TrimLeft(segment, wsp)
		start := at + len(segment) - len(body)
		trimmed := strings.TrimRight(body, wsp)
		switch {
		case trimmed == "" && last && i > 0: // the one delimiter allowed at the end
		case trimmed == "":
			fault(at, "has an empty field")
		case i == 0 && start > 0:
			fault(0, "begins with a space")
		case last && len(body) > len(trimmed):
			fault(start+len(trimmed), "ends in a space without a ; before it")
		}
		if trimmed != "" {
			if f, ok := field(trimmed, start, fault); ok {
				fields = append(fields, f)
			}
		}
		at += len(segment) + 1
	}
	return fields
}

const wsp = " \t"

// field reads one pair that begins at byte at.
func field(text string, at int, fault func(int, string)) (Field, bool) {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		fault(at, "has a field that is not name=value")
		return Field{}, false
	}
	f := Field{strings.TrimRight(name, wsp), strings.TrimLeft(value, wsp), at, at + len(name) + 1}
	f.ValueAt += len(value) - len(f.Value)
	if len(f.Name) != len(name) || len(f.Value) != len(value) {
		fault(at+len(f.Name), `has a space beside "="`)
	} else if i, reason := badName(f.Name); reason != "" {
		fault(at+i, reason)
	}
	return f, true
}

// Fault says what is wrong with f as an extension field, and at which byte of the
// text; the reason is empty if nothing is. A value is one or more printable ASCII
// characters other than space, "=" and ";".
func (f Field) Fault() (at int, reason string) {
	if f.Value == "" {
		return f.ValueAt, "has a field without a value"
	}
	for i := 0; i < len(f.Value); i++ {
		if c := f.Value[i]; c <= ' ' || c > 0x7e || c == '=' || c == ';' {
			return f.ValueAt + i, fmt.Sprintf("has the character %q in the value of an unknown field", printable(c))
		}
	}
	return 0, ""
}

// badName says why name is no name of a field (RFC 8461 3.1, 3.2: a letter or
// digit, then up to 31 of those, "_", "-" and "."), and at which byte.
func badName(name string) (at int, reason string) {
	if name == "" {
		return 0, "has a field without a name"
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; !alnum(c) && (i == 0 || !strings.ContainsRune("_-.", rune(c))) {
			return i, fmt.Sprintf("has the character %q in the name of a field", printable(c))
		}
	}
	if len(name) > 32 {
		return 32, "has a field whose name is longer than 32 characters"
	}
	return 0, ""
}
