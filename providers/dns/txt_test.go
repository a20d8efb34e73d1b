package dns

import (
	"strings"
	"testing"
)

func TestUnquoteTXT(t *testing.T) {
	for _, tc := range []struct {
		shows, in string
		base      int
		want      string
	}{
		{"one string", `"v=STSv1; id=1;"`, 10, "v=STSv1; id=1;"},
		{"several strings are one value", `"v=STSv1; " "id=1;"`, 10, "v=STSv1; id=1;"},
		{"strings without a space between", `"a""b"`, 10, "ab"},
		{"text without quotes stands for itself", `v=STSv1; id=1\;`, 10, `v=STSv1; id=1\;`},
		{"escaped quote and backslash", `"a\"b\\c"`, 10, `a"b\c`},
		{"decimal escapes of zone files", `"\195\156"`, 10, "Ü"},
		{"octal escapes of Route 53", `"\303\234"`, 8, "Ü"},
		{"an escape beyond a byte stands for its first digit", `"\999"`, 10, "999"},
		{"a lone backslash at the end", `"a\`, 10, `a\`},
		{"nothing", `""`, 10, ""},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			if got := unquoteTXT(tc.in, tc.base); got != tc.want {
				t.Errorf("unquoteTXT(%s) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

func TestQuoteTXTCutsAt255Bytes(t *testing.T) {
	got := txtStrings(strings.Repeat("x", 511))
	if len(got) != 3 || len(got[0]) != 255 || len(got[1]) != 255 || len(got[2]) != 1 {
		t.Errorf("cut into %d strings", len(got))
	}
	if got := quoteTXT(""); got != `""` {
		t.Errorf("empty text is %s", got)
	}
}

// FuzzTXT: what is quoted reads back as it was, and reading never fails.
func FuzzTXT(f *testing.F) {
	for _, s := range []string{"", "v=STSv1; id=1;", `"`, `\`, `\"`, "Ü\x00\xff", strings.Repeat("é", 200), `"a" "b"`, `\300`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := unquoteTXT(quoteTXT(s), 10); got != s {
			t.Fatalf("%q came back as %q through %s", s, got, quoteTXT(s))
		}
		var joined strings.Builder
		for _, part := range txtStrings(s) {
			joined.WriteString(unescapeTXT(part))
		}
		if joined.String() != s {
			t.Fatalf("%q came back as %q", s, joined.String())
		}
		unquoteTXT(s, 8)
	})
}

func TestNames(t *testing.T) {
	for _, tc := range []struct {
		shows, name, zone, want string
		under                   bool
	}{
		{"below the zone", "_mta-sts.corp.test", "corp.test", "_mta-sts", true},
		{"the apex", "corp.test", "corp.test", "@", true},
		{"two labels below", "_smtp._tls.corp.test", "corp.test", "_smtp._tls", true},
		{"only the same letters", "mta-sts.notcorp.test", "corp.test", "mta-sts.notcorp.test", false},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			if got := relative(tc.name, tc.zone); got != tc.want {
				t.Errorf("relative name %q, want %q", got, tc.want)
			}
			if got := under(tc.name, tc.zone); got != tc.under {
				t.Errorf("under is %v", got)
			}
		})
	}
	if got := strings.Join(suffixes("a.b.corp.test"), " "); got != "a.b.corp.test b.corp.test corp.test" {
		t.Errorf("suffixes are %s", got)
	}
}
