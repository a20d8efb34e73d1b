package inbox

import (
	"context"
	"os"
	"path/filepath"
)

// moved hands out once more the mails of Maildirs that were gone when they were to be
// read, each from where cur has it now. A mail server moves what is new there, and
// writes other flags behind a name, whenever somebody looks: such a mail was not read
// yet. One that was deleted, or put into another folder, is handed out as it was.
func (f *local) moved(gone []item) feeder {
	return func(_ context.Context, hand func(item) error) error {
		now := make(map[string]string) // paths by what a mail is remembered by
		listed := make(map[string]bool)
		for _, it := range gone {
			cur := filepath.Join(filepath.Dir(filepath.Dir(it.path)), "cur")
			if !listed[cur] {
				listed[cur] = true
				entries, err := os.ReadDir(cur)
				if err != nil { // it is no single mail that is gone
					f.unread = note(f.unread, it.source, err)
				}
				for _, entry := range entries {
					at := item{path: filepath.Join(cur, entry.Name()), delivered: true}
					now[nameOf(at)] = at.path
				}
			}
			it.info, it.err = nil, nil
			if path, there := now[nameOf(it)]; there {
				it.path = path
			}
			if err := hand(it); err != nil {
				return err
			}
		}
		return nil
	}
}
