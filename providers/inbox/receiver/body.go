package receiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

var (
	errNoPlace  = errors.New("no place became free")
	errTooLarge = errors.New("too large")
)

// unkept is why a body could not be collected here, which is not its sender's fault.
type unkept struct{ error }

// body reads what is posted. A small one comes straight into memory. A large one is
// collected in a file first, for its sender may be slow, and comes into memory when it
// is whole and none other is there: whoever sends slowly keeps nobody's place but his
// own. free gives back the room that it has in memory; it is nil with an error.
func (rc *Receiver) body(w http.ResponseWriter, r *http.Request) (body []byte, free func(), err error) {
	if !enter(r.Context(), rc.small) {
		return nil, nil, errNoPlace
	}
	leave := func() { <-rc.small }
	hurry(w, r, rc.patience.small)
	body, err = io.ReadAll(io.LimitReader(r.Body, smallBody))
	if err == nil && len(body) < smallBody && int64(len(body)) <= rc.o.Limits.Bytes {
		return body, leave, nil
	}
	leave()
	switch {
	case err != nil:
		return nil, nil, err
	case int64(len(body)) > rc.o.Limits.Bytes:
		return nil, nil, errTooLarge
	}
	return rc.largeBody(w, r, body)
}

// largeBody goes on where begun ends.
func (rc *Receiver) largeBody(w http.ResponseWriter, r *http.Request, begun []byte) (body []byte, free func(), err error) {
	if !enter(r.Context(), rc.collecting) {
		return nil, nil, errNoPlace
	}
	defer func() { <-rc.collecting }()
	f, err := os.CreateTemp("", "belay-report-*")
	if err != nil {
		return nil, nil, unkept{fmt.Errorf("collect a large report: %w", err)}
	}
	// Where the name of an open file can go, nothing is left of a belay that is killed.
	gone := os.Remove(f.Name()) == nil
	defer func() {
		f.Close()
		if !gone {
			_ = os.Remove(f.Name())
		}
	}()
	hurry(w, r, rc.patience.large)
	rest := &sent{body: io.LimitReader(r.Body, rc.o.Limits.Bytes+1-int64(len(begun)))}
	size, err := io.Copy(f, io.MultiReader(bytes.NewReader(begun), rest))
	switch {
	case rest.err != nil:
		return nil, nil, rest.err
	case err != nil:
		return nil, nil, unkept{fmt.Errorf("collect a large report: %w", err)}
	case size > rc.o.Limits.Bytes:
		return nil, nil, errTooLarge
	}
	if !enter(r.Context(), rc.large) {
		return nil, nil, errNoPlace
	}
	body = make([]byte, size)
	if _, err := f.ReadAt(body, 0); err != nil {
		<-rc.large
		return nil, nil, unkept{fmt.Errorf("collect a large report: %w", err)}
	}
	return body, func() { <-rc.large }, nil
}

// sent tells an error of the sender's from one of the file that takes what he sends.
type sent struct {
	body io.Reader
	err  error
}

func (s *sent) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// hurry gives a client so long to send what is read of it next: a place is not for
// whoever lets it wait. Where the connection takes no deadline, that of the server
// stands.
func hurry(w http.ResponseWriter, r *http.Request, within time.Duration) {
	ctx, cancel := context.WithTimeout(r.Context(), within)
	defer cancel()
	if end, ok := ctx.Deadline(); ok {
		_ = http.NewResponseController(w).SetReadDeadline(end)
	}
}
