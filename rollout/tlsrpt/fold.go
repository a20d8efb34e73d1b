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
	at map[Failure]int // where a kind stands in the policy's failures
}

func (fo *fold) begin() {
	if fo.at == nil {
		fo.at = make(map[Failure]int)
	}
	clear(fo.at)
}

// add returns failures with f in it.
func (fo *fold) add(failures []Failure, f Failure) []Failure {
	n := f.Sessions
	f.Sessions = 0
	if i, ok := fo.at[f]; ok {
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
	if i, ok := fo.at[f]; ok {
		failures[i].Sessions = min(failures[i].Sessions+n, maxCount)
		return failures
	}
	fo.at[f] = len(failures)
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
