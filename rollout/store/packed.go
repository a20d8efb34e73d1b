package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"belay/rollout"
	"belay/rollout/tlsrpt"
)

// The sums of the periods that end at one moment, packed: the format's number, the
// texts that occur in them, each once, and the sums, which name texts by their
// number. Numbers are varints of package binary: those that can be negative are
// signed.
//
//	1, texts, (length, bytes)..., sums, failures in all, sum...
//	sum     = seconds from begin to end, standing, signer, submitter, source, policy type,
//	          policy text, reports, success, failure, unexplained, timed, late, failures, failure...
//	failure = type, mx, ip, reason, count
const packFormat = 1

// packSums packs the sums of periods that end at one moment.
func packSums(days []rollout.ReportDay) []byte {
	p := packer{numbers: make(map[string]uint64, 8), texts: make([]byte, 0, 256), sums: make([]byte, 0, 128)}
	failures := 0
	for _, d := range days {
		failures += len(d.Failures)
		p.sums = binary.AppendVarint(p.sums, d.Ends.Unix()-d.Begins.Unix())
		for _, text := range []string{string(d.Standing), d.Signer, d.Submitter, d.Source, d.PolicyType, d.PolicyText} {
			p.text(text)
		}
		for _, n := range []int64{int64(d.Reports), d.Success, d.Failure, d.Unexplained, int64(d.Timed), d.Late} {
			p.sums = binary.AppendVarint(p.sums, n)
		}
		p.sums = binary.AppendUvarint(p.sums, uint64(len(d.Failures)))
		for _, f := range d.Failures {
			for _, text := range []string{string(f.Type), f.MX, f.IP, f.Reason} {
				p.text(text)
			}
			p.sums = binary.AppendVarint(p.sums, f.Count)
		}
	}
	out := binary.AppendUvarint([]byte{packFormat}, uint64(len(p.numbers)))
	out = append(out, p.texts...)
	out = binary.AppendUvarint(out, uint64(len(days)))
	out = binary.AppendUvarint(out, uint64(failures))
	return append(out, p.sums...)
}

// packer gathers the texts and the sums.
type packer struct {
	numbers     map[string]uint64
	texts, sums []byte
}

func (p *packer) text(s string) {
	n, ok := p.numbers[s]
	if !ok {
		n = uint64(len(p.numbers))
		p.numbers[s] = n
		p.texts = binary.AppendUvarint(p.texts, uint64(len(s)))
		p.texts = append(p.texts, s...)
	}
	p.sums = binary.AppendUvarint(p.sums, n)
}

// errPacked says that packed sums are damaged.
var errPacked = errors.New("the packed sums are damaged")

// unpacker reads packed sums, of which a text that occurs in many is kept once.
type unpacker struct {
	known map[string]string
	rest  []byte
	texts []string
	err   error
}

func newUnpacker() *unpacker { return &unpacker{known: map[string]string{}} }

// unpack appends to days the sums that packSums made of those that end at ends.
func (u *unpacker) unpack(days []rollout.ReportDay, ends int64, packed []byte) ([]rollout.ReportDay, error) {
	u.rest, u.texts, u.err = packed, u.texts[:0], nil
	if format := u.natural(); format != packFormat {
		return days, fmt.Errorf("%w: their format is %d", errPacked, format)
	}
	for range u.length() {
		u.texts = append(u.texts, u.keep(u.bytes(u.length())))
	}
	end := fromUnix(ends)
	sums := u.length()
	// All failures stand in one piece of memory, of which each sum has its part.
	failures := make([]rollout.FailureCount, 0, u.length())
	for range sums {
		d := rollout.ReportDay{Begins: fromUnix(ends - u.integer()), Ends: end, Standing: rollout.Standing(u.text()),
			Signer: u.text(), Submitter: u.text(), Source: u.text(), PolicyType: u.text(), PolicyText: u.text(),
			Reports: int(u.integer()), Success: u.integer(), Failure: u.integer(), Unexplained: u.integer(),
			Timed: int(u.integer()), Late: u.integer()}
		if n := u.length(); n > 0 {
			if n > cap(failures)-len(failures) {
				u.err = errPacked
				break
			}
			first := len(failures)
			for range n {
				failures = append(failures, rollout.FailureCount{Type: tlsrpt.ResultType(u.text()), MX: u.text(), IP: u.text(), Reason: u.text(), Count: u.integer()})
			}
			d.Failures = failures[first:len(failures):len(failures)]
		}
		if u.err != nil {
			break
		}
		days = append(days, d)
	}
	if u.err == nil && len(u.rest) > 0 {
		u.err = fmt.Errorf("%w: %d bytes follow them", errPacked, len(u.rest))
	}
	return days, u.err
}

// keep is b as a text that is shared with those met before.
func (u *unpacker) keep(b []byte) string {
	if s, ok := u.known[string(b)]; ok {
		return s
	}
	s := string(b)
	u.known[s] = s
	return s
}

func (u *unpacker) natural() uint64 {
	n, size := binary.Uvarint(u.rest)
	return take(u, n, size)
}

func (u *unpacker) integer() int64 {
	n, size := binary.Varint(u.rest)
	return take(u, n, size)
}

// take is n, which takes size bytes of the rest.
func take[N uint64 | int64](u *unpacker, n N, size int) N {
	if u.err != nil || size <= 0 {
		u.err = errPacked
		return 0
	}
	u.rest = u.rest[size:]
	return n
}

// length is a number of things that follow, each at least a byte long.
func (u *unpacker) length() int {
	n := u.natural()
	if n > uint64(len(u.rest)) {
		u.err = errPacked
		return 0
	}
	return int(n)
}

func (u *unpacker) bytes(n int) []byte {
	if u.err != nil {
		return nil
	}
	b := u.rest[:n]
	u.rest = u.rest[n:]
	return b
}

func (u *unpacker) text() string {
	n := u.natural()
	if n >= uint64(len(u.texts)) {
		u.err = errPacked
		return ""
	}
	return u.texts[n]
}
