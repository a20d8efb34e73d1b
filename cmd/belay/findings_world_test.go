package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"belay/rollout"
)

// policyBody is a policy of the lab's domain; more are further lines.
func policyBody(mode string, maxAge int, more ...string) string {
	lines := []string{"version: STSv1", "mode: " + mode, "mx: mx1.corp.test", "mx: mx2.corp.test", fmt.Sprintf("max_age: %d", maxAge)}
	return strings.Join(append(lines, more...), "\r\n") + "\r\n"
}

// published stands everything in place as a rollout in testing has it.
func published(b *box) {
	for _, ip := range b.PolicyAddresses() {
		typ := "A"
		if ip.Is6() {
			typ = "AAAA"
		}
		record("mta-sts.corp.test", typ, ip.String())(b)
	}
	serves(policyBody("testing", 86400))(b)
	record("_mta-sts.corp.test", "TXT", "v=STSv1; id=1;")(b)
	record("_smtp._tls.corp.test", "TXT", "v=TLSRPTv1; rua=mailto:tlsrpt@corp.test;")(b)
}

// with does several things to a lab, one after the other.
func with(acts ...func(*box)) func(*box) {
	return func(b *box) {
		for _, act := range acts {
			act(b)
		}
	}
}

// record sets an RRset as the operator would by hand; no value removes it.
func record(name, typ string, values ...string) func(*box) {
	return recordFor(300, name, typ, values...)
}

func recordFor(ttl uint32, name, typ string, values ...string) func(*box) {
	return func(b *box) {
		b.t.Helper()
		if err := b.SetRRset(name, typ, ttl, values...); err != nil {
			b.t.Fatal(err)
		}
	}
}

// serves puts a policy into the folder that the policy host serves.
func serves(body string) func(*box) {
	return func(b *box) {
		b.t.Helper()
		file := filepath.Join(b.WebRoot(), ".well-known", "mta-sts.txt")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

// breaks switches faults of the lab on.
func breaks(ids ...string) func(*box) {
	return func(b *box) {
		b.t.Helper()
		for _, id := range ids {
			if err := b.Set(id, true); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// slowness is how late what is slow in the lab comes.
func slowness(d time.Duration) func(*box) {
	return func(b *box) { b.SetSlowness(d) }
}

// looked checks once, so that the resolver remembers what it heard.
func looked(b *box) { b.belay("check", "--json", "corp.test") }

// rolled walks a rollout until the phase.
func rolled(phase rollout.Phase) func(*box) {
	return func(b *box) {
		b.t.Helper()
		b.start()
		b.to(phase)
		b.settled()
	}
}

// file is what the policy host serves now.
func (b *box) file() string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.WebRoot(), ".well-known", "mta-sts.txt"))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}
