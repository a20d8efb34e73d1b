package finding_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"belay/rollout/finding"
)

func TestCleanRemovesWhatATerminalObeys(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain text stays", "250 mx1.corp.test ready", "250 mx1.corp.test ready"},
		{"colour", "\x1b[31mred\x1b[0m", "red"},
		{"cursor and erase", "a\x1b[2J\x1b[Hb", "ab"},
		{"title by OSC and BEL", "a\x1b]0;owned\x07b", "ab"},
		{"link by OSC and ST", "a\x1b]8;;http://x\x1b\\b", "ab"},
		{"clipboard by OSC 52", "\x1b]52;c;aGk=\x07x", "x"},
		{"DCS", "a\x1bPq#0\x1b\\b", "ab"},
		{"CSI as one C1 character", "a\u009b31mb", "ab"},
		{"OSC as one C1 character", "a\u009d0;x\u009cb", "ab"},
		{"charset switch", "a\x1b(0b", "ab"},
		{"unterminated OSC hides nothing", "a\x1b]0;rest", "a0;rest"},
		{"unterminated CSI hides nothing", "a\x1b[31", "a31"},
		{"lone escape", "a\x1b", "a"},
		{"bell, backspace, delete", "a\a\b\x7fb", "ab"},
		{"bidi override", "a\u202eb\u2066c", "abc"},
		{"zero width", "a\u200bb\ufeffc", "abc"},
		{"line separators fold", "a\u2028b\u2029c", "a b c"},
		{"white space folds", " a \r\n\t b\u00a0 ", "a b"},
		{"invalid UTF-8", "a\xffb", "a\ufffdb"},
		{"truncated UTF-8", "a\xe2\x82", "a\ufffd\ufffd"},
		{"letters stay", "grüße 日本", "grüße 日本"},
		{"nothing", "", ""},
		{"only controls", "\x00\x01", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := finding.Clean(tt.in, 0); got != tt.want {
				t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestCleanCutsByRunes(t *testing.T) {
	tests := []struct {
		in   string
		max  int
		want string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "abcd…"},
		{"日本語です", 3, "日本…"},
		{"日本語", 3, "日本語"},
		{"ab cdef", 4, "ab…"},
		{"abc", 1, "…"},
	}
	for _, tt := range tests {
		if got := finding.Clean(tt.in, tt.max); got != tt.want {
			t.Errorf("Clean(%q, %d) = %q, want %q", tt.in, tt.max, got, tt.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b]0;x\x07\u202e\xff b", 5)
	f.Fuzz(func(t *testing.T, s string, max int) {
		got := finding.Clean(s, max)
		if !utf8.ValidString(got) {
			t.Errorf("Clean(%q) is not UTF-8: %q", s, got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return r < ' ' || 0x7f <= r && r <= 0x9f }); i >= 0 {
			t.Errorf("Clean(%q) keeps a control character: %q", s, got)
		}
		if max > 0 && utf8.RuneCountInString(got) > max {
			t.Errorf("Clean(%q, %d) has %d runes", s, max, utf8.RuneCountInString(got))
		}
		if again := finding.Clean(got, max); again != got {
			t.Errorf("Clean is not idempotent: %q, then %q", got, again)
		}
	})
}

func ExampleQuote() {
	fmt.Println(finding.Quote("550 \x1b[31mno such user\r\n", 40))
	fmt.Println(finding.Quote(`say "hi"`, 40))
	// Output:
	// "550 no such user"
	// "say \"hi\""
}

func TestCatalogueIsWhole(t *testing.T) {
	seen := map[finding.Code]bool{}
	for _, e := range finding.Catalogue() {
		t.Run(string(e.Code), func(t *testing.T) {
			if seen[e.Code] {
				t.Error("stands twice")
			}
			seen[e.Code] = true
			if got, ok := finding.Lookup(e.Code); !ok || got != e {
				t.Errorf("Lookup gives %v, %v", got, ok)
			}
			switch e.Severity {
			case finding.Fail, finding.Warn:
				if e.Fix == "" {
					t.Error("says not how it is mended")
				}
			case finding.Info:
			default:
				t.Errorf("has severity %q", e.Severity)
			}
			if e.Title == "" || e.Detail == "" || !strings.HasSuffix(e.Detail, ".") {
				t.Errorf("title %q, detail %q", e.Title, e.Detail)
			}
			for _, text := range []string{e.Title, e.Detail, e.Fix, e.Ref} {
				if finding.Clean(text, 0) != text {
					t.Errorf("%q is not clean", text)
				}
			}
			if e.Ref != "" && !strings.HasPrefix(e.Ref, "RFC ") {
				t.Errorf("reference %q", e.Ref)
			}
		})
	}
	chapters := map[byte]int{'P': 11, 'M': 23, 'R': 12, 'D': 12, 'H': 17, 'C': 16, 'T': 10, 'V': 18, 'E': 9, 'A': 4, 'O': 14}
	for letter, want := range chapters {
		for n := 1; n <= want; n++ {
			if code := finding.Code(fmt.Sprintf("%c%02d", letter, n)); !seen[code] {
				t.Errorf("%s is missing", code)
			}
		}
	}
}

func TestNewFillsFromTheCatalogueAndCleans(t *testing.T) {
	f := finding.New("M11", "mx2.corp.test\x1b[2J", "certificate is for\r\nmail.corp.test only")
	e, _ := finding.Lookup("M11")
	if f.Severity != e.Severity || f.Detail != e.Detail || f.Fix != e.Fix || f.Ref != e.Ref {
		t.Errorf("got %+v, want the texts of %+v", f, e)
	}
	if f.Subject != "mx2.corp.test" || f.Title != "certificate is for mail.corp.test only" {
		t.Errorf("subject %q, title %q", f.Subject, f.Title)
	}
	g := f.As(finding.Warn).Because("because").Mend("mend").At(3, 4)
	if g.Severity != finding.Warn || g.Detail != "because" || g.Fix != "mend" || g.Line != 3 || g.Column != 4 {
		t.Errorf("got %+v", g)
	}
	if f.Severity != finding.Fail || f.Line != 0 {
		t.Errorf("the original changed: %+v", f)
	}
}

func TestNewRefusesAnUnknownCode(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	finding.New("Z99", "", "")
}

func TestLintLowersAdviceOnly(t *testing.T) {
	lint := finding.NewLint("tlsrpt-txt", nil, []finding.Finding{finding.New("R05", "r", "https only")})
	if lint.Verdict != finding.Accept || lint.Findings[0].Severity != finding.Info {
		t.Errorf("got %+v", lint)
	}
	lint = finding.NewLint("tlsrpt-txt", nil, []finding.Finding{finding.New("R05", "r", "x"), finding.New("R03", "r", "y").As(finding.Warn)})
	if lint.Verdict != finding.Usable {
		t.Errorf("got %+v", lint)
	}
	text, err := json.Marshal(finding.NewLint("policy", nil, nil))
	if err != nil || string(text) != `{"kind":"policy","verdict":"accept","parsed":null,"findings":[]}` {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestAlignedKeepsSpacesAndNothingThatMoves(t *testing.T) {
	for line, want := range map[string]string{
		"  name   _mta-sts":                   "  name   _mta-sts",
		"a  \x1b[31mred\x1b[0m  b ":           "a  red  b ",
		"value  two  spaces\u202e \u200bhere": "value  two  spaces here",
		"tab\there":                           "tab here",
		"":                                    "",
	} {
		if got := finding.Aligned(line); got != want {
			t.Errorf("Aligned(%q) = %q, want %q", line, got, want)
		}
	}
}
