package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"belay/rollout"
)

// mailbox is a folder of the testbed's Dovecot.
type mailbox struct {
	*testbed
	folder string
}

const mailUser, mailPassword = "tlsrpt@corp.test", "lab-tlsrpt-pw"

// newMailbox makes the folder anew, so that nothing is in it and its UIDVALIDITY is
// another than before.
func (b *testbed) newMailbox(folder string) mailbox {
	b.Helper()
	m := mailbox{b, folder}
	_, _ = m.imap("", "DELETE "+folder) // from an earlier run
	m.made()
	b.Cleanup(func() { _, _ = m.imap("", "DELETE "+folder) })
	return m
}

func (m mailbox) made() {
	m.Helper()
	if out, err := m.imap("", "CREATE "+m.folder); err != nil {
		m.Fatalf("make the folder: %v\n%s", err, out)
	}
}

func (m mailbox) url() string { return "imaps://" + mailUser + "@imap.corp.test/" + m.folder }

// imap has curl give Dovecot a command.
func (m mailbox) imap(folder, command string) (string, error) {
	out, err := exec.CommandContext(m.Context(), "curl", "-sS", "--max-time", "20", "--cacert", filepath.Join(m.run, "ca", "bundle.pem"),
		"-u", mailUser+":"+mailPassword, "-X", command, "imaps://imap.corp.test/"+folder).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// deliver puts report mails into the folder, as Dovecot's Maildir has it.
func (m mailbox) deliver(reports ...string) {
	m.Helper()
	args := []string{"--maildir", filepath.Join(m.run, "vmail", "corp.test", "tlsrpt", "Maildir", "."+m.folder)}
	for _, r := range reports {
		args = append(args, filepath.Join(filepath.Dir(m.knobs), "reports", r))
	}
	m.turn("tlsrpt_mail.py", args...)
}

// seen are the mails that Dovecot has marked as seen.
func (m mailbox) seen() []string {
	m.Helper()
	out, err := m.imap(m.folder, "SEARCH SEEN")
	if err != nil {
		m.Fatalf("%v\n%s", err, out)
	}
	return strings.Fields(strings.TrimPrefix(out, "* SEARCH"))
}

// TestAcceptanceMailbox reads reports out of a real IMAP server.
func TestAcceptanceMailbox(t *testing.T) {
	b := openTestbed(t)
	b.env = []string{"BELAY_IMAP_PASSWORD=" + mailPassword}
	m := b.newMailbox("BelayAccepts")
	take := func(more ...string) rollout.Intake {
		t.Helper()
		return said[rollout.Intake](b, b.does(exitGood, append([]string{"reports", "import", "--json", "--domain", domain}, more...)...))
	}
	m.deliver("google-ok.json", "microsoft-mx2-broken.json", "rfc8460-appendix-b.json")
	if got := take(m.url()); got.Mails != 3 || got.New != 2 || got.Foreign != 1 || len(got.Sources) != 1 || got.Sources[0].Source != m.url() {
		t.Errorf("the first time: %+v", got)
	}
	if got := take(m.url()); got.Mails != 0 {
		t.Errorf("read twice: %+v", got)
	}
	m.deliver("google-no-policy.json")
	if got := take("imap+starttls" + strings.TrimPrefix(m.url(), "imaps")); got.Mails != 4 || got.Duplicates+got.New != 3 {
		t.Errorf("by STARTTLS, which is another account: %+v", got)
	}
	if got := take(m.url()); got.Mails != 1 {
		t.Errorf("what came: %+v", got)
	}
	if seen := m.seen(); len(seen) != 0 {
		t.Errorf("marked as seen unasked: %v", seen)
	}

	b.turn("dns.sh", "addr", "mail", "127.0.0.6") // where Dovecot's certificate is for another name
	t.Run("one clear sentence", func(t *testing.T) {
		for want, args := range map[string][]string{
			"it has BelayAccepts, INBOX":           {"imaps://" + mailUser + "@imap.corp.test/NoSuchFolder"},
			"its certificate cannot be trusted":    {"imaps://" + mailUser + "@mail.corp.test/" + m.folder},
			"must not hold a password":             {"imaps://tlsrpt:hunter2@imap.corp.test/INBOX"},
			"reads no mail without TLS":            {"imap://tlsrpt@imap.corp.test/INBOX"},
			`it refuses "nobody@corp.test"`:        {"imaps://nobody@corp.test@imap.corp.test/INBOX"},
			"needs its password: set BELAY_IMAP_P": {m.url(), "imaps://user@corp.test@imap.corp.test/INBOX"},
		} {
			got := b.does(exitCannot, append([]string{"reports", "import"}, args...)...)
			if !strings.Contains(got.errs, want) || strings.Contains(got.errs+got.out, "hunter2") || strings.Contains(got.errs+got.out, mailPassword) {
				t.Errorf("want %q of %v", want, got)
			}
		}
	})

	// The folder is made anew: its UIDs begin again, and mean other mails.
	if out, err := m.imap("", "DELETE "+m.folder); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m.made()
	m.deliver("google-ok.json")
	if got := take(m.url()); got.Mails != 1 || got.New != 0 || got.Duplicates != 1 || !strings.Contains(got.Sources[0].Note, "made anew") {
		t.Errorf("after the folder was made anew: %+v", got)
	}

	// Only the server's own word, not the hourly look, can bring what comes now.
	watching := b.start("reports", "import", "--domain", domain, "--watch", "--every", "1h", "--mark-seen", m.url())
	m.deliver("policy-fetch-errors.json")
	b.until("IDLE brings a mail", func() bool { return strings.Contains(watching.out.String(), "1 mail, 1 report: ") })
	if err := watching.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := watching.end(); got.exit != exitGood || !strings.Contains(got.out, "What was taken is kept.") {
		t.Errorf("watching ended with %v", got)
	}
	if seen := m.seen(); !slices.Contains(seen, "2") {
		t.Errorf("marked as seen: %v; want the mail whose report was taken", seen)
	}
}

// TestAcceptancePosting has curl post reports to belay serve.
func TestAcceptancePosting(t *testing.T) {
	const at = "127.0.0.31"
	b := openTestbed(t)
	ca := filepath.Join(b.run, "ca")
	b.does(exitGood, "new", domain, "--dns", "rfc2136", "--host", "serve", "--host-address", at, "--rua", "https://mta-sts."+domain+"/tlsrpt")
	s := b.start("--json", "serve", "--listen", at+":443", "--http", "none", "--status", "none",
		"--tls-cert", filepath.Join(ca, "web-valid.chain"), "--tls-key", filepath.Join(ca, "web-valid.key"))
	b.until("belay serves", func() bool { return strings.Contains(s.errs.String(), `"msg":"serving"`) })
	file := func(name string, change func([]byte) []byte) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(filepath.Dir(b.knobs), "reports", name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, change(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	asIs := func(text []byte) []byte { return text }
	packed := func(text []byte) []byte { return gzipOf(t, string(text)) }
	for _, row := range []struct{ kind, file, want string }{
		{"application/tlsrpt+json", file("google-ok.json", asIs), "201"},
		{"application/tlsrpt+json", file("google-ok.json", asIs), "200"},
		{"application/tlsrpt+gzip", file("google-ok.json", packed), "200"},
		{"application/tlsrpt+gzip", file("microsoft-mx2-broken.json", packed), "201"},
		{"application/tlsrpt+gzip", file("rfc8460-appendix-b.json", packed), "403"},
		{"application/tlsrpt+gzip", file("google-ok.json", func(text []byte) []byte { return packed(text)[:80] }), "400"},
		{"application/json", file("google-ok.json", asIs), "415"},
	} {
		out, err := exec.CommandContext(t.Context(), "curl", "-sS", "--max-time", "20", "--cacert", filepath.Join(ca, "bundle.pem"),
			"--resolve", "mta-sts."+domain+":443:"+at, "-o", os.DevNull, "-w", "%{http_code}",
			"-H", "Content-Type: "+row.kind, "--data-binary", "@"+row.file, "https://mta-sts."+domain+"/tlsrpt").CombinedOutput()
		if err != nil || string(out) != row.want {
			t.Errorf("%s %s: curl says %s, %v; want %s", row.kind, filepath.Base(row.file), out, err, row.want)
		}
	}
	if got := b.does(exitGood, "reports", "show", domain, "--json").out; !strings.Contains(got, `"reporters":[]`) {
		t.Errorf("nobody signed these, and they count: %s", got)
	}
}
