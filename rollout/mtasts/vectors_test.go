package mtasts_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
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
			checkPlaces(t, lint)
			checkWant(t, lint, v.Want)
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

func (v vector) lint(t *testing.T) finding.Lint {
	t.Helper()
	if v.Kind == "mx-match" || v.Form == "rrset" || v.Form == "chunks" {
		var parts []string
		if err := json.Unmarshal(v.Input, &parts); err != nil {
			t.Fatal(err)
		}
		switch {
		case v.Kind == "mx-match":
			return mtasts.LintMX(parts[0], parts[1:])
		case v.Form == "chunks":
			return mtasts.LintRecord([]string{strings.Join(parts, "")})
		}
		return mtasts.LintRecord(parts)
	}
	switch v.Kind {
	case "sts-txt":
		return mtasts.LintRecord([]string{string(v.text(t))})
	case "policy":
		return mtasts.LintPolicy(v.text(t))
	}
	t.Fatalf("unknown kind %q", v.Kind)
	return finding.Lint{}
}

// checkPlaces holds every finding of a text that is there to a line and column.
func checkPlaces(t *testing.T, lint finding.Lint) {
	t.Helper()
	for _, f := range lint.Findings {
		absent := f.Code == "T01" && strings.Contains(f.Title, "no TXT record")
		if lint.Kind != "mx-match" && !absent && (f.Line < 1 || f.Column < 1) {
			t.Errorf("%s has no place", f)
		}
	}
}

// checkWant compares the JSON form of what was parsed with the fields wanted.
func checkWant(t *testing.T, lint finding.Lint, want map[string]any) {
	t.Helper()
	text, err := json.Marshal(lint.Parsed)
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
