package dnscale

import (
	"strings"
	"testing"
)

func TestUnquote(t *testing.T) {
	for _, tc := range []struct{ shows, content, want string }{
		{"plain text", `v=STSv1; id=1;`, `v=STSv1; id=1;`},
		{"nothing", ``, ``},
		{"quotes within a text", `a "b" \c`, `a "b" \c`},
		{"one string", `"a \"b\" \\c"`, `a "b" \c`},
		{"several strings", `"a" "b"`, `ab`},
		{"decimal escapes", `"\195\156"`, `Ü`},
		{"a string that does not end", `"a`, `"a`},
		{"a text behind a string", `"a" b`, `"a" b`},
		{"a backslash at the end", `"a\`, `"a\`},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			if got := unquote(tc.content); got != tc.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

// FuzzUnquote: whatever stands at DNScale is read without breaking down, and text
// without a quote in front as it is.
func FuzzUnquote(f *testing.F) {
	for _, s := range []string{`"`, `"\`, `"\1`, `"\999"`, `"a" b "c"`, `a`, `"a" "b"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		got := unquote(content)
		if len(got) > len(content) || !strings.HasPrefix(content, `"`) && got != content {
			t.Errorf("%q became %q", content, got)
		}
	})
}
