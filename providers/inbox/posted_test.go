package inbox

import (
	"errors"
	"testing"
)

// TestWhatNoReportCanBeAboutIsNotTakenByHTTPS, as it is not out of a mailbox.
func TestWhatNoReportCanBeAboutIsNotTakenByHTTPS(t *testing.T) {
	for name, text := range unthinkable {
		s := &shelf{}
		if _, err := importer(s, nil).Posted(t.Context(), "https", []byte(text)); !errors.Is(err, ErrNoReport) || len(s.kept) != 0 {
			t.Errorf("%s: error %v, %d are kept", name, err, len(s.kept))
		}
	}
	s := &shelf{}
	if fresh, err := importer(s, nil).Posted(t.Context(), "https", []byte(reportOf("1", "corp.test"))); err != nil || !fresh || len(s.kept) != 1 {
		t.Errorf("of a day: fresh %t, error %v, %d are kept", fresh, err, len(s.kept))
	}
}
