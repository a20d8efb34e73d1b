package gandi

import (
	"strings"
	"testing"
)

func TestQuote(t *testing.T) {
	for _, tc := range []struct{ shows, text, want string }{
		{"plain text", "v=STSv1; id=1;", `"v=STSv1; id=1;"`},
		{"nothing", "", `""`},
		{"quotes and backslashes", `a "b" \c`, `"a \"b\" \\c"`},
		{"what is not ASCII", "Ü\n", `"\195\156\010"`},
		{"just one string", strings.Repeat("x", 255), `"` + strings.Repeat("x", 255) + `"`},
		{"one byte more", strings.Repeat("x", 256), `"` + strings.Repeat("x", 255) + `" "x"`},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			if got := quote(tc.text); got != tc.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

// FuzzQuote: what is quoted comes back, and no string is longer than one may be.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", `a "b" \c`, `\065`, "Ü", strings.Repeat(`\"`, 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value := quote(text)
		if got := unquote(value); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
		for _, r := range value {
			if r < ' ' || r > '~' {
				t.Fatalf("%q holds %q", value, r)
			}
		}
	})
}

// FuzzUnquote: whatever stands at Gandi is read without breaking down.
func FuzzUnquote(f *testing.F) {
	for _, s := range []string{`"`, `"\`, `"\1`, `"\999"`, `"a" b "c"`, `a`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if got := unquote(value); len(got) > len(value) {
			t.Errorf("%q grew to %q", value, got)
		}
	})
}
