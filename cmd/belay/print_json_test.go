package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

// TestJSONShowsATerminalNothingItObeys: neither controls nor what reorders or hides
// text, and what is read back is what was written.
func TestJSONShowsATerminalNothingItObeys(t *testing.T) {
	for _, text := range []string{
		"plain", "grün, 日本, 😀", "\x1b[2J\a\x00", "\x7f", "\u0080\u009b31m\u009f", "a\u202eb\u2066c\u2069", "\u200b\u200e\ufeff\u00ad\u061c",
		"\u2028\u2029", "\U000e0041\U000110bd", "\u202e", `\u202e <&>`, "\u00a0\u2010",
	} {
		var out bytes.Buffer
		if err := encodeJSON(&out, map[string]string{text: text}); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSuffix(out.String(), "\n")
		if i := strings.IndexFunc(line, func(r rune) bool {
			return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
		}); i >= 0 {
			t.Errorf("%q is written as %q", text, line)
		}
		var back map[string]string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back[text] != text {
			t.Errorf("%q is read back as %q, %v", text, back, err)
		}
	}
	var out bytes.Buffer
	if err := encodeJSON(&out, "grün 日本 😀 \u00a0"); err != nil || out.String() != "\"grün 日本 😀 \u00a0\"\n" {
		t.Errorf("what is harmless is changed: %q, %v", out.String(), err)
	}
}

// TestJSONIsEscapedInOneGo, however much of it has to be.
func TestJSONIsEscapedInOneGo(t *testing.T) {
	const n = 10_000
	text := strings.Repeat("\u009b", n)
	var out bytes.Buffer
	took := testing.AllocsPerRun(1, func() {
		out.Reset()
		if err := encodeJSON(&out, text); err != nil || out.Len() != n*6+3 {
			t.Errorf("%d bytes, %v", out.Len(), err)
		}
	})
	if took > 100 {
		t.Errorf("%d characters take %.0f allocations", n, took)
	}
}
