package main

import (
	"path/filepath"
	"strings"
	"testing"

	"belay/providers/inbox/imap"
	"belay/providers/lab"
	"belay/rollout"
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
		a := &accounts{secrets: &secrets{env: env, keyring: func(user string) (string, error) { return row.env["keyring "+user], nil }}}
		got, err := a.mailPassword(t.Context(), one, row.only)
		if got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%s: %q, error %v; want %q", name, got, err, row.want)
		}
		if err != nil && !strings.Contains(err.Error(), "BELAY_IMAP_PASSWORD_A_ONE_TEST") {
			t.Errorf("%s: %v does not say which variable", name, err)
		}
	}
}
