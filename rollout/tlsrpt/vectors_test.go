package tlsrpt_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// vector is one row of testdata/vectors.json: a text, what a strict tool says of
// it, and what it reads from it.
type vector struct {
	Kind, Name, Form, Encoding, Reason string
	Input                              json.RawMessage
	Tool                               finding.Verdict
	Want                               map[string]any
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Kind+"/"+v.Name, func(t *testing.T) {
			lint := v.lint(t)
			if lint.Verdict != v.Tool {
				t.Errorf("verdict %s, want %s: %s", lint.Verdict, v.Tool, v.Reason)
			}
			if lint.Verdict != finding.Accept && len(lint.Findings) == 0 {
				t.Error("no finding says why")
			}
			for _, f := range lint.Findings {
				absent := f.Code == "R03" && strings.Contains(f.Title, "no TXT record")
				if !absent && (f.Line < 1 || f.Column < 1) {
					t.Errorf("%s has no place", f)
				}
			}
			checkWant(t, lint.Parsed, v.Want)
			if t.Failed() {
				for _, f := range lint.Findings {
					t.Logf("%d:%d %s", f.Line, f.Column, f)
				}
			}
		})
	}
}

// text returns the input as the bytes it stands for.
func (v vector) text(t testing.TB) []byte {
	t.Helper()
	var text string
	if err := json.Unmarshal(v.Input, &text); err != nil {
		t.Fatal(err)
	}
	if v.Encoding != "base64" {
		return []byte(text)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (v vector) lint(t testing.TB) finding.Lint {
	t.Helper()
	switch v.Kind {
	case "report":
		return tlsrpt.LintReport(v.text(t))
	case "report-filename":
		name, fs := tlsrpt.ParseFilename(string(v.text(t)))
		return finding.NewLint(v.Kind, name, fs)
	case "report-subject":
		subject, fs := tlsrpt.ParseSubject(string(v.text(t)))
		return finding.NewLint(v.Kind, subject, fs)
	}
	if v.Form == "record" {
		return tlsrpt.LintRecord([]string{string(v.text(t))})
	}
	var parts []string
	if err := json.Unmarshal(v.Input, &parts); err != nil {
		t.Fatal(err)
	}
	if v.Form == "chunks" {
		parts = []string{strings.Join(parts, "")}
	}
	return tlsrpt.LintRecord(parts)
}

// checkWant compares the JSON form of what was parsed with the fields wanted.
func checkWant(t *testing.T, parsed any, want map[string]any) {
	t.Helper()
	text, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for name, value := range want {
		if !reflect.DeepEqual(got[name], value) {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
	}
}
