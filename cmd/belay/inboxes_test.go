package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"belay/providers/inbox/imap"
	"belay/providers/lab"
	"belay/rollout"
	"belay/rollout/world"
)

func TestInboxHasOneName(t *testing.T) {
	here, err := filepath.Abs("reports")
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		"reports": here,
		"-":       "-",
		"IMAPS://tlsrpt%40corp.test@IMAP.corp.test:993": "imaps://tlsrpt@corp.test@imap.corp.test/INBOX",
	} {
		if got, err := inboxOf(typed); got != want || err != nil {
			t.Errorf("%s is %s, error %v; want %s", typed, got, err, want)
		}
	}
	for typed, want := range map[string]string{
		"HTTPS://mta-sts.Corp.test/tlsrpt":  "https://mta-sts.corp.test/tlsrpt",
		"imaps://a@imap.corp.test":          "imaps://a@imap.corp.test/INBOX",
		"-":                                 "-",
		"google.com":                        "",
		"/var/mail":                         "",
		"imaps://a:hunter2@imap.corp.test/": "",
	} {
		if got, ok, _ := trustedInbox(typed); got != want || ok != (want != "") {
			t.Errorf("trust in %s is in %q, %t; want %q", typed, got, ok, want)
		}
	}
}

// A password must get neither into a rollout's settings nor into what is said.
func TestInboxWithAPasswordIsRefused(t *testing.T) {
	b := newBox(t, lab.Options{})
	b.start()
	const typed = "imaps://a:hunter2@imap.corp.test/INBOX"
	got := b.must(exitCannot, "set", b.Domain(), "--inbox", typed)
	if strings.Contains(got.out+got.err, "hunter2") || !strings.Contains(got.err, "must not hold a password") {
		t.Errorf("%s%s", got.out, got.err)
	}
	var a accounts
	if _, err := a.Try(t.Context(), b.Domain(), rollout.Settings{Inboxes: []string{typed}}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("from the wizard: %v", err)
	}
	b.must(exitGood, "set", b.Domain(), "--inbox", "imaps://a@imap.corp.test")
	if got := b.must(exitGood, "status", b.Domain()).out; !strings.Contains(got, "imaps://a@imap.corp.test/INBOX") {
		t.Errorf("status says %s", got)
	}
}

func TestMailPasswordIsTheServers(t *testing.T) {
	one, err := imap.Parse("imaps://a@one.test/INBOX")
	if err != nil {
		t.Fatal(err)
	}
	file := placed(t, filepath.Join(t.TempDir(), "secret"), "from a file\n")
	for name, row := range map[string]struct {
		env  map[string]string
		only bool
		want string
	}{
		"the usual variable, one login":      {map[string]string{"BELAY_IMAP_PASSWORD": "usual"}, true, "usual"},
		"the usual variable, several logins": {map[string]string{"BELAY_IMAP_PASSWORD": "usual"}, false, ""},
		"its own variable":                   {map[string]string{"BELAY_IMAP_PASSWORD": "usual", "BELAY_IMAP_PASSWORD_A_ONE_TEST": "own"}, true, "own"},
		"another's variable":                 {map[string]string{"BELAY_IMAP_PASSWORD_A_TWO_TEST": "other"}, true, ""},
		"a file":                             {map[string]string{"BELAY_IMAP_PASSWORD_FILE": file}, true, "from a file"},
		"the keyring":                        {map[string]string{"keyring imap/a@one.test/password": "kept"}, false, "kept"},
	} {
		env := func(name string) (string, bool) { v, ok := row.env[name]; return v, ok }
		a := &accounts{secrets: &secrets{env: env, keyring: func(_ context.Context, user string) (string, error) { return row.env["keyring "+user], nil }}}
		got, err := a.mailPassword(t.Context(), one, row.only)
		if got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%s: %q, error %v; want %q", name, got, err, row.want)
		}
		if err != nil && !strings.Contains(err.Error(), "BELAY_IMAP_PASSWORD_A_ONE_TEST") {
			t.Errorf("%s: %v does not say which variable", name, err)
		}
	}
}

// lastCursor is the store's memory of one mailbox; it may fail.
type lastCursor struct {
	uid  uint32
	fail error
}

func (c *lastCursor) MailboxCursor(context.Context, string, []string) (uint32, uint32, error) {
	return 1, c.uid, nil
}

func (c *lastCursor) KeepMailboxCursor(_ context.Context, _ string, _ []string, _, uid uint32) error {
	if c.fail == nil {
		c.uid = uid
	}
	return c.fail
}

func TestAgainHoldsUntilSomethingIsKept(t *testing.T) {
	kept := &lastCursor{uid: 90, fail: errors.New("the disk is full")}
	b := &bookmark{cursors: kept, again: true}
	from := func() uint32 {
		t.Helper()
		at, err := b.load(t.Context(), "box")
		if err != nil {
			t.Fatal(err)
		}
		return at.UID
	}
	if at := from(); at != 0 {
		t.Errorf("it begins at %d", at)
	}
	if err := b.save(t.Context(), "box", imap.Cursor{Validity: 1, UID: 64}); err == nil || from() != 0 {
		t.Errorf("after a failure it begins at %d, error %v", from(), err)
	}
	kept.fail = nil
	if err := b.save(t.Context(), "box", imap.Cursor{Validity: 1, UID: 64}); err != nil || from() != 64 {
		t.Errorf("then it goes on at %d, error %v", from(), err)
	}
}

// What is typed in the wizard is trusted and imported in the form that reports carry.
func TestTheWizardTakesSourcesAsTheCommandDoes(t *testing.T) {
	dir := t.TempDir()
	placed(t, filepath.Join(dir, "reports.mbox"), "")
	t.Chdir(dir)
	p := newProgram(world.System(), strings.NewReader(""), io.Discard, io.Discard, func(string) (string, bool) { return "", false })
	for typed, want := range map[string]string{
		"reports.mbox": filepath.Join(dir, "reports.mbox"), "Google.COM.": "google.com",
		"IMAPS://a@IMAP.corp.test": "imaps://a@imap.corp.test/INBOX", "no such thing": "",
	} {
		if got, err := trustOf(typed); got != want || (err == nil) != (want != "") {
			t.Errorf("%s is trusted as %q, error %v; want %q", typed, got, err, want)
		}
	}
	if _, err := (logged{nil, p}).Trust(t.Context(), "corp.test", "no such thing", "r"); err == nil {
		t.Error("the wizard trusts what is not there")
	}
	if _, err := (importer{}).Import(t.Context(), "corp.test", []string{"imap://a@imap.corp.test"}, nil); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("the wizard imports from a mailbox without TLS: %v", err)
	}
}
