package inbox

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestAMailThatIsMovedMeanwhileIsRead: a mail server moves a mail from new to cur, and
// writes its flags behind its name, when somebody looks into the mailbox.
func TestAMailThatIsMovedMeanwhileIsRead(t *testing.T) {
	one, two := mailOf(t, reportOf("1", "corp.test")), mailOf(t, reportOf("2", "corp.test"))
	move := func(from, to string) func(string) error {
		return func(in string) error { return os.Rename(filepath.Join(in, from), filepath.Join(in, to)) }
	}
	for name, row := range map[string]struct {
		content      map[string]string
		meanwhile    []func(in string) error // before the first mail is read
		fresh, lines int
		unread       bool
	}{
		"somebody looks": {content: map[string]string{"new/1.host": one, "new/2.host": two, "cur/.keep": ""},
			meanwhile: []func(string) error{move("new/1.host", "cur/1.host:2,"), move("new/2.host", "cur/2.host:2,")}, fresh: 2},
		"somebody reads": {content: map[string]string{"new/.keep": "", "cur/1.host:2,": one, "cur/2.host:2,": two},
			meanwhile: []func(string) error{move("cur/1.host:2,", "cur/1.host:2,S"), move("cur/2.host:2,", "cur/2.host:2,RS")}, fresh: 2},
		"one is deleted": {content: map[string]string{"new/1.host": one, "new/2.host": two, "cur/.keep": ""},
			meanwhile: []func(string) error{func(in string) error { return os.Remove(filepath.Join(in, "new/1.host")) }, move("new/2.host", "cur/2.host:2,")}, fresh: 1, lines: 1},
		"the Maildir goes": {content: map[string]string{"new/1.host": one, "cur/2.host:2,": two},
			meanwhile: []func(string) error{os.RemoveAll}, lines: 2, unread: true},
	} {
		t.Run(name, func(t *testing.T) {
			in := files(t, row.content)
			im := importer(&shelf{}, nil)
			im.Workers = 1
			im.Pause = func() {
				for _, do := range row.meanwhile {
					if err := do(in); err != nil {
						t.Error(err)
					}
				}
				row.meanwhile = nil
			}
			var last Progress
			sum, err := im.Import(t.Context(), []string{in}, func(p Progress) { last = p })
			if err != nil {
				t.Fatal(err)
			}
			if sum.New != row.fresh || len(sum.Skipped) != row.lines || sum.Files != 2 || last.Done != 2 || last.Total != 2 {
				t.Errorf("%+v; %+v", sum, last)
			}
			var said error
			for _, of := range sum.Sources {
				if of.Error != "" {
					said = errors.Join(said, errors.New(of.Error))
				}
			}
			if (said != nil) != row.unread {
				t.Errorf("the inbox is said to be unread: %v", said)
			}
		})
	}
}

// TestNewIsListedBeforeCur: a mail that is moved meanwhile is in one of them.
func TestNewIsListedBeforeCur(t *testing.T) {
	in := files(t, map[string]string{"new/2.host": "", "cur/1.host:2,": "", "tmp/3.host": ""})
	found, err := list(t.Context(), []string{in})
	if err != nil || len(found) != 2 || found[0].path != filepath.Join(in, "new/2.host") || found[1].path != filepath.Join(in, "cur/1.host:2,") {
		t.Errorf("%+v, error %v", found, err)
	}
}
