//go:build unix

package inbox

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// brokenSource is a source that cannot be read.
type brokenSource struct{ why error }

func (b brokenSource) String() string                                { return "imaps://ada@mail.corp.test/INBOX" }
func (b brokenSource) Mails(context.Context, func(Mail) error) error { return b.why }
func (b brokenSource) Total() int                                    { return 0 }
func (b brokenSource) Keep(context.Context, Kept) error              { return nil }

// TestAnInboxThatCannotBeReadIsNoDamagedMail: what the system does not give out is an
// error of its inbox, again and again; what is damaged, or gone, is none.
func TestAnInboxThatCannotBeReadIsNoDamagedMail(t *testing.T) {
	maildir := func() string {
		return files(t, map[string]string{"cur/1": mailOf(t, reportOf("1", "corp.test")), "cur/2": "garbage", "new/.keep": ""})
	}
	// withheld is what cannot be opened, whoever asks.
	withheld := func(path string) {
		if err := errors.Join(os.RemoveAll(path), os.Symlink(path, path)); err != nil {
			t.Error(err)
		}
	}
	for name, row := range map[string]struct {
		inbox  func() string
		during func(inbox string) // before its first mail is read
		unread bool
	}{
		"a damaged mail":                          {inbox: maildir},
		"an empty Maildir":                        {inbox: func() string { return files(t, map[string]string{"cur/.keep": "", "new/.keep": ""}) }},
		"a mail that is deleted while it is read": {inbox: maildir, during: func(in string) { _ = os.Remove(filepath.Join(in, "cur/1")) }},
		"a folder whose mbox is gone while it is empty": {
			inbox: func() string {
				return files(t, map[string]string{"box.mbox": "From a@b Mon Jun 15 12:00:00 2026\n" + mailOf(t, reportOf("1", "corp.test"))})
			},
			during: func(in string) { _ = os.Remove(filepath.Join(in, "box.mbox")) }},
		"an empty file": {inbox: func() string { return filepath.Join(files(t, map[string]string{"box.mbox": ""}), "box.mbox") }},
		"a link in a folder that leads nowhere": {inbox: func() string {
			in := files(t, map[string]string{"1.eml": "x"})
			if err := os.Symlink(filepath.Join(in, "gone"), filepath.Join(in, "2.eml")); err != nil {
				t.Error(err)
			}
			return in
		}},
		"nothing is there":            {inbox: func() string { return filepath.Join(t.TempDir(), "gone") }, unread: true},
		"the path cannot be followed": {inbox: func() string { in := maildir(); withheld(in); return in }, unread: true},
		"a mail that the system does not give out": {
			inbox:  func() string { return files(t, map[string]string{"1.eml": mailOf(t, reportOf("1", "corp.test"))}) },
			during: func(in string) { withheld(filepath.Join(in, "1.eml")) }, unread: true},
	} {
		t.Run(name, func(t *testing.T) {
			in := row.inbox()
			im := importer(&shelf{}, nil)
			im.Seen, im.Workers = new(Seen), 1
			if row.during != nil {
				im.Pause = func() { row.during(in) }
			}
			for _, round := range []string{"first", "second", "third"} {
				sum, err := im.Import(t.Context(), []string{in}, nil)
				if err != nil {
					t.Fatal(err)
				}
				said := ""
				for _, of := range sum.Sources {
					said += of.Error
				}
				if (said != "") != row.unread {
					t.Errorf("the %s time: %q, want an error: %v; skipped %+v", round, said, row.unread, sum.Skipped)
				}
				im.Pause = nil
			}
		})
	}
}

func TestAFailingSourceIsToldFromAFailingImport(t *testing.T) {
	why := errors.New("no route")
	store := &shelf{}
	sum, err := importer(store, nil).From(t.Context(), nil, []Source{brokenSource{why}}, nil)
	if !errors.Is(err, why) || BesideSources(err) != nil || len(sum.Sources) != 1 || sum.Sources[0].Error != "no route" {
		t.Errorf("%v beside %v; %+v", err, BesideSources(err), sum.Sources)
	}
	full := errors.New("disk full")
	if got := BesideSources(errors.Join(full, errors.Join(err))); !errors.Is(got, full) || errors.Is(got, why) {
		t.Errorf("beside it %v", got)
	}
}
