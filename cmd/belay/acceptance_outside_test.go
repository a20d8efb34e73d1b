package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// Where the testbed's servers listen.
const (
	ns1         = "127.0.0.2"
	ns2         = "127.0.0.3"
	policyHost1 = "127.0.1.2"
	policyHost2 = "127.0.1.4"
)

// The names that a rollout publishes.
const (
	stsName    = "_mta-sts." + domain
	reportName = "_smtp._tls." + domain
	hostName   = "mta-sts." + domain
)

// asked runs a program that asks a server, and returns what it printed.
func (b *testbed) asked(name string, args ...string) string {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), name, args...).CombinedOutput()
	if err != nil {
		b.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// unbroken is a text on one line, with single spaces.
func unbroken(text string) string { return strings.Join(strings.Fields(text), " ") }

// dig asks one name server, and nobody else, for a name.
func (b *testbed) dig(server, name, typ string) string {
	b.Helper()
	return b.asked("dig", "+short", "+norec", "+tries=2", "+time=2", "@"+server, name, typ)
}

// announced is the record that tells senders of the policy, quoted as dig quotes.
func announced(id string) string {
	if id == "" {
		return ""
	}
	return fmt.Sprintf(`"v=STSv1; id=%s;"`, id)
}

// served is what the policy host answered at one address.
type served struct {
	status, kind string
	body         string
}

// curl fetches the policy from one address as RFC 8461 section 3.3 has it.
func (b *testbed) curl(address string) served {
	b.Helper()
	out := b.asked("curl", "-sS", "--noproxy", "*", "--max-time", "10", "--resolve", hostName+":443:"+address,
		"-w", "\n%{http_code} %{content_type}", "https://"+hostName+"/.well-known/mta-sts.txt")
	body, last := "", out
	if cut := strings.LastIndexByte(out, '\n'); cut >= 0 {
		body, last = out[:cut], out[cut+1:]
	}
	status, kind, _ := strings.Cut(last, " ")
	return served{status, kind, body}
}

// lines are the values of one key of a policy.
func (s served) lines(key string) []string {
	var out []string
	for line := range strings.Lines(s.body) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name == key {
			out = append(out, strings.TrimSpace(value))
		}
	}
	slices.Sort(out)
	return out
}

// sender asks postfix-mta-sts-resolver what a sender would do that has no old
// answers in its resolver's cache. strict is a sender that takes testing for
// enforce, which shows that it holds the policy.
func (b *testbed) sender(strict bool) string {
	b.Helper()
	b.turn("dns.sh", "flush")
	args := []string{domain}
	if strict {
		args = append(args, "strict")
	}
	answer, _ := b.script("sts-ask.sh", args...) // exits 1 where there is no policy
	return answer
}

// counting is what a sender answers that takes testing for enforce. Where a policy is
// announced, it may try once more: a fetch has a few seconds, which a busy machine can
// take from it.
func (b *testbed) counting(announced bool) string {
	b.Helper()
	answer := b.sender(true)
	if announced && !strings.HasPrefix(answer, "secure ") {
		answer = b.sender(true)
	}
	return answer
}

// agrees asks BIND at both name servers, nginx at each address and the sender, and
// fails unless all of them say what belay says, under an id that no other policy
// had.
func (b *testbed) agrees(s statusSaid) {
	b.Helper()
	for _, server := range []string{ns1, ns2} {
		if got := b.dig(server, stsName, "TXT"); got != announced(s.PolicyID) {
			b.Errorf("belay says id %q, and %s answers %s", s.PolicyID, server, got)
		}
	}
	if s.PolicyID != "" {
		for _, address := range b.addresses {
			b.serves(address, s.Mode, s.MaxAge)
		}
	}
	policy := fmt.Sprintf("mode %s, max_age %d", s.Mode, s.MaxAge)
	if before, told := b.told[s.PolicyID]; told && before != policy {
		b.Errorf("id %s was announced for %s, and now for %s: senders would not look again", s.PolicyID, before, policy)
	}
	b.told[s.PolicyID] = policy
	if held := b.counting(s.PolicyID != ""); strings.HasPrefix(held, "secure ") != (s.PolicyID != "") {
		b.Errorf("belay says id %q, and the sender that counts testing: %s", s.PolicyID, held)
	}
	if b.enforces() != (s.Mode == "enforce") {
		b.Errorf("belay says mode %s, and the sender: %s", s.Mode, b.sender(false))
	}
	if b.Failed() {
		b.FailNow()
	}
}

// serves fails unless nginx serves this policy at address.
func (b *testbed) serves(address, mode string, maxAge uint32) {
	b.Helper()
	got := b.curl(address)
	if got.status != "200" || !strings.HasPrefix(got.kind, "text/plain") ||
		!slices.Equal(got.lines("mode"), []string{mode}) || !slices.Equal(got.lines("max_age"), []string{fmt.Sprint(maxAge)}) ||
		!slices.Equal(got.lines("mx"), []string{"mx1." + domain, "mx2." + domain}) {
		b.Errorf("belay says mode %s and max_age %d for mx1 and mx2, and %s serves %s %s\n%s", mode, maxAge, address, got.status, got.kind, got.body)
	}
}

// enforces reports whether the sender refuses an MX host that is not as the
// policy says.
func (b *testbed) enforces() bool {
	b.Helper()
	answer := b.sender(false)
	return strings.HasPrefix(answer, "secure ") && strings.Contains(answer, "mx1."+domain) && strings.Contains(answer, "mx2."+domain)
}

// serial counts the changes that BIND made to the zone: each dynamic update adds
// one.
func (b *testbed) serial() int {
	b.Helper()
	var serial int
	fields := strings.Fields(b.dig(ns1, domain, "SOA"))
	if len(fields) < 3 {
		b.Fatalf("no SOA of %s: %q", domain, fields)
	}
	if _, err := fmt.Sscan(fields[2], &serial); err != nil {
		b.Fatal(err)
	}
	return serial
}
