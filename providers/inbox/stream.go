package inbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"belay/rollout/tlsrpt"
)

// Stream is what comes on r, of which the first bytes tell what it is: one report,
// plain or compressed, a zip, a mail, or an mbox of any size. name is what it is
// called; it is read once. When an import is called off, the reading that is under
// way ends with the process: nobody else can end it.
func Stream(name string, r io.Reader) Source { return &stream{name: name, r: r} }

type stream struct {
	name string
	r    io.Reader
	seen atomic.Int64
}

func (s *stream) String() string { return s.name }

// Total is what was handed over: a stream does not say how much follows.
func (s *stream) Total() int { return int(s.seen.Load()) }

func (s *stream) Keep(context.Context, Kept) error { return nil }

func (s *stream) Mails(ctx context.Context, hand func(Mail) error) error {
	r := bufio.NewReaderSize(awaited(ctx, s.r), 64<<10)
	head, err := r.Peek(len(mboxLead))
	if err != nil && err != io.EOF {
		return fmt.Errorf("read %s: %w", s.name, err)
	}
	give := func(m Mail) error {
		s.seen.Add(1)
		return hand(m)
	}
	if string(head) == mboxLead {
		return eachMail(newMbox(r), func(raw []byte, n int, _ int64, err error) error {
			return give(Mail{Path: fmt.Sprintf("%s, mail %d", s.name, n), Mark: uint64(n), Raw: raw, Err: err})
		})
	}
	limit := maxMail
	if sniff(head) == formJSON {
		limit = tlsrpt.MaxReport
	}
	raw, err := readAll(r, limit)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return give(Mail{Path: s.name, Err: err})
	case len(bytes.TrimSpace(raw)) == 0:
		return give(Mail{Path: s.name, Err: errors.New("nothing came")})
	}
	return give(Mail{Path: s.name, Raw: raw, Bare: true})
}

// eachMail hands over the mails of an mbox, with their number from 1 and where each
// begins. A mail that is too large comes with its error and without bytes. It ends
// with hand's error, or with the reader's.
func eachMail(box *mbox, hand func(raw []byte, n int, start int64, err error) error) error {
	for n := 1; ; n++ {
		raw, start, err := box.next()
		switch {
		case err == io.EOF:
			return nil
		case err == nil && len(raw) == 0:
			err = errors.New("an empty mail")
		case err != nil && err != errLargeMail:
			return err
		}
		if err := hand(raw, n, start, err); err != nil {
			return err
		}
	}
}

// awaited is r, of which a Read ends with ctx. The read under way then goes on by
// itself, and nobody waits for it.
func awaited(ctx context.Context, r io.Reader) io.Reader {
	return &awaitedReader{ctx: ctx, r: r}
}

type awaitedReader struct {
	ctx  context.Context
	r    io.Reader
	left []byte // of what was read last
	err  error
}

func (a *awaitedReader) Read(p []byte) (int, error) {
	if len(a.left) == 0 && a.err == nil {
		type answer struct {
			b   []byte
			err error
		}
		came := make(chan answer, 1)
		go func() {
			b := make([]byte, 64<<10)
			n, err := a.r.Read(b)
			came <- answer{b[:n], err}
		}()
		select {
		case got := <-came:
			a.left, a.err = got.b, got.err
		case <-a.ctx.Done():
			a.err = a.ctx.Err()
		}
	}
	n := copy(p, a.left)
	a.left = a.left[n:]
	if n == 0 {
		return 0, a.err
	}
	return n, nil
}
