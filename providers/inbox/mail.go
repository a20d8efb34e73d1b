package inbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"belay/rollout/finding"
	"belay/rollout/tlsrpt"

	"github.com/emersion/go-message"
)

// Bounds of a mail. Reports come in mails of two parts.
const (
	maxMail   = 20 << 20 // bytes on disk
	maxHeader = 1 << 20  // bytes of one header
	maxParts  = 100      // parts in all, nested ones included
	maxDepth  = 8        // multiparts and mails within one another
)

// An envelope is what a mail's header says of its sender.
type envelope struct {
	submitter string // TLS-Report-Submitter (RFC 8460 section 5.3)
	from      string // the domain of From
}

// An attachment is one part of a mail that may be a report.
type attachment struct {
	// raw is the mail in which it stands, as it came: the bytes that a signature
	// is over. A forwarded mail is a mail of its own.
	raw      []byte
	envelope envelope
	name     string // the file name, a hint and never a path
	body     []byte // transfer encoding undone
}

// attachments finds the parts of a mail that may be reports, in order. The error
// says why there is none, or why the mail could not be read to its end; what was
// found before it is returned beside it.
func attachments(raw []byte) ([]attachment, error) {
	w := mailWalk{}
	err := w.mail(raw, 0)
	if err == nil && len(w.found) == 0 {
		err = errors.New("no TLS report in this mail")
	}
	return w.found, err
}

type mailWalk struct {
	found []attachment
	parts int
}

func (w *mailWalk) mail(raw []byte, depth int) error {
	e, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: maxHeader})
	if err != nil && !readable(err) {
		return fmt.Errorf("read mail header: %w", err)
	}
	if e.Header.Len() == 0 {
		return errors.New("not a mail: it has no header")
	}
	return w.entity(e, mailPart{raw: raw, envelope: readEnvelope(e.Header), alone: true}, depth)
}

// mailPart is where an entity stands.
type mailPart struct {
	raw      []byte
	envelope envelope
	alone    bool // it is the whole mail
}

func (w *mailWalk) entity(e *message.Entity, at mailPart, depth int) error {
	if w.parts++; w.parts > maxParts {
		return fmt.Errorf("more than %d parts", maxParts)
	}
	if depth > maxDepth {
		return fmt.Errorf("parts within parts more than %d deep", maxDepth)
	}
	if parts := e.MultipartReader(); parts != nil {
		defer parts.Close()
		at.alone = false
		for {
			part, err := parts.NextPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil && !readable(err) {
				return fmt.Errorf("read part %d: %w", w.parts+1, err)
			}
			if err := w.entity(part, at, depth+1); err != nil {
				return err
			}
		}
	}
	kind, _, _ := e.Header.ContentType()
	if kind = strings.ToLower(kind); kind == "message/rfc822" {
		inner, err := readAll(e.Body, maxMail)
		if err != nil {
			return fmt.Errorf("read the mail in part %d: %w", w.parts, err)
		}
		return w.mail(inner, depth+1)
	}
	return w.leaf(e, kind, at)
}

// leaf takes a part that is a report by its type, else by its name, else by its
// first bytes; senders and gateways get any of the three wrong.
func (w *mailWalk) leaf(e *message.Entity, kind string, at mailPart) error {
	name := fileName(e.Header)
	prose := strings.HasPrefix(kind, "text/") || kind == ""
	if !reportType(kind) && !reportName(name) && prose && !at.alone {
		return nil
	}
	body, err := readAll(e.Body, tlsrpt.MaxReport)
	if err != nil {
		return fmt.Errorf("read part %d (%s): %w", w.parts, finding.Clean(kind, 60), err)
	}
	if !reportType(kind) && !reportName(name) && sniff(body) == "" {
		return nil
	}
	w.found = append(w.found, attachment{raw: at.raw, envelope: at.envelope, name: name, body: body})
	return nil
}

// readable reports whether an entity can be read in spite of err.
func readable(err error) bool {
	return message.IsUnknownCharset(err) || message.IsUnknownEncoding(err)
}

// readAll reads r, which may hold at most limit bytes.
func readAll(r io.Reader, limit int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(b) > limit {
		return nil, fmt.Errorf("larger than %d MB", limit>>20)
	}
	return b, nil
}

func readEnvelope(h message.Header) envelope {
	return envelope{
		submitter: strings.TrimSpace(h.Get("TLS-Report-Submitter")),
		from:      fromDomain(h.Get("From")),
	}
}

// fromDomain is the domain of the one address in a From field; two addresses
// say nothing certain.
func fromDomain(field string) string {
	list, err := parseAddresses(field)
	if err != nil || len(list) != 1 {
		return ""
	}
	return mailDomain(list[0].Address)
}

// fileName is the attachment's name, from Content-Disposition or the type.
func fileName(h message.Header) string {
	if _, params, err := h.ContentDisposition(); err == nil && params["filename"] != "" {
		return decodeWords(params["filename"])
	}
	_, params, err := h.ContentType()
	if err != nil {
		return ""
	}
	return decodeWords(params["name"])
}

func decodeWords(s string) string {
	if d, err := new(mime.WordDecoder).DecodeHeader(s); err == nil {
		return d
	}
	return s
}
