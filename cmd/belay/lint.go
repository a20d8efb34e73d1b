package main

import (
	"context"
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
  sts-txt      the TXT record at _mta-sts.DOMAIN, one record a line
  tlsrpt-txt   the TXT record at _smtp._tls.DOMAIN, one record a line
  report       a TLS report, bare JSON or compressed (RFC 8460)
  mx-match     HOST PATTERN...: which pattern of a policy covers an MX host

Exit status 0 where the text is accepted, with warnings or without, 1 where it is
rejected.`

func (p *program) lintCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lint KIND FILE",
		Short: "Validate one policy, record or report",
		Long:  lintLong,
		Example: "  belay lint policy mta-sts.txt\n  echo 'v=STSv1; id=1;' | belay lint sts-txt -\n" +
			"  belay lint mx-match mx1.corp.example '*.corp.example'",
		Args: atLeast(2, "a kind (policy, sts-txt, tlsrpt-txt, report or mx-match) and what to validate"),
		RunE: p.act(func(_ context.Context, args []string) error {
			result, err := p.lint(args[0], args[1:])
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
}

func (p *program) lint(kind string, args []string) (finding.Lint, error) {
	if kind == "mx-match" {
		return mtasts.LintMX(args[0], args[1:]), nil
	}
	lints := map[string]func([]byte) finding.Lint{
		"policy":     mtasts.LintPolicy,
		"sts-txt":    func(text []byte) finding.Lint { return mtasts.LintRecord(recordsIn(text)) },
		"tlsrpt-txt": func(text []byte) finding.Lint { return tlsrpt.LintRecord(recordsIn(text)) },
		"report":     tlsrpt.LintReport,
	}
	lint, ok := lints[kind]
	if !ok {
		return finding.Lint{}, usagef("lint knows no kind %q; it is policy, sts-txt, tlsrpt-txt, report or mx-match", kind)
	}
	if len(args) != 1 {
		return finding.Lint{}, usagef("lint %s takes one file", kind)
	}
	text, err := p.readText(args[0])
	if err != nil {
		return finding.Lint{}, err
	}
	return lint(text), nil
}

// recordsIn are the TXT records of a text, one a line.
func recordsIn(text []byte) []string {
	s := strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
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
	fmt.Fprintf(p.out, "%s: %s\n", l.Kind, l.Verdict)
	for _, f := range l.Findings {
		if f.Line > 0 {
			f.Subject = fmt.Sprintf("%d:%d", f.Line, f.Column)
		}
		p.printFinding(f)
	}
	return nil
}
