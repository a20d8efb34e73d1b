package inbox

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// An entity is a mail or one part of it (RFC 2045, RFC 2046), as slices of the mail
// that was read: nothing of it is copied until a body is decoded.
type entity struct {
	header []byte
	body   []byte // still encoded
}

// cutEntity takes a header and what stands behind the empty line apart. Where there
// is no such line, all is header.
func cutEntity(raw []byte) (entity, error) {
	rest := raw
	for len(rest) > 0 {
		i := bytes.IndexByte(rest, '\n') + 1
		if i == 0 {
			i = len(rest)
		}
		at := len(raw) - len(rest)
		if line := rest[:i]; line[0] == '\n' || line[0] == '\r' && len(bytes.TrimRight(line, "\r\n")) == 0 {
			return entity{header: raw[:at], body: rest[i:]}, nil
		}
		if at > maxHeader {
			return entity{}, fmt.Errorf("a header larger than %d MB", maxHeader>>20)
		}
		rest = rest[i:]
	}
	if len(raw) > maxHeader {
		return entity{}, fmt.Errorf("a header larger than %d MB", maxHeader>>20)
	}
	return entity{header: raw}, nil
}

// get is the value of the topmost field of this name on one line, and how many there
// are.
func (e entity) get(name string) (value string, n int) {
	for rest := e.header; len(rest) > 0; {
		// Most fields are another one: that is seen by their first bytes.
		if len(rest) > len(name) && foldsTo(rest[:len(name)], name) {
			f, after := field(rest)
			if v, ok := named(f, name); ok {
				if n++; n == 1 {
					value = unfolded(v)
				}
			}
			rest = after
			continue
		}
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
	}
	return value, n
}

// foldsTo compares ASCII without case.
func foldsTo(b []byte, name string) bool {
	for i := range b {
		if b[i]|0x20 != name[i]|0x20 {
			return false
		}
	}
	return true
}

// contentType is the media type, in lower case, with its parameters. A type that
// breaks the grammar is what stands before the first semicolon.
func (e entity) contentType() (kind string, params map[string]string) {
	value, _ := e.get("Content-Type")
	kind, params = mediaType(value)
	return kind, params
}

// mediaType reads a media type or disposition with parameters.
func mediaType(value string) (kind string, params map[string]string) {
	if !strings.Contains(value, ";") {
		return strings.ToLower(strings.TrimSpace(value)), nil
	}
	if kind, params, ok := plainMediaType(value); ok {
		return kind, params
	}
	kind, params, err := mime.ParseMediaType(value)
	if err != nil && kind == "" {
		kind, _, _ = strings.Cut(value, ";")
	}
	return strings.ToLower(strings.TrimSpace(kind)), params
}

// fileName is the attachment's name, from Content-Disposition or the type's
// parameters.
func (e entity) fileName(params map[string]string) string {
	if value, n := e.get("Content-Disposition"); n > 0 {
		if _, params := mediaType(value); params["filename"] != "" {
			return decodeWords(params["filename"])
		}
	}
	return decodeWords(params["name"])
}

func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	if d, err := new(mime.WordDecoder).DecodeHeader(s); err == nil {
		return d
	}
	return s
}

// decoded is the body with its transfer encoding undone; at most limit bytes. An
// encoding that nobody knows is taken for none.
func (e entity) decoded(limit int) ([]byte, error) {
	encoding, _ := e.get("Content-Transfer-Encoding")
	var body []byte
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		if base64.StdEncoding.DecodedLen(len(e.body)) > limit+limit/8 {
			return nil, tooLong(limit)
		}
		var err error
		if body, err = fromBase64(e.body); err != nil {
			return nil, err
		}
	case "quoted-printable":
		return readAll(quotedprintable.NewReader(bytes.NewReader(e.body)), limit)
	default:
		body = e.body
	}
	if len(body) > limit {
		return nil, tooLong(limit)
	}
	return body, nil
}

// fromBase64 decodes lines of base64.
func fromBase64(body []byte) ([]byte, error) {
	text := make([]byte, 0, len(body))
	for len(body) > 0 {
		line := body
		if i := bytes.IndexByte(body, '\n'); i >= 0 {
			line, body = body[:i], body[i+1:]
		} else {
			body = nil
		}
		text = append(text, bytes.Trim(line, " \t\r")...)
	}
	n, err := base64.StdEncoding.Decode(text, text)
	if err != nil {
		return nil, errors.New("it is not the base64 that it says it is")
	}
	return text[:n], nil
}

// parts hands out the parts of a multipart body in order, and stops with visit's
// error. Whatever stands before the first boundary and behind the last is no part; a
// body that ends before its last boundary ends its last part.
func parts(body []byte, boundary string, visit func(part []byte) error) error {
	delimiter := []byte("--" + boundary)
	inside := false
	start := 0 // of the part at hand
	for at := 0; at < len(body); {
		i := bytes.Index(body[at:], delimiter)
		if i < 0 {
			break
		}
		i += at
		at = i + len(delimiter)
		if i > 0 && body[i-1] != '\n' {
			continue // within a line
		}
		rest, last := bytes.CutPrefix(body[at:], []byte("--"))
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		if !last && len(bytes.Trim(line, " \t\r")) > 0 {
			continue // the line goes on
		}
		if inside {
			if err := visit(withoutLineEnd(body[start:i])); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
		inside, start = true, min(at+len(line)+1, len(body))
		at = start
	}
	if inside {
		return visit(body[start:])
	}
	return nil
}

// withoutLineEnd drops the line end that belongs to the boundary behind it.
func withoutLineEnd(part []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r"))
}

func tooLong(limit int) error { return fmt.Errorf("larger than %d MB", limit>>20) }

// readAll reads r, which may hold at most limit bytes.
func readAll(r io.Reader, limit int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(b) > limit {
		return nil, tooLong(limit)
	}
	return b, nil
}

// envelope reads who the mail says it is from. Of two From fields, or two addresses
// in one, nobody can say which is meant.
func (e entity) envelope() envelope {
	submitter, _ := e.get("TLS-Report-Submitter")
	out := envelope{submitter: strings.TrimSpace(submitter)}
	if from, n := e.get("From"); n == 1 {
		if domain, ok := plainFrom(from); ok {
			out.from = domain
		} else if list, err := mail.ParseAddressList(from); err == nil && len(list) == 1 {
			out.from = mailDomain(list[0].Address)
		}
	}
	return out
}
