package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"time"
)

// Bounds of an inquiry.
const (
	inquiryTime = 5 * time.Second // in real time; the lab hangs up on a line that is silent for as long
	noticeSize  = 64 << 10        // bytes
	idleLines   = 32
)

// A door is where a visitor asks the lab. Its lines are used again and again: a
// look asks some hundred times where an address leads, and a connection for each
// would cost more than many an answer.
type door struct {
	address string
	idle    chan *line
}

// A line carries one inquiry at a time.
type line struct {
	net.Conn
	in  io.LimitedReader
	dec *json.Decoder
}

// inquire asks the lab one thing. A line on which the lab has hung up meanwhile is
// replaced by a new one.
func (d *door) inquire(ctx context.Context, q inquiry) (notice, error) {
	for {
		select {
		case l := <-d.idle:
			if n, err := d.ask(ctx, l, q); err == nil || ctx.Err() != nil {
				return n, d.failed(err)
			}
		default:
			dialing, cancel := context.WithTimeout(ctx, inquiryTime)
			var dialer net.Dialer
			conn, err := dialer.DialContext(dialing, "tcp", d.address)
			cancel()
			if err != nil {
				return notice{}, d.failed(err)
			}
			l := &line{Conn: conn, in: io.LimitedReader{R: conn}}
			l.dec = json.NewDecoder(&l.in)
			n, err := d.ask(ctx, l, q)
			return n, d.failed(err)
		}
	}
}

// ask puts q to the lab over l, and keeps l for the next inquiry where it answers.
func (d *door) ask(ctx context.Context, l *line, q inquiry) (n notice, err error) {
	ctx, cancel := context.WithTimeout(ctx, inquiryTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	l.in.N = noticeSize
	if err = json.NewEncoder(l).Encode(q); err == nil {
		err = l.dec.Decode(&n)
	}
	if !stop() || err != nil {
		l.Close()
		return n, err
	}
	select {
	case d.idle <- l:
	default:
		l.Close()
	}
	return n, nil
}

func (d *door) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ask the lab at %s: %w", d.address, err)
}
