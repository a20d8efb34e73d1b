package tlsrpt

// Bounds of what a folding Decoder keeps of one report's failures. Honest senders
// write a handful of kinds; whoever makes up more is added up more coarsely.
const (
	// maxKinds is how many kinds of failure are kept whole.
	maxKinds = 1000
	// maxPlaces is how many more are kept by type and MX host alone.
	maxPlaces = 1000
	// maxTypes is how many more types a sender can make up. What comes after them is
	// of the type FoldedType.
	maxTypes = 32
	// maxDetail bounds the bytes of one text of a failure.
	maxDetail = 1 << 10
)

// FoldedType is the type of failures whose own a folding Decoder no longer keeps
// apart, because the report names too many that nobody has registered.
const FoldedType ResultType = "other"

// fold adds a failure to the one of its kind: one that differs in nothing but the
// number of sessions.
type fold struct {
	// at is where a kind stands in the policy's failures, once they are more than few.
	at map[Failure]int
}

// few is how many kinds are looked through one by one.
const few = 4

func (fo *fold) begin() {
	if fo.at == nil {
		fo.at = make(map[Failure]int)
	}
	if len(fo.at) > 0 {
		clear(fo.at)
	}
}

// find is where the kind f, which has no sessions, stands in failures.
func (fo *fold) find(failures []Failure, f Failure) (int, bool) {
	if len(failures) > few {
		i, ok := fo.at[f]
		return i, ok
	}
	for i, other := range failures {
		if other.Sessions = 0; other == f {
			return i, true
		}
	}
	return 0, false
}

// put notes that the kind f stands behind failures.
func (fo *fold) put(failures []Failure, f Failure) {
	if len(failures) < few {
		return
	}
	if len(failures) == few {
		for i, other := range failures {
			other.Sessions = 0
			fo.at[other] = i
		}
	}
	fo.at[f] = len(failures)
}

// add returns failures with f in it.
func (fo *fold) add(failures []Failure, f Failure) []Failure {
	n := f.Sessions
	f.Sessions = 0
	if i, ok := fo.find(failures, f); ok {
		failures[i].Sessions = min(failures[i].Sessions+n, maxCount)
		return failures
	}
	switch known := f.Type.Known(); {
	case len(failures) < maxKinds:
		f.ReceivingMX, f.ReceivingHELO = cut(f.ReceivingMX), cut(f.ReceivingHELO)
		f.AdditionalInfo, f.ReasonCode = cut(f.AdditionalInfo), cut(f.ReasonCode)
		f.Type = ResultType(cut(string(f.Type)))
	case len(failures) < maxKinds+maxPlaces && len(f.ReceivingMX) < maxDetail && len(f.Type) < maxDetail:
		f = Failure{Type: f.Type, ReceivingMX: f.ReceivingMX}
	case known, len(failures) < maxKinds+maxPlaces+maxTypes && len(f.Type) < maxDetail:
		f = Failure{Type: f.Type}
	default:
		f = Failure{Type: FoldedType}
	}
	if i, ok := fo.find(failures, f); ok {
		failures[i].Sessions = min(failures[i].Sessions+n, maxCount)
		return failures
	}
	fo.put(failures, f)
	f.Sessions = n
	return append(failures, f)
}

// cut bounds a text between two characters.
func cut(s string) string {
	if len(s) <= maxDetail {
		return s
	}
	n := maxDetail
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
