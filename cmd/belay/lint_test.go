package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"belay/rollout/finding"
	"belay/rollout/world"
)

// vector is one row of a vectors.json below rollout/. Input is a text, or a list:
// of records (form rrset), of one record's character-strings (chunks), or a host
// and patterns (mx-match).
type vector struct {
	Kind, Name, Form, Encoding, Reason string
	Input                              json.RawMessage
	Tool                               finding.Verdict
	Want                               map[string]any
}

// TestLintGivesTheVerdictOfEveryVector runs each text through the built binary.
func TestLintGivesTheVerdictOfEveryVector(t *testing.T) {
	belay, err := exec.LookPath("belay") // TestMain put this very binary there
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, file := range vectorFiles(t) {
		text, err := os.ReadFile(file)
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
			t.Run(v.Kind+"/"+v.Name, func(t *testing.T) { v.check(t, belay) })
		}
	}
	for _, kind := range []string{"policy", "sts-txt", "tlsrpt-txt", "report", "mx-match"} {
		if kinds[kind] == 0 {
			t.Errorf("no vector of kind %s", kind)
		}
	}
}

// vectorFiles are the vectors of package mtasts and of package tlsrpt, or the file
// that BELAY_VECTORS names.
func vectorFiles(t *testing.T) []string {
	t.Helper()
	if named := os.Getenv("BELAY_VECTORS"); named != "" {
		return []string{named}
	}
	files, err := filepath.Glob("../../rollout/*/testdata/vectors.json")
	if err != nil || len(files) != 2 {
		t.Fatalf("found the vectors %v: %v", files, err)
	}
	return files
}

func (v vector) check(t *testing.T, belay string) {
	args, text := v.command(t)
	c := exec.Command(belay, append([]string{"lint", "--json"}, args...)...)
	c.Stdin = bytes.NewReader(text)
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.Output()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	status := c.ProcessState.ExitCode()
	var got struct {
		Kind     string
		Verdict  finding.Verdict
		Parsed   map[string]any
		Findings []finding.Finding
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("exit %d, printed %q %q: %v", status, out, errs.String(), err)
	}
	want := exitGood
	if v.Tool == finding.Reject {
		want = exitFails
	}
	if got.Verdict != v.Tool || got.Kind != v.Kind || status != want {
		t.Errorf("%s %s, exit %d; want %s, exit %d: %s", got.Kind, got.Verdict, status, v.Tool, want, v.Reason)
	}
	for name, value := range v.Want {
		if !reflect.DeepEqual(got.Parsed[name], value) {
			t.Errorf("parsed %s is %v, want %v", name, got.Parsed[name], value)
		}
	}
	if len(got.Findings) == 0 && got.Verdict != finding.Accept {
		t.Errorf("verdict %s without a finding", got.Verdict)
	}
}

// command is what an operator would type for the vector, and the standard input.
func (v vector) command(t *testing.T) (args []string, text []byte) {
	var parts []string
	var whole string
	if json.Unmarshal(v.Input, &parts) != nil {
		if err := json.Unmarshal(v.Input, &whole); err != nil {
			t.Fatal(err)
		}
	}
	text = []byte(whole)
	if v.Encoding == "base64" {
		raw, err := base64.StdEncoding.DecodeString(whole)
		if err != nil {
			t.Fatal(err)
		}
		text = raw
	}
	switch v.Form {
	case "rrset":
		return []string{"--rrset", v.Kind, "-"}, v.Input
	case "chunks": // one record of several character-strings
		return []string{"--rrset", v.Kind, "-"}, append(append([]byte("["), v.Input...), ']')
	case "record":
		text = append(text, '\n') // what a text file and echo end with
	}
	if v.Kind == "mx-match" {
		return append([]string{"--", v.Kind}, parts...), nil
	}
	return []string{v.Kind, "-"}, text
}

// TestLintReadsBytesAsGiven: what stands in the text stands in the record.
func TestLintReadsBytesAsGiven(t *testing.T) {
	const good = "v=STSv1; id=1;"
	for _, row := range []struct {
		name, text string
		args       []string
		want       int
	}{
		{"no newline", good, []string{"sts-txt", "-"}, exitGood},
		{"one final newline is dropped", good + "\n", []string{"sts-txt", "-"}, exitGood},
		{"a second one is part of the record", good + "\n\n", []string{"sts-txt", "-"}, exitFails},
		{"so is a carriage return", good + "\r\n", []string{"sts-txt", "-"}, exitFails},
		{"two lines are one record", good + "\nv=spf1 -all\n", []string{"sts-txt", "-"}, exitFails},
		{"nothing", "", []string{"sts-txt", "-"}, exitFails},
		{"no record", "[]", []string{"--rrset", "sts-txt", "-"}, exitFails},
		{"strings and character-strings", `["v=spf1 -all", ["v=ST", "Sv1; id=1;"]]`, []string{"--rrset", "sts-txt", "-"}, exitGood},
		{"a TLS-RPT record in two strings", `[["v=TLSRPTv1; ", "rua=mailto:a@corp.test"]]`, []string{"tlsrpt-txt", "--rrset", "-"}, exitGood},
		{"a number is no record", `[1]`, []string{"--rrset", "sts-txt", "-"}, exitCannot},
		{"null is no record", `[null]`, []string{"--rrset", "sts-txt", "-"}, exitCannot},
		{"null is no array", `null`, []string{"--rrset", "sts-txt", "-"}, exitCannot},
		{"text behind the array", `["v=STSv1; id=1;"] x`, []string{"--rrset", "sts-txt", "-"}, exitCannot},
		{"a policy is no RRset", "", []string{"--rrset", "policy", "-"}, exitCannot},
	} {
		t.Run(row.name, func(t *testing.T) {
			var out, errs strings.Builder
			p := newProgram(world.World{}, strings.NewReader(row.text), &out, &errs, os.LookupEnv)
			if got := p.run(append([]string{"lint"}, row.args...)); got != row.want {
				t.Errorf("exit %d, want %d: %s%s", got, row.want, out.String(), errs.String())
			}
		})
	}
}
