package dns

import (
	"strings"
	"testing"
	"time"

	"belay/rollout"
)

func newStubborn(panics bool, patience time.Duration) (*remote, *stubborn) {
	s := &stubborn{release: make(chan struct{}), panics: panics}
	return &remote{
		source: s, o: Options{Domain: "corp.test", Patience: patience}, secrets: []string{"hunter2"},
		seat: make(seat, 1), zones: map[string]Zone{}, waiting: map[string]*reading{},
	}, s
}

func create() rollout.Edit {
	return rollout.Edit{ID: "e1", Kind: rollout.Record, Name: "_mta-sts.corp.test", Type: "TXT", After: rollout.Records("v=STSv1; id=1;")}
}

// TestAWriteThatDoesNotEndIsUnknown: it may still land, so it is neither done nor
// undone. Only the write is given little time.
func TestAWriteThatDoesNotEndIsUnknown(t *testing.T) {
	a, s := newStubborn(false, time.Minute)
	s.read = func() { a.o.Patience = 20 * time.Millisecond }
	defer close(s.release)
	r, err := a.Apply(t.Context(), create())
	if r.Outcome != rollout.Unknown || err == nil || r.EditID != "e1" {
		t.Errorf("receipt %+v, %v", r, err)
	}
}

func TestALibraryThatPanicsCostsOneEdit(t *testing.T) {
	a, _ := newStubborn(true, time.Minute)
	r, err := a.Apply(t.Context(), create())
	if r.Outcome != rollout.Unknown || err == nil || !strings.Contains(r.Detail, "broke down") {
		t.Errorf("receipt %+v, %v", r, err)
	}
}
