package inbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An mbox reads the mails of an mbox file one after another, and never holds more
// of it than one mail. There are four dialects, which no file names: mboxo and
// mboxrd put a ">" before lines of a mail that begin with "From " (mboxrd also
// where there is one already), mboxcl and mboxcl2 write the body's length into the
// header, and mboxcl2 puts nothing before any line. So a length is believed where
// it leads to the end of a mail, and quoted lines are freed of one ">".
type mbox struct {
	r *bufio.Reader
	// at is where in the file the next byte of r stands.
	at int64
	// begun says that the "From " line of the next mail was read; it stands at start.
	begun bool
	start int64
	// lengths says that Content-Length is believed: until it misleads once, since
	// looking for its end reads ahead.
	lengths bool
}

const mboxLead = "From "

func newMbox(r io.Reader) *mbox {
	return &mbox{r: bufio.NewReaderSize(r, 64<<10), lengths: true}
}

// errLargeMail is a mail that is too large to be read. Others may follow it.
var errLargeMail = fmt.Errorf("larger than %d MB", maxMail>>20)

// next returns the next mail, as it was before it was put into the file, and where
// in the file its "From " line stands. After errLargeMail the others follow; the
// end is io.EOF.
func (m *mbox) next() (raw []byte, start int64, err error) {
	if !m.begun {
		m.start = m.at
		if n, err := m.skipLine(); n == 0 {
			return nil, m.at, err
		}
	}
	m.begun, start = false, m.start
	b := mboxMail{body: -1, want: -1, inside: -1, fresh: true}
	for {
		line, err := m.r.ReadSlice('\n')
		if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, start, err
		}
		lead := b.fresh && b.parts(line)
		switch {
		case lead && m.lengths && b.short():
			if b.inside < 0 {
				b.inside = len(b.raw)
			}
		case lead, err == io.EOF && len(line) == 0:
			if b.misled() {
				m.back(b.raw[b.inside:], line)
				return b.until(b.inside).mail(), start, nil
			}
			if lead {
				m.begin(line, err)
			}
			if b.large {
				return nil, start, errLargeMail
			}
			return b.mail(), start, nil
		}
		if b.add(line); b.large && b.inside >= 0 {
			m.back(b.raw[b.inside:], line)
			b.large = false
			return b.until(b.inside).mail(), start, nil
		}
		m.at += int64(len(line))
	}
}

// begin takes the "From " line of the next mail, of which line is the beginning.
func (m *mbox) begin(line []byte, err error) {
	m.begun, m.start = true, m.at
	m.at += int64(len(line))
	if err == bufio.ErrBufferFull {
		_, _ = m.skipLine() // a failing reader fails again
	}
}

// skipLine reads to the end of the line and says how many bytes that was.
func (m *mbox) skipLine() (n int, err error) {
	for {
		line, err := m.r.ReadSlice('\n')
		n += len(line)
		m.at += int64(len(line))
		if err != bufio.ErrBufferFull {
			return n, err
		}
	}
}

// back has what was taken read again, and after it line, the newest, and believes no
// length any more.
func (m *mbox) back(taken, line []byte) {
	m.lengths = false
	m.at -= int64(len(taken))
	m.r = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(slices.Concat(taken, line)), m.r), m.r.Size())
}

// mboxMail is a mail while it is read.
type mboxMail struct {
	raw  []byte
	body int // where in raw the body begins; -1 in the header
	want int // what Content-Length says; -1 where it says nothing
	// inside is where in raw the first "From " line stands that by the length is
	// part of the body; -1 where there is none.
	inside int
	fresh  bool // a line begins here
	blank  bool // the line before was empty
	large  bool // there is more than is kept
}

// add takes a line, or as much of it as was read at once.
func (b *mboxMail) add(line []byte) {
	if len(b.raw)+len(line) > maxMail {
		b.large = true
	} else {
		b.raw = append(b.raw, line...)
	}
	text := bytes.TrimRight(line, "\r\n")
	if b.body < 0 && b.fresh {
		if name, value, ok := bytes.Cut(text, []byte(":")); ok && strings.EqualFold(string(name), "content-length") {
			if n, err := strconv.Atoi(string(bytes.TrimSpace(value))); err == nil && n >= 0 && n <= maxMail {
				b.want = n
			}
		}
		if len(text) == 0 {
			b.body = len(b.raw)
		}
	}
	b.blank = b.fresh && len(text) == 0
	b.fresh = bytes.HasSuffix(line, []byte("\n"))
}

// timeOfDay is what every writer of mbox files puts into the "From " line.
var timeOfDay = regexp.MustCompile(`[0-9]:[0-5][0-9]`)

// parts reports whether line is a "From " line that parts two mails: it tells a
// time, as they do, or follows an empty line.
func (b *mboxMail) parts(line []byte) bool {
	return bytes.HasPrefix(line, []byte(mboxLead)) && (b.blank || timeOfDay.Match(line))
}

// short reports whether by its length the mail goes on.
func (b *mboxMail) short() bool { return b.body >= 0 && len(b.raw)-b.body < b.want }

// exact reports whether the mail is as long as it says; what follows are ends of
// lines that belong to the file.
func (b *mboxMail) exact() bool {
	return b.body >= 0 && b.want >= 0 && len(b.raw)-b.body >= b.want && len(bytes.Trim(b.raw[b.body+b.want:], "\r\n")) == 0
}

// misled reports whether the length led past where a mail ended, and not to the end
// of one.
func (b *mboxMail) misled() bool { return b.inside >= 0 && !b.exact() }

// until is the mail cut off at i, with a length that is not believed.
func (b *mboxMail) until(i int) *mboxMail {
	b.raw, b.want, b.inside = b.raw[:i], -1, -1
	return b
}

// mail is the mail as it was before it was put into the file.
func (b *mboxMail) mail() []byte {
	if b.exact() {
		b.raw = b.raw[:b.body+b.want]
	} else if cut, ok := bytes.CutSuffix(b.raw, []byte("\n\n")); ok {
		b.raw = b.raw[:len(cut)+1]
	} else if cut, ok := bytes.CutSuffix(b.raw, []byte("\r\n\r\n")); ok {
		b.raw = b.raw[:len(cut)+2]
	}
	if b.inside < 0 && b.body >= 0 && b.body <= len(b.raw) {
		return append(b.raw[:b.body], unquoted(b.raw[b.body:])...)
	}
	return b.raw
}

// unquoted is body with one ">" taken from each line in which only such stand
// before "From ". It changes body.
func unquoted(body []byte) []byte {
	if !bytes.HasPrefix(body, []byte(">")) && !bytes.Contains(body, []byte("\n>")) {
		return body
	}
	out := body[:0]
	for line := range bytes.Lines(body) {
		if line[0] == '>' && bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte(mboxLead)) {
			line = line[1:]
		}
		out = append(out, line...)
	}
	return out
}
