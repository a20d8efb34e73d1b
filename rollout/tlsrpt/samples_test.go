package tlsrpt_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
)

// TestReportsOfRealSenders reads reports as they were met in the wild. They are not
// part of the project: BELAY_SAMPLES names the folder, or it stands beside the
// checkout.
func TestReportsOfRealSenders(t *testing.T) {
	dir := os.Getenv("BELAY_SAMPLES")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "tlsrpt-samples")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the report samples are absent: set BELAY_SAMPLES to their folder")
	}
	tests := []struct {
		file             string
		verdict          finding.Verdict
		domain           string
		success, failure int64
		details          int
	}{
		{"04-mailru-2024-parsedmarc.json", finding.Usable, "example.com", 0, 1, 2},
		{"05-google-2024-failures-parsedmarc.json", finding.Usable, "example.com", 0, 3, 2},
		{"06-rfc8460-mxhost-string.json", finding.Usable, "company-y.example", 5326, 303, 3},
		{"07-postfix-tlsrpt-reporter-2025-missing-policy-domain.json", finding.Usable, "", 1, 0, 0},
		{"10-stalwart-2026-null-contact.json", finding.Usable, "hin.ch", 1, 0, 0},
		{"11-google-2020-policy-string-with-CR.json", finding.Usable, "c7solutions.com", 1, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			r, fs, err := tlsrpt.ParseReport(bytes.NewReader(text))
			if err != nil || finding.VerdictOf(fs) != tt.verdict {
				t.Fatalf("%s, %v: %v", finding.VerdictOf(fs), err, fs)
			}
			p := r.Policies[0]
			if len(r.Policies) != 1 || p.Domain != tt.domain || p.Successful != tt.success || p.Failed != tt.failure || len(p.Failures) != tt.details {
				t.Errorf("got %+v", r)
			}
			for _, line := range p.Strings {
				if strings.ContainsAny(line, "\r\n") {
					t.Errorf("policy line %q keeps its line end", line)
				}
			}
			again, _, err := tlsrpt.ParseReport(strings.NewReader(mustJSON(t, r)))
			if err != nil || !reflect.DeepEqual(again, r) {
				t.Errorf("written and read again: %+v, %v", again, err)
			}
		})
	}
}

func FuzzParseReport(f *testing.F) {
	for _, v := range vectors(f) {
		if v.Kind == "report" && (v.Name == "full" || v.Name == "gzip-two-members" || v.Name == "truncated-json") {
			f.Add(v.text(f))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, fs, err := tlsrpt.ParseReport(bytes.NewReader(text))
		if (err != nil) != (finding.Worst(fs) == finding.Fail) {
			t.Errorf("error %v, findings %v", err, fs)
		}
		if err != nil || r.Start.Year() < 1 || r.End.Year() > 9998 {
			return
		}
		written := mustJSON(t, r)
		again, fs, err := tlsrpt.ParseReport(strings.NewReader(written))
		if err != nil {
			t.Fatalf("%q: %v, %v", written, err, fs)
		}
		if !reflect.DeepEqual(again, r) {
			t.Errorf("%+v became %+v", r, again)
		}
	})
}

// BenchmarkDecode is one sender's daily report, as most are: compressed, about a
// kilobyte of text.
func BenchmarkDecode(b *testing.B) {
	text := []byte(mustJSON(b, sample()))
	run := func(wire []byte) func(*testing.B) {
		return func(b *testing.B) {
			var d tlsrpt.Decoder
			in := bytes.NewReader(wire)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				in.Reset(wire)
				if _, _, err := d.Decode(in); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("plain", run(text))
	b.Run("gzip", run(zip(b, text)))
}

// BenchmarkDecodeLarge is a report of ten thousand failures.
func BenchmarkDecodeLarge(b *testing.B) {
	r := sample()
	for range 10_000 {
		r.Policies[0].Failures = append(r.Policies[0].Failures, r.Policies[0].Failures[0])
	}
	var wire bytes.Buffer
	w := gzip.NewWriter(&wire)
	text := mustJSON(b, r)
	if _, err := w.Write([]byte(text)); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := tlsrpt.ParseReport(bytes.NewReader(wire.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}
