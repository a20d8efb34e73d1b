package tlsrpt

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON (RFC 8259, and I-JSON of RFC 7493) token by token from a
// stream. Its buffer and the string at hand are all it holds of the text. After the
// first fault it is stopped: next answers 0 and every loop ends, so that callers need
// not ask after each token.
type scanner struct {
	src        io.Reader
	buf        []byte
	pos, end   int
	base       int // offset of buf[0] in the text
	line       int // of pos, from 1
	lineStart  int // offset of that line's first byte
	eof        bool
	fault      error
	faultPlace place
	scratch    []byte
}

// place is where something stands in the text, both from 1, columns in bytes.
type place struct{ line, column int }

const (
	bufferSize = 8 << 10
	// maxString bounds one string, in bytes: a policy of 64 KiB fits well.
	maxString = 1 << 20
	// maxNumber bounds the digits of one number.
	maxNumber = 400
)

func (s *scanner) reset(src io.Reader) {
	if s.buf == nil {
		s.buf = make([]byte, bufferSize)
	}
	*s = scanner{src: src, buf: s.buf, scratch: s.scratch[:0], line: 1}
}

// place returns where the next byte stands.
func (s *scanner) place() place { return place{s.line, s.base + s.pos - s.lineStart + 1} }

// stop ends the scan at where it is.
func (s *scanner) stop(format string, args ...any) { s.stopAt(s.place(), fmt.Errorf(format, args...)) }

func (s *scanner) stopAt(at place, err error) {
	if s.fault == nil {
		s.fault, s.faultPlace = err, at
	}
}

// fill replaces the consumed buffer. It reports whether there is a next byte.
func (s *scanner) fill() bool {
	if s.eof || s.fault != nil {
		return false
	}
	s.base += s.end
	s.pos, s.end = 0, 0
	for range 100 {
		n, err := s.src.Read(s.buf)
		s.end = n
		switch {
		case err == io.EOF:
			s.eof = true
		case err != nil:
			s.stopAt(s.place(), err)
		}
		if n > 0 || err != nil {
			return n > 0 && s.fault == nil
		}
	}
	s.stopAt(s.place(), io.ErrNoProgress)
	return false
}

// peek returns the next byte, and 0 at the end or after a fault.
func (s *scanner) peek() byte {
	if s.fault != nil || s.pos == s.end && !s.fill() {
		return 0
	}
	return s.buf[s.pos]
}

// next skips white space and returns the byte behind it without consuming it.
func (s *scanner) next() byte {
	for {
		switch c := s.peek(); c {
		case '\n':
			s.pos++
			s.line++
			s.lineStart = s.base + s.pos
		case ' ', '\t', '\r':
			s.pos++
		default:
			return c
		}
	}
}

// expect consumes c, which must come next but for white space.
func (s *scanner) expect(c byte) bool {
	if got := s.next(); got != c || s.fault != nil {
		s.unexpected(fmt.Sprintf("%q", c))
		return false
	}
	s.pos++
	return true
}

// unexpected stops at the next byte, where want should stand.
func (s *scanner) unexpected(want string) {
	switch {
	case s.fault != nil:
	case s.eof && s.pos == s.end:
		s.stop("the text ends where %s should stand", want)
	default:
		s.stop("%q stands where %s should", s.buf[s.pos], want)
	}
}

// plain tells the bytes that stand for themselves in a string.
var plain = func() (is [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		is[c] = c != '"' && c != '\\'
	}
	return is
}()

// str reads the string that comes next. The result is valid until the next read.
func (s *scanner) str() []byte {
	at := s.place()
	if !s.expect('"') {
		return nil
	}
	for i := s.pos; i < s.end; i++ { // most strings: whole in the buffer, plain
		if plain[s.buf[i]] {
			continue
		}
		if s.buf[i] != '"' {
			break
		}
		text := s.buf[s.pos:i]
		s.pos = i + 1
		return text
	}
	return s.longStr(at)
}

// longStr reads the rest of a string that began at the given place into scratch.
func (s *scanner) longStr(at place) []byte {
	s.scratch = s.scratch[:0]
	ascii := true
	for {
		c := s.peek()
		switch {
		case s.fault != nil:
			return nil
		case c == 0 && s.eof && s.pos == s.end:
			s.stopAt(at, errors.New("a string does not end"))
			return nil
		case c < ' ':
			s.stop("the control character 0x%02X stands in a string", c)
			return nil
		case c == '"':
			s.pos++
			if !ascii {
				s.checkText(at)
			}
			return s.scratch
		case c == '\\':
			s.pos++
			s.escape()
			ascii = false // an escape can make any character
		default:
			s.pos++
			s.scratch = append(s.scratch, c)
			ascii = ascii && c < utf8.RuneSelf
		}
		if len(s.scratch) > maxString {
			s.stopAt(at, fmt.Errorf("a string is longer than %d bytes", maxString))
			return nil
		}
	}
}

// checkText holds the string in scratch to I-JSON: UTF-8 without surrogates and
// noncharacters (RFC 7493 2.1).
func (s *scanner) checkText(at place) {
	for i := 0; i < len(s.scratch); {
		r, size := utf8.DecodeRune(s.scratch[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			s.stopAt(at, fmt.Errorf("a string has the byte 0x%02X, which is not UTF-8", s.scratch[i]))
			return
		case r&0xfffe == 0xfffe || 0xfdd0 <= r && r <= 0xfdef:
			s.stopAt(at, fmt.Errorf("a string has the noncharacter %U", r))
			return
		}
		i += size
	}
}

// escape reads what follows a backslash.
func (s *scanner) escape() {
	c := s.peek()
	if c == 0 {
		s.stop("a string ends in a backslash")
		return
	}
	s.pos++
	switch c {
	case '"', '\\', '/':
		s.scratch = append(s.scratch, c)
	case 'b':
		s.scratch = append(s.scratch, '\b')
	case 'f':
		s.scratch = append(s.scratch, '\f')
	case 'n':
		s.scratch = append(s.scratch, '\n')
	case 'r':
		s.scratch = append(s.scratch, '\r')
	case 't':
		s.scratch = append(s.scratch, '\t')
	case 'u':
		r := s.hex4()
		if utf16.IsSurrogate(r) {
			if s.peek() != '\\' {
				s.stop("a string has half of a surrogate pair")
				return
			}
			s.pos++
			if s.peek() != 'u' {
				s.stop("a string has half of a surrogate pair")
				return
			}
			s.pos++
			if r = utf16.DecodeRune(r, s.hex4()); r == utf8.RuneError {
				s.stop("a string has half of a surrogate pair")
				return
			}
		}
		s.scratch = utf8.AppendRune(s.scratch, r)
	default:
		s.stop("a string has the unknown escape \\%c", c)
	}
}

// hex4 reads the four digits of a \u escape.
func (s *scanner) hex4() rune {
	var r rune
	for range 4 {
		c := s.peek()
		if !hex(c) {
			s.stop("a \\u escape has fewer than four hexadecimal digits")
			return 0
		}
		s.pos++
		if c > '9' {
			c = c&^0x20 - 'A' + 10
		} else {
			c -= '0'
		}
		r = r<<4 | rune(c)
	}
	return r
}
