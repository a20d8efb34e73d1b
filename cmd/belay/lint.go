package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/tlsrpt"

	"github.com/spf13/cobra"
)

// lintLimit is the largest text that lint reads, in bytes.
const lintLimit = 64 << 20

const lintLong = `Validates one text, "-" for standard input. KIND is

  policy       a policy body (RFC 8461 section 3.2)
  sts-txt      the TXT record at _mta-sts.DOMAIN
  tlsrpt-txt   the TXT record at _smtp._tls.DOMAIN
  report       a TLS report, bare JSON or compressed (RFC 8460)
  mx-match     HOST PATTERN...: which pattern of a policy covers an MX host

Each text is read byte for byte as it is given. A TXT record is one record, of
which one final newline is dropped; with --rrset the text is a JSON array of all
the TXT records at the name, each a string or an array of its character-strings.

With --json: kind, verdict (accept, warn or reject), parsed (what could be read,
also of a text that is rejected) and findings with line and column. Exit status 0 where the text is accepted, with warnings or without, 1 where it is
rejected.`

func (p *program) lintCommand() *cobra.Command {
	var rrset bool
	c := &cobra.Command{
		Use:   "lint KIND FILE",
		Short: "Validate one policy, record or report",
		Long:  lintLong,
		Example: "  belay lint policy mta-sts.txt\n  echo 'v=STSv1; id=1;' | belay lint sts-txt -\n" +
			"  belay lint --rrset sts-txt - <<<'[\"v=spf1 -all\", [\"v=STSv1; \", \"id=1;\"]]'\n" +
			"  belay lint mx-match mx1.corp.example '*.corp.example'",
		Args: atLeast(2, "a kind (policy, sts-txt, tlsrpt-txt, report or mx-match) and what to validate"),
		RunE: p.act(func(_ context.Context, args []string) error {
			result, err := p.lint(args[0], args[1:], rrset)
			if err != nil {
				return err
			}
			if err := p.printLint(result); err != nil {
				return err
			}
			if result.Verdict == finding.Reject {
				return errFails
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&rrset, "rrset", false, "read a JSON array of all TXT records at the name")
	return c
}

func (p *program) lint(kind string, args []string, rrset bool) (finding.Lint, error) {
	texts := map[string]func([]byte) finding.Lint{"policy": mtasts.LintPolicy, "report": tlsrpt.LintReport}
	records := map[string]func([]string) finding.Lint{"sts-txt": mtasts.LintRecord, "tlsrpt-txt": tlsrpt.LintRecord}
	asText, isText := texts[kind]
	asRecords, isRecords := records[kind]
	switch {
	case !isText && !isRecords && kind != "mx-match":
		return finding.Lint{}, usagef("lint knows no kind %q; it is policy, sts-txt, tlsrpt-txt, report or mx-match", kind)
	case rrset && !isRecords:
		return finding.Lint{}, usagef("lint %s takes no --rrset; sts-txt and tlsrpt-txt do", kind)
	case kind == "mx-match" && len(args) < 2:
		return finding.Lint{}, usagef("lint mx-match needs a host and at least one pattern")
	case kind == "mx-match":
		return mtasts.LintMX(args[0], args[1:]), nil
	case len(args) != 1:
		return finding.Lint{}, usagef("lint %s takes one file", kind)
	}
	text, err := p.readText(args[0])
	if err != nil {
		return finding.Lint{}, err
	}
	if isText {
		return asText(text), nil
	}
	if !rrset {
		return asRecords([]string{strings.TrimSuffix(string(text), "\n")}), nil
	}
	set, err := recordsIn(text)
	if err != nil {
		return finding.Lint{}, usagef("read %s as a JSON array of records: %w", args[0], err)
	}
	return asRecords(set), nil
}

// recordsIn reads a JSON array of TXT records, each a string or an array of its
// character-strings, which are joined without anything between them.
func recordsIn(text []byte) ([]string, error) {
	var set []json.RawMessage
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	if set == nil {
		return nil, errors.New("it is null")
	}
	records := make([]string, len(set))
	for i, raw := range set {
		var strs []string
		if json.Unmarshal(raw, &strs) == nil && strs != nil {
			records[i] = strings.Join(strs, "")
			continue
		}
		var whole *string
		if json.Unmarshal(raw, &whole) != nil || whole == nil {
			return nil, fmt.Errorf("record %d is neither a string nor an array of strings", i+1)
		}
		records[i] = *whole
	}
	return records, nil
}

// readText reads a file, or standard input for "-".
func (p *program) readText(name string) ([]byte, error) {
	in := p.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, lintLimit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > lintLimit {
		return nil, fmt.Errorf("read %s: it is longer than %d bytes", name, lintLimit)
	}
	return text, nil
}

func (p *program) printLint(l finding.Lint) error {
	if p.flags.json {
		return p.printJSON(l)
	}
	verdict := string(l.Verdict)
	if m, ok := l.Parsed.(mtasts.Matched); ok && m.Matched != "" {
		verdict += ": " + clean(m.Matched) + " covers it"
	}
	p.say("%s: %s", l.Kind, verdict)
	for _, f := range l.Findings {
		if f.Line > 0 {
			f.Subject = fmt.Sprintf("%d:%d", f.Line, f.Column)
		}
		p.printFinding(f)
	}
	return nil
}
