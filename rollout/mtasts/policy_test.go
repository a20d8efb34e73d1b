package mtasts_test

import (
	"reflect"
	"strings"
	"testing"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
)

const good = "version: STSv1\nmode: enforce\nmx: mx1.recv.example\nmax_age: 604800\n"

// with returns the good policy with one line replaced.
func with(line, by string) string {
	return strings.Replace(good, line+"\n", by, 1)
}

func TestParsePolicyPlacesEachFault(t *testing.T) {
	tests := []struct {
		name, body   string
		verdict      finding.Verdict
		code         finding.Code
		line, column int
	}{
		{"LF", good, finding.Accept, "", 0, 0},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), finding.Accept, "", 0, 0},
		{"mixed line ends", strings.Replace(good, "\n", "\r\n", 2), finding.Accept, "C14", 1, 1},
		{"none needs no mx", "version: STSv1\nmode: none\nmax_age: 86400\n", finding.Accept, "C13", 1, 1},
		{"none with mx", "version: STSv1\nmode: none\nmx: a.example.com\nmax_age: 86400\n", finding.Accept, "", 0, 0},
		{"none for a year", "version: STSv1\nmode: none\nmax_age: 31557600\n", finding.Usable, "C06", 1, 1},
		{"largest max_age", with("max_age: 604800", "max_age: 31557600\n"), finding.Accept, "", 0, 0},
		{"no space behind the colon", with("mode: enforce", "mode:enforce\n"), finding.Accept, "", 0, 0},
		{"upper-case name", with("mx: mx1.recv.example", "mx: MX1.Recv.EXAMPLE\n"), finding.Accept, "", 0, 0},
		{"byte order mark", "\ufeff" + good, finding.Reject, "C01", 1, 1},
		{"NUL", with("mode: enforce", "mode: enforce\x00\n"), finding.Reject, "C01", 2, 14},
		{"blank line at the end", good + "\n", finding.Reject, "C02", 5, 1},
		{"line of spaces at the end", good + " \n", finding.Reject, "C02", 5, 1},
		{"comment", "# x\n" + good, finding.Reject, "C15", 1, 1},
		{"comment with a colon", good + "# x: y\n", finding.Reject, "C15", 5, 1},
		{"equals sign", with("mode: enforce", "mode=enforce\n"), finding.Reject, "C15", 2, 1},
		{"all on one line", "version: STSv1; mode: enforce; mx: a.example.com; max_age: 86400\n", finding.Reject, "C03", 1, 10},
		{"no version", with("version: STSv1", ""), finding.Reject, "C03", 1, 1},
		{"version 2", with("version: STSv1", "version: STSv2\n"), finding.Reject, "C03", 1, 10},
		{"version twice", "version: STSv1\n" + good, finding.Usable, "C03", 2, 1},
		{"max_age twice", good + "max_age: 86400\n", finding.Usable, "C03", 5, 1},
		{"max_age twice, once bad", good + "max_age: 1d\n", finding.Reject, "C05", 5, 10},
		{"mode in upper case", with("mode: enforce", "mode: Enforce\n"), finding.Reject, "C04", 2, 7},
		{"mode of a draft", with("mode: enforce", "mode: report\n"), finding.Reject, "C04", 2, 7},
		{"max_age of 11 digits", with("max_age: 604800", "max_age: 00000604800\n"), finding.Reject, "C05", 4, 10},
		{"max_age beyond 32 bits", with("max_age: 604800", "max_age: 4294967296\n"), finding.Reject, "C05", 4, 10},
		{"negative max_age", with("max_age: 604800", "max_age: -1\n"), finding.Reject, "C05", 4, 10},
		{"max_age with a comma", with("max_age: 604800", "max_age: 604,800\n"), finding.Reject, "C05", 4, 10},
		{"max-age", with("max_age: 604800", "max-age: 604800\n"), finding.Reject, "C03", 1, 1},
		{"MX alone", with("mx: mx1.recv.example", "MX: mx1.recv.example\n"), finding.Reject, "C13", 1, 1},
		{"MX beside mx", good + "MX: mx2.recv.example\n", finding.Usable, "C15", 5, 1},
		{"lone star", with("mx: mx1.recv.example", "mx: *\n"), finding.Reject, "C09", 3, 5},
		{"two stars", with("mx: mx1.recv.example", "mx: *.*.recv.example\n"), finding.Reject, "C09", 3, 7},
		{"inner star", with("mx: mx1.recv.example", "mx: mx.*.recv.example\n"), finding.Reject, "C09", 3, 8},
		{"trailing dot", with("mx: mx1.recv.example", "mx: mx1.recv.example.\n"), finding.Reject, "C11", 3, 21},
		{"underscore", with("mx: mx1.recv.example", "mx: mx_1.recv.example\n"), finding.Reject, "C11", 3, 7},
		{"preference", with("mx: mx1.recv.example", "mx: 10 mx1.recv.example\n"), finding.Reject, "C11", 3, 5},
		{"URL", with("mx: mx1.recv.example", "mx: smtp://mx1.recv.example\n"), finding.Reject, "C11", 3, 5},
		{"IPv6 address", with("mx: mx1.recv.example", "mx: 2001:db8::1\n"), finding.Reject, "C11", 3, 5},
		{"wildcard of a public suffix", with("mx: mx1.recv.example", "mx: *.co.uk\n"), finding.Usable, "C10", 3, 5},
		{"wildcard of a mail provider", with("mx: mx1.recv.example", "mx: *.mail.protection.outlook.com\n"), finding.Accept, "", 0, 0},
		{"unknown field with = and ;", good + "note: a=b;c d\n", finding.Accept, "", 0, 0},
		{"unknown field without value", good + "note: \n", finding.Reject, "C15", 5, 7},
		{"unknown field of 32 characters", good + strings.Repeat("a", 32) + ": x\n", finding.Accept, "", 0, 0},
		{"only a newline", "\n", finding.Reject, "C02", 1, 1},
		{"65536 bytes", good + "x: " + strings.Repeat("a", mtasts.MaxBody-len(good)-4) + "\n", finding.Accept, "", 0, 0},
		{"65537 bytes", good + "x: " + strings.Repeat("a", mtasts.MaxBody-len(good)-3) + "\n", finding.Reject, "H12", 1, 1},
		{"gzip", "\x1f\x8b\x08\x00", finding.Reject, "C03", 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, fs := mtasts.ParsePolicy([]byte(tt.body))
			if got := finding.VerdictOf(fs); got != tt.verdict {
				t.Errorf("verdict %s, want %s", got, tt.verdict)
			}
			found := tt.code == ""
			for _, f := range fs {
				found = found || f.Code == tt.code && f.Line == tt.line && f.Column == tt.column
			}
			if !found {
				t.Errorf("no %s at %d:%d", tt.code, tt.line, tt.column)
			}
			if t.Failed() {
				for _, f := range fs {
					t.Logf("%d:%d %s", f.Line, f.Column, f)
				}
			}
		})
	}
}

func TestParsePolicyNeverStopsAtTheFirstFault(t *testing.T) {
	body := "\ufeffversion : STSv2\n\nmode: enforced\nmx: mx1.recv.example., mx2\nmx: *.recv.example\nmax_age: 1d\nwhat\n"
	p, fs := mtasts.ParsePolicy([]byte(body))
	var got []finding.Code
	for _, f := range fs {
		got = append(got, f.Code)
	}
	want := []finding.Code{"C01", "C16", "C03", "C02", "C04", "C11", "C05", "C15"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("codes %v, want %v", got, want)
	}
	if pattern, ok := p.Matches("mx9.recv.example"); !ok || pattern != "*.recv.example" {
		t.Errorf("what could be read was lost: %+v", p)
	}
}

func TestPolicyEqualIsAboutWhatSendersDo(t *testing.T) {
	a := mtasts.Policy{Mode: mtasts.Enforce, MaxAge: 86400, MX: []string{"a.example.com", "B.example.com"}}
	b := mtasts.Policy{Version: "STSv1", Mode: mtasts.Enforce, MaxAge: 86400, MX: []string{"b.example.com", "a.example.com", "a.example.com"}, Extensions: []mtasts.Pair{{"x", "y"}}}
	if !a.Equal(b) || !b.Equal(a) {
		t.Error("order, case, repetition and extensions make a difference")
	}
	for name, change := range map[string]func(*mtasts.Policy){
		"mode":    func(p *mtasts.Policy) { p.Mode = mtasts.Testing },
		"max_age": func(p *mtasts.Policy) { p.MaxAge++ },
		"mx":      func(p *mtasts.Policy) { p.MX = p.MX[:1] },
	} {
		c := b
		if change(&c); a.Equal(c) {
			t.Errorf("another %s makes no difference", name)
		}
	}
}

func TestValidPolicyVectorsPrintAndParseBack(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Kind != "policy" || v.Tool == finding.Reject {
			continue
		}
		p, _ := mtasts.ParsePolicy(v.text(t))
		text := p.String()
		again, fs := mtasts.ParsePolicy([]byte(text))
		if !mtasts.Usable(fs) || !again.Equal(p) || again.String() != text {
			t.Errorf("%s: %q became %q, %v", v.Name, text, again.String(), fs)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("\ufeffversion : STSv1\r\rmode=none\n\nmx: *.\xff\nmax_age: 99999999999\n# a: b"))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, fs := mtasts.ParsePolicy(body)
		for _, x := range fs {
			if x.Line < 1 || x.Column < 1 {
				t.Errorf("%s has no place", x)
			}
		}
		if !mtasts.Usable(fs) {
			return
		}
		again, fs := mtasts.ParsePolicy([]byte(p.String()))
		if !mtasts.Usable(fs) || !again.Equal(p) {
			t.Errorf("%q prints as %q, which reads as %+v: %v", body, p.String(), again, fs)
		}
	})
}
