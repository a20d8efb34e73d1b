package inbox

import "bytes"

// placedMail is a mail and where it stands: it is the one that was delivered, or came
// attached to that one.
type placedMail struct {
	raw       []byte
	forwarded bool
	kept      []byte // nil until it is asked for
}

func (w *mailWalk) placed(raw []byte, depth int) *placedMail {
	return &placedMail{raw: raw, forwarded: depth > 0}
}

// keep returns what is kept of a mail. One that was delivered is kept as it came. One
// that was forwarded is kept in a carrier, so that it is read for ever after as what
// it is: a mail whose whole header its sender wrote.
func (w *mailWalk) keep(m *placedMail) ([]byte, error) {
	switch {
	case m.kept != nil:
	case !m.forwarded:
		m.kept = m.raw
	default:
		kept := carried(w.delivered, m.raw)
		if err := w.copy(len(kept)); err != nil {
			return nil, err
		}
		m.kept = kept
	}
	return m.kept, nil
}

// carried is a mail that came attached to the delivered one, attached to a mail of
// nothing but the delivered one's topmost Received and Date: these say when it came
// in.
func carried(delivered, raw []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(raw) + 1<<10)
	head := headOf(delivered[:min(len(delivered), headerLooked)])
	for _, name := range []string{"Received", "Date"} {
		for _, f := range head.fields {
			if _, is := named(f, name); is {
				b.Write(bytes.TrimRight(f, "\r\n"))
				b.WriteString("\r\n")
				break
			}
		}
	}
	b.WriteString("Content-Type: message/rfc822\r\n\r\n")
	b.Write(raw)
	return b.Bytes()
}
