package tlsrpt_test

import (
	"fmt"
	"strings"
	"testing"

	"belay/rollout/tlsrpt"
)

// folded reads a report of the sample's policy with these failures, folding.
func folded(t *testing.T, failures []tlsrpt.Failure) tlsrpt.Policy {
	t.Helper()
	r := sample()
	r.Policies[0].Failures = failures
	d := tlsrpt.Decoder{Fold: true}
	got, _, err := d.Decode(strings.NewReader(mustJSON(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	return got.Policies[0]
}

func TestFoldAddsUpWhatDiffersInNothingElse(t *testing.T) {
	one := tlsrpt.Failure{Type: tlsrpt.CertificateExpired, ReceivingMX: "mx1.recv.example", Sessions: 2}
	other := one
	other.ReasonCode = "X509_V_ERR_CERT_HAS_EXPIRED"
	got := folded(t, []tlsrpt.Failure{one, other, one, one}).Failures
	one.Sessions, other.Sessions = 6, 2
	if len(got) != 2 || got[0] != one || got[1] != other {
		t.Errorf("folded to %+v", got)
	}
}

func TestFoldLosesNoSessionAndStaysSmall(t *testing.T) {
	const n = 5000
	for name, kind := range map[string]func(i int) tlsrpt.Failure{
		"a reason each": func(i int) tlsrpt.Failure {
			return tlsrpt.Failure{Type: tlsrpt.ValidationFailure, ReceivingMX: "mx1.recv.example", ReasonCode: fmt.Sprint(i)}
		},
		"an MX host each": func(i int) tlsrpt.Failure {
			return tlsrpt.Failure{Type: tlsrpt.ValidationFailure, ReceivingMX: fmt.Sprintf("mx%d.recv.example", i)}
		},
		"a type each": func(i int) tlsrpt.Failure {
			return tlsrpt.Failure{Type: tlsrpt.ResultType(fmt.Sprint("made-up-", i)), ReceivingMX: fmt.Sprintf("mx%d.recv.example", i)}
		},
		"a long reason each": func(i int) tlsrpt.Failure {
			return tlsrpt.Failure{Type: tlsrpt.ValidationFailure, ReasonCode: fmt.Sprint(i) + strings.Repeat("ü", 1000)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var failures []tlsrpt.Failure
			for i := range n {
				f := kind(i)
				f.Sessions = 3
				failures = append(failures, f)
			}
			got := folded(t, failures).Failures
			var sum int64
			for _, f := range got {
				sum += f.Sessions
				if len(f.ReasonCode) > 1<<10 {
					t.Fatalf("a reason of %d bytes is kept", len(f.ReasonCode))
				}
			}
			if sum != 3*n || len(got) > 2100 {
				t.Errorf("%d kinds with %d sessions, of %d", len(got), sum, 3*n)
			}
		})
	}
}

// TestFoldTakesWhatAPlainDecoderRefuses: folded failures take no memory, so a
// report may have as many as fit into its size.
func TestFoldTakesWhatAPlainDecoderRefuses(t *testing.T) {
	r := sample()
	f := r.Policies[0].Failures[0]
	f.Sessions = 1
	r.Policies[0].Failures = nil
	for range 120_000 {
		r.Policies[0].Failures = append(r.Policies[0].Failures, f)
	}
	text := mustJSON(t, r)
	if _, _, err := tlsrpt.ParseReport(strings.NewReader(text)); err == nil {
		t.Error("a plain decoder keeps 120,000 failures")
	}
	d := tlsrpt.Decoder{Fold: true}
	got, _, err := d.Decode(strings.NewReader(text))
	if err != nil || len(got.Policies[0].Failures) != 1 || got.Policies[0].Failures[0].Sessions != 120_000 {
		t.Errorf("folded to %d kinds, %v", len(got.Policies[0].Failures), err)
	}
}

func TestQuotedPoliciesAreBounded(t *testing.T) {
	r := sample()
	for i := range 100 {
		r.Policies[0].Strings = append(r.Policies[0].Strings, fmt.Sprint(i)+strings.Repeat("x", 60<<10))
	}
	if _, _, err := tlsrpt.ParseReport(strings.NewReader(mustJSON(t, r))); err == nil || !strings.Contains(err.Error(), "quotes more than 4 MiB") {
		t.Errorf("error %v", err)
	}
}
