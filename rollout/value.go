package rollout

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"belay/rollout/mtasts"
)

// Value is what stands at a place: the values of one RRset, or a policy body, or
// nothing. Its zero value is nothing.
//
// In JSON nothing is null, records are an array of strings, a body is a string.
type Value struct {
	// Records are an RRset's values in canonical form, sorted: TXT joined and
	// unquoted, host names in lower case without the final dot, addresses as
	// netip prints them.
	Records []string
	// Body is a policy body, byte for byte.
	Body string
	// Exists is false for nothing; an empty body that is served exists.
	Exists bool
}

// Absent is the value of a place where nothing stands.
func Absent() Value { return Value{} }

// Records is the value of an RRset with these canonical values; none is Absent.
func Records(values ...string) Value {
	if len(values) == 0 {
		return Value{}
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return Value{Records: slices.Compact(sorted), Exists: true}
}

// Body is the value of a place that serves body.
func Body(body string) Value { return Value{Body: body, Exists: true} }

// Equal reports whether v and w are the same bytes or the same set of records.
// A TTL is no part of a value.
func (v Value) Equal(w Value) bool {
	return v.Exists == w.Exists && v.Body == w.Body && slices.Equal(v.Records, w.Records)
}

// SamePolicy reports whether v and w are both policy bodies that parse without
// failure to the same policy, whatever their bytes, or are Equal.
func (v Value) SamePolicy(w Value) bool {
	if v.Equal(w) {
		return true
	}
	if !v.Exists || !w.Exists || v.Records != nil || w.Records != nil {
		return false
	}
	p, fp := mtasts.ParsePolicy([]byte(v.Body))
	q, fq := mtasts.ParsePolicy([]byte(w.Body))
	return mtasts.Usable(fp) && mtasts.Usable(fq) && p.Equal(q)
}

// String prints v on one line: "-" for nothing, records joined by " | ", body
// lines joined by " / ".
func (v Value) String() string {
	switch {
	case !v.Exists:
		return "-"
	case v.Records != nil:
		return strings.Join(v.Records, " | ")
	}
	lines := strings.FieldsFunc(v.Body, func(r rune) bool { return r == '\r' || r == '\n' })
	return strings.Join(lines, " / ")
}

// MarshalJSON prints null, an array of strings or a string.
func (v Value) MarshalJSON() ([]byte, error) {
	switch {
	case !v.Exists:
		return []byte("null"), nil
	case v.Records != nil:
		return json.Marshal(v.Records)
	}
	return json.Marshal(v.Body)
}

// UnmarshalJSON reads what MarshalJSON prints.
func (v *Value) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*v = Value{}
		return nil
	}
	var records []string
	if err := json.Unmarshal(b, &records); err == nil {
		*v = Records(records...)
		return nil
	}
	var body string
	if err := json.Unmarshal(b, &body); err != nil {
		return fmt.Errorf("a value is null, a list of records or a body: %w", err)
	}
	*v = Body(body)
	return nil
}
