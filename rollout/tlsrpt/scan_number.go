package tlsrpt

import (
	"errors"
	"fmt"
)

// number reads the number that comes next as it is written. The result is valid
// until the next read.
func (s *scanner) number() []byte {
	at := s.place()
	s.scratch = s.scratch[:0]
	take := func() {
		s.scratch = append(s.scratch, s.buf[s.pos])
		s.pos++
	}
	digits := func() (n int) {
		for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
			take()
			if n++; n > maxNumber {
				s.stopAt(at, fmt.Errorf("a number has more than %d digits", maxNumber))
				return n
			}
		}
		return n
	}
	if s.peek() == '-' {
		take()
	}
	start := len(s.scratch)
	if digits() == 0 {
		s.unexpected("a digit")
		return nil
	}
	if s.scratch[start] == '0' && len(s.scratch) > start+1 {
		s.stopAt(at, errors.New("a number has a leading zero"))
		return nil
	}
	if s.peek() == '.' {
		take()
		if digits() == 0 {
			s.unexpected("a digit")
			return nil
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		take()
		if c := s.peek(); c == '+' || c == '-' {
			take()
		}
		if digits() == 0 {
			s.unexpected("a digit")
			return nil
		}
	}
	return s.scratch
}

// literal reads the word true, false or null.
func (s *scanner) literal() {
	at := s.place()
	s.scratch = s.scratch[:0]
	for c := s.peek(); 'a' <= c && c <= 'z' && len(s.scratch) < 6; c = s.peek() {
		s.scratch = append(s.scratch, c)
		s.pos++
	}
	switch string(s.scratch) {
	case "true", "false", "null":
		return
	}
	if s.fault == nil {
		s.stopAt(at, errors.New("this is not JSON: a value should stand here"))
	}
}
