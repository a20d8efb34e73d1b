package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"belay/rollout/finding"
	"belay/rollout/world"
)

// vector is one row of a vectors.json below rollout/.
type vector struct {
	Kind, Name, Form, Encoding, Reason string
	Input                              json.RawMessage
	Tool                               finding.Verdict
}

// TestLintGivesTheVerdictOfEveryVector runs each text through the command line.
func TestLintGivesTheVerdictOfEveryVector(t *testing.T) {
	kinds := map[string]int{}
	for _, pkg := range []string{"mtasts", "tlsrpt"} {
		text, err := os.ReadFile(filepath.Join("../../rollout", pkg, "testdata/vectors.json"))
		if err != nil {
			t.Fatal(err)
		}
		var vectors []vector
		if err := json.Unmarshal(text, &vectors); err != nil {
			t.Fatal(err)
		}
		for _, v := range vectors {
			if v.Kind == "report-filename" || v.Kind == "report-subject" {
				continue // what mails are called is no kind of lint
			}
			kinds[v.Kind]++
			t.Run(v.Kind+"/"+v.Name, v.check)
		}
	}
	for _, kind := range []string{"policy", "sts-txt", "tlsrpt-txt", "report", "mx-match"} {
		if kinds[kind] == 0 {
			t.Errorf("no vector of kind %s", kind)
		}
	}
}

func (v vector) check(t *testing.T) {
	args, text := v.command(t)
	var out, errs strings.Builder
	p := newProgram(world.World{}, strings.NewReader(text), &out, &errs, os.LookupEnv)
	status := p.run(append([]string{"--json", "lint", v.Kind, "--"}, args...))
	var got finding.Lint
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatalf("exit %d, printed %q %q: %v", status, out.String(), errs.String(), err)
	}
	want := exitGood
	if v.Tool == finding.Reject {
		want = exitFails
	}
	if got.Verdict != v.Tool || got.Kind != v.Kind || status != want {
		t.Errorf("%s %s, exit %d; want %s, exit %d: %s", got.Kind, got.Verdict, status, v.Tool, want, v.Reason)
	}
}

// command is what an operator would type for the vector, and the standard input.
func (v vector) command(t *testing.T) (args []string, text string) {
	var parts []string
	if json.Unmarshal(v.Input, &parts) != nil {
		if err := json.Unmarshal(v.Input, &text); err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case v.Kind == "mx-match":
		return parts, ""
	case v.Form == "chunks": // a record's character-strings are one text
		text = strings.Join(parts, "")
	case v.Form == "rrset":
		text = strings.Join(parts, "\n")
	}
	if v.Encoding == "base64" {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		text = string(raw)
	}
	return []string{"-"}, text
}
