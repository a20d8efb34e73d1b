package store_test

import (
	"testing"

	"belay/rollout/store"
)

func TestMailboxCursor(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s, err := store.Open(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	const box = "imaps://tlsrpt@imap.corp.test/INBOX"
	keep := func(source string, domains []string, validity, uid uint32) {
		t.Helper()
		if err := s.KeepMailboxCursor(ctx, source, domains, validity, uid); err != nil {
			t.Fatal(err)
		}
	}
	keep(box, []string{"corp.test", "corp.example"}, 7, 20)
	keep(box, []string{"corp.test"}, 7, 30)
	keep(box, []string{"elsewhere.test"}, 8, 40)
	keep(box+"2", []string{"corp.test"}, 9, 50)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = store.Open(ctx, dir); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, row := range map[string]struct {
		domains       []string
		validity, uid uint32
	}{
		"one domain":                       {[]string{"corp.test"}, 7, 30},
		"the domain that was read least":   {[]string{"corp.test", "corp.example"}, 7, 20},
		"a domain it was never read for":   {[]string{"corp.test", "new.test"}, 0, 0},
		"another folder for one of them":   {[]string{"corp.test", "elsewhere.test"}, 0, 0},
		"nobody's reports are taken there": {nil, 0, 0},
	} {
		validity, uid, err := s.MailboxCursor(ctx, box, row.domains)
		if err != nil || validity != row.validity || uid != row.uid {
			t.Errorf("%s: %d %d, error %v; want %d %d", name, validity, uid, err, row.validity, row.uid)
		}
	}
}
