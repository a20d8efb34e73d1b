package inbox

import (
	"context"
	"io/fs"
)

// A Source hands over mails that do not lie in files of their own: those of a
// mailbox on a server, or of a stream.
type Source interface {
	// String is the source in the one form that trust in it is declared by; what is
	// found there carries it. It is fit to be shown.
	String() string
	// Mails hands over, in order, every mail that was not kept before. It ends with
	// hand's error, with ctx's, or with its own where the source fails; what it
	// handed over by then stands.
	Mails(ctx context.Context, hand func(Mail) error) error
	// Total is how many mails Mails hands over, as far as is known by now. It may be
	// called from any goroutine.
	Total() int
	// Keep is told that what was handed over is dealt with, and that what of it is
	// ours is on disk. It is called while Mails runs, and after it.
	Keep(ctx context.Context, kept Kept) error
}

// A Mail is one mail, or a bare report, as a source hands it over.
type Mail struct {
	// Path says where it is, for people.
	Path string
	// Mark is the source's own number for it; marks rise, but for a mail that could
	// not be had, or not at first.
	Mark uint64
	// Raw is the mail as it came; at most MaxMail bytes.
	Raw []byte
	// Err says why it could not be had; then Raw is nil.
	Err error
	// Bare says that it may be a report without a mail around it, or nothing of the
	// kind; a mailbox holds mails alone.
	Bare bool
}

// MaxMail is the largest mail that is read, in bytes.
const MaxMail = maxMail

// Kept are mails of one source that are dealt with.
type Kept struct {
	// UpTo is the mark of the last; all that were handed over before it are dealt with
	// too.
	UpTo uint64
	// Taken are the marks of those in which reports about our domains were.
	Taken []uint64
}

// An item is one file, or one mail that is in memory, that may hold reports.
type item struct {
	path   string
	source string // what the operator named
	// named is true where the operator named this very file: then it is read
	// whatever its name says.
	named bool
	// delivered is true for what a mail server put where it is: it is a mail,
	// whatever it looks like.
	delivered bool
	// file is true for the item that stands for a file in the count of files.
	file bool

	raw  []byte      // the bytes, where they were read already
	info fs.FileInfo // of the file, once it was asked for
	err  error       // why there is nothing to read
	// unlisted is true where it stands for a folder or path that could not be listed.
	unlisted bool
	from     Source // nil for files
	mark     uint64
}

// read returns the item's bytes.
func (it item) read() ([]byte, error) {
	it.ask()
	if it.raw != nil || it.err != nil {
		return it.raw, it.err
	}
	return readItem(it)
}

// A feeder hands out items in order until hand returns an error, which it returns.
type feeder func(ctx context.Context, hand func(item) error) error
