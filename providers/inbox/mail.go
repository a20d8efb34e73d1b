package inbox

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"belay/rollout/finding"
	"belay/rollout/tlsrpt"
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
	raw []byte
	// forwarded says that raw came attached to the mail that was delivered. Then its
	// sender wrote all of raw, and no field in it is the operator's own server's.
	forwarded bool
	// kept is what is kept of the mail that was delivered, and what says when it came
	// in: raw, or where it was forwarded, raw in its carrier.
	kept     []byte
	envelope envelope
	name     string // the file name, a hint and never a path
	body     []byte // transfer encoding undone
}

// attachments finds the parts of a mail that may be reports, in order. The error
// says why there is none, or why the mail could not be read to its end; what was
// found before it is returned beside it.
func attachments(raw []byte) ([]attachment, error) {
	w := mailWalk{delivered: raw}
	err := w.mail(raw, 0)
	if err == nil && len(w.found) == 0 {
		err = errors.New("no TLS report in this mail")
	}
	return w.found, err
}

type mailWalk struct {
	delivered []byte
	found     []attachment
	parts     int
	copied    int // bytes of mails within the mail that had to be decoded, or carried
}

func (w *mailWalk) mail(raw []byte, depth int) error {
	e, err := cutEntity(raw)
	if err != nil {
		return fmt.Errorf("read mail header: %w", err)
	}
	if i := bytes.IndexByte(e.header, ':'); i <= 0 {
		return errors.New("not a mail: it has no header")
	}
	return w.entity(e, mailPart{in: w.placed(raw, depth), envelope: e.envelope(), alone: true}, depth)
}

// mailPart is where an entity stands.
type mailPart struct {
	in       *placedMail
	envelope envelope
	alone    bool // it is the whole mail
}

func (w *mailWalk) entity(e entity, at mailPart, depth int) error {
	if w.parts++; w.parts > maxParts {
		return fmt.Errorf("more than %d parts", maxParts)
	}
	if depth > maxDepth {
		return fmt.Errorf("parts within parts more than %d deep", maxDepth)
	}
	kind, params := e.contentType()
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		at.alone = false
		if params["boundary"] == "" {
			return fmt.Errorf("part %d (%s) names no boundary", w.parts, finding.Clean(kind, 60))
		}
		return parts(e.body, params["boundary"], func(raw []byte) error {
			part, err := cutEntity(raw)
			if err != nil {
				return fmt.Errorf("read part %d: %w", w.parts+1, err)
			}
			return w.entity(part, at, depth+1)
		})
	case kind == "message/rfc822":
		inner, err := e.decoded(maxMail)
		if err != nil {
			return fmt.Errorf("read the mail in part %d: %w", w.parts, err)
		}
		if encoding, _ := e.get("Content-Transfer-Encoding"); len(inner) != len(e.body) || encoding != "" {
			if err := w.copy(len(inner)); err != nil {
				return err
			}
		}
		return w.mail(inner, depth+1)
	}
	return w.leaf(e, kind, params, at)
}

// leaf takes a part that is a report by its type, else by its name, else by its
// first bytes; senders and gateways get any of the three wrong.
func (w *mailWalk) leaf(e entity, kind string, params map[string]string, at mailPart) error {
	name := e.fileName(params)
	prose := strings.HasPrefix(kind, "text/") || kind == ""
	if !reportType(kind) && !reportName(name) && prose && !at.alone {
		return nil
	}
	body, err := e.decoded(tlsrpt.MaxReport)
	if err != nil {
		return fmt.Errorf("read part %d (%s): %w", w.parts, finding.Clean(kind, 60), err)
	}
	if !reportType(kind) && !reportName(name) && sniff(body) == "" {
		return nil
	}
	kept, err := w.keep(at.in)
	if err != nil {
		return fmt.Errorf("keep the mail of part %d: %w", w.parts, err)
	}
	w.found = append(w.found, attachment{
		raw: at.in.raw, forwarded: at.in.forwarded, kept: kept,
		envelope: at.envelope, name: name, body: body,
	})
	return nil
}

// copy counts bytes that are copied out of the mail, which a hostile one could have
// copied many times over.
func (w *mailWalk) copy(n int) error {
	if w.copied += n; w.copied > maxMail {
		return errors.New("mails within mails of more than a mail's size")
	}
	return nil
}
